using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The chemostat with Monod growth and a product that is made in proportion to the biomass (J. Monod, Annales de l'Institut Pasteur 79,
/// 1950; J. Bailey and D. Ollis, Biochemical Engineering Fundamentals, 1986): y = (substrate, biomass, product) in g/L, time in hours.
/// <code>
/// dS/dt = D (Sin - S) - mu X / Y        mu = mumax S / (Ks + S)
/// dX/dt = (mu - D) X
/// dP/dt = qp X - D P
/// </code>
/// At rest S = Ks D / (mumax - D), X = Y (Sin - S), P = qp X / D; the culture is washed out for D above mumax Sin / (Ks + Sin).
/// </summary>
/// <param name="dilution">Flow over volume D, 1/h.</param>
/// <param name="feed">Substrate in the feed Sin, g/L.</param>
/// <param name="growth">Largest growth rate mumax, 1/h.</param>
/// <param name="affinity">Substrate at half of it Ks, g/L.</param>
/// <param name="yield">Biomass per substrate Y, g/g.</param>
/// <param name="production">Product per biomass and time qp, g/(g h).</param>
public readonly struct Bioreactor(double dilution, double feed, double growth, double affinity, double yield, double production)
    : IOdeModel<Bioreactor>
{
    /// <summary>The nominal chemostat.</summary>
    public Bioreactor()
        : this(0.1, 20.0, 0.5, 0.1, 0.5, 0.2)
    {
    }

    /// <summary>The problem of that name: a start-up over 100 hours.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "bioreactor", "Chemostat with Monod growth and a product",
        "J. Monod, Ann. Inst. Pasteur 79 (1950) 390; J. Bailey, D. Ollis, Biochemical Engineering Fundamentals, 1986", "h", 0.0, 100.0,
        [
            new("S", "g/L", 10.0, 1e-9, 0.0, 100.0), new("X", "g/L", 0.5, 1e-9, 0.0, 100.0), new("P", "g/L", 0.0, 1e-9, 0.0, 200.0),
        ],
        [
            new("D", "1/h", 0.1, 0.0, 2.0), new("Sin", "g/L", 20.0, 0.0, 100.0), new("mumax", "1/h", 0.5, 0.0, 5.0),
            new("Ks", "g/L", 0.1, 0.0), new("Y", "g/g", 0.5, 0.0, 1.0), new("qp", "g/(g h)", 0.2, 0.0),
        ],
        new Bioreactor());

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public int ParameterCount => 6;

    public Bioreactor With(ReadOnlySpan<double> parameters) =>
        new(parameters[0], parameters[1], parameters[2], parameters[3], parameters[4], parameters[5]);

    public double Parameter(int index) => index switch
    {
        0 => dilution,
        1 => feed,
        2 => growth,
        3 => affinity,
        4 => yield,
        _ => production,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double s = y[0], x = y[1], p = y[2];
        var made = growth * s / (affinity + s) * x;
        dy[0] = (dilution * (feed - s)) - (made / yield);
        dy[1] = made - (dilution * x);
        dy[2] = (production * x) - (dilution * p);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> s = y[0], x = y[1], p = y[2], dilution = parameters[0];
        var made = parameters[2] * s / (parameters[3] + s) * x;
        dy[0] = (dilution * (parameters[1] - s)) - (made / parameters[4]);
        dy[1] = made - (dilution * x);
        dy[2] = (parameters[5] * x) - (dilution * p);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var below = affinity + y[0];
        double mu = growth * y[0] / below, slope = growth * affinity / (below * below) * y[1];
        jacobian.Clear();
        jacobian[0] = -dilution - (slope / yield);
        jacobian[1] = -mu / yield;
        jacobian[3] = slope;
        jacobian[4] = mu - dilution;
        jacobian[7] = production;
        jacobian[8] = -dilution;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var below = affinity + y[0];
        var share = y[0] / below * y[1];
        var made = growth * share;
        derivatives.Clear();
        derivatives[0] = feed - y[0];
        derivatives[1] = -y[1];
        derivatives[2] = -y[2];
        derivatives[3] = dilution;
        derivatives[6] = -share / yield;
        derivatives[7] = share;
        derivatives[9] = made / below / yield;
        derivatives[10] = -made / below;
        derivatives[12] = made / (yield * yield);
        derivatives[17] = y[1];
    }
}
