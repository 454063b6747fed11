using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Kinetics;

/// <summary>Powers of concentrations that are zero, nearly zero, or below it by rounding.</summary>
public sealed class PowerTests
{
    private static readonly double[] Bases = [0.0, -0.0, double.Epsilon, 1e-310, 1e-300, 1e-200, 1e-30, -1e-30, -0.2];

    /// <summary>The order of A as a number in the text, and as a parameter.</summary>
    public static TheoryData<double, bool> Orders
    {
        get
        {
            var data = new TheoryData<double, bool>();
            foreach (var n in (double[])[0.3, 0.5, 1, 1.5, 2, 2.7, 3])
            {
                data.Add(n, false);
                data.Add(n, true);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void Rates_and_slopes_are_finite_where_a_concentration_is_zero(double n, bool asParameter)
    {
        var network = asParameter
            ? KineticNetwork.Of(Networks.Of("A -> B ; k = 3 ; order_A = n", new ParameterText("n", n)))
            : KineticNetwork.Of(Networks.Of($"A -> B ; k = 3 ; order_A = {n:R}"));
        foreach (var form in (CodeForm[])[CodeForm.Generated, CodeForm.Interpreted])
        {
            foreach (var a in Bases)
            {
                var (rate, slope, byParameters) = network.Rates(network.Units, form).Accept(new At(a));
                Assert.True(double.IsFinite(rate) && double.IsFinite(slope), $"{form}, A = {a:R}: rate {rate:R}, slope {slope:R}");
                Assert.All(byParameters, value => Assert.True(double.IsFinite(value)));
                if (a < 0) continue;
                var power = 3 * Math.Pow(a, n);
                Assert.Equal(power, rate, (1e-13 * power) + 1e-300);
                var limit = n > 1 ? 0.0 : n == 1.0 ? 3.0 : 3 * n * Math.Pow(1e-12, n - 1);
                var expected = a >= 1e-290 ? 3 * n * Math.Pow(a, n - 1) : limit;
                // Where the power itself has left the range of numbers its slope is zero too.
                Assert.Equal(expected, slope, (1e-12 * expected) + 1e-99);
            }
        }
    }

    [Fact]
    public void Slopes_of_powers_have_the_same_bits_in_lanes()
    {
        foreach (var n in (double[])[-1.5, 0.0, 0.3, 1.0, 1.7, double.NaN])
        {
            foreach (var some in (double[][])[[0, -0.0, 1e-310, 1e-290, 1, -1, double.NaN, 2], [1, 2, 3, 4, 5, 6, 7, 1e-290]])
            {
                var powers = some.Select(a => ExpressionFunctions.Power(a, n)).ToArray();
                var lanes = ExpressionFunctions.PowerQuotient(Vector512.Create(powers), Vector512.Create(some), Vector512.Create(n));
                for (var lane = 0; lane < 8; lane++)
                {
                    var alone = ExpressionFunctions.PowerQuotient(powers[lane], some[lane], n);
                    if (double.IsNaN(alone)) Assert.True(double.IsNaN(lanes[lane]));
                    else Assert.Equal(BitConverter.DoubleToInt64Bits(alone), BitConverter.DoubleToInt64Bits(lanes[lane]));
                }
            }
        }
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.7)]
    [InlineData(1.5)]
    public void A_tank_fills_from_empty_whatever_the_order_of_its_reaction(double n)
    {
        // B is made at 2 mol/(L min) and goes at 3 B^n: it comes to rest at (2/3)^(1/n).
        var text = Networks.Of("A -> B ; rate = 2 [mol/(L min)]") with
        {
            Reactions =
            [
                new("made", "nothing -> B ; rate = 2 [mol/(L min)]"), new("gone", $"B -> C ; k = 3 ; order_B = {n:R}"),
            ],
        };
        var problem = KineticNetwork.Of(text).Balance(new BalanceText { Temperature = new(300, "K"), End = 30 }).Problem;
        foreach (var method in (OdeMethod[])[OdeMethod.Tsit5, OdeMethod.Rodas5P, OdeMethod.Esdirk5, OdeMethod.Auto])
        {
            var end = problem.Solve(new OdeRequest { Times = [30], Method = method });
            Assert.Equal(Math.Pow(2.0 / 3.0, 1 / n), end[0, 1], 1e-5);
        }
    }

    private sealed class At(double a) : IRateSetVisitor<(double Rate, double Slope, double[] ByParameters)>
    {
        public (double Rate, double Slope, double[] ByParameters) Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates>
        {
            double[] c = [a, 0.2, 0.3], rate = new double[1], slope = new double[rates.Pattern.Count], by = new double[rates.ParameterCount];
            rates.Rates(350, c, rate);
            rates.ConcentrationDerivatives(350, c, slope);
            rates.ParameterDerivatives(350, c, by);
            return (rate[0], slope[0], by);
        }
    }
}
