using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode;

/// <summary>Where problems of the catalogue start.</summary>
internal static class Starts
{
    public static readonly double[] Robertson = [1, 0, 0];
}

/// <summary>The Oregonator (IVP test set).</summary>
internal readonly struct Oregonator : IStiffOdeModel
{
    private const double K1 = 77.27, K2 = 8.375e-6, K4 = 0.161;

    public int Dimension => 3;

    public bool IsAutonomous => true;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        dy[0] = K1 * (y[1] + y[0] - (y[0] * y[1]) - (K2 * y[0] * y[0]));
        dy[1] = (y[2] - ((1 + y[0]) * y[1])) / K1;
        dy[2] = K4 * (y[0] - y[2]);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
    {
        j[0] = K1 * (1 - y[1] - (2 * K2 * y[0]));
        j[1] = K1 * (1 - y[0]);
        j[2] = 0;
        j[3] = -y[1] / K1;
        j[4] = -(1 + y[0]) / K1;
        j[5] = 1 / K1;
        j[6] = K4;
        j[7] = 0;
        j[8] = -K4;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}

/// <summary>HIRES, high irradiance responses of photomorphogenesis (IVP test set).</summary>
internal readonly struct Hires : IStiffOdeModel
{
    public int Dimension => 8;

    public bool IsAutonomous => true;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        var r = 280 * y[5] * y[7];
        dy[0] = (-1.71 * y[0]) + (0.43 * y[1]) + (8.32 * y[2]) + 0.0007;
        dy[1] = (1.71 * y[0]) - (8.75 * y[1]);
        dy[2] = (-10.03 * y[2]) + (0.43 * y[3]) + (0.035 * y[4]);
        dy[3] = (8.32 * y[1]) + (1.71 * y[2]) - (1.12 * y[3]);
        dy[4] = (-1.745 * y[4]) + (0.43 * (y[5] + y[6]));
        dy[5] = -r + (0.69 * y[3]) + (1.71 * y[4]) - (0.43 * y[5]) + (0.69 * y[6]);
        dy[6] = r - (1.81 * y[6]);
        dy[7] = -r + (1.81 * y[6]);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
    {
        j.Clear();
        j[0] = -1.71;
        j[1] = 0.43;
        j[2] = 8.32;
        j[8] = 1.71;
        j[9] = -8.75;
        j[18] = -10.03;
        j[19] = 0.43;
        j[20] = 0.035;
        j[25] = 8.32;
        j[26] = 1.71;
        j[27] = -1.12;
        j[36] = -1.745;
        j[37] = 0.43;
        j[38] = 0.43;
        j[43] = 0.69;
        j[44] = 1.71;
        j[45] = (-280 * y[7]) - 0.43;
        j[46] = 0.69;
        j[47] = -280 * y[5];
        j[53] = 280 * y[7];
        j[54] = -1.81;
        j[55] = 280 * y[5];
        j[61] = -280 * y[7];
        j[62] = 1.81;
        j[63] = -280 * y[5];
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
}

/// <summary>y1' = a y1 y2 cos t, y2' = -sin t - 3 (y2 - cos t) y2 from (1, 1): y2 = cos t and y1 = e^(a q), q = ½ t + ¼ sin 2t. Smooth,
/// nonlinear, not autonomous, with a known solution and a known sensitivity to a.</summary>
internal readonly struct Driven(double a) : IParametricOdeModel
{
    public static readonly double[] Start = [1, 1];

    public int Dimension => 2;

    public bool IsAutonomous => false;

    public int ParameterCount => 1;

    public double Parameter(int index) => a;

    public static double Angle(double t) => (0.5 * t) + (0.25 * Math.Sin(2 * t));

    public double[] Exact(double t) => [Math.Exp(a * Angle(t)), Math.Cos(t)];

    public double[] ExactSensitivity(double t) => [Angle(t) * Math.Exp(a * Angle(t)), 0];

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        dy[0] = a * y[0] * y[1] * Math.Cos(t);
        dy[1] = -Math.Sin(t) - (3 * (y[1] - Math.Cos(t)) * y[1]);
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
    {
        j[0] = a * y[1] * Math.Cos(t);
        j[1] = a * y[0] * Math.Cos(t);
        j[2] = 0;
        j[3] = (-6 * y[1]) + (3 * Math.Cos(t));
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> d)
    {
        d[0] = -a * y[0] * y[1] * Math.Sin(t);
        d[1] = -Math.Cos(t) - (3 * Math.Sin(t) * y[1]);
    }

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> d)
    {
        d[0] = y[0] * y[1] * Math.Cos(t);
        d[1] = 0;
    }
}

/// <summary>y' = y^2: infinite at t = 1/y0.</summary>
internal readonly struct BlowUp : IOdeModel
{
    public int Dimension => 2;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        dy[0] = 0;
        dy[1] = y[1] * y[1];
    }
}

/// <summary>A model whose second component is NaN from t = 1 on.</summary>
internal readonly struct NotANumber : IOdeModel
{
    public int Dimension => 2;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        dy[0] = 1;
        dy[1] = t < 1 ? 1 : double.NaN;
    }
}
