using Athanor.Compute.Fitting;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Fitting;

public sealed class PublishedOptimaTests(ITestOutputHelper output)
{
    [Fact]
    public void Alpha_pinene_is_fitted_to_19_872167_from_nearly_all_of_40_seeded_starts()
    {
        var problem = FitCases.AlphaPineneFit();
        var search = new FitSearch(problem);
        var found = search.Starts(1947, 40).Select(s => search.From(s)).ToArray();
        var best = found.MinBy(f => f.Value)!;
        var fraction = found.Count(f => FitSearch.IsAtBest(problem.Noise, f.Value, best.Value)) / 40.0;
        output.WriteLine($"{fraction:P0}, {found.Average(f => f.Evaluations):F0} evaluations a start");
        Assert.Equal(19.872167, 2 * best.Value, 1e-6);
        Assert.True(fraction >= 0.9, $"{fraction:P0} of the starts found the best");
        double[] published = [5.9258e-5, 2.9634e-5, 2.0473e-5, 2.7447e-4, 3.9980e-5];
        for (var k = 0; k < 5; k++) Assert.InRange(best.Theta[k] / published[k], 1 - 1e-4, 1 + 1e-4);
    }

    [Fact]
    public void Alpha_pinene_s_naive_errors_are_those_of_the_demo()
    {
        var problem = FitCases.AlphaPineneFit();
        var analysis = new FitAnalysis(problem, new FitSearch(problem).From([6e-5, 3e-5, 2e-5, 3e-4, 4e-5]));
        double[] percent = [0.86, 1.66, 15.1, 8.5, 21.0];
        double[] rounding = [0.005, 0.005, 0.05, 0.05, 0.05];
        for (var k = 0; k < 5; k++)
        {
            var estimate = analysis.Estimates[k];
            Assert.Equal(percent[k], 100 * estimate.Error / estimate.Value, rounding[k]);
        }
        Assert.Empty(analysis.Warnings);
    }

    [Fact]
    public void Methanol_is_fitted_to_9_02229e_3_with_p5_on_its_bound_0_reported_one_sided()
    {
        var problem = FitCases.MethanolFit();
        var search = new FitSearch(problem);
        var found = search.Starts(1989, 20).Select(s => search.From(s)).ToArray();
        var best = found.MinBy(f => f.Value)!;
        var fraction = found.Count(f => FitSearch.IsAtBest(problem.Noise, f.Value, best.Value)) / 20.0;
        output.WriteLine($"{2 * best.Value:E8} {fraction:P0} {string.Join(' ', best.Theta)}");
        Assert.Equal(9.02229e-3, 2 * best.Value, 5e-9);
        Assert.True(fraction >= 0.5, $"{fraction:P0} of the starts found the best");
        Assert.Equal(0.0, best.Theta[4]);
        Assert.Equal(-1, best.AtBound[4]);
        var analysis = new FitAnalysis(problem, best);
        foreach (var warning in analysis.Warnings) output.WriteLine($"{warning.Kind}: {warning.Message}");
        var p5 = analysis.Estimates[4];
        Assert.Equal(-1, p5.Bound);
        Assert.Equal(0.0, p5.Low);
        Assert.True(p5.High > 0, $"the one-sided limit is {p5.High}");
        Assert.Contains(analysis.Warnings, w => w.Kind == "bound" && w.Message.Contains("'p5' lies on its lower bound 0", StringComparison.Ordinal));
        double[] published = [1.7752, 2.1680, 1.8576, 1.8024];
        for (var k = 0; k < 4; k++) Assert.Equal(published[k], best.Theta[k], 2e-3);
    }

    [Fact]
    public void A_profile_of_alpha_pinene_s_best_determined_rate_agrees_with_its_interval()
    {
        var problem = FitCases.AlphaPineneFit();
        var fit = new FitSearch(problem).From([6e-5, 3e-5, 2e-5, 3e-4, 4e-5]);
        var analysis = new FitAnalysis(problem, fit);
        var profile = new ProfileLikelihood(problem, fit, analysis).Of(0);
        output.WriteLine($"{profile.Low} {profile.High} {analysis.Estimates[0]} points {profile.Points.Length} {profile.Stopped}");
        Assert.Equal(1.0, profile.Low!.Value / analysis.Estimates[0].Low, 2e-3);
        Assert.Equal(1.0, profile.High!.Value / analysis.Estimates[0].High, 2e-3);
        Assert.Empty(profile.Stopped);
    }
}
