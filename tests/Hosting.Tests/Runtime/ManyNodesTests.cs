using Athanor.Actors;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Runtime;

/// <summary>Several hosted clusters as nodes of one, over one store in memory.</summary>
public sealed class ManyNodesTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManyNodes _nodes;

    public ManyNodesTests() => _nodes = new ManyNodes(_directory.Path, new MemoryStore(8, TimeProvider.System));

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Nodes_share_the_shards_and_every_entity_is_reached_from_every_node()
    {
        var a = await _nodes.Start("a");
        await _nodes.Until(owners => owners.All(o => o == "a"));
        var b = await _nodes.Start("b");
        var c = await _nodes.Start("c", ["gateway"]);
        await _nodes.Until(owners => owners.All(o => o is "a" or "b") && owners.Contains("b"));
        for (var i = 0; i < 20; i++)
        {
            var counter = EntityAddress.Of("counters", $"n{i}");
            Assert.Equal(1, Assert.IsType<Total>(await a.Client.Ask(counter, new Add(1))).Value);
            Assert.Equal(3, Assert.IsType<Total>(await b.Client.Ask(counter, new Add(2))).Value);
            Assert.Equal(6, Assert.IsType<Total>(await c.Client.Ask(counter, new Add(3))).Value);
            foreach (var node in (HostedCluster[])[a, b, c])
                Assert.Equal(6, Assert.IsType<Seen>(await node.Client.Query(counter, new Look(), consistent: true)).Value);
        }
        Assert.True(_nodes.Asked > 0);
        Assert.DoesNotContain("c", await _nodes.Owners());
    }

    [Fact]
    public async Task A_tell_to_another_nodes_entity_is_hinted_and_waits_for_no_poll()
    {
        static Athanor.Hosting.Configuration.AthanorOptions Seldom(Athanor.Hosting.Configuration.AthanorOptions o) =>
            o with { Mailbox = o.Mailbox with { PollEvery = TimeSpan.FromMinutes(5) } };
        var a = await _nodes.Start("a", change: Seldom);
        await _nodes.Start("b", change: Seldom);
        await _nodes.Until(owners => owners.Contains("b") && owners.Contains("a"));
        var (from, to) = (await _nodes.CounterOf("a"), await _nodes.CounterOf("b"));
        Assert.IsType<Total>(await a.Client.Ask(from, new Share(to.Id, 5)));
        await Reaches(a, to, 5);
    }

    [Fact]
    public async Task A_lost_hint_costs_one_poll()
    {
        _nodes.Hints = false;
        var a = await _nodes.Start("a");
        await _nodes.Start("b");
        await _nodes.Until(owners => owners.Contains("b") && owners.Contains("a"));
        var (from, to) = (await _nodes.CounterOf("a"), await _nodes.CounterOf("b"));
        Assert.IsType<Total>(await a.Client.Ask(from, new Share(to.Id, 5)));
        await Reaches(a, to, 5);
    }

    [Fact]
    public async Task A_node_that_lost_its_lock_falls_silent_and_rejoins_under_new_epochs()
    {
        var a = await _nodes.Start("a");
        await _nodes.Until(owners => owners.All(o => o == "a"));
        var before = await _nodes.Store.ReadShards(CancellationToken.None);
        var counter = EntityAddress.Of("counters", "x");
        await a.Client.Ask(counter, new Add(1));

        // Somebody else has the name for a while, as a process started in its place would.
        _nodes.Store.BreakLock("a");
        await using (await _nodes.Store.LockNode("a", CancellationToken.None))
        {
            Assert.False(a.Health.Ready);
            Assert.Contains("lock", a.Health.Reason);
            await _nodes.Until(owners => owners.All(o => o is null));
        }
        Assert.Equal(2, Assert.IsType<Total>(await a.Client.Ask(counter, new Add(1))).Value);
        await _nodes.Until(owners => owners.All(o => o == "a"));
        var after = await _nodes.Store.ReadShards(CancellationToken.None);
        Assert.All(before.Zip(after), pair => Assert.True(pair.Second.Epoch.CompareTo(pair.First.Epoch) > 0));
    }

    [Fact]
    public async Task A_second_node_of_a_name_is_refused()
    {
        await _nodes.Start("a");
        var refused = await Assert.ThrowsAsync<StoreException>(() =>
            _nodes.Start("a", change: o => o with { StateDirectory = Path.Combine(_directory.Path, "other") }));
        Assert.Contains("a node named a is alive", refused.Message);
    }

    [Fact]
    public async Task A_node_drains_while_others_ask_and_no_request_is_refused()
    {
        var a = await _nodes.Start("a");
        var b = await _nodes.Start("b");
        await _nodes.Until(owners => owners.Contains("b") && owners.Contains("a"));
        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            var counter = EntityAddress.Of("counters", $"d{i}");
            var n = 0L;
            while (!stop.IsCancellationRequested)
                Assert.Equal(++n, Assert.IsType<Total>(await b.Client.Ask(counter, new Add(1))).Value);
            return n;
        })).ToArray();

        Assert.True(await _nodes.Store.AskToDrain("a", CancellationToken.None));
        await a.ToldToDrain.WaitAsync(TestCluster.Long);
        await a.DisposeAsync();
        await _nodes.Until(owners => owners.All(o => o == "b"));
        Assert.Equal(["b"], (await _nodes.Store.ReadNodes(CancellationToken.None)).Select(n => n.Node));
        await stop.CancelAsync();
        var counts = await Task.WhenAll(asking);
        for (var i = 0; i < counts.Length; i++)
            Assert.Equal(counts[i], Assert.IsType<Seen>(await b.Client.Query(EntityAddress.Of("counters", $"d{i}"), new Look())).Value);
    }

    [Fact]
    public async Task A_node_whose_clock_is_far_off_is_kept_out_and_one_whose_clock_goes_wrong_falls_silent_until_it_is_right()
    {
        var off = new OffsetTime { Offset = TimeSpan.FromSeconds(-11) };
        var refused = await Assert.ThrowsAsync<StoreException>(() => _nodes.Start("a", time: off));
        Assert.Contains("11.0 s behind the database's", refused.Message);

        off.Offset = TimeSpan.FromSeconds(3);
        var a = await _nodes.Start("a", time: off);
        await _nodes.Until(owners => owners.All(o => o == "a"));
        Assert.InRange((await Row("a")).Skew.TotalSeconds, 2.9, 3.1);
        await _nodes.Start("b");

        off.Offset = TimeSpan.FromSeconds(60);
        await _nodes.Until(owners => owners.All(o => o == "b"));
        Assert.Contains("ahead of the database's", a.Health.Reason);
        off.Offset = TimeSpan.Zero;
        await _nodes.Until(owners => owners.Contains("a"));
        Assert.True(a.Health.Ready);
    }

    [Fact]
    public async Task Work_offered_by_one_node_is_done_by_slots_of_another_and_its_result_comes_back()
    {
        static Athanor.Hosting.Configuration.AthanorOptions Seldom(Athanor.Hosting.Configuration.AthanorOptions o) => o with
        {
            Mailbox = o.Mailbox with { PollEvery = TimeSpan.FromMinutes(5) },
            Slots = o.Slots with { PollEvery = TimeSpan.FromMinutes(5) },
        };
        var a = await _nodes.Start("a", change: Seldom);
        var b = await _nodes.Start("b", ["compute"], Seldom);
        await _nodes.Until(owners => owners.All(o => o == "a"));
        using (var patience = new CancellationTokenSource(TestCluster.Long))
        {
            // Until node a has read that there is a node with slots.
            while ((await _nodes.Store.ReadNodes(patience.Token)).Count < 2)
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
            await Task.Delay(TimeSpan.FromMilliseconds(600), TimeProvider.System, patience.Token);
        }
        var counter = EntityAddress.Of("counters", "w");
        Assert.IsType<Done>(await b.Client.Ask(counter, new DoWork("w", new Act("echo"), TestCluster.Long, [])));
        using var waiting = new CancellationTokenSource(TestCluster.Long);
        while (true)
        {
            var seen = Assert.IsType<Seen>(await b.Client.Query(counter, new Look(), cancellation: waiting.Token));
            if (seen.Ended.TryGetValue("w", out var how))
            {
                Assert.DoesNotContain("failed", how);
                break;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, waiting.Token);
        }
        Assert.Equal(0, a.Health.Slots);
    }

    [Fact]
    public async Task A_parked_message_is_told_again_by_its_owner_from_any_node_once()
    {
        var a = await _nodes.Start("a", change: o => o with { Entities = o.Entities with { Attempts = 1 } });
        var b = await _nodes.Start("b", ["gateway"]);
        await _nodes.Until(owners => owners.All(o => o == "a"));
        var counter = EntityAddress.Of("counters", "p");
        Assert.IsType<Done>(await a.Client.Ask(counter, new Blast()));
        using var patience = new CancellationTokenSource(TestCluster.Long);
        ParkedRow row;
        while ((await _nodes.Store.ReadParked(patience.Token)) is var rows)
        {
            if (rows.Count > 0)
            {
                row = rows[0];
                var unpark = new Unpark(row.Mail.Id.SourceShard, row.Mail.Id.SourceNumber, row.Mail.Id.N);
                Assert.IsType<Done>(await b.Client.Ask(row.Mail.To, unpark));
                Assert.Equal("not-found", Assert.IsType<Rejected>(await b.Client.Ask(row.Mail.To, unpark)).Code);
                break;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        }
        // It throws again and is parked again, as a new message.
        while ((await _nodes.Store.ReadParked(patience.Token)).Count == 0) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        Assert.Equal("invalid", Assert.IsType<Rejected>(await b.Client.Ask(counter, new RepairEntity(false))).Code);
    }

    private async Task<NodeRow> Row(string node)
    {
        using var patience = new CancellationTokenSource(TestCluster.Long);
        while (true)
        {
            var row = (await _nodes.Store.ReadNodes(patience.Token)).Single(n => n.Node == node);
            if (row.Skew != TimeSpan.Zero) return row;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        }
    }

    private static async Task Reaches(HostedCluster from, EntityAddress to, long value)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (Assert.IsType<Seen>(await from.Client.Query(to, new Look(), cancellation: patience.Token)).Value != value)
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
    }

    private sealed class OffsetTime : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Offset;
    }
}
