using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli.Simulation;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins history UNIT</c>: rows and estimates, as a table, CSV or pictures. The last ones come from the twin; all of them, with
/// <c>--all</c>, from the journal.</summary>
internal static class HistoryCommand
{
    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Option<long> After = new("--after") { Description = "Only what comes after this row.", HelpName = "ROW" };

    private static readonly Option<bool> All = new("--all") { Description = "Everything that the journal keeps, not only what the twin has at hand." };

    private static readonly Option<string?> Csv = new("--csv") { Description = "Write all numbers to a CSV file.", HelpName = "FILE" };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw into an SVG file.", HelpName = "FILE.svg" };

    public static Command Create() => UnitArguments.Command(
        "history", "Shows measurements and estimates of the past.", ["twins history R-101", "twins history R-101 --all --csv history.csv --plot history.svg"], Run, Unit,
        After, All, Csv, Plot);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(Plot) is { } name) PlotFile.CheckName(name);
        var id = parsed.GetRequiredValue(Unit);
        Cli.CheckNames(parsed, id);
        var history = parsed.GetValue(All) ? await UnitJournal.History(parsed, id, cancellation) : await Live(parsed, id, cancellation);
        var rows = history.Rows.Where(r => r.Row > parsed.GetValue(After)).ToArray();
        string[] signals = [.. rows.SelectMany(static r => r.Values.Keys).Distinct().Order(StringComparer.Ordinal)];
        var estimates = history.Shape.Estimates;
        string[] heads = ["row", "time", .. signals, .. estimates.Select(static e => $"{e.Name} [{e.Unit}]"), .. estimates.Select(static e => $"sd {e.Name}")];
        if (parsed.GetValue(Csv) is { } csv)
        {
            Outputs.WriteCsv(csv, heads, rows.Select(r => (IEnumerable<string>)[
                UnitArguments.Number(r.Row), r.Time.UtcDateTime.ToString("o"), .. signals.Select(s => r.Values.TryGetValue(s, out var v) ? Outputs.Exact(v) : ""),
                .. r.Estimates.Select(Outputs.Exact), .. r.Sds.Select(Outputs.Exact)]));
        }
        if (parsed.GetValue(Plot) is { } plot) PlotFile.Write(plot, Plots(history.Shape, rows));
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { history.Shape, rows });
        else
        {
            if (rows.Length == 0) Console.Out.WriteLine($"{id} has no rows yet; 'athanor twins feed {id} --csv FILE' gives it some.");
            else Print(history.Shape, rows);
        }
        return ExitCodes.Success;
    }

    private static async Task<UnitHistory> Live(ParseResult parsed, string id, CancellationToken cancellation)
    {
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        return await UnitArguments.Query<UnitHistory>(
            cluster.Client, Cli.Address(parsed, cluster, "twins", id), new UnitHistoryQuery(parsed.GetValue(After)), cancellation);
    }

    private static void Print(UnitShape shape, HistoryRow[] rows)
    {
        HistoryRow[] shown = [.. rows.Where(static r => r.Estimates.Length > 0)];
        var start = rows[0].Time;
        Outputs.Print(
            ["row", "time / s", .. shape.Estimates.Select(static e => $"{e.Name} [{e.Unit}]")],
            [.. shown.Select(r => (double[])[r.Row, (r.Time - start).TotalSeconds, .. r.Estimates])]);
        Console.Out.WriteLine($"Rows {rows[0].Row} to {rows[^1].Row}, {UnitArguments.Time(start)} to {UnitArguments.Time(rows[^1].Time)} UTC; --csv FILE writes all.");
    }

    private static IReadOnlyList<Plot> Plots(UnitShape shape, HistoryRow[] rows)
    {
        HistoryRow[] estimated = [.. rows.Where(static r => r.Estimates.Length > 0)];
        if (estimated.Length == 0) return [];
        var start = rows[0].Time;
        double[] x = [.. estimated.Select(r => (r.Time - start).TotalMinutes)];
        return [.. shape.Estimates.Select((e, i) =>
        {
            var plot = new LinePlot(e.Name, "time / min", $"{e.Name}{(e.Unit.Length > 0 ? $" / {e.Unit}" : "")}");
            double[] y = [.. estimated.Select(r => r.Estimates[i])], sd = [.. estimated.Select(r => r.Sds[i])];
            plot.Band("95 %", x, [.. y.Zip(sd, static (m, s) => m - (1.96 * s))], [.. y.Zip(sd, static (m, s) => m + (1.96 * s))], 0);
            HistoryRow[] measured = [.. rows.Where(r => r.Values.ContainsKey(e.Name))];
            // More dots than pixels show nothing more.
            var stride = 1 + (measured.Length / 1500);
            measured = [.. measured.Where((_, k) => k % stride == 0)];
            if (measured.Length > 0) plot.Points("measured", [.. measured.Select(r => (r.Time - start).TotalMinutes)], [.. measured.Select(r => r.Values[e.Name])], 1);
            plot.Line("estimate", x, y, colour: 0);
            return plot.Plot;
        })];
    }
}
