using Athanor.Protocol;
using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>The events. A row's key is (shard, number) in one integer, so a shard's feed is one range and appends stay together.</summary>
internal static class JournalTable
{
    public static readonly SqliteTable Table = new(
        "journal",
        [
            "seq INTEGER PRIMARY KEY", "entity TEXT NOT NULL", "entity_number INTEGER NOT NULL", "incarnation INTEGER NOT NULL",
            "counter INTEGER NOT NULL", "kind TEXT NOT NULL", "version INTEGER NOT NULL", "body BLOB NOT NULL", "time INTEGER NOT NULL",
            "principal TEXT NOT NULL", "trace TEXT", "previous BLOB NOT NULL", "hash BLOB NOT NULL",
        ],
        r => $"{r.Text(1)} event {r.Long(2)} (shard {ShardOf(r.Long(0))}, number {NumberOf(r.Long(0))})",
        indexes: "CREATE UNIQUE INDEX journal_entity ON journal(entity, entity_number)");

    private static readonly SqliteText LastOfEntity = new("SELECT max(entity_number) FROM journal WHERE entity = ?");

    public static readonly SqliteText AfterNumber = new($"{Table.Select} WHERE entity = ? AND entity_number > ? ORDER BY entity_number");

    /// <summary>Number of an entity's last event; 0 for none.</summary>
    public static long LastNumber(SqliteConnection connection, EntityAddress entity)
    {
        using var row = connection.Prepare(LastOfEntity).Bind(entity);
        return row.Step() ? row.Long(0) : 0;
    }

    public static void Add(SqliteConnection connection, JournalRow row) =>
        connection.Prepare(Table.Insert).Row(Table.Name).Bind(Sequence(row.Shard, row.Number)).Bind(row.Entity).Bind(row.EntityNumber)
            .Bind(row.Epoch.Incarnation).Bind(row.Epoch.Counter).Bind(row.Event).Bind(row.Time).Bind(row.Principal).Bind(row.TraceParent)
            .Bind(row.PreviousHash.Span).Bind(row.Hash.Span).BindCrc().Run();

    public static JournalRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new JournalRow(
            ShardOf(row.Long(0)), NumberOf(row.Long(0)), new Epoch(row.Long(3), row.Long(4)), row.Address(1), row.Long(2), row.Message(5),
            row.Time(8), row.Text(9), row.TextOrNull(10), row.Blob(11), row.Blob(12));
    }
}

/// <summary>The latest snapshot of each entity that has one.</summary>
internal static class SnapshotTable
{
    public static readonly SqliteTable Table = new(
        "snapshot",
        [
            "entity TEXT NOT NULL", "entity_number INTEGER NOT NULL", "kind TEXT NOT NULL", "version INTEGER NOT NULL",
            "state BLOB NOT NULL", "event_hash BLOB NOT NULL",
        ],
        r => $"{r.Text(0)} after event {r.Long(1)}", ", PRIMARY KEY(entity)");

    private static readonly SqliteText OfEntity = new($"{Table.Select} WHERE entity = ?");

    public static void Put(SqliteConnection connection, SnapshotRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Entity).Bind(row.EntityNumber).Bind(row.State).Bind(row.EventHash.Span)
            .BindCrc().Run();

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static SnapshotRow? Find(SqliteConnection connection, EntityAddress entity)
    {
        using var row = connection.Prepare(OfEntity).Bind(entity);
        return row.Step() ? Current(row) : null;
    }

    public static SnapshotRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new SnapshotRow(row.Address(0), row.Long(1), row.Message(2), row.Blob(5));
    }
}

/// <summary>What is known of each entity without its state. Lists read this, and it proves that an entity's last events are
/// there.</summary>
internal static class HeadTable
{
    public static readonly SqliteTable Table = new(
        "head",
        [
            "entity TEXT NOT NULL", "shard INTEGER NOT NULL", "entity_number INTEGER NOT NULL", "hash BLOB NOT NULL",
            "awaits INTEGER NOT NULL", "fault TEXT", "time INTEGER NOT NULL",
        ],
        r => $"{r.Text(0)} at event {r.Long(2)}", ", PRIMARY KEY(entity)", true,
        indexes: "CREATE INDEX head_wake ON head(shard) WHERE awaits <> 0 OR fault IS NOT NULL");

    private static readonly SqliteText OfEntity = new($"{Table.Select} WHERE entity = ?");

    public static void Put(SqliteConnection connection, HeadRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Entity).Bind(row.Shard).Bind(row.EntityNumber).Bind(row.Hash.Span)
            .Bind(row.Awaits ? 1 : 0).Bind(row.Fault).Bind(row.Time).BindCrc().Run();

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static HeadRow? Find(SqliteConnection connection, EntityAddress entity)
    {
        using var row = connection.Prepare(OfEntity).Bind(entity);
        return row.Step() ? Current(row) : null;
    }

    public static HeadRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new HeadRow(row.Int(1), row.Address(0), row.Long(2), row.Blob(3), row.Long(4) != 0, row.TextOrNull(5), row.Time(6));
    }
}
