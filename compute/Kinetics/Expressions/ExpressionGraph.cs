using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kinetics.Expressions;

/// <summary>
/// Makes expressions. A node that was made before is returned again (so common subexpressions are shared), numbers are folded, and what
/// differentiation leaves behind (0 x, 1 x, x + 0, --x) is simplified. Not safe for several threads.
/// </summary>
public sealed class ExpressionGraph
{
    private const int LargestWholePower = 64;
    private readonly Dictionary<(Operation, long, int, int, int, int), Expression> _nodes = [];

    public Expression Zero => Constant(0.0);

    public Expression One => Constant(1.0);

    public Expression Temperature => Leaf(Operation.Temperature, 0);

    public Expression Time => Leaf(Operation.Time, 0);

    public Expression Constant(double value) => Node(Operation.Constant, value, 0, null, null, null);

    public Expression State(int index) => Leaf(Operation.State, index);

    public Expression Parameter(int index) => Leaf(Operation.Parameter, index);

    public Expression Add(Expression a, Expression b)
    {
        if (a.IsConstant && b.IsConstant) return Constant(a.Value + b.Value);
        if (a.Is(0.0)) return b;
        if (b.Is(0.0)) return a;
        if (b.Operation == Operation.Negate) return Subtract(a, b.A!);
        if (a.Operation == Operation.Negate) return Subtract(b, a.A!);
        // One order for both, so that a + b and b + a are one node.
        return a.Id <= b.Id ? Node(Operation.Add, a, b) : Node(Operation.Add, b, a);
    }

    public Expression Subtract(Expression a, Expression b)
    {
        if (a.IsConstant && b.IsConstant) return Constant(a.Value - b.Value);
        if (a.Is(0.0)) return Negate(b);
        if (b.Is(0.0)) return a;
        return b.Operation == Operation.Negate ? Add(a, b.A!) : Node(Operation.Subtract, a, b);
    }

    public Expression Multiply(Expression a, Expression b)
    {
        if (b.IsConstant) (a, b) = (b, a);
        if (a.IsConstant)
        {
            if (b.IsConstant) return Constant(a.Value * b.Value);
            if (a.Value == 0.0) return a;
            if (a.Value == 1.0) return b;
            if (a.Value == -1.0) return Negate(b);
            if (b.Operation == Operation.Multiply && b.A!.IsConstant) return Multiply(Constant(a.Value * b.A.Value), b.B!);
            if (b.Operation == Operation.Negate) return Multiply(Constant(-a.Value), b.A!);
            return Node(Operation.Multiply, a, b);
        }
        if (a.Operation == Operation.Negate) return Negate(Multiply(a.A!, b));
        if (b.Operation == Operation.Negate) return Negate(Multiply(a, b.A!));
        // Numbers go to the front, where they meet.
        if (a.Operation == Operation.Multiply && a.A!.IsConstant) return Multiply(a.A, Multiply(a.B!, b));
        if (b.Operation == Operation.Multiply && b.A!.IsConstant) return Multiply(b.A, Multiply(a, b.B!));
        return a.Id <= b.Id ? Node(Operation.Multiply, a, b) : Node(Operation.Multiply, b, a);
    }

    public Expression Divide(Expression a, Expression b) => Multiply(a, Reciprocal(b));

    public Expression Reciprocal(Expression a)
    {
        if (a.IsConstant) return Constant(1.0 / a.Value);
        return a.Operation switch
        {
            Operation.Reciprocal => a.A!,
            Operation.Negate => Negate(Reciprocal(a.A!)),
            Operation.Multiply when a.A!.IsConstant => Multiply(Constant(1.0 / a.A.Value), Reciprocal(a.B!)),
            _ => Node(Operation.Reciprocal, a),
        };
    }

    public Expression Negate(Expression a)
    {
        if (a.IsConstant) return Constant(-a.Value);
        return a.Operation switch
        {
            Operation.Negate => a.A!,
            Operation.Subtract => Subtract(a.B!, a.A!),
            Operation.Multiply when a.A!.IsConstant => Multiply(Constant(-a.A.Value), a.B!),
            _ => Node(Operation.Negate, a),
        };
    }

    public Expression Exp(Expression a) => a.IsConstant ? Constant(DetMath.Exp(a.Value)) : Node(Operation.Exp, a);

    public Expression Log(Expression a) => a.IsConstant ? Constant(DetMath.Log(a.Value)) : Node(Operation.Log, a);

    public Expression Tanh(Expression a) => a.IsConstant ? Constant(DetMath.Tanh(a.Value)) : Node(Operation.Tanh, a);

    public Expression Root(Expression a) => a.IsConstant ? Constant(ExpressionFunctions.Root(a.Value)) : Node(Operation.Root, a);

    /// <summary>a^b. A whole constant exponent becomes products; another positive constant is guarded: 0 for a ≤ 0.</summary>
    public Expression Power(Expression a, Expression b)
    {
        if (!b.IsConstant) return Node(Operation.Power, a, b);
        var n = b.Value;
        if (n == 0.5) return Root(a);
        if (n == Math.Floor(n) && Math.Abs(n) <= LargestWholePower)
            return n < 0.0 ? Reciprocal(Whole(a, (int)-n)) : Whole(a, (int)n);
        if (n < 0.0) return Reciprocal(Power(a, Constant(-n)));
        return a.IsConstant
            ? Constant(ExpressionFunctions.GuardedPower(a.Value, n))
            : Node(Operation.GuardedPower, n, 0, a, null, null);
    }

    /// <summary>b where a &lt; 0, else c.</summary>
    public Expression Select(Expression a, Expression b, Expression c)
    {
        if (b == c) return b;
        if (a.IsConstant) return a.Value < 0.0 ? b : a.Value >= 0.0 ? c : a;
        return Node(Operation.Select, 0.0, 0, a, b, c);
    }

    public Expression Table(int table, Expression a) => Node(Operation.Table, 0.0, table, a, null, null);

    internal Expression TableSlope(int table, Expression a) => Node(Operation.TableSlope, 0.0, table, a, null, null);

    /// <summary>a^n / a, given a^n.</summary>
    internal Expression PowerQuotient(Expression power, Expression a, Expression n) => Node(Operation.PowerQuotient, 0.0, 0, power, a, n);

    /// <summary>The same operation on other operands, simplified anew.</summary>
    internal Expression Again(Expression like, Expression? a, Expression? b, Expression? c) => like.Operation switch
    {
        Operation.Constant => Constant(like.Value),
        Operation.Add => Add(a!, b!),
        Operation.Subtract => Subtract(a!, b!),
        Operation.Multiply => Multiply(a!, b!),
        Operation.Reciprocal => Reciprocal(a!),
        Operation.Negate => Negate(a!),
        Operation.Exp => Exp(a!),
        Operation.Log => Log(a!),
        Operation.Tanh => Tanh(a!),
        Operation.Root => Root(a!),
        Operation.GuardedPower => Power(a!, Constant(like.Value)),
        Operation.Power => Power(a!, b!),
        Operation.PowerQuotient => PowerQuotient(a!, b!, c!),
        Operation.Select => Select(a!, b!, c!),
        Operation.Table => Table(like.Index, a!),
        Operation.TableSlope => TableSlope(like.Index, a!),
        _ => Leaf(like.Operation, like.Index),
    };

    private Expression Whole(Expression a, int n)
    {
        if (n == 0) return One;
        if (n == 1) return a;
        var half = Whole(a, n / 2);
        var square = Multiply(half, half);
        return n % 2 == 0 ? square : Multiply(square, a);
    }

    private Expression Leaf(Operation operation, int index) => Node(operation, 0.0, index, null, null, null);

    private Expression Node(Operation operation, Expression a, Expression? b = null) => Node(operation, 0.0, 0, a, b, null);

    private Expression Node(Operation operation, double value, int index, Expression? a, Expression? b, Expression? c)
    {
        var key = (operation, BitConverter.DoubleToInt64Bits(value), index, a?.Id ?? -1, b?.Id ?? -1, c?.Id ?? -1);
        if (_nodes.TryGetValue(key, out var node)) return node;
        node = new Expression(_nodes.Count, operation, value, index, a, b, c);
        _nodes.Add(key, node);
        return node;
    }
}
