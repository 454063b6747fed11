using System.Numerics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Tests.Numerics;

namespace Athanor.Compute.Tests.Neural;

public sealed class ActivationFunctionTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private const int Points = 12_000;

    [Fact]
    public void In_double_each_function_is_below_2_ulp_of_160_bit_arithmetic()
    {
        Worst("exp", Dense(-745.2, 709.8), Reference.Exp, DetMath.Exp);
        Worst("tanh", [.. Dense(-22, 22), .. Dense(-1, 1), .. Logarithmic(-300, 1)], Reference.Tanh, DetMath.Tanh);
        Worst("softplus", [.. Dense(-744, 60), .. Dense(-3, 3), .. Logarithmic(-300, 2)], Reference.Softplus, DetMath.Softplus);
        Worst("sigmoid", [.. Dense(-744, 60), .. Dense(-3, 3), .. Logarithmic(-300, 2)], Reference.Sigmoid, DetMath.Sigmoid);
        Worst("SiLU", [.. Dense(-744, 60), .. Dense(-3, 3), .. Logarithmic(-300, 2)], Reference.Silu, DetMath.Silu);

        void Worst(string name, IEnumerable<double> points, Func<double, Reference.Big> exact, Func<double, double> function)
        {
            var (ulps, at) = points.Select(x => (exact(x).UlpsDouble(function(x)), x)).Max();
            output.WriteLine($"{name}, double: {ulps:F3} ulp at {at:R}");
            Assert.True(ulps > 0.4, $"{name}: {ulps} ulp are too good; rounding alone gives nearly 0.5");
            Assert.True(ulps < 2, $"{name}: {ulps:F3} ulp at {at:R}");
        }
    }

    [Fact]
    public void In_float_each_function_is_below_2_ulp_over_the_whole_range()
    {
        // The functions in double, which the other test judges, are exact here.
        Worst("exp", DetMath.Exp, DetMath.Exp);
        Worst("tanh", DetMath.Tanh, DetMath.Tanh);
        Worst("softplus", DetMath.Softplus, DetMath.Softplus);
        Worst("sigmoid", DetMath.Sigmoid, DetMath.Sigmoid);
        Worst("SiLU", DetMath.Silu, DetMath.Silu);

        void Worst(string name, Func<double, double> exact, Func<float, float> function)
        {
            var (worst, at) = (0.0, 0.0f);
            // Every 2039th bit pattern of all exponents and both signs, and denser where the functions bend.
            for (var bits = 0u; bits < 0xFF800000u; bits += (bits & 0x7FFFFFFF) is > 0x3C000000 and < 0x43000000 ? 211u : 16_411u)
            {
                var x = BitConverter.UInt32BitsToSingle(bits);
                if (!float.IsFinite(x)) continue;
                var (y, actual) = (exact(x), function(x));
                if (Math.Abs(y) > float.MaxValue)
                {
                    Assert.True(float.IsInfinity(actual) || actual == float.MaxValue);
                    continue;
                }
                var nearest = (float)Math.Abs(y);
                var ulp = Math.Max((double)MathF.BitIncrement(nearest) - nearest, float.Epsilon);
                var error = Math.Abs(actual - y) / ulp;
                if (!(error <= worst)) (worst, at) = (error, x);
            }
            output.WriteLine($"{name}, float: {worst:F3} ulp at {at:R}");
            Assert.InRange(worst, 0.4, 1.99);
        }
    }

    [Fact]
    public void Far_out_and_at_what_is_no_number_they_are_their_limits()
    {
        foreach (var f in (Func<double, double>[])[DetMath.Softplus, DetMath.Sigmoid, DetMath.Silu, DetMath.SiluSlope])
            Assert.True(double.IsNaN(f(double.NaN)));
        foreach (var f in (Func<float, float>[])[DetMath.Softplus, DetMath.Sigmoid, DetMath.Silu, DetMath.SiluSlope])
            Assert.True(float.IsNaN(f(float.NaN)));
        Assert.Equal(double.PositiveInfinity, DetMath.Softplus(double.PositiveInfinity));
        Assert.Equal(0.0, DetMath.Softplus(double.NegativeInfinity));
        Assert.Equal(1.0, DetMath.Sigmoid(double.PositiveInfinity));
        Assert.Equal(0.0f, DetMath.Sigmoid(float.NegativeInfinity));
        Assert.Equal(float.PositiveInfinity, DetMath.Silu(float.PositiveInfinity));
        Assert.Equal(0.0, DetMath.Silu(double.NegativeInfinity));
        Assert.Equal(1.0f, DetMath.SiluSlope(float.PositiveInfinity));
        Assert.Equal(0.0, DetMath.SiluSlope(double.NegativeInfinity));
        Assert.Equal(float.MaxValue, DetMath.Silu(float.MaxValue));
        Assert.Equal(1e30, DetMath.Softplus(1e30));
        Assert.Equal(0.5, DetMath.Sigmoid(0.0));
        Assert.Equal(Math.Log(2.0), DetMath.Softplus(0.0), 2e-16);
    }

    [Fact]
    public void Scalars_and_vectors_of_128_256_and_512_bits_have_the_same_bits_for_any_bit_pattern()
    {
        var random = new Philox(20261122);
        var singles = new float[1 << 14];
        var doubles = new double[1 << 14];
        for (var i = 0; i < singles.Length; i++)
        {
            singles[i] = i % 2 == 0 ? BitConverter.UInt32BitsToSingle(random.NextUInt32()) : (float)random.NextDouble(-110, 92);
            doubles[i] = i % 2 == 0 ? BitConverter.UInt64BitsToDouble(random.NextUInt64()) : random.NextDouble(-750, 720);
        }
        SameBits(singles);
        SameBits(doubles);
        for (var i = 0; i < singles.Length; i++)
        {
            Same(DetMath.Tanh(singles[i]), LaneMath<float, float, ScalarLanes<float>>.Tanh(singles[i]));
            Same(DetMath.Exp(singles[i]), LaneMath<float, float, ScalarLanes<float>>.Exp(singles[i]));
            Same(DetMath.Tanh(doubles[i]), LaneMath<double, double, ScalarLanes<double>>.Tanh(doubles[i]));
            Same(DetMath.Exp(doubles[i]), LaneMath<double, double, ScalarLanes<double>>.Exp(doubles[i]));
        }
    }

    private static void SameBits<T>(T[] x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var expected = Table<T, T, ScalarLanes<T>>(x);
        foreach (var actual in new[]
        {
            Table<Vector128<T>, T, Lanes128<T>>(x), Table<Vector256<T>, T, Lanes256<T>>(x), Table<Vector512<T>, T, Lanes512<T>>(x),
        })
        {
            for (var f = 0; f < expected.Length; f++)
            {
                for (var i = 0; i < x.Length; i++) Same(expected[f][i], actual[f][i]);
            }
        }
    }

    private static void Same<T>(T expected, T actual)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (T.IsNaN(expected) && T.IsNaN(actual)) return;
        Assert.True(expected == actual && T.IsNegative(expected) == T.IsNegative(actual), $"{expected} and {actual}");
    }

    private static unsafe T[][] Table<TVector, T, TLanes>(T[] x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLanes : struct, ILanes<TVector, T>
    {
        var results = new T[7][];
        for (var f = 0; f < results.Length; f++)
        {
            results[f] = new T[x.Length];
            fixed (T* from = x, to = results[f])
            {
                for (var i = 0; i < x.Length; i += TLanes.Count)
                {
                    var v = TLanes.Load(from + i);
                    TLanes.Store(
                        f switch
                        {
                            0 => LaneMath<TVector, T, TLanes>.Exp(v),
                            1 => LaneMath<TVector, T, TLanes>.Tanh(v),
                            2 => LaneMath<TVector, T, TLanes>.Softplus(v),
                            3 => LaneMath<TVector, T, TLanes>.Sigmoid(v),
                            4 => LaneMath<TVector, T, TLanes>.Silu(v),
                            5 => LaneMath<TVector, T, TLanes>.SiluSlope(v),
                            _ => LaneMath<TVector, T, TLanes>.Relu(v),
                        },
                        to + i);
                }
            }
        }
        return results;
    }

    private static IEnumerable<double> Dense(double low, double high)
    {
        // An irrational stride, so that no grid aligns with the reduction's.
        for (var i = 0; i < Points; i++) yield return low + ((high - low) * (i * 0.6180339887498949 % 1.0));
    }

    private static IEnumerable<double> Logarithmic(int lowExponent, int highExponent)
    {
        for (var i = 0; i < Points / 6; i++)
        {
            var x = Math.Pow(10.0, lowExponent + ((highExponent - lowExponent) * (i * 0.6180339887498949 % 1.0)));
            yield return i % 2 == 0 ? x : -x;
        }
    }
}
