using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;
using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>What happens to a journal over years: export and import, sealed segments, read models. What a database of the first build
/// could not keep when it goes back to that build (<see cref="SqliteSchema"/>) is refused until the feature level is raised.</summary>
public sealed partial class SqliteStore : IJournalStore
{
    private SegmentReader _sealed = new(null);

    public void UseBlobs(IBlobStore blobs) => _sealed = new SegmentReader(blobs);

    public Task<ShardExport> ExportShard(int shard, CancellationToken cancellation) => Read(
        connection =>
        {
            // Strictly: what a copy left out because it is damaged would be lost.
            var heads = All(connection.Prepare($"{HeadTable.Table.Select} WHERE shard = ?").Bind(shard), HeadTable.Current)
                .OrderBy(static h => h.Entity).ToList();
            return new ShardExport(
                heads, heads.Select(h => SnapshotTable.Find(connection, h.Entity)).OfType<SnapshotRow>().ToList(),
                All(connection.Prepare($"{TimerTable.Table.Select} WHERE shard = ?").Bind(shard), TimerTable.Current)
                    .OrderBy(static t => t.Entity).ThenBy(static t => t.Name, StringComparer.Ordinal).ToList(),
                All(connection.Prepare($"{MailTable.Table.Select} WHERE seq BETWEEN ? AND ? ORDER BY seq")
                    .Bind(Sequence(shard, 0)).Bind(Sequence(shard + 1, 0) - 1), MailTable.Current),
                All(connection.Prepare($"{ParkedTable.Table.Select} WHERE shard = ? ORDER BY place").Bind(shard), ParkedTable.Current),
                All(connection.Prepare($"{WorkTable.Table.Select} WHERE shard = ? ORDER BY number").Bind(shard), WorkTable.Current)
                    .Select(w => WorkPlanTable.Complete(connection, w).Kept).ToList());
        },
        cancellation);

    public Task<IReadOnlyList<KeptReply>> ExportReplies(KeptReply? after, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<KeptReply>>(
            connection =>
            {
                var page = after is null
                    ? connection.Prepare($"{ReplyTable.Table.Select} ORDER BY tenant, key LIMIT ?").Bind(limit)
                    : connection.Prepare($"{ReplyTable.Table.Select} WHERE (tenant, key) > (?, ?) ORDER BY tenant, key LIMIT ?")
                        .Bind(after.Row.Tenant).Bind(after.Row.Key.ToByteArray(bigEndian: true)).Bind(limit);
                return All(page, static row => new KeptReply(ReplyTable.Current(row), row.Time(ReplyTable.TimeColumn)));
            },
            cancellation);

    public Task Import(IAsyncEnumerable<ImportBatch> batches, CancellationToken cancellation) => Write(
        connection =>
        {
            RequireTables(connection);
            var numbers = new ImportNumbers(ShardCount, shard => ShardTable.Read(connection, shard));
            foreach (var batch in batches.ToBlockingEnumerable(cancellation)) Take(connection, batch, numbers);
            foreach (var row in numbers.Rows()) ShardTable.Put(connection, row);
            return true;
        },
        cancellation);

    private void Take(SqliteConnection connection, ImportBatch batch, ImportNumbers numbers)
    {
        foreach (var row in batch.Events) JournalTable.Add(connection, numbers.Event(row));
        foreach (var row in batch.Heads)
        {
            if (HeadTable.Find(connection, row.Entity) is not null) throw new StoreException($"{row.Entity} is there already");
            HeadTable.Put(connection, row with { Shard = numbers.Shard(row.Entity) });
        }
        foreach (var row in batch.Snapshots) SnapshotTable.Put(connection, row);
        foreach (var row in batch.Anchors) AnchorTable.Add(connection, row);
        foreach (var row in batch.Timers) TimerTable.Put(connection, numbers.Timer(row));
        foreach (var row in batch.Mail) AddMail(connection, numbers.Mail(row));
        foreach (var row in batch.Parked) ParkedTable.Add(connection, numbers.Parked(row));
        foreach (var row in batch.Work)
        {
            if (WorkTable.Find(connection, row.Work.Id) is not null) throw new StoreException($"work {row.Work.Id} is there already");
            var number = connection.ReadLong("SELECT coalesce(max(number), 0) + 1 FROM work");
            WorkTable.Put(connection, numbers.Work(row, number));
        }
        foreach (var (row, time) in batch.Replies) ReplyTable.Add(connection, numbers.Reply(row), time);
        foreach (var row in batch.Origins) OriginTable.Add(connection, row);
    }

    public Task MarkCopying(bool copying, CancellationToken cancellation) => Write(
        connection =>
        {
            MetaTable.Put(connection, MetaTable.Copying, copying ? 1 : 0);
            return true;
        },
        cancellation);

    public Task<bool> IsCopying(CancellationToken cancellation) =>
        Read(connection => MetaTable.Read(connection, MetaTable.Copying, otherwise: 0) != 0, cancellation);

    public Task<OriginRow?> ReadOrigin(EntityAddress entity, CancellationToken cancellation) => Read(
        connection => HasTables(connection)
            ? All(connection.Prepare($"{OriginTable.Table.Select} WHERE entity = ?").Bind(entity), OriginTable.Current).FirstOrDefault()
            : null,
        cancellation);

    public Task<IReadOnlyList<JournalRow>> ReadUnsealed(int shard, long after, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<JournalRow>>(connection => ReadRows(connection, shard, after, limit), cancellation);

    public Task<IReadOnlyList<JournalRow>> ReadUnsealed(EntityAddress entity, long after, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<JournalRow>>(
            connection => All(
                connection.Prepare($"{JournalTable.Table.Select} WHERE entity = ? AND entity_number > ? ORDER BY entity_number LIMIT ?")
                    .Bind(entity).Bind(after).Bind(limit),
                JournalTable.Current),
            cancellation);

    public Task<IReadOnlyList<SegmentRow>> ReadSegments(int? shard, CancellationToken cancellation) =>
        Read<IReadOnlyList<SegmentRow>>(connection => SegmentsOf(connection, shard), cancellation);

    public Task<IReadOnlyList<AnchorRow>> ReadAnchors(EntityAddress entity, CancellationToken cancellation) =>
        Read<IReadOnlyList<AnchorRow>>(connection => AnchorsOf(connection, entity), cancellation);

    public Task<long> Seal(Fence fence, SegmentRow segment, IReadOnlyList<AnchorRow> anchors, CancellationToken cancellation) => Write(
        connection =>
        {
            RequireTables(connection);
            if (!Holds(connection, fence)) return 0;
            foreach (var anchor in anchors)
            {
                using var later = connection.Prepare("SELECT 1 FROM journal WHERE entity = ? AND entity_number > ? LIMIT 1")
                    .Bind(anchor.Entity).Bind(anchor.Last);
                if (!later.Step())
                    throw new StoreException($"{anchor.Entity}: event {anchor.Last} is its last and stays in the journal");
            }
            foreach (var (first, last) in NumberSet.Read(segment.Numbers.Span))
            {
                connection.Prepare("DELETE FROM journal WHERE seq BETWEEN ? AND ?")
                    .Bind(Sequence(fence.Shard, first)).Bind(Sequence(fence.Shard, last)).Run();
                if (connection.ReadLong("SELECT changes()") != last - first + 1)
                    throw new StoreException($"shard {fence.Shard}: not all events {first} to {last} are there to be sealed");
            }
            var id = connection.ReadLong("SELECT coalesce(max(id), 0) + 1 FROM segment");
            SegmentTable.Put(connection, segment with { Id = id, Shard = fence.Shard });
            foreach (var anchor in anchors) AnchorTable.Add(connection, anchor with { Segment = id });
            return id;
        },
        cancellation);

    public Task<bool> Thin(Fence fence, long segment, SegmentState to, CancellationToken cancellation) => Write(
        connection =>
        {
            if (!HasTables(connection) || !Holds(connection, fence)) return false;
            var found = SegmentsOf(connection, fence.Shard).FirstOrDefault(s => s.Id == segment && s.State < to);
            if (found is null) return false;
            SegmentTable.Put(connection, found with { State = to });
            return true;
        },
        cancellation);

    private static bool Holds(SqliteConnection connection, Fence fence) =>
        ShardTable.Read(connection, fence.Shard) is var row && row.Owner == fence.Owner && row.Epoch == fence.Epoch;

    /// <summary>Whether the database has the tables of this build.</summary>
    private static bool HasTables(SqliteConnection connection) => connection.ReadLong("PRAGMA user_version") >= 2;

    private static void RequireTables(SqliteConnection connection)
    {
        if (MetaTable.Read(connection, MetaTable.MadeWith, otherwise: SqliteSchema.Version) < SqliteSchema.Version
            && MetaTable.Read(connection, MetaTable.FeatureLevel, otherwise: 0) == 0)
        {
            throw new StoreException(
                $"{connection.File}: was made by a build that knows no sealed segments and no imports; "
                + "'athanor cluster feature-level --raise' allows them, after which that build can no longer open it");
        }
    }

    private static List<SegmentRow> SegmentsOf(SqliteConnection connection, int? shard)
    {
        if (!HasTables(connection)) return [];
        return All(
            shard is { } one
                ? connection.Prepare($"{SegmentTable.Table.Select} WHERE shard = ? ORDER BY id").Bind(one)
                : connection.Prepare($"{SegmentTable.Table.Select} ORDER BY id"),
            SegmentTable.Current);
    }

    private static List<AnchorRow> AnchorsOf(SqliteConnection connection, EntityAddress entity) => HasTables(connection)
        ? All(connection.Prepare($"{AnchorTable.Table.Select} WHERE entity = ? ORDER BY first").Bind(entity), AnchorTable.Current)
        : [];

    private List<JournalRow> ReadRows(SqliteConnection connection, int shard, long after, int limit) => _reports.ReadAll(
        connection.Prepare($"{JournalTable.Table.Select} WHERE seq > ? AND seq < ? ORDER BY seq")
            .Bind(Sequence(shard, after)).Bind(Sequence(shard + 1, 0)),
        JournalTable.Current, limit);

    /// <exception cref="DamageException">One of the rows is damaged.</exception>
    private static List<T> All<T>(SqliteStatement rows, Func<SqliteStatement, T> current)
    {
        var list = new List<T>();
        using (rows)
        {
            while (rows.Step()) list.Add(current(rows));
        }
        return list;
    }
}
