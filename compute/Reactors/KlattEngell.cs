using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors;

/// <summary>
/// The Van de Vusse reactor with heat balances of K.-U. Klatt and S. Engell (Computers and Chemical Engineering 22, 1998): y = (A in mol/L,
/// B in mol/L, reactor temperature in °C, coolant temperature in °C), time in hours, units as published. At F/V = 14.19 1/h and
/// QK = -1113.5 kJ/h it rests at (2.1402, 1.0903, 114.19, 112.91).
/// </summary>
/// <param name="flowPerHour">F/V, 1/h.</param>
/// <param name="coolingKJPerHour">QK, kJ/h; negative takes heat away.</param>
public readonly struct KlattEngell(double flowPerHour, double coolingKJPerHour) : IStiffOdeModel
{
    /// <summary>The published operating point.</summary>
    public KlattEngell()
        : this(14.19, -1113.5)
    {
    }

    private const double FeedMolPerL = 5.1, FeedC = 104.9;
    private const double Frequency1 = 1.287e12, Activation1K = 9758.3; // 1/h; also of the second reaction
    private const double Frequency3 = 9.043e9, Activation3K = 8560.0; // L/(mol h)
    private const double Heat1 = 4.2, Heat2 = -11.0, Heat3 = -41.85; // kJ/mol
    private const double HeatCapacity = 0.9342 * 3.01; // density times heat capacity, kJ/(L K)
    private const double Transfer = 4032.0 * 0.215; // kJ/(h K)
    private const double VolumeL = 10.0;
    private const double CoolantCapacity = 5.0 * 2.0; // kJ/K

    public int Dimension => 4;

    public bool IsAutonomous => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        var inverse = 1.0 / (y[2] + 273.15);
        var k1 = Frequency1 * DetMath.Exp(-Activation1K * inverse);
        var k3 = Frequency3 * DetMath.Exp(-Activation3K * inverse);
        double r1 = k1 * y[0], r2 = k1 * y[1], r3 = k3 * y[0] * y[0];
        dy[0] = (flowPerHour * (FeedMolPerL - y[0])) - r1 - r3;
        dy[1] = (-flowPerHour * y[1]) + r1 - r2;
        dy[2] = (flowPerHour * (FeedC - y[2])) - (((Heat1 * r1) + (Heat2 * r2) + (Heat3 * r3)) / HeatCapacity)
            + (Transfer / (HeatCapacity * VolumeL) * (y[3] - y[2]));
        dy[3] = (coolingKJPerHour + (Transfer * (y[2] - y[3]))) / CoolantCapacity;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        const double Coupling = Transfer / (HeatCapacity * VolumeL);
        var inverse = 1.0 / (y[2] + 273.15);
        var k1 = Frequency1 * DetMath.Exp(-Activation1K * inverse);
        var k3 = Frequency3 * DetMath.Exp(-Activation3K * inverse);
        double e1 = Activation1K * inverse * inverse, e3 = Activation3K * inverse * inverse;
        double r1T = k1 * y[0] * e1, r2T = k1 * y[1] * e1, r3T = k3 * y[0] * y[0] * e3, r3A = 2.0 * k3 * y[0];
        jacobian.Clear();
        jacobian[0] = -flowPerHour - k1 - r3A;
        jacobian[2] = -r1T - r3T;
        jacobian[4] = k1;
        jacobian[5] = -flowPerHour - k1;
        jacobian[6] = r1T - r2T;
        jacobian[8] = -((Heat1 * k1) + (Heat3 * r3A)) / HeatCapacity;
        jacobian[9] = -Heat2 * k1 / HeatCapacity;
        jacobian[10] = -flowPerHour - (((Heat1 * r1T) + (Heat2 * r2T) + (Heat3 * r3T)) / HeatCapacity) - Coupling;
        jacobian[11] = Coupling;
        jacobian[14] = Transfer / CoolantCapacity;
        jacobian[15] = -Transfer / CoolantCapacity;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}
