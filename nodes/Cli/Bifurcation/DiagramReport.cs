using System.Globalization;
using System.Numerics;
using Athanor.Compute.Continuation;
using Athanor.Compute.Problems;
using Athanor.Nodes.Cli.Simulation;
using Spectre.Console;
using Table = Spectre.Console.Table;

namespace Athanor.Nodes.Cli.Bifurcation;

/// <summary>A diagram as tables on the terminal, rows of a CSV file, and JSON.</summary>
internal sealed class DiagramReport(OdeProblem problem, int parameter, BifurcationDiagram diagram)
{
    private readonly OdeParameter _parameter = problem.Parameters[parameter];

    /// <summary>kind 0: a steady state, whose least and largest values are the same; kind 1: a limit cycle. unstable: eigenvalues with a
    /// positive real part, or multipliers outside the unit circle.</summary>
    public IReadOnlyList<string> Columns =>
    [
        "kind", "branch", SimulateCommand.Label(_parameter.Name, _parameter.Unit), "unstable", SimulateCommand.Label("period", problem.TimeUnit),
        .. problem.States.SelectMany(s => (string[])[SimulateCommand.Label(s.Name + " min", s.Unit), SimulateCommand.Label(s.Name + " max", s.Unit)]),
    ];

    public IEnumerable<double[]> Rows()
    {
        foreach (var branch in diagram.Branches)
        {
            foreach (var p in branch.Points)
                yield return [0, branch.Index, p.Parameter, p.UnstableCount, 0, .. p.State.SelectMany(x => (double[])[x, x])];
        }
        foreach (var branch in diagram.Cycles)
        {
            foreach (var c in branch.Cycles)
            {
                yield return
                [
                    1, branch.Index, c.Parameter, Outside(c), c.Period,
                    .. Enumerable.Range(0, problem.States.Length).SelectMany(i => (double[])[c.Minimum[i], c.Maximum[i]]),
                ];
            }
        }
    }

    public void Print(string box)
    {
        Console.Out.WriteLine($"{problem.Title} ({problem.Source})");
        Console.Out.WriteLine(box);
        foreach (var line in Searches()) Console.Out.WriteLine(line);
        Points();
        foreach (var branch in diagram.Branches) Console.Out.WriteLine(Describe(branch));
        foreach (var branch in diagram.Cycles) Console.Out.WriteLine(Describe(branch));
    }

    public object Json() => new
    {
        problem.Name,
        Parameter = new { _parameter.Name, _parameter.Unit, diagram.From, diagram.To },
        problem.TimeUnit,
        States = problem.States.Select(s => new { s.Name, s.Unit }),
        Searches = diagram.Searches,
        SpecialPoints = diagram.SpecialPoints.Select(s => new
        {
            Kind = Word(s),
            Parameter = s.Parameter,
            State = s.State,
            s.Branch,
            s.Frequency,
            s.Period,
            FirstLyapunovCoefficient = s.Lyapunov,
            s.Located,
        }),
        Branches = diagram.Branches.Select(b => new
        {
            b.Index,
            Start = b.Start.ToString(),
            End = b.End.ToString(),
            Points = b.Points.Select(p => new
            {
                p.Parameter,
                p.State,
                Unstable = p.UnstableCount,
                Eigenvalues = p.Eigenvalues.Select(Pair),
            }),
        }),
        Cycles = diagram.Cycles.Select(c => new
        {
            c.Index,
            c.HopfPoint,
            End = c.End.ToString(),
            c.EndParameter,
            c.EndState,
            Cycles = c.Cycles.Select(o => new
            {
                o.Parameter,
                o.Period,
                o.Minimum,
                o.Maximum,
                o.IsStable,
                Multipliers = o.Multipliers.Select(Pair),
                o.TrivialError,
            }),
        }),
    };

    /// <summary>The searches' statements; those that say the same thing of several values once, with a count.</summary>
    private IEnumerable<string> Searches()
    {
        var proven = diagram.Searches.Count(s => s.StartsWith("Proven", StringComparison.Ordinal));
        if (proven == diagram.Searches.Length)
            yield return $"Steady states: all of them at {proven} values of {_parameter.Name}, proven complete by interval arithmetic.";
        else if (proven > 0)
            yield return $"Steady states: proven complete by interval arithmetic at {proven} of {diagram.Searches.Length} values of {_parameter.Name}, from many starts (no proof) at the others.";
        else
            yield return $"Steady states: from many starts at {diagram.Searches.Length} values of {_parameter.Name}; nothing proves that none is missing.";
    }

    private void Points()
    {
        if (diagram.SpecialPoints.IsEmpty)
        {
            Console.Out.WriteLine($"No fold, Hopf point or branch point from {_parameter.Name} = {Outputs.Number(diagram.From)} to {Outputs.Number(diagram.To)} {_parameter.Unit}.");
            return;
        }
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn("point");
        var columns = problem.States.Take(5).ToArray();
        foreach (var column in (string[])[SimulateCommand.Label(_parameter.Name, _parameter.Unit), .. columns.Select(s => SimulateCommand.Label(s.Name, s.Unit)), SimulateCommand.Label("period", problem.TimeUnit)])
            table.AddColumn(new TableColumn(Markup.Escape(column)).RightAligned());
        table.AddColumn("remark");
        foreach (var s in diagram.SpecialPoints.OrderBy(s => s.Parameter))
        {
            table.AddRow(
                [
                    new Text(Word(s)), new Text(s.Parameter.ToString("G9", CultureInfo.InvariantCulture)),
                    .. s.State.Take(columns.Length).Select(v => new Text(Outputs.Number(v))),
                    new Text(s.Period > 0 ? Outputs.Number(s.Period) : ""), new Text(Remark(s)),
                ]);
        }
        AnsiConsole.Write(table);
    }

    internal static string Word(SpecialPoint point) => point.Kind switch
    {
        SpecialPointKind.Fold => "fold",
        SpecialPointKind.Hopf => "Hopf",
        SpecialPointKind.NeutralSaddle => "neutral saddle",
        SpecialPointKind.BranchPoint => "branch point",
        SpecialPointKind.CycleFold => "fold of cycles",
        SpecialPointKind.PeriodDoubling => "period doubling",
        _ => "torus",
    };

    private static string Remark(SpecialPoint point)
    {
        var remark = point.Kind switch
        {
            SpecialPointKind.Hopf => string.Create(
                CultureInfo.InvariantCulture, $"{(point.Lyapunov < 0 ? "supercritical" : "subcritical")}, l1 = {point.Lyapunov:G4}"),
            SpecialPointKind.NeutralSaddle => "no bifurcation: two real eigenvalues cancel",
            _ => "",
        };
        return point.Located ? remark : remark + (remark.Length > 0 ? ", " : "") + "by halving steps only";
    }

    private string Describe(EquilibriumBranch branch)
    {
        var stable = branch.Points.Count(p => p.IsStable);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Branch {branch.Index + 1}: {branch.Points.Length} steady states, {stable} of them stable; {End(branch.Start)} … {End(branch.End)}.");

        string End(BranchEnd end) => end switch
        {
            BranchEnd.RangeEnd => "to the range's end",
            BranchEnd.LeftBox => "until a state leaves its bounds",
            BranchEnd.Closed => "closed",
            BranchEnd.StepTooSmall => "until steps became too small",
            _ => "until there were too many points",
        };
    }

    private string Describe(CycleBranch branch)
    {
        if (branch.Cycles.IsEmpty) return $"Cycles {branch.Index + 1}: none could be computed from the Hopf point.";
        var (first, last) = (branch.Cycles[0], branch.Cycles[^1]);
        var stable = branch.Cycles.Count(c => c.IsStable);
        var unit = _parameter.Unit.Length > 0 ? " " + _parameter.Unit : "";
        var at = $"{_parameter.Name} = {branch.EndParameter.ToString("G9", CultureInfo.InvariantCulture)}{unit}";
        var end = branch.End switch
        {
            CycleEnd.RangeEnd => $"reach the range's end, {at}",
            CycleEnd.Homoclinic => $"end at a homoclinic orbit, {at}: the period grows without bound near the saddle {State(branch)}",
            CycleEnd.SaddleNodeOnCycle => $"end at a saddle-node on the cycle, {at}: the period grows without bound",
            CycleEnd.PeriodLimit => $"were left at {at}, where the period grows beyond bounds",
            CycleEnd.Hopf => $"shrink into the Hopf point at {at}",
            CycleEnd.LeftBox => $"leave the states' bounds at {at}",
            CycleEnd.StepTooSmall => $"could not be followed beyond {at}",
            _ => $"were followed to {at}, as many as allowed",
        };
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Cycles {branch.Index + 1}: {branch.Cycles.Length}, {stable} of them stable; the period goes from {first.Period:G6} to {last.Period:G6} {problem.TimeUnit}; they {end}.");
    }

    private string State(CycleBranch branch) => branch.EndState is { } state
        ? "(" + string.Join(", ", state.Select((v, i) => $"{problem.States[i].Name} {Outputs.Number(v)}")) + ")"
        : "";

    private static int Outside(Cycle cycle) => cycle.Multipliers.Count(m => Complex.Abs(m) > 1.0);

    private static double[] Pair(Complex c) => [c.Real, c.Imaginary];
}
