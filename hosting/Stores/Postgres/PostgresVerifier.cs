using Athanor.Hosting.Stores.Integrity;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// Reads everything, at one moment and beside all writers, and reports what is not as written: every row's CRC or seal; every event's hash,
/// its place in its entity's chain, and gaps; heads and snapshots against the journal; the shards' feeds. Pages and indexes are the
/// server's own care: <c>pg_amcheck</c>, and checksums if the server was made with them.
/// </summary>
internal sealed class PostgresVerifier(NpgsqlDataSource source, string target, int shards) : DamageScan
{
    /// <summary>Where each entity's chain goes on behind its sealed events.</summary>
    private readonly Dictionary<string, AnchorRow> _anchors = new(StringComparer.Ordinal);
    private NpgsqlConnection _connection = null!;

    protected override async Task Scan()
    {
        try
        {
            await using (_connection = await source.OpenConnectionAsync(Cancellation).ConfigureAwait(false))
            {
                // The session reads at one moment for as long as the transaction lasts; nothing may end it before.
                await using var transaction = await _connection.BeginTransactionAsync(Cancellation).ConfigureAwait(false);
                await Each("SET LOCAL statement_timeout = 0", static _ => { }).ConfigureAwait(false);
                await Table(MailTable.Table, MailTable.Current).ConfigureAwait(false);
                await Table(ParkedTable.Table, ParkedTable.Current).ConfigureAwait(false);
                await Table(TimerTable.Table, TimerTable.Current).ConfigureAwait(false);
                await Table(ReplyTable.Table, ReplyTable.Current).ConfigureAwait(false);
                await Table(FaultTable.Table, FaultTable.Current).ConfigureAwait(false);
                await Table(WorkShareTable.Table, WorkShareTable.Current).ConfigureAwait(false);
                await Table(WorkKeyTable.Table, WorkKeyTable.Current).ConfigureAwait(false);
                await Rows(WorkTable.Table, $"SELECT {WorkTable.Columns} FROM work w", WorkTable.Current).ConfigureAwait(false);
                await Each(ClusterTable.Select, row => Try("cluster", () => ClusterTable.Current(row))).ConfigureAwait(false);
                await Each($"SELECT {NodeTable.Columns} FROM node n", row => Try("node", () => NodeTable.Current(row))).ConfigureAwait(false);
                await Table(OriginTable.Table, OriginTable.Current).ConfigureAwait(false);
                await Table(ProjectionTable.Table, ProjectionTable.Current).ConfigureAwait(false);
                await Table(ProjectedTable.Table, ProjectedTable.Current).ConfigureAwait(false);
                await Sealed().ConfigureAwait(false);
                for (var shard = 0; shard < shards; shard++) await Shard(shard).ConfigureAwait(false);
            }
        }
        catch (NpgsqlException e)
        {
            throw PostgresErrors.Make(target, e, "verifying");
        }
    }

    private async Task Sealed()
    {
        await Rows(
            AnchorTable.Table, $"SELECT {AnchorTable.Table.Names} FROM anchor ORDER BY entity, first",
            row =>
            {
                var anchor = AnchorTable.Current(row);
                var entity = anchor.Entity.ToString();
                var expected = _anchors.TryGetValue(entity, out var before) ? before.Last + 1 : 1;
                if (anchor.First != expected)
                    Report("anchor", $"anchor, {entity} event {expected}", $"missing: the next sealed one is {anchor.First}");
                return _anchors[entity] = anchor;
            }).ConfigureAwait(false);
        await Rows(
            SegmentTable.Table, $"SELECT {SegmentTable.Table.Names} FROM segment",
            row =>
            {
                var segment = SegmentTable.Current(row);
                AddSealed(segment.Shard, segment.Numbers.Span);
                return segment;
            }).ConfigureAwait(false);
    }

    private Task Table<T>(PostgresTable table, Func<PostgresRow, T> current) =>
        Rows(table, $"SELECT {table.Names} FROM {table.Name}", current);

    private async Task Rows<T>(PostgresTable table, string select, Func<PostgresRow, T> current)
    {
        PostgresRow? at = null;
        await Each(
            select,
            row =>
            {
                at ??= new PostgresRow(table, row);
                Try(table.Name, () => current(at));
            }).ConfigureAwait(false);
    }

    private async Task Shard(int shard)
    {
        ShardRow? own = null;
        var there = false;
        await Each(
            $"SELECT {ShardTable.Columns} FROM shard s WHERE s.shard = {shard}",
            row =>
            {
                there = true;
                Try("shard", () => own = ShardTable.Current(row));
            }).ConfigureAwait(false);
        if (!there) Report("shard", $"shard, shard {shard}", "the row is missing");

        var heads = new Dictionary<string, HeadRow>(StringComparer.Ordinal);
        await Rows(
            HeadTable.Table, $"SELECT {HeadTable.Table.Names} FROM head WHERE shard = {shard}",
            row =>
            {
                var head = HeadTable.Current(row);
                heads[head.Entity.ToString()] = head;
                return head;
            }).ConfigureAwait(false);
        var snapshots = new Dictionary<string, SnapshotRow>(StringComparer.Ordinal);
        await Rows(
            SnapshotTable.Table, $"SELECT {SnapshotTable.Table.Names} FROM snapshot WHERE shard = {shard}",
            row =>
            {
                var snapshot = SnapshotTable.Current(row);
                snapshots[snapshot.Entity.ToString()] = snapshot;
                return snapshot;
            }).ConfigureAwait(false);
        await Chains(shard, heads, snapshots).ConfigureAwait(false);
        await Follow(shard, own).ConfigureAwait(false);
    }

    private async Task Chains(int shard, Dictionary<string, HeadRow> heads, Dictionary<string, SnapshotRow> snapshots)
    {
        var chain = new Chain(this, heads, snapshots);
        PostgresRow? at = null;
        await Each(
            $"SELECT {JournalTable.Table.Names} FROM journal WHERE shard = {shard} ORDER BY entity, entity_number",
            row =>
            {
                at ??= new PostgresRow(JournalTable.Table, row);
                JournalRow? stored = null;
                Try(
                    "journal",
                    () =>
                    {
                        stored = JournalTable.Current(at);
                        if (!EventHash.Matches(stored))
                            throw new DamageException(JournalTable.Table.Where(at), "its hash is not that of its contents");
                    },
                    () => stored = null);
                chain.Next(row.IsDBNull(2) ? "" : row.GetString(2), row.GetInt64(3), stored);
            }).ConfigureAwait(false);
        chain.End();
        foreach (var (entity, head) in heads)
        {
            if (head.EntityNumber > 0)
                Report("journal", $"journal, {entity} event 1", $"it is missing, with all of the entity's {head.EntityNumber} events");
        }
    }

    private async Task Follow(int shard, ShardRow? own)
    {
        var feed = Feed(shard);
        await Each($"SELECT number FROM journal WHERE shard = {shard} ORDER BY number", row => feed.Next(row.GetInt64(0))).ConfigureAwait(false);
        if (own is not null) feed.End(own.LastEvent);
    }

    private async Task Each(string sql, Action<NpgsqlDataReader> row)
    {
        await using var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = 0 };
        await using var rows = await command.ExecuteReaderAsync(Cancellation).ConfigureAwait(false);
        while (await rows.ReadAsync(Cancellation).ConfigureAwait(false)) row(rows);
    }

    /// <summary>Follows the events of one shard, entity by entity. Rows known to be unsound are left out: what follows them is not held
    /// against them. A head and a snapshot are taken out of their tables when their entity has been seen.</summary>
    private sealed class Chain(PostgresVerifier verifier, Dictionary<string, HeadRow> heads, Dictionary<string, SnapshotRow> snapshots)
    {
        private string? _entity;
        private long _number;
        private ReadOnlyMemory<byte> _hash;

        public void Next(string entity, long number, JournalRow? row)
        {
            if (entity != _entity)
            {
                End();
                (_entity, _number, _hash) = verifier._anchors.TryGetValue(entity, out var anchor)
                    ? (entity, anchor.Last, anchor.Hash)
                    : (entity, 0, EventHash.None);
            }
            for (_number++; _number < number; _number++)
            {
                verifier.Report("journal", $"journal, {entity} event {_number}", "it is missing");
                _hash = default;
            }
            if (row is not null && !_hash.IsEmpty && !row.PreviousHash.Span.SequenceEqual(_hash.Span))
                verifier.Report("journal", $"journal, {entity} event {number}", "it does not continue the chain of the event before it");
            _hash = row?.Hash ?? default;
            if (row is not null && snapshots.TryGetValue(entity, out var snapshot) && snapshot.EntityNumber == number
                && !snapshot.EventHash.Span.SequenceEqual(row.Hash.Span))
                verifier.Report("snapshot", $"snapshot, {entity} after event {number}", "its event has another hash in the journal");
        }

        public void End()
        {
            if (_entity is null) return;
            if (!heads.Remove(_entity, out var head))
            {
                verifier.Report("head", $"head, {_entity}", "the entity has events and no sound head row");
                return;
            }
            for (var missing = _number + 1; missing <= head.EntityNumber; missing++)
                verifier.Report("journal", $"journal, {_entity} event {missing}", "it is missing");
            if (head.EntityNumber == _number && !_hash.IsEmpty && !head.Hash.Span.SequenceEqual(_hash.Span))
                verifier.Report("head", $"head, {_entity} at event {_number}", "its hash is not that of the last event");
        }
    }
}
