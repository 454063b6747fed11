using System.Collections.Immutable;
using Athanor.Protocol;

namespace Protocol.Tests;

public class RegistryTests
{
    internal static readonly MessageRegistry Messages = MessageRegistry.Of(ProtocolMessages.AddTo, TestsMessages.AddTo);

    internal static Everything Full => new()
    {
        Bool = true,
        Int = int.MinValue,
        Long = long.MaxValue,
        UInt = uint.MaxValue,
        ULong = ulong.MaxValue,
        Float = 1.5f,
        Double = -0.1,
        String = "Ähre 🌾",
        Guid = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
        Bytes = [1, 2, 255],
        Floats = [0.1f, float.NaN],
        Doubles = [1, -0.0, double.PositiveInfinity],
        Ints = [-1, 70000],
        Longs = [1L << 40],
        Time = new DateTimeOffset(2026, 3, 1, 12, 0, 0, 125, TimeSpan.Zero),
        Span = TimeSpan.FromMilliseconds(-1.5),
        Phase = Phase.Cold,
        Marks = Marks.Left | Marks.Right,
        Names = ["b", "a"],
        Map = ImmutableSortedDictionary.CreateRange([KeyValuePair.Create("z", 1.0), KeyValuePair.Create("B", 2.0)]),
        Lists = ImmutableSortedDictionary<int, ImmutableArray<Point>>.Empty.Add(-5, [new(1, 2)]).Add(3, []),
        Words = ImmutableSortedDictionary<long, string?>.Empty.Add(9, null).Add(-9, "w"),
        MaybeInt = 0,
        MaybeString = "",
        MaybePoint = new Point(3, 4),
        MaybeTree = new Tree("root", [new Tree("leaf", []) { Place = new Point(5, 6) }]),
        MaybeDoubles = [],
        Points = [null, new Point(7, 8)],
        Command = new WorkCompleted("w", new Outer.Result(4), ["hash"]),
        Messages = [new Done(), new Rejected("invalid", "because")],
        Done = new Done(),
        Rows = [[1], []],
        MaybeArray = [1, 2],
    };

    [Fact]
    public void A_message_of_every_type_comes_back_with_the_same_bytes()
    {
        var bytes = Messages.Encode(Full);
        var back = (Everything)Messages.Decode("test.everything", 1, bytes);
        Assert.Equal(bytes, Messages.Encode(back));
        Assert.Equal("Ähre 🌾", back.String);
        Assert.Equal("leaf", back.MaybeTree!.Children[0].Name);
        Assert.Equal(new Point(5, 6), back.MaybeTree.Children[0].Place);
        Assert.Equal(new Outer.Result(4), ((WorkCompleted)back.Command!).Result);
        Assert.True(back.Points.SequenceEqual(Full.Points));
        Assert.Equal(Full.Time, back.Time);
        Assert.Equal(["B", "z"], back.Map.Keys);
        Assert.True(double.IsNegative(back.Doubles[1]));
    }

    [Fact]
    public void A_message_with_nothing_in_it_comes_back()
    {
        var empty = new Everything { String = "", Names = default, Points = default };
        var bytes = Messages.EncodeEnvelope(empty);
        var back = (Everything)Messages.DecodeEnvelope(bytes);
        Assert.Equal(bytes, Messages.EncodeEnvelope(back));
        Assert.Empty(back.Names);
        Assert.Null(back.MaybeTree);
        Assert.Null(back.MaybeInt);
    }

    [Fact]
    public void A_message_in_another_assembly_or_nested_or_a_struct_has_its_kind_and_version()
    {
        Assert.Equal("std.work-completed", Messages.KindOf(new WorkCompleted("w", new Outer.Result(1), [])));
        var nested = new Outer.Nested(new Outer.Result(3));
        Assert.Equal(nested, Messages.DecodeEnvelope(Messages.EncodeEnvelope(nested)));
        var value = new Value(-1, 2);
        Assert.Equal(2, Messages.VersionOf(value));
        Assert.Equal(value, Messages.DecodeEnvelope(Messages.EncodeEnvelope(value)));
    }
}
