using Athanor.Compute.Problems;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>The outcome of a sweep as table, file and plot: condition i holds value i mod n1 of the first range and i / n1 of the
/// second.</summary>
internal sealed class SweepTable(OdeProblem problem, Variation[] ranges, SweepValue kept, BatchResult result, int[] shown)
{
    public IReadOnlyList<string> Columns =>
        [.. ranges.Select(r => SimulateCommand.Label(r.Name, r.Unit)),
            .. problem.States.Select(s => SimulateCommand.Label($"{Word} {s.Name}", s.Unit))];

    private string Word => kept switch
    {
        SweepValue.Peak => "peak",
        SweepValue.Least => "least",
        _ => "final",
    };

    public IEnumerable<double[]> Rows() =>
        Enumerable.Range(0, result.Count).Select(i => (double[])[.. At(i),
            .. Enumerable.Range(0, problem.States.Length).Select(s => Value(i, s))]);

    public object Json() => new
    {
        problem.Name,
        Kept = Word,
        Varied = ranges.Select(r => new { r.Name, r.Unit, r.From, r.To, r.Count }),
        States = problem.States.Select((s, k) => new
        {
            s.Name,
            s.Unit,
            Values = Enumerable.Range(0, result.Count).Select(i => Value(i, k))
        }),
        Failures = result.Failures.Select(f => new { Condition = f.Trajectory, f.Error.Message }),
    };

    public void Print()
    {
        Console.Out.WriteLine($"{problem.Title}: {Word} values");
        if (ranges.Length == 1)
        {
            Outputs.Print(
                [SimulateCommand.Label(ranges[0].Name, ranges[0].Unit),
                    .. shown.Select(s => SimulateCommand.Label(problem.States[s].Name, problem.States[s].Unit))],
                [.. Enumerable.Range(0, result.Count).Select(i => (double[])[.. At(i), .. shown.Select(s => Value(i, s))])]);
            return;
        }
        foreach (var s in shown)
        {
            var finite = Enumerable.Range(0, result.Count).Where(i => double.IsFinite(Value(i, s))).ToArray();
            if (finite.Length == 0) continue;
            int low = finite.MinBy(i => Value(i, s)), high = finite.MaxBy(i => Value(i, s));
            Console.Out.WriteLine($"{problem.States[s].Name}: from {Place(low, s)} to {Place(high, s)}");
        }
    }

    public IReadOnlyList<Plot> Plots() => ranges.Length == 1 ? Lines() : Maps();

    private double[] At(int condition) => ranges.Length == 1
        ? [ranges[0].At(condition)]
        : [ranges[0].At(condition % ranges[0].Count), ranges[1].At(condition / ranges[0].Count)];

    private double Value(int condition, int state) => kept switch
    {
        SweepValue.Peak => result.Maxima![(condition * result.States) + state],
        SweepValue.Least => result.Minima![(condition * result.States) + state],
        _ => result.End(condition)[state],
    };

    private string Place(int condition, int state)
    {
        var at = At(condition);
        return $"{Outputs.Number(Value(condition, state))} {problem.States[state].Unit} at "
            + string.Join(", ", ranges.Select((r, k) => $"{r.Name} = {Outputs.Number(at[k])} {r.Unit}".TrimEnd()));
    }

    private IReadOnlyList<Plot> Lines()
    {
        var x = Enumerable.Range(0, result.Count).Select(i => ranges[0].At(i)).ToArray();
        var panels = new List<Plot>();
        foreach (var group in shown.GroupBy(s => problem.States[s].Unit))
        {
            var names = string.Join(", ", group.Select(s => problem.States[s].Name));
            var plot = new LinePlot(panels.Count == 0 ? problem.Title : "", ranges[0].Label,
                $"{Word} {names}{(group.Key.Length == 0 ? "" : " / " + group.Key)}");
            foreach (var s in group) plot.Line(problem.States[s].Name, x, [.. Enumerable.Range(0, result.Count).Select(i => Value(i, s))]);
            panels.Add(plot.Plot);
        }
        return panels;
    }

    /// <summary>As many cells as the eye can tell apart.</summary>
    private IReadOnlyList<Plot> Maps()
    {
        const int Most = 200;
        int strideX = (ranges[0].Count + Most - 1) / Most, strideY = (ranges[1].Count + Most - 1) / Most;
        var cells = Enumerable.Range(0, result.Count)
            .Where(i => i % ranges[0].Count % strideX == 0 && i / ranges[0].Count % strideY == 0).ToArray();
        double[] x = [.. cells.Select(i => At(i)[0])], y = [.. cells.Select(i => At(i)[1])];
        return
        [
            .. shown.Select(s => new Plot(
                $"{problem.Title}: {Word} {problem.States[s].Name}", ranges[0].Label, ranges[1].Label,
                [new Series.Coloured($"{Word} {problem.States[s].Name}", x, y, [.. cells.Select(i => Value(i, s))],
                    problem.States[s].Unit)])),
        ];
    }
}
