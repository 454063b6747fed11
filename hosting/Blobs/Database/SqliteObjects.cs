using System.Runtime.CompilerServices;
using Athanor.Hosting.Stores.Sqlite;

namespace Athanor.Hosting.Blobs.Database;

/// <summary>Objects as rows of an SQLite database of their own, beside the journal: one file instead of many. One process uses it at a
/// time, under the lock of its state directory.</summary>
internal sealed class SqliteObjects : IBlobObjects
{
    private static readonly SqliteTable Table = new(
        "blob", ["name TEXT NOT NULL", "content BLOB NOT NULL", "touched INTEGER NOT NULL"], r => r.Text(0), ", PRIMARY KEY(name)");

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly TimeProvider _time;

    public SqliteObjects(string path, TimeProvider time)
    {
        _time = time;
        Where = path;
        _connection = SqliteConnection.Open(path, write: true, TimeSpan.FromSeconds(10));
        _connection.Execute("PRAGMA journal_mode = WAL");
        _connection.Execute("PRAGMA synchronous = FULL");
        foreach (var statement in Table.Ddl) _connection.Execute(statement.Replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", StringComparison.Ordinal));
    }

    public string Where { get; }

    public Task<DateTimeOffset> Now(CancellationToken cancellation) => Task.FromResult(_time.GetUtcNow());

    public Task<byte[]?> Get(string name, CancellationToken cancellation) => Do(() => Content(name));

    public Task Put(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) => Do(() =>
    {
        Write(name, content.Span);
        return true;
    });

    public Task<DateTimeOffset?> FindSame(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) => Do(() =>
    {
        using var row = _connection.Prepare($"{Table.Select} WHERE name = ?").Bind(name);
        return row.Step() && row.CrcHolds(Table.Name) && row.Blob(1).AsSpan().SequenceEqual(content.Span) ? row.Time(2) : (DateTimeOffset?)null;
    });

    public Task<DateTimeOffset?> Touched(string name, CancellationToken cancellation) => Do(() =>
    {
        using var row = _connection.Prepare("SELECT touched FROM blob WHERE name = ?").Bind(name);
        return row.Step() ? row.Time(0) : (DateTimeOffset?)null;
    });

    public Task<bool> Move(string from, string to, CancellationToken cancellation) => Do(() =>
    {
        if (Content(from) is not { } content) return false;
        Write(to, content);
        Remove(from);
        return true;
    });

    public Task Delete(string name, CancellationToken cancellation) => Do(() =>
    {
        Remove(name);
        return true;
    });

    public async IAsyncEnumerable<BlobObject> List([EnumeratorCancellation] CancellationToken cancellation)
    {
        var all = await Do(() =>
        {
            var found = new List<BlobObject>();
            using var row = _connection.Prepare("SELECT name, length(content), touched FROM blob");
            while (row.Step()) found.Add(new BlobObject(row.Text(0), row.Long(1), row.Time(2)));
            return found;
        }).ConfigureAwait(false);
        foreach (var found in all)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return found;
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_gate) _connection.Dispose();
        return default;
    }

    private byte[]? Content(string name)
    {
        using var row = _connection.Prepare("SELECT content FROM blob WHERE name = ?").Bind(name);
        return row.Step() ? row.Blob(0) : null;
    }

    private void Write(string name, ReadOnlySpan<byte> content) =>
        _connection.Prepare(Table.Put).Row(Table.Name).Bind(name).Bind(content).Bind(_time.GetUtcNow()).BindCrc().Run();

    private void Remove(string name) => _connection.Prepare("DELETE FROM blob WHERE name = ?").Bind(name).Run();

    private Task<T> Do<T>(Func<T> call) => Task.Run(() =>
    {
        lock (_gate) return call();
    });
}
