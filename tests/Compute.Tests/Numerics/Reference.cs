using System.Globalization;
using System.Numerics;

namespace Athanor.Compute.Tests.Numerics;

/// <summary>exp, tanh and log to about 160 bits in fixed-point integers, for judging the last bit of the kernels.</summary>
internal static class Reference
{
    private const int Bits = 192;
    private static readonly BigInteger One = BigInteger.One << Bits;
    private static readonly BigInteger Ln2 = ComputeLn2();

    /// <summary>A non-negative number as mantissa · 2^exponent.</summary>
    public readonly record struct Big(BigInteger Mantissa, int Exponent)
    {
        /// <summary>|this - x| in units in the last place of a double or a float near this.</summary>
        public double Ulps(double x, int precision, int lowestExponent)
        {
            if (Mantissa.IsZero) return x == 0.0 ? 0.0 : double.PositiveInfinity;
            var (m, e) = Split(Math.Abs(x));
            var common = Math.Min(e, Exponent);
            var difference = BigInteger.Abs((m << (e - common)) - (Mantissa << (Exponent - common)));
            var ulp = Math.Max((int)Mantissa.GetBitLength() + Exponent - precision, lowestExponent);
            var shift = 64 + common - ulp;
            var scaled = shift >= 0 ? difference << shift : difference >> -shift;
            return (double)scaled / Math.Pow(2.0, 64);
        }

        public double UlpsDouble(double x) => Ulps(x, 53, -1074);

        public double UlpsSingle(float x) => Ulps(x, 24, -149);
    }

    /// <summary>e^x for |x| up to about 1100.</summary>
    public static Big Exp(double x)
    {
        var n = (int)Math.Round(x / Math.Log(2.0));
        return new Big(ExpFixed(ToFixed(x) - n * Ln2), n - Bits);
    }

    /// <summary>tanh |x|.</summary>
    public static Big Tanh(double x)
    {
        // Small arguments: x - x³/3 + 2x⁵/15 - 17x⁷/315, whose next term is below 2^-100 of the result for |x| < 2^-13.
        x = Math.Abs(x);
        if (x < 1.0 / 8192)
        {
            var (m, e) = Split(x);
            var factor = One;
            var x2 = x == 0.0 ? BigInteger.Zero : ToFixed(x) * ToFixed(x) >> Bits;
            factor -= x2 / 3;
            factor += 2 * (x2 * x2 >> Bits) / 15;
            factor -= 17 * ((x2 * x2 >> Bits) * x2 >> Bits) / 315;
            return new Big(m * factor, e - Bits);
        }
        if (x > 60.0) x = 60.0;
        var n = (int)Math.Round(2.0 * x / Math.Log(2.0));
        var exp = ExpFixed(ToFixed(2.0 * x) - n * Ln2) << n;
        return new Big(((exp - One) << Bits) / (exp + One), -Bits);
    }

    /// <summary>|ln x| for positive x.</summary>
    public static Big Log(double x)
    {
        var (m, e) = Split(x);
        var shift = (int)m.GetBitLength();
        // x = f 2^k with f in [1, 2); ln f = 2 artanh((f - 1) / (f + 1)).
        var k = e + shift - 1;
        var f = m << (Bits - shift + 1);
        if (f > One * 3 / 2)
        {
            f >>= 1;
            k++;
        }
        var s = ((f - One) << Bits) / (f + One);
        var s2 = s * s >> Bits;
        BigInteger sum = 0, term = s;
        for (var i = 1; !term.IsZero && i < 400; i += 2)
        {
            sum += term / i;
            term = term * s2 >> Bits;
        }
        return new Big(BigInteger.Abs(2 * sum + k * Ln2), -Bits);
    }

    /// <summary>ln(1 + e^x).</summary>
    public static Big Softplus(double x)
    {
        var e = Exp(-Math.Abs(x));
        var fixedE = Shift(e.Mantissa, e.Exponent + Bits);
        if (x <= 0.0 && e.Exponent + (int)e.Mantissa.GetBitLength() < -70)
        {
            // e - e²/2 + e³/3, whose next term is below 2^-210 of the first.
            var factor = One - (fixedE / 2) + ((fixedE * fixedE >> Bits) / 3);
            return new Big(e.Mantissa * factor, e.Exponent - Bits);
        }
        // ln(1 + e) = 2 artanh(e / (2 + e)).
        var s = (fixedE << Bits) / ((2 * One) + fixedE);
        var s2 = s * s >> Bits;
        BigInteger sum = 0, term = s;
        for (var i = 1; !term.IsZero; i += 2)
        {
            sum += term / i;
            term = term * s2 >> Bits;
        }
        return new Big((2 * sum) + (x > 0.0 ? ToFixed(x) : 0), -Bits);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    public static Big Sigmoid(double x)
    {
        var e = Exp(-Math.Abs(x));
        var d = One + Shift(e.Mantissa, e.Exponent + Bits);
        return x >= 0.0 ? new Big((One << Bits) / d, -Bits) : new Big((e.Mantissa << Bits) / d, e.Exponent);
    }

    /// <summary>|x| / (1 + e^-x).</summary>
    public static Big Silu(double x)
    {
        var s = Sigmoid(x);
        var (m, e) = Split(x);
        return new Big(s.Mantissa * m, s.Exponent + e);
    }

    private static BigInteger Shift(BigInteger value, int bits) => bits >= 0 ? value << bits : value >> -bits;

    private static BigInteger ExpFixed(BigInteger r)
    {
        BigInteger sum = One, term = One;
        for (var k = 1; !term.IsZero && k < 200; k++)
        {
            term = (term * r >> Bits) / k;
            sum += term;
            if (BigInteger.Abs(term) <= 1) break;
        }
        return sum;
    }

    private static BigInteger ToFixed(double x)
    {
        var (m, e) = Split(Math.Abs(x));
        var shift = Bits + e;
        var value = shift >= 0 ? m << shift : m >> -shift;
        return x < 0 ? -value : value;
    }

    private static (BigInteger Mantissa, int Exponent) Split(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52 & 0x7FF);
        var mantissa = bits & 0xFFFFFFFFFFFFF;
        return exponent == 0 ? (mantissa, -1074) : (mantissa | 1L << 52, exponent - 1075);
    }

    private static BigInteger ComputeLn2()
    {
        // ln 2 = 2 artanh(1/3).
        BigInteger sum = 0, term = One / 3;
        for (var i = 1; !term.IsZero; i += 2)
        {
            sum += term / i;
            term /= 9;
        }
        return 2 * sum;
    }

    public static string Show(double x) => x.ToString("R", CultureInfo.InvariantCulture);
}
