namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>How the embedded store is opened. Every value has a sound default.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>Shards of a database that is made now; 16 if null. With an existing one it must be the recorded number, or null.</summary>
    public int? ShardCount { get; init; }

    /// <summary>SQLite's <c>synchronous</c>: <c>full</c> or <c>extra</c>. Anything weaker loses acknowledged commits with the power, and is
    /// refused.</summary>
    public string Synchronous { get; init; } = "full";

    /// <summary>Pages of log after which it is moved into the database (4 KiB each): bounds what a start after a crash must read.</summary>
    public int CheckpointPages { get; init; } = 4000;

    /// <summary>How long to wait for another process that keeps the database locked.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long answers are kept under their idempotency keys.</summary>
    public TimeSpan ReplyRetention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Connections that read beside the writer.</summary>
    public int Readers { get; init; } = 2;

    /// <summary>Most pages that the database may have (SQLite's <c>max_page_count</c>); null for no limit of its own.</summary>
    public long? MaxPages { get; init; }

    /// <summary>Version of the schema of a database that is made now; an older one is what an older build made.</summary>
    internal int SchemaVersion { get; init; } = SqliteSchema.Version;

    /// <summary>Called once for each damaged row that a read skips. May be called from any thread.</summary>
    public Action<Damage>? OnDamage { get; init; }
}
