using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Demo;

/// <summary>One run of the proof.</summary>
/// <param name="KilledAtSeconds">When the process was killed with SIGKILL, each counted from its own start; empty for an unbroken run.</param>
internal sealed record ProofRun(int Number, IReadOnlyList<double> KilledAtSeconds, string ResultHash, double Seconds);

/// <summary>
/// Shows that a demo's result does not depend on how often it was killed: unbroken runs and runs killed with SIGKILL at seeded random
/// moments, each in a fresh state directory and a fresh process, must give one result hash.
/// </summary>
internal sealed class DemoProof(string workDirectory, bool small, int seed, TimeProvider time)
{
    public const int Unbroken = 2;
    public const int Killed = 10;

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(10);

    /// <param name="said">Called after each run.</param>
    public async Task<IReadOnlyList<ProofRun>> Run(int unbroken, int killed, Action<ProofRun> said, CancellationToken cancellation)
    {
        var runs = new List<ProofRun>();
        var chance = new Random(seed);
        // A run that ended before its kill came counts as unbroken, and another one is killed in its place.
        while (runs.Count(IsKilled) < killed)
        {
            var kills = runs.Count < unbroken ? [] : Moments(chance, runs.Min(r => r.Seconds));
            var run = await One(runs.Count + 1, kills, cancellation);
            runs.Add(run);
            said(run);
        }
        return runs;
    }

    private static bool IsKilled(ProofRun run) => run.KilledAtSeconds.Count > 0;

    /// <summary>One or two moments within a run that takes so long unbroken, the second counted from its own start and within what is left.
    /// The last fifth is spared: a run on a quieter machine would end before it was killed, and prove nothing.</summary>
    private static double[] Moments(Random chance, double seconds)
    {
        var first = chance.NextDouble() * 0.8 * seconds;
        return chance.Next(2) == 0 ? [first] : [first, chance.NextDouble() * 0.8 * (seconds - first)];
    }

    private async Task<ProofRun> One(int number, double[] kills, CancellationToken cancellation)
    {
        var state = Path.Combine(workDirectory, $"run-{number}");
        if (Directory.Exists(state)) Directory.Delete(state, recursive: true);
        var began = time.GetTimestamp();
        var fell = new List<double>();
        foreach (var after in kills)
        {
            using var process = Start(state);
            var started = time.GetTimestamp();
            while (!process.HasExited && time.GetElapsedTime(started).TotalSeconds < after) await Task.Delay(Glance, time, cancellation);
            if (process.HasExited) continue;
            // The process alone: that its slots and peers end with it is part of what is shown.
            process.Kill(entireProcessTree: false);
            await Ended(process, cancellation);
            fell.Add(after);
        }
        var hash = await Finish(state, cancellation);
        return new ProofRun(number, fell, hash, time.GetElapsedTime(began).TotalSeconds);
    }

    private async Task<string> Finish(string state, CancellationToken cancellation)
    {
        using var process = Start(state);
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        await Ended(process, cancellation);
        if (process.ExitCode is not (ExitCodes.Success or ExitCodes.Failure))
            throw new UserException($"a run of the proof ended with exit code {process.ExitCode}: {(await errors).Trim()}", ExitCodes.Failure);
        using var json = JsonDocument.Parse(await output);
        return json.RootElement.GetProperty("resultHash").GetString()!;
    }

    /// <summary>Looks again and again. Two waits for the Exited event of one process, the first given up, may lose the second: adding and
    /// removing its handlers is not atomic.</summary>
    private async Task Ended(Process process, CancellationToken cancellation)
    {
        while (!process.HasExited) await Task.Delay(Glance, time, cancellation);
    }

    private Process Start(string state)
    {
        string[] arguments = ["demo", "--json", "--state", state, .. small ? new[] { "--small" } : []];
        return Process.Start(SelfProcess.StartInfo(arguments))!;
    }

    /// <summary>The runs as a Markdown table.</summary>
    public static string Table(IReadOnlyList<ProofRun> runs)
    {
        var lines = new List<string> { "| run | killed at / s | wall time / s | result hash |", "|---|---|---|---|" };
        foreach (var r in runs)
        {
            var kills = r.KilledAtSeconds.Count == 0 ? "—" : string.Join(", ", r.KilledAtSeconds.Select(k => k.ToString("0.0", CultureInfo.InvariantCulture)));
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"| {r.Number} | {kills} | {r.Seconds:0.0} | `{r.ResultHash}` |"));
        }
        return string.Join('\n', lines);
    }
}
