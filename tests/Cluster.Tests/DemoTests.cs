using System.Text.Json;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>The demo as a user runs it: the built program, its own processes, fresh state directories.</summary>
public sealed class DemoTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("athanor-demo-");

    public void Dispose() => _work.Delete(recursive: true);

    [Fact]
    public async Task Two_unbroken_runs_and_ten_killed_at_random_moments_give_one_result_hash()
    {
        var state = Path.Combine(_work.FullName, "demo");
        var (exit, text, errors) = await NodeProcess.Run(Patience, "demo", "--prove", "--small", "--json", "--seed", "20261121", "--state", state);
        output.WriteLine(text);
        Assert.True(exit == 0, $"exit code {exit}: {errors}");
        using var json = JsonDocument.Parse(text);
        var runs = json.RootElement.GetProperty("runs").EnumerateArray().ToArray();
        var killed = runs.Count(r => r.GetProperty("killedAtSeconds").GetArrayLength() > 0);
        Assert.Equal(10, killed);
        Assert.True(runs.Length - killed >= 2, $"only {runs.Length - killed} runs were left unbroken");
        Assert.Single(runs.Select(r => r.GetProperty("resultHash").GetString()).Distinct());
    }

    [Fact]
    public async Task A_finished_demo_says_so_replays_and_leaves_a_report_that_needs_nothing_else()
    {
        var state = Path.Combine(_work.FullName, "demo");
        var (exit, text, errors) = await NodeProcess.Run(Patience, "demo", "--small", "--json", "--state", state);
        Assert.True(exit == 0, $"exit code {exit}: {text}{errors}");
        var hash = JsonDocument.Parse(text).RootElement.GetProperty("resultHash").GetString()!;

        var (_, again, _) = await NodeProcess.Run("demo", "--small", "--state", state);
        Assert.Contains("had finished", again);
        Assert.Contains("--new", again);
        Assert.Contains(hash, again);

        var (replayExit, replayed, replayErrors) = await NodeProcess.Run("replay", "--json", "--state", state);
        Assert.True(replayExit == 0, $"exit code {replayExit}: {replayed}{replayErrors}");
        var rows = JsonDocument.Parse(replayed).RootElement.EnumerateArray().ToArray();
        foreach (var family in new[] { "twins", "training", "ensembles", "evolution", "peers", "models" })
            Assert.Contains(rows, r => r.GetProperty("address").GetString()!.StartsWith($"default/{family}/", StringComparison.Ordinal));
        Assert.All(rows, r => Assert.True(r.GetProperty("same").GetBoolean()));

        var report = await File.ReadAllTextAsync(Path.Combine(state, "report.html"));
        Assert.DoesNotContain("http://", report);
        Assert.DoesNotContain("https://", report);
        Assert.Contains("<svg", report);

        var (otherExit, _, refusal) = await NodeProcess.Run("demo", "--state", state);
        Assert.Equal(2, otherExit);
        Assert.Contains("small demo", refusal);
    }

    [Fact]
    public async Task The_demo_on_three_nodes_one_of_which_is_killed_half_way_gives_the_embedded_demos_result()
    {
        var embedded = await NodeProcess.Run(Patience, "demo", "--small", "--json", "--state", Path.Combine(_work.FullName, "one"));
        Assert.True(embedded.ExitCode == 0, embedded.Error);
        var clustered = await NodeProcess.Run(
            Patience, "demo", "--cluster", "--small", "--json", "--state", Path.Combine(_work.FullName, "many"));
        Assert.True(clustered.ExitCode == 0, $"exit code {clustered.ExitCode}: {clustered.Output}{clustered.Error}");
        Assert.Equal(Hash(embedded.Output), Hash(clustered.Output));
        using var json = JsonDocument.Parse(clustered.Output);
        var section = json.RootElement.GetProperty("sections").EnumerateArray().Single(s => s.GetProperty("title").GetString() == "Three nodes, one killed");
        var figures = section.GetProperty("figures").EnumerateArray().ToDictionary(f => f.GetProperty("name").GetString()!, f => f.GetProperty("value").GetString()!);
        output.WriteLine(string.Join('\n', figures.Select(f => $"{f.Key}: {f.Value}")));
        Assert.StartsWith("node b", figures["Killed"]);
        // Others own them: the killed node is not among those who took over.
        Assert.Matches("^([ac]: [0-9]+(, )?)+$", figures["Its shards taken over by"]);

        static string Hash(string output) => JsonDocument.Parse(output).RootElement.GetProperty("resultHash").GetString()!;
    }

    [Fact]
    public async Task A_demo_that_met_a_full_disk_says_so_and_goes_on_once_there_is_room()
    {
        var state = Path.Combine(_work.FullName, "demo");
        var tight = Path.Combine(_work.FullName, "tight.hocon");
        await File.WriteAllTextAsync(tight, "athanor.store { max-size = 400 KiB, timeout = 2s }\nathanor.entities.ask-timeout = 4s\n");
        var (exit, _, error) = await NodeProcess.Run(Patience, "demo", "--small", "--state", state, "--config", tight);
        Assert.NotEqual(0, exit);
        Assert.Contains("full", error);
        Assert.DoesNotContain("   at Athanor", error);

        var (after, text, errors) = await NodeProcess.Run(Patience, "demo", "--small", "--json", "--state", state);
        Assert.True(after == 0, $"exit code {after}: {text}{errors}");
        var (replayExit, replayed, _) = await NodeProcess.Run("replay", "--state", state);
        Assert.True(replayExit == 0, replayed);
    }
}
