using System.Globalization;

namespace Athanor.Compute.Kinetics.Text;

internal enum TokenKind
{
    Number,
    Name,

    /// <summary>A unit in square brackets, without them.</summary>
    Unit,

    /// <summary>+ - * / ^ ( ) , ; = -> &lt;=> &lt;->.</summary>
    Symbol,
    End,
}

internal readonly record struct Token(TokenKind Kind, string Text, int Column, double Value = 0.0)
{
    public bool Is(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    public override string ToString() => Kind == TokenKind.End ? "the end" : $"'{Text}'";
}

/// <summary>Cuts the text of rates and reactions into tokens.</summary>
internal static class Lexer
{
    public static List<Token> Tokens(string text)
    {
        var tokens = new List<Token>();
        for (var at = 0; at < text.Length;)
        {
            var c = text[at];
            if (char.IsWhiteSpace(c))
            {
                at++;
                continue;
            }
            var token = Next(text, at, out var length);
            tokens.Add(token);
            at += length;
        }
        tokens.Add(new Token(TokenKind.End, "", text.Length + 1));
        return tokens;
    }

    public static bool IsName(string text) =>
        text.Length > 0 && IsNameStart(text[0]) && text.All(IsNamePart);

    private static bool IsNameStart(char c) => char.IsLetter(c) || c == '_';

    private static bool IsNamePart(char c) => char.IsLetterOrDigit(c) || c is '_' or '\'';

    private static Token Next(string text, int at, out int length)
    {
        var c = text[at];
        var column = at + 1;
        if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
        {
            length = NumberLength(text, at);
            var digits = text.Substring(at, length);
            var value = double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
            if (!double.IsFinite(value)) throw new SyntaxException(column, $"{digits} is too large for a number");
            return new Token(TokenKind.Number, digits, column, value);
        }
        if (IsNameStart(c))
        {
            var end = at;
            while (end < text.Length && IsNamePart(text[end])) end++;
            length = end - at;
            return new Token(TokenKind.Name, text[at..end], column);
        }
        if (c == '[')
        {
            var end = text.IndexOf(']', at);
            if (end < 0) throw new SyntaxException(column, "the unit that begins here has no closing ']'");
            length = end + 1 - at;
            return new Token(TokenKind.Unit, text[(at + 1)..end], column);
        }
        foreach (var (written, symbol) in (ReadOnlySpan<(string, string)>)
            [("<=>", "<=>"), ("<->", "<=>"), ("⇌", "<=>"), ("->", "->"), ("→", "->"), ("=>", "->"), ("**", "^"), ("·", "*")])
        {
            if (string.CompareOrdinal(text, at, written, 0, written.Length) != 0) continue;
            length = written.Length;
            return new Token(TokenKind.Symbol, symbol, column);
        }
        length = 1;
        if ("+-*/^(),;=".Contains(c, StringComparison.Ordinal)) return new Token(TokenKind.Symbol, c.ToString(), column);
        throw new SyntaxException(column, $"'{c}' has no meaning here; there are numbers, names, units in [ ], + - * / ^ ( ) , ; = -> and <=>");
    }

    // The exponent belongs to the number only if digits follow: 2E is two E.
    private static int NumberLength(string text, int start)
    {
        var at = start;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        if (at < text.Length && text[at] == '.') at++;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        if (at >= text.Length || text[at] is not ('e' or 'E')) return at - start;
        var exponent = at + 1;
        if (exponent < text.Length && text[exponent] is '+' or '-') exponent++;
        if (exponent >= text.Length || !char.IsAsciiDigit(text[exponent])) return at - start;
        while (exponent < text.Length && char.IsAsciiDigit(text[exponent])) exponent++;
        return exponent - start;
    }
}
