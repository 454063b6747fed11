using System.Runtime.CompilerServices;
using Athanor.Hosting.Stores;
using Npgsql;

namespace Athanor.Hosting.Blobs.Database;

/// <summary>Objects as rows of <c>athanor.blob</c>, by the server's clock. For a cluster without other shared storage: each object is at
/// most one chunk, so that no row is large, but all of it goes through the database's log and backups.</summary>
internal sealed class PostgresObjects(NpgsqlDataSource source) : IBlobObjects
{
    private const int Page = 1000;

    public string Where => "the database";

    public Task<DateTimeOffset> Now(CancellationToken cancellation) => Do(async () =>
    {
        await using var command = source.CreateCommand("SELECT athanor.clock()");
        return Time((long)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!);
    });

    public Task<byte[]?> Get(string name, CancellationToken cancellation) => Do(async () =>
    {
        await using var command = Command("SELECT content FROM athanor.blob WHERE name = $1", name);
        return (byte[]?)await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false);
    });

    public Task Put(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) => Do(async () =>
    {
        await using var command = Command(
            "INSERT INTO athanor.blob(name, content, touched) VALUES ($1, $2, athanor.clock()) "
            + "ON CONFLICT (name) DO UPDATE SET content = excluded.content, touched = excluded.touched",
            name, content.ToArray());
        return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    });

    public Task<DateTimeOffset?> FindSame(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) => Do(async () =>
    {
        var hash = System.Security.Cryptography.SHA256.HashData(content.Span);
        await using var command = Command("SELECT touched FROM athanor.blob WHERE name = $1 AND sha256(content) = $2", name, hash);
        return await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is long ticks ? Time(ticks) : (DateTimeOffset?)null;
    });

    public Task<DateTimeOffset?> Touched(string name, CancellationToken cancellation) => Do(async () =>
    {
        await using var command = Command("SELECT touched FROM athanor.blob WHERE name = $1", name);
        return await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is long ticks ? Time(ticks) : (DateTimeOffset?)null;
    });

    public Task<bool> Move(string from, string to, CancellationToken cancellation) => Do(async () =>
    {
        // One statement, so one transaction; whoever put the same content under the new name meanwhile has put the same.
        await using var command = Command(
            "WITH gone AS (DELETE FROM athanor.blob WHERE name = $1 RETURNING content) "
            + "INSERT INTO athanor.blob(name, content, touched) SELECT $2, content, athanor.clock() FROM gone "
            + "ON CONFLICT (name) DO UPDATE SET content = excluded.content, touched = excluded.touched",
            from, to);
        return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false) > 0;
    });

    public Task Delete(string name, CancellationToken cancellation) => Do(async () =>
    {
        await using var command = Command("DELETE FROM athanor.blob WHERE name = $1", name);
        return await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    });

    public async IAsyncEnumerable<BlobObject> List([EnumeratorCancellation] CancellationToken cancellation)
    {
        var after = "";
        while (true)
        {
            var page = await Do(async () =>
            {
                await using var command = Command(
                    $"SELECT name, octet_length(content)::bigint, touched FROM athanor.blob WHERE name > $1 ORDER BY name LIMIT {Page}", after);
                await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                var found = new List<BlobObject>();
                while (await rows.ReadAsync(cancellation).ConfigureAwait(false))
                    found.Add(new BlobObject(rows.GetString(0), rows.GetInt64(1), Time(rows.GetInt64(2))));
                return found;
            }).ConfigureAwait(false);
            foreach (var found in page) yield return found;
            if (page.Count < Page) yield break;
            after = page[^1].Name;
        }
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private NpgsqlCommand Command(string text, params object[] values)
    {
        var command = source.CreateCommand(text);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    private static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);

    private static async Task<T> Do<T>(Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            throw new StoreException("the database has no table for blobs; run 'athanor journal migrate', as a user who owns the schema", e);
        }
        catch (NpgsqlException e)
        {
            throw new StoreException($"blobs in the database: {e.Message}", e);
        }
    }
}
