using System.Collections.Concurrent;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Postgres;

/// <summary>The store contract, kept by the PostgreSQL store on a real server. Tests of the class come one after the other, so they share
/// a database for each number of shards, emptied before each.</summary>
public sealed class PostgresContractTests : StoreContract
{
    private static readonly ConcurrentDictionary<(int Shards, int Nth), Lazy<Task<string>>> Made = new();

    private readonly Dictionary<int, int> _used = [];

    protected override async Task<IStore> CreateStore(int shards, TimeProvider time)
    {
        var nth = _used[shards] = _used.GetValueOrDefault(shards) + 1;
        var connection = await Made.GetOrAdd((shards, nth), _ => new Lazy<Task<string>>(SharedPostgres.NewDatabase)).Value;
        await Databases.Empty(connection);
        var options = Databases.Options(connection) with { ShardCount = shards, Clock = time };
        return await PostgresStore.Open(options, TimeProvider.System);
    }
}
