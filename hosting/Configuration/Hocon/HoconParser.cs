using System.Runtime.CompilerServices;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Makes the tree of a file out of its tokens. Includes are read on the way; substitutions are left for the resolver.</summary>
internal sealed class HoconParser
{
    private const int MaxDepth = 200;
    private const int MaxPath = 400;
    private readonly string _file;
    private readonly List<HoconToken> _tokens;
    private readonly HoconScope _scope;
    private readonly HoconIncluder _includer;
    private int _position;
    private int _depth;

    private HoconParser(string file, string text, HoconScope scope, HoconIncluder includer)
    {
        _file = file;
        _tokens = HoconLexer.Tokens(file, text);
        _scope = scope;
        _includer = includer;
    }

    /// <param name="scope">Where the file's root ends up.</param>
    public static ObjectNode Parse(string file, string text, HoconScope scope, HoconIncluder includer) =>
        new HoconParser(file, text, scope, includer).Document();

    private HoconToken Current => _tokens[_position];

    private HoconOrigin Origin => new(_file, Current.Line);

    private ObjectNode Document()
    {
        SkipSpace(newlines: true);
        if (Current.Type == HoconTokenType.OpenBracket) throw Error("a configuration is an object, and this file is an array");
        var root = new ObjectNode(new HoconOrigin(_file, 1));
        if (Current.Type == HoconTokenType.OpenBrace)
        {
            _position++;
            Fields(root, _scope, [], HoconTokenType.CloseBrace);
            SkipSpace(newlines: true);
            if (Current.Type != HoconTokenType.End)
                throw Error($"expected the end of the file after the closing '}}', found {Current.Name}");
        }
        else
        {
            Fields(root, _scope, [], HoconTokenType.End);
        }
        return root;
    }

    /// <summary>Reads fields up to the end token.</summary>
    /// <param name="target">Gets the fields.</param>
    /// <param name="scope">Of the file, or of the object in an array that this is or is in.</param>
    /// <param name="at">Path of the target below the scope.</param>
    private void Fields(ObjectNode target, HoconScope scope, string[] at, HoconTokenType end)
    {
        var opened = Origin;
        while (true)
        {
            SkipSpace(newlines: true);
            if (Current.Type == end) break;
            if (Current.Type == HoconTokenType.End) throw new HoconException(opened, "the '{' has no closing '}'");
            if (Current is { Type: HoconTokenType.Bare, Text: "include" }) Include(target, scope, at);
            else Field(target, scope, at);
            Separator(end);
        }
        if (end != HoconTokenType.End) _position++;
    }

    private void Field(ObjectNode target, HoconScope scope, string[] at)
    {
        var origin = Origin;
        var tokens = new List<HoconToken>();
        while (Current.Type is HoconTokenType.Bare or HoconTokenType.Quoted or HoconTokenType.Space) tokens.Add(_tokens[_position++]);
        if (tokens.Count == 0) throw Error($"expected a key, found {Current.Name}");
        var key = HoconPath.Parse(tokens, origin);
        SkipSpace(newlines: true);
        var type = Current.Type;
        if (type is not (HoconTokenType.OpenBrace or HoconTokenType.Colon or HoconTokenType.Equals or HoconTokenType.PlusEquals))
        {
            throw new HoconException(
                origin, $"the key '{HoconPath.Render(key)}' must be followed by '=', ':' or '{{', found {Current.Name}");
        }
        if (type != HoconTokenType.OpenBrace) _position++;
        string[] path = [.. at, .. key];
        if (scope.Prefix.Length + path.Length > MaxPath)
            throw new HoconException(origin, $"the key has more than {MaxPath} elements, those of the objects around it included");
        var value = Value(scope, path) ?? throw new HoconException(
            origin, $"the key '{HoconPath.Render(key)}' has no value, found {Current.Name}");
        if (type == HoconTokenType.PlusEquals)
        {
            var before = new SubstitutionNode(origin, path, optional: true, scope with { Outer = null });
            value = new ConcatenationNode(origin, [before, new ArrayNode(origin, [value])]);
        }
        target.Put(key, value, origin);
    }

    /// <summary>Reads the pieces of a value up to the end of its line, a comma or a closing bracket; null if there are none.</summary>
    private HoconNode? Value(HoconScope scope, string[]? path)
    {
        SkipSpace(newlines: true);
        var origin = Origin;
        var pieces = new List<HoconNode>();
        while (true)
        {
            var here = Origin;
            switch (Current.Type)
            {
                case HoconTokenType.Space:
                    pieces.Add(new SpaceNode(here, Current.Text));
                    _position++;
                    continue;
                case HoconTokenType.Bare:
                    pieces.Add(new ScalarNode(here, HoconScalar.KindOf(Current.Text), Current.Text));
                    _position++;
                    continue;
                case HoconTokenType.Quoted:
                    pieces.Add(new ScalarNode(here, HoconScalarKind.String, Current.Text));
                    _position++;
                    continue;
                case HoconTokenType.Substitution:
                    pieces.Add(Substitution());
                    continue;
                case HoconTokenType.OpenBrace:
                    pieces.Add(Object(scope, path));
                    continue;
                case HoconTokenType.OpenBracket:
                    pieces.Add(Array(scope));
                    continue;
                default:
                    while (pieces is [.., SpaceNode]) pieces.RemoveAt(pieces.Count - 1);
                    return pieces.Count == 0 ? null : Join(origin, pieces);
            }
        }
    }

    private static HoconNode Join(HoconOrigin origin, List<HoconNode> pieces)
    {
        if (pieces.Count == 1) return pieces[0];
        return pieces.TrueForAll(static piece => piece is ScalarNode or SpaceNode)
            ? new ScalarNode(origin, HoconScalarKind.String, string.Concat(pieces.Select(Text)))
            : new ConcatenationNode(origin, pieces);
    }

    internal static string Text(HoconNode piece) => piece is SpaceNode space ? space.Text : ((ScalarNode)piece).Text;

    private SubstitutionNode Substitution()
    {
        var origin = Origin;
        var optional = Current.Text == "?";
        _position++;
        var tokens = new List<HoconToken>();
        while (Current.Type is HoconTokenType.Bare or HoconTokenType.Quoted or HoconTokenType.Space) tokens.Add(_tokens[_position++]);
        if (Current.Type != HoconTokenType.CloseBrace)
            throw Error($"a substitution is ${{path}} or ${{?path}}, found {Current.Name} before its closing '}}'");
        _position++;
        return new SubstitutionNode(origin, HoconPath.Parse(tokens, origin), optional, _scope);
    }

    /// <param name="path">Of the field that it is the value of; null in an array, where the object is its own anchor.</param>
    private ObjectNode Object(HoconScope scope, string[]? path)
    {
        Deeper();
        var node = new ObjectNode(Origin);
        _position++;
        Fields(node, path is null ? new HoconScope(node, [], _scope) : scope, path ?? [], HoconTokenType.CloseBrace);
        _depth--;
        return node;
    }

    private ArrayNode Array(HoconScope scope)
    {
        Deeper();
        var node = new ArrayNode(Origin, []);
        _position++;
        while (true)
        {
            SkipSpace(newlines: true);
            if (Current.Type == HoconTokenType.CloseBracket) break;
            if (Current.Type == HoconTokenType.End) throw new HoconException(node.Origin, "the '[' has no closing ']'");
            node.Items.Add(Value(scope, null) ?? throw Error($"expected an item of the array, found {Current.Name}"));
            Separator(HoconTokenType.CloseBracket);
        }
        _position++;
        _depth--;
        return node;
    }

    private void Include(ObjectNode target, HoconScope scope, string[] at)
    {
        const string Right = "write include \"file\", include file(\"file\") or include required(\"file\")";
        var origin = Origin;
        _position++;
        var opening = "";
        // No opening is longer than "required(file("; more is no include, and adding it up would take for ever.
        while (Current.Type is HoconTokenType.Bare or HoconTokenType.Space or HoconTokenType.Newline && opening.Length < 32)
        {
            if (Current.Type == HoconTokenType.Bare) opening += Current.Text;
            _position++;
        }
        if (Current.Type != HoconTokenType.Quoted) throw new HoconException(origin, $"after include stands {Current.Name}; {Right}");
        var name = _tokens[_position++].Text;
        var required = opening.StartsWith("required(", StringComparison.Ordinal);
        var kind = required ? opening["required(".Length..] : opening;
        var open = opening.Count(static c => c == '(');
        var closing = "";
        while (closing.Length < open && Current.Type is HoconTokenType.Bare or HoconTokenType.Space)
        {
            if (Current.Type == HoconTokenType.Bare) closing += Current.Text;
            _position++;
        }
        if (kind is not ("" or "file(") || closing != new string(')', open))
            throw new HoconException(origin, $"include {opening}\"{name}\"{closing} is not known; {Right}");
        var inside = new HoconScope(scope.Anchor, [.. scope.Prefix, .. at], _scope);
        target.PutAll(_includer.Include(_file, name, isFile: kind == "file(", required, origin, inside));
    }

    /// <summary>Between two fields or items stands one comma, or at least one newline; before the end a comma may stand.</summary>
    private void Separator(HoconTokenType end)
    {
        SkipSpace(newlines: false);
        // An end that came too soon is told by whoever knows what it was that had no end.
        if (Current.Type == end || Current.Type == HoconTokenType.End) return;
        if (Current.Type is not (HoconTokenType.Newline or HoconTokenType.Comma))
            throw Error($"expected a comma or the end of the line, found {Current.Name}");
        SkipSpace(newlines: true);
        if (Current.Type != HoconTokenType.Comma) return;
        _position++;
        SkipSpace(newlines: true);
        if (Current.Type == HoconTokenType.Comma) throw Error("two commas in a row");
    }

    private void SkipSpace(bool newlines)
    {
        while (Current.Type == HoconTokenType.Space || (newlines && Current.Type == HoconTokenType.Newline)) _position++;
    }

    private void Deeper()
    {
        // The stack may be used up earlier: by includes within includes, or by a thread with a small one.
        if (++_depth > MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Error($"objects and arrays nest deeper than {MaxDepth}");
    }

    private HoconException Error(string problem) => new(Origin, problem);
}
