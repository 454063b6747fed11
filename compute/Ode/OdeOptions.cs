namespace Athanor.Compute.Ode;

/// <summary>Tolerances and limits of a solve. A step is accepted when the root mean square of error_i / (atol + rtol max(|y_i|, |y_i new|))
/// over each block of components is at most 1.</summary>
public readonly record struct OdeOptions()
{
    public double RelativeTolerance { get; init; } = 1e-6;

    public double AbsoluteTolerance { get; init; } = 1e-9;

    /// <summary>Absolute tolerance by component, in place of <see cref="AbsoluteTolerance"/>; null for the same for all.</summary>
    public double[]? AbsoluteTolerances { get; init; }

    /// <summary>First step; 0 lets the solver choose it.</summary>
    public double InitialStep { get; init; }

    /// <summary>Longest step allowed.</summary>
    public double MaxStep { get; init; } = double.PositiveInfinity;

    /// <summary>Most steps tried, accepted or not.</summary>
    public int MaxSteps { get; init; } = 1_000_000;

    /// <summary>Step exactly onto the output times instead of interpolating: as accurate as the solution itself.</summary>
    public bool HitOutputTimes { get; init; }

    /// <summary>Writes the absolute tolerance of every component.</summary>
    /// <exception cref="ArgumentException"><see cref="AbsoluteTolerances"/> has another length.</exception>
    internal void AbsoluteTo(Span<double> tolerances)
    {
        if (AbsoluteTolerances is not { } own)
        {
            tolerances.Fill(AbsoluteTolerance);
            return;
        }
        if (own.Length != tolerances.Length)
            throw new ArgumentException($"there are {own.Length} absolute tolerances where the model has {tolerances.Length} components");
        own.CopyTo(tolerances);
    }

    /// <exception cref="ArgumentException">A tolerance or limit makes no sense.</exception>
    public void Validate()
    {
        if (!(RelativeTolerance is >= 1e-14 and < 1))
            throw new ArgumentException($"the relative tolerance is {RelativeTolerance:R}; it must be from 1e-14 to below 1");
        if (!(AbsoluteTolerance is > 0 and < double.PositiveInfinity))
            throw new ArgumentException($"the absolute tolerance is {AbsoluteTolerance:R}; it must be positive and finite");
        foreach (var tolerance in AbsoluteTolerances ?? [])
        {
            if (!(tolerance is > 0 and < double.PositiveInfinity))
                throw new ArgumentException($"an absolute tolerance is {tolerance:R}; it must be positive and finite");
        }
        if (!(MaxStep > 0) || !(InitialStep >= 0) || MaxSteps < 1)
            throw new ArgumentException("MaxStep and MaxSteps must be positive, InitialStep not negative");
    }
}

/// <summary>What a solve cost.</summary>
public readonly record struct OdeStatistics(long Accepted, long Rejected, long RhsEvaluations)
{
    /// <summary>What a step of the stiff method costs over one of the explicit method, where switching has to weigh them: eight right-hand
    /// sides, a Jacobian and its factors against six right-hand sides (measured on the catalogue's problems: 2 to 5).</summary>
    public const double StiffStepCost = 4.0;

    /// <summary>Of all steps tried those of implicit methods.</summary>
    public long ImplicitSteps { get; init; }

    /// <summary>Steps tried, accepted or not.</summary>
    public long Tried => Accepted + Rejected;

    /// <summary>Steps tried in explicit ones, each stiff one counted <see cref="StiffStepCost"/> times.</summary>
    public double Work => Tried + ((StiffStepCost - 1.0) * ImplicitSteps);

    public OdeStatistics Plus(in OdeStatistics other) =>
        new(Accepted + other.Accepted, Rejected + other.Rejected, RhsEvaluations + other.RhsEvaluations)
        {
            ImplicitSteps = ImplicitSteps + other.ImplicitSteps,
        };
}

/// <summary>A solve that could not go on. The message names time and component.</summary>
public abstract class OdeException(string message, double time, int component) : Exception(message)
{
    /// <summary>Time that was reached.</summary>
    public double Time { get; } = time;

    /// <summary>The component that stopped the solve, or -1.</summary>
    public int Component { get; } = component;

    /// <summary>The same error with the component called by its name, e.g. "state T of exothermic-cstr".</summary>
    internal abstract OdeException Named(string label);

    private protected static string Label(string? label, int component) =>
        label ?? FormattableString.Invariant($"component {component}");
}

/// <summary>The tolerance cannot be met with a step that still moves the time: a singularity, or a stiff problem for an explicit
/// method.</summary>
public sealed class StepSizeTooSmallException(double time, double step, int component, string? label = null)
    : OdeException(
        FormattableString.Invariant($"the step fell to {step:G3} at t = {time:R}: {Label(label, component)} does not meet the tolerance ")
        + "(a singularity, or too stiff for this method)",
        time, component)
{
    internal override OdeException Named(string label) => new StepSizeTooSmallException(Time, step, Component, label);
}

/// <summary>The model gave NaN or infinity however short the step.</summary>
public sealed class NonFiniteException(double time, int component, string? label = null)
    : OdeException(
        FormattableString.Invariant($"{Label(label, component)} is NaN or infinite at t = {time:R}, however short the step"),
        time, component)
{
    internal override OdeException Named(string label) => new NonFiniteException(Time, Component, label);
}

/// <summary>The limit of steps was reached.</summary>
public sealed class TooManyStepsException(double time, int steps, int component, string? label = null)
    : OdeException(
        FormattableString.Invariant($"{steps} steps were not enough: t = {time:R} was reached; {Label(label, component)} has the largest error"),
        time, component)
{
    /// <summary>Where steps were bounded by stability: the fastest rate of the problem, per unit of time; 0 where it is not known.</summary>
    public double FastestRate { get; init; }

    public override string Message => FastestRate > 0.0
        ? base.Message + FormattableString.Invariant(
            $"; the problem is stiff (something in it changes at a rate of {FastestRate:G3} per unit of time) and wants a stiff method")
        : base.Message + " (a stiff problem for this method?)";

    internal override OdeException Named(string label) =>
        new TooManyStepsException(Time, steps, Component, label) { FastestRate = FastestRate };
}
