using System.Globalization;
using Athanor.Compute.Fitting;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Fits;

/// <summary>Reads the fields of an object of a fit's file; what is wrong is said with file, line and key.</summary>
internal sealed class HoconFields(HoconObject obj, string path)
{
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public IEnumerable<string> Keys => obj.Fields.Select(f => f.Key);

    public bool Has(string key) => obj.TryGet(key, out var value) && value is not HoconScalar { Kind: HoconScalarKind.Null };

    public FitException Wrong(string key, string what) =>
        new($"{(obj.TryGet(key, out _) ? obj.KeyOrigin(key) : obj.Origin)}: {path}{key} {what}");

    public string? Text(string key)
    {
        _read.Add(key);
        if (!Has(key)) return null;
        obj.TryGet(key, out var value);
        return value is HoconScalar scalar ? scalar.Text : throw Wrong(key, "must be a text or number");
    }

    public string Required(string key) => Text(key) is { Length: > 0 } text ? text : throw Wrong(key, "is missing");

    /// <summary>Whether a key holds this word (and not, e.g., an object).</summary>
    public bool IsText(string key, string word)
    {
        _read.Add(key);
        return obj.TryGet(key, out var value) && value is HoconScalar scalar
            && (scalar.Text == word ? true : throw Wrong(key, $"is '{scalar.Text}'; it must be {word} or an object"));
    }

    public double? Number(string key)
    {
        if (Text(key) is not { } text) return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value : throw Wrong(key, $"is '{text}'; it must be a finite number");
    }

    public bool Flag(string key) => Text(key) switch
    {
        null or "false" => false,
        "true" => true,
        var other => throw Wrong(key, $"is '{other}'; it must be true or false"),
    };

    public T Choice<T>(string key, T otherwise, params (string Name, T Value)[] choices)
    {
        if (Text(key) is not { } text) return otherwise;
        foreach (var (name, value) in choices)
        {
            if (name == text) return value;
        }
        throw Wrong(key, $"is '{text}'; it must be one of {string.Join(", ", choices.Select(c => c.Name))}");
    }

    public HoconFields? Object(string key)
    {
        _read.Add(key);
        if (!Has(key)) return null;
        obj.TryGet(key, out var value);
        return value is HoconObject inner ? new HoconFields(inner, $"{path}{key}.") : throw Wrong(key, "must be an object { ... }");
    }

    public IReadOnlyList<HoconFields> Objects(string key)
    {
        _read.Add(key);
        if (!Has(key)) return [];
        obj.TryGet(key, out var value);
        if (value is not HoconArray array) throw Wrong(key, "must be a list [ { ... } ]");
        return [.. array.Items.Select((item, i) => item is HoconObject inner
            ? new HoconFields(inner, string.Create(CultureInfo.InvariantCulture, $"{path}{key}[{i}].")) : throw Wrong(key, "must hold objects { ... } only"))];
    }

    public (double, double)? Range(string key)
    {
        _read.Add(key);
        if (!Has(key)) return null;
        obj.TryGet(key, out var value);
        if (value is HoconArray { Items: [HoconScalar a, HoconScalar b] }
            && double.TryParse(a.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var low)
            && double.TryParse(b.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var high))
        {
            return (low, high);
        }
        throw Wrong(key, "must be two numbers [low, high]");
    }

    /// <summary>A key that nobody asked for is a mistake: most likely in its spelling.</summary>
    public void RefuseOthers()
    {
        foreach (var key in Keys)
        {
            if (!_read.Contains(key)) throw Wrong(key, $"is not known; known are {string.Join(", ", _read.Order(StringComparer.Ordinal))}");
        }
    }
}
