using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The autocatalytic kinetics of H. Robertson (in J. Walsh, ed., Numerical Analysis: An Introduction, 1966), problem ROBER of E. Hairer and
/// G. Wanner, Solving ODEs II, and of the Bari test set: A → B, 2 B → B + C, B + C → A + C; y = mole fractions (y1, y2, y3), time in seconds.
/// <code>
/// y1' = -k1 y1 + k3 y2 y3,  y2' = k1 y1 - k3 y2 y3 - k2 y2²,  y3' = k2 y2²
/// </code>
/// The sum of the three stays 1. Reference at 1e11 s: (2.083340149701255e-8, 8.333360770334713e-14, 0.9999999791665050).
/// </summary>
public readonly struct Robertson(double k1, double k2, double k3) : IOdeModel<Robertson>
{
    /// <summary>The published constants.</summary>
    public Robertson()
        : this(0.04, 3e7, 1e4)
    {
    }

    /// <summary>The problem of that name, to 1e11 seconds.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "robertson", "Robertson's autocatalytic kinetics (stiff)",
        "H. Robertson, in J. Walsh (ed.), Numerical Analysis: An Introduction, 1966; Test Set for IVP Solvers, Bari", "s", 0.0, 1e11,
        [new("y1", "", 1.0, 1e-10, 0.0, 1.0), new("y2", "", 0.0, 1e-16, 0.0, 1.0), new("y3", "", 0.0, 1e-10, 0.0, 1.0)],
        [new("k1", "1/s", 0.04, 0.0), new("k2", "1/s", 3e7, 0.0), new("k3", "1/s", 1e4, 0.0)],
        new Robertson());

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public int ParameterCount => 3;

    public Robertson With(ReadOnlySpan<double> parameters) => new(parameters[0], parameters[1], parameters[2]);

    public double Parameter(int index) => index switch
    {
        0 => k1,
        1 => k2,
        _ => k3,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double y2 = y[1], y3 = y[2];
        var r1 = k1 * y[0];
        double r2 = k2 * y2 * y2, r3 = k3 * y2 * y3;
        dy[0] = r3 - r1;
        dy[1] = r1 - r3 - r2;
        dy[2] = r2;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> y2 = y[1], y3 = y[2];
        var r1 = parameters[0] * y[0];
        Vector512<double> r2 = parameters[1] * y2 * y2, r3 = parameters[2] * y2 * y3;
        dy[0] = r3 - r1;
        dy[1] = r1 - r3 - r2;
        dy[2] = r2;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        double s2 = 2.0 * k2 * y[1], a = k3 * y[2], b = k3 * y[1];
        jacobian[0] = -k1;
        jacobian[1] = a;
        jacobian[2] = b;
        jacobian[3] = k1;
        jacobian[4] = -a - s2;
        jacobian[5] = -b;
        jacobian[6] = 0.0;
        jacobian[7] = s2;
        jacobian[8] = 0.0;
    }

    public bool HasLaneJacobian => true;

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian)
    {
        Vector512<double> k1 = parameters[0], s2 = 2.0 * parameters[1] * y[1], a = parameters[2] * y[2], b = parameters[2] * y[1];
        jacobian[0] = -k1;
        jacobian[1] = a;
        jacobian[2] = b;
        jacobian[3] = k1;
        jacobian[4] = -a - s2;
        jacobian[5] = -b;
        jacobian[6] = Vector512<double>.Zero;
        jacobian[7] = s2;
        jacobian[8] = Vector512<double>.Zero;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        double square = y[1] * y[1], product = y[1] * y[2];
        derivatives[0] = -y[0];
        derivatives[1] = y[0];
        derivatives[2] = 0.0;
        derivatives[3] = 0.0;
        derivatives[4] = -square;
        derivatives[5] = square;
        derivatives[6] = product;
        derivatives[7] = -product;
        derivatives[8] = 0.0;
    }
}
