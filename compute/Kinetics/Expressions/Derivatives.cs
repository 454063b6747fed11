namespace Athanor.Compute.Kinetics.Expressions;

/// <summary>Which variables (leaves that are no numbers) an expression depends on.</summary>
public sealed class Dependence
{
    private readonly Dictionary<Expression, int> _numbers = [];
    private readonly Dictionary<Expression, ulong[]> _sets = [];

    public bool On(Expression node, Expression variable)
    {
        var set = Set(node);
        return _numbers.TryGetValue(variable, out var number) && number >> 6 < set.Length && (set[number >> 6] >> number & 1) != 0;
    }

    private ulong[] Set(Expression node)
    {
        if (_sets.TryGetValue(node, out var set)) return set;
        set = node.A is null ? Leaf(node) : Set(node.A);
        if (node.B is not null) set = Union(set, Set(node.B));
        if (node.C is not null) set = Union(set, Set(node.C));
        _sets.Add(node, set);
        return set;
    }

    private ulong[] Leaf(Expression node)
    {
        if (node.IsConstant) return [];
        var number = _numbers.Count;
        _numbers.Add(node, number);
        var set = new ulong[(number >> 6) + 1];
        set[number >> 6] = 1UL << number;
        return set;
    }

    // Shares the arrays where one holds the other.
    private static ulong[] Union(ulong[] a, ulong[] b)
    {
        if (a.Length < b.Length) (a, b) = (b, a);
        var holds = true;
        for (var i = 0; i < b.Length; i++) holds &= (b[i] & ~a[i]) == 0;
        if (holds) return a;
        var union = (ulong[])a.Clone();
        for (var i = 0; i < b.Length; i++) union[i] |= b[i];
        return union;
    }
}

/// <summary>Symbolic derivatives to one variable, a state, parameter, the temperature or time; forward over the graph, each node once.</summary>
public sealed class Derivatives(ExpressionGraph graph, Dependence dependence, Expression variable)
{
    private readonly Dictionary<Expression, Expression> _done = [];

    /// <summary>d node / d variable.</summary>
    public Expression Of(Expression node)
    {
        if (node == variable) return graph.One;
        if (node.A is null || !dependence.On(node, variable)) return graph.Zero;
        if (_done.TryGetValue(node, out var found)) return found;
        var derivative = Apply(node);
        _done.Add(node, derivative);
        return derivative;
    }

    private Expression Apply(Expression node)
    {
        var a = node.A!;
        var da = Of(a);
        switch (node.Operation)
        {
            case Operation.Add: return graph.Add(da, Of(node.B!));
            case Operation.Subtract: return graph.Subtract(da, Of(node.B!));
            case Operation.Multiply: return graph.Add(graph.Multiply(da, node.B!), graph.Multiply(a, Of(node.B!)));
            case Operation.Power: return Power(node, da, Of(node.B!));
            case Operation.Select: return graph.Select(a, Of(node.B!), Of(node.C!));
        }
        if (da.Is(0.0)) return da;
        return node.Operation switch
        {
            Operation.Negate => graph.Negate(da),
            Operation.Reciprocal => graph.Negate(graph.Multiply(da, graph.Multiply(node, node))),
            Operation.Exp => graph.Multiply(node, da),
            Operation.Log => graph.Divide(da, a),
            Operation.Tanh => graph.Multiply(da, graph.Subtract(graph.One, graph.Multiply(node, node))),
            Operation.Root => graph.Multiply(da, PowerSlope(node, a, graph.Constant(0.5))),
            Operation.GuardedPower => graph.Multiply(da, PowerSlope(node, a, graph.Constant(node.Value))),
            Operation.Table => graph.Multiply(da, graph.TableSlope(node.Index, a)),
            _ => throw new NotSupportedException($"there is no second derivative of {node.Operation}"),
        };
    }

    private Expression Power(Expression node, Expression da, Expression db)
    {
        // (a^b)' = b a^b / a a' + a^b ln a b'; the logarithm is guarded, since a^b is 0 for a ≤ 0.
        var a = node.A!;
        var sum = graph.Multiply(da, PowerSlope(node, a, node.B!));
        if (db.Is(0.0)) return sum;
        var least = graph.Constant(1e-300);
        var log = graph.Log(graph.Select(graph.Subtract(a, least), least, a));
        return graph.Add(sum, graph.Multiply(graph.Multiply(node, log), db));
    }

    /// <summary>n a^n / a.</summary>
    private Expression PowerSlope(Expression power, Expression a, Expression n) => graph.Multiply(n, graph.PowerQuotient(power, a, n));
}

/// <summary>Copies expressions into a graph with other leaves: a temperature that becomes a state, parameters that move.</summary>
public sealed class Substitution(ExpressionGraph target, Func<Expression, Expression?> leaf)
{
    private readonly Dictionary<Expression, Expression> _done = [];

    /// <summary>The expression with each leaf (a node without operands) replaced; null from the function keeps it.</summary>
    public Expression Of(Expression node)
    {
        if (_done.TryGetValue(node, out var found)) return found;
        var copy = node.A is null
            ? leaf(node) ?? target.Again(node, null, null, null)
            : target.Again(node, Of(node.A), node.B is null ? null : Of(node.B), node.C is null ? null : Of(node.C));
        _done.Add(node, copy);
        return copy;
    }
}
