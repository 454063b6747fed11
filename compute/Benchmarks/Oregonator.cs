using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The Belousov-Zhabotinskii reaction as R. Field and R. Noyes model it, Journal of Chemical Physics 60 (1974) 1877, problem OREGO of the
/// Bari test set: a limit cycle of concentrations that change over six decades. Scaled, without units.
/// <code>
/// y1' = s (y2 + y1 - y1 y2 - q y1²),  y2' = (y3 - (1 + y1) y2) / s2,  y3' = w (y1 - y3)
/// </code>
/// Reference at 360: (1.000814870318523, 1228.178521549917, 132.0554942846706).
/// </summary>
/// <param name="s">Speed of y1, 77.27.</param>
/// <param name="q">8.375e-6.</param>
/// <param name="s2">Slowness of y2, 77.27.</param>
/// <param name="w">0.161.</param>
public readonly struct Oregonator(double s, double q, double s2, double w) : IOdeModel<Oregonator>
{
    /// <summary>The published constants.</summary>
    public Oregonator()
        : this(77.27, 8.375e-6, 77.27, 0.161)
    {
    }

    /// <summary>The problem of that name, to 360.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "oregonator", "The Oregonator, a model of the Belousov-Zhabotinskii reaction (stiff)",
        "R. Field, R. Noyes, J. Chem. Phys. 60 (1974) 1877; Test Set for IVP Solvers, Bari", "", 0.0, 360.0,
        [new("y1", "", 1.0, 1e-8, 0.0, 1e6), new("y2", "", 2.0, 1e-8, 0.0, 1e6), new("y3", "", 3.0, 1e-8, 0.0, 1e6)],
        [new("s", "", 77.27, 0.0), new("q", "", 8.375e-6, 0.0), new("s2", "", 77.27, 0.0), new("w", "", 0.161, 0.0)],
        new Oregonator());

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public int ParameterCount => 4;

    public Oregonator With(ReadOnlySpan<double> parameters) => new(parameters[0], parameters[1], parameters[2], parameters[3]);

    public double Parameter(int index) => index switch
    {
        0 => s,
        1 => q,
        2 => s2,
        _ => w,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double y1 = y[0], y2 = y[1], y3 = y[2];
        dy[0] = s * (y2 + y1 - (y1 * y2) - (q * y1 * y1));
        dy[1] = (y3 - y2 - (y1 * y2)) / s2;
        dy[2] = w * (y1 - y3);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> y1 = y[0], y2 = y[1], y3 = y[2];
        dy[0] = parameters[0] * (y2 + y1 - (y1 * y2) - (parameters[1] * y1 * y1));
        dy[1] = (y3 - y2 - (y1 * y2)) / parameters[2];
        dy[2] = parameters[3] * (y1 - y3);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian[0] = s * (1.0 - y[1] - (2.0 * q * y[0]));
        jacobian[1] = s * (1.0 - y[0]);
        jacobian[2] = 0.0;
        jacobian[3] = -y[1] / s2;
        jacobian[4] = -(1.0 + y[0]) / s2;
        jacobian[5] = 1.0 / s2;
        jacobian[6] = w;
        jacobian[7] = 0.0;
        jacobian[8] = -w;
    }

    public bool HasLaneJacobian => true;

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian)
    {
        Vector512<double> s = parameters[0], q = parameters[1], s2 = parameters[2], w = parameters[3], one = Vector512<double>.One;
        jacobian[0] = s * (one - y[1] - (2.0 * q * y[0]));
        jacobian[1] = s * (one - y[0]);
        jacobian[2] = Vector512<double>.Zero;
        jacobian[3] = -y[1] / s2;
        jacobian[4] = -(one + y[0]) / s2;
        jacobian[5] = one / s2;
        jacobian[6] = w;
        jacobian[7] = Vector512<double>.Zero;
        jacobian[8] = -w;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        double y1 = y[0], y2 = y[1], y3 = y[2];
        derivatives.Clear();
        derivatives[0] = y2 + y1 - (y1 * y2) - (q * y1 * y1);
        derivatives[3] = -s * y1 * y1;
        derivatives[7] = -(y3 - y2 - (y1 * y2)) / (s2 * s2);
        derivatives[11] = y1 - y3;
    }
}
