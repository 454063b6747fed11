using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Postgres;

/// <summary>The store contract, kept by the PostgreSQL store on a real server.</summary>
public sealed class PostgresContractTests : StoreContract
{
    protected override async Task<IStore> CreateStore(int shards, TimeProvider time) => await PostgresStore.Open(
        new PostgresStoreOptions
        {
            Connection = await SharedPostgres.NewDatabase(),
            ShardCount = shards,
            Migrate = MigrateMode.Auto,
            Clock = time,
        },
        TimeProvider.System);
}
