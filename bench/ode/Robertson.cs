using Athanor.Compute.Ode;

namespace Athanor.Bench.Ode;

/// <summary>Robertson's autocatalytic reaction.</summary>
internal readonly struct Robertson : IStiffOdeModel
{
    public int Dimension => 3;

    public bool IsAutonomous => true;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double a = 0.04 * y[0], b = 1e4 * y[1] * y[2], c = 3e7 * y[1] * y[1];
        dy[0] = b - a;
        dy[1] = a - b - c;
        dy[2] = c;
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
    {
        j[0] = -0.04;
        j[1] = 1e4 * y[2];
        j[2] = 1e4 * y[1];
        j[3] = 0.04;
        j[4] = (-1e4 * y[2]) - (6e7 * y[1]);
        j[5] = -1e4 * y[1];
        j[6] = 0;
        j[7] = 6e7 * y[1];
        j[8] = 0;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}
