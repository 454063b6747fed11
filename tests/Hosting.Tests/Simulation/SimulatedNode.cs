using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Hosting.Tests.Core;

namespace Hosting.Tests.Simulation;

/// <summary>A node: the real core, and adapters that lose, delay, double and fail. Each start is a new process of the same name.</summary>
internal sealed class SimulatedNode(World world, string name)
{
    private readonly Queue<CoreInput> _held = new();
    private readonly double _rate = 0.99 + 0.02 * world.Random.NextDouble();
    private ClusterCore? _core;
    private TimeSpan _start;
    private TimeSpan _pausedUntil;
    private TimeSpan _tickAt;

    public string Name { get; } = name;

    /// <summary>Which process of this name it is.</summary>
    public int Process { get; private set; }

    public bool IsAlive => _core is not null;

    public bool IsDrained { get; private set; }

    public bool IsPaused => world.Now < _pausedUntil;

    public bool IsWell => IsAlive && !IsPaused && !IsDrained;

    public bool Serves(int shard) => _core?.OpenEpoch(shard) is not null;

    public void Start()
    {
        if (IsAlive) return;
        Process++;
        _start = world.Now;
        _pausedUntil = TimeSpan.Zero;
        IsDrained = false;
        _core = new ClusterCore(
            new CoreOptions
            {
                Node = Name,
                ShardCount = world.Options.Shards,
                // Small, so that every limit is met.
                MoveDelay = TimeSpan.FromSeconds(3),
                MailPage = 3,
                MailInMemory = 12,
                BatchMessages = 4,
                SnapshotEvery = 5,
                PassivateAfter = TimeSpan.FromSeconds(4),
                MaxActive = 5,
                MaxRecovering = 2,
                Writers = 2,
                RetryAfter = TimeSpan.FromMilliseconds(50),
            },
            World.Deciders, World.Codec);
        Post(new CoreInput.Tick());
    }

    public void Crash()
    {
        if (!IsAlive) return;
        world.Trace($"{Name} crashes");
        _core = null;
        _held.Clear();
        _tickAt = TimeSpan.Zero;
    }

    public void Pause(TimeSpan length)
    {
        if (!IsAlive) return;
        world.Trace($"{Name} pauses");
        _pausedUntil = world.Now + length;
        var process = Process;
        world.At(_pausedUntil, () =>
        {
            if (process == Process) Wake();
        });
    }

    /// <summary>A paused node wakes to everything that arrived meanwhile.</summary>
    public void Wake()
    {
        if (!IsAlive) return;
        _pausedUntil = TimeSpan.Zero;
        if (_held.Count == 0) return;
        var inputs = _held.ToArray();
        _held.Clear();
        Step(inputs);
    }

    public void Drain()
    {
        if (!IsAlive) return;
        IsDrained = true;
        Post(new CoreInput.Drain());
    }

    /// <summary>Hands an input to the process that is running now.</summary>
    public void Post(CoreInput input) => PostTo(Process, input);

    public void PostTo(int process, CoreInput input)
    {
        if (process != Process || !IsAlive) return;
        if (IsPaused) _held.Enqueue(input);
        else Step([input]);
    }

    private void Step(CoreInput[] inputs)
    {
        foreach (var input in inputs) world.Trace($"{Name} < {TraceText.Of(input)}");
        var core = _core!;
        var now = (world.Now - _start) * _rate;
        foreach (var action in core.Step(inputs, now))
        {
            world.Trace($"{Name} > {TraceText.Of(action)}");
            Carry(action);
        }
        var due = _start + core.NextDue / _rate;
        if (due <= world.Now) due = world.Now + TimeSpan.FromMilliseconds(1);
        if (_tickAt > world.Now && _tickAt <= due) return;
        _tickAt = due;
        var process = Process;
        world.At(due, () =>
        {
            if (process == Process && _tickAt == due) PostTo(process, new CoreInput.Tick());
        });
    }

    /// <summary>What this node says of an entity, after the run; null if it is not the owner. The store answers at once.</summary>
    public Description? Describe(EntityAddress entity)
    {
        if (_core is not { } core || core.OpenEpoch(ShardOf.Address(entity, world.Options.Shards)) is null) return null;
        var now = (world.Now - _start) * _rate;
        Description? seen = null;
        foreach (var action in core.Step(new CoreInput.Query(long.MaxValue, entity, new Describe()), now)) Take(action);
        return seen;

        void Take(CoreAction action)
        {
            if (action is CoreAction.Reply { Correlation: long.MaxValue, Message: Description description }) seen = description;
            else if (action is CoreAction.ReadEntity read)
            {
                foreach (var next in core.Step(world.Store.ReadEntity(read), now)) Take(next);
            }
            else if (action is not CoreAction.Refuse { Correlation: long.MaxValue }) Carry(action);
        }
    }

    private void Carry(CoreAction action)
    {
        var process = Process;
        switch (action)
        {
            case CoreAction.Commit commit: world.Store.Commit(this, commit); break;
            case CoreAction.ReadOwnership a: world.Store.Call(this, a.Id, s => new CoreInput.OwnershipRead(a.Id, s.Time, s.Nodes, s.Shards)); break;
            case CoreAction.RenewNode a: world.Store.Call(this, a.Id, s => s.RenewNode(a, Name)); break;
            case CoreAction.RemoveNode a: world.Store.Call(this, a.Id, s => s.RemoveNode(a, Name)); break;
            case CoreAction.Claim a: world.Store.Call(this, a.Id, s => s.Claim(a, Name)); break;
            case CoreAction.RenewShards a: world.Store.Call(this, a.Id, s => s.RenewShards(a, Name)); break;
            case CoreAction.Release a: world.Store.Call(this, a.Id, s => s.Release(a, Name)); break;
            case CoreAction.OpenShard a: world.Store.Call(this, a.Id, s => s.OpenShard(a)); break;
            case CoreAction.CheckShard a: world.Store.Call(this, a.Id, s => new CoreInput.ShardChecked(a.Id, s.Shards[a.Shard])); break;
            case CoreAction.ReadEntity a: world.Store.Call(this, a.Id, s => s.ReadEntity(a)); break;
            case CoreAction.ReadMail a: world.Store.Call(this, a.Id, s => s.ReadMail(a)); break;
            case CoreAction.FindReply a: world.Store.Call(this, a.Id, s => s.FindReply(a)); break;
            case CoreAction.StartCompute a:
                if (world.Chance(world.Options.ComputeHangs)) break;
                CoreInput outcome = world.Chance(world.Options.ComputeThrows)
                    ? new CoreInput.ComputeThrew(a.Id, "chance")
                    : new CoreInput.ComputeDone(a.Id, new Squared(((Square)a.Request).Number * ((Square)a.Request).Number));
                world.After(world.Between(1, 50), () => PostTo(process, outcome));
                break;
            case CoreAction.Reply reply: SimulatedClient.Answered(world, reply.Correlation, reply, this); break;
            case CoreAction.Refuse refuse: SimulatedClient.Answered(world, refuse.Correlation, refuse, this); break;
            case CoreAction.Hint hint: SendHint(hint); break;
        }
    }

    private void SendHint(CoreAction.Hint hint)
    {
        if (world.Chance(world.Options.HintLost)) return;
        var to = world.Nodes.First(node => node.Name == hint.Node);
        var copies = world.Chance(world.Options.HintDoubled) ? 2 : 1;
        for (var i = 0; i < copies; i++) world.After(world.Latency(), () => to.Post(new CoreInput.MailHint(hint.Shards)));
    }
}
