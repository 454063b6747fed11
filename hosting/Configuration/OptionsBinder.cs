using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Text;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Configuration;

/// <summary>
/// Puts a resolved configuration into options records, strictly: an unknown key, a wrong type, a missing or wrong unit and a value out of
/// range are problems, each with file and line. All problems are gathered, so that a person mends a file once.
/// </summary>
internal sealed class OptionsBinder
{
    private readonly List<string> _problems = [];
    private readonly Dictionary<string, HoconOrigin> _origins = [];

    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Tells a problem of a key, where the key was set.</summary>
    public void Report(string path, string problem) =>
        _problems.Add($"{_origins.GetValueOrDefault(path)}: {path}: {problem}");

    public T Bind<T>(HoconObject config, string path)
        where T : new() => (T)Record(typeof(T), new T(), config, path);

    /// <summary><c>SnapshotEvery</c> is <c>snapshot-every</c>; <c>MaxSizeBytes</c> is <c>max-size</c>, because its value has a
    /// unit.</summary>
    public static string KeyOf(PropertyInfo property)
    {
        var name = IsSize(property) ? property.Name[..^"Bytes".Length] : property.Name;
        var key = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsUpper(c) && key.Length > 0) key.Append('-');
            key.Append(char.ToLowerInvariant(c));
        }
        return key.ToString();
    }

    private static bool IsSize(PropertyInfo property) =>
        property.Name.EndsWith("Bytes", StringComparison.Ordinal) && property.Name.Length > "Bytes".Length;

    private object Record(Type type, object target, HoconObject config, string path)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static p => p.CanWrite)
            .ToDictionary(KeyOf, StringComparer.Ordinal);
        foreach (var (key, value) in config.Fields)
        {
            var at = $"{path}.{key}";
            _origins[at] = config.KeyOrigin(key);
            if (!properties.TryGetValue(key, out var property))
            {
                Report(at, Nearest.DidYouMean("key", key, properties.Keys));
                continue;
            }
            var problems = _problems.Count;
            if (Value(property, property.GetValue(target), value, at) is not { } bound || _problems.Count > problems) continue;
            Check(property, bound, at);
            property.SetValue(target, bound);
        }
        return target;
    }

    private object? Value(PropertyInfo property, object? present, HoconValue value, string at)
    {
        var type = property.PropertyType;
        if (type == typeof(ImmutableArray<string>)) return Strings(value, at);
        if (type == typeof(ImmutableSortedDictionary<string, int>)) return Numbers(value, at);
        if (type == typeof(ImmutableSortedDictionary<string, PoolOptions>)) return Named<PoolOptions>(value, at, "cpu", "count = ...");
        if (type == typeof(ImmutableSortedDictionary<string, FamilyRetention>))
            return Named<FamilyRetention>(value, at, "twins", "full = ...");
        if (type != typeof(string) && type.IsClass)
        {
            if (value is HoconObject inner) return Record(type, present!, inner, at);
            Report(at, $"expected an object {{ ... }}, found {Name(value)}");
            return null;
        }
        if (value is not HoconScalar { Kind: not HoconScalarKind.Null } scalar)
        {
            Report(at, $"expected {Expected(property)}, found {Name(value)}");
            return null;
        }
        return Scalar(property, scalar.Text, at);
    }

    private object? Scalar(PropertyInfo property, string text, string at)
    {
        var type = property.PropertyType;
        var problem = $"expected {Expected(property)}, found '{text}'";
        if (type == typeof(string)) return text;
        if (type == typeof(TimeSpan))
        {
            if (HoconUnits.TryParseDuration(text, null, out var duration, out problem)) return duration;
        }
        else if (IsSize(property))
        {
            if (HoconUnits.TryParseSize(text, null, out var size, out problem))
            {
                BigInteger max = type == typeof(int) ? int.MaxValue : long.MaxValue;
                if (size <= max) return type == typeof(int) ? (object)(int)size : (long)size;
                problem = $"'{text}' is too large; at most {max} B";
            }
        }
        else if (type == typeof(int))
        {
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return number;
        }
        else if (type == typeof(double))
        {
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
                return number;
        }
        else
        {
            throw new NotSupportedException($"{property.DeclaringType}.{property.Name} has a type that options cannot have: {type}");
        }
        Report(at, problem);
        return null;
    }

    private object? Strings(HoconValue value, string at)
    {
        if (value is HoconArray array && array.Items.All(static item => item is HoconScalar { Kind: HoconScalarKind.String }))
            return array.Items.Select(static item => ((HoconScalar)item).Text).ToImmutableArray();
        Report(at, $"expected an array of strings such as [\"a\", \"b\"], found {Name(value)}");
        return null;
    }

    private object? Numbers(HoconValue value, string at)
    {
        if (value is not HoconObject numbers)
        {
            Report(at, $"expected an object of whole numbers such as {{ name = 2 }}, found {Name(value)}");
            return null;
        }
        var result = ImmutableSortedDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        foreach (var (name, item) in numbers.Fields)
        {
            var inside = $"{at}.{name}";
            _origins[inside] = numbers.KeyOrigin(name);
            if (item is HoconScalar { Kind: not HoconScalarKind.Null } scalar
                && int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) result[name] = number;
            else Report(inside, $"expected a whole number, found {Name(item)}");
        }
        return result.ToImmutable();
    }

    /// <summary>Records by name: pools, families.</summary>
    private object? Named<T>(HoconValue value, string at, string name, string inner)
        where T : new()
    {
        if (value is not HoconObject named)
        {
            Report(at, $"expected an object such as {{ {name} {{ {inner} }} }}, found {Name(value)}");
            return null;
        }
        var result = ImmutableSortedDictionary.CreateBuilder<string, T>(StringComparer.Ordinal);
        foreach (var (key, one) in named.Fields)
        {
            var inside = $"{at}.{key}";
            _origins[inside] = named.KeyOrigin(key);
            // One set to null is one of the defaults that is not wanted.
            if (one is HoconScalar { Kind: HoconScalarKind.Null }) continue;
            if (one is HoconObject fields) result[key] = (T)Record(typeof(T), new T(), fields, inside);
            else Report(inside, $"expected an object {{ {inner} }}, found {Name(one)}");
        }
        return result.ToImmutable();
    }

    private void Check(PropertyInfo property, object value, string at)
    {
        if (value is TimeSpan duration && duration <= TimeSpan.Zero
            && (duration < TimeSpan.Zero || property.GetCustomAttribute<ZeroIsNeverAttribute>() is null))
        {
            Report(at, "must be longer than nothing");
        }
        if (property.GetCustomAttribute<RangeAttribute>() is { } range && !range.IsValid(value))
            Report(at, string.Create(CultureInfo.InvariantCulture, $"{value} is outside {range.Minimum} to {range.Maximum}"));
        if (property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed && !allowed.IsValid(value))
            Report(at, Nearest.DidYouMean("value", (string)value, allowed.Values.Cast<string>()));
    }

    private static string Expected(PropertyInfo property)
    {
        if (property.PropertyType == typeof(TimeSpan)) return "a duration such as 5s";
        if (IsSize(property)) return "a size such as 64 KiB";
        if (property.PropertyType == typeof(int)) return "a whole number";
        return property.PropertyType == typeof(double) ? "a number" : "a string";
    }

    private static string Name(HoconValue value) => value switch
    {
        HoconObject => "an object",
        HoconArray => "an array",
        HoconScalar { Kind: HoconScalarKind.Null } => "null",
        _ => $"'{value}'",
    };
}
