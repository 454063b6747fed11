using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>A session in which commits are made, with the forms of the statement that it has prepared.</summary>
internal sealed class WriterSession(NpgsqlConnection connection, int pid, DateTime started) : IAsyncDisposable
{
    private readonly Dictionary<int, NpgsqlCommand> _commands = [];

    public int Pid { get; } = pid;

    public DateTime Started { get; } = started;

    public NpgsqlConnection Connection { get; } = connection;

    /// <summary>The statement's command, prepared and with its values.</summary>
    public async Task<NpgsqlCommand> Prepare(CommitStatement statement)
    {
        if (!_commands.TryGetValue(statement.Form, out var command))
        {
            command = new NpgsqlCommand(CommitStatement.TextOf(statement.Form), Connection);
            foreach (var column in CommitStatement.TypesOf(statement.Form))
                command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = column is { } c ? NpgsqlDbType.Array | c.DbType : NpgsqlDbType.Bigint });
            await command.PrepareAsync(CancellationToken.None).ConfigureAwait(false);
            _commands.Add(statement.Form, command);
        }
        var i = 0;
        foreach (var value in statement.Values()) command.Parameters[i++].Value = value ?? DBNull.Value;
        return command;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var command in _commands.Values) await command.DisposeAsync().ConfigureAwait(false);
        await Connection.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>
/// The writers: at most so many sessions, opened when they are needed, each used by one commit at a time. Once the node's name is known,
/// each session is recorded under it before its first commit, and whoever takes the node's shards over can end it.
/// </summary>
internal sealed class WriterSessions(NpgsqlDataSource source, int most) : IAsyncDisposable
{
    private readonly SemaphoreSlim _places = new(most);
    private readonly ConcurrentBag<WriterSession> _idle = [];
    private readonly ConcurrentDictionary<WriterSession, bool> _open = new();
    private string? _node;

    public async Task<WriterSession> Rent(CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return _idle.TryTake(out var session) ? session : await Open(cancellation).ConfigureAwait(false);
        }
        catch
        {
            _places.Release();
            throw;
        }
    }

    public void Return(WriterSession session)
    {
        _idle.Add(session);
        _places.Release();
    }

    /// <summary>Process ids of the sessions that are open.</summary>
    public int[] Pids() => [.. _open.Keys.Select(static session => session.Pid)];

    /// <summary>Gives the place back without the session: what became of its statement is not known, or the session is of no more use. What
    /// broke it may have broken those that are idle too; they are given up before a commit runs into it.</summary>
    public async Task Drop(WriterSession session)
    {
        await Close(session).ConfigureAwait(false);
        while (_idle.TryTake(out var idle)) await Close(idle).ConfigureAwait(false);
        _places.Release();
    }

    /// <summary>Records the sessions under a node's name, those that are open now with the connection given.</summary>
    public async Task Record(string node, NpgsqlConnection with, CancellationToken cancellation)
    {
        _node = node;
        foreach (var session in _open.Keys) await Record(node, session, with, cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        // Commits under way keep their sessions until they are done.
        for (var i = 0; i < most; i++) await _places.WaitAsync().ConfigureAwait(false);
        while (_idle.TryTake(out var session)) await session.DisposeAsync().ConfigureAwait(false);
        _places.Dispose();
    }

    private async Task Close(WriterSession session)
    {
        _open.TryRemove(session, out _);
        try
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception)
        {
            // It was given up anyway.
        }
    }

    private async Task<WriterSession> Open(CancellationToken cancellation)
    {
        var connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        WriterSession? session = null;
        try
        {
            await using var command = new NpgsqlCommand(
                "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()", connection);
            await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            await row.ReadAsync(cancellation).ConfigureAwait(false);
            session = new WriterSession(connection, row.GetInt32(0), row.GetDateTime(1));
            await row.DisposeAsync().ConfigureAwait(false);
            _open.TryAdd(session, true);
            if (_node is { } node) await Record(node, session, connection, cancellation).ConfigureAwait(false);
            return session;
        }
        catch
        {
            if (session is not null) _open.TryRemove(session, out _);
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task Record(string node, WriterSession session, NpgsqlConnection with, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            WITH gone AS (DELETE FROM node_session s WHERE s.node = $1
                AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = s.pid AND a.backend_start = s.started) AND s.pid <> $2)
            INSERT INTO node_session(node, pid, started) VALUES($1, $2, $3)
            ON CONFLICT (node, pid) DO UPDATE SET started = excluded.started
            """,
            with);
        command.Parameters.Add(new NpgsqlParameter { Value = node, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new NpgsqlParameter { Value = session.Pid, NpgsqlDbType = NpgsqlDbType.Integer });
        command.Parameters.Add(new NpgsqlParameter { Value = session.Started, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }
}
