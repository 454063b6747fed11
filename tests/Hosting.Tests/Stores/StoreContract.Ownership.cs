using Athanor.Hosting.Stores;

namespace Hosting.Tests.Stores;

/// <summary>Nodes, claims and leases: judged by the store's clock alone.</summary>
public abstract partial class StoreContract
{
    private static readonly TimeSpan Lease = StoreDriver.Lease;

    [Fact]
    public async Task Of_two_claims_that_saw_the_same_epoch_one_wins()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var seen = (await driver.Row(0)).Epoch;
        var won = await store.Claim(0, "node-a", seen, Lease, None);
        Assert.Null(await store.Claim(0, "node-b", seen, Lease, None));
        Assert.Equal(("node-a", Time.Now + Lease), (won!.Owner, won.LeaseUntil));
        Assert.Equal(seen with { Counter = seen.Counter + 1 }, won.Epoch);
        Assert.Equal(won, await driver.Row(0));
    }

    [Fact]
    public async Task A_held_shard_cannot_be_claimed_before_its_lease_has_ended_by_the_stores_clock()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var held = await driver.Own(0);
        Time.Now += Lease - TimeSpan.FromMilliseconds(1);
        Assert.Null(await store.Claim(0, "node-b", held.Epoch, Lease, None));
        Time.Now += TimeSpan.FromMilliseconds(1);
        var won = await store.Claim(0, "node-b", held.Epoch, Lease, None);
        Assert.Equal(held.Epoch.Counter + 1, won!.Epoch.Counter);
    }

    [Fact]
    public async Task An_owner_whose_lease_ended_may_still_write_until_somebody_else_has_claimed()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Events(A, "late");
        Time.Now += Lease * 2;
        Assert.True(await driver.Commit(part));
        var row = await driver.Row(part.Shard);
        Assert.NotNull(await store.Claim(part.Shard, "node-b", row.Epoch, Lease, None));
        Assert.False(await driver.Commit(part with { ExpectedLast = 1, Events = [], Heads = [] }));
    }

    [Fact]
    public async Task A_claim_keeps_the_shards_numbers()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(A, "one", "two");
        var row = await driver.Row(driver.ShardOf(A));
        await store.Release(row.Shard, "node-a", row.Epoch, None);
        var won = await store.Claim(row.Shard, "node-b", row.Epoch, Lease, None);
        Assert.Equal((1L, 2L), (won!.LastNumber, won.LastEvent));
        Assert.Equal(won, (await store.OpenShard(row.Shard, None)).Row);
    }

    [Fact]
    public async Task Renewal_renews_what_is_still_held_in_that_epoch_and_says_so()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var (first, second) = (await driver.Own(0), await driver.Own(1));
        await store.Release(1, "node-a", second.Epoch, None);
        Time.Now += TimeSpan.FromSeconds(4);
        Assert.Equal([0], await store.RenewShards("node-a", [(0, first.Epoch), (1, second.Epoch)], Lease, None));
        Assert.Empty(await store.RenewShards("node-b", [(0, first.Epoch)], Lease, None));
        Assert.Equal(Time.Now + Lease, (await driver.Row(0)).LeaseUntil);
    }

    [Fact]
    public async Task A_released_shard_is_free_in_the_same_epoch()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var held = await driver.Own(0);
        await store.Release(0, "node-b", held.Epoch, None);
        await store.Release(0, "node-a", held.Epoch with { Counter = held.Epoch.Counter - 1 }, None);
        Assert.Equal("node-a", (await driver.Row(0)).Owner);
        await store.Release(0, "node-a", held.Epoch, None);
        await store.Release(0, "node-a", held.Epoch, None);
        var free = await driver.Row(0);
        Assert.Equal((null, held.Epoch), (free.Owner, free.Epoch));
        Assert.NotNull(await store.Claim(0, "node-b", held.Epoch, Lease, None));
    }

    [Fact]
    public async Task Nodes_are_seen_with_their_lease_until_they_are_removed()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        await store.RenewNode("node-a", "here", ["shards", "compute"], Lease, None);
        await store.RenewNode("node-b", "there", [], Lease, None);
        Time.Now += TimeSpan.FromSeconds(3);
        await store.RenewNode("node-a", "here", ["compute"], Lease, None);
        var nodes = (await store.ReadNodes(None)).OrderBy(node => node.Node).ToList();
        Assert.Equal([("node-a", Time.Now + Lease), ("node-b", Time.Now + Lease - TimeSpan.FromSeconds(3))], nodes.Select(n => (n.Node,
            n.LeaseUntil)));
        Assert.Equal("compute", Assert.Single(nodes[0].Roles));
        Assert.Empty(nodes[1].Roles);
        await store.RemoveNode("node-a", None);
        Assert.Equal(["node-b"], (await store.ReadNodes(None)).Select(node => node.Node));
    }

    [Fact]
    public async Task A_node_finds_in_its_row_that_it_must_drain_until_the_row_is_removed()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        Assert.False(await store.AskToDrain("node-a", None));
        await store.NoteSkew("node-a", TimeSpan.FromSeconds(2), None);
        await store.RenewNode("node-a", "here", ["shards"], Lease, None);
        Assert.Equal((TimeSpan.Zero, false), Row(Assert.Single(await store.ReadNodes(None))));
        await store.NoteSkew("node-a", TimeSpan.FromSeconds(-3), None);
        Assert.True(await store.AskToDrain("node-a", None));
        await store.RenewNode("node-a", "here", [], Lease, None);
        Assert.Equal((TimeSpan.FromSeconds(-3), true), Row(Assert.Single(await store.ReadNodes(None))));
        await store.RemoveNode("node-a", None);
        await store.RenewNode("node-a", "here", ["shards"], Lease, None);
        Assert.Equal((TimeSpan.Zero, false), Row(Assert.Single(await store.ReadNodes(None))));

        static (TimeSpan, bool) Row(NodeRow row) => (row.Skew, row.MustDrain);
    }

    [Fact]
    public async Task A_raised_incarnation_frees_every_shard_and_fences_who_held_it()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var before = await store.ReadCluster(None);
        await driver.Append(A, "before");
        var late = await driver.Events(A, "late");
        var raised = await store.RaiseIncarnation(None);
        Assert.True(raised > before.Incarnation);
        Assert.Equal(before with { Incarnation = raised }, await store.ReadCluster(None));
        Assert.False(await driver.Commit(late));
        var free = await driver.Row(late.Shard);
        Assert.Equal((null, raised, 1L, 1L), (free.Owner, free.Epoch.Incarnation, free.LastNumber, free.LastEvent));
        Assert.True(free.Epoch.CompareTo(late.Epoch) > 0);
        var won = await store.Claim(late.Shard, "node-b", free.Epoch, Lease, None);
        Assert.Equal(new Epoch(raised, free.Epoch.Counter + 1), won!.Epoch);
        Assert.False(await driver.Commit(late));
        // At the same moment, by the store's clock, once more.
        Assert.Equal(raised + 1, await store.RaiseIncarnation(None));
    }

    [Fact]
    public async Task A_backup_that_is_restored_twice_is_in_a_later_incarnation_the_second_time()
    {
        // Two new stores are what one backup is when it is put back twice: neither knows of the other.
        var raised = new List<long>();
        for (var i = 0; i < 2; i++)
        {
            var (store, _) = await Create();
            await using var _1 = store;
            raised.Add(await store.RaiseIncarnation(None));
            Time.Now += TimeSpan.FromMilliseconds(1);
        }
        Assert.True(raised[1] > raised[0], $"{raised[0]}, then {raised[1]}");
    }

    [Fact]
    public async Task The_feature_level_begins_at_nothing_and_is_only_ever_raised()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        Assert.Equal((4, 0), ((await store.ReadCluster(None)).ShardCount, (await store.ReadCluster(None)).FeatureLevel));
        await store.RaiseFeatureLevel(3, None);
        await store.RaiseFeatureLevel(2, None);
        Assert.Equal(3, (await store.ReadCluster(None)).FeatureLevel);
    }

    [Fact]
    public async Task A_nodes_lock_is_not_lost_while_its_session_lives()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        await using var held = await store.LockNode("node-a", None);
        Assert.Equal("node-a", held.Node);
        Assert.False(held.Lost.IsCancellationRequested);
    }
}
