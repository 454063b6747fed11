using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// The penicillin fed batch of R. Bajpai and M. Reuss, Journal of Chemical Technology and Biotechnology 30 (1980) 332, with the constants
/// of J. Cuthrell and L. Biegler, Computers and Chemical Engineering 13 (1989) 49: y = (biomass X, penicillin P, substrate S in g/L,
/// volume V in L), time in hours.
/// <code>
/// dX/dt = mu X - F X / V                       mu  = mumax S / (Kx X + S)                (Contois)
/// dP/dt = rho X - Kd P - F P / V               rho = rhomax S / (Kp + S (1 + S / Kin))   (Haldane)
/// dS/dt = -mu X / Yxs - rho X / Yps - ms S / (Km + S) X + F (Sf - S) / V
/// dV/dt = F
/// </code>
/// With the feed as a function of time, at most 0.1 L/h, and X below 40 and S below 25 g/L, P V after 132.14 hours can be brought to
/// 88.0 g (Cuthrell and Biegler: 87.69).
/// </summary>
/// <param name="flow">Feed F, L/h.</param>
/// <param name="feed">Substrate in the feed Sf, g/L.</param>
/// <param name="growth">mumax, 1/h.</param>
/// <param name="contois">Kx, g/g.</param>
/// <param name="production">rhomax, 1/h.</param>
/// <param name="affinity">Kp, g/L.</param>
/// <param name="inhibition">Kin, g/L.</param>
/// <param name="decay">Kd, 1/h.</param>
/// <param name="maintenance">ms, 1/h.</param>
/// <param name="maintained">Km, g/L.</param>
/// <param name="yieldX">Yxs, g/g.</param>
/// <param name="yieldP">Yps, g/g.</param>
public readonly struct Penicillin(
    double flow, double feed, double growth, double contois, double production, double affinity, double inhibition, double decay,
    double maintenance, double maintained, double yieldX, double yieldP) : IOdeModel<Penicillin>
{
    /// <summary>The published constants, and the feed that fills the fermenter from 7 to 10 L in 132 hours.</summary>
    public Penicillin()
        : this(3.0 / 132.0, 500.0, 0.11, 0.006, 0.0055, 0.0001, 0.1, 0.01, 0.029, 0.0001, 0.47, 1.2)
    {
    }

    /// <summary>The problem of that name, over 132 hours.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "penicillin", "Penicillin fed batch of Bajpai and Reuss",
        "R. Bajpai, M. Reuss, J. Chem. Technol. Biotechnol. 30 (1980) 332; constants of J. Cuthrell, L. Biegler, Comput. Chem. Eng. 13 (1989)",
        "h", 0.0, 132.0,
        [
            new("X", "g/L", 1.5, 1e-8, 0.0, 100.0), new("P", "g/L", 0.0, 1e-8, 0.0, 50.0), new("S", "g/L", 0.0, 1e-9, 0.0, 500.0),
            new("V", "L", 7.0, 1e-8, 0.0, 100.0),
        ],
        [
            new("F", "L/h", 3.0 / 132.0, 0.0, 1.0), new("Sf", "g/L", 500.0, 0.0, 1000.0), new("mumax", "1/h", 0.11, 0.0),
            new("Kx", "g/g", 0.006, 0.0), new("rhomax", "1/h", 0.0055, 0.0), new("Kp", "g/L", 0.0001, 0.0), new("Kin", "g/L", 0.1, 0.0),
            new("Kd", "1/h", 0.01, 0.0), new("ms", "1/h", 0.029, 0.0), new("Km", "g/L", 0.0001, 0.0), new("Yxs", "g/g", 0.47, 0.0),
            new("Yps", "g/g", 1.2, 0.0),
        ],
        new Penicillin());

    public int Dimension => 4;

    public bool IsAutonomous => true;

    public int ParameterCount => 12;

    public Penicillin With(ReadOnlySpan<double> parameters) => new(
        parameters[0], parameters[1], parameters[2], parameters[3], parameters[4], parameters[5], parameters[6], parameters[7],
        parameters[8], parameters[9], parameters[10], parameters[11]);

    public double Parameter(int index) => index switch
    {
        0 => flow,
        1 => feed,
        2 => growth,
        3 => contois,
        4 => production,
        5 => affinity,
        6 => inhibition,
        7 => decay,
        8 => maintenance,
        9 => maintained,
        10 => yieldX,
        _ => yieldP,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double x = y[0], p = y[1], s = y[2];
        var dilution = flow / y[3];
        var grown = growth * s / ((contois * x) + s) * x;
        var made = production * s / (affinity + (s * (1.0 + (s / inhibition)))) * x;
        var kept = maintenance * s / (maintained + s) * x;
        dy[0] = grown - (dilution * x);
        dy[1] = made - (decay * p) - (dilution * p);
        dy[2] = (dilution * (feed - s)) - (grown / yieldX) - (made / yieldP) - kept;
        dy[3] = flow;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> x = y[0], p = y[1], s = y[2];
        var dilution = parameters[0] / y[3];
        var grown = parameters[2] * s / ((parameters[3] * x) + s) * x;
        var made = parameters[4] * s / (parameters[5] + (s * (Vector512<double>.One + (s / parameters[6])))) * x;
        var kept = parameters[8] * s / (parameters[9] + s) * x;
        dy[0] = grown - (dilution * x);
        dy[1] = made - (parameters[7] * p) - (dilution * p);
        dy[2] = (dilution * (parameters[1] - s)) - (grown / parameters[10]) - (made / parameters[11]) - kept;
        dy[3] = parameters[0];
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        double x = y[0], p = y[1], s = y[2], v = y[3];
        var dilution = flow / v;
        double below = (contois * x) + s, under = affinity + (s * (1.0 + (s / inhibition))), least = maintained + s;
        double grownX = growth * s * s / (below * below), grownS = growth * contois * x * x / (below * below);
        double madeX = production * s / under, madeS = production * (affinity - (s * s / inhibition)) / (under * under) * x;
        double keptX = maintenance * s / least, keptS = maintenance * maintained / (least * least) * x;
        jacobian.Clear();
        jacobian[0] = grownX - dilution;
        jacobian[2] = grownS;
        jacobian[3] = dilution * x / v;
        jacobian[4] = madeX;
        jacobian[5] = -decay - dilution;
        jacobian[6] = madeS;
        jacobian[7] = dilution * p / v;
        jacobian[8] = -(grownX / yieldX) - (madeX / yieldP) - keptX;
        jacobian[10] = -dilution - (grownS / yieldX) - (madeS / yieldP) - keptS;
        jacobian[11] = -dilution * (feed - s) / v;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        double x = y[0], p = y[1], s = y[2], v = y[3];
        double below = (contois * x) + s, under = affinity + (s * (1.0 + (s / inhibition))), least = maintained + s;
        double grown = growth * s / below * x, made = production * s / under * x, kept = maintenance * s / least * x;
        derivatives.Clear();
        derivatives[0] = -x / v;
        derivatives[1] = -p / v;
        derivatives[2] = (feed - s) / v;
        derivatives[3] = 1.0;
        derivatives[6] = flow / v;
        Set(derivatives[8..], s / below * x, 0.0, 0.0);
        Set(derivatives[12..], -grown * x / below, 0.0, 0.0);
        Set(derivatives[16..], 0.0, s / under * x, 0.0);
        Set(derivatives[20..], 0.0, -made / under, 0.0);
        Set(derivatives[24..], 0.0, made * s * s / (inhibition * inhibition * under), 0.0);
        derivatives[29] = -p;
        Set(derivatives[32..], 0.0, 0.0, s / least * x);
        Set(derivatives[36..], 0.0, 0.0, -kept / least);
        derivatives[42] = grown / (yieldX * yieldX);
        derivatives[46] = made / (yieldP * yieldP);
    }

    /// <summary>What changes of growth, production and maintenance do to the balances.</summary>
    private void Set(Span<double> row, double grown, double made, double kept)
    {
        row[0] = grown;
        row[1] = made;
        row[2] = -(grown / yieldX) - (made / yieldP) - kept;
        row[3] = 0.0;
    }
}
