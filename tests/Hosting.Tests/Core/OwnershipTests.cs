using Athanor.Hosting.Core;
using Athanor.Hosting.Stores.Memory;
using static Hosting.Tests.Core.CoreHarness;

namespace Hosting.Tests.Core;

public class OwnershipTests
{
    private readonly VirtualTime _time = new();

    private CoreHarness Node(string name, MemoryStore store) =>
        new(store, _time, new CoreOptions { Node = name, ShardCount = store.ShardCount, MoveDelay = TimeSpan.FromSeconds(3) });

    /// <summary>Lets several nodes live through the same time.</summary>
    private void Pass(double seconds, params CoreHarness[] nodes)
    {
        var steps = (int)(seconds / 0.1);
        for (var i = 0; i < steps; i++)
        {
            _time.Now += TimeSpan.FromSeconds(0.1);
            var now = _time.Now;
            foreach (var node in nodes)
            {
                node.Leap(0.1);
                _time.Now = now;
                node.Give(new CoreInput.Tick());
            }
        }
    }

    [Fact]
    public void A_single_node_serves_every_shard_from_its_first_tick()
    {
        var node = Node("node-a", new MemoryStore(64, _time));
        Assert.Equal(64, node.Core.OpenShards);
    }

    [Fact]
    public void A_restarted_node_does_not_wait_for_its_own_leases_and_takes_a_new_epoch()
    {
        var store = new MemoryStore(4, _time);
        Node("node-a", store);
        var again = Node("node-a", store);
        Assert.Equal(4, again.Core.OpenShards);
        Assert.All(Wait(store.ReadShards(default)), static row => Assert.Equal(2, row.Epoch.Counter));
    }

    [Fact]
    public void A_node_without_its_lock_serves_nothing_and_comes_back_under_new_epochs()
    {
        var store = new MemoryStore(4, _time);
        var node = Node("node-a", store);
        node.Give(new CoreInput.LockLost("the connection broke"));
        Pass(5, node);
        Assert.Equal(0, node.Core.OpenShards);
        node.Give(new CoreInput.LockHeld());
        Pass(1, node);
        Assert.Equal(4, node.Core.OpenShards);
        Assert.All(Wait(store.ReadShards(default)), static row => Assert.Equal(2, row.Epoch.Counter));
    }

    [Fact]
    public void A_new_node_takes_its_share_by_ordered_hand_over_a_few_shards_at_a_time()
    {
        var store = new MemoryStore(60, _time);
        var a = Node("node-a", store);
        a.Ask(A, new Credit(1, 5));
        var b = Node("node-b", store);
        var most = 0;
        for (var i = 0; i < 40; i++)
        {
            var before = a.Core.OpenShards;
            Pass(1, a, b);
            most = Math.Max(most, before - a.Core.OpenShards);
        }
        Assert.InRange(most, 1, 6);
        Assert.Equal(60, a.Core.OpenShards + b.Core.OpenShards);
        Assert.InRange(b.Core.OpenShards, 20, 40);
        Assert.Equal(5, (a.Core.OpenEpoch(Athanor.Hosting.Stores.ShardOf.Address(A, 60)) is null ? b : a).Balance(A));
        // Nothing moves on once it is as it should be.
        var settled = a.Core.OpenShards;
        Pass(10, a, b);
        Assert.Equal(settled, a.Core.OpenShards);
    }

    [Fact]
    public void A_dead_nodes_shards_are_taken_over_soon_after_its_lease()
    {
        var store = new MemoryStore(20, _time);
        var a = Node("node-a", store);
        var b = Node("node-b", store);
        Pass(40, a, b);
        var left = a.Core.OpenShards;
        Assert.InRange(left, 1, 19);
        Pass(a.Options.Lease.TotalSeconds - 2, b);
        Assert.Equal(20 - left, b.Core.OpenShards);
        Pass(5, b);
        Assert.Equal(20, b.Core.OpenShards);
    }

    [Fact]
    public void A_node_that_was_stopped_falls_silent_and_comes_back_under_a_new_epoch()
    {
        var store = new MemoryStore(1, _time);
        var a = Node("node-a", store);
        a.Ask(A, new Credit(1, 5));
        var epoch = a.Core.OpenEpoch(0);
        a.Hold = static action => action is not (CoreAction.Reply or CoreAction.Refuse or CoreAction.Note);
        a.Leap(9);
        Assert.Null(a.Query(A, new GetBalance()));
        Assert.Null(a.Core.OpenEpoch(0));
        Assert.Contains(a.Notes, static text => text.Contains("falling silent"));
        a.Free();
        a.Pass(12);
        Assert.True(a.Core.OpenEpoch(0)!.Value.CompareTo(epoch!.Value) > 0);
        Assert.Equal(5, a.Balance(A));
    }

    [Fact]
    public void While_the_store_is_away_a_lease_is_tried_ever_more_seldom_until_it_is_about_to_end()
    {
        var tries = Tries("node-a", seed: 1, seconds: 40);
        var options = new CoreOptions { Node = "", ShardCount = 1 };
        // The store goes away just after a renewal; by then the node's last silence is a lease less the margin away.
        var silent = options.Lease - options.LeaseMargin;
        var waits = tries.Zip(tries.Skip(1), static (a, b) => (At: b, Wait: b - a)).ToList();
        Assert.All(waits, wait => Assert.InRange(wait.Wait, options.StoreRetry / 2, options.RenewEvery));
        // 0.2 s, doubled each time, and half of that drawn.
        Assert.InRange(waits.Count(wait => wait.At < tries[0] + TimeSpan.FromSeconds(1)), 2, 5);
        // There is a try shortly before the lease cannot be saved any more.
        Assert.Contains(waits, wait => wait.At < silent && wait.At > silent - TimeSpan.FromSeconds(0.5) && wait.Wait < TimeSpan.FromSeconds(0.5));
        // Afterwards, nothing is to be saved: as seldom as a renewal.
        Assert.All(waits.Where(wait => wait.At - wait.Wait > silent + options.RenewEvery), wait => Assert.True(wait.Wait >= options.RenewEvery / 2, $"{wait}"));
        Assert.True(tries.Count < 60, $"{tries.Count} tries in 40 s");
    }

    [Fact]
    public void Nodes_that_lose_the_store_together_do_not_try_again_together_and_each_does_so_again_the_same_way()
    {
        var first = Tries("node-a", seed: 1, seconds: 20);
        Assert.Equal(first, Tries("node-a", seed: 1, seconds: 20));
        var other = Tries("node-a", seed: 2, seconds: 20);
        Assert.Equal(first[0], other[0]);
        Assert.Empty(first.Skip(1).Intersect(other.Skip(1)));
    }

    [Fact]
    public void A_store_that_comes_back_just_before_the_lease_ends_finds_its_owner_trying()
    {
        var store = new MemoryStore(1, _time);
        var node = Node("node-a", store);
        var epoch = node.Core.OpenEpoch(0);
        Refuse(node, 7.5);
        node.Hold = static _ => false;
        node.Pass(5);
        Assert.Equal(epoch, node.Core.OpenEpoch(0));
    }

    /// <summary>When a node asked for its lease while every renewal failed, from its last renewal on.</summary>
    private static List<TimeSpan> Tries(string name, ulong seed, double seconds)
    {
        var time = new VirtualTime();
        var node = new CoreHarness(new MemoryStore(1, time), time, new CoreOptions { Node = name, ShardCount = 1, JitterSeed = seed });
        return Refuse(node, seconds);
    }

    private static List<TimeSpan> Refuse(CoreHarness node, double seconds)
    {
        var tries = new List<TimeSpan>();
        var (begun, until) = (node.Now, node.Now + TimeSpan.FromSeconds(seconds));
        node.Hold = action =>
        {
            if (action is CoreAction.RenewNode) tries.Add(node.Now - begun);
            return action is CoreAction.RenewNode or CoreAction.RenewShards or CoreAction.ReadOwnership;
        };
        while (node.Now < until)
        {
            node.Pass(Math.Min(0.01, (until - node.Now).TotalSeconds));
            foreach (var action in node.Held.ToList())
            {
                node.Held.Remove(action);
                node.Give(new CoreInput.StoreFailed(IdOf(action), "the store is away"));
            }
        }
        return tries;

        static long IdOf(CoreAction action) => action switch
        {
            CoreAction.RenewNode a => a.Id,
            CoreAction.RenewShards a => a.Id,
            _ => ((CoreAction.ReadOwnership)action).Id,
        };
    }

    [Fact]
    public void A_request_for_another_nodes_shard_names_its_owner()
    {
        var store = new MemoryStore(60, _time);
        var a = Node("node-a", store);
        var b = Node("node-b", store);
        Pass(40, a, b);
        var entity = Enumerable.Range(0, 100).Select(i => A with { Id = $"e{i}" })
            .First(e => b.Core.OpenEpoch(Athanor.Hosting.Stores.ShardOf.Address(e, 60)) is not null);
        var refuse = Assert.IsType<CoreAction.Refuse>(a.Ask(entity, new Credit(1, 1)));
        Assert.Equal((Refusal.NotOwner, "node-b"), (refuse.Why, refuse.Owner));
    }

    [Fact]
    public async Task A_consistent_query_finds_out_that_the_shard_is_lost()
    {
        var store = new MemoryStore(1, _time);
        var a = Node("node-a", store);
        a.Ask(A, new Credit(1, 5));
        Assert.IsType<CoreAction.Reply>(a.Query(A, new GetBalance(), consistent: true));
        var row = Wait(store.ReadShards(default))[0];
        await store.Release(0, "node-a", row.Epoch, default);
        Wait(store.Claim(0, "node-b", row.Epoch, TimeSpan.FromMinutes(1), default));
        var refuse = Assert.IsType<CoreAction.Refuse>(a.Query(A, new GetBalance(), consistent: true));
        Assert.Equal((Refusal.NotOwner, "node-b"), (refuse.Why, refuse.Owner));
        Assert.Null(a.Core.OpenEpoch(0));
    }

    [Fact]
    public void A_drained_node_commits_what_it_has_gives_everything_back_and_leaves()
    {
        var store = new MemoryStore(4, _time);
        var a = Node("node-a", store);
        a.Hold = static action => action is CoreAction.Commit;
        var ask = a.Send(A, new Credit(1, 5));
        a.Give(new CoreInput.Drain());
        Assert.Equal(Refusal.NotOwner, WhyOf(a.Ask(A, new Credit(2, 5))));
        Assert.DoesNotContain(a.Done, static action => action is CoreAction.Drained);
        a.Free();
        a.Pass(2);
        Assert.Equal(5, ReplyOf<BalanceIs>(a.Answers[ask]).Balance);
        Assert.Single(a.Done.OfType<CoreAction.Drained>());
        Assert.All(Wait(store.ReadShards(default)), static row => Assert.Null(row.Owner));
        Assert.Empty(Wait(store.ReadNodes(default)));
    }
}
