using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Bench.Kinetics;

/// <summary>Robertson's reaction.</summary>
internal readonly struct RobertsonByHand : IStiffOdeModel, ILaneOdeModel
{
    public int Dimension => 3;

    public bool IsAutonomous => true;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double r1 = 0.04 * y[0], r2 = 3e7 * y[1] * y[1], r3 = 1e4 * y[1] * y[2];
        dy[0] = r3 - r1;
        dy[1] = r1 - r2 - r3;
        dy[2] = r2;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> r1 = 0.04 * y[0], r2 = 3e7 * y[1] * y[1], r3 = 1e4 * y[1] * y[2];
        dy[0] = r3 - r1;
        dy[1] = r1 - r2 - r3;
        dy[2] = r2;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        double r2 = 6e7 * y[1], r3B = 1e4 * y[2], r3C = 1e4 * y[1];
        jacobian[0] = -0.04;
        jacobian[1] = r3B;
        jacobian[2] = r3C;
        jacobian[3] = 0.04;
        jacobian[4] = -r2 - r3B;
        jacobian[5] = -r3C;
        jacobian[6] = 0.0;
        jacobian[7] = r2;
        jacobian[8] = 0.0;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}

/// <summary>A → B → C, 2 A → D with the constants of Klatt and Engell in a jacketed tank: y = (A, B in mol/L, T in K), hours.</summary>
internal readonly struct VanDeVusseByHand : IStiffOdeModel, ILaneOdeModel
{
    private const double Dilution = 14.19, Feed = 5.1, FeedK = 378.05, CoolantK = 386.0, Cooling = 866.88 / (2.811942 * 10.0), Capacity = 2.811942e3;

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        var inverse = 1.0 / y[2];
        var k1 = 1.287e12 * DetMath.Exp(-9758.3 * inverse);
        var k3 = 9.043e9 * DetMath.Exp(-8560.0 * inverse);
        double r1 = k1 * y[0], r2 = k1 * y[1], r3 = k3 * y[0] * y[0];
        dy[0] = (Dilution * (Feed - y[0])) - r1 - (2.0 * r3);
        dy[1] = (-Dilution * y[1]) + r1 - r2;
        dy[2] = (Dilution * (FeedK - y[2])) + (Cooling * (CoolantK - y[2])) - (((4.2e3 * r1) - (11.0e3 * r2) - (83.7e3 * r3)) / Capacity);
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        var inverse = Vector512<double>.One / y[2];
        var k1 = 1.287e12 * DetMath.Exp(-9758.3 * inverse);
        var k3 = 9.043e9 * DetMath.Exp(-8560.0 * inverse);
        Vector512<double> r1 = k1 * y[0], r2 = k1 * y[1], r3 = k3 * y[0] * y[0], dilution = Vector512.Create(Dilution);
        dy[0] = (dilution * (Vector512.Create(Feed) - y[0])) - r1 - (2.0 * r3);
        dy[1] = r1 - (dilution * y[1]) - r2;
        dy[2] = (dilution * (Vector512.Create(FeedK) - y[2])) + (Cooling * (Vector512.Create(CoolantK) - y[2]))
            - (((4.2e3 * r1) - (11.0e3 * r2) - (83.7e3 * r3)) * (1.0 / Capacity));
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var inverse = 1.0 / y[2];
        var k1 = 1.287e12 * DetMath.Exp(-9758.3 * inverse);
        var k3 = 9.043e9 * DetMath.Exp(-8560.0 * inverse);
        double e1 = 9758.3 * inverse * inverse, e3 = 8560.0 * inverse * inverse;
        double r1T = k1 * y[0] * e1, r2T = k1 * y[1] * e1, r3T = k3 * y[0] * y[0] * e3, r3A = 2.0 * k3 * y[0];
        jacobian[0] = -Dilution - k1 - (2.0 * r3A);
        jacobian[1] = 0.0;
        jacobian[2] = -r1T - (2.0 * r3T);
        jacobian[3] = k1;
        jacobian[4] = -Dilution - k1;
        jacobian[5] = r1T - r2T;
        jacobian[6] = -((4.2e3 * k1) - (83.7e3 * r3A)) / Capacity;
        jacobian[7] = 11.0e3 * k1 / Capacity;
        jacobian[8] = -Dilution - Cooling - (((4.2e3 * r1T) - (11.0e3 * r2T) - (83.7e3 * r3T)) / Capacity);
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}

/// <summary>An enzyme inhibited by its product, then two reactions on one catalyst, which share their adsorption term: y = (S, P, Q, W) in
/// mol/L, minutes.</summary>
internal readonly struct CatalystByHand : IStiffOdeModel, ILaneOdeModel
{
    public int Dimension => 4;

    public bool IsAutonomous => true;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        var r1 = 2.0 * y[0] / ((0.4 * (1.0 + (y[1] / 0.3))) + y[0]);
        var sites = 1.0 / (1.0 + (3.0 * y[1]) + (5.0 * y[2]));
        sites *= sites;
        var r2 = 4.0 * y[1] * sites;
        var r3 = 1.5 * y[1] * y[2] * sites;
        dy[0] = -r1;
        dy[1] = r1 - r2 - r3;
        dy[2] = r2 - r3;
        dy[3] = r3;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        var one = Vector512<double>.One;
        var r1 = 2.0 * y[0] / ((0.4 * (one + (y[1] * (1.0 / 0.3)))) + y[0]);
        var sites = one / (one + (3.0 * y[1]) + (5.0 * y[2]));
        sites *= sites;
        var r2 = 4.0 * y[1] * sites;
        var r3 = 1.5 * y[1] * y[2] * sites;
        dy[0] = -r1;
        dy[1] = r1 - r2 - r3;
        dy[2] = r2 - r3;
        dy[3] = r3;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var km = 0.4 * (1.0 + (y[1] / 0.3));
        var below = 1.0 / (km + y[0]);
        double r1S = 2.0 * km * below * below, r1P = -2.0 * y[0] * (0.4 / 0.3) * below * below;
        var site = 1.0 / (1.0 + (3.0 * y[1]) + (5.0 * y[2]));
        var sites = site * site;
        double r2 = 4.0 * y[1] * sites, r3 = 1.5 * y[1] * y[2] * sites;
        double r2P = (4.0 * sites) - (6.0 * r2 * site), r2Q = -10.0 * r2 * site;
        double r3P = (1.5 * y[2] * sites) - (6.0 * r3 * site), r3Q = (1.5 * y[1] * sites) - (10.0 * r3 * site);
        jacobian.Clear();
        jacobian[0] = -r1S;
        jacobian[1] = -r1P;
        jacobian[4] = r1S;
        jacobian[5] = r1P - r2P - r3P;
        jacobian[6] = -r2Q - r3Q;
        jacobian[9] = r2P - r3P;
        jacobian[10] = r2Q - r3Q;
        jacobian[13] = r3P;
        jacobian[14] = r3Q;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}
