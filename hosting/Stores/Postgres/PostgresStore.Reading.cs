using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Reads: each sees one moment, and nothing that is damaged leaves them.</summary>
public sealed partial class PostgresStore
{
    public Task<ShardContents> OpenShard(int shard, CancellationToken cancellation) => Recover(
        shard, $"opening shard {shard}",
        async connection =>
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    BatchCommand($"SELECT {ShardTable.Columns} FROM shard s WHERE s.shard = $1", shard),
                    BatchCommand($"SELECT {TimerTable.Table.Names} FROM timer WHERE shard = $1", shard),
                    BatchCommand($"SELECT {HeadTable.Table.NamesOf("h")} FROM head h WHERE h.shard = $1 AND h.awaits", shard),
                    BatchCommand($"SELECT {FaultTable.Table.Names} FROM fault WHERE shard = $1", shard),
                    BatchCommand(
                        $"SELECT {HeadTable.Table.NamesOf("h")} FROM fault f JOIN head h ON h.entity = f.entity WHERE f.shard = $1", shard),
                },
            };
            await using var rows = await batch.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            if (!await rows.ReadAsync(cancellation).ConfigureAwait(false))
                throw new DamageException($"shard, shard {shard}", "the row is missing");
            var row = ShardTable.Current(rows);
            var timers = await Next(rows, TimerTable.Table, TimerTable.Current, cancellation).ConfigureAwait(false);
            var wake = await Next(rows, HeadTable.Table, HeadTable.Current, cancellation).ConfigureAwait(false);
            var faults = await Next(rows, FaultTable.Table, FaultTable.Current, cancellation).ConfigureAwait(false);
            var heads = await Next(rows, HeadTable.Table, HeadTable.Current, cancellation).ConfigureAwait(false);
            var reasons = faults.ToDictionary(static f => f.Entity);
            var faulted = WithFaults(heads, reasons);
            return new ShardContents(
                row,
                timers.OrderBy(t => t.Due).ThenBy(t => t.Entity).ThenBy(t => t.Name, StringComparer.Ordinal).ToList(),
                wake.Where(h => !reasons.ContainsKey(h.Entity)).OrderBy(h => h.Entity).ToList(),
                faulted.Where(h => h.Fault is not null).ToList());
        },
        cancellation);

    public async Task<EntityHistory> ReadEntity(EntityAddress entity, bool fromStart, CancellationToken cancellation)
    {
        var shard = ShardOf.Address(entity, ShardCount);
        // The journal's part of the chain begins behind what is sealed. The event at which the snapshot was taken is read too: its hash
        // shows that the snapshot belongs to this chain.
        const string Sealed = "coalesce((SELECT max(a.last) FROM anchor a WHERE a.entity = $2), 0)";
        const string Snapshot = "coalesce((SELECT s.entity_number FROM snapshot s WHERE s.entity = $2), 1) - 1";
        var from = fromStart ? Sealed : $"CASE WHEN {Snapshot} >= {Sealed} THEN {Snapshot} ELSE {Sealed} END";
        var stored = await Recover(
            shard, $"reading {entity}",
            async connection =>
            {
                var name = entity.ToString();
                await using var batch = new NpgsqlBatch(connection)
                {
                    BatchCommands =
                    {
                        BatchCommand($"SELECT {HeadTable.Table.Names} FROM head WHERE entity = $1", name),
                        BatchCommand($"SELECT {FaultTable.Table.Names} FROM fault WHERE entity = $1", name),
                        BatchCommand($"SELECT {AnchorTable.Table.Names} FROM anchor WHERE entity = $1 ORDER BY first", name),
                        BatchCommand($"SELECT {SnapshotTable.Table.Names} FROM snapshot WHERE entity = $1", name),
                        BatchCommand(
                            $"SELECT {JournalTable.Table.Names} FROM journal WHERE shard = $1 AND entity = $2 AND entity_number > {from} "
                            + "ORDER BY entity_number",
                            shard, name),
                        BatchCommand(
                            $"SELECT {SegmentTable.Table.Names} FROM segment WHERE id IN (SELECT a.segment FROM anchor a WHERE a.entity = $1)",
                            name),
                    },
                };
                await using var rows = await batch.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                return await ReadHistory(rows, entity, fromStart, cancellation).ConfigureAwait(false);
            },
            cancellation).ConfigureAwait(false);
        return await _sealed.Complete(entity, stored, cancellation).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<MailRow>> ReadMail(IReadOnlyList<int> shards, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<MailRow>>(
            "reading mailboxes",
            async connection =>
            {
                var wanted = shards.Where(shard => _breaker.Refuses(shard) is null).ToArray();
                for (long most = limit; ; most *= 2)
                {
                    await using var command = Command(
                        connection,
                        $"""
                        SELECT m.* FROM unnest($1::integer[]) WITH ORDINALITY AS w(shard, place) CROSS JOIN LATERAL (
                            SELECT {MailTable.Table.NamesOf("m")}, m.seq FROM mail m WHERE m.shard = w.shard
                                AND NOT EXISTS (SELECT FROM fault f WHERE f.entity = m.entity)
                            ORDER BY m.seq LIMIT $2) m ORDER BY w.place, m.seq
                        """,
                        wanted, most);
                    await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                    var row = new PostgresRow(MailTable.Table, rows);
                    var (read, sound) = (new Dictionary<int, long>(), new List<MailRow>());
                    while (await rows.ReadAsync(cancellation).ConfigureAwait(false))
                    {
                        var shard = rows.GetInt32(0);
                        read[shard] = read.GetValueOrDefault(shard) + 1;
                        try
                        {
                            sound.Add(MailTable.Current(row));
                        }
                        catch (DamageException e)
                        {
                            _reports.Add(e);
                        }
                    }
                    // Damaged rows stay where they are; they must not stand in the way of those behind them.
                    var found = sound.GroupBy(static m => m.Shard).ToDictionary(static g => g.Key, static g => g.Count());
                    if (read.All(r => r.Value < most || found.GetValueOrDefault(r.Key) >= limit))
                    {
                        return most == limit
                            ? sound
                            : sound.GroupBy(static m => m.Shard).SelectMany(g => g.Take(limit)).ToList();
                    }
                }
            },
            cancellation);

    public Task<ReplyRow?> FindReply(string tenant, Guid key, CancellationToken cancellation) => Read(
        "looking up a reply",
        async connection =>
        {
            await using var command = Command(
                connection,
                $"SELECT {ReplyTable.Table.Names} FROM reply WHERE tenant = $1 AND key = $2 AND time >= coalesce($3::bigint, clock()) - $4",
                tenant, key, ClockTicks, _options.ReplyRetention.Ticks);
            await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            return await rows.ReadAsync(cancellation).ConfigureAwait(false)
                ? ReplyTable.Current(new PostgresRow(ReplyTable.Table, rows))
                : null;
        },
        cancellation);

    public Task<IReadOnlyList<ReplyRow?>> FindReplies(IReadOnlyList<(string Tenant, Guid Key)> keys, CancellationToken cancellation) => Read(
        "looking up replies",
        async connection =>
        {
            await using var command = Command(
                connection,
                $"SELECT {ReplyTable.Table.NamesOf("r")}, w.place::int FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS w(tenant, key, place) "
                    + "JOIN reply r ON r.tenant = w.tenant AND r.key = w.key WHERE r.time >= coalesce($3::bigint, clock()) - $4",
                keys.Select(static wanted => wanted.Tenant).ToArray(), keys.Select(static wanted => wanted.Key).ToArray(), ClockTicks,
                _options.ReplyRetention.Ticks);
            await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var row = new PostgresRow(ReplyTable.Table, rows);
            var found = new ReplyRow?[keys.Count];
            while (await rows.ReadAsync(cancellation).ConfigureAwait(false)) found[rows.GetInt32(row.Extra) - 1] = ReplyTable.Current(row);
            return (IReadOnlyList<ReplyRow?>)found;
        },
        cancellation);

    public Task<IReadOnlyList<HeadRow>> ListEntities(string tenant, string family, CancellationToken cancellation) =>
        // '0' is the character after '/', so this is the range of all addresses that begin with tenant/family/.
        ListHeads("WHERE h.entity > $1 AND h.entity < $2", [$"{tenant}/{family}/", $"{tenant}/{family}0"], static h => h.EntityNumber > 0,
            cancellation);

    public Task<IReadOnlyList<HeadRow>> ListAllEntities(CancellationToken cancellation) =>
        ListHeads("", [], static _ => true, cancellation);

    public async Task<IReadOnlyList<JournalRow>> ReadFeed(int shard, long after, int limit, CancellationToken cancellation)
    {
        _breaker.Check(shard);
        var (rows, segments) = await Read(
            $"reading the feed of shard {shard}",
            async connection =>
            {
                await using var batch = new NpgsqlBatch(connection)
                {
                    BatchCommands =
                    {
                        BatchCommand(
                            $"SELECT {JournalTable.Table.Names} FROM journal WHERE shard = $1 AND number > $2 ORDER BY number LIMIT $3",
                            shard, after, (long)limit),
                        BatchCommand($"SELECT {SegmentTable.Table.Names} FROM segment WHERE shard = $1 ORDER BY id", shard),
                    },
                };
                await using var reader = await batch.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                var row = new PostgresRow(JournalTable.Table, reader);
                var events = await ReadAll(reader, () => JournalTable.Current(row), cancellation).ConfigureAwait(false);
                return (events, await Next(reader, SegmentTable.Table, SegmentTable.Current, cancellation).ConfigureAwait(false));
            },
            cancellation).ConfigureAwait(false);
        return await _sealed.Feed(rows, segments, after, limit, cancellation).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<ParkedRow>> ReadParked(CancellationToken cancellation) => Read<IReadOnlyList<ParkedRow>>(
        "reading parked messages",
        async connection =>
        {
            await using var command = Command(connection, $"SELECT {ParkedTable.Table.Names} FROM parked ORDER BY place");
            await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var row = new PostgresRow(ParkedTable.Table, rows);
            return await ReadAll(rows, () => ParkedTable.Current(row), cancellation).ConfigureAwait(false);
        },
        cancellation);

    private Task<IReadOnlyList<HeadRow>> ListHeads(
        string where, object[] values, Func<HeadRow, bool> wanted, CancellationToken cancellation) => Read<IReadOnlyList<HeadRow>>(
        "listing entities",
        async connection =>
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    BatchCommand($"SELECT {HeadTable.Table.NamesOf("h")} FROM head h {where}", values),
                    BatchCommand($"SELECT {FaultTable.Table.NamesOf("h")} FROM fault h {where}", values),
                },
            };
            await using var rows = await batch.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var head = new PostgresRow(HeadTable.Table, rows);
            var heads = await ReadAll(rows, () => HeadTable.Current(head), cancellation).ConfigureAwait(false);
            var faults = await Next(rows, FaultTable.Table, FaultTable.Current, cancellation).ConfigureAwait(false);
            return WithFaults(heads, faults.ToDictionary(static f => f.Entity)).Where(wanted).ToList();
        },
        cancellation);

    /// <summary>The heads with their faults, and in place of a head that is not there the fault's own; in the order of
    /// addresses.</summary>
    private static IEnumerable<HeadRow> WithFaults(List<HeadRow> heads, Dictionary<EntityAddress, HeadRow> faults)
    {
        var known = heads.Select(static h => h.Entity).ToHashSet();
        return heads.Select(h => faults.TryGetValue(h.Entity, out var fault) ? h with { Fault = fault.Fault } : h)
            .Concat(faults.Values.Where(f => !known.Contains(f.Entity))).OrderBy(static h => h.Entity);
    }

    /// <summary>A read of a shard's own for its owner: with a permit, and counted by the shard's breaker.</summary>
    private async Task<T> Recover<T>(int shard, string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation)
    {
        _breaker.Check(shard);
        if (!await _recoveries.WaitAsync(_options.PermitTimeout, cancellation).ConfigureAwait(false))
        {
            throw new StoreException(
                $"{Target}: {_options.RecoveryPermits} recoveries are under way, and none ended in {_options.PermitTimeout.TotalSeconds} s "
                + $"(while {doing})");
        }
        try
        {
            var result = await Read(doing, action, cancellation).ConfigureAwait(false);
            _breaker.Succeeded(shard);
            return result;
        }
        catch (PostgresRefusal e) when (IsOfOneShard(e))
        {
            _breaker.Failed(shard, e.Message);
            throw;
        }
        finally
        {
            _recoveries.Release();
        }
    }

    private async Task<List<T>> Next<T>(
        NpgsqlDataReader rows, PostgresTable table, Func<PostgresRow, T> current, CancellationToken cancellation)
    {
        await rows.NextResultAsync(cancellation).ConfigureAwait(false);
        var row = new PostgresRow(table, rows);
        return await ReadAll(rows, () => current(row), cancellation).ConfigureAwait(false);
    }

    private static async Task<StoredHistory> ReadHistory(
        NpgsqlDataReader rows, EntityAddress entity, bool fromStart, CancellationToken cancellation)
    {
        var head = await rows.ReadAsync(cancellation).ConfigureAwait(false) ? HeadTable.Current(new PostgresRow(HeadTable.Table, rows)) : null;
        await rows.NextResultAsync(cancellation).ConfigureAwait(false);
        if (await rows.ReadAsync(cancellation).ConfigureAwait(false))
        {
            var fault = FaultTable.Current(new PostgresRow(FaultTable.Table, rows));
            head = (head ?? fault) with { Fault = fault.Fault };
        }
        var anchors = await All(rows, AnchorTable.Table, AnchorTable.Current, cancellation).ConfigureAwait(false);
        await rows.NextResultAsync(cancellation).ConfigureAwait(false);
        // A history from its start needs it only where retention gave up what lay before.
        var latest = await rows.ReadAsync(cancellation).ConfigureAwait(false) && (!fromStart || anchors.Count > 0)
            ? SnapshotTable.Current(new PostgresRow(SnapshotTable.Table, rows))
            : null;
        await rows.NextResultAsync(cancellation).ConfigureAwait(false);

        var history = new HistoryReader(entity, head, fromStart ? null : latest, anchors);
        var current = new PostgresRow(JournalTable.Table, rows);
        while (await rows.ReadAsync(cancellation).ConfigureAwait(false)) history.Add(JournalTable.Current(current));
        var whole = history.End();
        var segments = await All(rows, SegmentTable.Table, SegmentTable.Current, cancellation).ConfigureAwait(false);
        return new StoredHistory(whole, latest, anchors, segments);
    }

    /// <summary>All rows of the next result, none of which may be damaged.</summary>
    private static async Task<List<T>> All<T>(
        NpgsqlDataReader rows, PostgresTable table, Func<PostgresRow, T> current, CancellationToken cancellation, bool next = true)
    {
        if (next) await rows.NextResultAsync(cancellation).ConfigureAwait(false);
        var (list, row) = (new List<T>(), new PostgresRow(table, rows));
        while (await rows.ReadAsync(cancellation).ConfigureAwait(false)) list.Add(current(row));
        return list;
    }
}
