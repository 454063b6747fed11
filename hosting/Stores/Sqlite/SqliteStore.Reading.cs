using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;
using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Reads: each sees one moment, and nothing that is damaged leaves them.</summary>
public sealed partial class SqliteStore
{
    public Task<ShardContents> OpenShard(int shard, CancellationToken cancellation) => Read(
        connection =>
        {
            var row = ShardTable.Read(connection, shard);
            var timers = _reports.ReadAll(connection.Prepare($"{TimerTable.Table.Select} WHERE shard = ?").Bind(shard), TimerTable.Current)
                .OrderBy(t => t.Due).ThenBy(t => t.Entity).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
            var heads = Sorted(
                connection.Prepare($"{HeadTable.Table.Select} WHERE shard = ? AND (awaits <> 0 OR fault IS NOT NULL)").Bind(shard));
            var (faulted, wake) = (heads.Where(h => h.Fault is not null).ToList(), heads.Where(h => h.Fault is null).ToList());
            return new ShardContents(row, timers, wake, faulted);
        },
        cancellation);

    public async Task<EntityHistory> ReadEntity(EntityAddress entity, bool fromStart, CancellationToken cancellation)
    {
        var stored = await Read(
            connection =>
            {
                try
                {
                    return ReadHistory(connection, entity, fromStart);
                }
                catch (DamageException e) when (!e.Where.Contains(entity.ToString(), StringComparison.Ordinal))
                {
                    // SQLite names a page at best.
                    throw new DamageException($"journal, {entity}", e.Message);
                }
            },
            cancellation).ConfigureAwait(false);
        return await _sealed.Complete(entity, stored, cancellation).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<MailRow>> ReadMail(IReadOnlyList<int> shards, int limit, CancellationToken cancellation) =>
        Read<IReadOnlyList<MailRow>>(
            connection => shards.SelectMany(shard => _reports.ReadAll(
                connection.Prepare(
                    $"{MailTable.Table.Select} WHERE seq BETWEEN ? AND ? AND NOT EXISTS "
                    + "(SELECT 1 FROM head WHERE head.entity = mail.entity AND head.fault IS NOT NULL) ORDER BY seq")
                    .Bind(Sequence(shard, 0)).Bind(Sequence(shard + 1, 0) - 1),
                MailTable.Current, limit)).ToList(),
            cancellation);

    public Task<ReplyRow?> FindReply(string tenant, Guid key, CancellationToken cancellation) =>
        Read(connection => FindReply(connection, tenant, key), cancellation);

    public Task<IReadOnlyList<ReplyRow?>> FindReplies(IReadOnlyList<(string Tenant, Guid Key)> keys, CancellationToken cancellation) =>
        Read<IReadOnlyList<ReplyRow?>>(
            connection => [.. keys.Select(wanted => FindReply(connection, wanted.Tenant, wanted.Key))], cancellation);

    private ReplyRow? FindReply(SqliteConnection connection, string tenant, Guid key)
    {
        using var row = connection.Prepare(ReplyTable.ByKey).Bind(tenant).Bind(key.ToByteArray(bigEndian: true));
        if (!row.Step()) return null;
        var reply = ReplyTable.Current(row);
        return row.Time(ReplyTable.TimeColumn) < _clock.Now() - _options.ReplyRetention ? null : reply;
    }

    public Task<IReadOnlyList<HeadRow>> ListEntities(string tenant, string family, CancellationToken cancellation) =>
        Read<IReadOnlyList<HeadRow>>(
            // '0' is the character after '/', so this is the range of all addresses that begin with tenant/family/.
            connection => Sorted(
                connection.Prepare($"{HeadTable.Table.Select} WHERE entity > ? AND entity < ? AND entity_number > 0")
                    .Bind($"{tenant}/{family}/").Bind($"{tenant}/{family}0")),
            cancellation);

    public Task<IReadOnlyList<HeadRow>> ListAllEntities(CancellationToken cancellation) =>
        Read<IReadOnlyList<HeadRow>>(connection => Sorted(connection.Prepare(HeadTable.Table.Select)), cancellation);

    public async Task<IReadOnlyList<JournalRow>> ReadFeed(int shard, long after, int limit, CancellationToken cancellation)
    {
        var (rows, segments) = await Read(
            connection => (ReadRows(connection, shard, after, limit), SegmentsOf(connection, shard)), cancellation).ConfigureAwait(false);
        return await _sealed.Feed(rows, segments, after, limit, cancellation).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<ParkedRow>> ReadParked(CancellationToken cancellation) => Read<IReadOnlyList<ParkedRow>>(
        connection => _reports.ReadAll(connection.Prepare($"{ParkedTable.Table.Select} ORDER BY place"), ParkedTable.Current),
            cancellation);

    /// <summary>In the order of addresses, which is not that of their texts ('-' comes before '/').</summary>
    private List<HeadRow> Sorted(SqliteStatement heads) => _reports.ReadAll(heads, HeadTable.Current).OrderBy(h => h.Entity).ToList();

    private static StoredHistory ReadHistory(SqliteConnection connection, EntityAddress entity, bool fromStart)
    {
        var head = HeadTable.Find(connection, entity);
        var anchors = AnchorsOf(connection, entity);
        var latest = !fromStart || anchors.Count > 0 ? SnapshotTable.Find(connection, entity) : null;
        var history = new HistoryReader(entity, head, fromStart ? null : latest, anchors);
        using (var rows = connection.Prepare(JournalTable.AfterNumber).Bind(entity).Bind(history.After))
        {
            while (rows.Step()) history.Add(JournalTable.Current(rows));
        }
        var whole = history.End();
        var segments = anchors.Count > 0 ? SegmentsOf(connection, null).Where(s => anchors.Exists(a => a.Segment == s.Id)).ToList() : [];
        return new StoredHistory(whole, latest, anchors, segments);
    }
}
