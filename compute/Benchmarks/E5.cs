using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// A chemical pyrolysis, problem E5 of W. Enright, T. Hull and B. Lindberg, BIT 15 (1975) 10, in the form of the Bari test set: y in mol/L,
/// time in seconds. Its concentrations fall to 1e-23 and below, so absolute tolerances of usual size see nothing of it.
/// <code>
/// y1' = -A y1 - B y1 y3,  y2' = A y1 - M C y2 y3,  y3' = y2' - y4',  y4' = B y1 y3 - C y4
/// </code>
/// y2 - y3 - y4 stays 0 if it starts so. Reference at 1e13: y2 = 8.86765551764212e-23, y3 = 8.854814626268838e-23 (three digits are scored).
/// </summary>
/// <remarks>y4' is formed with y4, but y3' with y2 - y3 in place of y4, which is the same where the balance holds and draws back to it
/// where it does not. With C y4 in both rows a stiff method's matrix I / (h gamma) - J holds C = 1,130 twice, and the two cancel where
/// steps are 1e12 long: of 1 / (h gamma) no digit would be left.</remarks>
public readonly struct E5(double a, double b, double c, double m) : IOdeModel<E5>
{
    /// <summary>The published constants.</summary>
    public E5()
        : this(7.89e-10, 1.1e7, 1.13e3, 1e6)
    {
    }

    /// <summary>The problem of that name, to 1e13 seconds.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "e5", "Chemical pyrolysis E5 (stiff, tiny concentrations)",
        "W. Enright, T. Hull, B. Lindberg, BIT 15 (1975) 10; Test Set for IVP Solvers, Bari", "s", 0.0, 1e13,
        [
            new("y1", "mol/L", 1.76e-3, 1e-24, 0.0, 1.0), new("y2", "mol/L", 0.0, 1e-24, 0.0, 1.0),
            new("y3", "mol/L", 0.0, 1e-24, 0.0, 1.0), new("y4", "mol/L", 0.0, 1e-24, 0.0, 1.0),
        ],
        [
            new("A", "1/s", 7.89e-10, 0.0), new("B", "L/(mol s)", 1.1e7, 0.0), new("C", "1/s", 1.13e3, 0.0), new("M", "L/mol", 1e6, 0.0),
        ],
        new E5());

    public int Dimension => 4;

    public bool IsAutonomous => true;

    public int ParameterCount => 4;

    public E5 With(ReadOnlySpan<double> parameters) => new(parameters[0], parameters[1], parameters[2], parameters[3]);

    public double Parameter(int index) => index switch
    {
        0 => a,
        1 => b,
        2 => c,
        _ => m,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double y2 = y[1], y3 = y[2], y4 = y[3];
        var r1 = a * y[0];
        double r2 = b * y[0] * y3, r3 = m * c * y2 * y3;
        dy[0] = -r1 - r2;
        dy[1] = r1 - r3;
        dy[2] = r1 - r3 - r2 + (c * (y2 - y3));
        dy[3] = r2 - (c * y4);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> y2 = y[1], y3 = y[2], y4 = y[3], c = parameters[2], r1 = parameters[0] * y[0];
        Vector512<double> r2 = parameters[1] * y[0] * y3, r3 = parameters[3] * c * y2 * y3;
        dy[0] = -r1 - r2;
        dy[1] = r1 - r3;
        dy[2] = r1 - r3 - r2 + (c * (y2 - y3));
        dy[3] = r2 - (c * y4);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        double b1 = b * y[2], b3 = b * y[0], d2 = m * c * y[2], d3 = m * c * y[1];
        jacobian.Clear();
        jacobian[0] = -a - b1;
        jacobian[2] = -b3;
        jacobian[4] = a;
        jacobian[5] = -d2;
        jacobian[6] = -d3;
        jacobian[8] = a - b1;
        jacobian[9] = c - d2;
        jacobian[10] = -d3 - b3 - c;
        jacobian[12] = b1;
        jacobian[14] = b3;
        jacobian[15] = -c;
    }

    public bool HasLaneJacobian => true;

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian)
    {
        Vector512<double> a = parameters[0], c = parameters[2], mc = parameters[3] * c;
        Vector512<double> b1 = parameters[1] * y[2], b3 = parameters[1] * y[0], d2 = mc * y[2], d3 = mc * y[1];
        jacobian[..16].Clear();
        jacobian[0] = -a - b1;
        jacobian[2] = -b3;
        jacobian[4] = a;
        jacobian[5] = -d2;
        jacobian[6] = -d3;
        jacobian[8] = a - b1;
        jacobian[9] = c - d2;
        jacobian[10] = -d3 - b3 - c;
        jacobian[12] = b1;
        jacobian[14] = b3;
        jacobian[15] = -c;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        double y1 = y[0], y2 = y[1], y3 = y[2], y4 = y[3];
        Set(derivatives, -y1, y1, y1, 0.0);
        Set(derivatives[4..], -y1 * y3, 0.0, -y1 * y3, y1 * y3);
        Set(derivatives[8..], 0.0, -m * y2 * y3, y2 - y3 - (m * y2 * y3), -y4);
        Set(derivatives[12..], 0.0, -c * y2 * y3, -c * y2 * y3, 0.0);
    }

    private static void Set(Span<double> row, double d1, double d2, double d3, double d4) =>
        (row[0], row[1], row[2], row[3]) = (d1, d2, d3, d4);
}
