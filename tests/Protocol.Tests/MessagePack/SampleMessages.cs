using System.Collections.Immutable;
using Athanor.Protocol;

namespace Protocol.Tests;

public enum Phase
{
    Warm,
    Full = 5,
    Cold = -3,
}

[Flags]
public enum Marks : byte
{
    None = 0,
    Left = 1,
    Right = 2,
}

[MessagePart]
public readonly record struct Point([property: Key(0)] double X, [property: Key(1)] double Y);

/// <summary>A part that holds itself, with a key given on the parameter and one on an init property.</summary>
[MessagePart]
public sealed record Tree([Key(0)] string Name, [property: Key(1)] ImmutableArray<Tree> Children)
{
    [Key(4)]
    public Point? Place { get; init; }

    public int Count => 1 + Children.Sum(child => child.Count);
}

/// <summary>One of each type that a message can hold.</summary>
[Message("test.everything")]
public sealed record Everything : IEvent
{
    [Key(0)] public bool Bool { get; init; }
    [Key(1)] public int Int { get; init; }
    [Key(2)] public long Long { get; init; }
    [Key(3)] public uint UInt { get; init; }
    [Key(4)] public ulong ULong { get; init; }
    [Key(5)] public float Float { get; init; }
    [Key(6)] public double Double { get; init; }
    [Key(7)] public required string String { get; init; }
    [Key(8)] public Guid Guid { get; init; }
    [Key(9)] public byte[] Bytes { get; init; } = [];
    [Key(10)] public float[] Floats { get; init; } = [];
    [Key(11)] public double[] Doubles { get; init; } = [];
    [Key(12)] public int[] Ints { get; init; } = [];
    [Key(13)] public long[] Longs { get; init; } = [];
    [Key(14)] public DateTimeOffset Time { get; init; }
    [Key(15)] public TimeSpan Span { get; init; }
    [Key(16)] public Phase Phase { get; init; }
    [Key(17)] public Marks Marks { get; init; }
    [Key(18)] public ImmutableArray<string> Names { get; init; } = [];
    [Key(19)] public ImmutableSortedDictionary<string, double> Map { get; init; } = ImmutableSortedDictionary<string, double>.Empty;
    [Key(20)]
    public ImmutableSortedDictionary<int, ImmutableArray<Point>> Lists { get; init; } =
        ImmutableSortedDictionary<int, ImmutableArray<Point>>.Empty;
    [Key(21)] public ImmutableSortedDictionary<long, string?> Words { get; init; } = ImmutableSortedDictionary<long, string?>.Empty;
    [Key(22)] public int? MaybeInt { get; init; }
    [Key(23)] public string? MaybeString { get; init; }
    [Key(24)] public Point? MaybePoint { get; init; }
    [Key(25)] public Tree? MaybeTree { get; init; }
    [Key(26)] public double[]? MaybeDoubles { get; init; }
    [Key(27)] public ImmutableArray<Point?> Points { get; init; } = [];
    [Key(28)] public ICommand? Command { get; init; }
    [Key(29)] public ImmutableArray<IMessage> Messages { get; init; } = [];
    [Key(30)] public Done? Done { get; init; }
    [Key(31)] public ImmutableArray<double[]> Rows { get; init; } = [];
    [Key(32)] public ImmutableArray<int>? MaybeArray { get; init; }
    [Key(300)] public EntityAddress Address { get; init; } = EntityAddress.Of("twins", "a");
}

/// <summary>What <see cref="Grown"/> was before it grew.</summary>
[Message("test.small")]
internal sealed record Small([property: Key(1)] string Name) : ICommand;

/// <summary>A later layout of the same message: keys added, each with a default when it is absent.</summary>
[Message("test.grown")]
internal sealed record Grown(
    [property: Key(0)] ImmutableArray<int> Added,
    [property: Key(1)] string Name,
    [property: Key(2)] double Rate = 0.5,
    [property: Key(3)] string Pool = "cpu",
    [property: Key(4)] Phase Phase = Phase.Full,
    [property: Key(5)] int? Limit = 7,
    [property: Key(6)] string? Note = null,
    [property: Key(7)] ImmutableSortedDictionary<string, int>? Counts = null,
    [property: Key(8)] ulong Seed = 18446744073709551615,
    [property: Key(9)] float Factor = 1.5f) : ICommand;

/// <summary>A state in more than 64 keys' reach, as a struct.</summary>
[Message("test.value", version: 2)]
internal readonly record struct Value([property: Key(70)] long @long, [property: Key(2)] int Other) : IState;

internal static class Outer
{
    [Message("test.nested")]
    internal sealed record Nested([property: Key(0)] IWorkResult Result) : IWork;

    [Message("test.result")]
    internal sealed record Result([property: Key(0)] int Value) : IWorkResult;
}
