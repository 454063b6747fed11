using System.Globalization;
using System.Runtime.CompilerServices;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>
/// Puts values in the place of substitutions.
///
/// A value is seen as <i>layers</i>: what its key was given, in order, over all objects that merge at its path. Layers that are
/// substitutions or concatenations are <i>expanded</i> only when somebody must know what they are, so objects may refer into
/// themselves. Expanding stops at the first layer from above that is no object, because it hides the rest: what is hidden is never
/// looked at, right or wrong.
///
/// Self-reference: while a layer is being expanded, a look-up that meets it sees only the layers below it; that is how
/// <c>path = ${path} [x]</c> means the older value. If nothing is below, the substitution is undefined. An object that turns up inside
/// itself is a cycle. Each substitution is expanded once, and the outcome kept.
///
/// Ten lines of substitutions that each stand twice in the next make a thousand values, thirty make a thousand million. So every step is
/// counted, and a configuration that takes more than <see cref="MaxSteps"/> is refused, as one is that refers deeper than the stack.
/// </summary>
internal sealed class HoconResolver(ObjectNode root, Func<string, string?> environment)
{
    /// <summary>A node looked at is a step, so are <see cref="CharactersAStep"/> characters of text; a cycle costs as much as the
    /// exceptions that unwind it. Real configurations take some ten thousand.</summary>
    public const int MaxSteps = 300_000;

    private const int CharactersAStep = 16;
    private const int CycleSteps = 5_000;
    private readonly HashSet<HoconNode> _expanding = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<HoconNode> _building = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<HoconNode, List<HoconNode>> _expanded = new(ReferenceEqualityComparer.Instance);

    private int _steps;

    public HoconObject Resolve()
    {
        try
        {
            return (HoconObject)Build([root])!;
        }
        catch (InsufficientExecutionStackException)
        {
            throw new HoconException(root.Origin, "values nest, or refer to each other, too deeply");
        }
    }

    private void Count(int steps, HoconNode at)
    {
        if (steps > MaxSteps - _steps)
            throw new HoconException(at.Origin, $"the configuration grows beyond {MaxSteps} values; its substitutions multiply");
        _steps += steps;
    }

    /// <summary>The final value of layers (lowest first), or null if none of them is defined.</summary>
    private HoconValue? Build(List<HoconNode> layers)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var solid = Expand(layers);
        if (solid.Count == 0) return null;
        Count(solid.Count, solid[^1]);
        if (solid[^1] is ScalarNode scalar) return new HoconScalar(scalar.Origin, scalar.Kind, scalar.Text);
        foreach (var node in solid)
        {
            if (_building.Contains(node)) throw new CycleException(layers[^1]);
        }
        _building.UnionWith(solid);
        try
        {
            return solid[^1] is ArrayNode array ? BuildArray(array) : BuildObject(solid);
        }
        finally
        {
            _building.ExceptWith(solid);
        }
    }

    private HoconArray BuildArray(ArrayNode array)
    {
        var items = new List<HoconValue>();
        foreach (var item in array.Items)
        {
            if (BuildOrSkip([item]) is { } value) items.Add(value);
        }
        return new HoconArray(array.Origin, items);
    }

    private HoconObject BuildObject(List<HoconNode> objects)
    {
        var result = new HoconObject(objects[^1].Origin);
        foreach (var key in objects.SelectMany(static node => ((ObjectNode)node).Keys).Distinct())
        {
            if (BuildOrSkip(Children(objects, key)) is not { } value) continue;
            var last = (ObjectNode)objects.Last(node => ((ObjectNode)node).Values(key).Count > 0);
            result.Add(key, value, last.KeyOrigin(key));
        }
        return result;
    }

    // A cycle through an optional substitution makes it undefined, as if there were no such value.
    private HoconValue? BuildOrSkip(List<HoconNode> layers)
    {
        try
        {
            return Build(layers);
        }
        catch (CycleException cycle)
        {
            Count(CycleSteps, cycle.Node);
            if (layers[^1] is SubstitutionNode { Optional: true }) return layers.Count > 1 ? BuildOrSkip(layers[..^1]) : null;
            var what = cycle.Node is SubstitutionNode ? cycle.Node.ToString() : "the value";
            throw new HoconException(cycle.Node.Origin, $"{what} refers to what it is itself a part of");
        }
    }

    /// <summary>What the layers come to: one scalar, one array, or objects (lowest first) that merge; nothing if all are
    /// undefined.</summary>
    private List<HoconNode> Expand(List<HoconNode> layers)
    {
        var objects = new List<HoconNode>();
        for (var i = layers.Count - 1; i >= 0; i--)
        {
            var solid = Expand(layers[i]);
            Count(1 + solid.Count, layers[i]);
            if (solid.Count == 0) continue;
            if (solid[0] is not ObjectNode) return objects.Count == 0 ? solid : objects;
            objects.InsertRange(0, solid);
        }
        return objects;
    }

    private List<HoconNode> Expand(HoconNode layer)
    {
        if (layer is not (SubstitutionNode or ConcatenationNode)) return [layer];
        if (_expanded.TryGetValue(layer, out var known)) return known;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (!_expanding.Add(layer)) return [];
        try
        {
            var solid = layer is SubstitutionNode substitution ? Substitute(substitution) : Concatenate((ConcatenationNode)layer);
            _expanded.Add(layer, solid);
            return solid;
        }
        finally
        {
            _expanding.Remove(layer);
        }
    }

    private List<HoconNode> Substitute(SubstitutionNode node)
    {
        var cycle = false;
        for (var scope = node.Scope; scope is not null; scope = scope.Outer)
        {
            if (LookUp(scope.Anchor ?? root, [.. scope.Prefix, .. node.Path], ref cycle) is { Count: > 0 } found) return found;
        }
        if (environment(string.Join('.', node.Path)) is { } variable)
            return [new ScalarNode(node.Origin, HoconScalarKind.String, variable)];
        if (node.Optional) return [];
        var name = HoconPath.Render(node.Path);
        throw new HoconException(node.Origin, cycle
            ? $"{node} refers to itself, and there is no earlier value of '{name}'"
            : $"{node} is not known: there is neither a key '{name}' nor an environment variable of that name; "
                + $"set it, or write ${{?{name}}} if it may be absent");
    }

    private List<HoconNode> LookUp(ObjectNode start, string[] path, ref bool cycle)
    {
        List<HoconNode> layers = [start];
        foreach (var key in path)
        {
            var objects = Expand(layers);
            if (objects.Count == 0 || objects[0] is not ObjectNode) return [];
            layers = Children(objects, key);
            var self = layers.FindIndex(_expanding.Contains);
            if (self < 0) continue;
            cycle = true;
            layers.RemoveRange(self, layers.Count - self);
        }
        return Expand(layers);
    }

    private List<HoconNode> Children(List<HoconNode> objects, string key)
    {
        Count(objects.Count, objects[^1]);
        return [.. objects.SelectMany(node => ((ObjectNode)node).Values(key))];
    }

    private List<HoconNode> Concatenate(ConcatenationNode node)
    {
        var pieces = new List<(HoconNode Piece, List<HoconNode> Solid)>();
        foreach (var piece in node.Pieces)
        {
            var solid = piece is SpaceNode ? [piece] : Expand(piece);
            if (solid.Count == 0) continue;
            pieces.Add((piece, solid));
            Count(solid.Count + (solid[0] is ArrayNode inner ? inner.Items.Count : 0), piece);
        }
        var values = pieces.Where(static piece => piece.Piece is not SpaceNode).ToList();
        if (values.Count == 0) return [];
        if (values.TrueForAll(static value => value.Solid[0] is ScalarNode))
        {
            // Only the pieces that were written or found count, but the spaces between them do too.
            Count(pieces.Sum(static piece => HoconParser.Text(piece.Solid[0]).Length / CharactersAStep), node);
            var text = string.Concat(pieces.Select(static piece => HoconParser.Text(piece.Solid[0])));
            return values.Count == 1 && node.Pieces.Count == 1
                ? values[0].Solid
                : [new ScalarNode(node.Origin, HoconScalarKind.String, text)];
        }
        if (values.TrueForAll(static value => value.Solid[0] is ObjectNode)) return [.. values.SelectMany(static value => value.Solid)];
        var items = new List<HoconNode>();
        foreach (var (piece, solid) in values)
        {
            items.AddRange(ItemsOf(solid) ?? throw new HoconException(piece.Origin,
                $"{Name(values[0].Solid[0])} and {Name(values.First(v => Name(v.Solid[0]) != Name(values[0].Solid[0])).Solid[0])} "
                + "stand side by side; only strings, or arrays, or objects can be joined"));
        }
        return [new ArrayNode(node.Origin, items)];
    }

    /// <summary>An array's items; those of an object with numbers as keys, in their order; null for anything else.</summary>
    private List<HoconNode>? ItemsOf(List<HoconNode> solid)
    {
        if (solid[0] is ArrayNode array) return array.Items;
        if (solid[0] is not ObjectNode) return null;
        var keys = solid.SelectMany(static node => ((ObjectNode)node).Keys).Distinct()
            .Where(static key => int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .OrderBy(static key => int.Parse(key, NumberStyles.None, CultureInfo.InvariantCulture)).ToList();
        if (keys.Count == 0) return null;
        // An item is one node: objects that merge become one by standing side by side.
        return [.. keys.Select(key => Expand(Children(solid, key))).Where(static item => item.Count > 0)
            .Select(static item => item.Count == 1 ? item[0] : new ConcatenationNode(item[^1].Origin, item))];
    }

    private static string Name(HoconNode node) => node switch
    {
        ObjectNode => "an object",
        ArrayNode => "an array",
        _ => "a simple value",
    };

    private sealed class CycleException(HoconNode node) : Exception
    {
        public HoconNode Node { get; } = node;
    }
}
