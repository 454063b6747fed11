using Athanor.Compute.Fitting;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;
using Athanor.Protocol.Models;

namespace Athanor.Nodes.Cli.Fitting;

/// <summary>Data against fit, a panel an experiment and unit; then the profiles.</summary>
internal static class FitPictures
{
    private const int Points = 241, MostPanels = 12;

    public static IReadOnlyList<Plot> Draw(FitProblem problem, FitReport report, CancellationToken cancellation)
    {
        var theta = report.Best!.Theta;
        var panels = new List<Plot>();
        foreach (var experiment in problem.Experiments)
        {
            // Responses of one name differ in their noise alone.
            var responses = experiment.Responses.Select((r, i) => (Response: r, Index: i)).GroupBy(r => r.Response.Name, StringComparer.Ordinal).ToArray();
            double start = Math.Min(experiment.Measurements.Min(m => m.Time), (experiment as OdeExperiment)?.Start ?? 0.0), end = experiment.Measurements.Max(m => m.Time);
            var times = Enumerable.Range(0, Points).Select(i => start + ((end - start) * i / (Points - 1))).ToArray();
            var values = new double[Points * experiment.Responses.Count];
            if (end <= start || !experiment.Simulate(theta, times, values, cancellation)) continue;
            foreach (var unit in responses.GroupBy(r => r.First().Response.Unit, StringComparer.Ordinal))
            {
                foreach (var part in unit.Chunk(8))
                {
                    var plot = new LinePlot($"{problem.Name}: {experiment.Name}", problem.TimeUnit.Length > 0 ? $"time / {problem.TimeUnit}" : "time", unit.Key.Length > 0 ? unit.Key : string.Join(", ", part.Select(r => r.Key)));
                    for (var c = 0; c < part.Length; c++)
                    {
                        var index = part[c].First().Index;
                        plot.Line(part[c].Key, times, [.. Enumerable.Range(0, Points).Select(i => values[(i * experiment.Responses.Count) + index])], colour: c);
                        var measured = experiment.Measurements.Where(m => part[c].Any(r => r.Index == m.Response)).ToArray();
                        plot.Points("", [.. measured.Select(m => m.Time)], [.. measured.Select(m => m.Value)], colour: c);
                    }
                    panels.Add(plot.Plot);
                }
            }
        }
        foreach (var profile in report.Profiles)
        {
            var parameter = problem.Parameters.First(p => p.Name == profile.Parameter);
            var unit = parameter.Unit.Length > 0 ? $" / {parameter.Unit}" : "";
            panels.Add(new LinePlot($"profile of {profile.Parameter}", profile.Parameter + unit, "rise of the objective") { LogX = parameter.IsLogarithmic && IsWide(profile.At) }
                .Line("profile", profile.At, profile.Rise)
                .Line("threshold", [profile.At[0], profile.At[^1]], [profile.Threshold, profile.Threshold], dashed: true).Plot);
        }
        return [.. panels.Take(MostPanels)];
    }

    /// <summary>Over less than a decade or so, a logarithmic axis has one number or none.</summary>
    private static bool IsWide(double[] at) => at.Min() > 0 && at.Max() > 20 * at.Min();
}
