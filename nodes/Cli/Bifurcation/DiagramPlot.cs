using Athanor.Compute.Continuation;
using Athanor.Compute.Problems;
using Athanor.Nodes.Cli.Simulation;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Cli.Bifurcation;

/// <summary>The diagram as panels, one a state: steady states, stable ones solid and unstable ones dashed; least and largest values of
/// cycles likewise; special points as dots; and a panel of the cycles' period.</summary>
internal static class DiagramPlot
{
    private const int SteadyColour = 0, CycleColour = 1, FirstPointColour = 2;

    public static IReadOnlyList<Plot> Panels(OdeProblem problem, int parameter, BifurcationDiagram diagram, int[] states)
    {
        var axis = Axis(problem.Parameters[parameter].Name, problem.Parameters[parameter].Unit);
        var panels = new List<Plot>();
        foreach (var i in states)
        {
            var plot = new LinePlot(panels.Count == 0 ? problem.Title : "", axis, Axis(problem.States[i].Name, problem.States[i].Unit));
            var legend = new HashSet<string>();
            foreach (var branch in diagram.Branches)
            {
                Pieces(
                    plot, legend, branch.Points.Length, k => branch.Points[k].IsStable, k => branch.Points[k].Parameter, k => branch.Points[k].State[i],
                    "steady state", SteadyColour);
            }
            foreach (var branch in diagram.Cycles)
            {
                Pieces(
                    plot, legend, branch.Cycles.Length, k => branch.Cycles[k].IsStable, k => branch.Cycles[k].Parameter,
                    k => branch.Cycles[k].Maximum[i], "cycle", CycleColour);
                Pieces(
                    plot, legend, branch.Cycles.Length, k => branch.Cycles[k].IsStable, k => branch.Cycles[k].Parameter,
                    k => branch.Cycles[k].Minimum[i], "cycle", CycleColour);
            }
            foreach (var group in diagram.SpecialPoints.Where(s => s.Kind < SpecialPointKind.CycleFold).GroupBy(s => s.Kind).OrderBy(g => g.Key))
            {
                plot.Points(
                    DiagramReport.Word(group.First()), [.. group.Select(s => s.Parameter)], [.. group.Select(s => s.State[i])],
                    FirstPointColour + (int)group.Key);
            }
            panels.Add(plot.Plot);
        }
        if (diagram.Cycles.Any(c => c.Cycles.Length > 1)) panels.Add(Periods(problem, axis, diagram));
        return panels;
    }

    private static Plot Periods(OdeProblem problem, string axis, BifurcationDiagram diagram)
    {
        // Periods that grow without bound are drawn in logarithms: the rest of the curve stays visible.
        var periods = diagram.Cycles.SelectMany(c => c.Cycles).Select(c => c.Period).ToArray();
        var plot = new LinePlot("", axis, Axis("period", problem.TimeUnit)) { LogY = periods.Max() > 8.0 * periods.Min() };
        var legend = new HashSet<string>();
        foreach (var branch in diagram.Cycles)
        {
            Pieces(
                plot, legend, branch.Cycles.Length, k => branch.Cycles[k].IsStable, k => branch.Cycles[k].Parameter, k => branch.Cycles[k].Period,
                "cycle", CycleColour);
        }
        return plot.Plot;
    }

    /// <summary>Draws runs of the same stability; each begins with the last point of the run before, so that no gap shows.</summary>
    private static void Pieces(
        LinePlot plot, HashSet<string> legend, int count, Func<int, bool> stable, Func<int, double> x, Func<int, double> y, string what, int colour)
    {
        for (var from = 0; from < count;)
        {
            var to = from;
            while (to + 1 < count && stable(to + 1) == stable(from)) to++;
            var first = Math.Max(0, from - 1);
            var range = Enumerable.Range(first, to - first + 1).ToArray();
            var name = (stable(from) ? "stable " : "unstable ") + what;
            plot.Line(legend.Add(name) ? name : "", [.. range.Select(x)], [.. range.Select(y)], dashed: !stable(from), colour);
            from = to + 1;
        }
    }

    private static string Axis(string name, string unit) => unit.Length == 0 ? name : $"{name} / {unit}";
}
