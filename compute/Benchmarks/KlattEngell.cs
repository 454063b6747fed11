using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The Van de Vusse reactor with heat balances of K.-U. Klatt and S. Engell, Computers and Chemical Engineering 22 (1998) 491, and H. Chen,
/// A. Kremling, F. Allgöwer, Proc. 3rd European Control Conference (1995): y = (A in mol/L, B in mol/L, reactor in °C, coolant in °C), time
/// in hours.
/// <code>
/// dA/dt  = q (A0 - A) - k1 A - k3 A²            k1 = k10 exp(-9758.3 / T), k3 = k30 exp(-8560 / T), T in K
/// dB/dt  = -q B + k1 A - k1 B
/// dT/dt  = q (T0 - T) - (4.2 k1 A - 11 k1 B - 41.85 k3 A²) / (rho cp) + kwA / (rho cp V) (Tk - T)
/// dTk/dt = (Qk + kwA (T - Tk)) / (mk cpk)
/// </code>
/// rho cp = 0.9342 · 3.01 kJ/(L K), V = 10 L, mk cpk = 10 kJ/K. At q = 14.19 1/h and Qk = -1113.5 kJ/h it rests at (2.1402, 1.0903, 114.19,
/// 112.91).
/// </summary>
/// <param name="flow">q = F/V, 1/h.</param>
/// <param name="cooling">Qk, kJ/h; negative takes heat away.</param>
/// <param name="feed">A in the feed A0, mol/L.</param>
/// <param name="feedC">Feed temperature T0, °C.</param>
/// <param name="k10">Frequency factor of A → B and B → C, 1/h.</param>
/// <param name="k30">Frequency factor of 2 A → D, L/(mol h).</param>
/// <param name="transfer">Heat transfer coefficient times area kwA, kJ/(h K).</param>
public readonly struct KlattEngell(double flow, double cooling, double feed, double feedC, double k10, double k30, double transfer)
    : IOdeModel<KlattEngell>, ILaneDerivatives
{
    private const double Activation1K = 9758.3, Activation3K = 8560.0;
    private const double PerCapacity = 1.0 / (0.9342 * 3.01), PerTankCapacity = PerCapacity / 10.0, PerCoolantCapacity = 1.0 / 10.0;
    private const double Heat1 = 4.2 * PerCapacity, Heat2 = -11.0 * PerCapacity, Heat3 = -41.85 * PerCapacity; // K L/mol
    private const double ZeroC = 273.15;

    /// <summary>The published operating point.</summary>
    public KlattEngell()
        : this(14.19, -1113.5, 5.1, 104.9, 1.287e12, 9.043e9, 4032.0 * 0.215)
    {
    }

    /// <summary>The problem of that name, from the feed at rest over one hour.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "klatt-engell", "Van de Vusse reactor with heat balances and a cooling jacket",
        "K.-U. Klatt, S. Engell, Comput. Chem. Eng. 22 (1998) 491; H. Chen, A. Kremling, F. Allgoewer, ECC 1995", "h", 0.0, 1.0,
        [
            new("A", "mol/L", 5.1, 1e-9, 0.0, 10.0), new("B", "mol/L", 0.0, 1e-9, 0.0, 10.0), new("T", "degC", 104.9, 1e-7, 50.0, 250.0),
            new("Tk", "degC", 104.9, 1e-7, 20.0, 250.0),
        ],
        [
            new("q", "1/h", 14.19, 0.0, 100.0), new("Qk", "kJ/h", -1113.5, -9000.0, 0.0), new("A0", "mol/L", 5.1, 0.0, 10.0),
            new("T0", "degC", 104.9, 20.0, 200.0), new("k10", "1/h", 1.287e12, 0.0), new("k30", "L/(mol h)", 9.043e9, 0.0),
            new("kwA", "kJ/(h K)", 4032.0 * 0.215, 0.0),
        ],
        new KlattEngell());

    public int Dimension => 4;

    public bool IsAutonomous => true;

    public int ParameterCount => 7;

    public KlattEngell With(ReadOnlySpan<double> parameters) => new(
        parameters[0], parameters[1], parameters[2], parameters[3], parameters[4], parameters[5], parameters[6]);

    public double Parameter(int index) => index switch
    {
        0 => flow,
        1 => cooling,
        2 => feed,
        3 => feedC,
        4 => k10,
        5 => k30,
        _ => transfer,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double a = y[0], b = y[1], reactor = y[2], jacket = y[3];
        var inverse = 1.0 / (reactor + ZeroC);
        var k1 = k10 * DetMath.Exp(-Activation1K * inverse);
        var k3 = k30 * DetMath.Exp(-Activation3K * inverse);
        double r1 = k1 * a, r2 = k1 * b, r3 = k3 * a * a;
        var heat = transfer * (reactor - jacket);
        dy[0] = (flow * (feed - a)) - r1 - r3;
        dy[1] = r1 - r2 - (flow * b);
        dy[2] = (flow * (feedC - reactor)) - ((Heat1 * r1) + (Heat2 * r2) + (Heat3 * r3)) - (heat * PerTankCapacity);
        dy[3] = (cooling + heat) * PerCoolantCapacity;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> a = y[0], b = y[1], reactor = y[2], jacket = y[3], flow = parameters[0];
        var inverse = Vector512<double>.One / (reactor + Vector512.Create(ZeroC));
        var k1 = parameters[4] * DetMath.Exp(-Activation1K * inverse);
        var k3 = parameters[5] * DetMath.Exp(-Activation3K * inverse);
        Vector512<double> r1 = k1 * a, r2 = k1 * b, r3 = k3 * a * a;
        var heat = parameters[6] * (reactor - jacket);
        dy[0] = (flow * (parameters[2] - a)) - r1 - r3;
        dy[1] = r1 - r2 - (flow * b);
        dy[2] = (flow * (parameters[3] - reactor)) - ((Heat1 * r1) + (Heat2 * r2) + (Heat3 * r3)) - (heat * PerTankCapacity);
        dy[3] = (parameters[1] + heat) * PerCoolantCapacity;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var inverse = 1.0 / (y[2] + ZeroC);
        var k1 = k10 * DetMath.Exp(-Activation1K * inverse);
        var k3 = k30 * DetMath.Exp(-Activation3K * inverse);
        double e1 = Activation1K * inverse * inverse, e3 = Activation3K * inverse * inverse;
        double r1T = k1 * y[0] * e1, r2T = k1 * y[1] * e1, r3T = k3 * y[0] * y[0] * e3, r3A = 2.0 * k3 * y[0];
        jacobian.Clear();
        jacobian[0] = -flow - k1 - r3A;
        jacobian[2] = -r1T - r3T;
        jacobian[4] = k1;
        jacobian[5] = -flow - k1;
        jacobian[6] = r1T - r2T;
        jacobian[8] = -((Heat1 * k1) + (Heat3 * r3A));
        jacobian[9] = -Heat2 * k1;
        jacobian[10] = -flow - ((Heat1 * r1T) + (Heat2 * r2T) + (Heat3 * r3T)) - (transfer * PerTankCapacity);
        jacobian[11] = transfer * PerTankCapacity;
        jacobian[14] = transfer * PerCoolantCapacity;
        jacobian[15] = -transfer * PerCoolantCapacity;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var inverse = 1.0 / (y[2] + ZeroC);
        double u1 = DetMath.Exp(-Activation1K * inverse), u3 = DetMath.Exp(-Activation3K * inverse) * y[0] * y[0];
        derivatives.Clear();
        derivatives[0] = feed - y[0];
        derivatives[1] = -y[1];
        derivatives[2] = feedC - y[2];
        derivatives[7] = PerCoolantCapacity;
        derivatives[8] = flow;
        derivatives[14] = flow;
        derivatives[16] = -u1 * y[0];
        derivatives[17] = u1 * (y[0] - y[1]);
        derivatives[18] = -u1 * ((Heat1 * y[0]) + (Heat2 * y[1]));
        derivatives[20] = -u3;
        derivatives[22] = -Heat3 * u3;
        derivatives[26] = (y[3] - y[2]) * PerTankCapacity;
        derivatives[27] = (y[2] - y[3]) * PerCoolantCapacity;
    }

    public bool HasLaneJacobian => true;

    public void JacobianValuesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> values) =>
        JacobianLanes(t, y, parameters, values);

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> jacobian)
    {
        Vector512<double> flow = parameters[0], transfer = parameters[6];
        var inverse = Vector512<double>.One / (y[2] + Vector512.Create(ZeroC));
        var k1 = parameters[4] * DetMath.Exp(-Activation1K * inverse);
        var k3 = parameters[5] * DetMath.Exp(-Activation3K * inverse);
        Vector512<double> e1 = Activation1K * inverse * inverse, e3 = Activation3K * inverse * inverse;
        Vector512<double> r1T = k1 * y[0] * e1, r2T = k1 * y[1] * e1, r3T = k3 * y[0] * y[0] * e3, r3A = 2.0 * k3 * y[0];
        jacobian.Clear();
        jacobian[0] = -flow - k1 - r3A;
        jacobian[2] = -r1T - r3T;
        jacobian[4] = k1;
        jacobian[5] = -flow - k1;
        jacobian[6] = r1T - r2T;
        jacobian[8] = -((Heat1 * k1) + (Heat3 * r3A));
        jacobian[9] = -Heat2 * k1;
        jacobian[10] = -flow - ((Heat1 * r1T) + (Heat2 * r2T) + (Heat3 * r3T)) - (transfer * PerTankCapacity);
        jacobian[11] = transfer * PerTankCapacity;
        jacobian[14] = transfer * PerCoolantCapacity;
        jacobian[15] = -transfer * PerCoolantCapacity;
    }

    public void ParameterDerivativesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> derivatives)
    {
        var inverse = Vector512<double>.One / (y[2] + Vector512.Create(ZeroC));
        Vector512<double> u1 = DetMath.Exp(-Activation1K * inverse), u3 = DetMath.Exp(-Activation3K * inverse) * y[0] * y[0];
        derivatives.Clear();
        derivatives[0] = parameters[2] - y[0];
        derivatives[1] = -y[1];
        derivatives[2] = parameters[3] - y[2];
        derivatives[7] = Vector512.Create(PerCoolantCapacity);
        derivatives[8] = parameters[0];
        derivatives[14] = parameters[0];
        derivatives[16] = -u1 * y[0];
        derivatives[17] = u1 * (y[0] - y[1]);
        derivatives[18] = -u1 * ((Heat1 * y[0]) + (Heat2 * y[1]));
        derivatives[20] = -u3;
        derivatives[22] = -Heat3 * u3;
        derivatives[26] = (y[3] - y[2]) * PerTankCapacity;
        derivatives[27] = (y[2] - y[3]) * PerCoolantCapacity;
    }
}
