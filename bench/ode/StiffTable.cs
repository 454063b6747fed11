using System.Diagnostics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Bench.Ode;

/// <summary>The stiff methods on the Bari test set: largest relative error of the end, steps, right-hand sides and time by tolerance, as the
/// table of docs/validation/stiff.md.</summary>
internal static class StiffTable
{
    // End, absolute tolerance over the relative one, and the end state (F. Mazzia, C. Magherini; E5 is good to three digits in y2 and y3).
    private static readonly (string Name, double End, double Scale, double[] Reference)[] Problems =
    [
        ("van-der-pol", 2000, 1e-4, [1.706167732170469, -0.0008928097010248125]),
        ("oregonator", 360, 1e-4, [1.000814870318523, 1228.178521549917, 132.0554942846706]),
        (
            "hires", 321.8122, 1e-4,
            [
                0.0007371312573325668, 0.0001442485726316185, 5.888729740967575e-05, 0.001175651343283149, 0.002386356198831331,
                0.006238968252742796, 0.002849998395185769, 0.002850001604814231,
            ]
        ),
        ("robertson", 1e11, 1e-12, [2.083340149701255e-08, 8.333360770334713e-14, 0.999999979166505]),
        ("e5", 1e13, 1e-19, [double.NaN, 8.86765551764212e-23, 8.854814626268838e-23, double.NaN]),
    ];

    public static void Print()
    {
        Console.WriteLine("| problem | method | rtol | largest relative error | steps + rejected | right-hand sides | ms |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var (name, end, scale, reference) in Problems)
        {
            var problem = Catalogue.Find(name);
            foreach (var method in new[] { OdeMethod.Rodas4, OdeMethod.Rodas5P, OdeMethod.Esdirk5, OdeMethod.Auto })
            {
                foreach (var rtol in (double[])[1e-5, 1e-7, 1e-9, 1e-12])
                {
                    var request = new OdeRequest
                    {
                        Times = [end],
                        Method = method,
                        Options = new OdeOptions { RelativeTolerance = rtol, AbsoluteTolerance = Math.Max(rtol * scale, 1e-31) },
                    };
                    var (least, result) = Time(problem, request);
                    var error = 0.0;
                    for (var i = 0; i < reference.Length; i++)
                    {
                        if (!double.IsNaN(reference[i])) error = Math.Max(error, Math.Abs((result.End[i] / reference[i]) - 1));
                    }
                    var s = result.Statistics;
                    Console.WriteLine(
                        $"| {name} | {method} | {rtol:E0} | {error:E1} | {s.Accepted} + {s.Rejected} | {s.RhsEvaluations} | {least:F2} |");
                }
            }
        }
    }

    private static (double Milliseconds, Trajectory Result) Time(OdeProblem problem, OdeRequest request)
    {
        var result = problem.Solve(request);
        var least = double.PositiveInfinity;
        for (var i = 0; i < 3; i++)
        {
            var watch = Stopwatch.StartNew();
            result = problem.Solve(request);
            least = Math.Min(least, watch.Elapsed.TotalMilliseconds);
        }
        return (least, result);
    }
}
