using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Slots;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hosting.Tests.Work;

/// <summary>A node that only works: slots over a PostgreSQL store, until its standard input ends or it is killed.</summary>
internal static class WorkerProgram
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(6);

    public static int Run(string connection, string name, string directory)
    {
        Work(connection, name, directory).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task Work(string connection, string name, string directory)
    {
        await using var store = await PostgresStore.Open(new PostgresStoreOptions { Connection = connection }, TimeProvider.System);
        await store.ReturnWorkOf(name, default);
        var options = new SlotOptions
        {
            Pools = new SlotOptions().Pools.SetItem("cpu", new PoolOptions { Count = 2 }),
            Lease = Lease,
            RenewEvery = Lease / 6,
            PollEvery = TimeSpan.FromSeconds(0.2),
        };
        var desk = new WorkDesk(store, SlotMain.Messages, 3, static _ => { });
        await using var loop = new WorkLoop(
            desk, new DirectoryBlobStore(directory, TimeProvider.System), SlotMain.Messages, name, options, SlotMain.Launch,
            NullLogger.Instance, TimeProvider.System, address: name);
        await Console.In.ReadToEndAsync();
    }
}
