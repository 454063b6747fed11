using System.Collections.Immutable;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Hosting.Tests.Stores;

/// <summary>Whose turn it is: priority, tenants' shares, age, need, time.</summary>
public abstract partial class StoreContract
{
    private static readonly WorkPolicy Policy = WorkPolicy.Default with
    {
        Weights = ImmutableSortedDictionary<string, int>.Empty.Add("heavy", 3),
        Aging = TimeSpan.FromMinutes(1),
        Gather = TimeSpan.FromSeconds(20),
    };

    private static WorkRequest Offer(string holder, int free, string pool = "cpu") => new(holder, pool, free, Slot) { Policy = Policy };

    private static async Task<List<string>> Names(IStore store, int free, string holder = "node-a") =>
        (await store.LeaseWork(Offer(holder, free), None)).Select(lease => lease.Work.Name).ToList();

    private static EntityAddress Of(string tenant) => new(tenant, "twins", "unit");

    private static async Task Dispatch(StoreDriver driver, string tenant, int count, Func<WorkRow, WorkRow>? change = null, string name = "w")
    {
        var rows = Enumerable.Range(0, count).Select(i => driver.Work(Of(tenant), $"{tenant}-{name}{i}"));
        await driver.Dispatch(Of(tenant), rows.Select(row => change?.Invoke(row) ?? row).ToArray());
    }

    [Fact]
    public async Task A_tenant_with_many_rows_does_not_hold_up_one_with_few()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "many", 50);
        Assert.Equal(["many-w0", "many-w1"], await Names(store, 2));
        await Dispatch(driver, "few", 2);
        // One slot comes free at a time.
        var order = new List<string>();
        for (var i = 0; i < 5; i++) order.AddRange(await Names(store, 1));
        Assert.Equal(["few-w0", "many-w2", "few-w1", "many-w3", "many-w4"], order);
    }

    [Fact]
    public async Task Tenants_are_served_in_the_proportion_of_their_weights()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "light", 40);
        await Dispatch(driver, "heavy", 40);
        var order = new List<string>();
        for (var i = 0; i < 40; i++) order.AddRange(await Names(store, 1));
        Assert.InRange(order.Count(name => name.StartsWith("heavy", StringComparison.Ordinal)), 29, 31);
    }

    [Fact]
    public async Task A_tenant_that_was_away_has_saved_nothing_up()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "here", 30);
        for (var i = 0; i < 20; i++) Assert.Single(await Names(store, 1));
        await Dispatch(driver, "back", 10);
        var order = new List<string>();
        for (var i = 0; i < 10; i++) order.AddRange(await Names(store, 1));
        Assert.Equal(5, order.Count(name => name.StartsWith("back", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Priority_goes_before_shares_and_waiting_is_worth_priority()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "low", 3);
        await Dispatch(driver, "high", 20, row => row with { Priority = 2 });
        Assert.All(await Names(store, 4), name => Assert.StartsWith("high", name));
        // The low tenant has waited two steps; it is then as high as the other, who was just served, and behind in turns.
        Time.Now += Policy.Aging * 2;
        await store.LeaseWork(Offer("node-a", 1), None);
        Time.Now += Policy.Aging / 2;
        Assert.Contains("low-w0", await Names(store, 2));
    }

    [Fact]
    public async Task Within_a_tenant_an_old_row_comes_before_a_flood_of_more_urgent_ones()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "t", 1, name: "patient");
        var order = new List<string>();
        for (var i = 0; i < 9; i++)
        {
            await Dispatch(driver, "t", 2, row => row with { Priority = 3 }, $"urgent{i}-");
            var lease = Assert.Single(await store.LeaseWork(Offer("node-a", 1) with { Lease = TimeSpan.FromHours(1) }, None));
            order.Add(lease.Work.Name);
            Time.Now += Policy.Aging;
        }
        // Two urgent rows come for each that is done, three steps above it; the oldest of them that waits has waited half as long.
        Assert.Equal("t-urgent0-0", order[0]);
        Assert.Contains("t-patient0", order);
    }

    [Fact]
    public async Task Work_that_needs_more_memory_than_a_slot_has_is_left_to_others()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "t", 1, row => row with { MemoryBytes = 8L << 30 }, "big");
        await Dispatch(driver, "t", 1, row => row with { MemoryBytes = 1L << 30 }, "small");
        var offered = Offer("node-a", 5) with { MemoryBytes = 4L << 30 };
        Assert.Equal(["t-small0"], (await store.LeaseWork(offered, None)).Select(lease => lease.Work.Name));
        var big = Assert.Single(await store.LeaseWork(offered with { Holder = "node-b", MemoryBytes = 16L << 30 }, None));
        Assert.Equal(("t-big0", 8L << 30), (big.Work.Name, big.Work.MemoryBytes));
    }

    [Fact]
    public async Task Work_past_its_time_is_not_started_but_leased_to_be_failed()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var end = Time.Now + TimeSpan.FromMinutes(1);
        await Dispatch(driver, "t", 2, row => row with { NotAfter = end });
        await Dispatch(driver, "t", 1, name: "patient");
        Assert.Equal(["t-w0"], await Names(store, 1));
        Assert.Empty(await store.LeaseOverdueWork("node-a", 10, Slot, None));
        Time.Now = end;
        Assert.Equal(["t-patient0"], await Names(store, 5));
        var overdue = await store.LeaseOverdueWork("node-b", 10, Slot, None);
        // The one that runs was started in time, but its lease has ended meanwhile.
        Assert.Equal(["t-w0", "t-w1"], overdue.Select(lease => lease.Work.Name));
        Assert.All(overdue, lease => Assert.Equal(end, lease.Work.NotAfter));
        foreach (var lease in overdue)
            Assert.True(await store.FailWork(lease.Work.Id, lease.Token, WorkStatus.Failed, "late", StoreDriver.Message("late"), None));
        Assert.Equal(["late", "late"], await driver.Mailbox(Of("t")));
        Assert.Empty(await store.LeaseOverdueWork("node-b", 10, Slot, None));
    }

    [Fact]
    public async Task A_further_checkpoint_forgets_the_deaths_and_comes_with_the_next_lease()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Dispatch(driver, "t", 1);
        var lease = await LeaseOne(store);
        Assert.Null(lease.Checkpoint);
        Assert.True(await store.CheckpointWork(lease.Work.Id, lease.Token, new WorkCheckpoint(10, "aa"), None));
        Assert.Equal(1, await store.ReturnWork(lease.Work.Id, lease.Token, died: true, None));
        Assert.False(await store.CheckpointWork(lease.Work.Id, lease.Token, new WorkCheckpoint(99, "zz"), None));
        lease = await LeaseOne(store);
        Assert.Equal(new WorkCheckpoint(10, "aa"), lease.Checkpoint);
        // The same place again is no progress.
        Assert.True(await store.CheckpointWork(lease.Work.Id, lease.Token, new WorkCheckpoint(10, "bb"), None));
        Assert.Equal(2, await store.ReturnWork(lease.Work.Id, lease.Token, died: true, None));
        lease = await LeaseOne(store);
        Assert.True(await store.CheckpointWork(lease.Work.Id, lease.Token, new WorkCheckpoint(11, "cc"), None));
        Assert.Equal(1, await store.ReturnWork(lease.Work.Id, lease.Token, died: true, None));
        var view = Assert.Single(await store.ListWork(WorkStatus.Pending, None));
        Assert.Equal((new WorkCheckpoint(11, "cc"), 1, 3), (view.Checkpoint, view.Deaths, view.Attempt));
    }
}
