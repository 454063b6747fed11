using Athanor.Hosting.Services;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Postgres;

/// <summary>A server that is killed and started again under commits, and what session locks prove afterwards.</summary>
public sealed class RestartTests(RestartTests.Fixture fixture) : IClassFixture<RestartTests.Fixture>
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_there_twice_when_the_server_is_killed_under_commits()
    {
        var server = fixture.Server;
        await server.CreateDatabase("journal");
        var options = Databases.Options(server.ConnectionString("journal")) with { Timeout = TimeSpan.FromSeconds(5), StatementTimeout = TimeSpan.FromSeconds(3) };
        await using var store = await PostgresStore.Open(options, TimeProvider.System);
        var entities = Enumerable.Range(0, 200).Select(StoreDriver.Entity)
            .GroupBy(e => ShardOf.Address(e, Databases.Shards)).OrderBy(g => g.Key).Select(g => g.First()).ToArray();
        var (stop, unknown) = (false, 0);
        var acknowledged = new List<string>[Databases.Shards];
        var writers = entities.Select((entity, shard) => Task.Run(async () =>
        {
            var said = acknowledged[shard] = [];
            for (var i = 0; !Volatile.Read(ref stop); i++)
            {
                var text = $"{i}";
                while (!Volatile.Read(ref stop))
                {
                    try
                    {
                        // A new term each time, as an owner does: what is there is read, and decides.
                        var driver = new StoreDriver(store);
                        var history = await store.ReadEntity(entity, true, None);
                        if (history.Events.Count > 0) driver.Follow(history);
                        if (history.Events.LastOrDefault() is { } last && StoreDriver.TextOf(last.Event) == text) break;
                        if (await driver.Commit(await driver.Events(entity, text))) break;
                    }
                    catch (CommitUnknownException)
                    {
                        Interlocked.Increment(ref unknown);
                    }
                    catch (StoreException)
                    {
                        // The server is away: asked again until it is back.
                    }
                }
                if (!Volatile.Read(ref stop)) said.Add(text);
            }
        })).ToList();

        for (var kill = 0; kill < 2; kill++)
        {
            var before = acknowledged.Sum(a => a?.Count ?? 0);
            await Progress(before + 20);
            await server.Signal("KILL");
            await server.StartAgain();
        }
        await Progress(acknowledged.Sum(a => a.Count) + 20);
        Volatile.Write(ref stop, true);
        await Task.WhenAll(writers).WaitAsync(Databases.Patience);

        for (var shard = 0; shard < entities.Length; shard++)
        {
            var there = (await store.ReadEntity(entities[shard], true, None)).Events.Select(e => StoreDriver.TextOf(e.Event)).ToList();
            Assert.Equal(there.Distinct().Count(), there.Count);
            Assert.Equal(acknowledged[shard], there.Take(acknowledged[shard].Count));
        }
        Assert.Empty(await store.Verify(None).ToListAsync());

        async Task Progress(int to)
        {
            var begun = TimeProvider.System.GetTimestamp();
            while (acknowledged.Sum(a => a?.Count ?? 0) < to)
            {
                if (TimeProvider.System.GetElapsedTime(begun) > Databases.Patience) throw new TimeoutException("no commit got through");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
        }
    }

    [Fact]
    public async Task After_a_restart_a_free_lock_proves_nothing_until_the_node_has_locked_again()
    {
        var server = fixture.Server;
        await server.CreateDatabase("locks");
        await using var a = await PostgresStore.Open(Databases.Options(server.ConnectionString("locks")), TimeProvider.System);
        await using var b = await PostgresStore.Open(Databases.Options(server.ConnectionString("locks")), TimeProvider.System);
        var lease = TimeSpan.FromMinutes(10);
        await using var held = await a.LockNode("a", None);
        await a.RenewNode("a", "here", ["shards"], lease, None);
        var free = (await a.ReadShards(None))[0];
        var own = await a.Claim(0, "a", free.Epoch, lease, None);

        await server.Stop(immediate: true);
        await Lost(held);
        await server.StartAgain();
        var seen = (await b.ReadShards(None))[0];
        Assert.True(seen.LeaseUntil > await b.Now(None) + lease / 2);
        Assert.True((await b.ReadNodes(None)).Single().LeaseUntil > await b.Now(None) + lease / 2);
        Assert.Null(await b.Claim(0, "b", seen.Epoch, lease, None));

        // The node locks again; its shards of before are free, and what it does not claim is there for others.
        await using (await a.LockNode("a", None)) Assert.Null((await b.ReadShards(None))[0].Owner);
        Assert.Equal(own!.Epoch.Counter + 1, (await b.Claim(0, "b", own.Epoch, lease, None))!.Epoch.Counter);
    }

    /// <summary>A server of their own, as they kill it; they come one after the other, each with a database.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        public PostgresService Server { get; private set; } = null!;

        public async Task InitializeAsync() => Server = await PostgresService.Start(new PostgresServiceOptions());

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }

    private static async Task Lost(INodeLock held)
    {
        var lost = new TaskCompletionSource();
        await using var _ = held.Lost.Register(() => lost.TrySetResult());
        await lost.Task.WaitAsync(Databases.Patience);
    }
}
