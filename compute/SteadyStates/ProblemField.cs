using Athanor.Compute.Problems;

namespace Athanor.Compute.SteadyStates;

/// <summary>A problem with one of its parameters set free, at fixed values of the others. Not safe to use from several threads.</summary>
public class ProblemField : IVectorField
{
    /// <summary>The field, and if the problem's equations are known in a form that intervals can be put into, one whose search of a box is
    /// proven complete (<see cref="IIntervalField"/>).</summary>
    /// <inheritdoc cref="ProblemField(OdeProblem, string, double[])"/>
    public static ProblemField Of(OdeProblem problem, string parameter, double[]? parameters = null) =>
        (problem.Intervals ?? GenericModels.Find(problem)) is { } model
            ? new ProvableProblemField(model, problem, parameter, parameters)
            : new ProblemField(problem, parameter, parameters);

    private readonly OdeProblem _problem;
    private readonly double[] _parameters;
    private readonly double[] _derivatives;
    private readonly int _index;

    /// <param name="parameter">The name of the free parameter.</param>
    /// <param name="parameters">Values of all parameters; null for the problem's own.</param>
    /// <exception cref="ArgumentException">There is no such parameter, or f depends on time, so that there are no steady
    /// states.</exception>
    public ProblemField(OdeProblem problem, string parameter, double[]? parameters = null)
    {
        _problem = problem;
        _index = problem.ParameterIndex(parameter);
        _parameters = parameters is null ? problem.NominalParameters : (double[])parameters.Clone();
        if (_parameters.Length != problem.Parameters.Length)
            throw new ArgumentException($"{problem.Name} has {problem.Parameters.Length} parameters, not {_parameters.Length}.");
        _derivatives = new double[_parameters.Length * problem.States.Length];
        RefuseTime();
    }

    public OdeProblem Problem => _problem;

    public int Dimension => _problem.States.Length;

    public double NominalParameter => _parameters[_index];

    public void Rhs(ReadOnlySpan<double> x, double p, Span<double> f)
    {
        _parameters[_index] = p;
        _problem.Rhs(_problem.Start, x, _parameters, f);
    }

    public void Jacobian(ReadOnlySpan<double> x, double p, Span<double> jacobian)
    {
        _parameters[_index] = p;
        _problem.Jacobian(_problem.Start, x, _parameters, jacobian);
    }

    public void ParameterDerivative(ReadOnlySpan<double> x, double p, Span<double> derivative)
    {
        _parameters[_index] = p;
        _problem.ParameterDerivatives(_problem.Start, x, _parameters, _derivatives);
        _derivatives.AsSpan(_index * x.Length, x.Length).CopyTo(derivative);
    }

    /// <summary>All parameters with the free one at <paramref name="p"/>.</summary>
    public double[] ParametersAt(double p)
    {
        var copy = (double[])_parameters.Clone();
        copy[_index] = p;
        return copy;
    }

    private void RefuseTime()
    {
        double[] start = _problem.NominalInitial, first = new double[start.Length], later = new double[start.Length];
        _problem.Rhs(_problem.Start, start, _parameters, first);
        for (var k = 1; k <= 4; k++)
        {
            var t = _problem.Start + ((_problem.End - _problem.Start) * k / 4.3);
            _problem.Rhs(t, start, _parameters, later);
            for (var i = 0; i < start.Length; i++)
            {
                if (!double.IsFinite(later[i]) || later[i] == first[i]) continue;
                throw new ArgumentException(
                    $"{_problem.Name} depends on time (d{_problem.States[i].Name}/dt at the start's state is {first[i]:g6} at t = "
                    + $"{_problem.Start:g6} and {later[i]:g6} at t = {t:g6}), so it has no steady states to follow.");
            }
        }
    }
}
