using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;
using Hosting.Tests.Core;

namespace Hosting.Tests.Stores;

/// <summary>The store contract as tests. Every store passes them: a subclass says how one is made. Work is in its own part.</summary>
public abstract partial class StoreContract
{
    private protected static readonly EntityAddress A = StoreDriver.Entity(1);
    private protected static readonly EntityAddress B = StoreDriver.Entity(2);
    private protected static readonly CancellationToken None = CancellationToken.None;

    private protected VirtualTime Time { get; } = new();

    /// <summary>An empty store on the clock given.</summary>
    protected abstract Task<IStore> CreateStore(int shards, TimeProvider time);

    /// <summary>A store, and a shard of another number than <see cref="A"/>'s holds <see cref="B"/>.</summary>
    private protected async Task<(IStore Store, StoreDriver Driver)> Create()
    {
        var store = await CreateStore(4, Time);
        var driver = new StoreDriver(store);
        Assert.NotEqual(driver.ShardOf(A), driver.ShardOf(B));
        return (store, driver);
    }

    [Fact]
    public async Task A_new_store_has_free_shards_and_nothing_else()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        Assert.Equal(4, store.ShardCount);
        Assert.Equal(Time.Now, await store.Now(None));
        Assert.All(await store.ReadShards(None), row => Assert.Equal((null, 0L, 0L), (row.Owner, row.LastNumber, row.LastEvent)));
        Assert.Empty(await store.ListAllEntities(None));
        Assert.Empty(await store.ReadNodes(None));
        Assert.Equal(new EntityHistory(null, null, []).Head, (await store.ReadEntity(A, false, None)).Head);
    }

    [Fact]
    public async Task A_commit_of_another_owner_is_rejected_with_the_row_as_it_is()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Events(A, "one");
        var result = (await store.Commit([part with { Owner = "node-b" }], None)).Single();
        Assert.False(result.Accepted);
        Assert.Equal(("node-a", part.Epoch, 0L), (result.Actual!.Owner, result.Actual.Epoch, result.Actual.LastNumber));
        Assert.Empty((await store.ReadEntity(A, true, None)).Events);
    }

    [Fact]
    public async Task A_commit_of_an_older_epoch_is_rejected_though_the_owner_is_the_same()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Events(A, "one");
        await store.Release(part.Shard, "node-a", part.Epoch, None);
        Assert.False(await driver.Commit(part));
        await driver.Own(part.Shard);
        Assert.False(await driver.Commit(part));
        Assert.True(await driver.Commit(await driver.Events(A, "one")));
    }

    [Fact]
    public async Task A_doubled_commit_is_a_rejection_with_events_and_without()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Events(A, "one");
        Assert.True(await driver.Commit(part));
        Assert.False(await driver.Commit(part));
        var empty = await driver.Empty(part.Shard);
        Assert.True(await driver.Commit(empty));
        Assert.False(await driver.Commit(empty));
        var row = await driver.Row(part.Shard);
        Assert.Equal((2L, 1L), (row.LastNumber, row.LastEvent));
    }

    [Fact]
    public async Task A_commit_with_a_number_past_the_next_is_rejected()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        Assert.False(await driver.Commit(await driver.Empty(0) with { ExpectedLast = 1 }));
    }

    [Fact]
    public async Task Parts_are_judged_one_by_one_and_a_rejected_one_changes_nothing()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var good = await driver.Events(A, "good");
        var bad = await driver.Events(B, "bad") with { ExpectedLast = 7 };
        var results = await store.Commit([bad, good], None);
        Assert.Equal([(bad.Shard, false), (good.Shard, true)], results.Select(r => (r.Shard, r.Accepted)));
        Assert.Single((await store.ReadEntity(A, true, None)).Events);
        Assert.Empty((await store.ReadEntity(B, true, None)).Events);
        Assert.Equal(0, (await driver.Row(bad.Shard)).LastNumber);
    }

    [Fact]
    public async Task An_events_row_comes_back_as_it_was_written()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Events(A, "one");
        Assert.True(await driver.Commit(part));
        var (written, read) = (part.Events[0], (await store.ReadEntity(A, true, None)).Events.Single());
        Assert.Equal(
            (written.Shard, written.Number, written.Epoch, written.Entity, written.EntityNumber, written.Time, written.Principal, written.TraceParent),
            (read.Shard, read.Number, read.Epoch, read.Entity, read.EntityNumber, read.Time, read.Principal, read.TraceParent));
        Assert.Equal(("tests.said", 1, "one"), (read.Event.Kind, read.Event.Version, StoreDriver.TextOf(read.Event)));
        Assert.True(EventHash.Matches(read));
        Assert.Equal(written.Hash.ToArray(), read.Hash.ToArray());
    }

    [Fact]
    public async Task History_is_the_latest_snapshot_and_the_events_after_it_or_all_events()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(A, "one", "two");
        var third = await driver.Events(A, "three");
        var snapshot = new SnapshotRow(A, 2, StoreDriver.Message("state after two"), third.Events[0].PreviousHash);
        Assert.True(await driver.Commit(third with { Snapshots = [snapshot] }));
        await driver.Append(A, "four");

        var latest = await store.ReadEntity(A, false, None);
        Assert.Equal((2L, "state after two"), (latest.Snapshot!.EntityNumber, StoreDriver.TextOf(latest.Snapshot.State)));
        Assert.Equal(third.Events[0].PreviousHash.ToArray(), latest.Snapshot.EventHash.ToArray());
        Assert.Equal(["three", "four"], latest.Events.Select(e => StoreDriver.TextOf(e.Event)));
        Assert.Equal((4L, Time.Now), (latest.Head!.EntityNumber, latest.Head.Time));

        var whole = await store.ReadEntity(A, true, None);
        Assert.Null(whole.Snapshot);
        Assert.Equal(["one", "two", "three", "four"], whole.Events.Select(e => StoreDriver.TextOf(e.Event)));
    }

    [Fact]
    public async Task Feeds_have_no_gap_where_commits_without_events_lie_between()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(A, "one");
        Assert.True(await driver.Commit(await driver.Empty(driver.ShardOf(A))));
        await driver.Tell(A, B, "mail");
        await driver.Append(A, "two", "three");
        var feed = await store.ReadFeed(driver.ShardOf(A), 0, 100, None);
        Assert.Equal([1L, 2, 3], feed.Select(e => e.Number));
        Assert.Equal([2L], (await store.ReadFeed(driver.ShardOf(A), 1, 1, None)).Select(e => e.Number));
        Assert.Empty(await store.ReadFeed(driver.ShardOf(A), 3, 100, None));
        Assert.Equal((4L, 3L), ((await driver.Row(driver.ShardOf(A))).LastNumber, (await driver.Row(driver.ShardOf(A))).LastEvent));
    }

    [Fact]
    public async Task Entities_are_listed_by_family_and_id()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(B, "b");
        await driver.Append(A, "a");
        await driver.Append(EntityAddress.Of("models", "m"), "m");
        Assert.Equal([A, B], (await store.ListEntities("default", "twins", None)).Select(head => head.Entity));
        Assert.Empty(await store.ListEntities("other", "twins", None));
        Assert.Equal(3, (await store.ListAllEntities(None)).Count);
    }

    [Fact]
    public async Task Told_rows_wait_in_order_until_their_own_shard_handles_them()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var told = await driver.Tell(A, B, "one", "two", "three");
        Assert.Equal(["one", "two", "three"], await driver.Mailbox(B));
        Assert.Equal(["one", "two"], await driver.Mailbox(B, limit: 2));
        var row = (await store.ReadMail([driver.ShardOf(B)], 1, None)).Single();
        Assert.Equal((told[0].Id, A, B), (row.Id, row.Sender!.Value, row.To));

        Assert.True(await driver.Commit(await driver.Empty(driver.ShardOf(B)) with { Handled = [told[1].Id] }));
        Assert.Equal(["one", "three"], await driver.Mailbox(B));
        await driver.Tell(A, B, "four");
        Assert.Equal(["one", "three", "four"], await driver.Mailbox(B));
    }

    [Fact]
    public async Task The_limit_counts_for_each_shard()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Tell(A, B, "one", "two");
        await driver.Tell(B, A, "three", "four");
        var rows = await store.ReadMail([driver.ShardOf(A), driver.ShardOf(B)], 1, None);
        Assert.Equal(["one", "three"], rows.Select(row => StoreDriver.TextOf(row.Command)).Order());
    }

    [Fact]
    public async Task Mail_of_a_rejected_commit_is_not_told_and_handles_nothing()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var told = await driver.Tell(A, B, "one");
        var part = await driver.Empty(driver.ShardOf(B)) with { ExpectedLast = 9, Handled = [told[0].Id] };
        part = part with { Mail = [driver.Mail(part, 0, A, "lost")] };
        Assert.False(await driver.Commit(part));
        Assert.Equal(["one"], await driver.Mailbox(B));
        Assert.Empty(await driver.Mailbox(A));
    }

    [Fact]
    public async Task A_parked_row_leaves_the_mailbox_with_its_reason_and_can_go_back_as_new_mail()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var told = await driver.Tell(A, B, "bad", "good");
        var shard = driver.ShardOf(B);
        Assert.True(await driver.Commit(await driver.Empty(shard) with { Parked = [new ParkedRow(told[0], "it threw", Time.Now)] }));
        Assert.Equal(["good"], await driver.Mailbox(B));
        var parked = (await store.ReadParked(None)).Single();
        Assert.Equal(("it threw", told[0].Id, A, Time.Now), (parked.Reason, parked.Mail.Id, parked.Mail.Sender!.Value, parked.Time));

        var back = await driver.Empty(shard);
        back = back with { Unparked = [parked.Mail.Id], Mail = [parked.Mail with { Id = new MailId(shard, back.NewLast, 0) }] };
        Assert.True(await driver.Commit(back));
        Assert.Empty(await store.ReadParked(None));
        Assert.Equal(["good", "bad"], await driver.Mailbox(B));
    }

    /// <summary>What a fail-over takes back: a row was read, and its sender's commit is gone with it.</summary>
    [Theory]
    [InlineData("handled")]
    [InlineData("parked")]
    [InlineData("unparked")]
    public async Task A_commit_that_uses_up_a_row_that_is_not_there_is_rejected_whole_and_alone(string use)
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var told = await driver.Tell(A, B, "one", "two");
        var shard = driver.ShardOf(B);
        var there = told[0];
        var gone = told[1] with { Id = told[1].Id with { N = 7 } };
        ParkedRow Parked(MailRow row) => new(row, "it threw", Time.Now);
        if (use == "unparked") Assert.True(await driver.Commit(await driver.Empty(shard) with { Parked = [Parked(there)] }));

        async Task<ShardCommit> Using(params MailRow[] rows)
        {
            var part = await driver.Events(B, "three");
            part = part with { Mail = [driver.Mail(part, 0, A, "four")] };
            return use switch
            {
                "handled" => part with { Handled = [.. rows.Select(static row => row.Id)] },
                "parked" => part with { Parked = [.. rows.Select(Parked)] },
                _ => part with { Unparked = [.. rows.Select(static row => row.Id)] },
            };
        }

        var bad = await Using(there, gone);
        var results = await store.Commit([bad, await driver.Events(A, "other")], None);
        Assert.Equal([(shard, false), (driver.ShardOf(A), true)], results.Select(static r => (r.Shard, r.Accepted)));
        Assert.Equal(
            (bad.Owner, bad.Epoch, bad.ExpectedLast, null),
            (results[0].Actual!.Owner, results[0].Actual!.Epoch, results[0].Actual!.LastNumber, results[0].Failure));
        Assert.Equal(bad.ExpectedLast, (await driver.Row(shard)).LastNumber);
        Assert.Equal(use == "unparked" ? ["two"] : ["one", "two"], await driver.Mailbox(B));
        Assert.Equal(use == "unparked" ? 1 : 0, (await store.ReadParked(None)).Count);
        Assert.Empty(await driver.Mailbox(A));
        Assert.Empty((await store.ReadEntity(B, true, None)).Events);

        // The same number is still to be had, once: what is used up is not there a second time.
        Assert.True(await driver.Commit(await Using(there)));
        Assert.False(await driver.Commit(await Using(there)));
        Assert.Single((await store.ReadEntity(B, true, None)).Events);
    }

    [Fact]
    public async Task A_row_of_another_shards_mailbox_is_not_there()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var told = await driver.Tell(A, B, "one");
        Assert.False(await driver.Commit(await driver.Empty(driver.ShardOf(A)) with { Handled = [told[0].Id] }));
        Assert.Equal(["one"], await driver.Mailbox(B));
    }

    [Fact]
    public async Task What_never_was_a_row_is_parked_under_an_identity_of_its_commit()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Empty(driver.ShardOf(A));
        var timer = new MailRow(new MailId(part.Shard, part.NewLast, 0), part.Shard, A, A, StoreDriver.Message("a timer's"), null);
        Assert.True(await driver.Commit(part with { Parked = [new ParkedRow(timer, "it threw", Time.Now)] }));
        Assert.Equal(timer.Id, (await store.ReadParked(None)).Single().Mail.Id);
    }

    [Fact]
    public async Task Rows_to_a_faulted_entity_are_set_aside_until_it_is_repaired()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(B, "one");
        var shard = driver.ShardOf(B);
        await driver.Tell(A, B, "held");
        Assert.True(await driver.Commit(await driver.Empty(shard) with { Faults = [new FaultRow(B, "damaged")] }));
        Assert.Empty(await store.ReadMail([shard], 100, None));
        var faulted = (await store.OpenShard(shard, None)).Faulted.Single();
        Assert.Equal((B, "damaged", 1L), (faulted.Entity, faulted.Fault, faulted.EntityNumber));

        // A head written by a later commit leaves the fault as it is.
        await driver.Append(B, "two");
        Assert.Equal("damaged", (await store.ReadEntity(B, true, None)).Head!.Fault);
        Assert.True(await driver.Commit(await driver.Empty(shard) with { Faults = [new FaultRow(B, null)] }));
        Assert.Equal(["held"], await driver.Mailbox(B));
        Assert.Empty((await store.OpenShard(shard, None)).Faulted);
    }

    [Fact]
    public async Task An_entity_without_events_can_be_faulted()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        Assert.True(await driver.Commit(await driver.Empty(driver.ShardOf(A)) with { Faults = [new FaultRow(A, "unknown kind")] }));
        var head = (await store.ReadEntity(A, false, None)).Head!;
        Assert.Equal((0L, "unknown kind"), (head.EntityNumber, head.Fault));
        Assert.Empty(await store.ListEntities("default", "twins", None));
    }

    [Fact]
    public async Task Timers_are_set_moved_and_removed()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var shard = driver.ShardOf(A);
        TimerRow Timer(string name, double seconds) => new(shard, A, name, Time.Now.AddSeconds(seconds), StoreDriver.Message(name));
        Assert.True(await driver.Commit(await driver.Empty(shard) with { TimersSet = [Timer("a", 10), Timer("b", 20)] }));
        Assert.True(await driver.Commit(await driver.Empty(shard) with { TimersSet = [Timer("a", 30)], TimersRemoved = [(A, "b"), (A, "never")] }));
        var timer = (await store.OpenShard(shard, None)).Timers.Single();
        Assert.Equal(("a", Time.Now.AddSeconds(30), "a"), (timer.Name, timer.Due, StoreDriver.TextOf(timer.Command)));
        Assert.Empty((await store.OpenShard(driver.ShardOf(B), None)).Timers);
    }

    [Fact]
    public async Task A_new_owner_learns_which_entities_await_Compute()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var part = await driver.Events(A, "asked");
        Assert.True(await driver.Commit(part with { Heads = [part.Heads[0] with { Awaits = true }] }));
        Assert.Equal([A], (await store.OpenShard(part.Shard, None)).Wake.Select(head => head.Entity));
        await driver.Append(A, "answered");
        Assert.Empty((await store.OpenShard(part.Shard, None)).Wake);
    }

    [Fact]
    public async Task A_reply_is_found_under_its_key_and_the_first_one_stays()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        var key = Guid.CreateVersion7(Time.Now);
        ReplyRow Reply(string text) => new("default", key, new byte[] { 1, 2 }, StoreDriver.Message(text), driver.ShardOf(A));
        Assert.Null(await store.FindReply("default", key, None));
        Assert.True(await driver.Commit(await driver.Empty(driver.ShardOf(A)) with { Replies = [Reply("first")] }));
        Assert.True(await driver.Commit(await driver.Empty(driver.ShardOf(A)) with { Replies = [Reply("second")] }));
        Time.Now += TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1);
        var found = await store.FindReply("default", key, None);
        Assert.Equal(("first", 2), (StoreDriver.TextOf(found!.Reply), found.RequestHash.Length));
        Assert.Null(await store.FindReply("other", key, None));
        var several = await store.FindReplies([("other", key), ("default", key), ("default", Guid.CreateVersion7())], None);
        Assert.Equal([null, key, null], several.Select(static row => row?.Key));
    }

    [Fact]
    public async Task A_sound_store_verifies_clean()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(A, "one", "two");
        await driver.Append(B, "three");
        await driver.Tell(A, B, "mail");
        await driver.Dispatch(A, driver.Work(A, "w"));
        await foreach (var damage in store.Verify(None)) Assert.Fail(damage.ToString());
    }
}
