using System.Globalization;
using System.IO.Compression;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;

namespace Athanor.Bench.Protocol;

/// <summary>Prints the tables of the measured records.</summary>
internal static class Measured
{
    private const ulong Seed = 1;

    public static void Tanks(Options options) =>
        Run(MeasuredCase.Tanks, Read(options.Text("file") ?? "data/sysid/cascaded_tanks_estimation.csv"), true);

    public static void Exchanger(Options options) =>
        Run(MeasuredCase.Exchanger, Read(options.Text("file") ?? "../shared/data/sysid/daisy_heat_exchanger_first3000.csv.gz"), false);

    private static void Run(MeasuredCase measured, ProcessRecord record, bool folds)
    {
        var (protocol, candidates) = (new MeasuredProtocol(record), measured.Candidates);
        var (training, test, unit) = (measured.Training, measured.Test, measured.Unit);
        var most = candidates.Max(c => c.Steps);
        var bar = new ProgressBar((candidates.Sum(c => c.Steps) * MeasuredCase.Folds) + (most * (folds ? 6 : 1)));
        Console.WriteLine($"| model | free run over each quarter of rows 1-{training} by the others, {unit} | mean |\n|---|---|---|");
        var chosen = candidates.Select(candidate =>
        {
            bar.Begin(candidate.Name);
            var errors = protocol.Folds(candidate, training, MeasuredCase.Folds, Seed, (_, loss) => bar.Step(loss));
            bar.End();
            var quarters = string.Join(", ", errors.Select(e => e.ToString("0.000")));
            Console.WriteLine($"| {candidate.Name} | {quarters} | {errors.Average():0.000} |");
            return (candidate, Error: errors.Average());
        }).MinBy(pair => pair.Error).candidate;
        bar.Begin(chosen.Name);
        var (best, weights) = protocol.Fit(chosen, [(0, training)], Seed, (_, loss) => bar.Step(loss));
        var result = protocol.Score(best, weights, training, test);
        bar.End();
        Console.WriteLine(
            $"\nChosen by the means: {chosen.Name}. Fitted on rows 1-{training}: "
            + $"free run {protocol.Score(best, weights, 0, training).Rmse:0.000} {unit}.");
        Console.WriteLine(
            $"**Free run, rows {training + 1}-{training + test}: {result.Rmse:0.000} {unit}**, held to {measured.Held:0.00}: "
            + (result.Rmse <= measured.Held ? "passed" : "FELL SHORT"));
        Console.WriteLine("Learned: " + string.Join(", ", result.Constants.Select(c => $"{c.Key} {c.Value:G4}")));
        if (!folds) return;
        bar.Begin("folds");
        var all = protocol.Folds(chosen, training + test, 5, Seed, (_, loss) => bar.Step(loss));
        bar.End();
        Console.WriteLine($"Five contiguous folds of all rows: {string.Join(", ", all.Select(r => r.ToString("0.000")))} {unit}");
    }

    private static ProcessRecord Read(string file)
    {
        if (!File.Exists(file)) throw new ArgumentException($"there is no file {Path.GetFullPath(file)}");
        using var raw = File.OpenRead(file);
        var packed = file.EndsWith(".gz", StringComparison.Ordinal);
        using var text = new StreamReader(packed ? new GZipStream(raw, CompressionMode.Decompress) : raw);
        var rows = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        return new ProcessRecord([.. rows.Select(r => r[0])], [.. rows.Select(r => r[1])], [.. rows.Select(r => r[2])]);
    }
}
