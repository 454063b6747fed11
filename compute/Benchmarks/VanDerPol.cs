using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The relaxation oscillator of B. van der Pol, Philosophical Magazine 2 (1926) 978, problem VDPOL of the Bari test set; without units.
/// <code>
/// y1' = y2,  y2' = mu (1 - y1²) y2 - y1
/// </code>
/// Reference at 2,000 for mu = 1,000: (1.706167732170469, -8.928097010248125e-4).
/// </summary>
public readonly struct VanDerPol(double mu) : IOdeModel<VanDerPol>
{
    /// <summary>The stiff case of the test set.</summary>
    public VanDerPol()
        : this(1000.0)
    {
    }

    /// <summary>The problem of that name, to 2,000.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "van-der-pol", "Van der Pol's oscillator (stiff for large mu)",
        "B. van der Pol, Phil. Mag. 2 (1926) 978; Test Set for IVP Solvers, Bari", "", 0.0, 2000.0,
        [new("y1", "", 2.0, 1e-9, -3.0, 3.0), new("y2", "", 0.0, 1e-9, -2000.0, 2000.0)], [new("mu", "", 1000.0, 0.0)], new VanDerPol());

    public int Dimension => 2;

    public bool IsAutonomous => true;

    public int ParameterCount => 1;

    public VanDerPol With(ReadOnlySpan<double> parameters) => new(parameters[0]);

    public double Parameter(int index) => mu;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double y1 = y[0], y2 = y[1];
        dy[0] = y2;
        dy[1] = (mu * (1.0 - (y1 * y1)) * y2) - y1;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> y1 = y[0], y2 = y[1];
        dy[0] = y2;
        dy[1] = (parameters[0] * (Vector512<double>.One - (y1 * y1)) * y2) - y1;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian[0] = 0.0;
        jacobian[1] = 1.0;
        jacobian[2] = (-2.0 * mu * y[0] * y[1]) - 1.0;
        jacobian[3] = mu * (1.0 - (y[0] * y[0]));
    }

    public bool HasLaneJacobian => true;

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian)
    {
        Vector512<double> mu = parameters[0], one = Vector512<double>.One;
        jacobian[0] = Vector512<double>.Zero;
        jacobian[1] = one;
        jacobian[2] = (-2.0 * mu * y[0] * y[1]) - one;
        jacobian[3] = mu * (one - (y[0] * y[0]));
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        derivatives[0] = 0.0;
        derivatives[1] = (1.0 - (y[0] * y[0])) * y[1];
    }
}
