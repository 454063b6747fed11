using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The high irradiance responses of photomorphogenesis of E. Schäfer, Journal of Mathematical Biology 2 (1975) 41, in the form of the Bari
/// test set: eight species and reactions of phytochrome, without units.
/// <code>
/// y1' = -k1 y1 + k2 y2 + k6 y3 + o            y5' = -(k1 + k5) y5 + k2 (y6 + y7)
/// y2' = k1 y1 - (k2 + k3) y2                  y6' = -kp y6 y8 + k4 y4 + k1 y5 - k2 y6 + km y7
/// y3' = -(k6 + k1) y3 + k2 y4 + k5 y5         y7' = kp y6 y8 - (k2 + km + ks) y7
/// y4' = k3 y2 + k1 y3 - (k4 + k2) y4          y8' = -y7'
/// </code>
/// Reference at 321.8122: y1 = 7.371312573325668e-4 and so on (the tests have all eight).
/// </summary>
public readonly struct Hires : IOdeModel<Hires>
{
    private const int Count = 10;
    private static readonly string[] Names = ["k1", "k2", "k3", "k4", "k5", "k6", "kp", "km", "ks", "o"];
    private static readonly double[] Published = [1.71, 0.43, 8.32, 0.69, 0.035, 8.32, 280.0, 0.69, 0.69, 0.0007];

    private readonly Constants _k;

    /// <summary>The published constants.</summary>
    public Hires()
        : this(Published)
    {
    }

    private Hires(ReadOnlySpan<double> constants) => constants[..Count].CopyTo(_k);

    /// <summary>The problem of that name, to 321.8122.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "hires", "High irradiance responses of photomorphogenesis (stiff)",
        "E. Schaefer, J. Math. Biology 2 (1975) 41; Test Set for IVP Solvers, Bari", "", 0.0, 321.8122,
        [.. Enumerable.Range(1, 8).Select(i => new OdeState($"y{i}", "", i == 1 ? 1.0 : i == 8 ? 0.0057 : 0.0, 1e-9, 0.0, 1.5))],
        [.. Names.Zip(Published, (name, value) => new OdeParameter(name, "", value, 0.0))], new Hires());

    public int Dimension => 8;

    public bool IsAutonomous => true;

    public int ParameterCount => Count;

    public Hires With(ReadOnlySpan<double> parameters) => new(parameters);

    public double Parameter(int index) => _k[index];

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double k1 = _k[0], k2 = _k[1], k3 = _k[2], k4 = _k[3], k5 = _k[4], k6 = _k[5];
        double y1 = y[0], y2 = y[1], y3 = y[2], y4 = y[3], y5 = y[4], y6 = y[5], y7 = y[6];
        var bound = _k[6] * y6 * y[7];
        var seventh = bound - ((k2 + _k[7] + _k[8]) * y7);
        dy[0] = (k2 * y2) - (k1 * y1) + (k6 * y3) + _k[9];
        dy[1] = (k1 * y1) - ((k2 + k3) * y2);
        dy[2] = (k2 * y4) - ((k6 + k1) * y3) + (k5 * y5);
        dy[3] = (k3 * y2) + (k1 * y3) - ((k4 + k2) * y4);
        dy[4] = (k2 * (y6 + y7)) - ((k1 + k5) * y5);
        dy[5] = (k4 * y4) + (k1 * y5) - (k2 * y6) + (_k[7] * y7) - bound;
        dy[6] = seventh;
        dy[7] = -seventh;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> k1 = parameters[0], k2 = parameters[1], k3 = parameters[2], k4 = parameters[3], k5 = parameters[4];
        Vector512<double> k6 = parameters[5], y1 = y[0], y2 = y[1], y3 = y[2], y4 = y[3], y5 = y[4], y6 = y[5], y7 = y[6];
        var bound = parameters[6] * y6 * y[7];
        var seventh = bound - ((k2 + parameters[7] + parameters[8]) * y7);
        dy[0] = (k2 * y2) - (k1 * y1) + (k6 * y3) + parameters[9];
        dy[1] = (k1 * y1) - ((k2 + k3) * y2);
        dy[2] = (k2 * y4) - ((k6 + k1) * y3) + (k5 * y5);
        dy[3] = (k3 * y2) + (k1 * y3) - ((k4 + k2) * y4);
        dy[4] = (k2 * (y6 + y7)) - ((k1 + k5) * y5);
        dy[5] = (k4 * y4) + (k1 * y5) - (k2 * y6) + (parameters[7] * y7) - bound;
        dy[6] = seventh;
        dy[7] = -seventh;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        double k1 = _k[0], k2 = _k[1], k3 = _k[2], k4 = _k[3], k5 = _k[4], k6 = _k[5], kp = _k[6], km = _k[7];
        var leave = k2 + km + _k[8];
        jacobian.Clear();
        jacobian[0] = -k1;
        jacobian[1] = k2;
        jacobian[2] = k6;
        jacobian[8] = k1;
        jacobian[9] = -(k2 + k3);
        jacobian[18] = -(k6 + k1);
        jacobian[19] = k2;
        jacobian[20] = k5;
        jacobian[25] = k3;
        jacobian[26] = k1;
        jacobian[27] = -(k4 + k2);
        jacobian[36] = -(k1 + k5);
        jacobian[37] = k2;
        jacobian[38] = k2;
        jacobian[43] = k4;
        jacobian[44] = k1;
        jacobian[45] = -k2 - (kp * y[7]);
        jacobian[46] = km;
        jacobian[47] = -kp * y[5];
        jacobian[53] = kp * y[7];
        jacobian[54] = -leave;
        jacobian[55] = kp * y[5];
        jacobian[61] = -kp * y[7];
        jacobian[62] = leave;
        jacobian[63] = -kp * y[5];
    }

    public bool HasLaneJacobian => true;

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian)
    {
        Vector512<double> k1 = parameters[0], k2 = parameters[1], k3 = parameters[2], k4 = parameters[3], k5 = parameters[4];
        Vector512<double> k6 = parameters[5], kp = parameters[6], km = parameters[7], leave = k2 + km + parameters[8];
        jacobian[..64].Clear();
        jacobian[0] = -k1;
        jacobian[1] = k2;
        jacobian[2] = k6;
        jacobian[8] = k1;
        jacobian[9] = -(k2 + k3);
        jacobian[18] = -(k6 + k1);
        jacobian[19] = k2;
        jacobian[20] = k5;
        jacobian[25] = k3;
        jacobian[26] = k1;
        jacobian[27] = -(k4 + k2);
        jacobian[36] = -(k1 + k5);
        jacobian[37] = k2;
        jacobian[38] = k2;
        jacobian[43] = k4;
        jacobian[44] = k1;
        jacobian[45] = -k2 - (kp * y[7]);
        jacobian[46] = km;
        jacobian[47] = -kp * y[5];
        jacobian[53] = kp * y[7];
        jacobian[54] = -leave;
        jacobian[55] = kp * y[5];
        jacobian[61] = -kp * y[7];
        jacobian[62] = leave;
        jacobian[63] = -kp * y[5];
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var d = derivatives;
        d.Clear();
        (d[0], d[1], d[2], d[3], d[4], d[5]) = (-y[0], y[0], -y[2], y[2], -y[4], y[4]);
        (d[8], d[9], d[10], d[11], d[12], d[13]) = (y[1], -y[1], y[3], -y[3], y[5] + y[6], -y[5]);
        (d[14], d[15]) = (-y[6], y[6]);
        (d[17], d[19]) = (-y[1], y[1]);
        (d[27], d[29]) = (-y[3], y[3]);
        (d[34], d[36]) = (y[4], -y[4]);
        (d[40], d[42]) = (y[2], -y[2]);
        var product = y[5] * y[7];
        (d[53], d[54], d[55]) = (-product, product, -product);
        (d[61], d[62], d[63]) = (y[6], -y[6], y[6]);
        (d[70], d[71]) = (-y[6], y[6]);
        d[72] = 1.0;
    }

    [InlineArray(Count)]
    private struct Constants
    {
        private double _first;
    }
}
