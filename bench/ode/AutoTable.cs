using System.Diagnostics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Bench.Ode;

/// <summary>What switching between the methods costs over the catalogue: steps tried by the explicit and the stiff method alone and by
/// Auto, and Auto's work over the better one's, where a stiff step counts as <see cref="OdeStatistics.StiffStepCost"/> explicit
/// ones.</summary>
internal static class AutoTable
{
    private const int MostExplicitSteps = 300_000;

    public static void Print(bool times)
    {
        Console.WriteLine("| problem | rtol | Tsit5 | Rodas5P | Auto, explicit | Auto, stiff | Auto's work / the better's |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var problem in Catalogue.All)
        {
            foreach (var rtol in (double[])[1e-4, 1e-6, 1e-8])
            {
                var request = new OdeRequest { Times = [problem.End], Options = problem.DefaultOptions with { RelativeTolerance = rtol } };
                var explicitOnly = Explicit(problem, request);
                var stiff = problem.Solve(request with { Method = OdeMethod.Rodas5P }).Statistics;
                var auto = problem.Solve(request).Statistics;
                var best = Math.Min(explicitOnly?.Work ?? double.PositiveInfinity, stiff.Work);
                Console.WriteLine(
                    $"| {problem.Name} | {rtol:E0} | {explicitOnly?.Tried.ToString() ?? "-"} | {stiff.Tried} "
                    + $"| {auto.Tried - auto.ImplicitSteps} | {auto.ImplicitSteps} | {auto.Work / best:F2} |"
                    + (times ? Times(problem, request, explicitOnly is not null) : ""));
            }
        }
    }

    private static OdeStatistics? Explicit(OdeProblem problem, OdeRequest request)
    {
        try
        {
            var options = request.Options!.Value with { MaxSteps = MostExplicitSteps };
            return problem.Solve(request with { Method = OdeMethod.Tsit5, Options = options }).Statistics;
        }
        catch (OdeException)
        {
            return null;
        }
    }

    /// <summary>Time of a step of the stiff method over that of the explicit one.</summary>
    private static string Times(OdeProblem problem, OdeRequest request, bool both)
    {
        if (!both) return "";
        var tsit5 = Least(problem, request with { Method = OdeMethod.Tsit5 });
        var rodas = Least(problem, request with { Method = OdeMethod.Rodas5P });
        return $" {tsit5 * 1e3:F0} ns, {rodas * 1e3:F0} ns: {rodas / tsit5:F1} |";
    }

    private static double Least(OdeProblem problem, OdeRequest request)
    {
        var least = double.PositiveInfinity;
        for (var i = 0; i < 40; i++)
        {
            var watch = Stopwatch.StartNew();
            var statistics = problem.Solve(request).Statistics;
            least = Math.Min(least, watch.Elapsed.TotalMicroseconds / statistics.Tried);
        }
        return least;
    }
}
