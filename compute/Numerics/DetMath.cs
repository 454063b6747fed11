using System.Runtime.CompilerServices;

namespace Athanor.Compute.Numerics;

/// <summary>
/// Elementary functions with the same bits everywhere: scalar or vector, any SIMD width, any machine with IEEE 754 arithmetic.
/// They use only +, -, *, /, exact conversions and explicit fused multiply-add, each rounded once, in a fixed order; the platform's
/// <c>Math.Exp</c> and <c>Vector512.Exp</c> promise no such thing and are slower. Whatever is hashed or audited by hash calls these.
/// </summary>
/// <remarks>
/// Largest errors, asserted by the tests against 160-bit arithmetic: exp 1 ulp, expm1-based tanh 2 ulp, log 1 ulp (double); exp 1 ulp,
/// tanh 2 ulp (float). NaN gives NaN (its payload is not promised), exp overflows to infinity and underflows gradually, tanh keeps the
/// sign of zero. Method: Cody and Waite's two-constant reduction x = n ln 2 + r (Software Manual for the Elementary Functions, 1980),
/// exp(r) = 1 + r + r² q(r) with q interpolated at Chebyshev nodes and evaluated by Estrin's scheme;
/// tanh(x) = e / (e + 2) with e = exp(2|x|) - 1 formed without cancellation and the rounding of e + 2 carried along; log as in FreeBSD's
/// e_log.c (Sun, 1993).
/// </remarks>
public static partial class DetMath
{
    internal const double Log2E = 1.4426950408889634;
    internal const double Ln2High = 0.6931471805599453;
    internal const double Ln2Low = 2.3190468138462996e-17;

    /// <summary>1.5 · 2^52: adding it rounds to an integer that then stands in the low bits.</summary>
    internal const double RoundingMagic = 6755399441055744.0;

    internal const float Log2EF = 1.44269502f;
    internal const float Ln2HighF = 0.693147182f;
    internal const float Ln2LowF = -1.90465421e-09f;
    internal const float RoundingMagicF = 12582912.0f;

    // Beyond these exp is 0 or infinity; clamping keeps the integer exponent in range.
    internal const double ExpLow = -746.0, ExpHigh = 710.0;
    internal const float ExpLowF = -104.5f, ExpHighF = 89.0f;

    // Beyond these tanh rounds to ±1: the clamp is on 2|x|.
    internal const double TanhHigh = 44.0;
    internal const float TanhHighF = 24.0f;

    // q(r) = (exp(r) - 1 - r) / r²; the error of exp(r) - 1 relative to r is below 6e-18 (double) and 2e-9 (float) before rounding.
    // For exp, n = round(x / ln 2) and |r| ≤ ln 2 / 2.
    internal const double Q0 = 0.5, Q1 = 0.1666666666666667, Q2 = 0.04166666666666667, Q3 = 0.008333333333326112;
    internal const double Q4 = 0.001388888888888373, Q5 = 0.0001984126987490126, Q6 = 2.4801587325605324e-05;
    internal const double Q7 = 2.7557255297969643e-06, Q8 = 2.755727357010214e-07, Q9 = 2.5105259538448494e-08;
    internal const double Q10 = 2.0914717341716378e-09;

    internal const float QF0 = 0.5f, QF1 = 0.166666672f, QF2 = 0.041666463f, QF3 = 0.00833331048f, QF4 = 0.00139336858f;
    internal const float QF5 = 0.000198910304f;

    // For tanh, n = round(x / ln 2 - 0.35) and -0.105 ≤ r ≤ 0.59: where n ≠ 0, exp(r) 2^n - 1 then loses nothing to cancellation.
    internal const double TanhBias = -0.35;
    internal const float TanhBiasF = -0.35f;
    internal const double T0 = 0.5, T1 = 0.16666666666666663, T2 = 0.041666666666668045, T3 = 0.008333333333342807;
    internal const double T4 = 0.0013888888886245921, T5 = 0.00019841269900361508, T6 = 2.4801598816154738e-05;
    internal const double T7 = 2.7556389578751876e-06, T8 = 2.7588461192615096e-07, T9 = 2.4508325340317332e-08;
    internal const double T10 = 2.5687735721193856e-09;

    internal const float TF0 = 0.5f, TF1 = 0.166666627f, TF2 = 0.0416667685f, TF3 = 0.00833657105f, TF4 = 0.0013687117f;
    internal const float TF5 = 0.000238756897f;

    /// <summary>e^x; within 1 ulp.</summary>
    /// <remarks>Called, not inlined: where a solver inlines a right-hand side six times, the constants of six exponentials would push
    /// everything else out of the registers.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static double Exp(double x)
    {
        x = x > ExpHigh ? ExpHigh : x < ExpLow ? ExpLow : x;
        var shifted = Math.FusedMultiplyAdd(x, Log2E, RoundingMagic);
        var p = ExpM1Reduced(x, shifted - RoundingMagic);
        var n = BitConverter.DoubleToInt64Bits(shifted) - BitConverter.DoubleToInt64Bits(RoundingMagic);
        if ((ulong)(n + 1000) <= 2000)
        {
            // (1 + p) 2^n, rounded once as the sum is: the product with a power of two is exact.
            var scale = PowerOfTwo(n);
            return Math.FusedMultiplyAdd(p, scale, scale);
        }
        // The scale is applied in two halves, so that results below the normal range are rounded once, by the last product.
        var half = n >> 1;
        return (1.0 + p) * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>e^x; within 1 ulp.</summary>
    public static float Exp(float x)
    {
        x = x > ExpHighF ? ExpHighF : x < ExpLowF ? ExpLowF : x;
        var shifted = MathF.FusedMultiplyAdd(x, Log2EF, RoundingMagicF);
        var p = ExpM1Reduced(x, shifted - RoundingMagicF);
        var n = BitConverter.SingleToInt32Bits(shifted) - BitConverter.SingleToInt32Bits(RoundingMagicF);
        var half = n >> 1;
        return (1.0f + p) * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>Hyperbolic tangent; within 2 ulp.</summary>
    public static double Tanh(double x)
    {
        var a = 2.0 * Math.Abs(x);
        a = a > TanhHigh ? TanhHigh : a;
        var shifted = Math.FusedMultiplyAdd(a, Log2E, TanhBias) + RoundingMagic;
        var p = ExpM1ForTanh(a, shifted - RoundingMagic);
        var scale = PowerOfTwo(BitConverter.DoubleToInt64Bits(shifted) - BitConverter.DoubleToInt64Bits(RoundingMagic));
        var e = Math.FusedMultiplyAdd(p, scale, scale - 1.0);
        return Math.CopySign(Quotient(e), x);
    }

    /// <summary>Hyperbolic tangent; within 2 ulp.</summary>
    public static float Tanh(float x)
    {
        var a = 2.0f * MathF.Abs(x);
        a = a > TanhHighF ? TanhHighF : a;
        var shifted = MathF.FusedMultiplyAdd(a, Log2EF, TanhBiasF) + RoundingMagicF;
        var p = ExpM1ForTanh(a, shifted - RoundingMagicF);
        var scale = PowerOfTwo(BitConverter.SingleToInt32Bits(shifted) - BitConverter.SingleToInt32Bits(RoundingMagicF));
        var e = MathF.FusedMultiplyAdd(p, scale, scale - 1.0f);
        return MathF.CopySign(Quotient(e), x);
    }

    /// <summary>Natural logarithm; within 1 ulp. Negative gives NaN, 0 gives negative infinity.</summary>
    public static double Log(double x)
    {
        const double ln2High = 6.93147180369123816490e-01, ln2Low = 1.90821492927058770002e-10;
        if (double.IsNaN(x) || x < 0.0) return double.NaN;
        if (x == 0.0) return double.NegativeInfinity;
        if (double.IsPositiveInfinity(x)) return x;
        long exponent = 0;
        if (x < 2.2250738585072014e-308)
        {
            x *= 18014398509481984.0; // 2^54: below the normal range
            exponent = -54;
        }
        // x = 2^k m with m in [√½, √2).
        var bits = BitConverter.DoubleToInt64Bits(x);
        var k = (bits - 0x3FE6A09E667F3BCD) >> 52;
        var f = BitConverter.Int64BitsToDouble(bits - (k << 52)) - 1.0;
        double dk = k + exponent;
        var s = f / (2.0 + f);
        var z = s * s;
        var r = Math.FusedMultiplyAdd(1.479819860511658591e-01, z, 1.531383769920937332e-01);
        r = Math.FusedMultiplyAdd(r, z, 1.818357216161805012e-01);
        r = Math.FusedMultiplyAdd(r, z, 2.222219843214978396e-01);
        r = Math.FusedMultiplyAdd(r, z, 2.857142874366239149e-01);
        r = Math.FusedMultiplyAdd(r, z, 3.999999999940941908e-01);
        r = Math.FusedMultiplyAdd(r, z, 6.666666666666735130e-01);
        r *= z;
        var halfSquare = 0.5 * f * f;
        var low = Math.FusedMultiplyAdd(s, halfSquare + r, dk * ln2Low);
        return dk * ln2High - ((halfSquare - low) - f);
    }

    /// <summary>cos(πx); within 2 ulp for |x| ≤ 2^52, exact at multiples of ½.</summary>
    public static double CosPi(double x)
    {
        x = Math.Abs(x);
        x -= 2.0 * Math.Floor(0.5 * x); // exact
        if (x > 1.0) x = 2.0 - x;
        var negate = x > 0.5;
        if (negate) x = 1.0 - x;
        // Now x in [0, ½]: the cosine up to ¼, beyond it the sine of what is left to ½.
        var y = x <= 0.25 ? CosPiSmall(x) : SinPiSmall(0.5 - x);
        return negate ? -y : y;
    }

    private static double CosPiSmall(double x)
    {
        // Taylor in z = (πx)² ≤ 0.617: the first term left out is below 1e-19.
        var z = Math.PI * x * (Math.PI * x);
        var s = Math.FusedMultiplyAdd(z, 1.0 / 20922789888000.0, -1.0 / 87178291200.0);
        s = Math.FusedMultiplyAdd(z, s, 1.0 / 479001600.0);
        s = Math.FusedMultiplyAdd(z, s, -1.0 / 3628800.0);
        s = Math.FusedMultiplyAdd(z, s, 1.0 / 40320.0);
        s = Math.FusedMultiplyAdd(z, s, -1.0 / 720.0);
        s = Math.FusedMultiplyAdd(z, s, 1.0 / 24.0);
        s = Math.FusedMultiplyAdd(z, s, -0.5);
        return Math.FusedMultiplyAdd(z, s, 1.0);
    }

    private static double SinPiSmall(double x)
    {
        var t = Math.PI * x;
        var z = t * t;
        var s = Math.FusedMultiplyAdd(z, 1.0 / 355687428096000.0, -1.0 / 1307674368000.0);
        s = Math.FusedMultiplyAdd(z, s, 1.0 / 6227020800.0);
        s = Math.FusedMultiplyAdd(z, s, -1.0 / 39916800.0);
        s = Math.FusedMultiplyAdd(z, s, 1.0 / 362880.0);
        s = Math.FusedMultiplyAdd(z, s, -1.0 / 5040.0);
        s = Math.FusedMultiplyAdd(z, s, 1.0 / 120.0);
        s = Math.FusedMultiplyAdd(z, s, -1.0 / 6.0);
        // π's own rounding error, 1.2246e-16, is carried in the linear term.
        return Math.FusedMultiplyAdd(z * s, t, Math.FusedMultiplyAdd(x, 1.2246467991473532e-16, t));
    }

    /// <summary>exp(r) - 1 for x = n ln 2 + r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double ExpM1Reduced(double x, double n)
    {
        var r = Math.FusedMultiplyAdd(n, -Ln2High, x);
        r = Math.FusedMultiplyAdd(n, -Ln2Low, r);
        var r2 = r * r;
        var r4 = r2 * r2;
        var a0 = Math.FusedMultiplyAdd(Q1, r, Q0);
        var a1 = Math.FusedMultiplyAdd(Q3, r, Q2);
        var a2 = Math.FusedMultiplyAdd(Q5, r, Q4);
        var a3 = Math.FusedMultiplyAdd(Q7, r, Q6);
        var a4 = Math.FusedMultiplyAdd(Q9, r, Q8);
        var b0 = Math.FusedMultiplyAdd(a1, r2, a0);
        var b1 = Math.FusedMultiplyAdd(a3, r2, a2);
        var b2 = Math.FusedMultiplyAdd(Q10, r2, a4);
        var q = Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(b2, r4, b1), r4, b0);
        return Math.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ExpM1Reduced(float x, float n)
    {
        var r = MathF.FusedMultiplyAdd(-n, Ln2HighF, x);
        r = MathF.FusedMultiplyAdd(-n, Ln2LowF, r);
        var r2 = r * r;
        var a0 = MathF.FusedMultiplyAdd(QF1, r, QF0);
        var a1 = MathF.FusedMultiplyAdd(QF3, r, QF2);
        var a2 = MathF.FusedMultiplyAdd(QF5, r, QF4);
        var q = MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(a2, r2, a1), r2, a0);
        return MathF.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double ExpM1ForTanh(double x, double n)
    {
        var r = Math.FusedMultiplyAdd(-n, Ln2High, x);
        r = Math.FusedMultiplyAdd(-n, Ln2Low, r);
        var r2 = r * r;
        var r4 = r2 * r2;
        var a0 = Math.FusedMultiplyAdd(T1, r, T0);
        var a1 = Math.FusedMultiplyAdd(T3, r, T2);
        var a2 = Math.FusedMultiplyAdd(T5, r, T4);
        var a3 = Math.FusedMultiplyAdd(T7, r, T6);
        var a4 = Math.FusedMultiplyAdd(T9, r, T8);
        var b0 = Math.FusedMultiplyAdd(a1, r2, a0);
        var b1 = Math.FusedMultiplyAdd(a3, r2, a2);
        var b2 = Math.FusedMultiplyAdd(T10, r2, a4);
        var q = Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(b2, r4, b1), r4, b0);
        return Math.FusedMultiplyAdd(q, r2, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ExpM1ForTanh(float x, float n)
    {
        var r = MathF.FusedMultiplyAdd(-n, Ln2HighF, x);
        r = MathF.FusedMultiplyAdd(-n, Ln2LowF, r);
        var r2 = r * r;
        var a0 = MathF.FusedMultiplyAdd(TF1, r, TF0);
        var a1 = MathF.FusedMultiplyAdd(TF3, r, TF2);
        var a2 = MathF.FusedMultiplyAdd(TF5, r, TF4);
        var q = MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(a2, r2, a1), r2, a0);
        return MathF.FusedMultiplyAdd(q, r2, r);
    }

    /// <summary>e / (e + 2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Quotient(double e)
    {
        var d = e + 2.0;
        var low = e - (d - 2.0);
        var reciprocal = 1.0 / d;
        var q = e * reciprocal;
        var remainder = Math.FusedMultiplyAdd(-q, low, Math.FusedMultiplyAdd(-q, d, e));
        return Math.FusedMultiplyAdd(remainder, reciprocal, q);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Quotient(float e)
    {
        var d = e + 2.0f;
        var low = e - (d - 2.0f);
        var reciprocal = 1.0f / d;
        var q = e * reciprocal;
        var remainder = MathF.FusedMultiplyAdd(-q, low, MathF.FusedMultiplyAdd(-q, d, e));
        return MathF.FusedMultiplyAdd(remainder, reciprocal, q);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double PowerOfTwo(long n) => BitConverter.Int64BitsToDouble((n + 1023) << 52);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float PowerOfTwo(int n) => BitConverter.Int32BitsToSingle((n + 127) << 23);
}
