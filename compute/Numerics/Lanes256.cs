using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Numerics;

/// <summary>256-bit vectors: 8 float or 4 double lanes.</summary>
internal readonly unsafe struct Lanes256<T> : ILanes<Vector256<T>, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<T>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Create(T value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(T* from) => Vector256.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<T> value, T* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Subtract(Vector256<T> a, Vector256<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Multiply(Vector256<T> a, Vector256<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Divide(Vector256<T> a, Vector256<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Fma(Vector256<T> a, Vector256<T> b, Vector256<T> c) => typeof(T) == typeof(float)
        ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> FmaNegated(Vector256<T> a, Vector256<T> b, Vector256<T> c) => typeof(T) == typeof(float)
        ? Vector256.FusedMultiplyAdd(-a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector256.FusedMultiplyAdd(-a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Abs(Vector256<T> a) => Vector256.AndNot(a, Vector256.Create(T.NegativeZero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> WithSign(Vector256<T> magnitude, Vector256<T> sign) =>
        magnitude | (sign & Vector256.Create(T.NegativeZero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> IfLess(Vector256<T> a, Vector256<T> b, Vector256<T> then, Vector256<T> otherwise) =>
        Vector256.ConditionalSelect(Vector256.LessThan(a, b), then, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> PowerOfTwo(Vector256<T> shifted) => typeof(T) == typeof(float)
        ? (Vector256.ShiftLeft(shifted.AsInt32(), 23) + Vector256.Create(127 << 23)).As<int, T>()
        : (Vector256.ShiftLeft(shifted.AsInt64(), 52) + Vector256.Create(1023L << 52)).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Scale(Vector256<T> m, Vector256<T> shifted)
    {
        if (typeof(T) == typeof(float))
        {
            var n = shifted.AsInt32() - Vector256.Create(DetMath.RoundingMagicF).AsInt32();
            var half = Vector256.ShiftRightArithmetic(n, 1);
            var bias = Vector256.Create(127);
            return m * Vector256.ShiftLeft(half + bias, 23).As<int, T>() * Vector256.ShiftLeft(n - half + bias, 23).As<int, T>();
        }
        var wide = shifted.AsInt64() - Vector256.Create(DetMath.RoundingMagic).AsInt64();
        var lower = Vector256.ShiftRightArithmetic(wide, 1);
        var offset = Vector256.Create(1023L);
        return m * Vector256.ShiftLeft(lower + offset, 52).As<long, T>() * Vector256.ShiftLeft(wide - lower + offset, 52).As<long, T>();
    }

    public static void Transpose(T* from, nint fromStride, T* to, nint toStride)
    {
        for (var i = 0; i < Count; i++, from += fromStride)
        {
            for (var j = 0; j < Count; j++) to[(j * toStride) + i] = from[j];
        }
    }
}
