using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using Athanor.Protocol;

namespace Protocol.Tests;

/// <summary>
/// Makes the same sample of a message type in every run: each member, optional ones too, gets a value that depends on nothing but the
/// member's place. So a new kind needs no code to have golden bytes.
/// </summary>
internal sealed class SampleFactory
{
    private const int MaxDepth = 4;
    private static readonly NullabilityInfoContext Nullability = new();
    private int _next;

    public static IMessage Make(Type type) => (IMessage)new SampleFactory().Object(type, 0);

    private object Object(Type type, int depth)
    {
        var parameters = type.GetConstructors(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance)
            .Where(constructor => constructor.GetParameters() is not [var only] || only.ParameterType != type)
            .MaxBy(constructor => constructor.GetParameters().Length)?.GetParameters() ?? [];
        var values = parameters.Select(parameter => Member(parameter.ParameterType, Nullability.Create(parameter), depth)).ToArray();
        var sample = Activator.CreateInstance(
            type, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance, null, values, null)!;
        foreach (var property in type.GetProperties().Where(p => p.GetCustomAttribute<KeyAttribute>() is not null && p.CanWrite)
            .Where(p => parameters.All(parameter => parameter.Name != p.Name))
            .OrderBy(p => p.GetCustomAttribute<KeyAttribute>()!.Key))
        {
            property.SetValue(sample, Member(property.PropertyType, Nullability.Create(property), depth));
        }
        return sample;
    }

    private object? Member(Type type, NullabilityInfo nullability, int depth) =>
        depth > MaxDepth && nullability.WriteState == NullabilityState.Nullable ? null : Value(type, depth);

    private object Value(Type type, int depth)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        var n = ++_next;
        if (type == typeof(bool)) return n % 2 == 1;
        if (type == typeof(int)) return n * 1000;
        if (type == typeof(long)) return n * -10_000_000_000L;
        if (type == typeof(uint)) return (uint)n * 100_000_000;
        if (type == typeof(ulong)) return ulong.MaxValue - (ulong)n;
        if (type == typeof(float)) return n + 0.1f;
        if (type == typeof(double)) return n + 0.1;
        if (type == typeof(string)) return $"text {n} ä";
        if (type == typeof(Guid)) return new Guid(n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        if (type == typeof(DateTimeOffset)) return new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(n);
        if (type == typeof(TimeSpan)) return TimeSpan.FromMilliseconds(n + 0.5);
        if (type == typeof(byte[])) return new byte[] { (byte)n, 255 };
        if (type == typeof(float[])) return new[] { n + 0.1f, -n };
        if (type == typeof(double[])) return new[] { n + 0.1, -n };
        if (type == typeof(int[])) return new[] { n, -n * 1000 };
        if (type == typeof(long[])) return new[] { n, n * 10_000_000_000L };
        if (type.IsEnum) return Enum.GetValues(type) is { Length: > 1 } values ? values.GetValue(1)! : Enum.ToObject(type, 0);
        if (type.IsInterface) return new AnyMessage(n);
        if (!type.IsGenericType) return Object(type, depth + 1);
        return type.GetGenericTypeDefinition() == typeof(ImmutableArray<>) ? Array(type, depth) : Map(type, depth);
    }

    private object Array(Type type, int depth)
    {
        var item = type.GetGenericArguments()[0];
        var items = System.Array.CreateInstance(item, depth > MaxDepth ? 0 : 2);
        for (var i = 0; i < items.Length; i++) items.SetValue(Value(item, depth + 1), i);
        return typeof(ImmutableArray).GetMethods().Single(method => method.Name == "Create" && method.GetParameters() is [var only]
                && only.ParameterType.IsArray)
            .MakeGenericMethod(item).Invoke(null, [items])!;
    }

    private object Map(Type type, int depth)
    {
        var arguments = type.GetGenericArguments();
        var items = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(arguments))!;
        for (var i = depth > MaxDepth ? 2 : 0; i < 2; i++) items.Add(Value(arguments[0], depth), Value(arguments[1], depth + 1));
        return typeof(ImmutableSortedDictionary).GetMethods()
            .Single(method => method.Name == "CreateRange" && method.GetParameters() is [_])
            .MakeGenericMethod(arguments).Invoke(null, [items])!;
    }
}

/// <summary>Stands wherever a member is typed as a marker interface.</summary>
[Message("sample.any")]
internal sealed record AnyMessage([property: Key(0)] int Number)
    : ICommand, IQuery, IReply, IEvent, IState, IWork, IWorkResult, ICompute, IComputeResult;
