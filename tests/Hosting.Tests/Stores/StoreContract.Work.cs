using Athanor.Hosting.Stores;

namespace Hosting.Tests.Stores;

/// <summary>Work rows: leased, renewed, completed once.</summary>
public abstract partial class StoreContract
{
    private static readonly TimeSpan Slot = TimeSpan.FromSeconds(30);

    private static async Task<WorkLease> LeaseOne(IStore store, string holder = "slot-1", string pool = "cpu") =>
        (await store.LeaseWork(holder, [pool], 1, Slot, None)).Single();

    private static async Task<WorkStatus> StatusOf(IStore store, string id) => (await store.ListWork(null,
        None)).Single(w => w.Work.Id == id).Status;

    [Fact]
    public async Task Work_is_leased_by_pool_then_priority_then_age_and_each_lease_counts_an_attempt()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "old"), driver.Work(A, "cuda", 9, "cuda"), driver.Work(A, "young"), driver.Work(A,
            "urgent", 5));
        var leases = await store.LeaseWork("slot-1", ["cpu"], 2, Slot, None);
        Assert.Equal(["urgent", "old"], leases.Select(lease => lease.Work.Name));
        Assert.All(leases, lease => Assert.Equal((1, "slot-1", Time.Now + Slot), (lease.Attempt, lease.Holder, lease.LeaseUntil)));
        Assert.Equal(["young"], (await store.LeaseWork("slot-2", ["cpu"], 5, Slot, None)).Select(lease => lease.Work.Name));
        Assert.Empty(await store.LeaseWork("slot-3", ["cpu"], 5, Slot, None));
        Assert.Equal(["cuda"], (await store.LeaseWork("slot-3", ["cpu", "cuda"], 5, Slot, None)).Select(lease => lease.Work.Name));
    }

    [Fact]
    public async Task A_work_row_comes_back_as_it_was_written()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var row = driver.Work(A, "w", 3);
        await driver.Dispatch(A, row);
        var read = (await LeaseOne(store)).Work;
        Assert.Equal((row.Id, row.Entity, row.Shard, row.Seed, row.Priority, row.Deadline), (read.Id, read.Entity, read.Shard, read.Seed,
            read.Priority, read.Deadline));
        Assert.Equal(row.Inputs.AsEnumerable(), read.Inputs.AsEnumerable());
        Assert.Equal("spec of w", StoreDriver.TextOf(read.Spec));
    }

    [Fact]
    public async Task A_name_dispatched_a_second_time_has_no_effect()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "w"));
        var lease = await LeaseOne(store);
        await driver.Dispatch(A, driver.Work(A, "w"));
        Assert.Empty(await store.LeaseWork("slot-2", ["cpu"], 1, Slot, None));
        Assert.True(await store.CompleteWork(lease.Work.Id, lease.Token, StoreDriver.Message("result"), None));
        await driver.Dispatch(A, driver.Work(A, "w"));
        Assert.Empty(await store.LeaseWork("slot-2", ["cpu"], 1, Slot, None));
    }

    [Fact]
    public async Task A_lease_that_is_renewed_holds_and_one_that_ends_goes_to_the_next()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "w"));
        var lease = await LeaseOne(store);
        Time.Now += Slot * 0.9;
        Assert.Equal([lease.Token], await store.RenewWork("slot-1", [lease.Token], Slot, None));
        Time.Now += Slot * 0.9;
        Assert.Empty(await store.LeaseWork("slot-2", ["cpu"], 1, Slot, None));
        Time.Now += Slot * 0.2;
        var next = await LeaseOne(store, "slot-2");
        Assert.Equal(2, next.Attempt);
        Assert.NotEqual(lease.Token, next.Token);
        Assert.Empty(await store.RenewWork("slot-1", [lease.Token], Slot, None));
        Assert.Empty(await store.RenewWork("slot-1", [next.Token], Slot, None));
    }

    [Fact]
    public async Task A_result_is_stored_once_whatever_the_tokens_age_and_told_to_the_entity()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "w"));
        var old = await LeaseOne(store);
        Time.Now += Slot * 2;
        var young = await LeaseOne(store, "slot-2");
        Assert.True(await store.CompleteWork(old.Work.Id, old.Token, StoreDriver.Message("from the old"), None));
        Assert.False(await store.CompleteWork(young.Work.Id, young.Token, StoreDriver.Message("from the young"), None));
        Assert.Equal(["from the old"], await driver.Mailbox(A));
        Assert.Equal(WorkStatus.Completed, await StatusOf(store, old.Work.Id));
        Assert.Empty(await store.RenewWork("slot-2", [young.Token], Slot, None));

        var mail = (await store.ReadMail([driver.ShardOf(A)], 10, None)).Single();
        Assert.Equal(-1, mail.Id.SourceShard);
        Assert.Null(mail.Sender);
        Assert.True(await driver.Commit(await driver.Empty(mail.Shard) with { Handled = [mail.Id] }));
        Assert.Empty(await driver.Mailbox(A));
    }

    [Fact]
    public async Task Results_of_two_items_are_two_rows()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "v"), driver.Work(A, "w"));
        foreach (var lease in await store.LeaseWork("slot-1", ["cpu"], 2, Slot, None))
            Assert.True(await store.CompleteWork(lease.Work.Id, lease.Token, StoreDriver.Message(lease.Work.Name), None));
        var mail = await store.ReadMail([driver.ShardOf(A)], 10, None);
        Assert.Equal(2, mail.Select(row => row.Id).Distinct().Count());
    }

    [Fact]
    public async Task Cancelled_work_is_not_leased_not_renewed_and_takes_no_result()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "running"), driver.Work(A, "waiting"), driver.Work(A, "done"));
        var running = await LeaseOne(store);
        var done = (await store.LeaseWork("slot-1", ["cpu"], 2, Slot, None)).Single(lease => lease.Work.Name == "done");
        Assert.True(await store.CompleteWork(done.Work.Id, done.Token, StoreDriver.Message("result"), None));
        var part = await driver.Empty(driver.ShardOf(A));
        Assert.True(await driver.Commit(part with { WorkCancelled = [running.Work.Id, $"{A}/waiting", $"{A}/done", $"{A}/never"] }));
        Time.Now += Slot * 2;
        Assert.Empty(await store.LeaseWork("slot-2", ["cpu"], 5, Slot, None));
        Assert.Empty(await store.RenewWork("slot-1", [running.Token], Slot, None));
        Assert.False(await store.CompleteWork(running.Work.Id, running.Token, StoreDriver.Message("too late"), None));
        Assert.Equal(WorkStatus.Completed, await StatusOf(store, done.Work.Id));
        Assert.Equal(2, (await store.ListWork(WorkStatus.Cancelled, None)).Count);
        Assert.Equal(["result"], await driver.Mailbox(A));
    }

    [Fact]
    public async Task Work_given_back_is_leased_again_at_once_and_only_deaths_count()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "w"));
        var lease = await LeaseOne(store);
        Assert.Equal(0, await store.ReturnWork(lease.Work.Id, lease.Token, died: false, None));
        lease = await LeaseOne(store);
        Assert.Equal(1, await store.ReturnWork(lease.Work.Id, lease.Token, died: true, None));
        lease = await LeaseOne(store);
        Assert.Equal(3, lease.Attempt);
        Assert.Equal(2, await store.ReturnWork(lease.Work.Id, lease.Token, died: true, None));
        Assert.Equal(2, (await store.ListWork(WorkStatus.Pending, None)).Single().Deaths);
    }

    [Fact]
    public async Task Failed_and_parked_work_tells_its_entity_once_and_is_not_leased_again()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "refused"), driver.Work(A, "deadly"));
        var refused = await LeaseOne(store);
        Assert.True(await store.FailWork(refused.Work.Id, refused.Token, WorkStatus.Failed, "wrong spec", StoreDriver.Message("refused"),
            None));
        Assert.False(await store.FailWork(refused.Work.Id, refused.Token, WorkStatus.Failed, "again", StoreDriver.Message("again"), None));
        Assert.False(await store.CompleteWork(refused.Work.Id, refused.Token, StoreDriver.Message("after all"), None));
        var deadly = await LeaseOne(store);
        await store.ReturnWork(deadly.Work.Id, deadly.Token, died: true, None);
        Assert.True(await store.FailWork(deadly.Work.Id, deadly.Token, WorkStatus.Parked, "three deaths", StoreDriver.Message("parked"),
            None));
        Assert.Equal(["refused", "parked"], await driver.Mailbox(A));
        Assert.Empty(await store.LeaseWork("slot-2", ["cpu"], 5, Slot, None));
        var parked = (await store.ListWork(WorkStatus.Parked, None)).Single();
        Assert.Equal(("three deaths", "deadly"), (parked.Reason, parked.Work.Name));
    }

    [Fact]
    public async Task An_overtaken_attempt_cannot_fail_the_one_that_runs()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "w"));
        var old = await LeaseOne(store);
        Time.Now += Slot * 2;
        var young = await LeaseOne(store, "slot-2");
        Assert.False(await store.FailWork(old.Work.Id, old.Token, WorkStatus.Failed, "late", StoreDriver.Message("late"), None));
        Assert.Equal(0, await store.ReturnWork(old.Work.Id, old.Token, died: true, None));
        Assert.Equal([young.Token], await store.RenewWork("slot-2", [young.Token], Slot, None));
    }

    [Fact]
    public async Task Work_of_a_dead_holder_can_be_given_back_at_once()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Dispatch(A, driver.Work(A, "v"), driver.Work(A, "w"));
        await LeaseOne(store, "dead");
        await LeaseOne(store, "alive");
        Assert.Equal(1, await store.ReturnWorkOf("dead", None));
        Assert.Single(await store.LeaseWork("alive", ["cpu"], 5, Slot, None));
        Assert.All(await store.ListWork(null, None), work => Assert.Equal(0, work.Deaths));
    }
}
