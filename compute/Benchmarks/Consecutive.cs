using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// Consecutive reactions A → B → C of first order, in a batch (D = 0) or a stirred tank (O. Levenspiel, Chemical Reaction Engineering, 3rd
/// ed. 1999, chapter 8): y = (A, B, C) in mol/L, time in minutes.
/// <code>
/// dA/dt = D (Af - A) - k1 A,  dB/dt = k1 A - k2 B - D B,  dC/dt = k2 B - D C
/// </code>
/// In a batch from (A0, 0, 0), B is largest at t = ln(k1 / k2) / (k1 - k2), where B = A0 (k1 / k2)^(k2 / (k2 - k1)). In a tank at rest
/// A = Af / (1 + k1 τ), B = k1 τ A / (1 + k2 τ), τ = 1/D, and B is largest at τ = 1 / sqrt(k1 k2).
/// </summary>
/// <param name="dilution">Flow over volume D, 1/min; 0 is a batch.</param>
/// <param name="feed">A in the feed Af, mol/L.</param>
public readonly struct Consecutive(double k1, double k2, double dilution, double feed) : IOdeModel<Consecutive>
{
    /// <summary>The nominal batch.</summary>
    public Consecutive()
        : this(1.0, 0.5, 0.0, 2.0)
    {
    }

    /// <summary>The problem of that name: a batch from (1, 0, 0) over eight minutes; B peaks at 0.5 after 2 ln 2 minutes.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "consecutive", "Consecutive reactions A -> B -> C in a batch or a stirred tank",
        "O. Levenspiel, Chemical Reaction Engineering, 3rd ed. 1999, ch. 8", "min", 0.0, 8.0,
        [new("A", "mol/L", 1.0, 1e-9, 0.0, 10.0), new("B", "mol/L", 0.0, 1e-9, 0.0, 10.0), new("C", "mol/L", 0.0, 1e-9, 0.0, 10.0)],
        [
            new("k1", "1/min", 1.0, 0.0), new("k2", "1/min", 0.5, 0.0), new("D", "1/min", 0.0, 0.0, 100.0),
            new("Af", "mol/L", 2.0, 0.0, 10.0),
        ],
        new Consecutive());

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public int ParameterCount => 4;

    public Consecutive With(ReadOnlySpan<double> parameters) => new(parameters[0], parameters[1], parameters[2], parameters[3]);

    public double Parameter(int index) => index switch
    {
        0 => k1,
        1 => k2,
        2 => dilution,
        _ => feed,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double r1 = k1 * y[0], r2 = k2 * y[1];
        double a = y[0], b = y[1], c = y[2];
        dy[0] = (dilution * (feed - a)) - r1;
        dy[1] = r1 - r2 - (dilution * b);
        dy[2] = r2 - (dilution * c);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> r1 = parameters[0] * y[0], r2 = parameters[1] * y[1], dilution = parameters[2];
        Vector512<double> a = y[0], b = y[1], c = y[2];
        dy[0] = (dilution * (parameters[3] - a)) - r1;
        dy[1] = r1 - r2 - (dilution * b);
        dy[2] = r2 - (dilution * c);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian.Clear();
        jacobian[0] = -dilution - k1;
        jacobian[3] = k1;
        jacobian[4] = -k2 - dilution;
        jacobian[7] = k2;
        jacobian[8] = -dilution;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        derivatives.Clear();
        derivatives[0] = -y[0];
        derivatives[1] = y[0];
        derivatives[4] = -y[1];
        derivatives[5] = y[1];
        derivatives[6] = feed - y[0];
        derivatives[7] = -y[1];
        derivatives[8] = -y[2];
        derivatives[9] = dilution;
    }
}
