using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The reactor of T. Williams and R. Otto, AIEE Transactions 79 (1960) 458, with the constants of J. Forbes and T. Marlin, Computers and
/// Chemical Engineering 20 (1996) 717: A + B → C, B + C → P + E, C + P → G; y = mass fractions of (A, B, C, E, G, P), time in seconds.
/// <code>
/// W dA/dt = FA - F A - r1                     F = FA + FB
/// W dB/dt = FB - F B - r1 - r2                r1 = k1 exp(-6666.7 / T) A B W
/// W dC/dt = -F C + 2 r1 - 2 r2 - r3           r2 = k2 exp(-8333.3 / T) B C W
/// W dE/dt = -F E + 2 r2                       r3 = k3 exp(-11111 / T) C P W
/// W dG/dt = -F G + 1.5 r3                     T = reactor temperature + 273.15
/// W dP/dt = -F P + r2 - 0.5 r3
/// </code>
/// The profit 1143.38 F P + 25.92 F E - 76.23 FA - 114.34 FB in $/s is largest, 190.98, at FB = 4.787 kg/s and 89.70 °C.
/// </summary>
/// <param name="flowA">FA, kg/s.</param>
/// <param name="flowB">FB, kg/s.</param>
/// <param name="celsius">Reactor temperature, °C.</param>
/// <param name="holdUp">W, kg.</param>
/// <param name="k1">1/s.</param>
/// <param name="k2">1/s.</param>
/// <param name="k3">1/s.</param>
public readonly struct WilliamsOtto(double flowA, double flowB, double celsius, double holdUp, double k1, double k2, double k3)
    : IOdeModel<WilliamsOtto>
{
    private const double Activation1K = 6666.7, Activation2K = 8333.3, Activation3K = 11111.0;

    /// <summary>The reactor near its published optimum.</summary>
    public WilliamsOtto()
        : this(1.8275, 4.787, 89.7, 2105.0, 1.6599e6, 7.2117e8, 2.6745e12)
    {
    }

    /// <summary>The problem of that name: filled with the mixed feeds, over 2,000 seconds.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "williams-otto", "Williams-Otto reactor A + B -> C, B + C -> P + E, C + P -> G",
        "T. Williams, R. Otto, AIEE Trans. 79 (1960) 458; constants of J. Forbes, T. Marlin, Comput. Chem. Eng. 20 (1996) 717",
        "s", 0.0, 2000.0,
        [
            new("A", "kg/kg", 0.28, 1e-9, 0.0, 1.0), new("B", "kg/kg", 0.72, 1e-9, 0.0, 1.0), new("C", "kg/kg", 0.0, 1e-9, 0.0, 1.0),
            new("E", "kg/kg", 0.0, 1e-9, 0.0, 1.0), new("G", "kg/kg", 0.0, 1e-9, 0.0, 1.0), new("P", "kg/kg", 0.0, 1e-9, 0.0, 1.0),
        ],
        [
            new("FA", "kg/s", 1.8275, 0.0, 10.0), new("FB", "kg/s", 4.787, 0.0, 15.0), new("T", "degC", 89.7, 40.0, 150.0),
            new("W", "kg", 2105.0, 1.0), new("k1", "1/s", 1.6599e6, 0.0), new("k2", "1/s", 7.2117e8, 0.0), new("k3", "1/s", 2.6745e12, 0.0),
        ],
        new WilliamsOtto());

    public int Dimension => 6;

    public bool IsAutonomous => true;

    public int ParameterCount => 7;

    public WilliamsOtto With(ReadOnlySpan<double> parameters) =>
        new(parameters[0], parameters[1], parameters[2], parameters[3], parameters[4], parameters[5], parameters[6]);

    public double Parameter(int index) => index switch
    {
        0 => flowA,
        1 => flowB,
        2 => celsius,
        3 => holdUp,
        4 => k1,
        5 => k2,
        _ => k3,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double a = y[0], b = y[1], c = y[2], p = y[5];
        double inverse = 1.0 / (celsius + 273.15), per = 1.0 / holdUp;
        double inA = flowA * per, inB = flowB * per, dilution = inA + inB;
        var r1 = k1 * DetMath.Exp(-Activation1K * inverse) * a * b;
        var r2 = k2 * DetMath.Exp(-Activation2K * inverse) * b * c;
        var r3 = k3 * DetMath.Exp(-Activation3K * inverse) * c * p;
        dy[0] = inA - (dilution * a) - r1;
        dy[1] = inB - (dilution * b) - r1 - r2;
        dy[2] = (r1 * 2.0) - (r2 * 2.0) - r3 - (dilution * c);
        dy[3] = (r2 * 2.0) - (dilution * y[3]);
        dy[4] = (r3 * 1.5) - (dilution * y[4]);
        dy[5] = r2 - (r3 * 0.5) - (dilution * p);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> a = y[0], b = y[1], c = y[2], e = y[3], g = y[4], p = y[5];
        var inverse = Vector512<double>.One / (parameters[2] + Vector512.Create(273.15));
        var per = Vector512<double>.One / parameters[3];
        Vector512<double> inA = parameters[0] * per, inB = parameters[1] * per, dilution = inA + inB;
        var r1 = parameters[4] * DetMath.Exp(-Activation1K * inverse) * a * b;
        var r2 = parameters[5] * DetMath.Exp(-Activation2K * inverse) * b * c;
        var r3 = parameters[6] * DetMath.Exp(-Activation3K * inverse) * c * p;
        dy[0] = inA - (dilution * a) - r1;
        dy[1] = inB - (dilution * b) - r1 - r2;
        dy[2] = (r1 * 2.0) - (r2 * 2.0) - r3 - (dilution * c);
        dy[3] = (r2 * 2.0) - (dilution * e);
        dy[4] = (r3 * 1.5) - (dilution * g);
        dy[5] = r2 - (r3 * 0.5) - (dilution * p);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        double a = y[0], b = y[1], c = y[2], p = y[5];
        double inverse = 1.0 / (celsius + 273.15), dilution = (flowA / holdUp) + (flowB / holdUp);
        var c1 = k1 * DetMath.Exp(-Activation1K * inverse);
        var c2 = k2 * DetMath.Exp(-Activation2K * inverse);
        var c3 = k3 * DetMath.Exp(-Activation3K * inverse);
        jacobian.Clear();
        for (var i = 0; i < 6; i++) jacobian[7 * i] = -dilution;
        Add(jacobian, 0, c1 * b, 0.0, 0.0);
        Add(jacobian, 1, c1 * a, c2 * c, 0.0);
        Add(jacobian, 2, 0.0, c2 * b, c3 * p);
        Add(jacobian, 5, 0.0, 0.0, c3 * c);
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        double a = y[0], b = y[1], c = y[2], p = y[5];
        double inverse = 1.0 / (celsius + 273.15), square = inverse * inverse, per = 1.0 / holdUp;
        var u1 = DetMath.Exp(-Activation1K * inverse) * a * b;
        var u2 = DetMath.Exp(-Activation2K * inverse) * b * c;
        var u3 = DetMath.Exp(-Activation3K * inverse) * c * p;
        derivatives.Clear();
        for (var i = 0; i < 6; i++)
        {
            double fromA = (i == 0 ? 1.0 : 0.0) - y[i], fromB = (i == 1 ? 1.0 : 0.0) - y[i];
            derivatives[i] = fromA * per;
            derivatives[6 + i] = fromB * per;
            derivatives[18 + i] = -((flowA * fromA) + (flowB * fromB)) * per * per;
        }
        Sources(derivatives[12..], k1 * u1 * Activation1K * square, k2 * u2 * Activation2K * square, k3 * u3 * Activation3K * square);
        Sources(derivatives[24..], u1, 0.0, 0.0);
        Sources(derivatives[30..], 0.0, u2, 0.0);
        Sources(derivatives[36..], 0.0, 0.0, u3);
    }

    /// <summary>What rates make of A, B, C, E, G, P; in mass.</summary>
    private static void Sources(Span<double> row, double r1, double r2, double r3)
    {
        row[0] = -r1;
        row[1] = -r1 - r2;
        row[2] = (2.0 * r1) - (2.0 * r2) - r3;
        row[3] = 2.0 * r2;
        row[4] = 1.5 * r3;
        row[5] = r2 - (0.5 * r3);
    }

    private static void Add(Span<double> jacobian, int column, double r1, double r2, double r3)
    {
        Span<double> source = stackalloc double[6];
        Sources(source, r1, r2, r3);
        for (var i = 0; i < 6; i++) jacobian[(6 * i) + column] += source[i];
    }
}
