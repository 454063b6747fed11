using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Numerics;

/// <content>Powers, and logarithm and power in lanes. x^y = exp(y ln x), with ln x and the product carried in two numbers each, so that the
/// exponent's rounding does not become the result's: ln x = k ln 2 + 2 s + s R(s²), s = f / (2 + f), x = 2^k (1 + f) (e_log.c of FreeBSD,
/// Sun 1993), with 2 s to twice the precision.</content>
public static partial class DetMath
{
    private const double LogLn2High = 6.93147180369123816490e-01, LogLn2Low = 1.90821492927058770002e-10;
    internal const double L1 = 6.666666666666735130e-01, L2 = 3.999999999940941908e-01, L3 = 2.857142874366239149e-01;
    internal const double L4 = 2.222219843214978396e-01, L5 = 1.818357216161805012e-01, L6 = 1.531383769920937332e-01;
    internal const double L7 = 1.479819860511658591e-01;

    private const double SmallestNormal = 2.2250738585072014e-308, TwoTo54 = 18014398509481984.0;
    private const long SqrtHalfBits = 0x3FE6A09E667F3BCD;

    // |y ln x| beyond which the result is 0 or infinity.
    private const double PowLimit = 800.0;

    /// <summary>x^y for x ≥ 0; within 2 ulp where |y ln x| ≤ 40, within 8 ulp elsewhere. A negative x gives NaN whatever y is (a power with
    /// an integer exponent is a product); 0^0 = 1, 0^y is 0 for y &gt; 0 and infinity for y &lt; 0; NaN in x or y gives NaN unless y is
    /// 0.</summary>
    public static double Pow(double x, double y)
    {
        if (y == 0.0) return 1.0;
        if (!(x >= 0.0) || double.IsNaN(y)) return double.NaN;
        if (x == 0.0) return y > 0.0 ? 0.0 : double.PositiveInfinity;
        if (double.IsPositiveInfinity(x)) return y > 0.0 ? x : 0.0;
        var exponent = 0.0;
        if (x < SmallestNormal)
        {
            x *= TwoTo54;
            exponent = -54.0;
        }
        var bits = BitConverter.DoubleToInt64Bits(x);
        var k = (bits - SqrtHalfBits) >> 52;
        var f = BitConverter.Int64BitsToDouble(bits - (k << 52)) - 1.0;
        var dk = k + exponent;
        var d = 2.0 + f;
        var dLow = f - (d - 2.0);
        var s = f / d;
        var sLow = Math.FusedMultiplyAdd(-s, dLow, Math.FusedMultiplyAdd(-s, d, f)) / d;
        var z = s * s;
        var r = Math.FusedMultiplyAdd(L7, z, L6);
        r = Math.FusedMultiplyAdd(r, z, L5);
        r = Math.FusedMultiplyAdd(r, z, L4);
        r = Math.FusedMultiplyAdd(r, z, L3);
        r = Math.FusedMultiplyAdd(r, z, L2);
        r = Math.FusedMultiplyAdd(r, z, L1);
        var tail = Math.FusedMultiplyAdd(s, r * z, 2.0 * sLow);
        // dk ln2High is exact; the sum of two terms is kept with what it lost.
        double a = dk * LogLn2High, b = 2.0 * s;
        var sum = a + b;
        var back = sum - a;
        var lost = (a - (sum - back)) + (b - back);
        var low = lost + Math.FusedMultiplyAdd(dk, LogLn2Low, tail);
        var high = sum + low;
        low -= high - sum;
        var p = y * high;
        if (!(Math.Abs(p) < PowLimit)) return p > 0.0 ? double.PositiveInfinity : 0.0;
        var e = Math.FusedMultiplyAdd(y, low, Math.FusedMultiplyAdd(y, high, -p));
        var power = Exp(p);
        return double.IsPositiveInfinity(power) ? power : Math.FusedMultiplyAdd(power, e, power);
    }

    /// <summary>Natural logarithm per lane; the bits of <see cref="Log(double)"/>.</summary>
    public static Vector512<double> Log(Vector512<double> x)
    {
        var small = Vector512.LessThan(x, Vector512.Create(SmallestNormal));
        var scaled = Vector512.ConditionalSelect(small, x * Vector512.Create(TwoTo54), x);
        var bits = scaled.AsInt64();
        var k = Vector512.ShiftRightArithmetic(bits - Vector512.Create(SqrtHalfBits), 52);
        var f = (bits - Vector512.ShiftLeft(k, 52)).AsDouble() - Vector512<double>.One;
        var dk = ExactDouble(k) + Vector512.ConditionalSelect(small, Vector512.Create(-54.0), Vector512<double>.Zero);
        var s = f / (Vector512.Create(2.0) + f);
        var z = s * s;
        var r = LogSeries(z) * z;
        var halfSquare = Vector512.Create(0.5) * f * f;
        var low = Vector512.FusedMultiplyAdd(s, halfSquare + r, dk * Vector512.Create(LogLn2Low));
        var log = (dk * Vector512.Create(LogLn2High)) - ((halfSquare - low) - f);
        log = Vector512.ConditionalSelect(Vector512.Equals(x, Vector512.Create(double.PositiveInfinity)), x, log);
        log = Vector512.ConditionalSelect(Vector512.Equals(x, Vector512<double>.Zero), Vector512.Create(double.NegativeInfinity), log);
        return Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(x, Vector512<double>.Zero), log, Vector512.Create(double.NaN));
    }

    /// <summary>x^y per lane; the bits of <see cref="Pow(double, double)"/>.</summary>
    public static Vector512<double> Pow(Vector512<double> x, Vector512<double> y)
    {
        var zero = Vector512<double>.Zero;
        var infinity = Vector512.Create(double.PositiveInfinity);
        var small = Vector512.LessThan(x, Vector512.Create(SmallestNormal));
        var scaled = Vector512.ConditionalSelect(small, x * Vector512.Create(TwoTo54), x);
        var bits = scaled.AsInt64();
        var k = Vector512.ShiftRightArithmetic(bits - Vector512.Create(SqrtHalfBits), 52);
        var f = (bits - Vector512.ShiftLeft(k, 52)).AsDouble() - Vector512<double>.One;
        var dk = ExactDouble(k) + Vector512.ConditionalSelect(small, Vector512.Create(-54.0), zero);
        var two = Vector512.Create(2.0);
        var d = two + f;
        var dLow = f - (d - two);
        var s = f / d;
        var sLow = Vector512.FusedMultiplyAdd(-s, dLow, Vector512.FusedMultiplyAdd(-s, d, f)) / d;
        var z = s * s;
        var tail = Vector512.FusedMultiplyAdd(s, LogSeries(z) * z, two * sLow);
        Vector512<double> a = dk * Vector512.Create(LogLn2High), b = two * s;
        var sum = a + b;
        var back = sum - a;
        var lost = (a - (sum - back)) + (b - back);
        var low = lost + Vector512.FusedMultiplyAdd(dk, Vector512.Create(LogLn2Low), tail);
        var high = sum + low;
        low -= high - sum;
        var p = y * high;
        var e = Vector512.FusedMultiplyAdd(y, low, Vector512.FusedMultiplyAdd(y, high, -p));
        var power = Exp(p);
        var result = Vector512.ConditionalSelect(
            Vector512.Equals(power, infinity), power, Vector512.FusedMultiplyAdd(power, e, power));
        var outside = Vector512.ConditionalSelect(Vector512.GreaterThan(p, zero), infinity, zero);
        result = Vector512.ConditionalSelect(Vector512.LessThan(Vector512.Abs(p), Vector512.Create(PowLimit)), result, outside);
        var rises = Vector512.GreaterThan(y, zero);
        result = Vector512.ConditionalSelect(Vector512.Equals(x, infinity), Vector512.ConditionalSelect(rises, x, zero), result);
        result = Vector512.ConditionalSelect(Vector512.Equals(x, zero), Vector512.ConditionalSelect(rises, zero, infinity), result);
        var defined = Vector512.GreaterThanOrEqual(x, zero) & Vector512.Equals(y, y);
        result = Vector512.ConditionalSelect(defined, result, Vector512.Create(double.NaN));
        return Vector512.ConditionalSelect(Vector512.Equals(y, zero), Vector512<double>.One, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> LogSeries(Vector512<double> z)
    {
        var r = Vector512.FusedMultiplyAdd(Vector512.Create(L7), z, Vector512.Create(L6));
        r = Vector512.FusedMultiplyAdd(r, z, Vector512.Create(L5));
        r = Vector512.FusedMultiplyAdd(r, z, Vector512.Create(L4));
        r = Vector512.FusedMultiplyAdd(r, z, Vector512.Create(L3));
        r = Vector512.FusedMultiplyAdd(r, z, Vector512.Create(L2));
        return Vector512.FusedMultiplyAdd(r, z, Vector512.Create(L1));
    }

    /// <summary>Integers of less than 2^51 as numbers, by adding them to the bits of 1.5 · 2^52: exact, and without an instruction that
    /// only some machines have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> ExactDouble(Vector512<long> k)
    {
        var magic = Vector512.Create(RoundingMagic);
        return (k + magic.AsInt64()).AsDouble() - magic;
    }
}
