using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Protocol;
using Hosting.Tests.Stores;
using Npgsql;

namespace Hosting.Tests.Postgres;

/// <summary>Commits when something goes wrong between a store and a real server.</summary>
public sealed class CommitFaultTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly EntityAddress A = StoreDriver.Entity(1);
    private static readonly EntityAddress B = StoreDriver.Entity(2);

    [Fact]
    public async Task A_commit_whose_answer_is_lost_is_unknown_found_later_and_not_done_twice()
    {
        var server = await SharedPostgres.Server;
        await using var proxy = new CutProxy(server.Port);
        var direct = await SharedPostgres.NewDatabase();
        var through = new NpgsqlConnectionStringBuilder(direct) { Port = proxy.Port }.ConnectionString;
        await using var store = await Databases.Open(through);
        await using var other = await Databases.Open(direct);
        var driver = new StoreDriver(store);
        await driver.Append(A, "one");
        var part = await driver.Events(A, "two");

        proxy.Cut();
        await Assert.ThrowsAsync<CommitUnknownException>(() => store.Commit([part], None));
        proxy.Mend();

        // Whether it was found done or not is for the shard's row to say; here the statement was on its way, so it is done.
        await Databases.Until(direct, $"SELECT last = 2 FROM shard WHERE shard = {part.Shard}");
        Assert.Equal(["one", "two"], (await store.ReadEntity(A, true, None)).Events.Select(e => StoreDriver.TextOf(e.Event)));
        var again = (await store.Commit([part], None)).Single();
        Assert.Equal((false, 2L), (again.Accepted, again.Actual!.LastNumber));
        Assert.Equal(2, (await other.ReadFeed(part.Shard, 0, 10, None)).Count);
    }

    [Fact]
    public async Task A_commit_whose_session_is_ended_before_it_is_done_is_unknown_and_can_be_made_again()
    {
        var (store, connection) = await Databases.Make(o => o with { LockTimeout = TimeSpan.FromSeconds(4), StatementTimeout = TimeSpan.FromSeconds(8) });
        await using var _ = store;
        var driver = new StoreDriver(store);
        await driver.Append(A, "one");
        var part = await driver.Events(A, "two");
        Task<IReadOnlyList<ShardCommitResult>> commit;
        await using (var session = await Databases.Session(connection))
        {
            await Databases.Ask(session, $"BEGIN; SELECT 1 FROM shard WHERE shard = {part.Shard} FOR UPDATE");
            commit = store.Commit([part], None);
            await Databases.Until(
                connection, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%writer' AND wait_event_type = 'Lock')");
            await Databases.EndSessions(connection, "writer");
            await Assert.ThrowsAsync<CommitUnknownException>(() => commit.WaitAsync(Databases.Patience));
        }
        Assert.Equal(1, (await driver.Row(part.Shard)).LastNumber);
        Assert.True((await store.Commit([part], None)).Single().Accepted);
    }

    [Fact]
    public async Task A_part_that_waits_for_a_locked_row_fails_alone_and_the_others_are_committed()
    {
        var (store, connection) = await Databases.Make(o => o with { LockTimeout = TimeSpan.FromMilliseconds(300) });
        await using var _ = store;
        var driver = new StoreDriver(store);
        var (good, stuck) = (await driver.Events(A, "good"), await driver.Events(B, "stuck"));
        await using (var session = await Databases.Session(connection))
        {
            await Databases.Ask(session, $"BEGIN; SELECT 1 FROM shard WHERE shard = {stuck.Shard} FOR UPDATE");
            var results = await store.Commit([stuck, good], None);
            Assert.Equal([(stuck.Shard, false), (good.Shard, true)], results.Select(r => (r.Shard, r.Accepted)));
            Assert.Contains("holds a row locked", results[0].Failure);
            await Assert.ThrowsAnyAsync<StoreException>(() => store.Commit([stuck], None));
        }
        Assert.True((await store.Commit([stuck], None)).Single().Accepted);
    }

    [Fact]
    public async Task A_shard_that_fails_again_and_again_is_left_alone_for_a_while_and_the_others_go_on()
    {
        var (store, connection) = await Databases.Make(
            o => o with { LockTimeout = TimeSpan.FromMilliseconds(50), BreakAfter = 2, BreakFor = TimeSpan.FromHours(1) });
        await using var _ = store;
        var driver = new StoreDriver(store);
        var (good, stuck) = (await driver.Events(A, "good"), await driver.Events(B, "stuck"));
        await using (var session = await Databases.Session(connection))
        {
            await Databases.Ask(session, $"BEGIN; SELECT 1 FROM shard WHERE shard = {stuck.Shard} FOR UPDATE");
            for (var i = 0; i < 2; i++) await Assert.ThrowsAnyAsync<StoreException>(() => store.Commit([stuck], None));
        }
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => store.Commit([stuck], None));
        Assert.Contains($"shard {stuck.Shard} failed 2 times in a row and is left alone", refused.Message);
        await Assert.ThrowsAnyAsync<StoreException>(() => store.ReadEntity(B, false, None));
        var results = await store.Commit([stuck, good], None);
        Assert.Equal([(stuck.Shard, false), (good.Shard, true)], results.Select(r => (r.Shard, r.Accepted)));
        Assert.Contains("left alone", results[0].Failure);
        Assert.Single((await store.ReadEntity(A, false, None)).Events);
    }

    [Fact]
    public async Task A_row_that_is_there_already_fails_its_own_part_and_never_the_others()
    {
        var (store, connection) = await Databases.Make();
        await using var _ = store;
        var driver = new StoreDriver(store);
        await driver.Append(A, "one");
        // The shard's row says that the next number is free, and the journal holds a row of it: only damage makes such a thing.
        await Databases.Ask(
            connection,
            $"""
            INSERT INTO journal SELECT shard, number + 1, entity, entity_number + 1, incarnation, counter, kind, version, body, time,
                principal, trace, previous, hash, crc FROM journal WHERE shard = {driver.ShardOf(A)} AND number = 1
            """);
        for (var i = 0; i < 3; i++)
        {
            var results = await store.Commit([await driver.Events(A, "two"), await driver.Events(B, $"b{i}")], None);
            Assert.Equal([false, i == 0], results.Select(r => r.Accepted));
            Assert.Contains("is there already", results[0].Failure);
        }
    }

    [Fact]
    public async Task An_owner_that_was_taken_over_is_rejected_with_the_row_of_the_new_one()
    {
        var (store, connection) = await Databases.Make();
        await using var _ = store;
        await using var second = await Databases.Open(connection);
        var driver = new StoreDriver(store);
        var late = await driver.Events(A, "late");
        await Databases.Ask(connection, "UPDATE shard SET lease = 0");
        var taken = await second.Claim(late.Shard, "node-b", late.Epoch, TimeSpan.FromMinutes(1), None);
        var result = (await store.Commit([late], None)).Single();
        Assert.Equal((false, taken), (result.Accepted, result.Actual));
        Assert.Empty((await second.ReadEntity(A, true, None)).Events);
    }

    [Fact]
    public async Task A_database_that_takes_no_writes_refuses_commits_and_answers_reads_and_goes_on_when_it_does()
    {
        var (store, connection) = await Databases.Make();
        await using var _ = store;
        var driver = new StoreDriver(store);
        await driver.Append(A, "one");
        var part = await driver.Events(A, "two");
        await Databases.Ask(connection, $"ALTER DATABASE \"{new NpgsqlConnectionStringBuilder(connection).Database}\" SET default_transaction_read_only = on");
        await Databases.EndSessions(connection, "writer");
        // The session that was ended tells nothing of the commit; the next one is told why.
        await Assert.ThrowsAnyAsync<StoreException>(() => store.Commit([part], None));
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => store.Commit([part], None));
        Assert.IsNotType<CommitUnknownException>(refused);
        Assert.Contains("takes no writes now", refused.Message);
        Assert.Single((await store.ReadEntity(A, true, None)).Events);

        await using (var admin = await Databases.Session(connection))
        {
            await Databases.Ask(admin, "SET default_transaction_read_only = off");
            await Databases.Ask(admin, $"ALTER DATABASE \"{admin.Database}\" RESET default_transaction_read_only");
        }
        Assert.True((await store.Commit([part], None)).Single().Accepted);
    }

    [Fact]
    public async Task Many_writers_of_many_shards_never_wait_for_each_other_in_a_circle_and_feeds_have_no_gap()
    {
        var (store, connection) = await Databases.Make(o => o with { Writers = 4 });
        await using var _ = store;
        var drivers = Enumerable.Range(0, Databases.Shards).Select(_ => new StoreDriver(store)).ToArray();
        var entities = Enumerable.Range(0, 200).Select(StoreDriver.Entity).GroupBy(drivers[0].ShardOf).OrderBy(g => g.Key).Select(g => g.First()).ToArray();
        for (var shard = 0; shard < entities.Length; shard++) await drivers[shard].Own(shard);
        const int Rounds = 40;
        // Each round commits a pair of shards in one call, in either order, while another pair is under way; readers follow beside them.
        var pairs = new[] { (0, 1), (2, 3), (1, 0), (3, 2) };
        var locks = entities.Select(_ => new SemaphoreSlim(1)).ToArray();
        var accepted = 0;
        var stop = false;
        var readers = Enumerable.Range(0, Databases.Shards).Select(shard => Task.Run(async () =>
        {
            var seen = 0L;
            while (!Volatile.Read(ref stop))
            {
                foreach (var row in await store.ReadFeed(shard, seen, 50, None))
                {
                    Assert.Equal(seen + 1, row.Number);
                    seen = row.Number;
                }
            }
        })).ToList();
        await Task.WhenAll(pairs.Select(pair => Task.Run(async () =>
        {
            var (low, high) = (Math.Min(pair.Item1, pair.Item2), Math.Max(pair.Item1, pair.Item2));
            for (var i = 0; i < Rounds; i++)
            {
                await locks[low].WaitAsync();
                await locks[high].WaitAsync();
                try
                {
                    var parts = new[]
                    {
                        await drivers[pair.Item1].Events(entities[pair.Item1], $"{i}"), await drivers[pair.Item2].Events(entities[pair.Item2], $"{i}"),
                    };
                    foreach (var (result, part) in (await store.Commit(parts, None)).Zip(parts))
                    {
                        Assert.True(result.Accepted, result.Failure);
                        drivers[part.Shard].Follow(await store.ReadEntity(part.Events[0].Entity, true, None));
                        Interlocked.Increment(ref accepted);
                    }
                }
                finally
                {
                    locks[high].Release();
                    locks[low].Release();
                }
            }
        }))).WaitAsync(Databases.Patience);
        Volatile.Write(ref stop, true);
        await Task.WhenAll(readers);
        Assert.Equal(2 * Rounds * pairs.Length, accepted);
        foreach (var row in await store.ReadShards(None))
        {
            Assert.Equal(2 * Rounds, row.LastEvent);
            Assert.Equal(Enumerable.Range(1, 2 * Rounds).Select(n => (long)n), (await store.ReadFeed(row.Shard, 0, 1000, None)).Select(e => e.Number));
        }
        Assert.Empty(await store.Verify(None).ToListAsync());
    }
}
