using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Hosting.Services;
using Athanor.Hosting.Stores;
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
    public async Task Three_nodes_serve_one_is_killed_and_its_shards_are_owned_long_before_its_lease_ends_one_drains_and_nothing_is_lost()
    {
        // With a lease this long, half of it is enough to tell the free session lock from the ended lease, however busy the machine is.
        // How fast it is with 1,000 active entities is measured by bench/actors.
        var lease = TimeSpan.FromSeconds(20);
        await using var cluster = await ClusterNodes.Start(
            await SharedPostgres.NewDatabase(), lease, ("a", "shards"), ("b", "shards"), ("c", "shards,gateway"));
        await cluster.Until(owners => owners.Distinct().Count() == 3 && !owners.Contains(null) && cluster.Age > lease);
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
        output.WriteLine($"taken over after SIGKILL in {taken.TotalMilliseconds:0} ms with a lease of {lease.TotalSeconds} s");
        Assert.True(taken < lease / 2, $"the shards of a killed node were owned after {taken}");
        for (var i = 0; i < 24; i++)
        {
            // The same command under the same key: answered, not carried out again.
            Assert.IsNotType<Rejected>(await cluster.Member.Client.Ask(Model(i), new RegisterModel("kinetics", $"{i}"), keys[i]));
            var seen = Assert.IsType<Description>(await cluster.Member.Client.Query(Model(i), new Describe(), consistent: true));
            Assert.Equal(1, seen.EventNumber);
        }

        // Asks without a pause from before the drain until after it.
        var (asked, left) = (0, false);
        var asking = Task.Run(async () =>
        {
            while (!Volatile.Read(ref left))
            {
                var reply = await cluster.Member.Client.Ask(Model(24 + asked), new RegisterModel("kinetics", $"{asked}"));
                Assert.True(reply is not Rejected, $"{reply}");
                asked++;
            }
        });
        var drained = await cluster.Command("cluster", "drain", "a");
        Assert.True(drained.ExitCode == 0, drained.Error);
        Assert.Equal(0, await cluster.ExitCode("a"));
        await cluster.Until(owners => owners.All(o => o == "c"));
        Volatile.Write(ref left, true);
        await asking.WaitAsync(NodeProcess.Long);
        output.WriteLine($"{asked} commands were answered while a node drained");
        Assert.True(asked > 0);

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
        int[] its = [.. Enumerable.Range(0, 8).Where(i => before[ShardOf.Address(Model(i), 8)].Owner == "a")];
        Assert.NotEmpty(its);
        await using var direct = await DirectLink.To(cluster, "a");
        foreach (var i in its) Assert.Equal(1, (await direct.Describe(Model(i)))!.EventNumber);

        cluster.Signal("a", SigStop);
        var taken = await cluster.Until(owners => owners.All(o => o == "b"));
        output.WriteLine($"taken over from a hung owner in {taken.TotalSeconds:0.0} s with a lease of 3 s");
        // Not one and a half leases, which bench/actors measures: how busy the machine is must not decide here.
        Assert.True(taken < TimeSpan.FromSeconds(15), $"a hung owner's shards were owned after {taken}");
        for (var i = 0; i < 8; i++)
        {
            var reply = await cluster.Member.Client.Ask(Model(i), Version("while a was stopped"));
            Assert.True(reply is VersionRecorded { Version: 1 }, $"{reply}");
        }

        // These lie with the stopped node when it wakes: it believes for a moment that it still owns what they ask for.
        var late = its.Select(i => direct.Ask(Model(i), Version("late"))).ToArray();
        var seen = its.Select(i => direct.Describe(Model(i))).ToArray();
        cluster.Signal("a", SigCont);
        var recorded = await Task.WhenAll(late).WaitAsync(NodeProcess.Long);
        foreach (var description in await Task.WhenAll(seen).WaitAsync(NodeProcess.Long))
            Assert.True(description is null or { EventNumber: >= 2 }, $"a stale answer: {description}");
        output.WriteLine(
            $"of {late.Length} late commands the woken node did {recorded.Count(r => r is not null)}; refusals: {string.Join("; ", direct.Refusals)}");
        // They did arrive there.
        Assert.True(recorded.Any(r => r is not null) || direct.Refusals.Any(r => !r.StartsWith("no answer", StringComparison.Ordinal)));
        Assert.All(recorded, reply => Assert.True(reply is null or VersionRecorded { Version: 2 }, $"{reply}"));

        await cluster.Until(owners => owners.Contains("a"));
        var after = await cluster.Shards();
        Assert.All(before.Zip(after).Where(p => p.First.Owner == "a"), p => Assert.True(p.Second.Epoch.CompareTo(p.First.Epoch) > 0));
        for (var i = 0; i < 8; i++)
        {
            var view = Assert.IsType<ModelView>(await cluster.Member.Client.Query(Model(i), new ModelQuery(), consistent: true));
            var acknowledged = Array.IndexOf(its, i) is var at and >= 0 && recorded[at] is not null;
            var sources = view.Versions.Select(v => v.Source).ToArray();
            // What was not answered may have been done once the node owned the shard anew, and then once.
            Assert.True(
                sources is ["while a was stopped"] && !acknowledged || sources is ["while a was stopped", "late"], string.Join(", ", sources));
        }
    }

    private static AddVersion Version(string source) =>
        new(source, 0, new string('0', 64), new string('1', 64), ImmutableSortedDictionary<string, double>.Empty);

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
