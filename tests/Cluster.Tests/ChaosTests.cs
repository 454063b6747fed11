using System.Text.Json;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>Chaos as a user runs it: three node processes over a database of their own, a fixed mix of faults. The nodes' logs and the journal
/// are kept in the folder that a failure names.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task Under_a_mix_of_faults_nothing_is_lost_and_nothing_is_doubled()
    {
        const string Faults = "kill-node,stop-node,kill-slot,database-immediate,fail-over,cut-database,drain-node";
        var (exit, text, errors) = await NodeProcess.Run(Patience, "chaos", "--minutes", "1.2", "--seed", "20261121", "--faults", Faults, "--json");
        output.WriteLine(text);
        Assert.True(exit == 0, $"exit code {exit}: {text}{errors}");
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        Assert.Equal(0, root.GetProperty("lost").GetInt64());
        Assert.Equal(0, root.GetProperty("doubled").GetInt64());
        Assert.True(root.GetProperty("acknowledged").GetInt64() > 100);
        Assert.Contains(root.GetProperty("faults").EnumerateArray(), fault => fault.GetProperty("injected").GetInt32() > 0);
    }

    [Fact]
    public async Task A_fault_that_is_not_known_is_refused_with_those_that_are()
    {
        var (exit, _, errors) = await NodeProcess.Run("chaos", "--faults", "kill-nodes");
        Assert.Equal(2, exit);
        Assert.Contains("kill-node", errors);
        Assert.Contains("fail-over", errors);
    }
}
