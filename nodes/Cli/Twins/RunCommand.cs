using System.CommandLine;
using System.Globalization;
using Athanor.Compute.Ode;
using Athanor.Compute.Plants.Simulation;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Specifications;
using Athanor.Nodes.Cli.Simulation;
using Athanor.Nodes.Local;
using Athanor.Nodes.Plots;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;
using Table = Spectre.Console.Table;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins run FILE --against plant</c>: a new twin in closed loop with a simulated plant that is not quite what it believes.</summary>
internal static class RunCommand
{
    private static readonly Argument<string> FileName = UnitArguments.File();

    private static readonly Option<string> Against = new("--against")
    {
        Description = "What it runs against: plant, the simulated one of the file's section twin.plant.",
        HelpName = "plant",
        DefaultValueFactory = static _ => "plant",
    };

    private static readonly Option<string?> Id = new("--unit") { Description = "The twin's id (default: the file's, with a number).", HelpName = "UNIT" };

    private static readonly Option<string?> Csv = new("--csv") { Description = "Write all numbers to a CSV file.", HelpName = "FILE" };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw into an SVG file.", HelpName = "FILE.svg" };

    private static readonly Option<ulong?> Seed = new("--seed") { Description = "Another seed of noise than the file's.", HelpName = "N" };

    public static Command Create() => UnitArguments.Command(
        "run", "Runs a new twin in closed loop against a simulated plant with noise, errors and faults, faster than real time.",
        ["twins run examples/exothermic-cstr.hocon --against plant --plot cstr.svg", "twins run examples/klatt-engell.hocon --against plant --seed 7 --json"], Run, FileName,
        Against, Id, Csv, Plot, Seed);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(Plot) is { } name) PlotFile.CheckName(name);
        if (parsed.GetValue(Against) is not "plant") throw new UserException($"--against {parsed.GetValue(Against)}: plant would be right");
        var path = parsed.GetRequiredValue(FileName);
        var file = UnitArguments.ReadAlone(path)
            ?? throw new UserException($"{path}: twin.model.registered: a learned model has no equations to simulate a plant with; 'twins create' and 'twins feed' run it");
        if (file.Simulation is not { } simulation)
            throw new UserException($"{file.Path}: twin.plant is missing; a section such as plant {{ duration = \"2 h\" }} says what to run against");
        var scenario = simulation.Scenario with { Seed = parsed.GetValue(Seed) ?? simulation.Scenario.Seed };
        if (parsed.GetValue(Id) is { } given) Cli.CheckNames(parsed, given);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        var id = parsed.GetValue(Id) ?? await Free(parsed, cluster, file.Unit, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        await UnitArguments.Ask(cluster.Client, twin, new CreateUnit(file.Spec with { Unit = id }), cancellation);
        var loop = new PlantLoop(cluster.Client, twin, file, new SimulatedPlant(scenario));
        var json = parsed.GetValue(Cli.Json);
        LoopRecord record;
        try
        {
            record = await Follow(loop, simulation, id, json || Console.IsErrorRedirected, cancellation);
        }
        catch (OdeException error)
        {
            throw new UserException($"the simulated plant of {file.Path}: {error.Message}", ExitCodes.Failure);
        }
        if (parsed.GetValue(Csv) is { } csv) Write(csv, record);
        if (parsed.GetValue(Plot) is { } plot) PlotFile.Write(plot, LoopPictures.Draw(record));
        if (json)
        {
            Cli.PrintJson(new
            {
                twin = twin.ToString(),
                figures = record.Figures(),
                alarms = record.Raised.Select(static r => new { r.TimeS, r.Tag, r.Priority }),
                end = record.Points[^1].View,
            });
        }
        else Print(twin, record);
        return ExitCodes.Success;
    }

    private static async Task<LoopRecord> Follow(PlantLoop loop, TwinPlant simulation, string id, bool quiet, CancellationToken cancellation)
    {
        if (quiet) return await loop.Run(static _ => { }, cancellation);
        LoopRecord? record = null;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Progress().Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async bars =>
            {
                var bar = bars.AddTask(Markup.Escape(id), maxValue: simulation.DurationS);
                record = await loop.Run(
                    point =>
                    {
                        bar.Value = point.TimeS;
                        bar.Description = Markup.Escape(string.Join("  ", point.View.Estimates.Take(4).Select(static e => $"{e.Name} {UnitArguments.Number(e.Value)} {e.Unit}")));
                    },
                    cancellation);
            });
        return record!;
    }

    /// <summary>A twin is run once: the next run is of another one.</summary>
    private static async Task<string> Free(ParseResult parsed, ClusterConnection cluster, string unit, CancellationToken cancellation)
    {
        var taken = (await cluster.Client.List(cluster.TenantOf(parsed.GetValue(Cli.Tenant)), "twins", cancellation)).Select(static e => e.Address.Id).ToHashSet(StringComparer.Ordinal);
        for (var k = 1; ; k++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"{unit}-run-{k}");
            if (!taken.Contains(id)) return id;
        }
    }

    private static void Print(EntityAddress twin, LoopRecord record)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("").AddColumn(new TableColumn("").RightAligned()).HideHeaders();
        foreach (var (name, value) in record.Figures()) table.AddRow(new Text(name), new Text(value.ToString("G4", CultureInfo.InvariantCulture)));
        AnsiConsole.Write(table);
        var unit = record.File.Simulation!.TimeUnit;
        var seconds = Compute.Units.Unit.Parse(unit).Factor;
        var events = record.File.Simulation.Scenario.Faults.Select(f => (f.FromS, $"{f.Kind} {f.Target} begins"))
            .Concat(record.Raised.Select(static r => (r.TimeS, $"alarm {r.Tag} ({r.Priority.ToString().ToLowerInvariant()})"))).OrderBy(static e => e.Item1);
        foreach (var (at, what) in events) Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {at / seconds,10:F2} {unit}  {what}"));
        Console.Out.WriteLine($"{record.Points.Count} samples of {twin}; 'athanor twins watch {twin.Id}', 'history', 'alarms' and 'rewind' show it.");
    }

    private static void Write(string path, LoopRecord record)
    {
        var file = record.File;
        string[] moved = [.. file.Inputs.Where(static i => i.Moved).Select(static i => i.Name)];
        string[] estimates = [.. record.Points[^1].View.Estimates.Select(static e => e.Name)];
        string[] heads =
        [
            "time [s]", .. file.Problem.States.Select(static s => $"plant {s.Name} [{s.Unit}]"), .. estimates.Select(static e => $"twin {e}"), .. estimates.Select(static e => $"sd {e}"),
            .. moved.Select(static m => $"move {m}"), .. moved.Select(static m => $"actuator {m}"), "status",
        ];
        Outputs.WriteCsv(path, heads, record.Points.Select(p => (IEnumerable<string>)[
            .. new[] { p.TimeS }.Concat(p.Truth).Select(Outputs.Exact),
            .. estimates.Select((_, i) => p.View.Estimates.Length > i ? Outputs.Exact(p.View.Estimates[i].Value) : ""),
            .. estimates.Select((_, i) => p.View.Estimates.Length > i ? Outputs.Exact(p.View.Estimates[i].Sd) : ""),
            .. p.Commands.Concat(p.Applied).Select(Outputs.Exact), p.View.Controller.Status]));
    }
}
