using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;
using Npgsql;
using NpgsqlTypes;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>What happens to a journal over years: export and import, and sealed segments.</summary>
public sealed partial class PostgresStore : IJournalStore
{
    /// <summary>Moving or copying many rows may take longer than a commit.</summary>
    private static readonly TimeSpan SealTimeout = TimeSpan.FromMinutes(2);

    public void UseBlobs(IBlobStore blobs) => _sealed = new SegmentReader(blobs);

    public Task<ShardExport> ExportShard(int shard, CancellationToken cancellation) => Read(
        $"exporting shard {shard}",
        async connection =>
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                Timeout = 0,
                BatchCommands =
                {
                    BatchCommand($"SELECT {HeadTable.Table.Names} FROM head WHERE shard = $1", shard),
                    BatchCommand($"SELECT {FaultTable.Table.Names} FROM fault WHERE shard = $1", shard),
                    BatchCommand($"SELECT {SnapshotTable.Table.Names} FROM snapshot WHERE shard = $1", shard),
                    BatchCommand($"SELECT {TimerTable.Table.Names} FROM timer WHERE shard = $1 ORDER BY entity, name", shard),
                    BatchCommand($"SELECT {MailTable.Table.Names} FROM mail WHERE shard = $1 ORDER BY seq", shard),
                    BatchCommand($"SELECT {ParkedTable.Table.Names} FROM parked WHERE shard = $1 ORDER BY place", shard),
                    BatchCommand($"SELECT {WorkTable.Columns} FROM work w WHERE w.shard = $1 ORDER BY w.number", shard),
                },
            };
            // Strictly: what a copy left out because it is damaged would be lost.
            await using var rows = await batch.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var heads = await All(rows, HeadTable.Table, HeadTable.Current, cancellation, next: false).ConfigureAwait(false);
            var faults = await All(rows, FaultTable.Table, FaultTable.Current, cancellation).ConfigureAwait(false);
            var snapshots = await All(rows, SnapshotTable.Table, SnapshotTable.Current, cancellation).ConfigureAwait(false);
            var timers = await All(rows, TimerTable.Table, TimerTable.Current, cancellation).ConfigureAwait(false);
            var mail = await All(rows, MailTable.Table, MailTable.Current, cancellation).ConfigureAwait(false);
            var parked = await All(rows, ParkedTable.Table, ParkedTable.Current, cancellation).ConfigureAwait(false);
            var work = await All(rows, WorkTable.Table, WorkTable.Current, cancellation).ConfigureAwait(false);
            return new ShardExport(
                WithFaults(heads, faults.ToDictionary(static f => f.Entity)).ToList(), snapshots.OrderBy(static s => s.Entity).ToList(),
                timers, mail, parked, work.Select(static w => w.Kept).ToList());
        },
        cancellation);

    public Task<IReadOnlyList<KeptReply>> ExportReplies(KeptReply? after, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<KeptReply>>(
            "exporting replies",
            async connection =>
            {
                await using var command = Command(
                    connection,
                    $"SELECT {ReplyTable.Table.Names}, time FROM reply WHERE (tenant, key) > ($1, $2) ORDER BY tenant, key LIMIT $3",
                    after?.Row.Tenant ?? "", after?.Row.Key ?? Guid.Empty, (long)limit);
                await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                return await All(
                    rows, ReplyTable.Table,
                    row => new KeptReply(ReplyTable.Current(row), new DateTimeOffset(rows.GetInt64(row.Extra), TimeSpan.Zero)),
                    cancellation, next: false).ConfigureAwait(false);
            },
            cancellation);

    public Task Import(IAsyncEnumerable<ImportBatch> batches, CancellationToken cancellation) => Transaction(
        "importing",
        async connection =>
        {
            var shards = new List<ShardRow>();
            await using (var command = Command(connection, $"SELECT {ShardTable.Columns} FROM shard s ORDER BY s.shard FOR UPDATE"))
            await using (var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false))
            {
                while (await row.ReadAsync(cancellation).ConfigureAwait(false)) shards.Add(ShardTable.Current(row));
            }
            if (shards.Count != ShardCount) throw new DamageException("shard", $"there are {shards.Count} rows where {ShardCount} are due");
            var numbers = new ImportNumbers(ShardCount, shard => shards[shard]);
            await foreach (var batch in batches.WithCancellation(cancellation).ConfigureAwait(false))
                await Take(connection, batch, numbers, cancellation).ConfigureAwait(false);
            foreach (var row in numbers.Rows())
            {
                await Run(
                    connection, "UPDATE shard SET last = $2, last_event = $3 WHERE shard = $1", cancellation, row.Shard, row.LastNumber,
                    row.LastEvent).ConfigureAwait(false);
            }
            return true;
        },
        cancellation, TimeSpan.Zero);

    private async Task Take(NpgsqlConnection connection, ImportBatch batch, ImportNumbers numbers, CancellationToken cancellation)
    {
        await Put(JournalTable.Section, batch.Events, (rows, row) => JournalTable.Add(rows, numbers.Event(row))).ConfigureAwait(false);
        await Put(ImportSections.Heads, batch.Heads, (rows, row) => HeadTable.Add(rows, row with { Shard = numbers.Shard(row.Entity) }))
            .ConfigureAwait(false);
        await Put(
            ImportSections.Faults, batch.Heads.Where(static h => h.Fault is not null),
            (rows, row) => FaultTable.Add(rows, numbers.Shard(row.Entity), new FaultRow(row.Entity, row.Fault))).ConfigureAwait(false);
        await Put(ImportSections.Snapshots, batch.Snapshots, (rows, row) => SnapshotTable.Add(rows, numbers.Shard(row.Entity), row))
            .ConfigureAwait(false);
        await Put(AnchorTable.Section, batch.Anchors, AnchorTable.Add).ConfigureAwait(false);
        await Put(
            ImportSections.Timers, batch.Timers.Select(numbers.Timer), static (rows, row) => TimerTable.Add(rows, row.Shard, row))
            .ConfigureAwait(false);
        await Put(MailTable.Section, batch.Mail.Select(numbers.Mail), static (rows, row) => MailTable.Add(rows, row.Shard, row))
            .ConfigureAwait(false);
        await Put(
            ParkedTable.Section, batch.Parked.Select(numbers.Parked), static (rows, row) => ParkedTable.Add(rows, row.Mail.Shard, row))
            .ConfigureAwait(false);
        await Put(ImportSections.Work, batch.Work, (rows, row) => ImportSections.Add(rows, numbers.Work(row, 0))).ConfigureAwait(false);
        await Put(ImportSections.Replies, batch.Replies, (rows, row) => ImportSections.Add(rows, row, numbers.Reply(row.Row)))
            .ConfigureAwait(false);
        await Put(OriginTable.Section, batch.Origins, OriginTable.Add).ConfigureAwait(false);

        Task Put<T>(CommitSection section, IEnumerable<T> all, Action<PostgresRows, T> add) =>
            PostgresStore.Put(connection, section, all, add, cancellation);
    }

    public Task MarkCopying(bool copying, CancellationToken cancellation) => Control(
        "marking a copy", connection => Run(connection, "UPDATE cluster SET copying = $1", cancellation, copying), cancellation);

    public Task<bool> IsCopying(CancellationToken cancellation) => Control(
        "looking for an unfinished copy",
        async connection =>
        {
            await using var command = Command(connection, "SELECT copying FROM cluster");
            return (bool)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
        },
        cancellation);

    public async Task<OriginRow?> ReadOrigin(EntityAddress entity, CancellationToken cancellation) => (await ReadStrictly(
        "reading an origin", OriginTable.Table, OriginTable.Current, "WHERE entity = $1", cancellation, entity.ToString())
        .ConfigureAwait(false)).FirstOrDefault();

    public Task<IReadOnlyList<JournalRow>> ReadUnsealed(int shard, long after, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<JournalRow>>(
            $"reading the journal of shard {shard}",
            async connection =>
            {
                await using var command = Command(
                    connection,
                    $"SELECT {JournalTable.Table.Names} FROM journal WHERE shard = $1 AND number > $2 ORDER BY number LIMIT $3",
                    shard, after, (long)limit);
                await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                var row = new PostgresRow(JournalTable.Table, rows);
                return await ReadAll(rows, () => JournalTable.Current(row), cancellation).ConfigureAwait(false);
            },
            cancellation);

    public Task<IReadOnlyList<JournalRow>> ReadUnsealed(EntityAddress entity, long after, int limit, CancellationToken cancellation) =>
        ReadStrictly(
            $"reading events of {entity}", JournalTable.Table, JournalTable.Current,
            "WHERE shard = $1 AND entity = $2 AND entity_number > $3 ORDER BY entity_number LIMIT $4", cancellation,
            ShardOf.Address(entity, ShardCount), entity.ToString(), after, (long)limit);

    public Task<IReadOnlyList<SegmentRow>> ReadSegments(int? shard, CancellationToken cancellation) => ReadStrictly(
        "reading segments", SegmentTable.Table, SegmentTable.Current, "WHERE $1 < 0 OR shard = $1 ORDER BY id", cancellation, shard ?? -1);

    public Task<IReadOnlyList<AnchorRow>> ReadAnchors(EntityAddress entity, CancellationToken cancellation) => ReadStrictly(
        "reading anchors", AnchorTable.Table, AnchorTable.Current, "WHERE entity = $1 ORDER BY first", cancellation, entity.ToString());

    public Task<long> Seal(Fence fence, SegmentRow segment, IReadOnlyList<AnchorRow> anchors, CancellationToken cancellation) => Transaction(
        $"sealing events of shard {fence.Shard}",
        async connection =>
        {
            if (!await Holds(connection, fence, cancellation).ConfigureAwait(false)) return 0;
            foreach (var (entity, last) in anchors.Select(static a => (a.Entity, a.Last)))
            {
                await using var later = Command(
                    connection, "SELECT EXISTS (SELECT FROM journal WHERE shard = $1 AND entity = $2 AND entity_number > $3)", fence.Shard,
                    entity.ToString(), last);
                if (!(bool)(await later.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!)
                    throw new StoreException($"{entity}: event {last} is its last and stays in the journal");
            }
            foreach (var (first, last) in NumberSet.Read(segment.Numbers.Span))
            {
                var gone = await Run(
                    connection, "DELETE FROM journal WHERE shard = $1 AND number BETWEEN $2 AND $3", cancellation, fence.Shard, first, last)
                    .ConfigureAwait(false);
                if (gone != last - first + 1)
                    throw new StoreException($"shard {fence.Shard}: not all events {first} to {last} are there to be sealed");
            }
            // Ids rise without a gap, so only one may be drawn at a time.
            await Run(connection, "SELECT pg_advisory_xact_lock(hashtextextended('athanor segments', 0))", cancellation).ConfigureAwait(false);
            await using var next = Command(connection, "SELECT coalesce(max(id), 0) + 1 FROM segment");
            var id = (long)(await next.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
            await Put(connection, SegmentTable.Section, [segment with { Id = id, Shard = fence.Shard }], SegmentTable.Add, cancellation)
                .ConfigureAwait(false);
            await Put(connection, AnchorTable.Section, anchors.Select(a => a with { Segment = id }), AnchorTable.Add, cancellation)
                .ConfigureAwait(false);
            return id;
        },
        cancellation, SealTimeout);

    public Task<bool> Thin(Fence fence, long segment, SegmentState to, CancellationToken cancellation) => Transaction(
        $"thinning segment {segment}",
        async connection =>
        {
            if (!await Holds(connection, fence, cancellation).ConfigureAwait(false)) return false;
            await using var command = Command(
                connection, $"SELECT {SegmentTable.Table.Names} FROM segment WHERE id = $1 AND shard = $2", segment, fence.Shard);
            SegmentRow? found;
            await using (var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false))
                found = (await All(rows, SegmentTable.Table, SegmentTable.Current, cancellation, next: false).ConfigureAwait(false)).FirstOrDefault();
            if (found is null || found.State >= to) return false;
            await Put(connection, SegmentTable.Section, [found with { State = to }], SegmentTable.Add, cancellation).ConfigureAwait(false);
            return true;
        },
        cancellation);

    /// <summary>Whether the shard's row says what the fence says; it stays so until the transaction ends.</summary>
    private static async Task<bool> Holds(NpgsqlConnection connection, Fence fence, CancellationToken cancellation)
    {
        await using var command = Command(
            connection, $"SELECT {ShardTable.Columns} FROM shard s WHERE s.shard = $1 FOR NO KEY UPDATE", fence.Shard);
        await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        return await row.ReadAsync(cancellation).ConfigureAwait(false)
            && ShardTable.Current(row) is var shard && shard.Owner == fence.Owner && shard.Epoch == fence.Epoch;
    }

    private Task<IReadOnlyList<T>> ReadStrictly<T>(
        string doing, PostgresTable table, Func<PostgresRow, T> current, string where, CancellationToken cancellation,
        params object?[] values) => Read<IReadOnlyList<T>>(
        doing,
        async connection =>
        {
            await using var command = Command(connection, $"SELECT {table.Names} FROM {table.Name} {where}", values);
            await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            return await All(rows, table, current, cancellation, next: false).ConfigureAwait(false);
        },
        cancellation);

    /// <summary>Writes rows as a section does, outside a commit.</summary>
    private static async Task Put<T>(
        NpgsqlConnection connection, CommitSection section, IEnumerable<T> all, Action<PostgresRows, T> add, CancellationToken cancellation)
    {
        foreach (var page in all.Chunk(1000))
        {
            var rows = section.NewRows();
            foreach (var row in page) add(rows, row);
            await using var command = new NpgsqlCommand(section.Alone, connection);
            foreach (var (column, list) in section.Columns.Zip(rows.Columns))
                command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | column.DbType, Value = list });
            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
    }
}
