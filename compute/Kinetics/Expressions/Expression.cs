namespace Athanor.Compute.Kinetics.Expressions;

/// <summary>What a node of an expression does. Operations are those whose scalar and lane forms have the same bits.</summary>
public enum Operation : byte
{
    /// <summary>A number.</summary>
    Constant,

    /// <summary>State (or concentration) number <see cref="Expression.Index"/>.</summary>
    State,

    /// <summary>Parameter number <see cref="Expression.Index"/>.</summary>
    Parameter,

    /// <summary>Temperature in K, where it is not a state.</summary>
    Temperature,

    /// <summary>Time.</summary>
    Time,

    Add,
    Subtract,
    Multiply,

    /// <summary>1 / a.</summary>
    Reciprocal,

    Negate,
    Exp,
    Log,
    Tanh,

    /// <summary>√a; 0 for a ≤ 0, so that a concentration that a solver takes below zero by rounding does no harm.</summary>
    Root,

    /// <summary>a to the power <see cref="Expression.Value"/>, which is not whole; 0 for a ≤ 0.</summary>
    GuardedPower,

    /// <summary>a to the power b.</summary>
    Power,

    /// <summary>a / b where a is b to the power c: the derivatives of powers, without a division by zero (see
    /// <see cref="ExpressionFunctions.PowerQuotient(double, double, double)"/>).</summary>
    PowerQuotient,

    /// <summary>b where a &lt; 0, else c; NaN where a is NaN.</summary>
    Select,

    /// <summary>Table number <see cref="Expression.Index"/> at a.</summary>
    Table,

    /// <summary>The slope of the table at a.</summary>
    TableSlope,
}

/// <summary>A node of an expression graph. Equal nodes of one <see cref="ExpressionGraph"/> are one object, so what is shared is
/// calculated once.</summary>
public sealed class Expression
{
    internal Expression(int id, Operation operation, double value, int index, Expression? a, Expression? b, Expression? c)
    {
        Id = id;
        Operation = operation;
        Value = value;
        Index = index;
        A = a;
        B = b;
        C = c;
        IsParametric = operation switch
        {
            Operation.Constant or Operation.Parameter => true,
            Operation.State or Operation.Temperature or Operation.Time => false,
            _ => a!.IsParametric && (b is null || b.IsParametric) && (c is null || c.IsParametric),
        };
    }

    /// <summary>Rises in the order of creation: a node's operands have lower ones.</summary>
    public int Id { get; }

    public Operation Operation { get; }

    public double Value { get; }

    public int Index { get; }

    public Expression? A { get; }

    public Expression? B { get; }

    public Expression? C { get; }

    /// <summary>Whether it depends on parameters and numbers alone, and so need be calculated only when they are set.</summary>
    public bool IsParametric { get; }

    public bool IsConstant => Operation == Operation.Constant;

    internal bool Is(double value) => IsConstant && Value == value;
}
