using Athanor.Hosting.Stores;

namespace Hosting.Tests.Stores;

/// <summary>Gangs: all or nothing, one generation at a time, one end.</summary>
public abstract partial class StoreContract
{
    private static async Task Gang(StoreDriver driver, int size, string tenant = "t", string name = "gang") =>
        await Dispatch(driver, tenant, 1, row => row with { Gang = size }, name);

    private static Task<IReadOnlyList<WorkLease>> Take(IStore store, string holder, int free) =>
        store.LeaseWork(Offer(holder, free) with { Address = $"{holder}:1" }, None);

    [Fact]
    public async Task A_gang_is_leased_when_all_its_members_have_a_slot_and_not_before()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Gang(driver, 3);
        await Dispatch(driver, "t", 1, name: "single");
        Assert.Empty(await Take(store, "node-a", 2));
        // What it has gathered is kept from other work, also from its own holder's.
        Assert.Empty(await Take(store, "node-a", 2));
        var b = await Take(store, "node-b", 2);
        Assert.Equal(["t-gang0", "t-single0"], b.Select(lease => lease.Work.Name));
        var members = (await Take(store, "node-a", 2)).Append(b[0]).OrderBy(lease => lease.Gang!.Rank).ToList();
        Assert.Equal([0, 1, 2], members.Select(lease => lease.Gang!.Rank));
        Assert.All(members, lease =>
        {
            Assert.Equal((3, 1, 1), (lease.Gang!.Size, lease.Gang.Generation, lease.Attempt));
            Assert.Equal(["node-a:1", "node-a:1", "node-b:1"], lease.Gang.Addresses.ToArray());
        });
        Assert.Empty(await Take(store, "node-a", 0));
        Assert.Equal(3, members.Select(lease => lease.Token).Distinct().Count());
        Assert.Equal(["node-a", "node-a", "node-b"], (await store.ListWork(WorkStatus.Leased, None))[0].Members.ToArray());
    }

    [Fact]
    public async Task The_death_of_one_member_ends_the_generation_for_all_and_counts_once()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Gang(driver, 2);
        var first = await Take(store, "node-a", 2);
        Assert.True(await store.PutGangKey(first[0].Token, "address", new byte[] { 1 }, None));
        Assert.Equal([1], (await store.ReadGangKeys(first[1].Token, None))!["address"]);
        Assert.Equal(1, await store.ReturnWork(first[1].Work.Id, first[1].Token, died: true, None));
        Assert.Empty(await store.RenewWork("node-a", [first[0].Token], Slot, None));
        Assert.Equal(1, await store.ReturnWork(first[0].Work.Id, first[0].Token, died: true, None));
        Assert.False(await store.PutGangKey(first[0].Token, "late", new byte[] { 2 }, None));
        Assert.Null(await store.ReadGangKeys(first[0].Token, None));

        var second = await Take(store, "node-a", 2);
        Assert.All(second, lease => Assert.Equal(2, lease.Gang!.Generation));
        Assert.Empty((await store.ReadGangKeys(second[0].Token, None))!);
        // What the old generation brings is refused; what the new one brings is the end.
        Assert.False(await store.CompleteWork(first[0].Work.Id, first[0].Token, StoreDriver.Message("old"), None));
        Assert.False(await store.FailWork(first[0].Work.Id, first[0].Token, WorkStatus.Failed, "old", StoreDriver.Message("old"), None));
        Assert.True(await store.CompleteWork(second[1].Work.Id, second[1].Token, StoreDriver.Message("rank 1"), None));
        Assert.Empty(await driver.Mailbox(Of("t")));
        Assert.True(await store.CompleteWork(second[0].Work.Id, second[0].Token, StoreDriver.Message("rank 0"), None));
        Assert.False(await store.CompleteWork(second[0].Work.Id, second[0].Token, StoreDriver.Message("again"), None));
        Assert.Equal(["rank 0"], await driver.Mailbox(Of("t")));
        Assert.Null(await store.ReadGangKeys(second[0].Token, None));
    }

    [Fact]
    public async Task A_member_that_is_not_renewed_ends_the_generation_and_counts_no_death()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Gang(driver, 2);
        Assert.Empty(await Take(store, "node-a", 1));
        var b = Assert.Single(await Take(store, "node-b", 1));
        var a = Assert.Single(await Take(store, "node-a", 1));
        Time.Now += Slot * 0.9;
        Assert.Equal([a.Token], await store.RenewWork("node-a", [a.Token], Slot, None));
        Time.Now += Slot * 0.2;
        // Whoever renews finds it out.
        Assert.Empty(await store.RenewWork("node-a", [a.Token], Slot, None));
        Assert.Empty(await store.RenewWork("node-b", [b.Token], Slot, None));
        var view = Assert.Single(await store.ListWork(WorkStatus.Pending, None));
        Assert.Equal((0, 1), (view.Deaths, view.Attempt));
        Assert.Equal([2, 2], (await Take(store, "node-c", 2)).Select(lease => lease.Gang!.Generation));
    }

    [Fact]
    public async Task A_gang_that_cannot_be_full_gives_its_slots_up_and_lets_others_pass()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Gang(driver, 5, name: "huge");
        await Gang(driver, 2, name: "fits");
        await Dispatch(driver, "t", 2, name: "single");
        Assert.Empty(await Take(store, "node-a", 2));
        Assert.Empty(await Take(store, "node-b", 2));
        Time.Now += Policy.Gather;
        var leases = await Take(store, "node-a", 2);
        Assert.Equal(["t-fits0", "t-fits0"], leases.Select(lease => lease.Work.Name));
        Assert.Equal(["t-single0", "t-single1"], (await Take(store, "node-b", 2)).Select(lease => lease.Work.Name));
        Time.Now += Policy.Gather;
        Assert.Empty(await Take(store, "node-c", 4));
        Assert.Equal(5, (await Take(store, "node-d", 1)).Concat(await Take(store, "node-c", 4)).Count(l => l.Work.Name == "t-huge0"));
    }

    [Fact]
    public async Task A_holder_that_falls_silent_while_a_gang_gathers_loses_its_seats()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Gang(driver, 2);
        var shortLease = Offer("dead", 1) with { Lease = TimeSpan.FromSeconds(2) };
        Assert.Empty(await store.LeaseWork(shortLease, None));
        Time.Now += TimeSpan.FromSeconds(3);
        Assert.Empty(await Take(store, "node-a", 1));
        Assert.Single(await Take(store, "node-b", 1));
        var a = Assert.Single(await Take(store, "node-a", 1));
        Assert.Equal(["node-a:1", "node-b:1"], a.Gang!.Addresses.ToArray());
        Assert.Equal(1, await store.ReturnWorkOf("node-b", None));
        Assert.Empty(await store.RenewWork("node-a", [a.Token], Slot, None));
        Assert.Equal(0, Assert.Single(await store.ListWork(WorkStatus.Pending, None)).Deaths);
    }

    [Fact]
    public async Task A_cancelled_gang_is_nobodys()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await Gang(driver, 2);
        var members = await Take(store, "node-a", 2);
        await Gang(driver, 2, name: "gathers");
        Assert.Empty(await Take(store, "node-b", 1));
        var part = await driver.Empty(driver.ShardOf(Of("t")));
        Assert.True(await driver.Commit(part with { WorkCancelled = [members[0].Work.Id, $"{Of("t")}/t-gathers0"] }));
        Assert.Empty(await store.RenewWork("node-a", members.Select(lease => lease.Token).ToList(), Slot, None));
        Assert.False(await store.CompleteWork(members[0].Work.Id, members[0].Token, StoreDriver.Message("late"), None));
        Assert.Empty(await Take(store, "node-b", 2));
        Assert.Equal(2, (await store.ListWork(WorkStatus.Cancelled, None)).Count);
    }
}
