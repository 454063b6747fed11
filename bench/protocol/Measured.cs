using System.Globalization;
using System.IO.Compression;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;

namespace Athanor.Bench.Protocol;

/// <summary>Prints the tables of the measured records.</summary>
internal static class Measured
{
    private const ulong Seed = 1;

    public static void Tanks(Options options)
    {
        var record = Read(options.Text("file") ?? "data/sysid/cascaded_tanks_estimation.csv");
        Run(
            CascadedTanks.Of(record), CascadedTanks.Candidates, CascadedTanks.SelectRows, CascadedTanks.TrainingRows, CascadedTanks.TestRows, "V",
            0.45, true);
    }

    public static void Exchanger(Options options)
    {
        var record = Read(options.Text("file") ?? "../shared/data/sysid/daisy_heat_exchanger_first3000.csv.gz");
        Run(
            HeatExchanger.Of(record), HeatExchanger.Candidates, HeatExchanger.SelectRows, HeatExchanger.TrainingRows, HeatExchanger.TestRows,
            "degC", 0.50, false);
    }

    private static void Run(
        MeasuredProtocol protocol, IReadOnlyList<Candidate> candidates, int select, int training, int test, string unit, double held, bool folds)
    {
        var most = candidates.Max(c => c.Steps + c.Polish);
        var bar = new ProgressBar(candidates.Sum(c => c.Steps + c.Polish) + (most * (folds ? 6 : 1)));
        Console.WriteLine(
            $"| model | free run, rows 1-{select}, {unit} | free run, rows {select + 1}-{training}, {unit} |\n|---|---|---|");
        var chosen = candidates.Select(candidate =>
        {
            bar.Begin(candidate.Name);
            var (model, p) = protocol.Fit(candidate, [(0, select)], Seed, (_, loss) => bar.Step(loss));
            var validation = protocol.Score(model, p, select, training - select).Rmse;
            bar.End();
            Console.WriteLine($"| {candidate.Name} | {protocol.Score(model, p, 0, select).Rmse:0.000} | {validation:0.000} |");
            return (candidate, validation);
        }).MinBy(pair => pair.validation).candidate;
        bar.Begin(chosen.Name);
        var (best, weights) = protocol.Fit(chosen, [(0, training)], Seed, (_, loss) => bar.Step(loss));
        var result = protocol.Score(best, weights, training, test);
        bar.End();
        Console.WriteLine(
            $"\nChosen by rows {select + 1}-{training}: {chosen.Name}. Fitted on rows 1-{training}: free run {protocol.Score(best, weights, 0, training).Rmse:0.000} {unit}.");
        Console.WriteLine(
            $"**Free run, rows {training + 1}-{training + test}: {result.Rmse:0.000} {unit}**, held to {held:0.00}: {(result.Rmse <= held ? "passed" : "FELL SHORT")}");
        Console.WriteLine("Learned: " + string.Join(", ", result.Constants.Select(c => $"{c.Key} {c.Value:G4}")));
        if (!folds) return;
        bar.Begin("folds");
        var all = protocol.Folds(chosen, Seed, (_, loss) => bar.Step(loss));
        bar.End();
        Console.WriteLine($"Five contiguous folds: {string.Join(", ", all.Select(r => r.ToString("0.000")))} {unit}");
    }

    private static ProcessRecord Read(string file)
    {
        if (!File.Exists(file)) throw new ArgumentException($"there is no file {Path.GetFullPath(file)}");
        using var raw = File.OpenRead(file);
        using var text = new StreamReader(file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress) : raw);
        var rows = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        return new ProcessRecord([.. rows.Select(r => r[0])], [.. rows.Select(r => r[1])], [.. rows.Select(r => r[2])]);
    }
}
