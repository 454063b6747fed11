using System.Globalization;
using Athanor.Compute.Kinetics.Expressions;

namespace Athanor.Hosting.Petab;

/// <summary>Infix formulas, as PEtab's tables and the files of fits hold them, as expressions: + - * / ^ **, parentheses, exp, log (natural), ln,
/// log10, log2, sqrt, pow, abs, tanh, min, max.</summary>
internal sealed class InfixFormula
{
    private const double Ln10 = 2.302585092994045684, Ln2 = 0.693147180559945309;

    private readonly ExpressionGraph _graph;
    private readonly string _text;
    private readonly string _component;
    private readonly Func<string, Expression> _resolve;
    private int _at;

    private InfixFormula(ExpressionGraph graph, string text, string component, Func<string, Expression> resolve)
    {
        _graph = graph;
        _text = text;
        _component = component;
        _resolve = resolve;
    }

    /// <param name="resolve">A name's expression; it throws for unknown ones.</param>
    public static Expression Parse(ExpressionGraph graph, string text, string component, Func<string, Expression> resolve)
    {
        var parser = new InfixFormula(graph, text, component, resolve);
        var expression = parser.Sum();
        return parser.Peek() == '\0' ? expression : throw parser.Unexpected("an operator or the end");
    }

    private Expression Sum()
    {
        var sum = Product();
        while (true)
        {
            if (Take('+')) sum = _graph.Add(sum, Product());
            else if (Take('-')) sum = _graph.Subtract(sum, Product());
            else return sum;
        }
    }

    private Expression Product()
    {
        var product = Signed();
        while (true)
        {
            if (Peek() == '*' && Next(1) != '*')
            {
                _at++;
                product = _graph.Multiply(product, Signed());
            }
            else if (Take('/'))
            {
                product = _graph.Divide(product, Signed());
            }
            else
            {
                return product;
            }
        }
    }

    private Expression Signed()
    {
        if (Take('-')) return _graph.Negate(Signed());
        return Take('+') ? Signed() : Power();
    }

    private Expression Power()
    {
        var root = Atom();
        if (Peek() == '*' && Next(1) == '*') _at += 2;
        else if (!Take('^')) return root;
        return _graph.Power(root, Signed());
    }

    private Expression Atom()
    {
        var c = Peek();
        if (Take('('))
        {
            var inner = Sum();
            return Take(')') ? inner : throw Unexpected("')'");
        }
        if (char.IsAsciiDigit(c) || c == '.') return Number();
        if (!char.IsAsciiLetter(c) && c != '_') throw Unexpected("a number, a name or '('");
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] == '_')) _at++;
        var name = _text[start.._at];
        return Take('(') ? Call(name) : _resolve(name);
    }

    private Expression Number()
    {
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiDigit(_text[_at]) || _text[_at] == '.')) _at++;
        if (_at < _text.Length && _text[_at] is 'e' or 'E')
        {
            var mantissa = _at++;
            if (_at < _text.Length && _text[_at] is '+' or '-') _at++;
            if (_at < _text.Length && char.IsAsciiDigit(_text[_at])) while (_at < _text.Length && char.IsAsciiDigit(_text[_at])) _at++;
            else _at = mantissa;
        }
        return double.TryParse(_text.AsSpan(start, _at - start), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? _graph.Constant(value) : throw Unexpected("a number");
    }

    private Expression Call(string name)
    {
        var arguments = new List<Expression>();
        do arguments.Add(Sum());
        while (Take(','));
        if (!Take(')')) throw Unexpected("')' or ','");
        Expression One() => arguments.Count == 1
            ? arguments[0] : throw new PetabException($"{_component}: {name} takes 1 argument; {arguments.Count} are given in '{_text}'");
        Expression Two() => arguments.Count == 2
            ? arguments[1] : throw new PetabException($"{_component}: {name} takes 2 arguments; {arguments.Count} are given in '{_text}'");
        return name switch
        {
            "exp" => _graph.Exp(One()),
            "ln" => _graph.Log(One()),
            "log" when arguments.Count == 2 => _graph.Divide(_graph.Log(arguments[0]), _graph.Log(arguments[1])),
            "log" => _graph.Log(One()),
            "log10" => _graph.Divide(_graph.Log(One()), _graph.Constant(Ln10)),
            "log2" => _graph.Divide(_graph.Log(One()), _graph.Constant(Ln2)),
            "sqrt" => _graph.Root(One()),
            "pow" => _graph.Power(arguments[0], Two()),
            "abs" => _graph.Select(One(), _graph.Negate(One()), One()),
            "tanh" => _graph.Tanh(One()),
            "min" => arguments.Aggregate((a, b) => _graph.Select(_graph.Subtract(a, b), a, b)),
            "max" => arguments.Aggregate((a, b) => _graph.Select(_graph.Subtract(a, b), b, a)),
            _ => throw new PetabException($"{_component}: the function '{name}' in '{_text}' is not supported"),
        };
    }

    private char Peek()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at])) _at++;
        return _at < _text.Length ? _text[_at] : '\0';
    }

    private char Next(int offset) => _at + offset < _text.Length ? _text[_at + offset] : '\0';

    private bool Take(char c)
    {
        if (Peek() != c) return false;
        _at++;
        return true;
    }

    private PetabException Unexpected(string wanted) => new(
        $"{_component}: {wanted} is expected in '{_text}' at character {_at + 1}, where '{(_at < _text.Length ? _text[_at] : ' ')}' stands");
}
