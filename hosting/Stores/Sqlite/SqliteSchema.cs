using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// The schema, its version and its changes. The version is SQLite's <c>user_version</c>. A change first expands (new tables, new columns
/// that may be null, written by this version and not needed by the one before), and contracts one version later, so that two neighbouring
/// builds can both work on one database. <see cref="Migrations"/>[v] leads from version v + 1 to v + 2 in one transaction.
/// </summary>
internal static class SqliteSchema
{
    public const int Version = 2;

    /// <summary>Oldest build that may write to a database of this version.</summary>
    private const int ApplicationId = 0x41544e52; // "ATNR"

    public static readonly IReadOnlyList<SqliteTable> Tables =
    [
        MetaTable.Table, ShardTable.Table, NodeTable.Table, JournalTable.Table, SnapshotTable.Table, HeadTable.Table, MailTable.Table,
        ParkedTable.Table, TimerTable.Table, ReplyTable.Table, WorkTable.Table, WorkPlanTable.Table,
        WorkShareTable.Table, WorkKeyTable.Table,
    ];

    private static readonly IReadOnlyList<IReadOnlyList<string>> Migrations =
    [
        // Version 2: the schedule of work. Its rows are written when the store is next opened for writing.
        [.. WorkPlanTable.Table.Ddl, .. WorkShareTable.Table.Ddl, .. WorkKeyTable.Table.Ddl],
    ];

    /// <summary>Makes the schema in an empty database, or brings an older one to this version; then checks it.</summary>
    public static void Prepare(SqliteConnection connection, int shards)
    {
        if (connection.ReadLong("PRAGMA user_version") == 0 && connection.ReadLong("SELECT count(*) FROM sqlite_master") == 0)
        {
            Create(connection, shards);
            // From here on the file itself holds its first page, and CheckFile may look at it.
            connection.Checkpoint(raw.SQLITE_CHECKPOINT_TRUNCATE);
        }
        CheckIdentity(connection);
        Migrate(connection, Migrations);
        CheckTables(connection);
    }

    /// <summary>Refuses what is not a journal of a version that this build reads, or whose schema is not what that version made.</summary>
    public static void Check(SqliteConnection connection)
    {
        CheckIdentity(connection);
        var version = connection.ReadLong("PRAGMA user_version");
        if (version != Version)
        {
            throw new StoreException(
                $"{connection.File}: its schema has version {version}; it becomes {Version} when this build opens it for writing");
        }
        CheckTables(connection);
    }

    /// <summary>Runs what leads from the database's version to the one after the last of <paramref name="migrations"/>.</summary>
    internal static void Migrate(SqliteConnection connection, IReadOnlyList<IReadOnlyList<string>> migrations)
    {
        for (var version = connection.ReadLong("PRAGMA user_version"); version <= migrations.Count; version++)
        {
            connection.Execute("BEGIN IMMEDIATE");
            try
            {
                foreach (var step in migrations[(int)version - 1]) connection.Execute(step);
                connection.Execute($"PRAGMA user_version = {version + 1}");
                connection.Execute("COMMIT");
            }
            catch
            {
                connection.Rollback();
                throw;
            }
        }
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

    private static void Create(SqliteConnection connection, int shards)
    {
        connection.Execute("BEGIN IMMEDIATE");
        try
        {
            foreach (var statement in Tables.SelectMany(t => t.Ddl)) connection.Execute(statement);
            MetaTable.Put(connection, MetaTable.Shards, shards);
            MetaTable.Put(connection, MetaTable.Incarnation, 1);
            MetaTable.Put(connection, MetaTable.Openings, 0);
            for (var shard = 0; shard < shards; shard++)
                ShardTable.Put(connection, new ShardRow(shard, null, new Epoch(1, 0), 0, DateTimeOffset.MinValue));
            connection.Execute($"PRAGMA application_id = {ApplicationId}");
            connection.Execute($"PRAGMA user_version = {Version}");
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
        var expected = Tables.SelectMany(t => t.Ddl).ToHashSet(StringComparer.Ordinal);
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
