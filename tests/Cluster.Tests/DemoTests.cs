using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>The demo as a user runs it: the built program, its own processes, fresh state directories.</summary>
public sealed class DemoTests(ITestOutputHelper output) : IDisposable
{
    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("athanor-demo-");

    public void Dispose() => _work.Delete(recursive: true);

    [Fact]
    public async Task Two_unbroken_runs_and_ten_killed_at_random_moments_give_one_result_hash()
    {
        var (exit, text, errors) = await Athanor("demo", "--prove", "--small", "--json", "--seed", "20261121", "--state", Path.Combine(_work.FullName, "demo"));
        output.WriteLine(text);
        Assert.True(exit == 0, $"exit code {exit}: {errors}");
        using var json = JsonDocument.Parse(text);
        var runs = json.RootElement.GetProperty("runs").EnumerateArray().ToArray();
        Assert.Equal(12, runs.Length);
        Assert.True(runs.Skip(2).Sum(r => r.GetProperty("killedAtSeconds").GetArrayLength()) >= 10, "fewer than ten kills fell within a run");
        Assert.Single(runs.Select(r => r.GetProperty("resultHash").GetString()).Distinct());
    }

    [Fact]
    public async Task A_finished_demo_says_so_replays_and_leaves_a_report_that_needs_nothing_else()
    {
        var state = Path.Combine(_work.FullName, "demo");
        var (exit, text, errors) = await Athanor("demo", "--small", "--json", "--state", state);
        Assert.True(exit is 0 or 1, $"exit code {exit}: {errors}");
        var hash = JsonDocument.Parse(text).RootElement.GetProperty("resultHash").GetString();

        var (_, again, _) = await Athanor("demo", "--small", "--state", state);
        Assert.Contains("had finished", again);
        Assert.Contains("--new", again);
        Assert.Contains(hash!, again);

        var (replayExit, replayed, replayErrors) = await Athanor("replay", "--json", "--state", state);
        Assert.True(replayExit == 0, $"exit code {replayExit}: {replayed}{replayErrors}");
        var rows = JsonDocument.Parse(replayed).RootElement.EnumerateArray().ToArray();
        foreach (var family in new[] { "twins", "training", "ensembles", "evolution", "peers", "models" })
            Assert.Contains(rows, r => r.GetProperty("address").GetString()!.StartsWith($"default/{family}/", StringComparison.Ordinal));
        Assert.All(rows, r => Assert.True(r.GetProperty("same").GetBoolean()));

        var report = await File.ReadAllTextAsync(Path.Combine(state, "report.html"));
        Assert.DoesNotContain("http://", report);
        Assert.DoesNotContain("https://", report);
        Assert.Contains("<svg", report);

        var (otherExit, _, refusal) = await Athanor("demo", "--state", state);
        Assert.Equal(2, otherExit);
        Assert.Contains("small demo", refusal);
    }

    private static async Task<(int Exit, string Output, string Errors)> Athanor(params string[] arguments)
    {
        var start = new ProcessStartInfo(Program.Path) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await text, await errors);
    }
}
