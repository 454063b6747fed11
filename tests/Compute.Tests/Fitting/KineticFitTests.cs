using Athanor.Compute.Fitting;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Fitting;

public sealed class KineticFitTests(ITestOutputHelper output)
{
    /// <summary>The global optimum (COPS 3, and Box et al. 1973 to their digits).</summary>
    private const double Optimum = 19.872167;

    [Fact]
    public void At_least_95_of_100_log_uniform_starts_find_the_published_optimum_of_alpha_pinene()
    {
        const ulong Seed = 20;
        var fit = AlphaPinene.Fit();
        var found = 0;
        for (var i = 0; i < 100; i++)
        {
            var result = fit.Search(fit.Start(Seed, i));
            if (Math.Abs(result.SumOfSquares - Optimum) <= 1e-5) found++;
        }
        output.WriteLine($"seed {Seed}: {found} of 100 starts");
        Assert.True(found >= 95, $"seed {Seed}: {found} of 100 starts found the optimum");
    }

    [Fact]
    public void The_optimum_of_alpha_pinene_has_the_published_rate_constants()
    {
        var best = Best();
        Assert.Equal(Optimum, best.SumOfSquares, 1e-6);
        double[] published = [5.9258e-5, 2.9634e-5, 2.0473e-5, 2.7447e-4, 3.9980e-5];
        for (var k = 0; k < 5; k++) Assert.InRange(Math.Exp(best.Parameters[k]) / published[k], 1 - 1e-4, 1 + 1e-4);
        Assert.All(best.AtBound, bound => Assert.Equal(0, bound));
    }

    [Fact]
    public void Counting_all_40_residuals_gives_the_naive_relative_standard_errors()
    {
        var interval = AlphaPinene.Fit().Naive(Best());
        Assert.Equal(40, interval.Residuals);
        double[] percent = [0.86, 1.66, 15.1, 8.5, 21.0];
        double[] rounding = [0.005, 0.005, 0.05, 0.05, 0.05];
        for (var k = 0; k < 5; k++) Assert.Equal(percent[k], 100 * interval.RelativeErrors[k], rounding[k]);
    }

    [Fact]
    public void The_scatter_of_the_responses_shows_two_dependencies_as_Box_and_others_found()
    {
        var found = AlphaPinene.Fit().Dependencies();
        // Box, Hunter, MacGregor and Erjavec 1973: 0.0013, 0.0168, 1.21, 25.0, 9660.
        double[] published = [0.0013, 0.0168, 1.21, 25.0, 9660];
        for (var i = 0; i < 5; i++) Assert.InRange(found.Eigenvalues[i] / published[i], 0.9, 1.1);
        Assert.Equal(2, found.Count);
        // The two constant combinations are pyronene = 0.03 (100 - alpha-pinene) and the closed balance: both vanish on the independent
        // rows, up to the tilt that rounding may give the smallest constant direction against the smallest measured one.
        var tilt = Math.Sqrt(found.Eigenvalues[1] / found.Eigenvalues[2]);
        double[][] dependencies = [[0.03, 0, 0, 1, 0], [1, 1, 1, 1, 1]];
        foreach (var dependency in dependencies)
        {
            var length = Math.Sqrt(dependency.Sum(v => v * v));
            for (var row = 0; row < 3; row++)
            {
                var projection = Enumerable.Range(0, 5).Sum(i => dependency[i] * found.Independent[(row * 5) + i]) / length;
                Assert.InRange(projection, -tilt, tilt);
            }
        }
    }

    [Fact]
    public void Without_the_assumed_pyronene_its_rate_constant_is_not_determined()
    {
        var fit = AlphaPinene.Fit();
        var naive = fit.Naive(Best());
        var independent = fit.Independent(Best(), fit.Dependencies());
        Assert.Equal(24, independent.Residuals);
        for (var k = 0; k < 5; k++) Assert.True(independent.RelativeErrors[k] > naive.RelativeErrors[k], $"parameter {k}");
        Assert.True(independent.RelativeErrors[2] > 1.0, $"relative standard error {independent.RelativeErrors[2]:F2}");
    }

    [Fact]
    public void A_start_depends_on_its_seed_and_number_alone()
    {
        var one = AlphaPinene.Fit();
        var other = AlphaPinene.Fit();
        _ = other.Search(other.Start(9, 7));
        Assert.Equal(one.Start(9, 3), other.Start(9, 3));
        Assert.Equal(one.Search(one.Start(9, 3)).Parameters, other.Search(other.Start(9, 3)).Parameters);
        Assert.NotEqual(one.Start(9, 3), one.Start(9, 4));
    }

    private static FitResult Best() => AlphaPinene.Fit().Search([-10, -10, -11, -8, -10]);
}
