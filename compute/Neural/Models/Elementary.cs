using System.Numerics;
using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>The elementary functions of <see cref="DetMath"/> for either precision: the same bits everywhere.</summary>
internal static class Elementary<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of(double value) => T.CreateTruncating(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp(T x)
    {
        if (typeof(T) == typeof(double)) return Unsafe.BitCast<double, T>(DetMath.Exp(Unsafe.BitCast<T, double>(x)));
        if (typeof(T) == typeof(float)) return Unsafe.BitCast<float, T>(DetMath.Exp(Unsafe.BitCast<T, float>(x)));
        throw new NotSupportedException(typeof(T).Name);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh(T x)
    {
        if (typeof(T) == typeof(double)) return Unsafe.BitCast<double, T>(DetMath.Tanh(Unsafe.BitCast<T, double>(x)));
        if (typeof(T) == typeof(float)) return Unsafe.BitCast<float, T>(DetMath.Tanh(Unsafe.BitCast<T, float>(x)));
        throw new NotSupportedException(typeof(T).Name);
    }

    /// <summary>ln(1 + e^x) and its slope 1/(1 + e^-x), without overflow.</summary>
    public static T Softplus(T x, out T slope)
    {
        var e = Exp(-T.Abs(x));
        var one = T.One + e;
        slope = x >= T.Zero ? T.One / one : e / one;
        return T.Max(x, T.Zero) + Of(DetMath.Log(double.CreateTruncating(one)));
    }

    /// <summary>A square root that goes through 0 with a finite slope: x / (x² + ε²)^¼, odd, and its slope.</summary>
    public static T SoftRoot(T x, T epsilon, out T slope)
    {
        var square = (x * x) + (epsilon * epsilon);
        var fourth = T.Sqrt(T.Sqrt(square));
        slope = (square - (Of(0.5) * x * x)) / (square * fourth);
        return x / fourth;
    }
}
