using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Benchmarks;

public sealed class BenchmarkModelTests
{
    private const ulong Seed = 20;

    public static TheoryData<string> Names => [.. Catalogue.All.Select(p => p.Name)];

    [Fact]
    public void The_catalogue_holds_its_benchmarks_by_name()
    {
        Assert.Equal(
            [
                "exothermic-cstr", "van-de-vusse", "klatt-engell", "bioreactor", "consecutive", "parallel", "williams-otto", "penicillin",
                "robertson", "hires", "oregonator", "van-der-pol", "e5", "heater",
            ],
            Catalogue.All.Select(p => p.Name));
        Assert.Same(Catalogue.All[3], Catalogue.Find("Bioreactor"));
        var error = Assert.Throws<ArgumentException>(() => Catalogue.Find("bioreaktor"));
        Assert.Contains("'bioreaktor'", error.Message, StringComparison.Ordinal);
        Assert.Contains("bioreactor, consecutive", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_Jacobian_is_the_derivative_of_the_right_hand_side(string name)
    {
        var problem = Catalogue.Find(name);
        var n = problem.States.Length;
        var p = problem.NominalParameters;
        var jacobian = new double[n * n];
        double[] plus = new double[n], minus = new double[n];
        for (var trial = 0; trial < 5; trial++)
        {
            var y = Point(problem, trial);
            problem.Jacobian(0.0, y, p, jacobian);
            for (var j = 0; j < n; j++)
            {
                var h = 1e-6 * y[j];
                problem.Rhs(0.0, Shifted(y, j, h), p, plus);
                problem.Rhs(0.0, Shifted(y, j, -h), p, minus);
                for (var i = 0; i < n; i++)
                {
                    var size = Enumerable.Range(0, n).Sum(k => Math.Abs(jacobian[(i * n) + k] * y[k]));
                    AssertNear((plus[i] - minus[i]) / (2 * h), jacobian[(i * n) + j], (1e-7 * size / y[j]) + 1e-12, $"d f{i} / d y{j}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_parameter_derivatives_are_those_of_the_right_hand_side(string name)
    {
        var problem = Catalogue.Find(name);
        int n = problem.States.Length, m = problem.Parameters.Length;
        var p = problem.NominalParameters;
        var derivatives = new double[m * n];
        double[] plus = new double[n], minus = new double[n], at = new double[n];
        for (var trial = 0; trial < 5; trial++)
        {
            var y = Point(problem, trial);
            problem.ParameterDerivatives(0.0, y, p, derivatives);
            problem.Rhs(0.0, y, p, at);
            for (var k = 0; k < m; k++)
            {
                var size = p[k] == 0 ? 1.0 : Math.Abs(p[k]);
                var h = 1e-6 * size;
                problem.Rhs(0.0, y, Shifted(p, k, h), plus);
                problem.Rhs(0.0, y, Shifted(p, k, -h), minus);
                for (var i = 0; i < n; i++)
                {
                    var all = Math.Abs(at[i]) + Enumerable.Range(0, m).Sum(q => Math.Abs(derivatives[(q * n) + i] * p[q]));
                    AssertNear((plus[i] - minus[i]) / (2 * h), derivatives[(k * n) + i], (1e-7 * all / size) + 1e-12,
                        $"d f{i} / d {problem.Parameters[k].Name}");
                }
            }
        }
    }

    [Fact]
    public void Lanes_give_the_bits_of_the_scalar_code()
    {
        SameBits(new ExothermicCstr(), ExothermicCstr.Problem);
        SameBits(new VanDeVusse(), VanDeVusse.Problem);
        SameBits(new KlattEngell(), KlattEngell.Problem);
        SameBits(new Bioreactor(), Bioreactor.Problem);
        SameBits(new Consecutive(), Consecutive.Problem);
        SameBits(new Compute.Benchmarks.Parallel(), Compute.Benchmarks.Parallel.Problem);
        SameBits(new WilliamsOtto(), WilliamsOtto.Problem);
        SameBits(new Penicillin(), Penicillin.Problem);
        SameBits(new Compute.Benchmarks.Robertson(), Compute.Benchmarks.Robertson.Problem);
        SameBits(new Hires(), Hires.Problem);
        SameBits(new Oregonator(), Oregonator.Problem);
        SameBits(new VanDerPol(), VanDerPol.Problem);
        SameBits(new E5(), E5.Problem);
    }

    private static void SameBits<TModel>(TModel model, OdeProblem problem)
        where TModel : struct, IOdeModel<TModel>
    {
        int n = problem.States.Length, m = problem.Parameters.Length;
        Vector512<double>[] y = new Vector512<double>[n], p = new Vector512<double>[m], dy = new Vector512<double>[n];
        var points = Enumerable.Range(0, 8).Select(lane => Point(problem, lane)).ToArray();
        var sets = Enumerable.Range(0, 8).Select(lane => Draw(problem, lane)).ToArray();
        for (var i = 0; i < n; i++) y[i] = Vector512.Create(points.Select(point => point[i]).ToArray());
        for (var k = 0; k < m; k++) p[k] = Vector512.Create(sets.Select(set => set[k]).ToArray());
        model.RhsLanes(Vector512<double>.Zero, y, p, dy);
        var scalar = new double[n];
        for (var lane = 0; lane < 8; lane++)
        {
            model.With(sets[lane]).Rhs(0.0, points[lane], scalar);
            for (var i = 0; i < n; i++)
                Assert.Equal(BitConverter.DoubleToInt64Bits(scalar[i]), BitConverter.DoubleToInt64Bits(dy[i][lane]));
        }
    }

    private static double[] Draw(OdeProblem problem, int trial)
    {
        var random = new Philox(Seed, (ulong)trial);
        return [.. problem.NominalParameters.Select(p => p * (0.95 + (0.1 * random.NextDouble())))];
    }

    private static double[] Point(OdeProblem problem, int trial)
    {
        var random = new Philox(Seed + 1, (ulong)trial);
        return [.. problem.States.Select(s => s.Initial >= 50 ? s.Initial * (0.95 + (0.1 * random.NextDouble())) : 0.2 + random.NextDouble())];
    }

    private static double[] Shifted(double[] values, int index, double by)
    {
        var shifted = (double[])values.Clone();
        shifted[index] += by;
        return shifted;
    }

    private static void AssertNear(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance,
            FormattableString.Invariant($"{what}: {actual:R} by the model, {expected:R} by differences, tolerance {tolerance:G2}, seed {Seed}"));
}
