using Athanor.Compute.Fitting;
using Athanor.Hosting.Petab;
using Xunit.Abstractions;

namespace Hosting.Tests.Petab;

/// <summary>Two problems of the PEtab benchmark collection. Their data may not be shipped; without ../shared/data these tests say so and do
/// nothing.</summary>
public sealed class PetabBenchmarkTests(ITestOutputHelper output)
{
    public static TheoryData<string, double> Published() => new()
    {
        { "Boehm_JProteomeRes2014", -138.222 },
        { "Bruno_JExpBot2016", 46.688 },
    };

    [Theory]
    [MemberData(nameof(Published))]
    public void The_log_likelihood_at_the_nominal_values_is_the_published_one_by_our_own_solution(string name, double logLikelihood)
    {
        if (Open(name) is not { } problem) return;
        var value = problem.Value(problem.Nominal);
        output.WriteLine($"{name}: log-likelihood {-value:F6}");
        Assert.Equal(logLikelihood, -value, 1e-3);
    }

    [Theory]
    [MemberData(nameof(Published))]
    public void The_published_optimum_is_found_again_from_seeded_starts(string name, double logLikelihood)
    {
        if (Open(name) is not { } problem) return;
        // The whole fraction of 50 starts is a command's, in docs/validation/fit.md; here as many of six as it takes.
        const int Starts = 6;
        var search = new FitSearch(problem);
        var best = double.NegativeInfinity;
        foreach (var start in search.Starts(2014, Starts))
        {
            var found = search.From(start);
            output.WriteLine($"{-found.Value:F4} {found.End} {found.Iterations} {found.Evaluations}");
            best = Math.Max(best, -found.Value);
            if (best >= logLikelihood - 1e-3) return;
        }
        Assert.Fail($"{best} from {Starts} starts");
    }

    [Fact]
    public void The_gradient_agrees_with_differences_of_the_value()
    {
        if (Open("Boehm_JProteomeRes2014") is not { } problem) return;
        var n = problem.Estimated.Length;
        var x = problem.Coordinates(problem.Nominal);
        for (var k = 0; k < n; k++) x[k] += 0.1 * (k % 3) - 0.05;
        double[] gradient = new double[n], information = new double[n * n];
        Assert.True(problem.Evaluate(problem.AtCoordinates(x), out _, gradient, information));
        for (var k = 0; k < n; k++)
        {
            const double Step = 1e-4;
            double[] up = [.. x], down = [.. x];
            up[k] += Step;
            down[k] -= Step;
            var difference = (problem.Value(problem.AtCoordinates(up)) - problem.Value(problem.AtCoordinates(down))) / (2 * Step);
            Assert.Equal(difference, gradient[k], 1e-4 * Math.Max(1.0, Math.Abs(difference)));
        }
    }

    private FitProblem? Open(string name)
    {
        if (SharedData.Find("kinetics", "petab_" + name, name + ".yaml") is { } path) return PetabProblem.Read(path);
        output.WriteLine(SharedData.Skipped);
        return null;
    }
}
