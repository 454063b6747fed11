using Athanor.Compute.Problems;

namespace Athanor.Compute.SteadyStates;

/// <summary>A problem's field whose equations are also written for intervals. Derivatives over a box come from forward differentiation of
/// the same text.</summary>
internal sealed class ProvableProblemField : ProblemField, IIntervalField
{
    private readonly IGenericField _model;
    private readonly IntervalGradient[] _x, _f;

    public ProvableProblemField(IGenericField model, OdeProblem problem, string parameter, double[]? parameters)
        : base(problem, parameter, parameters)
    {
        _model = model;
        _x = new IntervalGradient[Dimension];
        _f = new IntervalGradient[Dimension];
    }

    public void Rhs(ReadOnlySpan<Interval> x, double p, Span<Interval> f) => _model.Rhs(x, ParametersAt(p), f);

    public void Jacobian(ReadOnlySpan<Interval> x, double p, Span<Interval> jacobian)
    {
        for (var i = 0; i < x.Length; i++) _x[i] = IntervalGradient.Variable(x[i], i, x.Length);
        _model.Rhs<IntervalGradient>(_x, ParametersAt(p), _f);
        for (var i = 0; i < x.Length; i++)
        {
            for (var j = 0; j < x.Length; j++) jacobian[(i * x.Length) + j] = _f[i].Derivative(j);
        }
    }
}
