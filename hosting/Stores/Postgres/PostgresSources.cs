using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// The connections of a store, kept apart by what they do, so that none waits for another's work: writers (commits; not pooled, because a
/// writer owns its session, and drops it when an outcome is unknown), readers (read-only, one snapshot for each call), control (ownership and
/// leases), work, and the session that holds the node's lock (not pooled; with keepalives on both sides).
/// Every session says what it is by its application name, and has its time-outs from its first statement on.
/// </summary>
internal sealed class PostgresSources : IAsyncDisposable
{
    private readonly PostgresStoreOptions _options;

    public PostgresSources(PostgresStoreOptions options)
    {
        _options = options;
        var given = Parse(options.Connection);
        Target = $"{given.Username}@{given.Host}:{given.Port}/{given.Database}";
        var local = given.Host is "localhost" or "127.0.0.1" or "::1" || given.Host!.StartsWith('/');
        if (!local && given.SslMode is not SslMode.VerifyFull)
        {
            Exposed = $"{Target}: the connection does not verify the server (ssl-mode is {given.SslMode}); over a network it should be "
                + "verify-full, with the root-certificate of the server's authority";
        }
        // Only keys are looked up: no sequential scan is ever right for a commit, whatever the statistics say of a table that was small.
        Writers = Build(given, "writer", pool: 0, "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off");
        Readers = Build(
            given, "reader", options.Readers, "default_transaction_read_only=on", "default_transaction_isolation=repeatable\\ read");
        Control = Build(given, "control", pool: 3);
        // Whoever stops in the middle of a transaction on work keeps its rows from everybody else no longer than this.
        Work = Build(given, "work", 4, $"idle_in_transaction_session_timeout={3 * Milliseconds(options.LockTimeout)}");
        var beat = Milliseconds(options.Keepalive);
        Locks = Build(
            given, "lock", pool: 0, $"tcp_keepalives_idle={Math.Max(1, beat / 1000)}", $"tcp_keepalives_interval={Math.Max(1, beat / 1000)}",
            "tcp_keepalives_count=3", $"tcp_user_timeout={4 * beat}", "statement_timeout=0");
    }

    /// <summary>user@host:port/database, for messages.</summary>
    public string Target { get; }

    public NpgsqlDataSource Writers { get; }

    public NpgsqlDataSource Readers { get; }

    public NpgsqlDataSource Control { get; }

    public NpgsqlDataSource Work { get; }

    public NpgsqlDataSource Locks { get; }

    /// <summary>Leaves idle connections, e.g. to a server that is a standby now.</summary>
    public void Forget()
    {
        Readers.Clear();
        Control.Clear();
        Work.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var source in (NpgsqlDataSource[])[Writers, Readers, Control, Work, Locks]) await source.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A connection with settings that stand beside it.</summary>
    /// <param name="sslMode">As cluster.hocon names it; empty for what the connection says.</param>
    public static string WithTls(string connection, string sslMode, string root, string certificate, string key)
    {
        var parsed = Parse(connection);
        if (sslMode != "")
        {
            parsed.SslMode = sslMode switch
            {
                "disable" => SslMode.Disable,
                "prefer" => SslMode.Prefer,
                "require" => SslMode.Require,
                "verify-ca" => SslMode.VerifyCA,
                _ => SslMode.VerifyFull,
            };
        }
        if (root != "") parsed.RootCertificate = root;
        if (certificate != "") parsed.SslCertificate = certificate;
        if (key != "") parsed.SslKey = key;
        return parsed.ConnectionString;
    }

    /// <summary>What an operator should know of how this connection is protected, or null.</summary>
    public string? Exposed { get; }

    private static NpgsqlConnectionStringBuilder Parse(string connection)
    {
        try
        {
            var parsed = new NpgsqlConnectionStringBuilder(connection);
            return parsed.Host is { Length: > 0 }
                ? parsed
                : throw new StoreException(
                    "store.postgres.connection names no Host; it must read like Host=db.example;Database=athanor;Username=athanor");
        }
        catch (ArgumentException)
        {
            // The parser's own words may quote what it did not understand, and with it the password.
            throw new StoreException(
                "store.postgres.connection is not understood; it must read like Host=db.example;Database=athanor;Username=athanor, "
                + "with values that hold ';' or '=' in quotes");
        }
    }

    private NpgsqlDataSource Build(NpgsqlConnectionStringBuilder given, string purpose, int pool, params ReadOnlySpan<string> settings)
    {
        var settled = new NpgsqlConnectionStringBuilder(given.ConnectionString)
        {
            ApplicationName = given.ApplicationName is { Length: > 0 } name ? $"{name} {purpose}" : $"athanor {purpose}",
            Pooling = pool > 0,
            CommandTimeout = Math.Max(1, (int)Math.Ceiling(_options.Timeout.TotalSeconds)),
            Timeout = Math.Max(1, (int)Math.Ceiling(_options.Timeout.TotalSeconds)),
            // A time-out drops the connection: a cancellation could hit a commit that was just acknowledged by a standby.
            CancellationTimeout = -1,
            MaxAutoPrepare = pool > 0 ? 64 : 0,
            AutoPrepareMinUsages = 2,
            IncludeErrorDetail = false,
            PersistSecurityInfo = false,
            Multiplexing = false,
            TcpKeepAlive = true,
            TcpKeepAliveTime = Math.Max(1, (int)_options.Keepalive.TotalSeconds),
            TcpKeepAliveInterval = Math.Max(1, (int)_options.Keepalive.TotalSeconds),
        };
        if (_options.PasswordFile is { Length: > 0 }) settled.Password = null;
        if (pool > 0) (settled.MinPoolSize, settled.MaxPoolSize) = (0, pool);
        var all = new List<string>
        {
            "search_path=athanor",
            "jit=off",
            "plan_cache_mode=force_generic_plan",
            $"statement_timeout={Milliseconds(_options.StatementTimeout)}",
            $"lock_timeout={Milliseconds(_options.LockTimeout)}",
            "idle_in_transaction_session_timeout=30000",
        };
        foreach (var setting in settings) all.Add(setting);
        settled.Options = string.Join(' ', all.Select(static s => "-c " + s).Prepend(given.Options ?? ""));

        var builder = new NpgsqlDataSourceBuilder(settled.ConnectionString);
        if (_options.PasswordFile is { Length: > 0 } file)
            builder.UsePasswordProvider(_ => ReadPassword(file), (_, _) => ValueTask.FromResult(ReadPassword(file)));
        return given.Host!.Contains(',', StringComparison.Ordinal)
            ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.ReadWrite)
            : builder.Build();
    }

    private static string ReadPassword(string file)
    {
        try
        {
            var line = File.ReadLines(file).FirstOrDefault()?.TrimEnd('\r');
            return line is { Length: > 0 } ? line : throw new StoreException($"{file}: its first line must be the database's password; it is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"{file}: the database's password cannot be read from it: {e.Message}");
        }
    }

    private static int Milliseconds(TimeSpan time) => (int)Math.Clamp(time.TotalMilliseconds, 1, int.MaxValue);
}
