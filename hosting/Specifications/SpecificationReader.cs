using System.Globalization;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads one object of a specification strictly: a key that is unknown, missing or of the wrong type is an error with file, line and
/// path.</summary>
internal sealed class SpecificationReader
{
    private readonly HoconObject _object;
    private readonly string _path;

    /// <param name="known">Keys that may occur; null for any (names that the user gives).</param>
    public SpecificationReader(HoconObject hocon, string path, IReadOnlyCollection<string>? known)
    {
        _object = hocon;
        _path = path;
        if (known is null) return;
        foreach (var (key, _) in hocon.Fields)
        {
            if (!known.Contains(key)) throw Error(hocon.KeyOrigin(key), At(key), Nearest.DidYouMean("key", key, known));
        }
    }

    public IEnumerable<KeyValuePair<string, HoconValue>> Fields => _object.Fields;

    public string At(string key) => _path == "" ? key : $"{_path}.{key}";

    public bool Has(string key) => _object.TryGet(key, out _);

    /// <summary>The value of a key that there is.</summary>
    public HoconValue Value(string key) => _object.TryGet(key, out var value) ? value : throw Missing(key);

    public HoconObject? Object(string key)
    {
        if (!_object.TryGet(key, out var value)) return null;
        return value as HoconObject ?? throw Wrong(key, "an object { ... }");
    }

    /// <summary>The objects of a list, each read strictly; none where the key is missing.</summary>
    public IReadOnlyList<SpecificationReader> Objects(string key, IReadOnlyCollection<string> known)
    {
        if (!_object.TryGet(key, out var value)) return [];
        if (value is not HoconArray array) throw Wrong(key, "a list [ { ... } ]");
        return [.. array.Items.Select((item, i) => item is HoconObject hocon
            ? new SpecificationReader(hocon, string.Create(CultureInfo.InvariantCulture, $"{At(key)}[{i}]"), known)
            : throw Wrong(key, "a list of objects { ... }"))];
    }

    public string? Text(string key)
    {
        if (!_object.TryGet(key, out var value)) return null;
        return value is HoconScalar { Kind: not HoconScalarKind.Null } scalar ? scalar.Text : throw Wrong(key, "a string");
    }

    public double? Number(string key) => _object.TryGet(key, out var value) ? AsNumber(value, At(key)) : null;

    public double RequiredNumber(string key) => Number(key) ?? throw Missing(key);

    public IReadOnlyList<double> Numbers(string key)
    {
        if (!_object.TryGet(key, out var value)) throw Missing(key);
        if (value is not HoconArray array) throw Wrong(key, "an array of numbers [1, 2, 3]");
        return [.. array.Items.Select((item, i) => AsNumber(item, string.Create(CultureInfo.InvariantCulture, $"{At(key)}[{i}]")))];
    }

    /// <summary>A number with its unit, <c>"350 K"</c>.</summary>
    public (double Value, string Unit)? Quantity(string key)
    {
        if (!_object.TryGet(key, out var value)) return null;
        var (number, unit) = Split(value, At(key));
        return unit is null ? throw Wrong(key, "a number with its unit, such as \"350 K\"") : (number, unit);
    }

    /// <summary>A number that may have a unit behind it.</summary>
    public static (double Value, string? Unit) Split(HoconValue value, string at)
    {
        if (value is HoconScalar { Kind: HoconScalarKind.String } text)
        {
            var trimmed = text.Text.Trim();
            var space = trimmed.IndexOf(' ', StringComparison.Ordinal);
            var number = space < 0 ? trimmed : trimmed[..space];
            if (double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) && double.IsFinite(parsed))
                return (parsed, space < 0 ? null : trimmed[(space + 1)..].Trim());
            throw Error(value.Origin, at, $"'{text.Text}' is no number with a unit, such as \"350 K\"");
        }
        return (AsNumber(value, at), null);
    }

    public HoconException Missing(string key) => Error(_object.Origin, At(key), "it is missing");

    public HoconException Wrong(string key, string expected) => Error(Origin(key), At(key), $"it must be {expected}");

    /// <summary>Where a key was written, or else its object.</summary>
    public HoconOrigin Origin(string key) => Has(key) ? _object.KeyOrigin(key) : _object.Origin;

    public static HoconException Error(HoconOrigin origin, string at, string problem) => new(origin, at == "" ? problem : $"{at}: {problem}");

    public static double AsNumber(HoconValue value, string at)
    {
        if (value is HoconScalar scalar && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            return double.IsFinite(number) ? number : throw Error(value.Origin, at, $"it is {scalar.Text}; it must be a finite number");
        throw Error(value.Origin, at, value is HoconScalar other ? $"'{other.Text}' is no number" : "it must be a number");
    }
}
