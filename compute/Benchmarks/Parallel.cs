using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// Parallel reactions A → B of first and A → C of second order in an isothermal stirred tank (O. Levenspiel, Chemical Reaction Engineering,
/// 3rd ed. 1999, chapter 7): y = (A, B, C) in mol/L, time in minutes.
/// <code>
/// dA/dt = D (Af - A) - r1 - r2        r1 = k1 exp(-E1 (1/T - 1/340)) A
/// dB/dt = r1 - D B                    r2 = k2 exp(-E2 (1/T - 1/340)) A²
/// dC/dt = r2 - D C
/// </code>
/// At rest the selectivity B/C is that of the rates, k1(T) / (k2(T) A): low conversion of A and heat favour C.
/// </summary>
/// <param name="dilution">Flow over volume D, 1/min.</param>
/// <param name="feed">A in the feed Af, mol/L.</param>
/// <param name="kelvin">Temperature T, K.</param>
/// <param name="k1">Rate constant at 340 K, 1/min.</param>
/// <param name="k2">Rate constant at 340 K, L/(mol min).</param>
/// <param name="e1">Activation energy over the gas constant, K.</param>
/// <param name="e2">Activation energy over the gas constant, K.</param>
public readonly struct Parallel(double dilution, double feed, double kelvin, double k1, double k2, double e1, double e2)
    : IOdeModel<Parallel>
{
    private const double GasConstant = 8.31446261815324, PerReferenceK = 1.0 / 340.0;
    private const double Activation1K = 55e3 / GasConstant, Activation2K = 70e3 / GasConstant;

    /// <summary>The nominal tank.</summary>
    public Parallel()
        : this(0.5, 3.0, 340.0, 0.5, 0.2, Activation1K, Activation2K)
    {
    }

    /// <summary>The problem of that name: the tank filled with feed, over 20 minutes.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "parallel", "Parallel reactions A -> B and 2nd order A -> C in a stirred tank",
        "O. Levenspiel, Chemical Reaction Engineering, 3rd ed. 1999, ch. 7", "min", 0.0, 20.0,
        [new("A", "mol/L", 3.0, 1e-9, 0.0, 10.0), new("B", "mol/L", 0.0, 1e-9, 0.0, 10.0), new("C", "mol/L", 0.0, 1e-9, 0.0, 10.0)],
        [
            new("D", "1/min", 0.5, 0.0, 100.0), new("Af", "mol/L", 3.0, 0.0, 10.0), new("T", "K", 340.0, 280.0, 420.0),
            new("k1", "1/min", 0.5, 0.0), new("k2", "L/(mol min)", 0.2, 0.0), new("E1", "K", Activation1K, 0.0),
            new("E2", "K", Activation2K, 0.0),
        ],
        new Parallel());

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public int ParameterCount => 7;

    public Parallel With(ReadOnlySpan<double> parameters) =>
        new(parameters[0], parameters[1], parameters[2], parameters[3], parameters[4], parameters[5], parameters[6]);

    public double Parameter(int index) => index switch
    {
        0 => dilution,
        1 => feed,
        2 => kelvin,
        3 => k1,
        4 => k2,
        5 => e1,
        _ => e2,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        var warm = PerReferenceK - (1.0 / kelvin);
        double a = y[0], b = y[1], c = y[2];
        double r1 = k1 * DetMath.Exp(e1 * warm) * a, r2 = k2 * DetMath.Exp(e2 * warm) * a * a;
        dy[0] = (dilution * (feed - a)) - r1 - r2;
        dy[1] = r1 - (dilution * b);
        dy[2] = r2 - (dilution * c);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        var warm = Vector512.Create(PerReferenceK) - (Vector512<double>.One / parameters[2]);
        Vector512<double> a = y[0], b = y[1], c = y[2], dilution = parameters[0];
        var r1 = parameters[3] * DetMath.Exp(parameters[5] * warm) * a;
        var r2 = parameters[4] * DetMath.Exp(parameters[6] * warm) * a * a;
        dy[0] = (dilution * (parameters[1] - a)) - r1 - r2;
        dy[1] = r1 - (dilution * b);
        dy[2] = r2 - (dilution * c);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var warm = PerReferenceK - (1.0 / kelvin);
        double s1 = k1 * DetMath.Exp(e1 * warm), s2 = 2.0 * k2 * DetMath.Exp(e2 * warm) * y[0];
        jacobian.Clear();
        jacobian[0] = -dilution - s1 - s2;
        jacobian[3] = s1;
        jacobian[4] = -dilution;
        jacobian[6] = s2;
        jacobian[8] = -dilution;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var warm = PerReferenceK - (1.0 / kelvin);
        double u1 = DetMath.Exp(e1 * warm) * y[0], u2 = DetMath.Exp(e2 * warm) * y[0] * y[0];
        double r1 = k1 * u1, r2 = k2 * u2, perSquare = 1.0 / (kelvin * kelvin);
        derivatives[0] = feed - y[0];
        derivatives[1] = -y[1];
        derivatives[2] = -y[2];
        derivatives[3] = dilution;
        derivatives[4] = 0.0;
        derivatives[5] = 0.0;
        Set(derivatives[6..], r1 * e1 * perSquare, r2 * e2 * perSquare);
        Set(derivatives[9..], u1, 0.0);
        Set(derivatives[12..], 0.0, u2);
        Set(derivatives[15..], r1 * warm, 0.0);
        Set(derivatives[18..], 0.0, r2 * warm);
    }

    private static void Set(Span<double> row, double dr1, double dr2) => (row[0], row[1], row[2]) = (-dr1 - dr2, dr1, dr2);
}
