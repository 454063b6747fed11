using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors;

/// <summary>
/// The exothermic stirred tank of Seborg and Bequette with a cooling jacket, A → B, first order: y = (concentration of A in mol/L,
/// temperature in K), time in minutes, units as published.
/// <code>
/// dC/dt = q/V (Cf - C) - k C                                          k = 7.2e10 exp(-8750 / T) 1/min
/// dT/dt = q/V (Tf - T) + (-dH / rho cp) k C + UA / (V rho cp) (Tc - T)
/// </code>
/// The reaction gives off heat (dH = -5e4 J/mol), so it warms the tank. Its parameters: coolant temperature, feed temperature, feed
/// concentration, flow, frequency factor.
/// </summary>
/// <param name="coolantK">Coolant temperature Tc, K.</param>
/// <param name="feedK">Feed temperature Tf, K.</param>
/// <param name="feedMolPerL">Feed concentration Cf, mol/L.</param>
/// <param name="flowLPerMin">Flow q, L/min.</param>
/// <param name="frequencyPerMin">Frequency factor, 1/min.</param>
public readonly struct Cstr(
    double coolantK, double feedK, double feedMolPerL = 1.0, double flowLPerMin = 100.0, double frequencyPerMin = Cstr.FrequencyPerMin)
    : IOdeModel<Cstr>
{
    public const double VolumeL = 100.0;

    /// <summary>Frequency factor, 1/min.</summary>
    public const double FrequencyPerMin = 7.2e10;

    /// <summary>Activation energy over the gas constant, K.</summary>
    public const double ActivationK = 8750.0;

    /// <summary>Heat transfer coefficient times area, J/(min K).</summary>
    public const double HeatTransfer = 5e4;

    /// <summary>Density times heat capacity, J/(L K).</summary>
    public const double HeatCapacity = 239.0;

    /// <summary>Reaction enthalpy, J/mol.</summary>
    public const double ReactionEnthalpy = -5e4;

    internal const double HeatRise = -ReactionEnthalpy / HeatCapacity;
    internal const double Cooling = HeatTransfer / (VolumeL * HeatCapacity);

    private readonly double _dilution = flowLPerMin / VolumeL;

    public int Dimension => 2;

    public bool IsAutonomous => true;

    public int ParameterCount => 5;

    public double Parameter(int index) =>
        index switch { 0 => coolantK, 1 => feedK, 2 => feedMolPerL, 3 => flowLPerMin, _ => frequencyPerMin };

    public Cstr With(ReadOnlySpan<double> p) => new(p[0], p[1], p[2], p[3], p[4]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double c = y[0], kelvin = y[1];
        var rate = frequencyPerMin * DetMath.Exp(-ActivationK / kelvin) * c;
        dy[0] = (_dilution * (feedMolPerL - c)) - rate;
        dy[1] = Math.FusedMultiplyAdd(coolantK - kelvin, Cooling, Math.FusedMultiplyAdd(rate, HeatRise, _dilution * (feedK - kelvin)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> c = y[0], kelvin = y[1], dilution = parameters[3] / VolumeL;
        var rate = parameters[4] * DetMath.Exp(Vector512.Create(-ActivationK) / kelvin) * c;
        dy[0] = (dilution * (parameters[2] - c)) - rate;
        dy[1] = Vector512.FusedMultiplyAdd(
            parameters[0] - kelvin, Vector512.Create(Cooling),
            Vector512.FusedMultiplyAdd(rate, Vector512.Create(HeatRise), dilution * (parameters[1] - kelvin)));
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var k = frequencyPerMin * DetMath.Exp(-ActivationK / y[1]);
        var slope = k * y[0] * ActivationK / (y[1] * y[1]);
        jacobian[0] = -_dilution - k;
        jacobian[1] = -slope;
        jacobian[2] = HeatRise * k;
        jacobian[3] = -_dilution + (HeatRise * slope) - Cooling;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var unit = DetMath.Exp(-ActivationK / y[1]) * y[0];
        derivatives[0] = 0.0;
        derivatives[1] = Cooling;
        derivatives[2] = 0.0;
        derivatives[3] = _dilution;
        derivatives[4] = _dilution;
        derivatives[5] = 0.0;
        derivatives[6] = (feedMolPerL - y[0]) / VolumeL;
        derivatives[7] = (feedK - y[1]) / VolumeL;
        derivatives[8] = -unit;
        derivatives[9] = HeatRise * unit;
    }
}
