using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>A problem whose model is not one struct (a flowsheet of several stretches) as a model at the problem's start.</summary>
internal readonly struct ErasedModel(OdeProblem problem, double[] parameters) : IOdeModel<ErasedModel>
{
    public int Dimension => problem.States.Length;

    public bool IsAutonomous => true;

    public int ParameterCount => problem.Parameters.Length;

    public double Parameter(int index) => parameters[index];

    public ErasedModel With(ReadOnlySpan<double> values) => new(problem, values.ToArray());

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => problem.Rhs(problem.Start, y, parameters, dy);

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian) =>
        problem.Jacobian(problem.Start, y, parameters, jacobian);

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives) =>
        problem.ParameterDerivatives(problem.Start, y, parameters, derivatives);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> lanes, Span<Vector512<double>> dy)
    {
        int n = Dimension, count = ParameterCount;
        double[] state = new double[n], values = new double[count], slope = new double[n];
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            for (var i = 0; i < n; i++) state[i] = y[i].GetElement(lane);
            for (var k = 0; k < count; k++) values[k] = lanes[k].GetElement(lane);
            problem.Rhs(problem.Start, state, values, slope);
            for (var i = 0; i < n; i++) dy[i] = dy[i].WithElement(lane, slope[i]);
        }
    }
}
