using Athanor.Protocol;
using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Sealed segments.</summary>
internal static class SegmentTable
{
    public static readonly SqliteTable Table = new(
        "segment",
        [
            "id INTEGER PRIMARY KEY", "shard INTEGER NOT NULL", "family TEXT NOT NULL", "first INTEGER NOT NULL", "last INTEGER NOT NULL",
            "events INTEGER NOT NULL", "numbers BLOB NOT NULL", "blob TEXT NOT NULL", "ends TEXT NOT NULL", "first_time INTEGER NOT NULL",
            "last_time INTEGER NOT NULL", "sealed_at INTEGER NOT NULL", "state INTEGER NOT NULL",
        ],
        r => $"segment {r.Long(0)} (shard {r.Long(1)})", since: 2, indexes: "CREATE INDEX segment_shard ON segment(shard, first)");

    public static void Put(SqliteConnection connection, SegmentRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Id).Bind(row.Shard).Bind(row.Family).Bind(row.First).Bind(row.Last)
            .Bind(row.Count).Bind(row.Numbers.Span).Bind(row.Events).Bind(row.Ends).Bind(row.FirstTime).Bind(row.LastTime)
            .Bind(row.SealedAt).Bind((int)row.State).BindCrc().Run();

    public static SegmentRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new SegmentRow(
            row.Long(0), row.Int(1), row.Text(2), row.Long(3), row.Long(4), row.Long(5), row.Blob(6), row.Text(7), row.Text(8), row.Time(9),
            row.Time(10), row.Time(11), (SegmentState)row.Int(12));
    }
}

/// <summary>Each entity's part of each segment.</summary>
internal static class AnchorTable
{
    public static readonly SqliteTable Table = new(
        "anchor",
        ["entity TEXT NOT NULL", "first INTEGER NOT NULL", "segment INTEGER NOT NULL", "last INTEGER NOT NULL", "hash BLOB NOT NULL"],
        r => $"{r.Text(0)} events {r.Long(1)} to {r.Long(3)} in segment {r.Long(2)}", ", PRIMARY KEY(entity, first)", true, 2);

    public static void Add(SqliteConnection connection, AnchorRow row) =>
        connection.Prepare(Table.Insert).Row(Table.Name).Bind(row.Entity).Bind(row.First).Bind(row.Segment).Bind(row.Last)
            .Bind(row.Hash.Span).BindCrc().Run();

    public static AnchorRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new AnchorRow(row.Address(0), row.Long(2), row.Long(1), row.Long(3), row.Blob(4));
    }
}

/// <summary>How far each projection has read each shard's feed.</summary>
internal static class ProjectionTable
{
    public static readonly SqliteTable Table = new(
        "projection",
        [
            "name TEXT NOT NULL", "generation INTEGER NOT NULL", "shard INTEGER NOT NULL", "position INTEGER NOT NULL",
            "skipped INTEGER NOT NULL", "live INTEGER NOT NULL",
        ],
        r => $"{r.Text(0)} generation {r.Long(1)} (shard {r.Long(2)})", ", PRIMARY KEY(name, generation, shard)", true, 2);

    public static void Put(SqliteConnection connection, ProjectionOffset row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Name).Bind(row.Generation).Bind(row.Shard).Bind(row.Offset).Bind(row.Skipped)
            .Bind(row.Live ? 1 : 0).BindCrc().Run();

    public static ProjectionOffset Current(SqliteStatement row)
    {
        Table.Check(row);
        return new ProjectionOffset(row.Text(0), row.Int(1), row.Int(2), row.Long(3), row.Long(4), row.Long(5) != 0);
    }
}

/// <summary>The rows of read models.</summary>
internal static class ProjectedTable
{
    public static readonly SqliteTable Table = new(
        "projected", ["name TEXT NOT NULL", "generation INTEGER NOT NULL", "key TEXT NOT NULL", "body BLOB NOT NULL"],
        r => $"{r.Text(0)} generation {r.Long(1)} row {r.Text(2)}", ", PRIMARY KEY(name, generation, key)", true, 2);

    public static void Put(SqliteConnection connection, string name, int generation, ProjectionRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(name).Bind(generation).Bind(row.Key).Bind(row.Body.Span).BindCrc().Run();

    public static ProjectionRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new ProjectionRow(row.Text(2), row.Blob(3));
    }
}

/// <summary>Where entities came from that were copied under another tenant.</summary>
internal static class OriginTable
{
    public static readonly SqliteTable Table = new(
        "origin", ["entity TEXT NOT NULL", "was TEXT NOT NULL", "entity_number INTEGER NOT NULL", "hash BLOB NOT NULL"],
        r => r.Text(0), ", PRIMARY KEY(entity)", true, 2);

    public static void Add(SqliteConnection connection, OriginRow row) =>
        connection.Prepare(Table.Insert).Row(Table.Name).Bind(row.Entity).Bind(row.Was).Bind(row.EntityNumber).Bind(row.Hash.Span)
            .BindCrc().Run();

    public static OriginRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new OriginRow(row.Address(0), row.Address(1), row.Long(2), row.Blob(3));
    }
}
