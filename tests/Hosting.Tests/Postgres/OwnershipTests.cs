using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Postgres;

/// <summary>Session locks, takeovers and clocks on a real server.</summary>
public sealed class OwnershipTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task A_node_whose_session_broke_learns_of_it_and_its_shards_can_be_taken_before_their_lease_ends()
    {
        var (a, connection) = await Databases.Make();
        await using var _ = a;
        await using var b = await Databases.Open(connection);
        await using var held = await a.LockNode("a", None);
        await a.RenewNode("a", "here", ["shards"], Lease, None);
        var own = await a.Claim(0, "a", (await a.ReadShards(None))[0].Epoch, Lease, None);
        Assert.Null(await b.Claim(0, "b", own!.Epoch, Lease, None));
        Assert.True((await b.ReadNodes(None)).Single().LeaseUntil > await b.Now(None));

        var lost = new TaskCompletionSource();
        await using var registration = held.Lost.Register(() => lost.TrySetResult());
        await Databases.EndSessions(connection, " lock");
        await lost.Task.WaitAsync(Databases.Patience);
        await Databases.Until(connection, "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')");
        // The clock is read first, as the core does: what is read later must have ended by that time.
        var now = await b.Now(None);
        Assert.True((await b.ReadNodes(None)).Single().LeaseUntil <= now);
        Assert.True((await b.ReadShards(None))[0].LeaseUntil <= now);
        var taken = await b.Claim(0, "b", own.Epoch, Lease, None);
        Assert.Equal(("b", own.Epoch.Counter + 1), (taken!.Owner, taken.Epoch.Counter));
        Assert.False((await a.Commit([new ShardCommit(0, "a", own.Epoch, 0)], None)).Single().Accepted);
    }

    [Fact]
    public async Task A_lock_that_is_given_back_frees_the_nodes_shards_at_once()
    {
        var (a, connection) = await Databases.Make();
        await using var _ = a;
        await using var b = await Databases.Open(connection);
        ShardRow? own;
        await using (await a.LockNode("a", None))
        {
            await a.RenewNode("a", "here", ["shards"], Lease, None);
            own = await a.Claim(0, "a", (await a.ReadShards(None))[0].Epoch, Lease, None);
        }
        await Databases.Until(connection, "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')");
        Assert.NotNull(await b.Claim(0, "b", own!.Epoch, Lease, None));
    }

    [Fact]
    public async Task Two_processes_cannot_live_under_one_name_and_the_second_is_told_who_does()
    {
        var (a, connection) = await Databases.Make();
        await using var _ = a;
        await using var b = await Databases.Open(connection, o => o with { LockWait = TimeSpan.FromMilliseconds(300) });
        await using var held = await a.LockNode("same", None);
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => b.LockNode("same", None));
        Assert.Contains("another process lives as node 'same', connected from 127.0.0.1 since", refused.Message);
        await using var other = await b.LockNode("another", None);
    }

    [Fact]
    public async Task A_node_that_comes_back_under_its_name_need_not_wait_for_its_own_leases()
    {
        var (a, connection) = await Databases.Make();
        var first = await a.LockNode("a", None);
        var own = await a.Claim(2, "a", (await a.ReadShards(None))[2].Epoch, Lease, None);
        await a.DisposeAsync();
        await first.DisposeAsync();
        await using var again = await Databases.Open(connection);
        await using var held = await again.LockNode("a", None);
        Assert.NotNull(await again.Claim(2, "a", own!.Epoch, Lease, None));
    }

    [Fact]
    public async Task A_claim_that_waits_ends_the_old_owners_recorded_session_and_nobody_elses()
    {
        var warnings = new List<string>();
        var (a, connection) = await Databases.Make();
        await using var _ = a;
        await using var b = await Databases.Open(
            connection, o => o with { LockTimeout = TimeSpan.FromMilliseconds(200), OnWarning = text => { lock (warnings) warnings.Add(text); } });
        var own = await a.Claim(0, "a", (await a.ReadShards(None))[0].Epoch, TimeSpan.Zero, None);

        // The old owner stopped in the middle of a commit: its session holds the shard's row. Another session with the process id of a
        // recorded one, started at another time, is somebody else's.
        await using var stuck = await Databases.Session(connection);
        await using var innocent = await Databases.Session(connection);
        await Databases.Ask(
            connection,
            $"""
            INSERT INTO node_session SELECT 'a', pid, backend_start FROM pg_stat_activity WHERE pid = {stuck.ProcessID};
            INSERT INTO node_session SELECT 'a', pid, backend_start - interval '1 hour' FROM pg_stat_activity WHERE pid = {innocent.ProcessID}
            """);
        await Databases.Ask(stuck, "BEGIN; UPDATE shard SET last = last + 1 WHERE shard = 0");

        var taken = await b.Claim(0, "b", own!.Epoch, Lease, None);
        Assert.Equal(("b", 0L), (taken!.Owner, taken.LastNumber));
        await Assert.ThrowsAnyAsync<Npgsql.NpgsqlException>(() => Databases.Ask(stuck, "SELECT 1"));
        Assert.Equal(1, await Databases.Ask(innocent, "SELECT 1"));
        lock (warnings) Assert.Contains("1 of the old owner's recorded sessions were ended", Assert.Single(warnings));
    }

    [Fact]
    public async Task The_sessions_in_which_a_node_writes_are_recorded_with_their_start_before_the_first_commit()
    {
        var (store, connection) = await Databases.Make();
        await using var _ = store;
        var driver = new StoreDriver(store);
        await driver.Append(StoreDriver.Entity(1), "before the name was known");
        await using var held = await store.LockNode("node-a", None);
        const string Recorded =
            "SELECT count(*) = 1 FROM node_session s JOIN pg_stat_activity a ON a.pid = s.pid AND a.backend_start = s.started "
            + "WHERE s.node = 'node-a' AND a.application_name LIKE '%writer' AND a.datname = current_database()";
        Assert.True((bool)(await Databases.Ask(connection, Recorded))!);
        // The lock freed what was owned before it was taken; a session opened afterwards is recorded as well.
        await Databases.EndSessions(connection, "writer");
        var next = new StoreDriver(store);
        await Assert.ThrowsAnyAsync<StoreException>(() => next.Append(StoreDriver.Entity(3), "into the ended session"));
        await next.Append(StoreDriver.Entity(3), "afterwards");
        Assert.True((bool)(await Databases.Ask(connection, Recorded))!);
    }

    [Fact]
    public async Task A_shard_whose_row_stays_locked_is_not_renewed_and_the_others_are()
    {
        var (store, connection) = await Databases.Make(o => o with { LockTimeout = TimeSpan.FromMilliseconds(200) });
        await using var _ = store;
        var rows = await store.ReadShards(None);
        var held = new List<(int, Epoch)>();
        foreach (var row in rows) held.Add((row.Shard, (await store.Claim(row.Shard, "a", row.Epoch, Lease, None))!.Epoch));
        await using var stuck = await Databases.Session(connection);
        await Databases.Ask(stuck, "BEGIN; UPDATE shard SET last = last + 1 WHERE shard = 2");
        Assert.Equal([0, 1, 3], (await store.RenewShards("a", held, Lease, None)).Order());
    }

    [Fact]
    public async Task A_clock_that_is_off_is_reported_and_one_that_is_far_off_keeps_the_node_out()
    {
        var connection = await SharedPostgres.NewDatabase();
        var warnings = new List<string>();
        Task<PostgresStore> Open(double seconds) => PostgresStore.Open(
            Databases.Options(connection) with { OnWarning = warnings.Add }, new ShiftedTime(TimeSpan.FromSeconds(seconds)));
        await (await Open(0.2)).DisposeAsync();
        Assert.Empty(warnings);
        await using (var behind = await Open(-5))
        {
            Assert.Contains("clock is 5.0 s behind that of", Assert.Single(warnings));
            Assert.InRange((await behind.MeasureSkew(None)).Ahead.TotalSeconds, 4.5, 5.5);
        }
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => Open(30));
        Assert.Contains("clock is 30.0 s ahead of that of", refused.Message);
        Assert.Contains("keeps a node out", refused.Message);
    }

    /// <summary>The system's clock, so much ahead.</summary>
    private sealed class ShiftedTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }
}
