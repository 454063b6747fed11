using Athanor.Hosting.Stores.Segments;
using Npgsql;
using NpgsqlTypes;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// The store of a cluster: one PostgreSQL database, in the schema <c>athanor</c>, for all nodes.
///
/// Roles. Each node opens a store of its own. A shard's owner alone writes the shard's rows, and the shard's own row is the fence: a commit
/// is one statement (<see cref="CommitStatement"/>) that counts the row up if owner, epoch and last number are as expected, and takes rows
/// only of shards so counted up. Other rows that several nodes write (nodes, work) are changed by statements that look at what they change.
///
/// Time. Leases and expiry are judged by the server's clock, in the statement that acts on them. A node whose clock is far from it is kept
/// out (<see cref="MeasureSkew"/>).
///
/// A node's death. A node holds a session lock (<see cref="LockNode"/>). Its lease counts as ended when that lock is free, though its time
/// has not come: provided that it was taken in this run of the server. After a restart or a fail-over of the database all locks are free
/// and prove nothing, until the node has taken its lock again; meanwhile the lease decides.
///
/// At a failure. A statement that the server refuses had no effect, and says so. A commit without an answer (time-out, broken connection,
/// session ended) is never cancelled: its connection is dropped and <see cref="CommitUnknownException"/> is thrown; the owner reads the
/// shard's row again. A commit of several shards that is refused as a whole is tried shard by shard, so that one shard's trouble stays its
/// own; after several failures in a row that shard is left alone for a while (<see cref="ShardBreaker"/>).
///
/// Durability. A commit returns after the server has flushed its log (and that of its synchronous standby, if there is one). A server on
/// which that is switched off is refused.
///
/// Damage. Every row carries a CRC or a seal (see the migrations), checked whenever it is read; an entity's history is checked against its
/// hash chain and its head as well.
/// </summary>
public sealed partial class PostgresStore : IStore
{
    /// <summary>The oldest server version that has what the statements use: <c>extract</c> as exact numeric.</summary>
    private const int OldestServer = 14;

    private readonly PostgresStoreOptions _options;
    private readonly PostgresSources _sources;
    private readonly WriterSessions _writers;
    private readonly ShardBreaker _breaker;
    private readonly SemaphoreSlim _recoveries;
    private readonly Sqlite.DamageReports _reports;
    private readonly TimeProvider _time;
    private SegmentReader _sealed = new(null);

    private PostgresStore(PostgresStoreOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _sources = new PostgresSources(options);
        _writers = new WriterSessions(_sources.Writers, options.Writers);
        _breaker = new ShardBreaker(time, options.BreakAfter, options.BreakFor);
        _recoveries = new SemaphoreSlim(options.RecoveryPermits);
        _reports = new Sqlite.DamageReports(options.OnDamage);
    }

    public int ShardCount { get; private set; }

    /// <summary>user@host:port/database, for messages.</summary>
    public string Target => _sources.Target;

    /// <summary>In place of the server's clock, in ticks; null outside tests.</summary>
    private long? ClockTicks => _options.Clock?.GetUtcNow().UtcTicks;

    /// <summary>Connects, and checks that the server, its schema and its clock are fit for a node.</summary>
    /// <param name="time">This machine's clock: it is compared with the server's, and times the breakers.</param>
    /// <exception cref="StoreException">It cannot be reached, is not durable, lacks the schema, has another number of shards, or its clock
    /// is too far from this one. The message says what to do.</exception>
    public static async Task<PostgresStore> Open(PostgresStoreOptions options, TimeProvider time, CancellationToken cancellation = default)
    {
        var store = new PostgresStore(options, time);
        try
        {
            if (store._sources.Exposed is { } exposed) options.OnWarning?.Invoke(exposed);
            await store.CheckServer(cancellation).ConfigureAwait(false);
            await store.CheckSchema(cancellation).ConfigureAwait(false);
            if (options.Clock is null) await store.CheckSkew(cancellation).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Brings the schema up to date, for <c>athanor journal migrate</c>.</summary>
    /// <returns>What was run, or with <paramref name="dryRun"/> would be.</returns>
    /// <inheritdoc cref="PostgresMigrations.Run(int, bool, CancellationToken, bool)"/>
    public static async Task<IReadOnlyList<PostgresMigration>> Migrate(
        PostgresStoreOptions options, bool contract, bool dryRun, CancellationToken cancellation)
    {
        await using var sources = new PostgresSources(options);
        return await new PostgresMigrations(sources.Locks, sources.Target)
            .Run(options.ShardCount ?? PostgresMigrations.DefaultShards, contract, cancellation, dryRun).ConfigureAwait(false);
    }

    public Task<DateTimeOffset> Now(CancellationToken cancellation) => Read(
        "reading the clock",
        async connection =>
        {
            await using var command = Command(connection, "SELECT coalesce($1::bigint, clock())", ClockTicks);
            return new DateTimeOffset((long)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!, TimeSpan.Zero);
        },
        cancellation);

    public IAsyncEnumerable<Damage> Verify(CancellationToken cancellation) =>
        new PostgresVerifier(_sources.Readers, _sources.Target, ShardCount).Run(cancellation);

    /// <summary>Waits for commits under way and closes all connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writers.DisposeAsync().ConfigureAwait(false);
        await _pruning.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _sources.DisposeAsync().ConfigureAwait(false);
        _recoveries.Dispose();
    }

    private async Task CheckServer(CancellationToken cancellation)
    {
        var facts = await Control(
            "looking at the server",
            async connection =>
            {
                await using var command = Command(
                    connection,
                    """
                    SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('synchronous_commit'),
                        current_setting('full_page_writes'), current_setting('server_encoding'), current_setting('server_version')
                    """);
                await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                await row.ReadAsync(cancellation).ConfigureAwait(false);
                return (
                    Version: row.GetInt32(0), Fsync: row.GetString(1), Synchronous: row.GetString(2), Pages: row.GetString(3),
                    Encoding: row.GetString(4), Name: row.GetString(5));
            },
            cancellation).ConfigureAwait(false);
        if (facts.Version / 10000 < OldestServer)
            throw new StoreException($"{Target}: is PostgreSQL {facts.Name}; {OldestServer} or later is needed");
        if (facts.Encoding != "UTF8")
        {
            throw new StoreException(
                $"{Target}: the database's encoding is {facts.Encoding}, and UTF8 is needed; make it with CREATE DATABASE … ENCODING 'UTF8'");
        }
        if (facts is { Fsync: "on", Pages: "on", Synchronous: not "off" }) return;
        var loss = $"{Target}: acknowledged commits could be lost (fsync={facts.Fsync}, synchronous_commit={facts.Synchronous}, "
            + $"full_page_writes={facts.Pages})";
        if (!_options.AllowLoss)
        {
            throw new StoreException(
                $"{loss}; fsync and full_page_writes must be on, and synchronous_commit on, remote_apply, remote_write or local, for the "
                + "server, the database and this user");
        }
        _options.OnWarning?.Invoke($"{loss}. store.postgres.allow-loss takes it all the same: FOR BENCHMARKS ONLY, THIS WILL LOSE DATA.");
    }

    private async Task CheckSchema(CancellationToken cancellation)
    {
        var migrations = new PostgresMigrations(_sources.Locks, Target);
        if (_options.Migrate == MigrateMode.Auto)
            await migrations.Run(_options.ShardCount ?? PostgresMigrations.DefaultShards, contract: false, cancellation).ConfigureAwait(false);
        await migrations.Check(cancellation).ConfigureAwait(false);
        ShardCount = (await ReadCluster(cancellation).ConfigureAwait(false)).ShardCount;
        if (_options.ShardCount is { } wanted && wanted != ShardCount)
        {
            throw new StoreException(
                $"{Target}: was made with {ShardCount} shards, and {wanted} are asked for; the number is fixed for the life of a database: "
                + $"set athanor.shards.count to {ShardCount}, or copy the journal into a new database with 'athanor journal copy'");
        }
    }

    /// <summary>A read in a read-only session; several statements of one batch see one moment.</summary>
    private Task<T> Read<T>(string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation) =>
        Call(_sources.Readers, doing, action, cancellation, again: true);

    /// <summary>Statements on ownership and work, none of them ambiguous: whoever gets no answer asks again.</summary>
    private Task<T> Control<T>(string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation) =>
        Call(_sources.Control, doing, action, cancellation);

    /// <summary>Looks at ownership, on the connections that leases are renewed on.</summary>
    private Task<T> Look<T>(string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation) =>
        Call(_sources.Control, doing, action, cancellation, again: true);

    /// <param name="again">It changes nothing: after a connection that had died while it was idle it is asked once more.</param>
    private async Task<T> Call<T>(
        NpgsqlDataSource source, string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation, bool again = false)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
                return await action(connection).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or OperationCanceledException)
            {
                var error = PostgresErrors.Make(Target, e, doing);
                // What ended one connection may have ended those that are idle, or the server that takes writes is another one now.
                var broken = !PostgresErrors.IsCertain(e);
                if (broken || error is PostgresRefusal { State: PostgresErrorCodes.ReadOnlySqlTransaction }) _sources.Forget();
                var retry = error is PostgresRefusal { IsTransient: true } || (again && broken && attempt == 1 && !IsTimeout(e));
                if (!retry || attempt == 3) throw error;
            }
        }
    }

    private static bool IsTimeout(Exception error) => error is TimeoutException or { InnerException: TimeoutException };

    /// <summary>Several statements on tables that no fence guards, as one transaction. It is not tried twice.</summary>
    /// <param name="limit">The statements' time-out in place of the usual one; zero for none.</param>
    private async Task<T> Transaction<T>(
        string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation, TimeSpan? limit = null)
    {
        try
        {
            await using var connection = await _sources.Work.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            if (limit is { } time)
            {
                var settings = $"SET LOCAL statement_timeout = {(long)time.TotalMilliseconds}; "
                    + "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 30000";
                await using var command = new NpgsqlCommand(settings, connection);
                await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }
            var result = await action(connection).ConfigureAwait(false);
            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
            return result;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw PostgresErrors.Make(Target, e, doing);
        }
    }

    /// <summary>A command with positional parameters. A null is a bigint: only the clock's replacement is ever null.</summary>
    private static NpgsqlCommand Command(NpgsqlConnection connection, string text, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlCommand(text, connection);
        foreach (var value in values) command.Parameters.Add(Parameter(value));
        return command;
    }

    private static NpgsqlBatchCommand BatchCommand(string text, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlBatchCommand(text);
        foreach (var value in values) command.Parameters.Add(Parameter(value));
        return command;
    }

    private static NpgsqlParameter Parameter(object? value) => value switch
    {
        null => new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bigint, Value = DBNull.Value },
        string text => new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = text },
        _ => new NpgsqlParameter { Value = value },
    };

    /// <summary>All rows of a result; damaged ones are reported and left out.</summary>
    private async Task<List<T>> ReadAll<T>(NpgsqlDataReader rows, Func<T> current, CancellationToken cancellation)
    {
        var list = new List<T>();
        while (await rows.ReadAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                list.Add(current());
            }
            catch (DamageException e)
            {
                _reports.Add(e);
            }
        }
        return list;
    }
}
