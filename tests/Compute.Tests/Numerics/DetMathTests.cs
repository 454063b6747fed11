using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Numerics;

public sealed class DetMathTests
{
    private const int Points = 40_000;

    [Fact]
    public void Exp_of_a_double_is_within_1_ulp() => Worst(
        [.. Dense(-745.2, 709.8), .. Dense(-1.0, 1.0), .. HalfwayReductions()], x => Reference.Exp(x).UlpsDouble(DetMath.Exp(x)), 1.0);

    [Fact]
    public void Exp_of_a_float_is_within_1_ulp() => Worst(
        [.. Dense(-103.9, 88.72).Select(Single), .. Dense(-1.0, 1.0).Select(Single)],
        x => Reference.Exp(x).UlpsSingle(DetMath.Exp((float)x)), 1.0);

    [Fact]
    public void Tanh_of_a_double_is_within_2_ulp() => Worst(
        [.. Dense(-25.0, 25.0), .. Dense(-1.0, 1.0), .. Logarithmic(-300, 1)], x => Reference.Tanh(x).UlpsDouble(DetMath.Tanh(x)), 2.0);

    [Fact]
    public void Tanh_of_a_float_is_within_2_ulp() => Worst(
        [.. Dense(-12.0, 12.0).Select(Single), .. Dense(-1.0, 1.0).Select(Single), .. Logarithmic(-36, 1).Select(Single)],
        x => Reference.Tanh(x).UlpsSingle(DetMath.Tanh((float)x)), 2.0);

    [Fact]
    public void Log_of_a_double_is_within_1_ulp() => Worst(
        [.. Dense(1e-3, 10.0), .. Dense(0.99, 1.01), .. Logarithmic(-320, 308)], x => Reference.Log(x).UlpsDouble(DetMath.Log(x)), 1.0);

    [Fact]
    public void A_power_is_within_2_ulp_where_its_logarithm_is_moderate_and_within_8_elsewhere()
    {
        // Against correctly rounded roots, products and quotients.
        foreach (var x in Logarithmic(-12, 12).Take(4000))
        {
            Within(Math.Sqrt(x), DetMath.Pow(x, 0.5), 2.0);
            Within(x * x, DetMath.Pow(x, 2.0), 2.0);
            Within(1.0 / x, DetMath.Pow(x, -1.0), 2.0);
            Within(x, DetMath.Pow(x, 1.0), 2.0);
        }
        foreach (var x in Logarithmic(-150, 150).Take(2000))
        {
            Within(x * x, DetMath.Pow(x, 2.0), 8.0);
            Within(1.0 / x, DetMath.Pow(x, -1.0), 8.0);
        }
        // Cubes are exact; 1/3 is short of a third by 1.85e-17, which takes that times ln x off the root.
        for (var root = 3L; root < 200_000; root += 37)
        {
            var cube = (double)(root * root * root);
            Within(root - (root * 1.8503717077085943e-17 * Math.Log(cube)), DetMath.Pow(cube, 1.0 / 3.0), 2.5);
        }

        static void Within(double expected, double actual, double ulps) => Assert.True(
            Math.Abs(actual - expected) <= ulps * (Math.BitIncrement(expected) - expected), $"{actual:R}, not {expected:R}");
    }

    [Fact]
    public void Powers_of_specials_come_out_as_documented()
    {
        Assert.Equal(1.0, DetMath.Pow(0.0, 0.0));
        Assert.Equal(0.0, DetMath.Pow(0.0, 0.5));
        Assert.Equal(double.PositiveInfinity, DetMath.Pow(0.0, -2.0));
        Assert.True(double.IsNaN(DetMath.Pow(-1e-300, 2.0)));
        Assert.True(double.IsNaN(DetMath.Pow(double.NaN, 2.0)));
        Assert.True(double.IsNaN(DetMath.Pow(2.0, double.NaN)));
        Assert.Equal(1.0, DetMath.Pow(double.NaN, 0.0));
        Assert.Equal(double.PositiveInfinity, DetMath.Pow(10.0, 400.0));
        Assert.Equal(0.0, DetMath.Pow(10.0, -400.0));
        Assert.Equal(double.PositiveInfinity, DetMath.Pow(double.PositiveInfinity, 0.1));
        Assert.Equal(double.PositiveInfinity, DetMath.Pow(2.0, double.PositiveInfinity));
        Assert.Equal(0.0, DetMath.Pow(0.5, double.PositiveInfinity));
        Assert.Equal(Math.Pow(2.0, -1074), DetMath.Pow(2.0, -1074.0));
    }

    [Fact]
    public void Cosine_of_pi_x_is_within_rounding_of_the_platforms_and_exact_at_halves()
    {
        foreach (var x in Dense(-1.0, 1.0)) Assert.Equal(Math.Cos(Math.PI * x), DetMath.CosPi(x), 4e-16);
        for (var k = -8; k <= 8; k++)
        {
            Assert.Equal(k % 2 == 0 ? 1.0 : -1.0, DetMath.CosPi(k));
            Assert.Equal(0.0, Math.Abs(DetMath.CosPi(k + 0.5)));
        }
    }

    [Fact]
    public void Specials_come_out_as_the_standard_says()
    {
        Assert.Equal(1.0, DetMath.Exp(0.0));
        Assert.Equal(1.0f, DetMath.Exp(-0.0f));
        Assert.Equal(double.PositiveInfinity, DetMath.Exp(709.79));
        Assert.Equal(double.PositiveInfinity, DetMath.Exp(double.PositiveInfinity));
        Assert.Equal(0.0, DetMath.Exp(double.NegativeInfinity));
        Assert.Equal(0.0, DetMath.Exp(-745.2));
        Assert.Equal(double.Epsilon, DetMath.Exp(-744.5));
        Assert.Equal(float.PositiveInfinity, DetMath.Exp(88.73f));
        Assert.Equal(0.0f, DetMath.Exp(-104.0f));
        Assert.True(double.IsNaN(DetMath.Exp(double.NaN)));
        Assert.True(float.IsNaN(DetMath.Exp(float.NaN)));
        Assert.True(double.IsNaN(DetMath.Tanh(double.NaN)));
        Assert.True(float.IsNaN(DetMath.Tanh(float.NaN)));
        Assert.Equal(1.0, DetMath.Tanh(double.PositiveInfinity));
        Assert.Equal(-1.0f, DetMath.Tanh(float.NegativeInfinity));
        Assert.True(double.IsNegative(DetMath.Tanh(-0.0)));
        Assert.Equal(float.Epsilon, DetMath.Tanh(float.Epsilon));
        Assert.Equal(-double.Epsilon, DetMath.Tanh(-double.Epsilon));
        Assert.Equal(0.0, DetMath.Log(1.0));
        Assert.Equal(double.NegativeInfinity, DetMath.Log(0.0));
        Assert.Equal(double.PositiveInfinity, DetMath.Log(double.PositiveInfinity));
        Assert.True(double.IsNaN(DetMath.Log(-1.0)));
        Assert.True(double.IsNaN(DetMath.Log(double.NaN)));
    }

    [Fact]
    public void A_lane_has_the_bits_of_the_scalar_for_any_bit_pattern()
    {
        var random = new Philox(20261121);
        var x = new double[1 << 15];
        var y = new float[1 << 15];
        for (var i = 0; i < x.Length; i++)
        {
            // Half of them over all bit patterns, half where the functions do their work.
            x[i] = i % 2 == 0 ? BitConverter.UInt64BitsToDouble(random.NextUInt64()) : random.NextDouble(-750.0, 720.0);
            y[i] = i % 2 == 0 ? BitConverter.UInt32BitsToSingle(random.NextUInt32()) : (float)random.NextDouble(-105.0, 90.0);
        }
        Array.Copy(Specials, x, Specials.Length);
        for (var i = 0; i < Specials.Length; i++) y[i] = (float)Specials[i];

        SameBits(x, DetMath.Exp, DetMath.Exp);
        SameBits(x, DetMath.Tanh, DetMath.Tanh);
        SameBits(x, DetMath.Log, DetMath.Log);
        SameBits([.. x.Select(Math.Abs)], DetMath.Log, DetMath.Log);
        foreach (var power in (double[])[0.0, 0.5, 1.37, -2.0, 300.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1e-300])
        {
            SameBits(x, v => DetMath.Pow(v, Vector512.Create(power)), v => DetMath.Pow(v, power));
            SameBits([.. x.Select(Math.Abs)], v => DetMath.Pow(v, Vector512.Create(power)), v => DetMath.Pow(v, power));
        }
        SameBits(y, DetMath.Exp, DetMath.Exp);
        SameBits(y, DetMath.Tanh, DetMath.Tanh);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(37)]
    public void A_span_of_any_length_and_in_place_gives_the_bits_of_the_scalar(int length)
    {
        var x = new float[length];
        for (var i = 0; i < length; i++) x[i] = 0.37f * i - 3.0f;
        var expected = x.Select(DetMath.Tanh).ToArray();
        DetMath.Tanh(x, x);
        Assert.Equal(expected, x);
    }

    private static readonly double[] Specials =
    [
        0.0, -0.0, 1.0, -1.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, -double.Epsilon,
        double.MaxValue, double.MinValue, 2.2250738585072014e-308, 709.782712893384, -745.1332191019411, -708.4, 88.72284, -103.97208,
        -87.34,
    ];

    private static void SameBits(double[] x, Func<Vector512<double>, Vector512<double>> lanes, Func<double, double> scalar)
    {
        for (var i = 0; i < x.Length; i += 8)
        {
            var v = lanes(Vector512.Create(x, i));
            for (var j = 0; j < 8; j++)
            {
                var expected = scalar(x[i + j]);
                if (double.IsNaN(expected) && double.IsNaN(v[j])) continue;
                Assert.True(BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(v[j]), Reference.Show(x[i + j]));
            }
        }
    }

    private static void SameBits(float[] x, Func<Vector512<float>, Vector512<float>> lanes, Func<float, float> scalar)
    {
        for (var i = 0; i < x.Length; i += 16)
        {
            var v = lanes(Vector512.Create(x, i));
            for (var j = 0; j < 16; j++)
            {
                var expected = scalar(x[i + j]);
                if (float.IsNaN(expected) && float.IsNaN(v[j])) continue;
                Assert.True(BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(v[j]), Reference.Show(x[i + j]));
            }
        }
    }

    private static void Worst(double[] points, Func<double, double> ulps, double bound)
    {
        double worst = 0.0, at = 0.0;
        foreach (var x in points)
        {
            var u = ulps(x);
            if (!(u > worst)) continue;
            (worst, at) = (u, x);
        }
        Assert.True(worst > 0.4, $"the worst error of {worst} ulp is too good: rounding alone gives nearly 0.5, so the reference is wrong");
        Assert.True(worst <= bound, $"{worst:F3} ulp at {Reference.Show(at)}");
    }

    private static IEnumerable<double> Dense(double low, double high)
    {
        // An irrational stride, so that no grid aligns with the reduction's.
        for (var i = 0; i < Points; i++) yield return low + (high - low) * ((i * 0.6180339887498949) % 1.0);
    }

    private static IEnumerable<double> Logarithmic(int lowExponent, int highExponent)
    {
        for (var i = 0; i < Points / 4; i++)
            yield return Math.Pow(10.0, lowExponent + (highExponent - lowExponent) * ((i * 0.6180339887498949) % 1.0));
    }

    private static IEnumerable<double> HalfwayReductions()
    {
        for (var n = -1060; n < 1020; n++) yield return (n + 0.5) * Math.Log(2.0);
    }

    private static double Single(double x) => (float)x;
}
