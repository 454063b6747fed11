using System.Text.Json;
using Athanor.Hosting.Services;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>Node processes on a real database.</summary>
public sealed class ClusterNodesTests(ITestOutputHelper output)
{
    private const int SigKill = 9;
    private const int SigStop = 19;
    private const int SigCont = 18;

    private static EntityAddress Model(int i) => EntityAddress.Of("models", $"m{i}");

    [Fact]
    public async Task Three_nodes_serve_one_is_killed_and_its_shards_are_owned_within_two_seconds_one_drains_and_nothing_is_lost()
    {
        await using var cluster = await ClusterNodes.Start(("a", "shards"), ("b", "shards"), ("c", "shards,gateway"));
        await cluster.Until(owners => owners.Distinct().Count() == 3 && !owners.Contains(null));
        var keys = Enumerable.Range(0, 24).Select(_ => Guid.CreateVersion7()).ToArray();
        for (var i = 0; i < 24; i++) Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(i), new RegisterModel("kinetics", $"{i}"), keys[i]));

        // A command finds the cluster.
        var listed = await cluster.Command("models", "list", "--json");
        Assert.True(listed.ExitCode == 0, listed.Error);
        Assert.Equal(24, JsonDocument.Parse(listed.Output).RootElement.GetArrayLength());
        var status = await cluster.Command("cluster", "status", "--json");
        Assert.True(status.ExitCode == 0, status.Error);
        var nodes = JsonDocument.Parse(status.Output).RootElement.GetProperty("nodes").EnumerateArray().ToArray();
        Assert.Equal(["a", "b", "c"], nodes.Select(n => n.GetProperty("node").GetString()));
        Assert.All(nodes, n => Assert.True(n.GetProperty("alive").GetBoolean()));
        Assert.Equal(8, nodes.Sum(n => n.GetProperty("shards").GetInt32()));

        cluster.Signal("b", SigKill);
        var taken = await cluster.Until(owners => owners.All(o => o is "a" or "c"));
        output.WriteLine($"taken over after SIGKILL in {taken.TotalMilliseconds:0} ms");
        Assert.True(taken < TimeSpan.FromSeconds(2), $"the shards of a killed node were owned after {taken}");
        for (var i = 0; i < 24; i++)
        {
            // The same command under the same key: answered, not carried out again.
            Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(i), new RegisterModel("kinetics", $"{i}"), keys[i]));
            var seen = Assert.IsType<Description>(await cluster.Member.Client.Query(Model(i), new Describe(), consistent: true));
            Assert.Equal(1, seen.EventNumber);
        }

        var asking = Task.Run(async () =>
        {
            for (var i = 24; i < 200; i++) Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(i), new RegisterModel("kinetics", $"{i}")));
        });
        var drained = await cluster.Command("cluster", "drain", "a");
        Assert.True(drained.ExitCode == 0, drained.Error);
        Assert.Equal(0, await cluster.ExitCode("a"));
        await cluster.Until(owners => owners.All(o => o == "c"));
        await asking.WaitAsync(NodeProcess.Long);

        await cluster.Add("b", "shards");
        var share = await cluster.Until(owners => owners.Count(o => o == "b") >= 3 && owners.All(o => o is "b" or "c"));
        output.WriteLine($"an added node has its share after {share.TotalSeconds:0.0} s");
    }

    [Fact]
    public async Task A_stopped_node_that_wakes_after_its_lease_writes_nothing_answers_nothing_stale_and_rejoins_under_new_epochs()
    {
        await using var cluster = await ClusterNodes.Start(("a", "shards"), ("b", "shards"));
        await cluster.Until(owners => owners.Distinct().Count() == 2 && !owners.Contains(null));
        for (var i = 0; i < 8; i++) Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(i), new RegisterModel("kinetics", "")));
        var before = await cluster.Shards();
        cluster.Signal("a", SigStop);
        var taken = await cluster.Until(owners => owners.All(o => o == "b"));
        output.WriteLine($"taken over from a hung owner in {taken.TotalSeconds:0.0} s with a lease of 3 s");
        Assert.True(taken < TimeSpan.FromSeconds(4.5), $"a hung owner's shards were owned after {taken}");
        for (var i = 0; i < 8; i++)
            Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(i), new RegisterModel("kinetics", "again")));
        cluster.Signal("a", SigCont);
        await cluster.Until(owners => owners.Contains("a"));
        var after = await cluster.Shards();
        Assert.All(
            before.Zip(after).Where(p => p.First.Owner == "a"), p => Assert.True(p.Second.Epoch.CompareTo(p.First.Epoch) > 0));
        for (var i = 0; i < 8; i++)
            Assert.IsType<Description>(await cluster.Member.Client.Query(Model(i), new Describe(), consistent: true));
    }

    [Fact]
    public async Task After_a_database_restart_the_cluster_comes_back_by_itself()
    {
        await using var server = await PostgresService.Start(new PostgresServiceOptions());
        await server.CreateDatabase("restart");
        await using var cluster = await ClusterNodes.Start(server.ConnectionString("restart"), ("a", "shards"), ("b", "shards"));
        await cluster.Until(owners => !owners.Contains(null));
        Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(1), new RegisterModel("kinetics", "")));
        await server.Stop(immediate: true);
        await server.StartAgain();
        var time = TimeProvider.System;
        var begun = time.GetTimestamp();
        Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(2), new RegisterModel("kinetics", "")));
        output.WriteLine($"a command is answered {time.GetElapsedTime(begun).TotalSeconds:0.0} s after the database is back");
        Assert.Equal(1, Assert.IsType<Description>(await cluster.Member.Client.Query(Model(1), new Describe(), consistent: true)).EventNumber);
    }

    [Fact]
    public async Task A_second_live_node_of_a_name_is_refused_and_so_is_another_number_of_shards()
    {
        await using var cluster = await ClusterNodes.Start(("a", "shards"));
        var elsewhere = Path.Combine(Path.GetDirectoryName(cluster.Config)!, "elsewhere");
        var second = await cluster.Command("node", "--name", "a", "--roles", "shards", "--state", elsewhere);
        Assert.Equal(3, second.ExitCode);
        Assert.Contains("a", second.Error);
        Assert.DoesNotContain("   at ", second.Error);

        var other = cluster.Config + ".other";
        await File.WriteAllTextAsync(other, await File.ReadAllTextAsync(cluster.Config) + "\nathanor.shards.count = 9\n");
        var (exit, _, error) = await NodeProcess.Run("node", "--name", "z", "--config", other);
        Assert.Equal(3, exit);
        Assert.Contains("set athanor.shards.count to 8", error);
    }
}
