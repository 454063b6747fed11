using System.CommandLine;
using Athanor.Compute.Faults;
using Athanor.Hosting.Specifications;
using Athanor.Nodes.Plots;
using Spectre.Console;
using static System.FormattableString;

namespace Athanor.Nodes.Cli;

/// <summary><c>monitor</c>: trains a monitor of normal operation and says what it finds in other runs.</summary>
internal static class MonitorCommand
{
    // So many alarms in a row count as found: single ones come at the false-alarm rate.
    private const int InARow = 3;

    private static readonly Argument<string> What = new("file")
    {
        Description = "A HOCON file with an object 'monitor': which data are normal, and which method.",
        HelpName = "FILE.hocon"
    };

    private static readonly Argument<string[]> Runs = new("runs")
    {
        Description = "Data files to look through, one run each.",
        HelpName = "DATA...",
        Arity = ArgumentArity.ZeroOrMore
    };

    private static readonly Option<string?> Plot = new("--plot")
    {
        Description = "Draw both statistics over their limits into an SVG file.",
        HelpName = "FILE.svg"
    };

    private static readonly Option<string?> Save = new("--save")
    {
        Description = "Write the trained detector as JSON.",
        HelpName = "FILE.json"
    };

    public static Command Create()
    {
        var command = Cli.Command(
            "monitor", "Trains a monitor of normal operation (PCA, dynamic PCA, CVA) and finds and names faults in other runs.",
            "monitor examples/tep-monitor.hocon data/tep/d04_te.dat.gz data/tep/d05_te.dat.gz --plot tep.svg",
            "monitor examples/tep-monitor.hocon --save tep-detector.json");
        command.Arguments.Add(What);
        command.Arguments.Add(Runs);
        command.Options.Add(Plot);
        command.Options.Add(Save);
        command.SetAction(Run);
        return command;
    }

    private sealed record Found(string Name, DetectorOutput[] Steps, int? First, double Share);

    private static int Run(ParseResult parsed)
    {
        var runs = parsed.GetValue(Runs) ?? [];
        if (parsed.GetValue(Plot) is { } named) PlotFile.CheckName(named);
        if (runs.FirstOrDefault(r => !File.Exists(r)) is { } missing) throw new UserException($"monitor: there is no file {missing}");
        var file = MonitorFile.Load(parsed.GetRequiredValue(What));
        var detector = Detector.Create(file.Settings);
        if (parsed.GetValue(Save) is { } save) File.WriteAllText(save, file.Settings.ToJson());
        Found[] found;
        try
        {
            found = [.. runs.Select(run => Look(detector, Path.GetFileName(run), file.Read(run)))];
        }
        catch (InvalidDataException error)
        {
            throw new UserException($"monitor: {error.Message}");
        }
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(found.Select(f =>
            new { f.Name, f.First, f.Share, At = f.First is { } at ? f.Steps[at] : null }));
        else Print(file, detector, found);
        if (parsed.GetValue(Plot) is { } plot) PlotFile.Write(plot, [.. found.Select(f => Draw(detector, f))]);
        return ExitCodes.Success;
    }

    private static Found Look(Detector detector, string name, double[][] rows)
    {
        var memory = detector.Start();
        var steps = rows.Select(row => detector.Step(ref memory, [], [], row)).ToArray();
        var first = Enumerable.Range(0, Math.Max(0, steps.Length - InARow + 1)).Cast<int?>()
            .FirstOrDefault(t => steps[t!.Value..(t.Value + InARow)].All(s => s.Alarm));
        return new Found(name, steps, first, steps.Length == 0 ? 0.0 : steps.Count(s => s.Alarm) / (double)steps.Length);
    }

    private static void Print(MonitorFile file, Detector detector, Found[] found)
    {
        var model = file.Settings.Monitors[0].Model;
        Console.Out.WriteLine(Invariant($"{file.Title}: {model.Kind}, {model.Variables.Length} variables, {model.Components} components, window of {model.Window}"));
        Console.Out.WriteLine("Limits for " + Invariant($"{100.0 * file.Rate:G3} % false alarms together: ")
            + string.Join(", ", detector.Scores.Zip(detector.Limits, (name, limit) => Invariant($"{name} {limit:G4}"))));
        Console.Out.WriteLine($"Trained on data with the SHA-256 {model.DataHash}");
        if (found.Length == 0) return;
        var table = new Table { Border = TableBorder.Rounded };
        foreach (var column in new[] { "run", "in alarm", $"first {InARow} in a row at", "which signals then, by how much",
            "like" }) table.AddColumn(column);
        foreach (var f in found)
        {
            // What it is shows better when the fault has had time to spread.
            var later = f.First is { } at ? f.Steps[at..].Take(40).Last(s => s.Alarm) : null;
            table.AddRow(
                new Text(f.Name), new Text(Invariant($"{100.0 * f.Share:F1} %")),
                    new Text(f.First is { } t ? Invariant($"sample {t + 1}") : "never"),
                new Text(f.First is { } then ? string.Join(", ", f.Steps[then].Causes.Take(3).Select(Cause)) : ""),
                new Text(later?.Class is { } name ? Invariant($"{name} ({100.0 * later.Probability:F0} %)")
                    : later is null || file.Settings.Known is null ? "" : "none that is known"));
        }
        AnsiConsole.Write(table);
    }

    private static string Cause(FaultCause cause) =>
        Invariant($"{cause.Name} {cause.Magnitude:+0.###;-0.###} ({100.0 * cause.Share:F0} %)");

    private static Athanor.Nodes.Reports.Plot Draw(Detector detector, Found found)
    {
        double[] samples = [.. Enumerable.Range(1, found.Steps.Length)];
        var plot = new LinePlot(found.Name, "sample", "statistic / limit") { LogY = true };
        for (var s = 0; s < detector.Scores.Length; s++)
            plot.Line(detector.Scores[s], samples, [.. found.Steps.Select(step => Math.Max(1e-2, step.Scores[s] / detector.Limits[s]))]);
        return plot.Line("limit", [1.0, samples.Length], [1.0, 1.0], dashed: true).Plot;
    }
}
