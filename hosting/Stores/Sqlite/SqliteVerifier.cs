using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Athanor.Hosting.Stores.Integrity;
using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// Reads everything, in one read transaction beside the writer, and reports what is not as written:
/// every row's CRC; every event's hash, its place in its entity's chain, and gaps; heads and snapshots against the journal; shard rows;
/// the file's header; and SQLite's own check of pages and indexes. Where a page cannot be read the scan goes on from the table's other end,
/// and the index names the events that lie between.
/// </summary>
internal sealed class SqliteVerifier(string path, TimeSpan busyTimeout, int shards)
{
    private readonly Channel<Damage> _found = Channel.CreateBounded<Damage>(256);
    private readonly HashSet<string> _reported = new(StringComparer.Ordinal);

    /// <summary>Keys of the journal's rows that are damaged in themselves.</summary>
    private readonly HashSet<long> _unsound = [];

    /// <summary>Where each entity's chain goes on behind its sealed events, and which numbers of each shard's feed are sealed.</summary>
    private readonly Dictionary<string, (long Number, byte[] Hash)> _anchors = new(StringComparer.Ordinal);
    private readonly Dictionary<int, HashSet<long>> _sealed = [];
    private SqliteConnection _connection = null!;
    private CancellationToken _cancellation;

    public async IAsyncEnumerable<Damage> Run([EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _cancellation = stop.Token;
        var scan = Task.Run(Scan, CancellationToken.None);
        try
        {
            await foreach (var damage in _found.Reader.ReadAllAsync(cancellation).ConfigureAwait(false)) yield return damage;
        }
        finally
        {
            // The consumer may stop early; the scan must not outlive it.
            await stop.CancelAsync().ConfigureAwait(false);
            await scan.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await scan.ConfigureAwait(false);
    }

    private void Scan()
    {
        Exception? failure = null;
        try
        {
            Try("journal.db", () => SqliteSchema.CheckFile(path));
            using (_connection = SqliteConnection.Open(path, write: false, busyTimeout))
            {
                _connection.Execute("PRAGMA cell_size_check = ON");
                _connection.Execute("BEGIN");
                Try("schema", () => SqliteSchema.Check(_connection));
                var version = _connection.ReadLong("PRAGMA user_version");
                foreach (var table in SqliteSchema.TablesOf(version)) Try(table.Name, () => ScanTable(table));
                if (version >= 2) Try("anchor", ReadSealed);
                Try("journal", CheckChains);
                Try("snapshot", CheckSnapshots);
                Try("shard", CheckShards);
                Try("journal.db", CheckPages);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        _found.Writer.Complete(failure);
    }

    private void ScanTable(SqliteTable table)
    {
        if (ScanRows(table, descending: false, out var last)) return;
        ScanRows(table, descending: true, out var first);
        if (table != JournalTable.Table)
        {
            if (table.HasRowid && table != SnapshotTable.Table && table != ReplyTable.Table)
                Report(table.Name, $"{table.Name}, rows between {last} and {first}", "they lie on pages that cannot be read");
            return;
        }
        NameUnread(last ?? long.MinValue, first ?? long.MaxValue);
    }

    /// <returns>Whether the end was reached; otherwise <paramref name="reached"/> is the last key that could be read.</returns>
    private bool ScanRows(SqliteTable table, bool descending, out long? reached)
    {
        reached = null;
        try
        {
            // Over the table's own b-tree: an index may leave rows out.
            var order = table.HasRowid ? $" NOT INDEXED ORDER BY rowid{(descending ? " DESC" : "")}"
                : $" ORDER BY {table.Key}{(descending ? " DESC" : "")}";
            using var row = _connection.Prepare(table.Select + order);
            while (row.Step())
            {
                _cancellation.ThrowIfCancellationRequested();
                if (table.HasRowid) reached = row.Long(0);
                CheckRow(table, row);
            }
            return true;
        }
        catch (StoreException e) when (e is not DamageException { Where: not "journal.db" })
        {
            Report(table.Name, $"{table.Name}, after {(reached is { } key ? Name(table, key) : "its beginning")}", e.Message);
            return false;
        }
    }

    private void CheckRow(SqliteTable table, SqliteStatement row)
    {
        try
        {
            if (table != JournalTable.Table)
            {
                table.Check(row);
                return;
            }
            var stored = JournalTable.Current(row);
            if (!EventHash.Matches(stored)) throw new DamageException(table.Where(row), "its hash is not that of its contents");
        }
        catch (DamageException e)
        {
            if (table != JournalTable.Table)
            {
                Report(table.Name, e.Where, e.Message);
                return;
            }
            // The row's own columns may be what is damaged; the index still knows whose event it was.
            _unsound.Add(row.Long(0));
            Report(table.Name, NameByIndex(row.Long(0)) ?? e.Where, e.Message);
        }
    }

    private static string Name(SqliteTable table, long key) =>
        table == JournalTable.Table || table == MailTable.Table ? $"shard {ShardOf(key)}, number {NumberOf(key)}" : $"row {key}";

    private string? NameByIndex(long key)
    {
        try
        {
            using var row = _connection.Prepare(
                "SELECT entity, entity_number FROM journal INDEXED BY journal_entity WHERE entity > '' AND +seq = ?").Bind(key);
            return row.Step() ? $"journal, {row.Text(0)} event {row.Long(1)} ({Name(JournalTable.Table, key)})" : null;
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private void NameUnread(long after, long before)
    {
        using var row = _connection.Prepare(
            "SELECT entity, entity_number, seq FROM journal INDEXED BY journal_entity WHERE entity > '' AND +seq > ? AND +seq < ?")
            .Bind(after).Bind(before);
        while (row.Step())
        {
            Report(
                "journal", $"journal, {row.Text(0)} event {row.Long(1)} ({Name(JournalTable.Table, row.Long(2))})",
                "it lies on a page that cannot be read");
        }
    }

    private void ReadSealed()
    {
        using (var row = _connection.Prepare($"{AnchorTable.Table.Select} ORDER BY entity, first"))
        {
            while (row.Step())
            {
                _cancellation.ThrowIfCancellationRequested();
                if (!row.CrcHolds(AnchorTable.Table.Name)) continue;
                var (entity, first) = (row.Text(0), row.Long(1));
                var expected = _anchors.TryGetValue(entity, out var before) ? before.Number + 1 : 1;
                if (first != expected) Report("anchor", $"anchor, {entity} event {expected}", $"missing: the next sealed one is {first}");
                _anchors[entity] = (row.Long(3), row.Blob(4));
            }
        }
        using var segments = _connection.Prepare(SegmentTable.Table.Select);
        while (segments.Step())
        {
            if (!segments.CrcHolds(SegmentTable.Table.Name)) continue;
            var numbers = NumberSet.Numbers(segments.Blob(6));
            if (!_sealed.TryAdd(segments.Int(1), [.. numbers])) _sealed[segments.Int(1)].UnionWith(numbers);
        }
    }

    private void CheckChains()
    {
        // A chain needs three columns. Rows known to be unsound are left out: what follows them is not held against them.
        using var heads = _connection.Prepare($"{HeadTable.Table.Select} ORDER BY entity");
        var known = new HashSet<string>(StringComparer.Ordinal);
        while (heads.Step())
        {
            _cancellation.ThrowIfCancellationRequested();
            if (!heads.CrcHolds(HeadTable.Table.Name)) continue;
            var (entity, number, hash) = (heads.Text(0), heads.Long(2), heads.Blob(3));
            known.Add(entity);
            Try($"journal, {entity}", () => CheckChain(entity, number, hash));
        }

        using var others = _connection.Prepare("SELECT DISTINCT entity FROM journal INDEXED BY journal_entity WHERE entity > ''");
        while (others.Step())
        {
            if (!known.Contains(others.Text(0))) Report("head", $"head, {others.Text(0)}", "the entity has events and no sound head row");
        }
    }

    private void CheckChain(string entity, long headNumber, byte[] headHash)
    {
        using var row = _connection.Prepare(
            "SELECT entity_number, previous, hash, seq FROM journal WHERE entity = ? ORDER BY entity_number").Bind(entity);
        var (number, hash) = _anchors.TryGetValue(entity, out var anchor) ? anchor : (0L, EventHash.None.ToArray());
        while (row.Step())
        {
            var unsound = _unsound.Contains(row.Long(3));
            for (number++; number < row.Long(0); number++) Report("journal", $"journal, {entity} event {number}", "it is missing");
            if (!unsound && hash.Length > 0 && !row.Blob(1).AsSpan().SequenceEqual(hash))
                Report("journal", $"journal, {entity} event {number}", "it does not continue the chain of the event before it");
            hash = unsound ? [] : row.Blob(2);
        }
        for (number++; number <= headNumber; number++) Report("journal", $"journal, {entity} event {number}", "it is missing");
        if (number - 1 == headNumber && headNumber > 0 && hash.Length > 0 && !headHash.AsSpan().SequenceEqual(hash))
            Report("head", $"head, {entity} at event {headNumber}", "its hash is not that of the last event");
    }

    private void CheckSnapshots()
    {
        using var row = _connection.Prepare(
            "SELECT s.entity, s.entity_number, s.event_hash, j.hash FROM snapshot s "
            + "LEFT JOIN journal j ON j.entity = s.entity AND j.entity_number = s.entity_number");
        while (row.Step())
        {
            if (!row.IsNull(3) && !row.Blob(2).AsSpan().SequenceEqual(row.Blob(3)))
                Report("snapshot", $"snapshot, {row.Text(0)} after event {row.Long(1)}", "its event has another hash in the journal");
        }
    }

    private void CheckShards()
    {
        for (var shard = 0; shard < shards; shard++)
        {
            var number = shard;
            Try("shard", () =>
            {
                var row = ShardTable.Read(_connection, number);
                var (from, to) = (Sequence(number, 0), Sequence(number + 1, 0) - 1);
                var expected = 1L;
                var isSealed = _sealed.GetValueOrDefault(number);
                using var feed = _connection.Prepare("SELECT seq FROM journal NOT INDEXED WHERE seq BETWEEN ? AND ? ORDER BY seq")
                    .Bind(from).Bind(to);
                while (feed.Step())
                {
                    var found = NumberOf(feed.Long(0));
                    while (isSealed is not null && expected < found && isSealed.Contains(expected)) expected++;
                    if (found > expected)
                        Report("journal", $"journal, shard {number} numbers {expected} to {found - 1}", "they are missing from the feed");
                    expected = found + 1;
                }
                while (isSealed is not null && isSealed.Contains(expected)) expected++;
                if (expected <= row.LastEvent)
                    Report("journal", $"journal, shard {number} numbers {expected} to {row.LastEvent}", "they are missing from the feed");
                if (expected > row.LastEvent + 1)
                    Report("shard", $"shard, shard {number}", $"its feed should end at {row.LastEvent}, and it goes on to {expected - 1}");
            });
        }
    }

    private void CheckPages()
    {
        using var row = _connection.Prepare("PRAGMA integrity_check(1000)");
        while (row.Step())
        {
            foreach (var line in row.Text(0).Split('\n'))
            {
                if (line is not ("ok" or "") && !line.StartsWith("***", StringComparison.Ordinal))
                    Report("journal.db", $"journal.db, {Owner(line)}", $"SQLite: {line}");
            }
        }
    }

    /// <summary>The table that one of SQLite's messages speaks of, where it names one.</summary>
    private static string Owner(string line) =>
        SqliteSchema.Tables.Select(t => t.Name).FirstOrDefault(name => line.Contains(name, StringComparison.Ordinal)) ?? "pages";

    private void Try(string table, Action check)
    {
        try
        {
            check();
        }
        catch (DamageException e)
        {
            Report(table, e.Where, e.Message);
        }
        catch (StoreException e)
        {
            Report(table, table, e.Message);
        }
    }

    private void Report(string table, string where, string what)
    {
        if (!_reported.Add($"{where}\n{what}")) return;
        var damage = new Damage(table, where, what);
        if (!_found.Writer.TryWrite(damage)) _found.Writer.WriteAsync(damage, _cancellation).AsTask().GetAwaiter().GetResult();
    }
}
