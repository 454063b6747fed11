using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;

namespace Hosting.Tests.Stores;

public sealed class MemoryStoreTests : StoreContract
{
    protected override Task<IStore> CreateStore(int shards, TimeProvider time) => Task.FromResult<IStore>(new MemoryStore(shards, time));
}
