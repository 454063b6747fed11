using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Sqlite;

/// <summary>The store contract, kept by the SQLite store on a real file.</summary>
public sealed class SqliteContractTests : StoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private int _stores;

    public void Dispose() => _directory.Dispose();

    protected override Task<IStore> CreateStore(int shards, TimeProvider time) => Task.FromResult<IStore>(
        SqliteStore.Open(_directory.File($"journal-{++_stores}.db"), new SqliteStoreOptions { ShardCount = shards }, time));
}
