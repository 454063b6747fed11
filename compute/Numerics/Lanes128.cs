using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Numerics;

/// <summary>128-bit vectors: 4 float or 2 double lanes.</summary>
internal readonly unsafe struct Lanes128<T> : ILanes<Vector128<T>, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128<T>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Create(T value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Load(T* from) => Vector128.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<T> value, T* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Add(Vector128<T> a, Vector128<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Subtract(Vector128<T> a, Vector128<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Multiply(Vector128<T> a, Vector128<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Divide(Vector128<T> a, Vector128<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Fma(Vector128<T> a, Vector128<T> b, Vector128<T> c) => typeof(T) == typeof(float)
        ? Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector128.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> FmaNegated(Vector128<T> a, Vector128<T> b, Vector128<T> c) => typeof(T) == typeof(float)
        ? Vector128.FusedMultiplyAdd(-a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector128.FusedMultiplyAdd(-a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Abs(Vector128<T> a) => Vector128.AndNot(a, Vector128.Create(T.NegativeZero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> WithSign(Vector128<T> magnitude, Vector128<T> sign) =>
        magnitude | (sign & Vector128.Create(T.NegativeZero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> IfLess(Vector128<T> a, Vector128<T> b, Vector128<T> then, Vector128<T> otherwise) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a, b), then, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> PowerOfTwo(Vector128<T> shifted) => typeof(T) == typeof(float)
        ? (Vector128.ShiftLeft(shifted.AsInt32(), 23) + Vector128.Create(127 << 23)).As<int, T>()
        : (Vector128.ShiftLeft(shifted.AsInt64(), 52) + Vector128.Create(1023L << 52)).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Scale(Vector128<T> m, Vector128<T> shifted)
    {
        if (typeof(T) == typeof(float))
        {
            var n = shifted.AsInt32() - Vector128.Create(DetMath.RoundingMagicF).AsInt32();
            var half = Vector128.ShiftRightArithmetic(n, 1);
            var bias = Vector128.Create(127);
            return m * Vector128.ShiftLeft(half + bias, 23).As<int, T>() * Vector128.ShiftLeft(n - half + bias, 23).As<int, T>();
        }
        var wide = shifted.AsInt64() - Vector128.Create(DetMath.RoundingMagic).AsInt64();
        var lower = Vector128.ShiftRightArithmetic(wide, 1);
        var offset = Vector128.Create(1023L);
        return m * Vector128.ShiftLeft(lower + offset, 52).As<long, T>() * Vector128.ShiftLeft(wide - lower + offset, 52).As<long, T>();
    }

    public static void Transpose(T* from, nint fromStride, T* to, nint toStride)
    {
        for (var i = 0; i < Count; i++, from += fromStride)
        {
            for (var j = 0; j < Count; j++) to[(j * toStride) + i] = from[j];
        }
    }
}
