using System.Numerics;
using System.Runtime.CompilerServices;

namespace Athanor.Compute.Numerics;

/// <summary>
/// Activation functions written once over <see cref="ILanes{TVector, T}"/>, so that scalars and vectors of any width have the same bits.
/// exp and tanh have the bits of <see cref="DetMath"/>'s. Below 2 ulp each, asserted by the tests; the largest errors found (float / double):
/// exp 0.99 / 0.96, tanh 1.45 / 1.35, softplus 1.41 / 1.25, sigmoid 0.95 / 0.93, SiLU 1.05 / 0.95.
/// </summary>
internal static class LaneMath<TVector, T, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TLanes : struct, ILanes<TVector, T>
{
    // Beyond these a e^-a is less than half of the smallest number.
    private const double Underflow = 760.0;
    private const float UnderflowF = 112.0f;

    private static readonly T[] TanhTable =
    [
        Number(1.0f, 1.0), Number(2.0f, 2.0), Number(DetMath.TanhHighF, DetMath.TanhHigh),
        Number(DetMath.RoundingMagicF, DetMath.RoundingMagic), Number(DetMath.Log2EF, DetMath.Log2E),
        Number(DetMath.TanhBiasF, DetMath.TanhBias), Number(DetMath.Ln2HighF, DetMath.Ln2High),
        Number(DetMath.Ln2LowF, DetMath.Ln2Low), Number(DetMath.TF0, DetMath.T0), Number(DetMath.TF1, DetMath.T1),
        Number(DetMath.TF2, DetMath.T2), Number(DetMath.TF3, DetMath.T3), Number(DetMath.TF4, DetMath.T4),
        Number(DetMath.TF5, DetMath.T5),
    ];

    /// <summary>e^x; the bits of <see cref="DetMath.Exp(double)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        var high = Constant(DetMath.ExpHighF, DetMath.ExpHigh);
        var low = Constant(DetMath.ExpLowF, DetMath.ExpLow);
        x = TLanes.IfLess(high, x, high, x);
        x = TLanes.IfLess(x, low, low, x);
        var magic = Constant(DetMath.RoundingMagicF, DetMath.RoundingMagic);
        var shifted = TLanes.Fma(x, Constant(DetMath.Log2EF, DetMath.Log2E), magic);
        var p = ExpM1Reduced(x, TLanes.Subtract(shifted, magic));
        return TLanes.Scale(TLanes.Add(Constant(1.0f, 1.0), p), shifted);
    }

    /// <summary>Hyperbolic tangent: e / (e + 2) with e = exp(2|x|) - 1 (see <see cref="DetMath"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh(TVector x) => Tanh(
        x, Constant(1.0f, 1.0), Constant(2.0f, 2.0), Constant(DetMath.TanhHighF, DetMath.TanhHigh),
        Constant(DetMath.RoundingMagicF, DetMath.RoundingMagic), Constant(DetMath.Log2EF, DetMath.Log2E),
        Constant(DetMath.TanhBiasF, DetMath.TanhBias), Constant(DetMath.Ln2HighF, DetMath.Ln2High),
        Constant(DetMath.Ln2LowF, DetMath.Ln2Low), Constant(DetMath.TF0, DetMath.T0), Constant(DetMath.TF1, DetMath.T1),
        Constant(DetMath.TF2, DetMath.T2), Constant(DetMath.TF3, DetMath.T3), Constant(DetMath.TF4, DetMath.T4),
        Constant(DetMath.TF5, DetMath.T5));

    /// <summary>tanh of each of <paramref name="count"/> elements, a multiple of the lanes, in place.</summary>
    /// <remarks>The constants are read from memory once: the JIT would load what it knows to be constant again in every turn, and loads are
    /// what such a loop waits for.</remarks>
    public static unsafe void Tanh(T* a, nint count)
    {
        fixed (T* c = TanhTable)
        {
            TVector one = TLanes.Create(c[0]), two = TLanes.Create(c[1]), high = TLanes.Create(c[2]), magic = TLanes.Create(c[3]);
            TVector log2E = TLanes.Create(c[4]), bias = TLanes.Create(c[5]), ln2High = TLanes.Create(c[6]), ln2Low = TLanes.Create(c[7]);
            TVector t0 = TLanes.Create(c[8]), t1 = TLanes.Create(c[9]), t2 = TLanes.Create(c[10]), t3 = TLanes.Create(c[11]);
            TVector t4 = TLanes.Create(c[12]), t5 = TLanes.Create(c[13]);
            for (nint i = 0; i < count; i += TLanes.Count)
            {
                TLanes.Store(
                    Tanh(TLanes.Load(a + i), one, two, high, magic, log2E, bias, ln2High, ln2Low, t0, t1, t2, t3, t4, t5), a + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Tanh(
        TVector x, TVector one, TVector two, TVector high, TVector magic, TVector log2E, TVector bias, TVector ln2High, TVector ln2Low,
        TVector t0, TVector t1, TVector t2, TVector t3, TVector t4, TVector t5)
    {
        var a = TLanes.Abs(x);
        a = TLanes.Add(a, a);
        a = TLanes.IfLess(high, a, high, a);
        var shifted = TLanes.Add(TLanes.Fma(a, log2E, bias), magic);
        var n = TLanes.Subtract(shifted, magic);
        // exp(r) - 1 for a = n ln 2 + r.
        var r = TLanes.FmaNegated(n, ln2High, a);
        r = TLanes.FmaNegated(n, ln2Low, r);
        var r2 = TLanes.Multiply(r, r);
        var a0 = TLanes.Fma(t1, r, t0);
        var a1 = TLanes.Fma(t3, r, t2);
        var a2 = TLanes.Fma(t5, r, t4);
        TVector p;
        if (typeof(T) == typeof(float))
        {
            p = TLanes.Fma(TLanes.Fma(TLanes.Fma(a2, r2, a1), r2, a0), r2, r);
        }
        else
        {
            var a3 = TLanes.Fma(Constant(0.0f, DetMath.T7), r, Constant(0.0f, DetMath.T6));
            var a4 = TLanes.Fma(Constant(0.0f, DetMath.T9), r, Constant(0.0f, DetMath.T8));
            p = Estrin(r, r2, a0, a1, a2, a3, TLanes.Fma(Constant(0.0f, DetMath.T10), r2, a4));
        }
        var scale = TLanes.PowerOfTwo(shifted);
        var e = TLanes.Fma(p, scale, TLanes.Subtract(scale, one));
        var d = TLanes.Add(e, two);
        var low = TLanes.Subtract(e, TLanes.Subtract(d, two));
        var reciprocal = TLanes.Divide(one, d);
        var q = TLanes.Multiply(e, reciprocal);
        var remainder = TLanes.FmaNegated(q, low, TLanes.FmaNegated(q, d, e));
        return TLanes.WithSign(TLanes.Fma(remainder, reciprocal, q), x);
    }

    /// <summary>
    /// x / (1 + e^-x). With e = exp(-|x|) = m 2^n, the quotient's rounding is carried along and 2^n is
    /// applied last, so that nothing is lost where e underflows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Silu(TVector x)
    {
        var (m, mLow, shifted, e, eLow) = ExpOfMinus(TLanes.Abs(x));
        var zero = Constant(0.0f, 0.0);
        var one = Constant(1.0f, 1.0);
        // The sigmoid's numerator is 1 for x ≥ 0 and m (times 2^n) else.
        var numerator = TLanes.IfLess(x, zero, m, one);
        var numeratorLow = TLanes.IfLess(x, zero, mLow, zero);
        var (q, qLow) = Quotient(numerator, numeratorLow, e, eLow);
        // x q with q's rest.
        var y = TLanes.Fma(x, q, TLanes.Multiply(x, qLow));
        var magic = Constant(DetMath.RoundingMagicF, DetMath.RoundingMagic);
        // Infinity times 0 is no number: far out it is x or -0.
        var limited = TLanes.IfLess(x, Constant(-UnderflowF, -Underflow), TLanes.WithSign(zero, x), y);
        limited = TLanes.IfLess(Constant(1e4f, 1e4), x, x, limited);
        return TLanes.Scale(limited, TLanes.IfLess(x, zero, shifted, magic));
    }

    /// <summary>1 / (1 + e^-x): the slope of softplus.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sigmoid(TVector x)
    {
        var (m, mLow, shifted, e, eLow) = ExpOfMinus(TLanes.Abs(x));
        var zero = Constant(0.0f, 0.0);
        var one = Constant(1.0f, 1.0);
        var (q, qLow) = Quotient(TLanes.IfLess(x, zero, m, one), TLanes.IfLess(x, zero, mLow, zero), e, eLow);
        var magic = Constant(DetMath.RoundingMagicF, DetMath.RoundingMagic);
        return TLanes.Scale(TLanes.Add(q, qLow), TLanes.IfLess(x, zero, shifted, magic));
    }

    /// <summary>The slope of <see cref="Silu"/>: s (1 + x (1 - s)) with s the sigmoid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector SiluSlope(TVector x)
    {
        // Beyond ±1e4 the product x (1 - s) would be infinity times 0 at infinite x.
        var limit = Constant(1e4f, 1e4);
        var clamped = TLanes.IfLess(limit, x, limit, x);
        clamped = TLanes.IfLess(clamped, Constant(-1e4f, -1e4), Constant(-1e4f, -1e4), clamped);
        var s = Sigmoid(clamped);
        // 1 - s is the sigmoid of -x; the difference would cancel.
        var rest = Sigmoid(TLanes.Subtract(Constant(0.0f, 0.0), clamped));
        return TLanes.Multiply(s, TLanes.Fma(clamped, rest, Constant(1.0f, 1.0)));
    }

    /// <summary>
    /// ln(1 + e^x) = max(x, 0) + log1p(e), e = exp(-|x|). log1p as in FreeBSD's e_log.c (Sun, 1993): e itself up to √2 - 1, above it
    /// (e - 1) / 2 and ln 2.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Softplus(TVector x)
    {
        var (_, _, _, e, eLow) = ExpOfMinus(TLanes.Abs(x));
        var zero = Constant(0.0f, 0.0);
        var one = Constant(1.0f, 1.0);
        var half = Constant(0.5f, 0.5);
        var border = Constant(0.41421357f, 0.41421356237309503);
        var f = TLanes.IfLess(e, border, e, TLanes.Multiply(half, TLanes.Subtract(e, one)));
        var ln2High = TLanes.IfLess(e, border, zero, Constant(6.9313812256e-01f, 6.93147180369123816490e-01));
        var ln2Low = TLanes.IfLess(e, border, zero, Constant(9.0580006145e-06f, 1.90821492927058770002e-10));
        var s = TLanes.Divide(f, TLanes.Add(Constant(2.0f, 2.0), f));
        var z = TLanes.Multiply(s, s);
        var r = TLanes.Multiply(LogSeries(z), z);
        var halfSquare = TLanes.Multiply(TLanes.Multiply(half, f), f);
        // What e's rounding left out, at the slope of log1p.
        var rest = TLanes.Divide(eLow, TLanes.Add(one, e));
        var low = TLanes.Add(TLanes.Fma(s, TLanes.Add(halfSquare, r), ln2Low), rest);
        var log = TLanes.Subtract(ln2High, TLanes.Subtract(TLanes.Subtract(halfSquare, low), f));
        // NaN passes: it is not less than anything, and x + NaN is NaN.
        return TLanes.IfLess(x, zero, log, TLanes.Add(x, log));
    }

    /// <summary>max(x, 0); NaN passes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Relu(TVector x)
    {
        var zero = Constant(0.0f, 0.0);
        return TLanes.IfLess(x, zero, zero, x);
    }

    /// <summary>exp(-a) for a ≥ 0 as m 2^n (m and what its rounding left out; n in the low bits of shifted), and as a number with its
    /// rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVector M, TVector MLow, TVector Shifted, TVector E, TVector ELow) ExpOfMinus(TVector a)
    {
        var high = Constant(UnderflowF, Underflow);
        a = TLanes.IfLess(high, a, high, a);
        var x = TLanes.Subtract(Constant(0.0f, 0.0), a);
        var one = Constant(1.0f, 1.0);
        var magic = Constant(DetMath.RoundingMagicF, DetMath.RoundingMagic);
        var shifted = TLanes.Fma(x, Constant(DetMath.Log2EF, DetMath.Log2E), magic);
        var p = ExpM1Reduced(x, TLanes.Subtract(shifted, magic));
        var m = TLanes.Add(one, p);
        var mLow = TLanes.Subtract(p, TLanes.Subtract(m, one));
        return (m, mLow, shifted, TLanes.Scale(m, shifted), TLanes.Scale(mLow, shifted));
    }

    /// <summary>(n + nLow) / (1 + e + eLow) for 0 ≤ e ≤ 1, as a number and its rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVector Q, TVector Low) Quotient(TVector n, TVector nLow, TVector e, TVector eLow)
    {
        var one = Constant(1.0f, 1.0);
        var d = TLanes.Add(one, e);
        var dLow = TLanes.Add(TLanes.Subtract(e, TLanes.Subtract(d, one)), eLow);
        var reciprocal = TLanes.Divide(one, d);
        var q = TLanes.Multiply(n, reciprocal);
        var remainder = TLanes.Add(TLanes.FmaNegated(q, dLow, TLanes.FmaNegated(q, d, n)), nLow);
        return (q, TLanes.Multiply(remainder, reciprocal));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector ExpM1Reduced(TVector x, TVector n)
    {
        var r = TLanes.FmaNegated(n, Constant(DetMath.Ln2HighF, DetMath.Ln2High), x);
        r = TLanes.FmaNegated(n, Constant(DetMath.Ln2LowF, DetMath.Ln2Low), r);
        var r2 = TLanes.Multiply(r, r);
        var a0 = TLanes.Fma(Constant(DetMath.QF1, DetMath.Q1), r, Constant(DetMath.QF0, DetMath.Q0));
        var a1 = TLanes.Fma(Constant(DetMath.QF3, DetMath.Q3), r, Constant(DetMath.QF2, DetMath.Q2));
        var a2 = TLanes.Fma(Constant(DetMath.QF5, DetMath.Q5), r, Constant(DetMath.QF4, DetMath.Q4));
        if (typeof(T) == typeof(float)) return TLanes.Fma(TLanes.Fma(TLanes.Fma(a2, r2, a1), r2, a0), r2, r);
        var a3 = TLanes.Fma(Constant(0.0f, DetMath.Q7), r, Constant(0.0f, DetMath.Q6));
        var a4 = TLanes.Fma(Constant(0.0f, DetMath.Q9), r, Constant(0.0f, DetMath.Q8));
        return Estrin(r, r2, a0, a1, a2, a3, TLanes.Fma(Constant(0.0f, DetMath.Q10), r2, a4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Estrin(TVector r, TVector r2, TVector a0, TVector a1, TVector a2, TVector a3, TVector b2)
    {
        var r4 = TLanes.Multiply(r2, r2);
        var b0 = TLanes.Fma(a1, r2, a0);
        var b1 = TLanes.Fma(a3, r2, a2);
        return TLanes.Fma(TLanes.Fma(TLanes.Fma(b2, r4, b1), r4, b0), r2, r);
    }

    /// <summary>(log((1 + s) / (1 - s)) - 2 s) / (s z), z = s², |s| ≤ 0.1716.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector LogSeries(TVector z)
    {
        if (typeof(T) == typeof(float))
        {
            // FreeBSD's e_logf.c: 2^-34.24 at most.
            var s = TLanes.Fma(Constant(0.24279078841f, 0.0), z, Constant(0.28498786688f, 0.0));
            s = TLanes.Fma(s, z, Constant(0.40000972152f, 0.0));
            return TLanes.Fma(s, z, Constant(0.66666662693f, 0.0));
        }
        var r = TLanes.Fma(Constant(0.0f, DetMath.L7), z, Constant(0.0f, DetMath.L6));
        r = TLanes.Fma(r, z, Constant(0.0f, DetMath.L5));
        r = TLanes.Fma(r, z, Constant(0.0f, DetMath.L4));
        r = TLanes.Fma(r, z, Constant(0.0f, DetMath.L3));
        r = TLanes.Fma(r, z, Constant(0.0f, DetMath.L2));
        return TLanes.Fma(r, z, Constant(0.0f, DetMath.L1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Constant(float single, double wide) => TLanes.Create(Number(single, wide));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Number(float single, double wide) =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>(single) : Unsafe.BitCast<double, T>(wide);
}
