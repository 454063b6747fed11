using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Athanor.Compute.Numerics;

/// <content>The same operations in the same order on lanes. Where 512-bit registers are missing the runtime splits the vectors, with the
/// same bits, since every operation is rounded lane by lane.</content>
public static partial class DetMath
{
    /// <summary>e^x per lane; the bits of <see cref="Exp(double)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Exp(Vector512<double> x)
    {
        x = Clamp(x, ExpLow, ExpHigh);
        var magic = Vector512.Create(RoundingMagic);
        var shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2E), magic);
        var whole = shifted - magic;
        var p = ExpM1Reduced(x, whole);
        // One instruction that rounds once, where there is one; it does what the two halves do.
        if (Avx512F.IsSupported) return Avx512F.Scale(Vector512<double>.One + p, whole);
        var n = shifted.AsInt64() - magic.AsInt64();
        var half = Vector512.ShiftRightArithmetic(n, 1);
        return (Vector512<double>.One + p) * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>e^x per lane; the bits of <see cref="Exp(float)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        x = Clamp(x, ExpLowF, ExpHighF);
        var magic = Vector512.Create(RoundingMagicF);
        var shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2EF), magic);
        var p = ExpM1Reduced(x, shifted - magic);
        var n = shifted.AsInt32() - magic.AsInt32();
        var half = Vector512.ShiftRightArithmetic(n, 1);
        return (Vector512<float>.One + p) * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>tanh per lane; the bits of <see cref="Tanh(double)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Tanh(Vector512<double> x)
    {
        var sign = x & Vector512.Create(-0.0);
        var a = x ^ sign;
        a += a;
        var high = Vector512.Create(TanhHigh);
        a = Vector512.ConditionalSelect(Vector512.GreaterThan(a, high), high, a);
        var magic = Vector512.Create(RoundingMagic);
        var shifted = Vector512.FusedMultiplyAdd(a, Vector512.Create(Log2E), Vector512.Create(TanhBias)) + magic;
        var p = ExpM1ForTanh(a, shifted - magic);
        var scale = PowerOfTwo(shifted.AsInt64() - magic.AsInt64());
        var e = Vector512.FusedMultiplyAdd(p, scale, scale - Vector512<double>.One);
        return Quotient(e) | sign;
    }

    /// <summary>tanh per lane; the bits of <see cref="Tanh(float)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var sign = x & Vector512.Create(-0.0f);
        var a = x ^ sign;
        a += a;
        var high = Vector512.Create(TanhHighF);
        a = Vector512.ConditionalSelect(Vector512.GreaterThan(a, high), high, a);
        var magic = Vector512.Create(RoundingMagicF);
        var shifted = Vector512.FusedMultiplyAdd(a, Vector512.Create(Log2EF), Vector512.Create(TanhBiasF)) + magic;
        var p = ExpM1ForTanh(a, shifted - magic);
        var scale = PowerOfTwo(shifted.AsInt32() - magic.AsInt32());
        var e = Vector512.FusedMultiplyAdd(p, scale, scale - Vector512<float>.One);
        return Quotient(e) | sign;
    }

    /// <summary>e^x per element; <paramref name="result"/> may be <paramref name="x"/> itself.</summary>
    public static void Exp(ReadOnlySpan<double> x, Span<double> result) => Map<double, ExpFunction>(x, result);

    /// <summary>e^x per element; <paramref name="result"/> may be <paramref name="x"/> itself.</summary>
    public static void Exp(ReadOnlySpan<float> x, Span<float> result) => Map<float, ExpFunction>(x, result);

    /// <summary>tanh per element; <paramref name="result"/> may be <paramref name="x"/> itself.</summary>
    public static void Tanh(ReadOnlySpan<double> x, Span<double> result) => Map<double, TanhFunction>(x, result);

    /// <summary>tanh per element; <paramref name="result"/> may be <paramref name="x"/> itself.</summary>
    public static void Tanh(ReadOnlySpan<float> x, Span<float> result) => Map<float, TanhFunction>(x, result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Clamp(Vector512<double> x, double low, double high)
    {
        // Comparisons with NaN are false, so NaN passes through; Max and Min differ between instruction sets there.
        var h = Vector512.Create(high);
        var l = Vector512.Create(low);
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, h), h, x);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, l), l, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Clamp(Vector512<float> x, float low, float high)
    {
        var h = Vector512.Create(high);
        var l = Vector512.Create(low);
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, h), h, x);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, l), l, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> ExpM1Reduced(Vector512<double> x, Vector512<double> n)
    {
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);
        var r2 = r * r;
        var r4 = r2 * r2;
        var a0 = Vector512.FusedMultiplyAdd(Vector512.Create(Q1), r, Vector512.Create(Q0));
        var a1 = Vector512.FusedMultiplyAdd(Vector512.Create(Q3), r, Vector512.Create(Q2));
        var a2 = Vector512.FusedMultiplyAdd(Vector512.Create(Q5), r, Vector512.Create(Q4));
        var a3 = Vector512.FusedMultiplyAdd(Vector512.Create(Q7), r, Vector512.Create(Q6));
        var a4 = Vector512.FusedMultiplyAdd(Vector512.Create(Q9), r, Vector512.Create(Q8));
        var b0 = Vector512.FusedMultiplyAdd(a1, r2, a0);
        var b1 = Vector512.FusedMultiplyAdd(a3, r2, a2);
        var b2 = Vector512.FusedMultiplyAdd(Vector512.Create(Q10), r2, a4);
        var q = Vector512.FusedMultiplyAdd(Vector512.FusedMultiplyAdd(b2, r4, b1), r4, b0);
        return Vector512.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpM1Reduced(Vector512<float> x, Vector512<float> n)
    {
        n = -n;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2HighF), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2LowF), r);
        var r2 = r * r;
        var a0 = Vector512.FusedMultiplyAdd(Vector512.Create(QF1), r, Vector512.Create(QF0));
        var a1 = Vector512.FusedMultiplyAdd(Vector512.Create(QF3), r, Vector512.Create(QF2));
        var a2 = Vector512.FusedMultiplyAdd(Vector512.Create(QF5), r, Vector512.Create(QF4));
        var q = Vector512.FusedMultiplyAdd(Vector512.FusedMultiplyAdd(a2, r2, a1), r2, a0);
        return Vector512.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> ExpM1ForTanh(Vector512<double> x, Vector512<double> n)
    {
        n = -n;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2Low), r);
        var r2 = r * r;
        var r4 = r2 * r2;
        var a0 = Vector512.FusedMultiplyAdd(Vector512.Create(T1), r, Vector512.Create(T0));
        var a1 = Vector512.FusedMultiplyAdd(Vector512.Create(T3), r, Vector512.Create(T2));
        var a2 = Vector512.FusedMultiplyAdd(Vector512.Create(T5), r, Vector512.Create(T4));
        var a3 = Vector512.FusedMultiplyAdd(Vector512.Create(T7), r, Vector512.Create(T6));
        var a4 = Vector512.FusedMultiplyAdd(Vector512.Create(T9), r, Vector512.Create(T8));
        var b0 = Vector512.FusedMultiplyAdd(a1, r2, a0);
        var b1 = Vector512.FusedMultiplyAdd(a3, r2, a2);
        var b2 = Vector512.FusedMultiplyAdd(Vector512.Create(T10), r2, a4);
        var q = Vector512.FusedMultiplyAdd(Vector512.FusedMultiplyAdd(b2, r4, b1), r4, b0);
        return Vector512.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpM1ForTanh(Vector512<float> x, Vector512<float> n)
    {
        n = -n;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2HighF), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(Ln2LowF), r);
        var r2 = r * r;
        var a0 = Vector512.FusedMultiplyAdd(Vector512.Create(TF1), r, Vector512.Create(TF0));
        var a1 = Vector512.FusedMultiplyAdd(Vector512.Create(TF3), r, Vector512.Create(TF2));
        var a2 = Vector512.FusedMultiplyAdd(Vector512.Create(TF5), r, Vector512.Create(TF4));
        var q = Vector512.FusedMultiplyAdd(Vector512.FusedMultiplyAdd(a2, r2, a1), r2, a0);
        return Vector512.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Quotient(Vector512<double> e)
    {
        var two = Vector512.Create(2.0);
        var d = e + two;
        var low = e - (d - two);
        var reciprocal = Vector512<double>.One / d;
        var q = e * reciprocal;
        var remainder = Vector512.FusedMultiplyAdd(-q, low, Vector512.FusedMultiplyAdd(-q, d, e));
        return Vector512.FusedMultiplyAdd(remainder, reciprocal, q);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Quotient(Vector512<float> e)
    {
        var two = Vector512.Create(2.0f);
        var d = e + two;
        var low = e - (d - two);
        var reciprocal = Vector512<float>.One / d;
        var q = e * reciprocal;
        var remainder = Vector512.FusedMultiplyAdd(-q, low, Vector512.FusedMultiplyAdd(-q, d, e));
        return Vector512.FusedMultiplyAdd(remainder, reciprocal, q);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> PowerOfTwo(Vector512<long> n) => Vector512.ShiftLeft(n + Vector512.Create(1023L), 52).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> n) => Vector512.ShiftLeft(n + Vector512.Create(127), 23).AsSingle();

    private interface IFunction<T>
        where T : unmanaged
    {
        static abstract T Of(T x);

        static abstract Vector512<T> Of(Vector512<T> x);
    }

    private readonly struct ExpFunction : IFunction<double>, IFunction<float>
    {
        public static double Of(double x) => Exp(x);

        public static Vector512<double> Of(Vector512<double> x) => Exp(x);

        public static float Of(float x) => Exp(x);

        public static Vector512<float> Of(Vector512<float> x) => Exp(x);
    }

    private readonly struct TanhFunction : IFunction<double>, IFunction<float>
    {
        public static double Of(double x) => Tanh(x);

        public static Vector512<double> Of(Vector512<double> x) => Tanh(x);

        public static float Of(float x) => Tanh(x);

        public static Vector512<float> Of(Vector512<float> x) => Tanh(x);
    }

    private static void Map<T, TFunction>(ReadOnlySpan<T> x, Span<T> result)
        where T : unmanaged
        where TFunction : struct, IFunction<T>
    {
        if (result.Length != x.Length)
            throw new ArgumentException($"the result has {result.Length} elements where the argument has {x.Length}", nameof(result));
        ref var from = ref MemoryMarshal.GetReference(x);
        ref var to = ref MemoryMarshal.GetReference(result);
        nuint i = 0, count = (nuint)x.Length, width = (nuint)Vector512<T>.Count;
        for (; i + width <= count; i += width)
            TFunction.Of(Vector512.LoadUnsafe(ref from, i)).StoreUnsafe(ref to, i);
        for (; i < count; i++) Unsafe.Add(ref to, i) = TFunction.Of(Unsafe.Add(ref from, i));
    }
}
