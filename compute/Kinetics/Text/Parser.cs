using System.Globalization;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>
/// Reads reactions and expressions:
/// <code>
/// reaction   = side arrow side { ";" name "=" expression }      arrow = "->" | "&lt;=>"
/// side       = term { "+" term } | "nothing"                    term  = [ number | "(" expression ")" ] species
/// expression = product { ("+" | "-") product }
/// product    = signed { ("*" | "/" | beside) signed }           beside: 2 B, k A, 7.2e10 exp(...)
/// signed     = { "-" | "+" } power
/// power      = primary [ "^" signed ]
/// primary    = number [ "[" unit "]" ] | name | function "(" arguments ")" | "(" expression ")"
/// arguments  = { expression | name "=" expression } separated by ","
/// </code>
/// Factors beside each other are a product of the same rank as <c>*</c>; since <c>a/b c</c> is read in two ways by people, it is refused.
/// </summary>
internal sealed class Parser
{
    private const string Nothing = "nothing";
    private const int Deepest = 200;
    private const int Longest = 4000;
    private readonly List<Token> _tokens;
    private int _at;
    private int _depth;

    private Parser(string text)
    {
        if (text.Length > Longest)
            throw new SyntaxException(Longest, $"the text is longer than {Longest} characters; give parts of it names (definitions)");
        _tokens = Lexer.Tokens(text);
    }

    private Token Current => _tokens[_at];

    public static Syntax Expression(string text)
    {
        var parser = new Parser(text);
        var expression = parser.Sum();
        if (parser.Current.Kind != TokenKind.End) throw parser.Unexpected("an operator or the end");
        return expression;
    }

    public static ReactionSyntax Reaction(string text)
    {
        var parser = new Parser(text);
        var reactants = parser.Side();
        var reversible = parser.Current.Is("<=>");
        if (!reversible && !parser.Current.Is("->")) throw parser.Unexpected("'+', '->' or '<=>'");
        parser._at++;
        var products = parser.Side();
        var clauses = new List<ClauseSyntax>();
        while (parser.Take(";"))
        {
            if (parser.Current.Kind == TokenKind.End) break;
            var name = parser.Current;
            if (name.Kind != TokenKind.Name) throw parser.Unexpected("the name of what is set, such as k = or rate =");
            parser._at++;
            if (!parser.Take("=")) throw parser.Unexpected($"'=' after '{name.Text}'");
            if (clauses.Exists(clause => clause.Name == name.Text)) throw new SyntaxException(name.Column, $"{name.Text} is set twice");
            clauses.Add(new ClauseSyntax(name.Column, name.Text, parser.Sum()));
        }
        if (parser.Current.Kind != TokenKind.End) throw parser.Unexpected("an operator, ';' or the end");
        return new ReactionSyntax(reactants, reversible, products, clauses);
    }

    private List<TermSyntax> Side()
    {
        var terms = new List<TermSyntax>();
        // X -> ; rate = ... : nothing is made.
        if (Current.Is(";") || Current.Is("->") || Current.Is("<=>") || Current.Kind == TokenKind.End) return terms;
        if (Current is { Kind: TokenKind.Name, Text: Nothing } or { Kind: TokenKind.Number, Value: 0.0 })
        {
            _at++;
            return terms;
        }
        do
        {
            var column = Current.Column;
            Syntax? coefficient = null;
            if (Current.Kind == TokenKind.Number)
            {
                coefficient = new NumberSyntax(column, Current.Value, null);
                if (Current.Value == 0.0) throw new SyntaxException(column, "a coefficient must not be zero");
                _at++;
                Take("*");
            }
            else if (Take("("))
            {
                coefficient = Sum();
                if (!Take(")")) throw Unexpected("')'");
                Take("*");
            }
            if (Current.Kind != TokenKind.Name) throw Unexpected("the name of a species");
            terms.Add(new TermSyntax(column, coefficient, Current.Text));
            _at++;
        }
        while (Take("+"));
        return terms;
    }

    private Syntax Sum()
    {
        if (++_depth > Deepest) throw new SyntaxException(Current.Column, $"expressions nest deeper than {Deepest}");
        var left = Product();
        while (Current.Is("+") || Current.Is("-"))
        {
            var sign = Current;
            _at++;
            left = new BinarySyntax(sign.Column, sign.Text[0], left, Product());
        }
        _depth--;
        return left;
    }

    private Syntax Product()
    {
        var left = Signed();
        var divided = false;
        for (; ; )
        {
            var token = Current;
            if (token.Is("*") || token.Is("/"))
            {
                _at++;
                divided = token.Is("/");
                left = new BinarySyntax(token.Column, token.Text[0], left, Signed());
            }
            else if (token.Kind is TokenKind.Number or TokenKind.Name || token.Is("("))
            {
                if (divided)
                {
                    throw new SyntaxException(
                        token.Column, $"it is not clear whether {token} is divided by as well; write a/(b*c), or a/b*c");
                }
                left = new BinarySyntax(token.Column, '*', left, Power());
            }
            else
            {
                return left;
            }
        }
    }

    private Syntax Signed()
    {
        var token = Current;
        if (token.Is("-"))
        {
            _at++;
            if (++_depth > Deepest) throw new SyntaxException(token.Column, $"expressions nest deeper than {Deepest}");
            var operand = Signed();
            _depth--;
            return new NegateSyntax(token.Column, operand);
        }
        if (token.Is("+")) _at++;
        return Power();
    }

    private Syntax Power()
    {
        var left = Primary();
        var token = Current;
        if (!Take("^")) return left;
        if (++_depth > Deepest) throw new SyntaxException(token.Column, $"expressions nest deeper than {Deepest}");
        var exponent = Signed();
        _depth--;
        return new BinarySyntax(token.Column, '^', left, exponent);
    }

    private Syntax Primary()
    {
        var token = Current;
        switch (token.Kind)
        {
            case TokenKind.Number:
                _at++;
                if (Current.Kind != TokenKind.Unit) return new NumberSyntax(token.Column, token.Value, null);
                _at++;
                return new NumberSyntax(token.Column, token.Value, _tokens[_at - 1].Text);
            case TokenKind.Name:
                _at++;
                return Current.Is("(") && Functions.Exists(token.Text) ? Call(token) : new NameSyntax(token.Column, token.Text);
            case TokenKind.Unit:
                throw new SyntaxException(token.Column, $"the unit [{token.Text}] must stand behind a number");
        }
        if (!Take("(")) throw Unexpected("a number, a name or '('");
        var inner = Sum();
        if (!Take(")")) throw Unexpected("')'");
        return inner;
    }

    private CallSyntax Call(Token function)
    {
        _at++;
        var arguments = new List<Syntax>();
        var named = new List<NamedSyntax>();
        while (!Take(")"))
        {
            if (arguments.Count + named.Count > 0 && !Take(",")) throw Unexpected("',' or ')'");
            var token = Current;
            if (token.Kind == TokenKind.Name && _tokens[_at + 1].Is("="))
            {
                _at += 2;
                if (named.Exists(other => other.Name == token.Text)) throw new SyntaxException(token.Column, $"{token.Text} is given twice");
                named.Add(new NamedSyntax(token.Column, token.Text, Sum()));
            }
            else
            {
                if (named.Count > 0) throw new SyntaxException(token.Column, "arguments without a name come before those with one");
                arguments.Add(Sum());
            }
        }
        return new CallSyntax(function.Column, function.Text, arguments, named);
    }

    private bool Take(string symbol)
    {
        if (!Current.Is(symbol)) return false;
        _at++;
        return true;
    }

    private SyntaxException Unexpected(string expected) =>
        new(Current.Column, string.Create(CultureInfo.InvariantCulture, $"{expected} is expected here, not {Current}"));
}
