using System.Collections.Concurrent;
using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// The one writer. Whoever wants something written hands over a function; a dedicated thread runs all functions that wait at one moment in
/// one transaction (BEGIN IMMEDIATE … COMMIT: one flush to disk for the whole group), and completes their tasks after the commit.
///
/// At a failure. A function that throws undoes the group; each of the group is then run in a transaction of its own, so only the one
/// that throws fails. (So functions must do nothing but read and write the connection.) A full disk, a lock that does not go away: the
/// group is undone and fails with a <see cref="StoreException"/>; the writer goes on with the next. An I/O error of COMMIT itself: the
/// commit may lie whole in the log and come back after a crash, so the group fails with <see cref="CommitUnknownException"/>, the
/// connection is dropped and a new one is opened. A function that has begun is never cancelled; one that waits is.
/// </summary>
internal sealed class SqliteWriter : IDisposable
{
    /// <summary>Most functions in one transaction.</summary>
    private const int GroupLimit = 256;

    private readonly BlockingCollection<Item> _queue = [];
    private readonly Func<SqliteConnection> _open;
    private readonly Thread _thread;
    private SqliteConnection? _connection;

    public SqliteWriter(SqliteConnection connection, Func<SqliteConnection> reopen)
    {
        _connection = connection;
        _open = reopen;
        _thread = new Thread(Loop) { IsBackground = true, Name = "store writer" };
        _thread.Start();
    }

    /// <summary>Runs a function in the next transaction. The task ends when that is durable.</summary>
    public Task<T> Do<T>(Func<SqliteConnection, T> action, CancellationToken cancellation)
    {
        var item = new Item<T>(action, cancellation);
        try
        {
            _queue.Add(item, CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            throw new StoreException("The store is closed.");
        }
        return item.Task;
    }

    /// <summary>Waits for what is queued, moves the log into the database and closes.</summary>
    public void Dispose()
    {
        // The queue itself is not disposed: late callers are to hear that the store is closed.
        _queue.CompleteAdding();
        _thread.Join();
    }

    private void Loop()
    {
        var group = new List<Item>(GroupLimit);
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            group.Add(first);
            while (group.Count < GroupLimit && _queue.TryTake(out var next)) group.Add(next);
            group.RemoveAll(item => item.TryCancel());
            if (group.Count > 0) RunGroup(group);
            group.Clear();
        }
        Close();
    }

    private void RunGroup(List<Item> group)
    {
        if (TryRun(group) is not { } failure) return;
        if (group.Count == 1 || failure is CommitUnknownException)
        {
            foreach (var item in group) item.Fail(failure);
            return;
        }
        foreach (var item in group)
        {
            if (TryRun([item]) is { } own) item.Fail(own);
        }
    }

    private Exception? TryRun(List<Item> group)
    {
        var committing = false;
        try
        {
            var connection = _connection ??= _open();
            connection.Execute("BEGIN IMMEDIATE");
            foreach (var item in group) item.Run(connection);
            committing = true;
            connection.Execute("COMMIT");
        }
        catch (SqliteException e) when (committing && e.IsInputOutput)
        {
            Drop();
            return new CommitUnknownException($"It is not known whether the commit took effect: {e.Message}", e);
        }
        catch (Exception e)
        {
            // Whatever a function throws is the answer of whoever handed it over.
            try
            {
                _connection?.Rollback();
            }
            catch (StoreException)
            {
                Drop();
            }
            return e;
        }

        foreach (var item in group) item.Complete();
        return null;
    }

    private void Drop()
    {
        _connection?.Dispose();
        _connection = null;
    }

    private void Close()
    {
        try
        {
            if (_connection is not null)
            {
                SqliteSchema.Contract(_connection);
                _connection.Checkpoint(raw.SQLITE_CHECKPOINT_TRUNCATE);
            }
        }
        catch (StoreException)
        {
            // The log stays beside the database; the next opening moves it.
        }
        Drop();
    }

    private abstract class Item
    {
        public abstract void Run(SqliteConnection connection);

        public abstract void Complete();

        public abstract void Fail(Exception failure);

        public abstract bool TryCancel();
    }

    private sealed class Item<T>(Func<SqliteConnection, T> action, CancellationToken cancellation) : Item
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;

        public Task<T> Task => _done.Task;

        public override void Run(SqliteConnection connection) => _result = action(connection);

        public override void Complete() => _done.SetResult(_result!);

        public override void Fail(Exception failure) => _done.SetException(failure);

        public override bool TryCancel() => cancellation.IsCancellationRequested && _done.TrySetCanceled(cancellation);
    }
}
