using System.Globalization;
using System.Xml.Linq;
using Athanor.Compute.Kinetics.Expressions;

namespace Athanor.Hosting.Petab;

/// <summary>MathML of SBML as expressions. What is not supported is refused with its name.</summary>
/// <param name="resolve">A name's expression; it throws for unknown ones.</param>
/// <param name="functions">The model's function definitions.</param>
/// <param name="where">For messages: the component that the formula belongs to.</param>
internal sealed class MathMl(
    ExpressionGraph graph, Func<string, Expression> resolve, IReadOnlyDictionary<string, XElement> functions, string where)
{
    private const double Ln10 = 2.302585092994045684;
    private const int DeepestCall = 32;

    public Expression Read(XElement math)
    {
        var content = math.Elements().ToArray();
        return content.Length == 1
            ? Node(content[0], resolve, 0)
            : throw Refuse($"its formula holds {content.Length} elements where one is needed");
    }

    private Expression Node(XElement e, Func<string, Expression> names, int depth)
    {
        switch (e.Name.LocalName)
        {
            case "cn": return graph.Constant(Number(e));
            case "ci": return names(e.Value.Trim());
            case "csymbol":
                var symbol = ((string?)e.Attribute("definitionURL") ?? "").Split('/')[^1];
                return symbol == "time" ? graph.Time : throw Refuse($"the symbol '{symbol}' is not supported; time is");
            case "pi": return graph.Constant(Math.PI);
            case "exponentiale": return graph.Constant(Math.E);
            case "apply": return Apply(e, names, depth);
            case "piecewise": return Piecewise(e, names, depth);
            case "semantics": return Node(e.Elements().First(), names, depth);
            default: throw Refuse($"<{e.Name.LocalName}> is not supported in a formula");
        }
    }

    private Expression Apply(XElement e, Func<string, Expression> names, int depth)
    {
        var parts = e.Elements().ToArray();
        if (parts.Length == 0) throw Refuse("<apply> is empty");
        var head = parts[0];
        var qualifiers = parts.Skip(1).Where(p => p.Name.LocalName is "degree" or "logbase").ToArray();
        var arguments = parts.Skip(1).Except(qualifiers).Select(p => Node(p, names, depth)).ToArray();
        var name = head.Name.LocalName;
        if (name == "ci") return Call(head.Value.Trim(), arguments, depth);
        Expression One() => arguments.Length == 1 ? arguments[0] : throw Refuse($"<{name}> has {arguments.Length} arguments; it takes 1");
        (Expression A, Expression B) Two() =>
            arguments.Length == 2 ? (arguments[0], arguments[1]) : throw Refuse($"<{name}> has {arguments.Length} arguments; it takes 2");
        Expression? qualifier = qualifiers.Length > 0 ? Node(qualifiers[0].Elements().First(), names, depth) : null;
        switch (name)
        {
            case "plus": return arguments.Aggregate(graph.Zero, graph.Add);
            case "times": return arguments.Aggregate(graph.One, graph.Multiply);
            case "minus": return arguments.Length == 1 ? graph.Negate(arguments[0]) : graph.Subtract(Two().A, Two().B);
            case "divide": return graph.Divide(Two().A, Two().B);
            case "power": return graph.Power(Two().A, Two().B);
            case "root": return qualifier is null ? graph.Root(One()) : graph.Power(One(), graph.Reciprocal(qualifier));
            case "exp": return graph.Exp(One());
            case "ln": return graph.Log(One());
            case "log":
                var log = graph.Log(One());
                return qualifier is null ? graph.Divide(log, graph.Constant(Ln10)) : graph.Divide(log, graph.Log(qualifier));
            case "abs": return graph.Select(One(), graph.Negate(One()), One());
            case "tanh": return graph.Tanh(One());
            case "min": return arguments.Aggregate((a, b) => graph.Select(graph.Subtract(a, b), a, b));
            case "max": return arguments.Aggregate((a, b) => graph.Select(graph.Subtract(a, b), b, a));
            case "csymbol": throw Refuse($"the function '{((string?)head.Attribute("definitionURL") ?? "").Split('/')[^1]}' is not supported");
            default: throw Refuse($"the function <{name}> is not supported");
        }
    }

    private Expression Piecewise(XElement e, Func<string, Expression> names, int depth)
    {
        var otherwise = e.Elements().FirstOrDefault(p => p.Name.LocalName == "otherwise")
            ?? throw Refuse("a piecewise formula needs an otherwise");
        var value = Node(otherwise.Elements().First(), names, depth);
        foreach (var piece in e.Elements().Where(p => p.Name.LocalName == "piece").Reverse())
        {
            var parts = piece.Elements().ToArray();
            var condition = parts[1].Elements().ToArray();
            var relation = parts[1].Name.LocalName == "apply" && condition.Length == 3 ? condition[0].Name.LocalName : parts[1].Name.LocalName;
            if (relation is not ("lt" or "leq" or "gt" or "geq"))
                throw Refuse($"the condition <{relation}> of a piecewise formula is not supported; lt, leq, gt and geq of two values are");
            Expression then = Node(parts[0], names, depth), a = Node(condition[1], names, depth), b = Node(condition[2], names, depth);
            value = relation switch
            {
                "lt" => graph.Select(graph.Subtract(a, b), then, value),
                "geq" => graph.Select(graph.Subtract(a, b), value, then),
                "gt" => graph.Select(graph.Subtract(b, a), then, value),
                _ => graph.Select(graph.Subtract(b, a), value, then),
            };
        }
        return value;
    }

    private Expression Call(string name, Expression[] arguments, int depth)
    {
        if (!functions.TryGetValue(name, out var lambda)) throw Refuse($"there is no function '{name}'");
        if (depth > DeepestCall) throw Refuse($"the function '{name}' calls itself");
        var variables = lambda.Elements().Where(p => p.Name.LocalName == "bvar").Select(p => p.Value.Trim()).ToArray();
        if (variables.Length != arguments.Length)
            throw Refuse($"the function '{name}' takes {variables.Length} arguments; {arguments.Length} are given");
        return Node(
            lambda.Elements().Last(),
            id => Array.IndexOf(variables, id) is >= 0 and var i ? arguments[i] : throw Refuse($"the function '{name}' uses '{id}', which is no argument"),
            depth + 1);
    }

    private double Number(XElement e)
    {
        var type = (string?)e.Attribute("type") ?? "real";
        double Parse(string text) => double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value : throw Refuse($"'{text.Trim()}' is no number");
        if (type is "real" or "integer") return Parse(e.Value);
        var parts = e.Nodes().OfType<XText>().Select(t => t.Value).ToArray();
        if (parts.Length != 2) throw Refuse($"the number of type {type} has {parts.Length} parts; it needs 2");
        return type switch
        {
            // As one literal, so that 1.25 e -7 is the double nearest to it.
            "e-notation" => Parse($"{parts[0].Trim()}e{parts[1].Trim()}"),
            "rational" => Parse(parts[0]) / Parse(parts[1]),
            _ => throw Refuse($"numbers of type {type} are not supported"),
        };
    }

    private PetabException Refuse(string what) => new($"{where}: {what}");
}
