using System.Runtime.Intrinsics;

namespace Athanor.Compute.Numerics;

/// <content>Activation functions of networks; each below 2 ulp, the same bits for scalars and for vectors of any width.</content>
public static partial class DetMath
{
    /// <summary>ln(1 + e^x).</summary>
    public static double Softplus(double x) => LaneMath<double, double, ScalarLanes<double>>.Softplus(x);

    /// <inheritdoc cref="Softplus(double)"/>
    public static float Softplus(float x) => LaneMath<float, float, ScalarLanes<float>>.Softplus(x);

    /// <summary>1 / (1 + e^-x), the slope of <see cref="Softplus(double)"/>.</summary>
    public static double Sigmoid(double x) => LaneMath<double, double, ScalarLanes<double>>.Sigmoid(x);

    /// <inheritdoc cref="Sigmoid(double)"/>
    public static float Sigmoid(float x) => LaneMath<float, float, ScalarLanes<float>>.Sigmoid(x);

    /// <summary>x / (1 + e^-x).</summary>
    public static double Silu(double x) => LaneMath<double, double, ScalarLanes<double>>.Silu(x);

    /// <inheritdoc cref="Silu(double)"/>
    public static float Silu(float x) => LaneMath<float, float, ScalarLanes<float>>.Silu(x);

    /// <summary>d Silu / dx = s (1 + x (1 - s)), s the sigmoid; near its zero at -1.278 the error is 2 ulp of 0.5.</summary>
    public static double SiluSlope(double x) => LaneMath<double, double, ScalarLanes<double>>.SiluSlope(x);

    /// <inheritdoc cref="SiluSlope(double)"/>
    public static float SiluSlope(float x) => LaneMath<float, float, ScalarLanes<float>>.SiluSlope(x);

    /// <summary>ln(1 + e^x) per lane; the bits of <see cref="Softplus(double)"/>.</summary>
    public static Vector512<double> Softplus(Vector512<double> x) => LaneMath<Vector512<double>, double, Lanes512<double>>.Softplus(x);

    /// <summary>1 / (1 + e^-x) per lane; the bits of <see cref="Sigmoid(double)"/>.</summary>
    public static Vector512<double> Sigmoid(Vector512<double> x) => LaneMath<Vector512<double>, double, Lanes512<double>>.Sigmoid(x);
}
