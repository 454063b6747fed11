using Athanor.Compute.Problems;

namespace Athanor.Compute.SteadyStates;

/// <summary>A problem's field whose equations can also be evaluated in intervals.</summary>
internal sealed class ProvableProblemField(IIntervalModel model, OdeProblem problem, string parameter, double[]? parameters)
    : ProblemField(problem, parameter, parameters), IIntervalField
{
    public void Rhs(ReadOnlySpan<Interval> x, double p, Span<Interval> f) => model.Rhs(x, ParametersAt(p), f);

    public void Jacobian(ReadOnlySpan<Interval> x, double p, Span<Interval> jacobian) => model.Jacobian(x, ParametersAt(p), jacobian);
}
