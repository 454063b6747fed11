using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The isothermal stirred tank of J. G. van de Vusse, Chemical Engineering Science 19 (1964), A → B → C, 2 A → D, with the constants of
/// W. Bequette, Process Dynamics (1998), module 5: y = (A, B) in mol/L, time in minutes.
/// <code>
/// dA/dt = D (Af - A) - k1 A - k3 A²
/// dB/dt = -D B + k1 A - k2 B
/// </code>
/// Nominal: k1 = 5/6, k2 = 5/3 1/min, k3 = 1/6 L/(mol min), D = 4/7 1/min, Af = 10 mol/L, at rest at (3, 1.11702). The gain from D to B
/// changes its sign at the largest B.
/// </summary>
/// <param name="dilution">Flow over volume D, 1/min.</param>
/// <param name="feed">A in the feed Af, mol/L.</param>
public readonly struct VanDeVusse(double dilution, double feed, double k1, double k2, double k3) : IOdeModel<VanDeVusse>
{
    /// <summary>The nominal tank.</summary>
    public VanDeVusse()
        : this(4.0 / 7.0, 10.0, 5.0 / 6.0, 5.0 / 3.0, 1.0 / 6.0)
    {
    }

    /// <summary>The problem of that name, from (10, 0) over ten minutes.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "van-de-vusse", "Isothermal Van de Vusse tank A -> B -> C, 2 A -> D",
        "J. G. van de Vusse, Chem. Eng. Sci. 19 (1964) 994; constants of W. Bequette, Process Dynamics, 1998", "min", 0.0, 10.0,
        [new("A", "mol/L", 10.0, 1e-9, 0.0, 20.0), new("B", "mol/L", 0.0, 1e-9, 0.0, 20.0)],
        [
            new("D", "1/min", 4.0 / 7.0, 0.0, 10.0), new("Af", "mol/L", 10.0, 0.0, 20.0), new("k1", "1/min", 5.0 / 6.0, 0.0),
            new("k2", "1/min", 5.0 / 3.0, 0.0), new("k3", "L/(mol min)", 1.0 / 6.0, 0.0),
        ],
        new VanDeVusse());

    public int Dimension => 2;

    public bool IsAutonomous => true;

    public int ParameterCount => 5;

    public VanDeVusse With(ReadOnlySpan<double> parameters) =>
        new(parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]);

    public double Parameter(int index) => index switch
    {
        0 => dilution,
        1 => feed,
        2 => k1,
        3 => k2,
        _ => k3,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double a = y[0], b = y[1];
        dy[0] = (dilution * (feed - a)) - (k1 * a) - (k3 * a * a);
        dy[1] = (k1 * a) - (dilution * b) - (k2 * b);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> a = y[0], b = y[1];
        dy[0] = (parameters[0] * (parameters[1] - a)) - (parameters[2] * a) - (parameters[4] * a * a);
        dy[1] = (parameters[2] * a) - (parameters[0] * b) - (parameters[3] * b);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian[0] = -dilution - k1 - (2.0 * k3 * y[0]);
        jacobian[1] = 0.0;
        jacobian[2] = k1;
        jacobian[3] = -dilution - k2;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        derivatives.Clear();
        derivatives[0] = feed - y[0];
        derivatives[1] = -y[1];
        derivatives[2] = dilution;
        derivatives[4] = -y[0];
        derivatives[5] = y[0];
        derivatives[7] = -y[1];
        derivatives[8] = -y[0] * y[0];
    }
}
