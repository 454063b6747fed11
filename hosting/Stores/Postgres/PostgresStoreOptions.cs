using System.Text;
using Athanor.Hosting.Configuration;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>What is done about a database whose schema lacks something that this program needs.</summary>
public enum MigrateMode
{
    /// <summary>It is refused; <c>athanor journal migrate</c> brings it up to date.</summary>
    Check,

    /// <summary>The migrations that add something are run at the opening. For development: the node's role must own the schema.</summary>
    Auto,
}

/// <summary>How a store on PostgreSQL is opened. Every value but the connection has a sound default.</summary>
public sealed record PostgresStoreOptions
{
    /// <summary>As Npgsql takes it: <c>Host=…;Port=…;Database=…;Username=…;SSL Mode=VerifyFull;Root Certificate=…</c>. Several hosts with
    /// commas: the one that takes writes is used. Never printed or logged, because it may hold the password.</summary>
    public required string Connection { get; init; }

    /// <summary>A file whose first line is the password, read at each connection, so that it may be changed while nodes run.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>Shards of a schema that is made now; with an existing one it must be the recorded number, or null. 16 if null.</summary>
    public int? ShardCount { get; init; }

    public MigrateMode Migrate { get; init; } = MigrateMode.Check;

    /// <summary>Commits under way at one time, each on a connection of its own.</summary>
    public int Writers { get; init; } = 4;

    /// <summary>Connections that only read.</summary>
    public int Readers { get; init; } = 8;

    /// <summary>Entities and shards read for recovery at one time; fewer than <see cref="Readers"/>, so that mailboxes are read
    /// meanwhile.</summary>
    public int RecoveryPermits { get; init; } = 6;

    /// <summary>How long a recovery may wait for its permit.</summary>
    public TimeSpan PermitTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a call may take before its connection is dropped; a commit's outcome then counts as unknown.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After how long the server itself gives up a statement (<c>statement_timeout</c>): nothing of it was done then.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a statement waits for a row that another one has locked (<c>lock_timeout</c>). A claim that waits so long ends
    /// the old owner's session.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the session that holds the node's lock is tried, and how soon the server notices a node that vanished: four of
    /// these.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long to wait for the lock of this node's name, while the server finds out that its former holder is gone.</summary>
    public TimeSpan LockWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Failures of one shard in a row after which its calls are refused for <see cref="BreakFor"/>.</summary>
    public int BreakAfter { get; init; } = 5;

    public TimeSpan BreakFor { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long answers are kept under their idempotency keys.</summary>
    public TimeSpan ReplyRetention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Largest difference between this machine's clock and the server's.</summary>
    public TimeSpan MaxSkew { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A difference beyond which a warning is given.</summary>
    public TimeSpan WarnSkew { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Takes a database that loses acknowledged commits with the power. For benchmarks only; said loudly.</summary>
    public bool AllowLoss { get; init; }

    /// <summary>Called once for each damaged row that a read skips. May be called from any thread.</summary>
    public Action<Damage>? OnDamage { get; init; }

    /// <summary>Called with what an operator should know. May be called from any thread.</summary>
    public Action<string>? OnWarning { get; init; }

    /// <summary>In place of the server's clock, for tests of leases.</summary>
    internal TimeProvider? Clock { get; init; }

    /// <summary>The settings of a node's configuration.</summary>
    /// <exception cref="StoreException">A key of the connection is not understood.</exception>
    public static PostgresStoreOptions Of(AthanorOptions options)
    {
        var p = options.Store.Postgres;
        return new PostgresStoreOptions
        {
            Connection = PostgresSources.WithTls(p.Connection, p.SslMode, p.RootCertificate, p.Certificate, p.Key),
            PasswordFile = p.PasswordFile,
            ShardCount = options.Shards.Count,
            Migrate = p.Migrate == "auto" ? MigrateMode.Auto : MigrateMode.Check,
            Writers = options.Commit.Writers,
            Readers = p.Readers,
            RecoveryPermits = p.RecoveryPermits,
            PermitTimeout = p.PermitTimeout,
            Timeout = options.Store.Timeout,
            StatementTimeout = p.StatementTimeout,
            LockTimeout = p.LockTimeout,
            Keepalive = p.Keepalive,
            LockWait = p.LockWait,
            BreakAfter = p.BreakAfter,
            BreakFor = p.BreakFor,
            ReplyRetention = options.Idempotency.Retention,
            AllowLoss = p.Durability == "benchmark-only",
        };
    }

    private bool PrintMembers(StringBuilder text)
    {
        text.Append($"ShardCount = {ShardCount}, Migrate = {Migrate}, Writers = {Writers}, Readers = {Readers}");
        return true;
    }
}
