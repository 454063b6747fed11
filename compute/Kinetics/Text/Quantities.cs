using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>An expression with its dimension; null where bare numbers leave it open, so that nothing can be checked.</summary>
/// <param name="Obscure">Whether a bare number stands beside something of which it is not plain what unit the number then has
/// (<see cref="UnitSystem.IsPlain"/>).</param>
internal readonly record struct Quantity(Expression Node, Dimension? Dimension, bool Obscure = false)
{
    public bool Is(Dimension dimension) => Dimension is { } own ? own.Is(dimension) : !Obscure;

    /// <summary>As an error message says it: "has the unit ...".</summary>
    public string Has => Dimension is { } own
        ? $"has the unit {own}"
        : "is open, because a bare number stands beside a quantity of another kind than the network's concentrations; "
            + "give the number a unit, as in 0.5 [g/L] (or 2 [1] if it has none)";
}

/// <summary>Arithmetic that checks dimensions as it goes.</summary>
internal sealed class Quantities(ExpressionGraph graph, UnitSystem units)
{
    public Quantity One { get; } = new(graph.One, Dimension.None);

    public Quantity Bare(double value) => new(graph.Constant(value), null);

    public Quantity Pure(double value) => new(graph.Constant(value), Dimension.None);

    public Quantity Add(Quantity a, Quantity b, int column) => Same(graph.Add(a.Node, b.Node), a, b, "added", column);

    public Quantity Subtract(Quantity a, Quantity b, int column) =>
        Same(graph.Subtract(a.Node, b.Node), a, b, "subtracted", column);

    public Quantity Multiply(Quantity a, Quantity b) => Joined(graph.Multiply(a.Node, b.Node), a, b, a.Dimension * b.Dimension);

    public Quantity Divide(Quantity a, Quantity b, int column)
    {
        if (b.Node.Is(0.0)) throw new SyntaxException(column, "this divides by zero");
        return Joined(graph.Divide(a.Node, b.Node), a, b, a.Dimension / b.Dimension);
    }

    public Quantity Negate(Quantity a) => a with { Node = graph.Negate(a.Node) };

    public Quantity Power(Quantity a, Quantity b, int column)
    {
        if (!b.Is(Dimension.None)) throw new SyntaxException(column, $"the exponent {b.Has}; it must have none");
        var node = graph.Power(a.Node, b.Node);
        if (a.Dimension is not { IsNone: false } dimension) return a with { Node = node };
        return b.Node.IsConstant
            ? new Quantity(node, dimension.Power(b.Node.Value))
            : throw new SyntaxException(column, $"what has a unit ({dimension}) can be raised only to a power that is a number");
    }

    public Quantity Root(Quantity a) => a with { Node = graph.Root(a.Node), Dimension = a.Dimension?.Power(0.5) };

    public Quantity Exp(Quantity a, int column) => new(graph.Exp(Plain(a, "exp", column).Node), Dimension.None);

    public Quantity Log(Quantity a, int column) => new(graph.Log(Plain(a, "log", column).Node), Dimension.None);

    public Quantity Tanh(Quantity a, int column) => new(graph.Tanh(Plain(a, "tanh", column).Node), Dimension.None);

    /// <summary>x where a &lt; b, else y.</summary>
    public Quantity Below(Quantity a, Quantity b, Quantity x, Quantity y, int column)
    {
        var difference = Same(graph.Subtract(a.Node, b.Node), a, b, "compared", column);
        return Same(graph.Select(difference.Node, x.Node, y.Node), x, y, "alternatives", column);
    }

    public Quantity Table(int table, Quantity a, Quantity argument, Quantity value, int column)
    {
        if (argument.Dimension is { } expected && !a.Is(expected))
            throw new SyntaxException(column, $"the argument {a.Has}; that of the table is in {expected}");
        return new Quantity(
            graph.Multiply(value.Node, graph.Table(table, graph.Divide(a.Node, argument.Node))), value.Dimension);
    }

    /// <summary>Something of no dimension, or an error that says so.</summary>
    public static Quantity Plain(Quantity a, string of, int column) => a.Is(Dimension.None)
        ? a
        : throw new SyntaxException(
            column, $"{of} is taken of what {a.Has}; it must have none. An activation energy is divided by (R*T)");

    public static Quantity Fits(Quantity a, Dimension expected, string what, int column) => a.Is(expected)
        ? a
        : throw new SyntaxException(column, $"{what} {a.Has}; it must be in {expected}");

    private Quantity Same(Expression node, Quantity a, Quantity b, string verb, int column)
    {
        if (a.Dimension is { } left && b.Dimension is { } right && !left.Is(right))
            throw new SyntaxException(column, $"{left} and {right} cannot be {verb}");
        var dimension = a.Dimension ?? b.Dimension;
        if (a.Dimension is null != b.Dimension is null && (a.Obscure || b.Obscure || !units.IsPlain(dimension!.Value)))
        {
            throw new SyntaxException(
                column, $"a bare number meets {dimension}, of which it has no plain unit here; give it one, as in 0.5 [g/L]");
        }
        return new Quantity(node, dimension, a.Obscure || b.Obscure);
    }

    private Quantity Joined(Expression node, Quantity a, Quantity b, Dimension? dimension)
    {
        var obscure = dimension is null
            && (a.Obscure || b.Obscure || (a.Dimension is { } left && !units.IsPlain(left)) || (b.Dimension is { } right && !units.IsPlain(right)));
        return new Quantity(node, dimension, obscure);
    }
}
