namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>What was written, before substitutions are resolved. Identity matters: a node is one place in the text.</summary>
internal abstract class HoconNode(HoconOrigin origin)
{
    public HoconOrigin Origin { get; } = origin;
}

internal sealed class ScalarNode(HoconOrigin origin, HoconScalarKind kind, string text) : HoconNode(origin)
{
    public HoconScalarKind Kind { get; } = kind;

    public string Text { get; } = text;
}

/// <summary>Whitespace between the pieces of a concatenation.</summary>
internal sealed class SpaceNode(HoconOrigin origin, string text) : HoconNode(origin)
{
    public string Text { get; } = text;
}

internal sealed class ArrayNode(HoconOrigin origin, List<HoconNode> items) : HoconNode(origin)
{
    public List<HoconNode> Items { get; } = items;
}

/// <summary>Values side by side: a string, an array or an object, which of them is known once substitutions are.</summary>
internal sealed class ConcatenationNode(HoconOrigin origin, List<HoconNode> pieces) : HoconNode(origin)
{
    public List<HoconNode> Pieces { get; } = pieces;
}

/// <summary>
/// <c>${path}</c>, looked up at several places: relative to the file that it stands in (wherever that was included), then to the
/// file that included it, and at last at the root.
/// </summary>
internal sealed class SubstitutionNode(HoconOrigin origin, string[] path, bool optional, HoconScope scope) : HoconNode(origin)
{
    public string[] Path { get; } = path;

    public bool Optional { get; } = optional;

    public HoconScope Scope { get; } = scope;

    public override string ToString() => $"${{{(Optional ? "?" : "")}{HoconPath.Render(Path)}}}";
}

/// <summary>Where a file's root object ends up: at a path below an anchor. The anchor is the root of everything (null), or an object in
/// an array, to which no path leads.</summary>
/// <param name="Outer">The scope of the file that included this one.</param>
internal sealed record HoconScope(ObjectNode? Anchor, string[] Prefix, HoconScope? Outer)
{
    public static HoconScope Root { get; } = new(null, [], null);
}

/// <summary>An object. Each key has the values that it was given, in order; a value that hides those before it has removed them.</summary>
internal sealed class ObjectNode(HoconOrigin origin) : HoconNode(origin)
{
    private readonly OrderedDictionary<string, List<HoconNode>> _fields = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HoconOrigin> _keys = new(StringComparer.Ordinal);

    public IEnumerable<string> Keys => _fields.Keys;

    /// <summary>Where the key was written last.</summary>
    public HoconOrigin KeyOrigin(string key) => _keys[key];

    public IReadOnlyList<HoconNode> Values(string key) => _fields.TryGetValue(key, out var values) ? values : [];

    public void Put(ReadOnlySpan<string> path, HoconNode value, HoconOrigin keyOrigin)
    {
        if (path.Length > 1)
        {
            var inner = new ObjectNode(keyOrigin);
            inner.Put(path[1..], value, keyOrigin);
            value = inner;
        }
        Put(path[0], value, keyOrigin);
    }

    /// <summary>Puts all fields of another object over those of this one.</summary>
    public void PutAll(ObjectNode other)
    {
        foreach (var (key, values) in other._fields)
        {
            foreach (var value in values) Put(key, value, other._keys[key]);
        }
    }

    private void Put(string key, HoconNode value, HoconOrigin keyOrigin)
    {
        _keys[key] = keyOrigin;
        if (!_fields.TryGetValue(key, out var values)) _fields.Add(key, values = []);
        switch (value)
        {
            case SubstitutionNode or ConcatenationNode:
                // Only when resolved does it show whether it hides, merges, or is not there.
                values.Add(value);
                break;
            case ObjectNode added when values is [.., ObjectNode top]:
                top.PutAll(added);
                break;
            case ObjectNode when values is [.., SubstitutionNode or ConcatenationNode]:
                values.Add(value);
                break;
            default:
                values.Clear();
                values.Add(value);
                break;
        }
    }
}
