using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>The session lock of a node's name.</summary>
public sealed partial class PostgresStore
{
    private static readonly TimeSpan LockTry = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Takes the session lock of a node's name on a connection of its own. Whoever takes it knows that the name's former session is gone:
    /// its recorded sessions are ended, and shards that it still owned are without an owner, so that a node that comes back under its name
    /// need not wait for its own leases.
    /// </summary>
    /// <exception cref="StoreException">Another process lives under this name.</exception>
    public async Task<INodeLock> LockNode(string node, CancellationToken cancellation)
    {
        NpgsqlConnection? connection = null;
        try
        {
            connection = await _sources.Locks.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            var key = KeyOf(node);
            await Acquire(connection, node, key, cancellation).ConfigureAwait(false);
            await using (var command = Command(
                connection,
                $"""
                WITH ended AS MATERIALIZED (
                    SELECT pg_terminate_backend(a.pid) FROM node_session r
                    JOIN pg_stat_activity a ON a.pid = r.pid AND a.backend_start = r.started
                    WHERE r.node = $1 AND r.pid <> ALL ($4::integer[])),
                forgotten AS (DELETE FROM node_session WHERE node = $1 AND (SELECT count(*) FROM ended) >= 0),
                freed AS (UPDATE shard s SET owner = NULL, lease = 0 WHERE s.owner = $1 AND {ShardTable.IsSound})
                INSERT INTO node_lock(node, class, object, run, pid, started)
                SELECT $1, $2, $3, server_run(), pg_backend_pid(), a.backend_start FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()
                ON CONFLICT (node) DO UPDATE SET class = excluded.class, object = excluded.object, run = excluded.run, pid = excluded.pid,
                    started = excluded.started
                """,
                node, key >> 32 & 0xffffffff, key & 0xffffffff, _writers.Pids()))
            {
                await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }
            await _writers.Record(node, connection, cancellation).ConfigureAwait(false);
            return new PostgresNodeLock(node, connection, _options.Keepalive);
        }
        catch (Exception e)
        {
            if (connection is not null) await connection.DisposeAsync().ConfigureAwait(false);
            if (e is NpgsqlException or TimeoutException) throw PostgresErrors.Make(Target, e, $"locking the name of node {node}");
            throw;
        }
    }

    private async Task Acquire(NpgsqlConnection connection, string node, long key, CancellationToken cancellation)
    {
        var begun = _time.GetTimestamp();
        while (true)
        {
            await using var command = Command(connection, "SELECT pg_try_advisory_lock($1)", key);
            if ((bool)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!) return;
            if (_time.GetElapsedTime(begun) > _options.LockWait) break;
            // On the machine's own clock: the server's answer is what is waited for.
            await Task.Delay(LockTry, TimeProvider.System, cancellation).ConfigureAwait(false);
        }

        await using var holder = Command(
            connection,
            """
            SELECT coalesce(host(a.client_addr), 'the server''s own machine'), a.pid, a.backend_start FROM node_lock k
            JOIN pg_stat_activity a ON a.pid = k.pid AND a.backend_start = k.started WHERE k.node = $1
            """,
            node);
        await using var row = await holder.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        var who = await row.ReadAsync(cancellation).ConfigureAwait(false)
            ? $"from {row.GetString(0)} since {row.GetDateTime(2):yyyy-MM-dd HH:mm:ss}Z (session {row.GetInt32(1)})"
            : "elsewhere";
        throw new StoreException(
            $"{Target}: another process lives as node '{node}', connected {who}; stop it, or give this node another name (athanor.node.name)");
    }

    /// <summary>The lock's number: the first 8 bytes of SHA-256 over the name.</summary>
    private static long KeyOf(string node) =>
        BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes("athanor node " + node)));
}

/// <summary>The lock, held by an open session. A task waits on the connection, so that its end is seen at once; between, it asks the server
/// for a sign of life, so that a connection that died silently is seen too.</summary>
internal sealed class PostgresNodeLock : INodeLock
{
    private readonly NpgsqlConnection _connection;
    private readonly TimeSpan _keepalive;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;

    public PostgresNodeLock(string node, NpgsqlConnection connection, TimeSpan keepalive)
    {
        (Node, _connection, _keepalive) = (node, connection, keepalive);
        Lost = _lost.Token;
        _watch = Watch();
    }

    public string Node { get; }

    public CancellationToken Lost { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task Watch()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                await _connection.WaitAsync(_keepalive, _stop.Token).ConfigureAwait(false);
                await using var command = new NpgsqlCommand("SELECT 1", _connection) { CommandTimeout = Math.Max(1, (int)(2 * _keepalive.TotalSeconds)) };
                await command.ExecuteScalarAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Given back.
        }
        catch (Exception)
        {
            // However the session broke: it does not hold the lock any more, or nobody can say that it does.
            await _lost.CancelAsync().ConfigureAwait(false);
        }
    }
}
