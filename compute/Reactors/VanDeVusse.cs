using System.Runtime.CompilerServices;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors;

/// <summary>The isothermal Van de Vusse reactor A → B → C, 2 A → D: y = (A, B) in mol/L, time in minutes. k1 = 5/6 and k2 = 5/3 1/min,
/// k3 = 1/6 L/(mol min), dilution 4/7 1/min, feed 10 mol/L of A; at rest (3, 1.117).</summary>
public readonly struct VanDeVusse : IStiffOdeModel
{
    private const double K1 = 5.0 / 6.0, K2 = 5.0 / 3.0, K3 = 1.0 / 6.0, Dilution = 4.0 / 7.0, Feed = 10.0;

    public int Dimension => 2;

    public bool IsAutonomous => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        dy[0] = (Dilution * (Feed - y[0])) - (K1 * y[0]) - (K3 * y[0] * y[0]);
        dy[1] = (-Dilution * y[1]) + (K1 * y[0]) - (K2 * y[1]);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian[0] = -Dilution - K1 - (2.0 * K3 * y[0]);
        jacobian[1] = 0.0;
        jacobian[2] = K1;
        jacobian[3] = -Dilution - K2;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}
