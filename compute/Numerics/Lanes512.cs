using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Athanor.Compute.Numerics;

/// <summary>512-bit vectors: 16 float or 8 double lanes.</summary>
internal readonly unsafe struct Lanes512<T> : ILanes<Vector512<T>, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<T>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Create(T value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(T* from) => Vector512.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> value, T* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Subtract(Vector512<T> a, Vector512<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Multiply(Vector512<T> a, Vector512<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Divide(Vector512<T> a, Vector512<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Fma(Vector512<T> a, Vector512<T> b, Vector512<T> c) => typeof(T) == typeof(float)
        ? Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector512.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> FmaNegated(Vector512<T> a, Vector512<T> b, Vector512<T> c) => typeof(T) == typeof(float)
        ? Vector512.FusedMultiplyAdd(-a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector512.FusedMultiplyAdd(-a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Abs(Vector512<T> a) => Vector512.AndNot(a, Vector512.Create(T.NegativeZero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> WithSign(Vector512<T> magnitude, Vector512<T> sign) =>
        magnitude | (sign & Vector512.Create(T.NegativeZero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> IfLess(Vector512<T> a, Vector512<T> b, Vector512<T> then, Vector512<T> otherwise) =>
        Vector512.ConditionalSelect(Vector512.LessThan(a, b), then, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> PowerOfTwo(Vector512<T> shifted) => typeof(T) == typeof(float)
        ? (Vector512.ShiftLeft(shifted.AsInt32(), 23) + Vector512.Create(127 << 23)).As<int, T>()
        : (Vector512.ShiftLeft(shifted.AsInt64(), 52) + Vector512.Create(1023L << 52)).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Scale(Vector512<T> m, Vector512<T> shifted)
    {
        // One instruction that rounds once, where there is one.
        if (Avx512F.IsSupported)
        {
            return typeof(T) == typeof(float)
                ? Avx512F.Scale(m.AsSingle(), shifted.AsSingle() - Vector512.Create(DetMath.RoundingMagicF)).As<float, T>()
                : Avx512F.Scale(m.AsDouble(), shifted.AsDouble() - Vector512.Create(DetMath.RoundingMagic)).As<double, T>();
        }
        if (typeof(T) == typeof(float))
        {
            var n = shifted.AsInt32() - Vector512.Create(DetMath.RoundingMagicF).AsInt32();
            var half = Vector512.ShiftRightArithmetic(n, 1);
            var bias = Vector512.Create(127);
            return m * Vector512.ShiftLeft(half + bias, 23).As<int, T>() * Vector512.ShiftLeft(n - half + bias, 23).As<int, T>();
        }
        var wide = shifted.AsInt64() - Vector512.Create(DetMath.RoundingMagic).AsInt64();
        var lower = Vector512.ShiftRightArithmetic(wide, 1);
        var offset = Vector512.Create(1023L);
        return m * Vector512.ShiftLeft(lower + offset, 52).As<long, T>() * Vector512.ShiftLeft(wide - lower + offset, 52).As<long, T>();
    }

    public static void Transpose(T* from, nint fromStride, T* to, nint toStride)
    {
        if (Avx512F.IsSupported && typeof(T) == typeof(float))
        {
            Transpose16((float*)from, fromStride, (float*)to, toStride);
        }
        else
        {
            for (var i = 0; i < Count; i++, from += fromStride)
            {
                for (var j = 0; j < Count; j++) to[(j * toStride) + i] = from[j];
            }
        }
    }

    /// <summary>Four rows at a time: pairs, then fours within 128 bits, then the 128-bit quarters across the rows.</summary>
    private static void Transpose16(float* from, nint fromStride, float* to, nint toStride)
    {
        var (a0, a1, a2, a3) = Quarter(from, fromStride);
        var (b0, b1, b2, b3) = Quarter(from + (4 * fromStride), fromStride);
        var (c0, c1, c2, c3) = Quarter(from + (8 * fromStride), fromStride);
        var (d0, d1, d2, d3) = Quarter(from + (12 * fromStride), fromStride);
        Column(a0, b0, c0, d0, to, toStride);
        Column(a1, b1, c1, d1, to + toStride, toStride);
        Column(a2, b2, c2, d2, to + (2 * toStride), toStride);
        Column(a3, b3, c3, d3, to + (3 * toStride), toStride);
    }

    /// <summary>Of four rows: result j holds in its 128-bit part q the column 4q + j.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> C0, Vector512<float> C1, Vector512<float> C2, Vector512<float> C3) Quarter(float* from, nint stride)
    {
        var r0 = Vector512.Load(from);
        var r1 = Vector512.Load(from + stride);
        var r2 = Vector512.Load(from + (2 * stride));
        var r3 = Vector512.Load(from + (3 * stride));
        var low01 = Avx512F.UnpackLow(r0, r1).AsDouble();
        var high01 = Avx512F.UnpackHigh(r0, r1).AsDouble();
        var low23 = Avx512F.UnpackLow(r2, r3).AsDouble();
        var high23 = Avx512F.UnpackHigh(r2, r3).AsDouble();
        return (
            Avx512F.UnpackLow(low01, low23).AsSingle(), Avx512F.UnpackHigh(low01, low23).AsSingle(),
            Avx512F.UnpackLow(high01, high23).AsSingle(), Avx512F.UnpackHigh(high01, high23).AsSingle());
    }

    /// <summary>Columns j, 4 + j, 8 + j and 12 + j from the four quarters' result j.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to, nint stride)
    {
        var ab02 = Avx512F.Shuffle4x128(a, b, 0b10_00_10_00);
        var ab13 = Avx512F.Shuffle4x128(a, b, 0b11_01_11_01);
        var cd02 = Avx512F.Shuffle4x128(c, d, 0b10_00_10_00);
        var cd13 = Avx512F.Shuffle4x128(c, d, 0b11_01_11_01);
        Avx512F.Shuffle4x128(ab02, cd02, 0b10_00_10_00).Store(to);
        Avx512F.Shuffle4x128(ab13, cd13, 0b10_00_10_00).Store(to + (4 * stride));
        Avx512F.Shuffle4x128(ab02, cd02, 0b11_01_11_01).Store(to + (8 * stride));
        Avx512F.Shuffle4x128(ab13, cd13, 0b11_01_11_01).Store(to + (12 * stride));
    }
}
