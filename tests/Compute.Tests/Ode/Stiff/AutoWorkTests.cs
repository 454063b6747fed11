using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Ode.Stiff;

/// <summary>Work is steps tried, a stiff one counted as several explicit ones.</summary>
public sealed class AutoWorkTests
{
    public static TheoryData<string> All => [.. Catalogue.All.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void Auto_never_works_much_more_than_the_better_method_alone(string name)
    {
        var problem = Catalogue.Find(name);
        foreach (var rtol in (double[])[1e-4, 1e-6, 1e-8])
        {
            var request = new OdeRequest { Times = [problem.End], Options = problem.DefaultOptions with { RelativeTolerance = rtol } };
            var stiff = problem.Solve(request with { Method = OdeMethod.Rodas5P }).Statistics;
            var alone = Explicit(problem, request, 10 * (int)stiff.Tried);
            var auto = problem.Solve(request).Statistics;
            Assert.Equal(stiff.Tried, stiff.ImplicitSteps);
            // Whatever a stiff step costs over an explicit one, within what was measured.
            foreach (var cost in (double[])[3, OdeStatistics.StiffStepCost, 5])
            {
                var better = Math.Min(cost * stiff.Tried, alone?.Tried ?? double.PositiveInfinity);
                var work = auto.Tried + ((cost - 1) * auto.ImplicitSteps);
                Assert.True(
                    work <= 1.5 * better,
                    $"rtol {rtol:E0}, a stiff step at {cost} explicit ones: {work} against {better} "
                    + $"({auto.Tried - auto.ImplicitSteps} explicit and {auto.ImplicitSteps} stiff steps; alone {alone?.Tried} or {stiff.Tried})");
            }
        }
    }

    [Fact]
    public void A_problem_that_is_not_stiff_is_never_tried_by_a_stiff_method()
    {
        foreach (var name in (string[])["exothermic-cstr", "van-de-vusse", "klatt-engell", "consecutive", "parallel", "williams-otto"])
            Assert.Equal(0, Catalogue.Find(name).Solve(new OdeRequest()).Statistics.ImplicitSteps);
    }

    [Fact]
    public void A_component_a_hundred_thousandth_of_the_others_is_seen_to_be_stiff_at_a_tight_tolerance()
    {
        var problem = Catalogue.Find("robertson");
        var request = new OdeRequest { Times = [problem.End], Options = problem.DefaultOptions with { RelativeTolerance = 1e-8 } };
        var auto = problem.Solve(request);
        Assert.NotEqual(OdeMethod.Tsit5, auto.Method);
        Assert.InRange(auto.Statistics.Tried - auto.Statistics.ImplicitSteps, 1, 200);
    }

    /// <summary>Null where the explicit method has not got through after so many steps.</summary>
    private static OdeStatistics? Explicit(OdeProblem problem, OdeRequest request, int most)
    {
        try
        {
            var options = request.Options!.Value with { MaxSteps = most };
            return problem.Solve(request with { Method = OdeMethod.Tsit5, Options = options }).Statistics;
        }
        catch (OdeException)
        {
            return null;
        }
    }
}
