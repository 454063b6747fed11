using System.CommandLine;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary><c>simulate</c>: one trajectory of a benchmark or a file.</summary>
internal static class SimulateCommand
{
    private static readonly Argument<string> What = new("what") { Description = ProblemSource.Help, HelpName = "NAME|FILE" };

    private static readonly Option<string[]> Set = new("--set")
    {
        Description = "A parameter's value.",
        HelpName = "P=V",
        AllowMultipleArgumentsPerToken = true
    };

    private static readonly Option<string[]> Initial = new("--initial")
    {
        Description = "A state's value at the start.",
        HelpName = "S=V",
        AllowMultipleArgumentsPerToken = true
    };

    private static readonly Option<double?> Until = new("--until")
    {
        Description = "The end, in the problem's unit of time.",
        HelpName = "T"
    };

    private static readonly Option<int> Points = new("--points")
    {
        Description = "Output times.",
        HelpName = "N",
        DefaultValueFactory = _ => OdeProblem.DefaultTimes
    };

    private static readonly Option<bool> LogTime = new("--log-time") { Description = "Output times evenly spaced in the logarithm of time." };

    private static readonly Option<OdeMethod> Method = new("--method")
    {
        Description = "The solver.",
        DefaultValueFactory = _ => OdeMethod.Auto
    };

    private static readonly Option<double> Tolerance = new("--rtol")
    {
        Description = "Relative tolerance.",
        HelpName = "R",
        DefaultValueFactory = _ => 1e-6
    };

    private static readonly Option<string[]> Show = new("--show") { Description = "States to print and draw, with commas; all are written to files.", HelpName = "STATES", AllowMultipleArgumentsPerToken = true };

    private static readonly Outputs Outputs = new();

    public static Command Create()
    {
        var command = Cli.Command(
            "simulate", "Simulates a benchmark or a file of reactions and units, prints a table and draws the trajectory.",
            "simulate exothermic-cstr --plot cstr.svg", "simulate van-de-vusse --set D=1.2 --initial A=3 --until 20 --csv vdv.csv",
            "simulate robertson --log-time --plot robertson.svg");
        command.Arguments.Add(What);
        Option[] options = [Set, Initial, Until, Points, LogTime, Method, Tolerance, Show];
        foreach (var option in options) command.Options.Add(option);
        Outputs.AddTo(command);
        command.SetAction(Simulate);
        return command;
    }

    private static async Task<int> Simulate(ParseResult parsed, CancellationToken cancellation)
    {
        var problem = ProblemSource.Load(parsed.GetRequiredValue(What));
        Outputs.Check(parsed);
        var end = parsed.GetValue(Until) ?? problem.End;
        if (!(end > problem.Start) || !double.IsFinite(end))
            throw new UserException(FormattableString.Invariant($"--until {end:R}: {problem.Name} starts at {problem.Start:R} {problem.TimeUnit}; the end must lie after it"));
        var points = parsed.GetValue(Points);
        if (points is < 2 or > 10_000_000) throw new UserException($"--points {points}: from 2 to 10,000,000 output times are possible");
        var tolerance = parsed.GetValue(Tolerance);
        if (!(tolerance is >= 1e-14 and < 1)) throw new UserException(FormattableString.Invariant($"--rtol {tolerance:R}: from 1e-14 to below 1 is possible"));
        var shown = Shown(problem, parsed.GetValue(Show) ?? []);
        var request = new OdeRequest
        {
            Parameters = Assignments.Parameters(problem, parsed.GetValue(Set) ?? []),
            Initial = Assignments.Initial(problem, parsed.GetValue(Initial) ?? []),
            Times = Times(problem.Start, end, points, parsed.GetValue(LogTime)),
            Method = parsed.GetValue(Method),
            Options = problem.DefaultOptions with { RelativeTolerance = tolerance },
        };
        Trajectory trajectory;
        try
        {
            trajectory = await new LongRun($"simulate {problem.Name}", "", 0,
                TimeProvider.System).Run(() => problem.Solve(request, cancellation), cancellation);
        }
        catch (Exception e) when (e is OdeException or ArgumentException)
        {
            throw new UserException($"simulate {problem.Name}: {e.Message}");
        }
        if (!Outputs.Quiet(parsed)) Print(problem, request.Parameters!, trajectory, shown);
        Outputs.Write(
            parsed, [Label(problem.Variable, problem.TimeUnit), .. problem.States.Select(s => Label(s.Name, s.Unit))],
            () => Enumerable.Range(0, trajectory.Times.Length).Select(row => (double[])[trajectory.Times[row], .. trajectory.At(row)]),
            () => Json(problem, request, trajectory), () => Plots(problem, trajectory, shown, parsed.GetValue(LogTime)));
        return ExitCodes.Success;
    }

    /// <summary>A name with its unit in square brackets, as columns are headed.</summary>
    public static string Label(string name, string unit) => unit.Length == 0 ? name : $"{name} [{unit}]";

    private static string Axis(OdeProblem problem)
    {
        var name = problem.Variable == "t" ? "time" : problem.Variable;
        return problem.TimeUnit.Length == 0 ? name : $"{name} / {problem.TimeUnit}";
    }

    private static double[] Times(double start, double end, int points, bool log)
    {
        // Eight decades up to the end where the start is zero: what came before is over in a fast transient.
        double low = start > 0 ? start : 1e-8 * end, ratio = end / low;
        double At(int i) => log
            ? i == 0 ? start : low * Math.Pow(ratio, (double)i / (points - 1))
            : start + ((end - start) * i / (points - 1));
        return [.. Enumerable.Range(0, points).Select(i => i == points - 1 ? end : At(i))];
    }

    /// <summary>The states asked for; otherwise what leaves the units of a plant, or the first.</summary>
    public static int[] Shown(OdeProblem problem, string[] names, int most = 24)
    {
        var wanted = names.SelectMany(n => n.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToArray();
        var all = problem.States.Select(s => s.Name).ToArray();
        if (wanted.Length > 0) return [.. wanted.Select(name => Assignments.Index(problem.Name, "state", name, all))];
        // Of tubes, what leaves them; their profiles are drawn beside.
        if (problem is UnitProblem plant && all.Length > 12) return [.. plant.Outlets];
        return [.. Enumerable.Range(0, Math.Min(all.Length, most))];
    }

    private static void Print(OdeProblem problem, double[] parameters, Trajectory trajectory, int[] shown)
    {
        Console.Out.WriteLine($"{problem.Title} ({problem.Source})");
        // As many columns as fit beside the time.
        var (columns, room) = (new List<int>(), Spectre.Console.AnsiConsole.Profile.Width - 16);
        foreach (var i in shown)
        {
            room -= Math.Max(Label(problem.States[i].Name, problem.States[i].Unit).Length, 12) + 3;
            if (columns.Count > 0 && room < 0) break;
            columns.Add(i);
        }
        Outputs.Print(
            [Label(problem.Variable, problem.TimeUnit), .. columns.Select(i => Label(problem.States[i].Name, problem.States[i].Unit))],
            [.. Enumerable.Range(0, trajectory.Times.Length).Select(row => (double[])[trajectory.Times[row],
                .. columns.Select(i => trajectory[row, i])])]);
        if (columns.Count < shown.Length)
            Console.Out.WriteLine($"{columns.Count} of {shown.Length} are shown; --show {problem.States[shown[columns.Count]].Name},... chooses others, --csv FILE writes all");
        if (problem is UnitProblem plant)
        {
            for (var u = 0; u < plant.Places.Length; u++)
            {
                if (plant.PressureDrop(u, trajectory.Times[^1], parameters) is { } drop)
                    Console.Out.WriteLine($"{plant.Spec.Units[u].Name}: its liquid loses {Outputs.Number(1e-5 * drop)} bar with the flow at the end");
            }
        }
        var statistics = trajectory.Statistics;
        Console.Out.WriteLine(FormattableString.Invariant(
            $"{trajectory.Method}: {statistics.Accepted} steps, {statistics.Rejected} rejected, {statistics.RhsEvaluations} evaluations"));
    }

    private static object Json(OdeProblem problem, OdeRequest request, Trajectory trajectory) => new
    {
        problem.Name,
        problem.TimeUnit,
        Parameters = problem.Parameters.Select((p, k) => new { p.Name, p.Unit, Value = request.Parameters![k] }),
        Method = trajectory.Method.ToString(),
        trajectory.Statistics,
        trajectory.Times,
        States = problem.States.Select((s, i) => new
        {
            s.Name,
            s.Unit,
            Values = Enumerable.Range(0, trajectory.Times.Length).Select(row => trajectory[row, i]),
        }),
    };

    /// <summary>A panel for each unit among the states shown, at most eight lines in each.</summary>
    private static IReadOnlyList<Plot> Plots(OdeProblem problem, Trajectory trajectory, int[] shown, bool log)
    {
        var panels = new List<Plot>();
        foreach (var group in shown.GroupBy(i => problem.States[i].Unit))
        {
            foreach (var part in group.Chunk(8))
            {
                var names = string.Join(", ", part.Select(i => problem.States[i].Name));
                if (names.Length > 40) names = "states";
                var plot = new LinePlot(
                    panels.Count == 0 ? problem.Title : "", Axis(problem),
                    group.Key.Length == 0 ? names : $"{names} / {group.Key}")
                { LogX = log };
                foreach (var i in part)
                    plot.Line(problem.States[i].Name, trajectory.Times,
                        [.. Enumerable.Range(0, trajectory.Times.Length).Select(row => trajectory[row, i])]);
                panels.Add(plot.Plot);
            }
        }
        if (problem is UnitProblem plant) panels.AddRange(Profiles(plant, trajectory));
        return panels;
    }

    /// <summary>Along each tube at the end: a panel for concentrations, one for the temperature.</summary>
    private static IEnumerable<Plot> Profiles(UnitProblem plant, Trajectory trajectory)
    {
        for (var u = 0; u < plant.Places.Length; u++)
        {
            if (plant.Spec.Units[u] is not TubeSpec tube) continue;
            var (first, width, cells) = plant.Places[u];
            var z = Enumerable.Range(0, cells).Select(k => tube.Length * (k + 0.5) / cells).ToArray();
            double[] Along(int i) => [.. Enumerable.Range(0, cells).Select(k => trajectory.End[first + (k * width) + i])];
            var species = plant.Spec.Species;
            var profile = new LinePlot($"Along {tube.Name} at the end", "length / m",
                $"{string.Join(", ", species.Select(s => s.Name))} / {species[0].Unit}");
            for (var i = 0; i < species.Length; i++) profile.Line(species[i].Name, z, Along(i));
            yield return profile.Plot;
            if (plant.Spec.Gas is not null)
            {
                // P = Σ c R T.
                var kelvin = tube.Isothermal ? [.. z.Select(_ => tube.Temperature.At(trajectory.Times[^1]))] : Along(species.Length);
                var total = new double[cells];
                for (var i = 0; i < species.Length; i++) total = [.. total.Zip(Along(i), (a, b) => a + b)];
                yield return new LinePlot("", "length / m", "P / bar").Line("P", z, [.. total.Zip(kelvin, (c, t) => 1e-5 * IdealGas.Pressure(c, t))], colour: 4).Plot;
            }
            if (tube.Isothermal) continue;
            var warmth = new LinePlot("", "length / m", "T / K").Line("T", z, Along(species.Length), colour: 1);
            if (width > species.Length + 1) warmth.Line("coolant", z, Along(species.Length + 1), colour: 0);
            yield return warmth.Plot;
        }
    }
}
