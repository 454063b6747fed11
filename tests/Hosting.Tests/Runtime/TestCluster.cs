using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Runtime;

/// <summary>Embedded clusters of counters, in a directory that outlives each of them.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    private readonly string _directory;

    private TestCluster(string directory, HostedCluster cluster, SquareHandler squares)
    {
        _directory = directory;
        Cluster = cluster;
        Squares = squares;
    }

    public HostedCluster Cluster { get; }

    public IClusterClient Client => Cluster.Client;

    public SquareHandler Squares { get; }

    public static async Task<TestCluster> Start(
        string directory, EmbeddedRole role = EmbeddedRole.Full, int slots = 2, Func<AthanorOptions, AthanorOptions>? change = null,
        TimeProvider? time = null)
    {
        var squares = new SquareHandler();
        var options = new AthanorOptions
        {
            StateDirectory = Path.Combine(directory, "state"),
            Slots = new SlotOptions
            {
                Pools = ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions { Count = slots }),
                StopTimeout = TimeSpan.FromSeconds(1),
                Lease = TimeSpan.FromSeconds(6),
                RenewEvery = TimeSpan.FromSeconds(0.5),
            },
        };
        var parts = new ClusterParts
        {
            Messages = SlotMain.Messages,
            Deciders = [new CounterDecider()],
            ComputeHandlers = [squares],
            SlotLaunch = SlotMain.Launch,
            Time = time ?? TimeProvider.System,
        };
        return new TestCluster(directory, await HostedCluster.Start(change?.Invoke(options) ?? options, role, parts), squares);
    }

    public static EntityAddress Counter(string id) => EntityAddress.Of("counters", id);

    public async Task<long> Add(string id, long amount, Guid? key = null) =>
        Assert.IsType<Total>(await Client.Ask(Counter(id), new Add(amount), key)).Value;

    public Task<IReply> Ask(string id, ICommand command) => Client.Ask(Counter(id), command);

    public async Task<Seen> Look(string id) => Assert.IsType<Seen>(await Client.Query(Counter(id), new Look()));

    public Task<IReply> Work(string id, string name, Act act, TimeSpan? deadline = null, params ImmutableArray<string> inputs) =>
        Ask(id, new DoWork(name, act, deadline ?? Long, inputs));

    /// <summary>Looks until the counter is as wanted; a time-out says what was seen.</summary>
    public async Task<Seen> Until(string id, Func<Seen, bool> wanted)
    {
        using var patience = new CancellationTokenSource(Long);
        while (true)
        {
            var seen = await Look(id);
            if (wanted(seen)) return seen;
            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException(
                    $"{id} is {seen.Value}, ended {string.Join("; ", seen.Ended)}, squares {string.Join(", ", seen.Squares)}; {Cluster.Health}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public async Task<string> Ended(string id, string name) => (await Until(id, s => s.Ended.ContainsKey(name))).Ended[name];

    public async Task<TestCluster> Restart(EmbeddedRole role = EmbeddedRole.Full)
    {
        await DisposeAsync();
        return await Start(_directory, role);
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
