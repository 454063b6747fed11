using Athanor.Hosting.Stores.Integrity;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Commits: all rows of a part behind the shard's fence, all parts of a call in one statement.</summary>
public sealed partial class PostgresStore
{
    private const int TransientAttempts = 5;

    public async Task<IReadOnlyList<ShardCommitResult>> Commit(IReadOnlyList<ShardCommit> parts, CancellationToken cancellation)
    {
        foreach (var part in parts) CommitNumbers.Check(part, ShardCount);
        if (parts.DistinctBy(static part => part.Shard).Count() < parts.Count)
            throw new StoreException("a call commits one part for each shard; a shard's next part waits for the answer to the one before");

        var results = new ShardCommitResult[parts.Count];
        var open = new List<ShardCommit>(parts.Count);
        for (var i = 0; i < results.Length; i++)
        {
            if (_breaker.Refuses(parts[i].Shard) is { } reason) results[i] = new ShardCommitResult(parts[i].Shard, false, null, reason);
            else open.Add(parts[i]);
        }

        var judged = open.Count == 0 ? [] : await CommitOpen(open, cancellation).ConfigureAwait(false);
        for (var i = 0; i < results.Length; i++) results[i] ??= judged[parts[i].Shard];
        // Nothing of it was done, and there is one reason for all of it.
        if (results is [{ Failure: { } only }]) throw new StoreException(only);
        return results;
    }

    private async Task<Dictionary<int, ShardCommitResult>> CommitOpen(List<ShardCommit> parts, CancellationToken cancellation)
    {
        try
        {
            var results = await CommitTogether(parts, cancellation).ConfigureAwait(false);
            foreach (var part in parts) _breaker.Succeeded(part.Shard);
            return results;
        }
        catch (PostgresRefusal e) when (IsOfOneShard(e))
        {
            if (parts.Count == 1)
            {
                _breaker.Failed(parts[0].Shard, e.Message);
                return new() { [parts[0].Shard] = new ShardCommitResult(parts[0].Shard, false, null, e.Message) };
            }
        }

        // Refused as a whole, so nothing was done: one by one, only whoever is to blame fails.
        var alone = new Dictionary<int, ShardCommitResult>(parts.Count);
        foreach (var part in parts)
            alone.Add(part.Shard, (await CommitOpen([part], cancellation).ConfigureAwait(false))[part.Shard]);
        return alone;
    }

    /// <summary>Whether a refusal may be one shard's own. What hits all alike (no space, read-only, no right) is everybody's.</summary>
    private static bool IsOfOneShard(PostgresRefusal refusal) => refusal.State switch
    {
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.DeadlockDetected => true,
        // 22: a value that the server does not take; 23: a key or a check.
        var state => state.StartsWith("22", StringComparison.Ordinal) || state.StartsWith("23", StringComparison.Ordinal),
    };

    private async Task<Dictionary<int, ShardCommitResult>> CommitTogether(List<ShardCommit> parts, CancellationToken cancellation)
    {
        var statement = new CommitStatement(parts, ClockTicks);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await Send(statement, parts, cancellation).ConfigureAwait(false);
            }
            catch (PostgresRefusal e) when (e.IsTransient && attempt < TransientAttempts)
            {
                // Given way to another session before anything was done.
            }
        }
    }

    private async Task<Dictionary<int, ShardCommitResult>> Send(
        CommitStatement statement, List<ShardCommit> parts, CancellationToken cancellation)
    {
        var (session, command) = await Ready(statement, cancellation).ConfigureAwait(false);
        try
        {
            // From here on nobody cancels: the statement may be done already.
            var results = await Execute(command, parts).ConfigureAwait(false);
            _writers.Return(session);
            return results;
        }
        catch (Exception e) when (PostgresErrors.IsCertain(e))
        {
            var error = PostgresErrors.Make(Target, e, "committing");
            if (error is PostgresRefusal { State: PostgresErrorCodes.ReadOnlySqlTransaction })
            {
                // A new connection may find the server that took over.
                await _writers.Drop(session).ConfigureAwait(false);
                _sources.Forget();
            }
            else
            {
                _writers.Return(session);
            }
            throw error;
        }
        catch (StoreException)
        {
            _writers.Return(session);
            throw;
        }
        catch (Exception e)
        {
            await _writers.Drop(session).ConfigureAwait(false);
            throw new CommitUnknownException(
                $"It is not known whether the commit took effect: {PostgresErrors.Make(Target, e, "committing").Message}", e);
        }
    }

    /// <summary>A session in which the statement is prepared. Until it is sent, every failure is certain. A session that was idle may have
    /// been ended by the server since then, which is no failure of this commit.</summary>
    private async Task<(WriterSession Session, NpgsqlCommand Command)> Ready(CommitStatement statement, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            WriterSession? session = null;
            try
            {
                session = await _writers.Rent(cancellation).ConfigureAwait(false);
                return (session, await session.Prepare(statement).ConfigureAwait(false));
            }
            catch (OperationCanceledException) when (session is null && cancellation.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or OperationCanceledException or InvalidOperationException)
            {
                if (session is not null) await _writers.Drop(session).ConfigureAwait(false);
                if (session is null || attempt >= _options.Writers) throw PostgresErrors.Make(Target, e, "opening a connection to commit");
            }
        }
    }

    private async Task<Dictionary<int, ShardCommitResult>> Execute(NpgsqlCommand command, List<ShardCommit> parts)
    {
        var results = new Dictionary<int, ShardCommitResult>(parts.Count);
        await using var rows = await command.ExecuteReaderAsync(CancellationToken.None).ConfigureAwait(false);
        while (await rows.ReadAsync(CancellationToken.None).ConfigureAwait(false))
        {
            var shard = rows.GetInt32(0);
            ShardRow? actual = null;
            var accepted = rows.GetBoolean(8);
            try
            {
                if (!accepted) actual = ShardTable.Current(rows);
            }
            catch (DamageException e)
            {
                // Its fence is gone, so nothing of this shard is accepted; the other parts are not held up by it.
                _reports.Add(e);
            }
            results.Add(shard, new ShardCommitResult(shard, accepted, actual));
        }

        foreach (var part in parts)
        {
            if (!results.TryGetValue(part.Shard, out var result))
            {
                _reports.Add(new DamageException($"shard, shard {part.Shard}", "the row is missing"));
                results.Add(part.Shard, new ShardCommitResult(part.Shard, false, null));
            }
            else if (result is { Accepted: false, Actual: { } row } && IsNumberedWrongly(part, row))
            {
                results[part.Shard] = result with
                {
                    Failure = $"A commit of shard {part.Shard} brings event {part.Events[0].Number} where {row.LastEvent + 1} is due.",
                };
            }
        }
        return results;
    }

    /// <summary>The fence was passed in everything but the number of the first event.</summary>
    private static bool IsNumberedWrongly(ShardCommit part, ShardRow row) =>
        part.Events.Length > 0 && row.Owner == part.Owner && row.Epoch == part.Epoch && row.LastNumber == part.ExpectedLast
        && part.Events[0].Number != row.LastEvent + 1;
}
