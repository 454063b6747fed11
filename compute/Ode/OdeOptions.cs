namespace Athanor.Compute.Ode;

/// <summary>Tolerances and limits of a solve. A step is accepted when the root mean square of error_i / (atol + rtol max(|y_i|, |y_i new|))
/// over each block of components is at most 1.</summary>
public readonly record struct OdeOptions()
{
    public double RelativeTolerance { get; init; } = 1e-6;

    public double AbsoluteTolerance { get; init; } = 1e-9;

    /// <summary>First step; 0 lets the solver choose it.</summary>
    public double InitialStep { get; init; }

    /// <summary>Longest step allowed.</summary>
    public double MaxStep { get; init; } = double.PositiveInfinity;

    /// <summary>Most steps tried, accepted or not.</summary>
    public int MaxSteps { get; init; } = 1_000_000;

    /// <summary>Step exactly onto the output times instead of interpolating: as accurate as the solution itself.</summary>
    public bool HitOutputTimes { get; init; }

    /// <exception cref="ArgumentException">A tolerance or limit makes no sense.</exception>
    public void Validate()
    {
        if (!(RelativeTolerance is >= 1e-14 and < 1))
            throw new ArgumentException($"the relative tolerance is {RelativeTolerance:R}; it must be from 1e-14 to below 1");
        if (!(AbsoluteTolerance is > 0 and < double.PositiveInfinity))
            throw new ArgumentException($"the absolute tolerance is {AbsoluteTolerance:R}; it must be positive and finite");
        if (!(MaxStep > 0) || !(InitialStep >= 0) || MaxSteps < 1)
            throw new ArgumentException("MaxStep and MaxSteps must be positive, InitialStep not negative");
    }
}

/// <summary>What a solve cost.</summary>
public readonly record struct OdeStatistics(int Accepted, int Rejected, long RhsEvaluations);

/// <summary>A solve that could not go on. The message names time and component.</summary>
public abstract class OdeException(string message, double time, int component) : Exception(message)
{
    /// <summary>Time that was reached.</summary>
    public double Time { get; } = time;

    /// <summary>The component that stopped the solve, or -1.</summary>
    public int Component { get; } = component;
}

/// <summary>The tolerance cannot be met with a step that still moves the time: a singularity, or a stiff problem for an explicit
/// method.</summary>
public sealed class StepSizeTooSmallException(double time, double step, int component)
    : OdeException(
        FormattableString.Invariant(
            $"the step fell to {step:G3} at t = {time:R}: component {component} does not meet the tolerance ")
        + "(a singularity, or too stiff for this method)",
        time, component);

/// <summary>The model gave NaN or infinity however short the step.</summary>
public sealed class NonFiniteException(double time, int component)
    : OdeException(
        FormattableString.Invariant($"component {component} of the model is NaN or infinite at t = {time:R}, however short the step"),
        time, component);

/// <summary>The limit of steps was reached.</summary>
public sealed class TooManyStepsException(double time, int steps, int component)
    : OdeException(
        FormattableString.Invariant(
            $"{steps} steps were not enough: t = {time:R} was reached; component {component} has the largest error ")
        + "(a stiff problem for this method?)",
        time, component);
