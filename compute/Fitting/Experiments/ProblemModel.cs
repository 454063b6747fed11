using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Fitting;

/// <summary>A problem by name, or made of text, as a fit's model. Right-hand side and derivatives are the problem's own.</summary>
public static class ProblemFitModel
{
    public static FitModel Of(OdeProblem problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return new FitModel<Called>(
            [.. problem.States.Select(s => s.Name)], [.. problem.Parameters.Select(p => p.Name)], p => new Called(problem, p));
    }

    /// <summary>A problem whose members are called, one virtual call an evaluation.</summary>
    internal readonly struct Called(OdeProblem problem, double[] parameters) : IParametricOdeModel
    {
        public int Dimension => problem.States.Length;

        // Whether time enters is not told; asking costs two evaluations a step.
        public bool IsAutonomous => false;

        public int ParameterCount => parameters.Length;

        public double Parameter(int index) => parameters[index];

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => problem.Rhs(t, y, parameters, dy);

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian) => problem.Jacobian(t, y, parameters, jacobian);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative)
        {
            var step = 1e-5 * Math.Max(Math.Abs(t), 1e-3);
            var back = new double[y.Length];
            problem.Rhs(t + step, y, parameters, derivative);
            problem.Rhs(t - step, y, parameters, back);
            for (var i = 0; i < back.Length; i++) derivative[i] = (derivative[i] - back[i]) / (2.0 * step);
        }

        public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives) =>
            problem.ParameterDerivatives(t, y, parameters, derivatives);
    }
}
