using System.Collections.Concurrent;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>A few connections that read beside the writer. Each read is one transaction: it sees one moment, with every commit that was
/// acknowledged before it began.</summary>
internal sealed class SqliteReaders(Func<SqliteConnection> open, int count) : IDisposable
{
    private readonly ConcurrentBag<SqliteConnection> _idle = [];
    private readonly SemaphoreSlim _free = new(count, count);
    private readonly int _count = count;
    private volatile bool _closed;

    public async Task<T> Read<T>(Func<SqliteConnection, T> action, CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Run(action), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Waits for reads that have begun, and closes.</summary>
    public void Dispose()
    {
        _closed = true;
        for (var i = 0; i < _count; i++) _free.Wait();
        while (_idle.TryTake(out var connection)) connection.Dispose();
        _free.Release(_count);
    }

    private T Run<T>(Func<SqliteConnection, T> action)
    {
        if (_closed) throw new StoreException("The store is closed.");
        if (!_idle.TryTake(out var connection)) connection = open();
        try
        {
            connection.Execute("BEGIN");
            var result = action(connection);
            connection.Execute("COMMIT");
            _idle.Add(connection);
            return result;
        }
        catch
        {
            // After an error of SQLite a connection may hold half a statement; a new one costs less than to find out.
            connection.Dispose();
            throw;
        }
    }
}
