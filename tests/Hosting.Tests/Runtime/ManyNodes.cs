using System.Collections.Concurrent;
using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using Hosting.Tests.Slots;
using Microsoft.Extensions.Logging;

namespace Hosting.Tests.Runtime;

/// <summary>Several nodes of one cluster in this process, over one store, with a link that tests can cut.</summary>
internal sealed class ManyNodes : IAsyncDisposable
{
    private readonly string _directory;
    private readonly Func<Task<IStore>> _open;
    private readonly MemoryStore? _memory;
    private IStore? _last;
    private readonly ConcurrentDictionary<string, INodeDoor> _doors = new();
    private readonly List<HostedCluster> _nodes = [];

    public ManyNodes(string directory, MemoryStore store)
        : this(directory, () => Task.FromResult<IStore>(store)) => _memory = store;

    /// <param name="open">Opens the store for one node, which lets go of it at its end.</param>
    public ManyNodes(string directory, Func<Task<IStore>> open) => (_directory, _open) = (directory, open);

    public MemoryStore Store => _memory!;

    /// <summary>What the nodes logged.</summary>
    public ConcurrentQueue<string> Said { get; } = new();

    /// <summary>Whether hints arrive.</summary>
    public bool Hints { get; set; } = true;

    /// <summary>Requests that a node could not place at once: NotOwner and Unavailable answers seen by links.</summary>
    public int Asked;

    public async Task<HostedCluster> Start(
        string name, string[]? roles = null, Func<AthanorOptions, AthanorOptions>? change = null, TimeProvider? time = null,
        Func<ClusterParts, ClusterParts>? parts = null)
    {
        var options = new AthanorOptions
        {
            StateDirectory = Path.Combine(_directory, name),
            Node = new NodeOptions { Name = name, Roles = [.. roles ?? ["shards"]] },
            Shards = new ShardOptions
            {
                Lease = TimeSpan.FromSeconds(4),
                RenewEvery = TimeSpan.FromSeconds(1),
                LeaseMargin = TimeSpan.FromSeconds(0.5),
                ViewEvery = TimeSpan.FromSeconds(0.25),
                MoveDelay = TimeSpan.FromSeconds(0.5),
                MoveShare = 0.25,
            },
            Slots = new SlotOptions
            {
                Pools = ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions { Count = 1 }),
                StopTimeout = TimeSpan.FromSeconds(1),
            },
        };
        options = change?.Invoke(options) ?? options;
        var made = new ClusterParts
        {
            Messages = SlotMain.Messages,
            Deciders = [new CounterDecider()],
            ComputeHandlers = [new SquareHandler()],
            SlotLaunch = SlotMain.Launch,
            Time = time ?? TimeProvider.System,
        };
        made = parts?.Invoke(made) ?? made;
        _last = await _open();
        var state = StateDirectory.Open(options.StateDirectory);
        var ground = new NodeGround
        {
            Directory = state,
            Store = _last,
            Blobs = new DirectoryBlobStore(Path.Combine(_directory, "blobs"), made.Time, options.Blobs.ChunkBytes),
            KeysPath = Path.Combine(_directory, "keys"),
            Link = new Link(this, name),
            Listen = (door, _) =>
            {
                _doors[name] = door;
                return Task.FromResult<(string, IAsyncDisposable)>(($"{name}:1", new Closing(this, name)));
            },
        };
        var node = await HostedCluster.Start(options, EmbeddedRole.Full, made, ground, new Notes(name, Said), CancellationToken.None);
        _nodes.Add(node);
        return node;
    }

    public Link LinkFor(string name) => new(this, name);

    /// <summary>The name of each shard's owner.</summary>
    public async Task<string?[]> Owners() =>
        [.. (await _last!.ReadShards(CancellationToken.None)).OrderBy(row => row.Shard).Select(row => row.Owner)];

    /// <summary>Waits until the owners are as wanted; a time-out says who they are.</summary>
    public async Task<string?[]> Until(Func<string?[], bool> wanted)
    {
        using var patience = new CancellationTokenSource(TestCluster.Long);
        while (true)
        {
            var owners = await Owners();
            if (wanted(owners)) return owners;
            if (patience.IsCancellationRequested)
            {
                var rows = (await _last!.ReadNodes(CancellationToken.None)).Select(r => $"{r.Node} [{string.Join(',', r.Roles)}] {r.LeaseUntil:T} {r.Skew}");
                throw new TimeoutException(
                    $"owners: {string.Join(' ', owners.Select(o => o ?? "-"))}; nodes: {string.Join("; ", rows)}; "
                    + string.Join("; ", _nodes.Select(n => $"{n.Options.Node.Name}: {n.Health.Reason}"))
                    + $"\n{string.Join('\n', Said.TakeLast(60))}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>A counter whose shard a node owns.</summary>
    public async Task<EntityAddress> CounterOf(string node)
    {
        var owners = await Owners();
        return Enumerable.Range(0, 1000).Select(i => EntityAddress.Of("counters", $"c{i}"))
            .First(a => owners[ShardOf.Address(a, _last!.ShardCount)] == node);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
    }

    internal sealed class Link(ManyNodes nodes, string from) : INodeLink
    {
        public void Hint(string node, string address, ImmutableArray<int> shards)
        {
            if (nodes.Hints && nodes._doors.TryGetValue(node, out var door)) door.Hinted(from, shards);
        }

        public Task<NodeAnswer> Ask(string node, string address, NodeRequest request, CancellationToken cancellation)
        {
            Interlocked.Increment(ref nodes.Asked);
            Assert.Equal($"{node}:1", address);
            return nodes._doors.TryGetValue(node, out var door)
                ? door.Ask(from, request, cancellation)
                : throw new NodeLinkException(Refusal.Unavailable, false, $"{node} does not listen");
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Notes(string name, ConcurrentQueue<string> said) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            said.Enqueue($"{name}: {formatter(state, exception)}");
    }

    private sealed class Closing(ManyNodes nodes, string name) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            nodes._doors.TryRemove(name, out _);
            return ValueTask.CompletedTask;
        }
    }
}
