namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Facts about the database: one row each.</summary>
internal static class MetaTable
{
    public static readonly SqliteTable Table = new(
        "meta", ["name TEXT NOT NULL", "value INTEGER NOT NULL"], r => r.Text(0), ", PRIMARY KEY(name)", true);

    /// <summary>Number of shards.</summary>
    public const string Shards = "shards";

    /// <summary>Raised when a backup is restored: the high part of every epoch.</summary>
    public const string Incarnation = "incarnation";

    /// <summary>How often the database was opened for writing.</summary>
    public const string Openings = "openings";

    /// <summary>The cluster's feature level; no row is level 0.</summary>
    public const string FeatureLevel = "feature-level";

    public static void Put(SqliteConnection connection, string name, long value) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(name).Bind(value).BindCrc().Run();

    /// <summary>Version of the schema that an older build made, while this one has expanded it.</summary>
    public const string MadeWith = "made-with";

    /// <summary>1 while the database is the target of a copy that is not finished.</summary>
    public const string Copying = "copying";

    /// <param name="otherwise">What a missing row means; without it a missing row is damage.</param>
    /// <exception cref="DamageException">The row is damaged or missing.</exception>
    public static long Read(SqliteConnection connection, string name, long? otherwise = null)
    {
        using var row = connection.Prepare($"{Table.Select} WHERE name = ?").Bind(name);
        if (!row.Step()) return otherwise ?? throw new DamageException($"meta, {name}", "the row is missing");
        Table.Check(row);
        return row.Long(1);
    }
}

/// <summary>Who owns a shard, in which epoch, up to which commit and event.</summary>
internal static class ShardTable
{
    public static readonly SqliteTable Table = new(
        "shard",
        [
            "shard INTEGER PRIMARY KEY", "owner TEXT", "incarnation INTEGER NOT NULL", "counter INTEGER NOT NULL", "last INTEGER NOT NULL",
            "lease INTEGER NOT NULL", "last_event INTEGER NOT NULL",
        ],
        r => $"shard {r.Long(0)}");

    private static readonly SqliteText OfShard = new($"{Table.Select} WHERE shard = ?");

    public static void Put(SqliteConnection connection, ShardRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Shard).Bind(row.Owner).Bind(row.Epoch.Incarnation).Bind(row.Epoch.Counter)
            .Bind(row.LastNumber).Bind(row.LeaseUntil).Bind(row.LastEvent).BindCrc().Run();

    /// <exception cref="DamageException">The row is damaged or missing.</exception>
    public static ShardRow Read(SqliteConnection connection, int shard)
    {
        using var row = connection.Prepare(OfShard).Bind(shard);
        if (!row.Step()) throw new DamageException($"shard, shard {shard}", "the row is missing");
        return Current(row);
    }

    public static ShardRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new ShardRow(row.Int(0), row.TextOrNull(1), new Epoch(row.Long(2), row.Long(3)), row.Long(4), row.Time(5), row.Long(6));
    }
}

/// <summary>The nodes and their leases.</summary>
internal static class NodeTable
{
    public static readonly SqliteTable Table = new(
        "node", ["node TEXT NOT NULL", "address TEXT NOT NULL", "roles TEXT NOT NULL", "lease INTEGER NOT NULL"], r => r.Text(0),
        ", PRIMARY KEY(node)", true);

    public static void Put(SqliteConnection connection, NodeRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Node).Bind(row.Address).Bind(string.Join('\n', row.Roles))
            .Bind(row.LeaseUntil).BindCrc().Run();

    public static NodeRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new NodeRow(row.Text(0), row.Text(1), [.. row.Text(2).Split('\n', StringSplitOptions.RemoveEmptyEntries)], row.Time(3));
    }
}
