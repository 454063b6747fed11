using Athanor.Hosting.Stores;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Postgres;

/// <summary>Rows that are not what was written are found wherever they lie, and never used.</summary>
public sealed class DamageTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_change_of_any_column_of_any_table_is_found_by_verification()
    {
        var (store, connection) = await Databases.Make();
        await using var _ = store;
        var driver = new StoreDriver(store);
        var (a, b) = (StoreDriver.Entity(1), StoreDriver.Entity(2));
        await driver.Append(a, "one", "two");
        var told = await driver.Tell(a, b, "first", "second");
        var shard = driver.ShardOf(b);
        Assert.True(await driver.Commit(await driver.Empty(shard) with
        {
            Parked = [new ParkedRow(told[0], "it threw", await store.Now(None))],
            TimersSet = [new TimerRow(shard, b, "t", await store.Now(None), StoreDriver.Message("due"))],
            Replies = [new ReplyRow("default", Guid.CreateVersion7(), new byte[] { 1 }, StoreDriver.Message("answer"), shard)],
            Faults = [new FaultRow(b, "damaged")],
            Work = [driver.Work(b, "w")],
        }));
        Assert.True(await driver.Commit((await driver.Events(a, "three")) with
        {
            Snapshots = [new SnapshotRow(a, 2, StoreDriver.Message("state"), (await store.ReadEntity(a, true, None)).Events[1].Hash)],
        }));
        await store.LeaseWork("slot", ["cpu"], 1, TimeSpan.FromMinutes(1), None);
        await store.RenewNode("node-a", "here", ["shards"], TimeSpan.FromMinutes(1), None);
        Assert.Empty(await store.Verify(None).ToListAsync());

        await using var session = await Databases.Session(connection);
        var changes = new List<(string Table, string Set)>();
        await using (var command = new Npgsql.NpgsqlCommand(
            """
            SELECT table_name, column_name, data_type FROM information_schema.columns c
            WHERE table_schema = 'athanor' AND is_generated = 'NEVER' AND is_identity = 'NO' AND column_name NOT IN ('told', 'one', 'schema_known',
                'skew', 'drain') AND table_name IN ('cluster', 'shard', 'node', 'journal', 'snapshot', 'head', 'fault', 'mail', 'parked', 'timer', 'reply',
                'work', 'work_share') AND NOT (table_name = 'reply' AND column_name = 'time')
            ORDER BY 1, 2
            """, session))
        await using (var row = await command.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
            {
                var (table, column, type) = (row.GetString(0), row.GetString(1), row.GetString(2));
                changes.Add((table, type switch
                {
                    "integer" or "bigint" => $"{column} = coalesce({column}, 0) + 1",
                    "text" => $"{column} = coalesce({column}, '') || 'x'",
                    "boolean" => $"{column} = NOT {column}",
                    "uuid" => $"{column} = gen_random_uuid()",
                    _ => $"{column} = {column} || '\\x00'::bytea",
                }));
            }
        }
        Assert.True(changes.Count > 90, $"{changes.Count} columns");

        // The server seals what it changes itself: a change behind its back is one of the stored bytes, so the seal stays as it was.
        await Databases.Ask(session, "ALTER TABLE shard ALTER seal DROP EXPRESSION; ALTER TABLE node ALTER seal DROP EXPRESSION");
        await Databases.Ask(session, "ALTER TABLE cluster ALTER seal DROP EXPRESSION; ALTER TABLE work ALTER seal DROP EXPRESSION");
        var missed = new List<string>();
        foreach (var (table, set) in changes)
        {
            var where = $"ctid = (SELECT ctid FROM {table} ORDER BY ctid LIMIT 1)" + (table == "journal" ? " AND tableoid = (SELECT tableoid FROM journal LIMIT 1)" : "");
            await Databases.Ask(session, $"CREATE TEMP TABLE kept AS SELECT * FROM {table}");
            try
            {
                await Databases.Ask(session, $"UPDATE {table} SET {set} WHERE {where}");
            }
            catch (Npgsql.PostgresException e) when (e.SqlState.StartsWith("23", StringComparison.Ordinal))
            {
                // The server itself does not take it.
                await Databases.Ask(session, "DROP TABLE kept");
                continue;
            }
            if ((await store.Verify(None).ToListAsync()).Count == 0) missed.Add($"{table}: {set}");
            await Databases.Ask(session, $"DELETE FROM {table}; {Restore(table)}; DROP TABLE kept");
        }
        Assert.Empty(missed);
        Assert.Empty(await store.Verify(None).ToListAsync());

        static string Restore(string table) => table switch
        {
            "mail" or "parked" => $"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept",
            "work" => "INSERT INTO work(id, shard, entity, tenant, name, kind, version, spec, seed, inputs, pool, priority, deadline, trace, gang, memory, "
                + "not_after, crc, number, status, holder, attempt, lease, deaths, reason, created, put_off, seats, step, checkpoint, seal) "
                + "OVERRIDING SYSTEM VALUE SELECT id, shard, entity, tenant, name, kind, version, spec, seed, inputs, pool, priority, deadline, trace, gang, "
                + "memory, not_after, crc, number, status, holder, attempt, lease, deaths, reason, created, put_off, seats, step, checkpoint, seal FROM kept",
            _ => $"INSERT INTO {table} SELECT * FROM kept",
        };
    }

    [Fact]
    public async Task A_damaged_event_fails_its_entity_alone_and_a_damaged_shard_row_accepts_nothing_and_is_not_sealed_in()
    {
        var reported = new List<Damage>();
        var (store, connection) = await Databases.Make(o => o with { OnDamage = reported.Add });
        await using var _ = store;
        var driver = new StoreDriver(store);
        var (a, b) = (StoreDriver.Entity(1), StoreDriver.Entity(2));
        await driver.Append(a, "one");
        await driver.Append(b, "two");
        await Databases.Ask(connection, $"UPDATE journal SET body = '\\x41' WHERE entity = '{a}'");
        await Assert.ThrowsAsync<DamageException>(() => store.ReadEntity(a, true, None));
        Assert.Single((await store.ReadEntity(b, true, None)).Events);

        var part = await driver.Empty(driver.ShardOf(b));
        await Databases.Ask(connection, $"ALTER TABLE shard ALTER seal DROP EXPRESSION; UPDATE shard SET last_event = 7 WHERE shard = {part.Shard}");
        var result = (await store.Commit([part], None)).Single();
        Assert.Equal((false, null), (result.Accepted, result.Actual));
        Assert.Empty(await store.RenewShards("node-a", [(part.Shard, part.Epoch)], TimeSpan.FromMinutes(1), None));
        Assert.Contains(reported, d => d.Where == $"shard, shard {part.Shard}");
    }
}
