using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Tests.SteadyStates;

public sealed class IntervalTests
{
    [Fact]
    public void Every_operation_holds_what_numbers_within_its_operands_give()
    {
        var random = new Philox(7);
        for (var k = 0; k < 2000; k++)
        {
            var (a, b) = (Draw(ref random), Draw(ref random));
            double x = random.NextDouble(a.Low, a.High), y = random.NextDouble(b.Low, b.High);
            Holds(a + b, (decimal)x + (decimal)y, k);
            Holds(a - b, (decimal)x - (decimal)y, k);
            Holds(a * b, (decimal)x * (decimal)y, k);
            Holds(Interval.Square(a), (decimal)x * (decimal)x, k);
            if (!b.Contains(0.0)) Assert.True((a / b).Contains(x / y), $"seed 7, draw {k}: {a} / {b}");
            Assert.True(Interval.Exp(a).Contains(DetMath.Exp(x)), $"seed 7, draw {k}: exp {a}");
        }

        static void Holds(Interval interval, decimal value, int k) =>
            Assert.True((decimal)interval.Low <= value && value <= (decimal)interval.High, $"seed 7, draw {k}: {interval} without {value}");

        static Interval Draw(ref Philox random)
        {
            double a = random.NextDouble(-4, 4), b = random.NextDouble(-4, 4);
            return new Interval(Math.Min(a, b), Math.Max(a, b));
        }
    }

    [Fact]
    public void A_quotient_by_an_interval_that_holds_zero_is_the_whole_line() =>
        Assert.Equal(Interval.Whole, (Interval)1.0 / new Interval(-1.0, 1.0));

    [Fact]
    public void A_square_is_never_negative_and_narrower_than_a_product()
    {
        var x = new Interval(-1.0, 2.0);
        Assert.Equal(0.0, Interval.Square(x).Low);
        Assert.True((x * x).Low < -1.9);
    }

    public static TheoryData<string> Models => [.. Catalogue.All.Where(p => GenericModels.Find(p) is not null).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Models))]
    public void The_equations_for_intervals_are_the_benchmarks_own(string name)
    {
        var problem = Catalogue.Find(name);
        var field = (ProvableProblemField)ProblemField.Of(problem, problem.Parameters[0].Name);
        var n = field.Dimension;
        double[] x = new double[n], f = new double[n], jacobian = new double[n * n];
        Interval[] box = new Interval[n], image = new Interval[n], slopes = new Interval[n * n];
        var random = new Philox(11);
        for (var k = 0; k < 200; k++)
        {
            for (var i = 0; i < n; i++)
            {
                x[i] = random.NextDouble(problem.States[i].Lower, problem.States[i].Upper);
                box[i] = x[i];
            }
            var p = problem.Parameters[0].Value * random.NextDouble(0.8, 1.2);
            field.Rhs(x, p, f);
            field.Jacobian(x, p, jacobian);
            field.Rhs(box, p, image);
            field.Jacobian(box, p, slopes);
            // The benchmark rounds; the point interval is a few units wide and may miss its last digits.
            var size = f.Max(Math.Abs);
            for (var i = 0; i < n; i++) Assert.Equal(image[i].Middle, f[i], 1e-11 * (size + Math.Abs(f[i])));
            for (var i = 0; i < n * n; i++) Assert.Equal(slopes[i].Middle, jacobian[i], 1e-11 * (1.0 + jacobian.Max(Math.Abs)));
            Assert.All(image, i => Assert.True(i.Width <= 1e-10 * size));
        }
    }
}
