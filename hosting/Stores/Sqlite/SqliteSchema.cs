using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// The schema, its version and its changes. The version is SQLite's <c>user_version</c>. A change only expands: new tables beside those of
/// the version before. The first build refuses a database with a table that it does not know; so a database of its making gets the new
/// tables when this build opens it, and loses them again when this build closes it, as long as the feature level has not been raised:
/// until then they hold nothing that is not derived from the others (<see cref="Contract"/>), and the two builds may take turns. After a
/// crash it is enough to start this build and stop it once. Raising the feature level (<c>athanor cluster feature-level --raise</c>) says
/// that there is no way back: the tables stay, and what lasts (segments, origins) may be written.
/// </summary>
internal static class SqliteSchema
{
    public const int Version = 2;

    /// <summary>Oldest build that may write to a database of this version.</summary>
    private const int ApplicationId = 0x41544e52; // "ATNR"

    public static readonly IReadOnlyList<SqliteTable> Tables =
    [
        MetaTable.Table, ShardTable.Table, NodeTable.Table, JournalTable.Table, SnapshotTable.Table, HeadTable.Table, MailTable.Table,
        ParkedTable.Table, TimerTable.Table, ReplyTable.Table, WorkTable.Table, WorkPlanTable.Table, WorkShareTable.Table,
        WorkKeyTable.Table, SegmentTable.Table, AnchorTable.Table, ProjectionTable.Table, ProjectedTable.Table, OriginTable.Table,
    ];

    /// <summary>The tables of one version.</summary>
    public static IEnumerable<SqliteTable> TablesOf(long version) => Tables.Where(t => t.Since <= version);

    /// <summary>Takes a database that was expanded back to the version that it was made with, unless what was written since needs the
    /// new tables. At the end, when nobody reads.</summary>
    public static void Contract(SqliteConnection connection)
    {
        if (MetaTable.Read(connection, MetaTable.MadeWith, otherwise: Version) is var made && made >= Version) return;
        if (MetaTable.Read(connection, MetaTable.FeatureLevel, otherwise: 0) > 0) return;
        // Work that the first build cannot schedule keeps the tables: it would run it as something else.
        if (connection.ReadLong(
            "SELECT count(*) FROM work_plan WHERE free_at IS NOT NULL AND (size > 1 OR not_after IS NOT NULL OR memory > 0)") > 0) return;
        InTransaction(connection, () =>
        {
            foreach (var table in Tables.Where(t => t.Since > made)) connection.Execute($"DROP TABLE {table.Name}");
            connection.Prepare("DELETE FROM meta WHERE name = ?").Bind(MetaTable.MadeWith).Run();
            connection.Execute($"PRAGMA user_version = {made}");
        });
    }

    private static void Expand(SqliteConnection connection)
    {
        var version = connection.ReadLong("PRAGMA user_version");
        if (version >= Version) return;
        InTransaction(connection, () =>
        {
            foreach (var statement in Tables.Where(t => t.Since > version).SelectMany(t => t.Ddl)) connection.Execute(statement);
            MetaTable.Put(connection, MetaTable.MadeWith, version);
            connection.Execute($"PRAGMA user_version = {Version}");
        });
    }

    private static void InTransaction(SqliteConnection connection, Action action)
    {
        connection.Execute("BEGIN IMMEDIATE");
        try
        {
            action();
            connection.Execute("COMMIT");
        }
        catch
        {
            connection.Rollback();
            throw;
        }
    }

    /// <summary>Makes the schema in an empty database, or expands that of an older build; checks it before and after.</summary>
    public static void Prepare(SqliteConnection connection, int shards, int version)
    {
        if (connection.ReadLong("PRAGMA user_version") == 0 && connection.ReadLong("SELECT count(*) FROM sqlite_master") == 0)
        {
            Create(connection, shards, version);
            // From here on the file itself holds its first page, and CheckFile may look at it.
            connection.Checkpoint(raw.SQLITE_CHECKPOINT_TRUNCATE);
        }
        CheckIdentity(connection);
        CheckTables(connection);
        Expand(connection);
        CheckTables(connection);
    }

    /// <summary>Refuses what is not a journal of a version that this build reads, or whose schema is not what that version made.</summary>
    public static void Check(SqliteConnection connection)
    {
        CheckIdentity(connection);
        CheckTables(connection);
    }

    /// <summary>Reads the parts of the file's header that never change. SQLite takes some of them at their word: a database whose
    /// auto-vacuum field is damaged opens, and its next write spoils it.</summary>
    public static void CheckFile(string path)
    {
        var header = new byte[100];
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
                throw new DamageException(Path.GetFileName(path), "the file is shorter than its header");
        }

        Expect(0, "SQLite format 3\0"u8);
        Expect(16, [0x10, 0x00, 2, 2, 0, 64, 32, 32]); // page size 4096, log, nothing reserved, fractions
        Expect(44, [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]); // schema format, cache size, auto-vacuum, UTF-8
        Expect(64, [0, 0, 0, 0, 0x41, 0x54, 0x4e, 0x52]); // no incremental vacuum, application id
        Expect(72, new byte[20]); // reserved

        void Expect(int at, ReadOnlySpan<byte> bytes)
        {
            if (!header.AsSpan(at, bytes.Length).SequenceEqual(bytes))
                throw new DamageException(
                    Path.GetFileName(path), $"bytes {at} to {at + bytes.Length - 1} of the file's header are not what was written");
        }
    }

    private static void Create(SqliteConnection connection, int shards, int version)
    {
        connection.Execute("BEGIN IMMEDIATE");
        try
        {
            foreach (var statement in TablesOf(version).SelectMany(t => t.Ddl)) connection.Execute(statement);
            MetaTable.Put(connection, MetaTable.Shards, shards);
            MetaTable.Put(connection, MetaTable.Incarnation, 1);
            MetaTable.Put(connection, MetaTable.Openings, 0);
            for (var shard = 0; shard < shards; shard++)
                ShardTable.Put(connection, new ShardRow(shard, null, new Epoch(1, 0), 0, DateTimeOffset.MinValue));
            connection.Execute($"PRAGMA application_id = {ApplicationId}");
            connection.Execute($"PRAGMA user_version = {version}");
            connection.Execute("COMMIT");
        }
        catch
        {
            connection.Rollback();
            throw;
        }
    }

    private static void CheckIdentity(SqliteConnection connection)
    {
        var (id, version) = (connection.ReadLong("PRAGMA application_id"), connection.ReadLong("PRAGMA user_version"));
        if (id != ApplicationId)
            throw new StoreException($"{connection.File}: is an SQLite database, but not a journal of this program (its id is {id:x8})");
        if (version < 1 || version > Version)
        {
            throw new StoreException(
                $"{connection.File}: its schema has version {version}, and this build knows 1 to {Version}; "
                + "use the build that wrote it or a later one");
        }
    }

    private static void CheckTables(SqliteConnection connection)
    {
        var expected = TablesOf(connection.ReadLong("PRAGMA user_version")).SelectMany(t => t.Ddl).ToHashSet(StringComparer.Ordinal);
        using var row = connection.Prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL");
        while (row.Step())
        {
            if (!expected.Remove(row.Text(1)))
                throw new DamageException($"journal.db, schema of {row.Text(0)}", "the definition is not what was written");
        }
        if (expected.Count > 0)
            throw new DamageException("journal.db, schema", $"missing: {string.Join("; ", expected)}");
    }
}
