namespace Athanor.Compute.Ode;

/// <summary>The model's Jacobian is NaN or infinite at a state that the solve has reached.</summary>
public sealed class NonFiniteJacobianException(double time, int row, int column, string? label = null)
    : OdeException(
        FormattableString.Invariant(
            $"the Jacobian is NaN or infinite at t = {time:R}: the derivative of {Label(label, row)} to component {column}"),
        time, row)
{
    /// <summary>The component to which the derivative was taken.</summary>
    public int Column { get; } = column;

    internal override OdeException Named(string label) => new NonFiniteJacobianException(Time, Component, Column, label);
}

/// <summary>The algebraic equations do not determine the algebraic unknowns: the index is above 1.</summary>
public sealed class HighIndexException(double time, int equation, string? label = null)
    : OdeException(
        FormattableString.Invariant($"the algebraic equations do not determine the algebraic unknowns at t = {time:R}: ")
        + (label ?? FormattableString.Invariant($"equation {equation}"))
        + " adds nothing to the others (index above 1; differentiate it, or give the missing equation)",
        time, equation)
{
    internal override OdeException Named(string label) => new HighIndexException(Time, Component, label);
}

/// <summary>No values of the algebraic unknowns near the given ones satisfy the algebraic equations.</summary>
public sealed class InconsistentStartException(double time, int equation, double residual, string? label = null)
    : OdeException(
        FormattableString.Invariant($"no consistent start was found at t = {time:R}: ")
        + (label ?? FormattableString.Invariant($"algebraic equation {equation}"))
        + FormattableString.Invariant($" is off by {residual:G4}; give algebraic unknowns nearer to a solution"),
        time, equation)
{
    /// <summary>What the equation is off by.</summary>
    public double Residual { get; } = residual;

    internal override OdeException Named(string label) => new InconsistentStartException(Time, Component, Residual, label);
}
