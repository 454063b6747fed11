using Athanor.Hosting.Stores.Integrity;
using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// Reads everything, in one read transaction beside the writer, and reports what is not as written:
/// every row's CRC; every event's hash, its place in its entity's chain, and gaps; heads and snapshots against the journal; shard rows;
/// the file's header; and SQLite's own check of pages and indexes. Where a page cannot be read the scan goes on from the table's other end,
/// and the index names the events that lie between.
/// </summary>
internal sealed class SqliteVerifier(string path, TimeSpan busyTimeout, int shards) : DamageScan
{
    /// <summary>Keys of the journal's rows that are damaged in themselves.</summary>
    private readonly HashSet<long> _unsound = [];

    /// <summary>Where each entity's chain goes on behind its sealed events.</summary>
    private readonly Dictionary<string, (long Number, byte[] Hash)> _anchors = new(StringComparer.Ordinal);
    private SqliteConnection _connection = null!;

    protected override Task Scan()
    {
        Check("journal.db", () => SqliteSchema.CheckFile(path));
        using (_connection = SqliteConnection.Open(path, write: false, busyTimeout))
        {
            _connection.Execute("PRAGMA cell_size_check = ON");
            _connection.Execute("BEGIN");
            Check("schema", () => SqliteSchema.Check(_connection));
            var version = _connection.ReadLong("PRAGMA user_version");
            foreach (var table in SqliteSchema.TablesOf(version)) Check(table.Name, () => ScanTable(table));
            if (version >= 2) Check("anchor", ReadSealed);
            Check("journal", CheckChains);
            Check("snapshot", CheckSnapshots);
            Check("shard", CheckShards);
            Check("journal.db", CheckPages);
        }
        return Task.CompletedTask;
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
                Cancellation.ThrowIfCancellationRequested();
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
                Cancellation.ThrowIfCancellationRequested();
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
            AddSealed(segments.Int(1), segments.Blob(6));
        }
    }

    private void CheckChains()
    {
        // A chain needs three columns. Rows known to be unsound are left out: what follows them is not held against them.
        using var heads = _connection.Prepare($"{HeadTable.Table.Select} ORDER BY entity");
        var known = new HashSet<string>(StringComparer.Ordinal);
        while (heads.Step())
        {
            Cancellation.ThrowIfCancellationRequested();
            if (!heads.CrcHolds(HeadTable.Table.Name)) continue;
            var (entity, number, hash) = (heads.Text(0), heads.Long(2), heads.Blob(3));
            known.Add(entity);
            Check($"journal, {entity}", () => CheckChain(entity, number, hash));
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
            Check("shard", () =>
            {
                var row = ShardTable.Read(_connection, number);
                var (from, to) = (Sequence(number, 0), Sequence(number + 1, 0) - 1);
                var check = Feed(number);
                using var feed = _connection.Prepare("SELECT seq FROM journal NOT INDEXED WHERE seq BETWEEN ? AND ? ORDER BY seq")
                    .Bind(from).Bind(to);
                while (feed.Step()) check.Next(NumberOf(feed.Long(0)));
                check.End(row.LastEvent);
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

    /// <summary>As <see cref="DamageScan.Try"/>; what SQLite cannot read is damage of the table too.</summary>
    private void Check(string table, Action check)
    {
        try
        {
            Try(table, check);
        }
        catch (StoreException e)
        {
            Report(table, table, e.Message);
        }
    }
}
