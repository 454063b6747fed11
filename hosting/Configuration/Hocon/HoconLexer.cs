using System.Globalization;
using System.Text;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Cuts HOCON text into tokens; drops comments.</summary>
internal sealed class HoconLexer
{
    private const string Reserved = "$\"{}[]:=,+#`^?!@*&\\";
    private readonly string _file;
    private readonly string _text;
    private readonly List<HoconToken> _tokens = [];
    private int _position;
    private int _line = 1;

    private HoconLexer(string file, string text)
    {
        _file = file;
        _text = text;
    }

    public static List<HoconToken> Tokens(string file, string text)
    {
        var lexer = new HoconLexer(file, text);
        lexer.Run();
        return lexer._tokens;
    }

    /// <summary>Space as the specification has it: Unicode's separators, the byte order mark, and the ASCII controls among them.</summary>
    public static bool IsSpace(char c)
    {
        if (c is '\ufeff' or (>= '\t' and <= '\r') or (>= '\x1c' and <= '\x1f')) return true;
        return char.GetUnicodeCategory(c) is UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator;
    }

    private char Current => At(0);

    private void Run()
    {
        while (_position < _text.Length)
        {
            var c = Current;
            if (c == '\n') Newline();
            else if (IsSpace(c)) Add(HoconTokenType.Space, TakeWhile(static x => x != '\n' && IsSpace(x)));
            else if (c == '#' || (c == '/' && At(1) == '/')) TakeWhile(static x => x != '\n');
            else if (c == '"') Quoted();
            else if (c == '$') Substitution();
            else if (c == '+' && At(1) == '=') Symbol(HoconTokenType.PlusEquals, 2);
            else if (SymbolOf(c) is { } type) Symbol(type, 1);
            else Add(HoconTokenType.Bare, Bare());
        }
        Add(HoconTokenType.End, "");
    }

    private static HoconTokenType? SymbolOf(char c) => c switch
    {
        '{' => HoconTokenType.OpenBrace,
        '}' => HoconTokenType.CloseBrace,
        '[' => HoconTokenType.OpenBracket,
        ']' => HoconTokenType.CloseBracket,
        ',' => HoconTokenType.Comma,
        ':' => HoconTokenType.Colon,
        '=' => HoconTokenType.Equals,
        _ => null,
    };

    private void Newline()
    {
        Add(HoconTokenType.Newline, "\n");
        _position++;
        _line++;
    }

    private void Symbol(HoconTokenType type, int length)
    {
        Add(type, _text.Substring(_position, length));
        _position += length;
    }

    private void Substitution()
    {
        if (At(1) != '{') throw Error("'$' begins a substitution, ${path}; a string with '$' in it must be quoted");
        _position += 2;
        var optional = Current == '?';
        if (optional) _position++;
        Add(HoconTokenType.Substitution, optional ? "?" : "");
    }

    private string Bare()
    {
        // A number may hold a plus sign in its exponent, which is reserved elsewhere.
        var start = _position;
        if (char.IsAsciiDigit(Current) || Current == '-')
        {
            TakeWhile(static c => char.IsAsciiDigit(c) || c is '-' or '+' or '.' or 'e' or 'E');
            if (!HoconScalar.IsNumber(_text[start.._position])) _position = start;
        }
        while (_position < _text.Length && !IsSpace(Current) && !Reserved.Contains(Current, StringComparison.Ordinal)
            && !(Current == '/' && At(1) == '/')) _position++;
        if (_position == start) throw Error($"'{Current}' has no meaning here; a string with '{Current}' in it must be quoted");
        return _text[start.._position];
    }

    private void Quoted()
    {
        var line = _line;
        var text = At(1) == '"' && At(2) == '"' ? TripleQuoted() : QuotedText();
        _tokens.Add(new HoconToken(HoconTokenType.Quoted, text, line));
    }

    private string QuotedText()
    {
        var text = new StringBuilder();
        for (_position++; ; _position++)
        {
            if (_position >= _text.Length || Current == '\n') throw Error("the quoted string has no closing quote on its line");
            if (Current == '"') break;
            if (Current < ' ') throw Error($"control character U+{(int)Current:X4} in a quoted string; write it as \\u{(int)Current:x4}");
            text.Append(Current == '\\' ? Escape() : Current);
        }
        _position++;
        return text.ToString();
    }

    private char Escape()
    {
        _position++;
        switch (Current)
        {
            case '"' or '\\' or '/': return Current;
            case 'b': return '\b';
            case 'f': return '\f';
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'u' when HexDigits(_position + 1) is { } code:
                _position += 4;
                return code;
            default:
                throw Error($"'\\{Current}' is no escape; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hex digits");
        }
    }

    private char? HexDigits(int at) =>
        at + 4 <= _text.Length && ushort.TryParse(
            _text.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            ? (char)code
            : null;

    private string TripleQuoted()
    {
        var start = _position + 3;
        var end = _text.IndexOf("\"\"\"", start, StringComparison.Ordinal);
        if (end < 0) throw Error("the triple-quoted string has no closing \"\"\"");
        // Further quotes belong to the string: the last three end it.
        while (end + 3 < _text.Length && _text[end + 3] == '"') end++;
        var text = _text[start..end];
        _line += text.Count(static c => c == '\n');
        _position = end + 3;
        return text;
    }

    private string TakeWhile(Func<char, bool> take)
    {
        var start = _position;
        while (_position < _text.Length && take(Current)) _position++;
        return _text[start.._position];
    }

    private char At(int ahead) => _position + ahead < _text.Length ? _text[_position + ahead] : '\0';

    private void Add(HoconTokenType type, string text) => _tokens.Add(new HoconToken(type, text, _line));

    private HoconException Error(string problem) => new(new HoconOrigin(_file, _line), problem);
}
