using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The exothermic stirred tank A → B with a cooling jacket of D. Seborg, T. Edgar and D. Mellichamp, Process Dynamics and Control, and
/// W. Bequette, Process Dynamics (1998), with E/R = 8750 K: y = (concentration of A in mol/L, temperature in K), time in minutes.
/// <code>
/// dCa/dt = q/V (Cf - Ca) - k Ca                                        k = k0 exp(-ER / T)
/// dT/dt  = q/V (Tf - T) + (-dH / rho cp) k Ca + UA / (V rho cp) (Tc - T)
/// </code>
/// V = 100 L, rho cp = 239 J/(L K). In the coolant temperature it has folds at 303.229272 and 298.080457 K and a Hopf point at 306.219869 K.
/// </summary>
/// <param name="coolantK">Coolant temperature Tc, K.</param>
/// <param name="feedK">Feed temperature Tf, K.</param>
/// <param name="feed">Feed concentration Cf, mol/L.</param>
/// <param name="flow">Flow q, L/min.</param>
/// <param name="frequency">Frequency factor k0, 1/min.</param>
/// <param name="activationK">Activation energy over the gas constant ER, K.</param>
/// <param name="enthalpy">Reaction enthalpy dH, J/mol; negative gives off heat.</param>
/// <param name="transfer">Heat transfer coefficient times area UA, J/(min K).</param>
public readonly struct ExothermicCstr(
    double coolantK, double feedK, double feed, double flow, double frequency, double activationK, double enthalpy, double transfer)
    : IOdeModel<ExothermicCstr>, ILaneDerivatives
{
    // Written as products with reciprocals: a division by a constant would cost the lanes as much as half the exponential.
    private const double PerVolume = 1.0 / 100.0, PerCapacity = 1.0 / 239.0, PerTankCapacity = 1.0 / (100.0 * 239.0);

    /// <summary>At a coolant temperature of 305 K, where the tank ignites and goes out again and again.</summary>
    public ExothermicCstr()
        : this(305.0, 350.0, 1.0, 100.0, 7.2e10, 8750.0, -5e4, 5e4)
    {
    }

    /// <summary>The problem of that name, from (0.5 mol/L, 350 K) over ten minutes.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "exothermic-cstr", "Exothermic stirred tank A -> B with a cooling jacket",
        "D. Seborg, T. Edgar, D. Mellichamp, Process Dynamics and Control; W. Bequette, Process Dynamics, 1998 (E/R = 8750 K)",
        "min", 0.0, 10.0,
        [new("Ca", "mol/L", 0.5, 1e-9, 0.0, 1.5), new("T", "K", 350.0, 1e-6, 250.0, 600.0)],
        [
            new("Tc", "K", 305.0, 273.15, 350.0), new("Tf", "K", 350.0, 273.15, 400.0), new("Cf", "mol/L", 1.0, 0.0, 2.0),
            new("q", "L/min", 100.0, 0.0, 500.0), new("k0", "1/min", 7.2e10, 0.0), new("ER", "K", 8750.0, 0.0), new("dH", "J/mol", -5e4),
            new("UA", "J/(min K)", 5e4, 0.0),
        ],
        new ExothermicCstr());

    public int Dimension => 2;

    public bool IsAutonomous => true;

    public int ParameterCount => 8;

    public ExothermicCstr With(ReadOnlySpan<double> parameters) => new(
        parameters[0], parameters[1], parameters[2], parameters[3], parameters[4], parameters[5], parameters[6], parameters[7]);

    public double Parameter(int index) => index switch
    {
        0 => coolantK,
        1 => feedK,
        2 => feed,
        3 => flow,
        4 => frequency,
        5 => activationK,
        6 => enthalpy,
        _ => transfer,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double c = y[0], kelvin = y[1];
        // What does not need the exponential is done while it is computed.
        var dilution = flow * PerVolume;
        var rate = frequency * c * DetMath.Exp(-activationK / kelvin);
        dy[0] = Math.FusedMultiplyAdd(dilution, feed - c, -rate);
        var exchange = Math.FusedMultiplyAdd(transfer * PerTankCapacity, coolantK - kelvin, dilution * (feedK - kelvin));
        dy[1] = Math.FusedMultiplyAdd(-(enthalpy * PerCapacity), rate, exchange);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> c = y[0], kelvin = y[1];
        var dilution = parameters[3] * PerVolume;
        var rate = parameters[4] * c * DetMath.Exp(-parameters[5] / kelvin);
        dy[0] = Vector512.FusedMultiplyAdd(dilution, parameters[2] - c, -rate);
        var exchange = Vector512.FusedMultiplyAdd(
            parameters[7] * PerTankCapacity, parameters[0] - kelvin, dilution * (parameters[1] - kelvin));
        dy[1] = Vector512.FusedMultiplyAdd(-(parameters[6] * PerCapacity), rate, exchange);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var k = frequency * DetMath.Exp(-activationK / y[1]);
        var slope = k * y[0] * activationK / (y[1] * y[1]);
        var dilution = flow * PerVolume;
        var rise = -enthalpy * PerCapacity;
        jacobian[0] = -dilution - k;
        jacobian[1] = -slope;
        jacobian[2] = rise * k;
        jacobian[3] = -dilution + (rise * slope) - (transfer * PerTankCapacity);
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var unit = DetMath.Exp(-activationK / y[1]) * y[0];
        var rate = frequency * unit;
        var rise = -enthalpy * PerCapacity;
        derivatives.Clear();
        derivatives[1] = transfer * PerTankCapacity;
        derivatives[3] = flow * PerVolume;
        derivatives[4] = flow * PerVolume;
        derivatives[6] = PerVolume * (feed - y[0]);
        derivatives[7] = PerVolume * (feedK - y[1]);
        derivatives[8] = -unit;
        derivatives[9] = rise * unit;
        derivatives[10] = rate / y[1];
        derivatives[11] = -rise * rate / y[1];
        derivatives[13] = -PerCapacity * rate;
        derivatives[15] = PerTankCapacity * (coolantK - y[1]);
    }

    public bool HasLaneJacobian => true;

    public void JacobianValuesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> values) =>
        JacobianLanes(t, y, parameters, values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> jacobian)
    {
        var k = parameters[4] * DetMath.Exp(-parameters[5] / y[1]);
        var slope = k * y[0] * parameters[5] / (y[1] * y[1]);
        var dilution = parameters[3] * PerVolume;
        var rise = -parameters[6] * PerCapacity;
        jacobian[0] = -dilution - k;
        jacobian[1] = -slope;
        jacobian[2] = rise * k;
        jacobian[3] = -dilution + (rise * slope) - (parameters[7] * PerTankCapacity);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ParameterDerivativesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> derivatives)
    {
        var unit = DetMath.Exp(-parameters[5] / y[1]) * y[0];
        var rate = parameters[4] * unit;
        var rise = -parameters[6] * PerCapacity;
        derivatives.Clear();
        derivatives[1] = parameters[7] * PerTankCapacity;
        derivatives[3] = parameters[3] * PerVolume;
        derivatives[4] = parameters[3] * PerVolume;
        derivatives[6] = PerVolume * (parameters[2] - y[0]);
        derivatives[7] = PerVolume * (parameters[1] - y[1]);
        derivatives[8] = -unit;
        derivatives[9] = rise * unit;
        derivatives[10] = rate / y[1];
        derivatives[11] = -rise * rate / y[1];
        derivatives[13] = -PerCapacity * rate;
        derivatives[15] = PerTankCapacity * (parameters[0] - y[1]);
    }
}
