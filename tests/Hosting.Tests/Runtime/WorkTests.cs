using System.Diagnostics;
using System.Globalization;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using static Hosting.Tests.Runtime.TestCluster;

namespace Hosting.Tests.Runtime;

/// <summary>Work from an entity's effect to its command back, on real slots.</summary>
public sealed class WorkTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Work_is_done_once_for_many_entities_with_seeds_and_blobs()
    {
        await using var cluster = await Start(_directory.Path);
        var input = await cluster.Client.PutBlob(new byte[] { 1, 2 });
        await cluster.Work("blob", "copy", new Act("copy", input), null, input);
        for (var i = 0; i < 12; i++) await cluster.Work($"e{i}", "w", new Act("echo"));
        // A name dispatched a second time has no effect.
        await cluster.Work("e0", "w", new Act("refuse"));
        Assert.Equal([2, 1], await cluster.Client.GetBlob(await cluster.Ended("blob", "copy")));
        var seeds = new HashSet<string>();
        for (var i = 0; i < 12; i++) Assert.True(seeds.Add(await cluster.Ended($"e{i}", "w")));
        Assert.All(await cluster.Cluster.Store.ListWork(null, default), w => Assert.Equal(WorkStatus.Completed, w.Status));
    }

    [Fact]
    public async Task Work_whose_slot_died_is_done_again()
    {
        await using var cluster = await Start(_directory.Path);
        await cluster.Work("a", "w", new Act("crash-once", _directory.File("died")));
        Assert.Equal("lived", await cluster.Ended("a", "w"));
    }

    [Fact]
    public async Task Three_deaths_in_a_row_park_an_item_and_others_go_on()
    {
        await using var cluster = await Start(_directory.Path, slots: 1);
        await cluster.Work("a", "bad", new Act("crash"));
        await cluster.Work("a", "good", new Act("echo"));
        Assert.StartsWith("parked: parked after 3 deaths in a row", await cluster.Ended("a", "bad"));
        Assert.StartsWith("seed", await cluster.Ended("a", "good"));
        var row = (await cluster.Cluster.Store.ListWork(WorkStatus.Parked, default)).Single();
        Assert.Equal(("default/counters/a/bad", 3), (row.Work.Id, row.Deaths));
    }

    [Fact]
    public async Task An_item_that_dies_often_but_gets_further_each_time_is_not_parked()
    {
        await using var cluster = await Start(_directory.Path, slots: 1);
        await cluster.Work("a", "w", new Act("steps", _directory.File("steps"), 5));
        Assert.Equal("done after 5", await cluster.Ended("a", "w"));
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"from {i}"), await File.ReadAllLinesAsync(_directory.File("steps")));
        var row = (await cluster.Cluster.Store.ListWork(null, default)).Single();
        Assert.Equal((6, 1, 5L), (row.Attempt, row.Deaths, row.Checkpoint!.Step));
    }

    [Fact]
    public async Task A_refusal_and_a_missed_deadline_fail_at_once()
    {
        await using var cluster = await Start(_directory.Path);
        await cluster.Work("a", "refused", new Act("refuse"));
        await cluster.Work("a", "late", new Act("wait"), TimeSpan.FromSeconds(0.5));
        Assert.StartsWith("failed: the spec asks", await cluster.Ended("a", "refused"));
        Assert.StartsWith("failed: the deadline of 00:00:00.5", await cluster.Ended("a", "late"));
    }

    [Fact]
    public async Task Cancelled_work_stops_its_slot()
    {
        await using var cluster = await Start(_directory.Path, slots: 1);
        await cluster.Work("a", "long", new Act("wait"));
        await Running(cluster, "default/counters/a/long", "waiting");
        await cluster.Ask("a", new CancelIt("long"));
        // The only slot is free again.
        await cluster.Work("a", "next", new Act("echo"));
        Assert.StartsWith("seed", await cluster.Ended("a", "next"));
        Assert.Equal("cancelled", (await cluster.Look("a")).Ended["long"]);
    }

    [Fact]
    public async Task A_drain_gives_running_work_back_without_a_death()
    {
        var cluster = await Start(_directory.Path);
        await cluster.Work("a", "long", new Act("wait", _directory.File("pids")));
        await Running(cluster, "default/counters/a/long", "waiting");
        await cluster.DisposeAsync();
        await using var again = await Start(_directory.Path, EmbeddedRole.AppendOnly);
        var row = (await again.Cluster.Store.ListWork(null, default)).Single();
        Assert.Equal((WorkStatus.Pending, 0), (row.Status, row.Deaths));
        var pid = int.Parse(File.ReadAllLines(_directory.File("pids"))[0], CultureInfo.InvariantCulture);
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(pid));
    }

    [Fact]
    public async Task A_hung_slot_is_killed_and_its_item_parked()
    {
        await using var cluster = await Start(_directory.Path, change: o => o with { Slots = o.Slots with { SilenceLimit = TimeSpan.FromSeconds(2) } });
        await cluster.Work("a", "hang", new Act("stop"));
        Assert.Contains("no heartbeat", await cluster.Ended("a", "hang"));
    }

    /// <summary>By the limit of memory alone: one that eats may be late with its heartbeat too.</summary>
    [Fact]
    public async Task A_greedy_slot_is_killed_and_its_item_parked()
    {
        await using var cluster = await Start(_directory.Path, change: o => o with
        {
            Slots = o.Slots with { Pools = o.Slots.Pools.SetItem("cpu", new PoolOptions { Count = 2, MemoryLimitBytes = 300 << 20 }) },
        });
        await cluster.Work("a", "greed", new Act("eat"));
        var reason = await cluster.Ended("a", "greed");
        // The slot's own runtime has the same limit on its heap, and may meet it before the node looks.
        Assert.True(reason.Contains("limit 300 MiB", StringComparison.Ordinal) || reason.Contains("OutOfMemoryException", StringComparison.Ordinal), reason);
        Assert.Contains("3 deaths", reason, StringComparison.Ordinal);
    }

    private static async Task Running(TestCluster cluster, string id, string note)
    {
        using var patience = new CancellationTokenSource(Long);
        while (!(await cluster.Cluster.Progress.Running(patience.Token)).Any(p => p.WorkId == id && p.Note == note))
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
    }
}
