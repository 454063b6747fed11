using System.CommandLine;
using System.Globalization;
using Athanor.Actors.Training;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli.Simulation;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;
using Athanor.Protocol;
using Athanor.Protocol.Training;
using Spectre.Console;
using Table = Spectre.Console.Table;

namespace Athanor.Nodes.Cli.Training;

/// <summary><c>training list|show|watch|compare|resume|cancel</c>.</summary>
internal static class TrainingCommands
{
    private static readonly Argument<string> Id = new("run") { Description = "The run's id, as 'list' shows it.", HelpName = "RUN" };

    private static readonly Argument<string[]> Ids = new("runs")
    {
        Description = "Two runs or more.",
        HelpName = "RUN",
        Arity = new ArgumentArity(2, 100),
    };

    private static readonly Option<string> Reason = new("--reason")
    {
        Description = "For the journal.",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private static readonly Option<string?> Csv = new("--csv")
    {
        Description = "Write what was measured to a CSV file.",
        HelpName = "FILE"
    };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw the loss into an SVG file.", HelpName = "FILE.svg" };

    public static Command Create()
    {
        var command = Cli.Command(
            "training", "Lists, shows, compares, resumes and cancels training runs.", "training list", "training show RUN --plot loss.svg",
            "training compare RUN OTHER");
        Add("list", "Lists the runs with phase, step and loss.", ["training list", "training list --json"], List);
        Add("show", "Shows a run: its loss curve, figures, rollbacks and where it stands.",
            ["training show RUN", "training show RUN --json"], Show, Id, Csv, Plot);
        Add("watch", "Follows a run until it is over; with no node running, this command does its work.", ["training watch RUN"], Watch,
            Id);
        Add("compare", "Shows runs side by side: what differs in their specs, and their figures.", ["training compare RUN OTHER"], Compare,
            Ids, Plot);
        Add("resume", "Lets a parked run go on from its last checkpoint.", ["training resume RUN --reason 'more memory'"], Resume, Id,
            Reason);
        Add("cancel", "Ends a run; its checkpoints stay.", ["training cancel RUN"], Cancel, Id, Reason);
        return command;

        void Add(string name, string says, string[] examples, Func<ParseResult, CancellationToken, Task<int>> action, params Symbol[] more)
        {
            var sub = Cli.Command(name, says, examples);
            foreach (var symbol in more)
            {
                if (symbol is Argument argument) sub.Arguments.Add(argument);
                else sub.Options.Add((Option)symbol);
            }
            sub.Options.Add(Cli.Tenant);
            RemoteOptions.AddTo(sub);
            sub.SetAction(action);
            command.Subcommands.Add(sub);
        }
    }

    private static async Task<int> List(ParseResult parsed, CancellationToken cancellation)
    {
        Cli.CheckNames(parsed, null);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var tenant = cluster.TenantOf(parsed.GetValue(Cli.Tenant));
        var rows = await cluster.Client.List(tenant, "training", cancellation);
        var readings = new List<RunReading?>();
        foreach (var row in rows) readings.Add(await RunReading.Of(cluster.Client, row.Address, cancellation));
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(rows.Zip(readings, static (row, reading) => new
            {
                address = row.Address.ToString(),
                row.EventNumber,
                row.Status,
                phase = reading?.Phase,
                step = reading?.Step,
                steps = reading?.Steps,
                metrics = reading?.Metrics,
            }));
            return ExitCodes.Success;
        }
        if (rows.Count == 0)
        {
            var place = cluster.Api is null ? parsed.GetValue(Cli.State) : $"the tenant {tenant}";
            Console.Out.WriteLine($"There are no training runs yet in {place}.");
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var head in new[] { "Run", "Model", "Phase", "Step", "Loss", "Validation" }) table.AddColumn(head);
        foreach (var (row, reading) in rows.Zip(readings))
        {
            if (reading is null) table.AddRow(Markup.Escape(row.Address.Id), "", row.Status, "", "", "");
            else
            {
                var part = reading.PartName(reading.Part) is { Length: > 0 } of ? $"{of}, " : "";
                table.AddRow(
                    Markup.Escape(row.Address.Id), Markup.Escape(reading.Model), Phase(reading),
                    $"{part}{reading.Step} of {reading.Steps}", Last(reading.Train),
                    reading.Metrics.TryGetValue("loss", out var best) ? Number(best) : Last(reading.Validation));
            }
        }
        AnsiConsole.Write(table);
        return ExitCodes.Success;
    }

    private static async Task<int> Show(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(Plot) is { } name) PlotFile.CheckName(name);
        var id = parsed.GetRequiredValue(Id);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var reading = await Read(parsed, cluster, id, cancellation);
        if (parsed.GetValue(Csv) is { } csv) WriteCsv(csv, reading);
        if (parsed.GetValue(Plot) is { } file) PlotFile.Write(file, Plots([reading]));
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(reading.Json());
        else Print(reading);
        return ExitCodes.Success;
    }

    private static async Task<int> Watch(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        return await RunCommand.Follow(cluster, Cli.Address(parsed, cluster, "training", id), parsed.GetValue(Cli.Json), cancellation);
    }

    private static async Task<int> Compare(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(Plot) is { } name) PlotFile.CheckName(name);
        var ids = parsed.GetRequiredValue(Ids);
        foreach (var id in ids) Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var readings = new List<RunReading>();
        foreach (var id in ids) readings.Add(await Read(parsed, cluster, id, cancellation));
        if (parsed.GetValue(Plot) is { } file) PlotFile.Write(file, Plots(readings));
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(readings.Select(static reading => reading.Json()));
            return ExitCodes.Success;
        }
        AnsiConsole.Write(RunComparison.Of(readings));
        return ExitCodes.Success;
    }

    private static Task<int> Resume(ParseResult parsed, CancellationToken cancellation) => Send(
        parsed, new ResumeTraining(parsed.GetRequiredValue(Reason)),
        static run => $"{run} goes on while a node runs; 'athanor training watch {run.Id}' follows it, and does the work if none does.",
        cancellation);

    private static Task<int> Cancel(ParseResult parsed, CancellationToken cancellation) => Send(
        parsed, new CancelTraining(parsed.GetRequiredValue(Reason)), static run => $"{run} is cancelled; its checkpoints stay.",
            cancellation);

    private static async Task<int> Send(ParseResult parsed, ICommand command, Func<EntityAddress, string> says,
        CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var run = Cli.Address(parsed, cluster, "training", id);
        if (await cluster.Client.Ask(run, command, cancellation: cancellation) is Rejected rejected)
            throw new UserException($"{run}: {rejected.Reason}", ExitCodes.Failure);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { run = run.ToString() });
        else Console.Out.WriteLine(says(run));
        return ExitCodes.Success;
    }

    private static async Task<RunReading> Read(ParseResult parsed, Local.ClusterConnection cluster, string id,
        CancellationToken cancellation)
    {
        var run = Cli.Address(parsed, cluster, "training", id);
        return await RunReading.Of(cluster.Client, run, cancellation)
            ?? throw new UserException($"there is no {run}; 'athanor training list' shows those that are", ExitCodes.Failure);
    }

    private static void Print(RunReading reading)
    {
        foreach (var line in LossCurve.Draw(reading.Train, reading.Validation, reading.Steps, 78, 12)) Console.Out.WriteLine(line);
        var table = new Table().Border(TableBorder.Rounded).AddColumn("").AddColumn("");
        table.HideHeaders();
        Row("run", $"{reading.Address}, {reading.Model}");
        Row("phase", Phase(reading) + (reading.Reason.Length > 0 ? $": {reading.Reason}" : ""));
        Row("step", $"{reading.Step} of {reading.Steps}" + (reading.PartName(reading.Part) is { Length: > 0 } of ? $", {of}" : ""));
        if (reading.Phase == TrainingPhase.Finished) Row("end", RunCommand.Ending(reading));
        // Means and deviations stand with the folds.
        foreach (var (name, value) in reading.Metrics.Where(m => reading.View?.Folds is null || !m.Key.StartsWith("cv-", StringComparison.Ordinal)))
            Row(name, Number(value));
        foreach (var (k, fold) in (reading.View?.Folds?.Folds ?? []).Index())
            Row($"fold {k + 1} of {reading.Parts - 1}", string.Join(", ", fold.Figures.Select(static f => $"{f.Key} {Number(f.Value)}")));
        foreach (var (name, (mean, deviation)) in TrainingDecider.SpreadOf(reading.View?.Folds))
            Row($"{name} over the folds", $"{Number(mean)} ± {Number(deviation)}");
        if (reading.Checkpoint.Length > 0) Row("checkpoint", reading.Checkpoint);
        if (reading.Weights.Length > 0) Row("weights", reading.Weights);
        if (reading.View?.Spec.Registers is { Length: > 0 } model) Row("registers", $"models/{model}");
        foreach (var r in reading.View?.Rollbacks ?? [])
        {
            Row("rolled back", string.Create(
                CultureInfo.InvariantCulture, $"{r.Cause} at step {r.Step}, back to step {r.ToStep}, rate times {r.RateFactor:G4}"));
        }
        AnsiConsole.Write(table);

        void Row(string name, string value) => table.AddRow(new Text(name), new Text(value));
    }

    /// <summary>Step, loss, rate, gradient's norm and each validation figure.</summary>
    private static void WriteCsv(string path, RunReading reading)
    {
        if (reading.View is not { } view)
        {
            Outputs.WriteCsv(path, ["step", "loss"],
                reading.Train.Select(static p => new[] { Outputs.Exact(p.Step), Outputs.Exact(p.Loss) }));
            return;
        }
        string[] names = [.. view.Points.SelectMany(static p => p.Validation.Keys).Distinct().Order(StringComparer.Ordinal)];
        Outputs.WriteCsv(path, ["step", "loss", "rate", "gradient-norm", .. names.Select(static n => $"validation-{n}")],
            view.Points.Select(p =>
            new[] { p.Step, p.Loss, p.Rate, p.GradientNorm }.Select(Outputs.Exact)
                .Concat(names.Select(n => p.Validation.TryGetValue(n, out var value) ? Outputs.Exact(value) : ""))));
    }

    private static IReadOnlyList<Plot> Plots(IReadOnlyList<RunReading> readings)
    {
        var plot = new LinePlot(string.Join(", ", readings.Select(static r => r.Address.Id)), "step", "loss") { LogY = true };
        foreach (var reading in readings)
        {
            var name = readings.Count > 1 ? $"{reading.Address.Id} " : "";
            Add($"{name}training", reading.Train, dashed: false);
            Add($"{name}validation", reading.Validation, dashed: true);
        }
        return [plot.Plot];

        void Add(string name, IReadOnlyList<(long Step, double Loss)> points, bool dashed)
        {
            var drawn = points.Where(static p => p.Loss > 0.0).ToArray();
            if (drawn.Length > 0) plot.Line(name, [.. drawn.Select(static p => (double)p.Step)], [.. drawn.Select(static p => p.Loss)],
                dashed);
        }
    }

    private static string Phase(RunReading reading) => reading.Phase.ToString().ToLowerInvariant();

    private static string Last(IReadOnlyList<(long Step, double Loss)> points) => points.Count > 0 ? Number(points[^1].Loss) : "";

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
