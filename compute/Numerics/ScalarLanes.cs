using System.Numerics;
using System.Runtime.CompilerServices;

namespace Athanor.Compute.Numerics;

/// <summary>The operations of one number: the reference that the vectors have to agree with, and the path without SIMD.</summary>
internal readonly unsafe struct ScalarLanes<T> : ILanes<T, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count => 1;

    public static T Create(T value) => value;

    public static T Load(T* from) => *from;

    public static void Store(T value, T* to) => *to = value;

    public static T Add(T a, T b) => a + b;

    public static T Subtract(T a, T b) => a - b;

    public static T Multiply(T a, T b) => a * b;

    public static T Divide(T a, T b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Fma(T a, T b, T c) => T.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T FmaNegated(T a, T b, T c) => T.FusedMultiplyAdd(-a, b, c);

    public static T Abs(T a) => T.Abs(a);

    public static T WithSign(T magnitude, T sign) => T.CopySign(magnitude, sign);

    public static T IfLess(T a, T b, T then, T otherwise) => a < b ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T PowerOfTwo(T shifted)
    {
        if (typeof(T) == typeof(float))
        {
            var bits = (Unsafe.BitCast<T, int>(shifted) << 23) + (127 << 23);
            return Unsafe.BitCast<int, T>(bits);
        }
        var wide = (Unsafe.BitCast<T, long>(shifted) << 52) + (1023L << 52);
        return Unsafe.BitCast<long, T>(wide);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Scale(T m, T shifted)
    {
        if (typeof(T) == typeof(float))
        {
            var n = Unsafe.BitCast<T, int>(shifted) - BitConverter.SingleToInt32Bits(DetMath.RoundingMagicF);
            int half = n >> 1, rest = n - half;
            return m * Unsafe.BitCast<int, T>((half + 127) << 23) * Unsafe.BitCast<int, T>((rest + 127) << 23);
        }
        var wide = Unsafe.BitCast<T, long>(shifted) - BitConverter.DoubleToInt64Bits(DetMath.RoundingMagic);
        long lower = wide >> 1, upper = wide - lower;
        return m * Unsafe.BitCast<long, T>((lower + 1023) << 52) * Unsafe.BitCast<long, T>((upper + 1023) << 52);
    }

    public static void Transpose(T* from, nint fromStride, T* to, nint toStride) => *to = *from;
}
