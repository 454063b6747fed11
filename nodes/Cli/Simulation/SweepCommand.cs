using System.CommandLine;
using System.Diagnostics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>What a sweep keeps of a trajectory.</summary>
internal enum SweepValue
{
    /// <summary>The states at the end.</summary>
    Final,

    /// <summary>The largest value of every state.</summary>
    Peak,

    /// <summary>The least value of every state.</summary>
    Least,
}

/// <summary><c>sweep</c>: many trajectories over one or two ranges, in lanes and threads.</summary>
internal static class SweepCommand
{
    private static readonly Argument<string> What = new("what") { Description = ProblemSource.Help, HelpName = "NAME|FILE" };

    private static readonly Option<string[]> Vary = new("--vary")
    {
        Description = "A parameter (or a state at the start) and its range; once for lines, twice for a heat map.",
        HelpName = "P=FROM:TO:N",
        AllowMultipleArgumentsPerToken = true,
        Required = true,
    };

    private static readonly Option<SweepValue> Show = new("--show")
    {
        Description = "What is kept of a trajectory.",
        DefaultValueFactory = _ => SweepValue.Final
    };

    private static readonly Option<string[]> States = new("--states")
    {
        Description = "States to print and draw, with commas.",
        HelpName = "STATES",
        AllowMultipleArgumentsPerToken = true
    };

    private static readonly Option<string[]> Set = new("--set")
    {
        Description = "A parameter's value in all trajectories.",
        HelpName = "P=V",
        AllowMultipleArgumentsPerToken = true
    };

    private static readonly Option<string[]> Initial = new("--initial")
    {
        Description = "A state's value at the start of all.",
        HelpName = "S=V",
        AllowMultipleArgumentsPerToken = true
    };

    private static readonly Option<double?> Until = new("--until")
    {
        Description = "The end, in the problem's unit of time.",
        HelpName = "T"
    };

    private static readonly Option<int> Threads = new("--threads") { Description = "Threads; 0 for one a processor. The numbers are the same for any.", HelpName = "N" };

    private static readonly Option<double> Tolerance = new("--rtol")
    {
        Description = "Relative tolerance.",
        HelpName = "R",
        DefaultValueFactory = _ => 1e-6
    };

    private static readonly Option<OdeMethod> Method = new("--method")
    {
        Description = "The solver. With a stiff one peaks are looked for at even times; Tsit5 finds them between its steps.",
        DefaultValueFactory = _ => OdeMethod.Auto,
    };

    private static readonly Outputs Outputs = new();

    public static Command Create()
    {
        var command = Cli.Command(
            "sweep", "Simulates a problem over ranges of its parameters, eight trajectories at a time on every core.",
            "sweep van-de-vusse --vary D=0.1:5:200 --until 60 --plot gain.svg",
            "sweep exothermic-cstr --vary Tc=295:312:120 --vary q=80:120:120 --initial Ca=0.88 --initial T=324 --show peak --plot map.svg");
        command.Arguments.Add(What);
        Option[] options = [Vary, Show, States, Set, Initial, Until, Threads, Tolerance, Method];
        foreach (var option in options) command.Options.Add(option);
        Outputs.AddTo(command);
        command.SetAction(Sweep);
        return command;
    }

    private static async Task<int> Sweep(ParseResult parsed, CancellationToken cancellation)
    {
        var problem = ProblemSource.Load(parsed.GetRequiredValue(What));
        Outputs.Check(parsed);
        var ranges = (parsed.GetValue(Vary) ?? []).Select(text => Assignments.Vary(problem, text)).ToArray();
        if (ranges.Length is 0 or > 2) throw new UserException($"--vary is given {ranges.Length} times; once or twice is possible");
        if (ranges.Length == 2 && ranges[0].Name == ranges[1].Name) throw new UserException($"--vary: {ranges[0].Name} is varied twice");
        var count = ranges.Aggregate(1L, (n, range) => n * range.Count);
        if (count > Assignments.MostConditions) throw new UserException($"--vary: {count:N0} conditions; at most {Assignments.MostConditions:N0} are run");
        var end = parsed.GetValue(Until) ?? problem.End;
        if (!(end > problem.Start) || !double.IsFinite(end))
            throw new UserException(FormattableString.Invariant($"--until {end:R}: {problem.Name} starts at {problem.Start:R} {problem.TimeUnit}; the end must lie after it"));
        if (parsed.GetValue(Threads) is < 0 and var threads) throw new UserException($"--threads {threads}: 0 for one a processor, or how many");
        var kept = parsed.GetValue(Show);
        var run = new LongRun($"sweep {problem.Name}", "conditions", count, TimeProvider.System);
        var batch = Batch(problem, parsed, ranges, (int)count) with
        {
            Times = [end],
            Extremes = kept != SweepValue.Final,
            Threads = parsed.GetValue(Threads),
            Options = problem.DefaultOptions with { RelativeTolerance = parsed.GetValue(Tolerance) },
            Method = parsed.GetValue(Method),
            CollectFailures = true,
            Progress = run,
        };
        var started = Stopwatch.GetTimestamp();
        BatchResult result;
        try
        {
            result = await run.Run(() => problem.SolveMany(batch, cancellation), cancellation);
        }
        catch (Exception e) when (e is OdeException or ArgumentException)
        {
            throw new UserException($"sweep {problem.Name}: {e.Message}");
        }
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var sweep = new SweepTable(problem, ranges, kept, result, SimulateCommand.Shown(problem, parsed.GetValue(States) ?? [], 6));
        if (!Outputs.Quiet(parsed))
        {
            sweep.Print();
            Console.Out.WriteLine(FormattableString.Invariant(
                $"{count:N0} conditions in {seconds:F2} s ({count / seconds:N0} /s), {result.Statistics.Accepted:N0} steps"));
            if (result.Failures.Count > 0)
                Console.Out.WriteLine($"{result.Failures.Count:N0} could not go on and are left out; the first: {result.Failures[0].Error.Message}");
        }
        Outputs.Write(parsed, sweep.Columns, sweep.Rows, sweep.Json, sweep.Plots);
        return result.Failures.Count == count ? ExitCodes.Failure : ExitCodes.Success;
    }

    private static OdeBatch Batch(OdeProblem problem, ParseResult parsed, Variation[] ranges, int count)
    {
        var parameters = Assignments.Parameters(problem, parsed.GetValue(Set) ?? []);
        var initial = Assignments.Initial(problem, parsed.GetValue(Initial) ?? []);
        var (p, y) = (new double[(long)count * parameters.Length], new double[(long)count * initial.Length]);
        for (var i = 0; i < count; i++)
        {
            parameters.CopyTo(p, (long)i * parameters.Length);
            initial.CopyTo(y, (long)i * initial.Length);
            var rest = i;
            foreach (var range in ranges)
            {
                var value = range.At(rest % range.Count);
                rest /= range.Count;
                if (range.Parameter >= 0) p[((long)i * parameters.Length) + range.Parameter] = value;
                else y[((long)i * initial.Length) + range.State] = value;
            }
        }
        return new OdeBatch { Count = count, Parameters = p, Initial = y };
    }
}
