using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Athanor.Hosting.Configuration.Hocon;

public enum HoconScalarKind
{
    String,
    Number,
    Boolean,
    Null,
}

/// <summary>A resolved value, and where it was written.</summary>
public abstract class HoconValue
{
    private protected HoconValue(HoconOrigin origin) => Origin = origin;

    public HoconOrigin Origin { get; }
}

/// <summary>A string, number, boolean or null, with its text as it was written.</summary>
public sealed partial class HoconScalar : HoconValue
{
    internal HoconScalar(HoconOrigin origin, HoconScalarKind kind, string text)
        : base(origin)
    {
        Kind = kind;
        Text = text;
    }

    public HoconScalarKind Kind { get; }

    public string Text { get; }

    public override string ToString() => Text;

    internal static HoconScalarKind KindOf(string bare) => bare switch
    {
        "true" or "false" => HoconScalarKind.Boolean,
        "null" => HoconScalarKind.Null,
        _ => IsNumber(bare) ? HoconScalarKind.Number : HoconScalarKind.String,
    };

    /// <summary>Whether the text is a number as JSON writes it.</summary>
    internal static bool IsNumber(string text) => JsonNumber().IsMatch(text);

    [GeneratedRegex(@"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex JsonNumber();
}

public sealed class HoconArray : HoconValue
{
    internal HoconArray(HoconOrigin origin, IReadOnlyList<HoconValue> items)
        : base(origin) => Items = items;

    public IReadOnlyList<HoconValue> Items { get; }
}

/// <summary>Keys in the order in which they were first written.</summary>
public sealed class HoconObject : HoconValue
{
    private readonly OrderedDictionary<string, HoconValue> _fields = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HoconOrigin> _keys = new(StringComparer.Ordinal);

    internal HoconObject(HoconOrigin origin)
        : base(origin)
    {
    }

    public IEnumerable<KeyValuePair<string, HoconValue>> Fields => _fields;

    public int Count => _fields.Count;

    /// <summary>Where the key was written last.</summary>
    public HoconOrigin KeyOrigin(string key) => _keys[key];

    public bool TryGet(string key, [NotNullWhen(true)] out HoconValue? value) => _fields.TryGetValue(key, out value);

    /// <summary>The value at a path of keys, or null.</summary>
    public HoconValue? At(params ReadOnlySpan<string> path)
    {
        HoconValue? value = this;
        foreach (var key in path)
        {
            if (value is not HoconObject inner || !inner.TryGet(key, out value)) return null;
        }
        return value;
    }

    internal void Add(string key, HoconValue value, HoconOrigin keyOrigin)
    {
        _fields.Add(key, value);
        _keys.Add(key, keyOrigin);
    }
}
