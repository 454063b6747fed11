using System.Security.Cryptography;
using System.Text;
using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores.Memory;
using Hosting.Tests.Core;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Simulation;

/// <summary>An invariant did not hold.</summary>
internal sealed class ViolationException(string what) : Exception(what);

/// <summary>
/// A whole cluster in one thread: nodes that each run the real core over one memory store, clients, and a network and a store that
/// misbehave.
/// All time is virtual and all chance comes from one seed, so a seed is a run: it can be repeated, and the hash over all inputs and actions
/// shows that it was.
/// </summary>
internal sealed class World
{
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly IncrementalHash _trace = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Dictionary<int, TimeSpan> _unserved = [];
    private long _order;
    private TimeSpan _clockStep;

    public World(int seed, SimulationOptions options)
    {
        Options = options;
        Random = new Random(seed);
        Store = new FaultyStore(this, new MemoryStore(options.Shards, Clock));
        Nodes = [.. Enumerable.Range(0, options.Nodes).Select(i => new SimulatedNode(this, $"node-{(char)('a' + i)}"))];
        Clients = [.. Enumerable.Range(0, options.Clients).Select(i => new SimulatedClient(this, i))];
    }

    public SimulationOptions Options { get; }

    public Random Random { get; }

    public VirtualTime Clock { get; } = new();

    public FaultyStore Store { get; }

    public IReadOnlyList<SimulatedNode> Nodes { get; }

    public IReadOnlyList<SimulatedClient> Clients { get; }

    public static IReadOnlyList<IDecider> Deciders { get; } = [new AccountDecider()];

    public static IMessageCodec Codec { get; } = new RegistryCodec(SlotMain.Messages);

    public TimeSpan Now { get; private set; }

    public bool IsHostile => Now < Options.Hostile;

    public long Events { get; private set; }

    public bool Chance(double chance) => IsHostile && Random.NextDouble() < chance;

    public TimeSpan Between(double low, double high) => TimeSpan.FromMilliseconds(low + (high - low) * Random.NextDouble());

    public TimeSpan Latency() => Chance(Options.Slow) ? Between(100, 3000) : Between(0.5, 5);

    public void At(TimeSpan time, Action action) => _events.Enqueue(action, (Math.Max(time.Ticks, Now.Ticks), _order++));

    public void After(TimeSpan wait, Action action) => At(Now + wait, action);

    /// <summary>Where the trace is written as text, to read a failing seed; null for nowhere.</summary>
    public TextWriter? TraceTo { get; init; }

    public void Trace(string line)
    {
        TraceTo?.WriteLine($"{Now.TotalSeconds:0.0000} {line}");
        _trace.AppendData(Encoding.UTF8.GetBytes($"{Now.Ticks} {line}\n"));
    }

    /// <summary>Runs to rest and checks everything; returns the trace's hash.</summary>
    public string Run()
    {
        foreach (var node in Nodes) node.Start();
        foreach (var client in Clients) client.Start();
        After(Between(500, 3000), Misfortune);
        After(TimeSpan.FromSeconds(1), Watch);
        var resting = false;
        var quiet = 0;
        At(Options.Hostile, Heal);
        At(Options.Hostile + TimeSpan.FromSeconds(1), Look);
        while (!resting && _events.TryDequeue(out var next, out var at))
        {
            Now = new TimeSpan(at.At);
            Clock.Now = VirtualTime.Start + Now + _clockStep;
            Events++;
            next();
        }
        new Invariants(this).CheckAtRest();
        return Convert.ToHexStringLower(_trace.GetHashAndReset());

        void Look()
        {
            var unrest = new Invariants(this).WhatIsNotAtRest();
            quiet = unrest is null ? quiet + 1 : 0;
            // Twice, as the outcome of the last commit may still be on its way.
            if (quiet == 2) resting = true;
            else if (unrest is null) After(TimeSpan.FromSeconds(1), Look);
            else if (Now > Options.Rest) throw new ViolationException($"not at rest after {Now.TotalSeconds} s: {unrest}");
            else After(TimeSpan.FromSeconds(1), Look);
        }
    }

    private void Misfortune()
    {
        if (!IsHostile) return;
        var node = Nodes[Random.Next(Nodes.Count)];
        switch (Random.Next(6))
        {
            case 0 or 1:
                node.Crash();
                After(Between(200, 8000), node.Start);
                break;
            case 2 or 3:
                node.Pause(Between(500, 20_000));
                break;
            case 4:
                _clockStep += TimeSpan.FromSeconds((Random.NextDouble() - 0.5) * 8);
                break;
            case 5:
                node.Drain();
                After(Between(500, 8000), () =>
                {
                    node.Crash();
                    node.Start();
                });
                break;
        }
        After(Between(500, 6000), Misfortune);
    }

    private void Heal()
    {
        foreach (var node in Nodes)
        {
            node.Wake();
            if (!node.IsAlive || node.IsDrained)
            {
                node.Crash();
                node.Start();
            }
        }
    }

    /// <summary>No shard may be without an owner that serves it for longer than a bound, while any node is well.</summary>
    private void Watch()
    {
        var bound = TimeSpan.FromSeconds(60);
        var anyWell = Nodes.Any(static node => node.IsWell);
        for (var shard = 0; shard < Options.Shards; shard++)
        {
            if (!anyWell || Nodes.Any(node => node.IsWell && node.Serves(shard))) _unserved[shard] = Now;
            else if (Now - _unserved.GetValueOrDefault(shard) > bound)
                throw new ViolationException($"shard {shard} was not served for {(Now - _unserved[shard]).TotalSeconds} s");
        }
        After(TimeSpan.FromSeconds(1), Watch);
    }
}
