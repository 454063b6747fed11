using System.ComponentModel.DataAnnotations;
using System.Text;

namespace Athanor.Hosting.Configuration;

/// <summary>The database of a cluster; see <c>store.postgres</c> in <c>cluster.hocon</c>.</summary>
public sealed record PostgresOptions
{
    /// <summary>As Npgsql takes it. May hold the password, so it is never printed.</summary>
    public string Connection { get; init; } = "";

    /// <summary>A file whose first line is the password; empty for the connection's own.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>Empty for what the connection says.</summary>
    [AllowedValues("", "disable", "prefer", "require", "verify-ca", "verify-full")]
    public string SslMode { get; init; } = "";

    /// <summary>PEM file of the authority that the server's certificate must come from.</summary>
    public string RootCertificate { get; init; } = "";

    /// <summary>PEM file of this node's certificate for the server.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>PEM file of its private key.</summary>
    public string Key { get; init; } = "";

    /// <summary>What is done about a schema that lacks something.</summary>
    [AllowedValues("check", "auto")]
    public string Migrate { get; init; } = "check";

    /// <summary>Whether a server that loses acknowledged commits is refused.</summary>
    [AllowedValues("required", "benchmark-only")]
    public string Durability { get; init; } = "required";

    /// <summary>Connections that only read.</summary>
    [Range(2, 1000)]
    public int Readers { get; init; } = 8;

    /// <summary>How many of them may be recoveries at one time.</summary>
    [Range(1, 1000)]
    public int RecoveryPermits { get; init; } = 6;

    /// <summary>How long a recovery may wait for its permit.</summary>
    public TimeSpan PermitTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The server's limit for a statement.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The server's limit for waiting for a row.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the session of the node's lock is tried.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a node waits for the lock of its name.</summary>
    public TimeSpan LockWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Failures of a shard in a row after which it is left alone.</summary>
    [Range(1, 1000)]
    public int BreakAfter { get; init; } = 5;

    /// <summary>For how long.</summary>
    public TimeSpan BreakFor { get; init; } = TimeSpan.FromSeconds(5);

    private bool PrintMembers(StringBuilder text)
    {
        text.Append($"Connection = {(Connection == "" ? "" : "(not shown)")}, SslMode = {SslMode}, Migrate = {Migrate}");
        return true;
    }
}

/// <summary>What must hold between the database's settings.</summary>
internal static class PostgresRules
{
    public static void Check(StoreOptions store, Action<string, string> report)
    {
        var p = store.Postgres;
        if (store.Kind == "postgres" && p.Connection.Trim() == "")
            report("athanor.store.postgres.connection", "kind is postgres, so it must say where the database is: \"Host=db.example;Database=athanor;Username=athanor\"");
        if (p.RecoveryPermits >= p.Readers)
            report("athanor.store.postgres.recovery-permits", $"must be less than readers, {p.Readers}, so that mailboxes are read during recoveries");
        // An embedded store has a time-out too, and nothing to do with the database's.
        if (store.Kind == "postgres" && p.StatementTimeout >= store.Timeout)
            report("athanor.store.postgres.statement-timeout", "must be shorter than store.timeout: the server is to give up first, and say so");
        if (p.LockTimeout > p.StatementTimeout) report("athanor.store.postgres.lock-timeout", "must not be longer than statement-timeout");
        if (p.Key != "" && p.Certificate == "") report("athanor.store.postgres.key", "is the key of a certificate; set certificate too");
    }
}
