using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class VirtualClock : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public DateTimeOffset Now { get; set; } = Start;

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>
/// A whole cluster in one thread: nodes that each run the real core over one store, clients, slots, an operator, and a network and a
/// database that misbehave. All time is virtual and all chance comes from one seed, so a seed is a run: it can be repeated, and the hash
/// over all inputs and actions shows that it was.
///
/// A world is hostile for a while; then nothing fails any more, everything must come to rest, and what the store then holds is judged
/// (<see cref="Invariants"/>). What can be judged at once is: each commit (<see cref="Ledger"/>), each answer to a client, each claim, and
/// every second whether all shards are served.
/// </summary>
internal sealed partial class World
{
    /// <summary>The operator's requests have correlations that end so.</summary>
    public const int Operator = 99;

    private static readonly TimeSpan UnservedAtMost = TimeSpan.FromSeconds(60);
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly TimeSpan[] _served;
    private readonly int[] _shardOf;
    private readonly HashSet<long> _everParked = [];
    private long _order;
    private long _operatorAsks;
    private TimeSpan _clockStep;

    public World(long seed, SimulationOptions options)
    {
        Options = options;
        Random = new SimRandom(seed);
        Deciders = [new SimDecider(options.Stashes, () => Chance(options.DeciderThrows), op => _everParked.Contains(op))];
        Ledger = new Ledger(this);
        Store = new SimulatedStore(this, new MemoryStore(options.Shards, Clock, keyLifetime: options.KeyLifetime));
        _served = new TimeSpan[options.Shards];
        _shardOf = [.. Enumerable.Range(0, options.Entities).Select(i => Stores.ShardOf.Address(SimDecider.Account(i), options.Shards))];
        Nodes = [.. Enumerable.Range(0, options.Nodes).Select(i => new SimulatedNode(this, i))];
        Clients = [.. Enumerable.Range(0, options.Clients).Select(i => new SimulatedClient(this, i))];
    }

    public SimulationOptions Options { get; }

    public SimRandom Random { get; }

    public VirtualClock Clock { get; } = new();

    public SimulatedStore Store { get; }

    public Ledger Ledger { get; }

    public IReadOnlyList<SimulatedNode> Nodes { get; }

    public IReadOnlyList<SimulatedClient> Clients { get; }

    public IReadOnlyList<IDecider> Deciders { get; }

    public static SimCodec Codec { get; } = new();

    /// <summary>Operations have ids below this.</summary>
    public int OperationsEnd => Options.Clients * SimulatedClient.MaxOps + 1;

    /// <summary>Entities whose history cannot be read.</summary>
    public HashSet<EntityAddress> Damaged { get; } = [];

    /// <summary>When a backup was put back last.</summary>
    public TimeSpan RestoredAt { get; set; } = TimeSpan.FromDays(-1);

    public TimeSpan Now { get; private set; }

    public bool IsHostile => Now < Options.Hostile;

    public long Events { get; private set; }

    public long Acknowledged { get; set; }

    /// <summary>Single calls, messages and decisions that were made to fail, to be late or to come twice.</summary>
    public long SmallFaults { get; private set; }

    /// <summary>How often each of <see cref="Misfortunes"/> befell, by its bit.</summary>
    public int[] Befell { get; } = new int[14];

    public int ShardOf(EntityAddress account) => _shardOf[SimDecider.NumberOf(account)];

    public bool Chance(double chance)
    {
        if (chance <= 0 || !IsHostile || Random.NextDouble() >= chance) return false;
        SmallFaults++;
        return true;
    }

    public TimeSpan Between(double low, double high) =>
        new((long)((low + (high - low) * Random.NextDouble()) * TimeSpan.TicksPerMillisecond));

    public TimeSpan Latency() => Chance(Options.Slow) ? Between(100, 3000) : Between(0.5, 5);

    public void At(TimeSpan time, Action action) => _events.Enqueue(action, (Math.Max(time.Ticks, Now.Ticks), _order++));

    public void After(TimeSpan wait, Action action) => At(Now + wait, action);

    public void Parked(ParkedRow row)
    {
        var op = Codec.Decode(row.Mail.Command) switch
        {
            SimCommand c => c.Op,
            ComputeCompleted c => SimDecider.OpOf(c.Name),
            ComputeFailed c => SimDecider.OpOf(c.Name),
            _ => 0,
        };
        _everParked.Add(op);
    }

    /// <summary>Whether something that follows from the operation was ever set aside, and so left the order.</summary>
    public bool WasParked(long op) => _everParked.Contains(op);

    /// <summary>Runs to rest and checks everything; returns the trace's hash.</summary>
    public ulong Run()
    {
        foreach (var node in Nodes) node.Start();
        foreach (var client in Clients) client.Start();
        if (Options.Misfortunes != Misfortunes.None) After(Between(500, 3000), Misfortune);
        After(TimeSpan.FromSeconds(1), Watch);
        After(TimeSpan.FromSeconds(1.2), Care);
        var invariants = new Invariants(this);
        var resting = false;
        var quiet = 0;
        At(Options.Hostile, Heal);
        At(Options.Hostile + TimeSpan.FromSeconds(1), Look);
        while (!resting && _events.TryDequeue(out var next, out var at))
        {
            Now = new TimeSpan(at.At);
            Clock.Now = VirtualClock.Start + Now + _clockStep;
            Events++;
            next();
        }
        invariants.CheckAtRest();
        return TraceHash;

        void Look()
        {
            var unrest = invariants.WhatIsNotAtRest();
            quiet = unrest is null ? quiet + 1 : 0;
            // Twice, as the outcome of the last commit may still be on its way.
            if (quiet == 2) resting = true;
            else if (unrest is null || Now <= Options.Rest) After(TimeSpan.FromSeconds(1), Look);
            else throw new ViolationException($"not at rest after {Now.TotalSeconds} s: {unrest}");
        }
    }

    private void Misfortune()
    {
        if (!IsHostile) return;
        int bit;
        do bit = Random.Next(14);
        while (((int)Options.Misfortunes & (1 << bit)) == 0);
        Befall((Misfortunes)(1 << bit), bit);
        After(Options.MisfortuneEvery * (0.2 + 1.6 * Random.NextDouble()), Misfortune);
    }

    private void Befall(Misfortunes what, int bit)
    {
        Befell[bit]++;
        var node = Nodes[Random.Next(Nodes.Count)];
        switch (what)
        {
            case Misfortunes.Crash or Misfortunes.HostDeath:
                node.Crash(host: what == Misfortunes.HostDeath);
                After(Between(200, 8000), node.Start);
                break;
            case Misfortunes.Pause or Misfortunes.Freeze:
                node.Pause(Between(500, 20_000), freezes: what == Misfortunes.Freeze);
                break;
            case Misfortunes.ClockStep:
                _clockStep = TimeSpan.FromSeconds(Math.Clamp(_clockStep.TotalSeconds + (Random.NextDouble() - 0.5) * 8, -5, 5));
                break;
            case Misfortunes.Drain:
                node.Drain();
                After(Between(500, 8000), () =>
                {
                    if (!node.IsDrained) return;
                    node.Crash();
                    node.Start();
                });
                break;
            case Misfortunes.LockLost: node.SessionBroke(); break;
            case Misfortunes.Partition or Misfortunes.PartitionFromDatabase: Cut(node, what == Misfortunes.Partition); break;
            case Misfortunes.Outage: Store.Outage(Between(200, 12_000)); break;
            case Misfortunes.Restart: Store.Restart(); break;
            case Misfortunes.FailOver: Store.Stall(Between(500, 6000)); break;
            case Misfortunes.Restore: Restore(); break;
            case Misfortunes.Damage: Damage(); break;
        }
    }

    /// <summary>A cut that lasts makes the database give the session up.</summary>
    private void Cut(SimulatedNode node, bool fromAll)
    {
        var length = Between(500, Random.Next(3) == 0 ? 30_000 : 10_000);
        var givesUp = TimeSpan.FromSeconds(3);
        node.Cut(length, fromAll);
        if (length > givesUp) After(givesUp, () => node.SessionBroke(length - givesUp));
    }

    private void Restore()
    {
        if (!Store.HasBackup)
        {
            Store.TakeBackup();
            return;
        }
        var stops = Random.Next(2) == 0;
        if (stops)
        {
            foreach (var node in Nodes) node.Crash();
        }
        Store.PutBackupBack();
        if (!stops) return;
        foreach (var node in Nodes) node.Start();
    }

    private void Damage()
    {
        var entity = SimDecider.Account(Random.Next(Options.Entities));
        if (Damaged.Add(entity)) After(Between(500, 6000), () => Damaged.Remove(entity));
    }

    private void Heal()
    {
        Damaged.Clear();
        foreach (var node in Nodes)
        {
            node.Reconnect();
            node.Wake();
            if (node.IsAlive && !node.IsDrained) continue;
            node.Crash();
            node.Start();
        }
    }

    /// <summary>The operator: repairs what is faulted once it can be read again, and returns what is parked.</summary>
    private void Care()
    {
        foreach (var head in Store.Inner.Faulted())
        {
            if (!Damaged.Contains(head.Entity))
                Tell(head.Shard, correlation => new CoreInput.Repair(correlation, head.Entity, Random.Next(2) == 0, TimeSpan.FromSeconds(3)));
        }
        foreach (var parked in SimulatedStore.Now(Store.Inner.ReadParked(default)))
        {
            if (Invariants.IsPoison(parked) && !(IsHostile && Random.Next(3) == 0)) continue;
            Tell(parked.Mail.Shard, correlation => new CoreInput.Unpark(correlation, parked, TimeSpan.FromSeconds(3)));
        }
        After(TimeSpan.FromSeconds(1), Care);

        void Tell(int shard, Func<long, CoreInput> input)
        {
            var node = Nodes.FirstOrDefault(node => node.Serves(shard)) ?? Nodes[Random.Next(Nodes.Count)];
            var correlation = ++_operatorAsks * 100 + Operator;
            After(Latency(), () => node.Post(input(correlation)));
        }
    }

    /// <summary>No shard may be without an owner that serves it for longer than a bound, while any node is well and the database is.</summary>
    private void Watch()
    {
        var anyWell = !Store.IsDown && !Store.IsStalled && Nodes.Any(static node => node.IsWell);
        for (var shard = 0; shard < _served.Length; shard++)
        {
            if (!anyWell || Served(shard)) _served[shard] = Now;
            else if (Now - _served[shard] > UnservedAtMost)
                throw new ViolationException($"shard {shard} was not served for {(Now - _served[shard]).TotalSeconds} s");
        }
        After(TimeSpan.FromSeconds(1), Watch);
    }

    private bool Served(int shard)
    {
        foreach (var node in Nodes)
        {
            if (node.IsWell && node.Serves(shard)) return true;
        }
        return false;
    }
}
