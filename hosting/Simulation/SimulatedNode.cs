using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>A node: the real core, a session lock, slots, and adapters that lose, delay, double and fail. Each start is a new process of
/// the same name.</summary>
internal sealed class SimulatedNode
{
    /// <summary>Correlation of the questions at rest; one that was not answered at once is answered to nobody.</summary>
    public const long LateDescription = long.MaxValue;

    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(500);

    /// <summary>After so long the session of the process before is ended.</summary>
    private static readonly TimeSpan EndOldSession = TimeSpan.FromSeconds(1);

    private readonly World _world;
    private readonly Queue<CoreInput> _held = new();
    private readonly double _rate;
    private readonly CoreOptions _options;
    private readonly SimulatedSlots _slots;
    private ClusterCore? _core;
    private TimeSpan _start;
    private TimeSpan _pausedUntil;
    private TimeSpan _cutUntil;
    private TimeSpan _cutFromDatabaseUntil;
    private TimeSpan _tickAt;
    private bool _freezes;

    public SimulatedNode(World world, int index)
    {
        (_world, Index, Name) = (world, index, $"node-{(char)('a' + index)}");
        _rate = 0.99 + 0.02 * world.Random.NextDouble();
        _slots = new SimulatedSlots(world, this);
        var o = world.Options;
        _options = new CoreOptions
        {
            Node = Name,
            ShardCount = o.Shards,
            Lease = o.Lease,
            RenewEvery = o.Lease * 0.3,
            LeaseMargin = o.Bug == PlantedBug.SilenceRemoved ? TimeSpan.FromDays(-1) : o.Lease * 0.2,
            MoveDelay = TimeSpan.FromSeconds(3),
            MailPage = o.MailPage,
            MailInMemory = o.MailInMemory,
            BatchMessages = o.BatchMessages,
            SnapshotEvery = o.SnapshotEvery,
            PassivateAfter = o.PassivateAfter,
            MaxActive = o.MaxActive,
            MaxRecovering = o.MaxRecovering,
            Writers = o.Writers,
            RetryAfter = TimeSpan.FromMilliseconds(50),
            JitterSeed = (ulong)index,
            KeyLifetime = o.Bug == PlantedBug.KeyWindowIgnored ? TimeSpan.FromDays(1000) : o.KeyLifetime,
            KeyMargin = SimulationOptions.KeyMargin,
            Bug = Enum.TryParse<CoreBug>(o.Bug.ToString(), out var bug) ? bug : CoreBug.None,
        };
    }

    public int Index { get; }

    public string Name { get; }

    /// <summary>Which process of this name it is.</summary>
    public int Process { get; private set; }

    public bool IsAlive { get; private set; }

    public bool IsDrained { get; private set; }

    public bool IsPaused => _world.Now < _pausedUntil;

    public bool IsCut => _world.Now < _cutUntil;

    public bool IsCutFromDatabase => IsCut || _world.Now < _cutFromDatabaseUntil;

    public bool IsWell => IsAlive && _core is not null && !IsPaused && !IsDrained && !IsCutFromDatabase;

    public bool Serves(int shard) => _core?.OpenEpoch(shard) is not null;

    public void Start()
    {
        if (IsAlive) return;
        Process++;
        IsAlive = true;
        IsDrained = false;
        _pausedUntil = TimeSpan.Zero;
        TakeLock(_world.Now, Begin);
    }

    private void Begin()
    {
        _start = _world.Now;
        _core = new ClusterCore(_options, _world.Deciders, World.Codec);
        Post(new CoreInput.Tick());
        _slots.Start();
    }

    /// <summary>Tries until the session lock is held; a session of an earlier process is ended after a second.</summary>
    private void TakeLock(TimeSpan since, Action held)
    {
        var process = Process;
        if (!IsPaused && !IsCutFromDatabase && !_world.Store.IsDown
            && _world.Store.TryLock(Name, process, _world.Now - since > EndOldSession))
        {
            held();
            return;
        }
        _world.After(LockRetry, () =>
        {
            if (process == Process && IsAlive) TakeLock(since, held);
        });
    }

    /// <summary>The session is gone on the database's side; the process learns of it a little later, and locks again.</summary>
    /// <param name="unheard">How long nothing reaches the process.</param>
    public void SessionBroke(TimeSpan unheard = default)
    {
        if (!IsAlive || _core is null) return;
        var process = Process;
        _world.Store.EndSession(Name, process);
        _world.After(unheard + _world.Between(1, 1500), () =>
        {
            if (process != Process || !IsAlive) return;
            Post(new CoreInput.LockLost("its connection broke"));
            TakeLock(_world.Now, () => Post(new CoreInput.LockHeld()));
        });
    }

    /// <param name="host">Whether the whole host died, so that nobody closes its connections.</param>
    public void Crash(bool host = false)
    {
        if (!IsAlive) return;
        _world.Trace($"{Name} crashes");
        var process = Process;
        _world.After(host ? _world.Between(2000, 20_000) : TimeSpan.FromMilliseconds(20), () => _world.Store.EndSession(Name, process));
        IsAlive = false;
        _core = null;
        _held.Clear();
        _tickAt = TimeSpan.Zero;
    }

    /// <param name="freezes">Whether its own clock stands still meanwhile, as that of a suspended machine does.</param>
    public void Pause(TimeSpan length, bool freezes)
    {
        if (!IsAlive || IsPaused) return;
        _world.Trace($"{Name} pauses");
        _pausedUntil = _world.Now + length;
        _freezes = freezes;
        if (freezes) _start += length;
        var process = Process;
        _world.At(_pausedUntil, () =>
        {
            if (process == Process) Wake();
        });
    }

    /// <summary>A paused node wakes to everything that arrived meanwhile.</summary>
    public void Wake()
    {
        if (!IsAlive) return;
        if (_freezes && IsPaused) _start -= _pausedUntil - _world.Now;
        _freezes = false;
        _pausedUntil = TimeSpan.Zero;
        if (_held.Count == 0 || _core is null) return;
        var inputs = _held.ToArray();
        _held.Clear();
        Step(inputs);
    }

    public void Cut(TimeSpan length, bool fromAll)
    {
        var until = _world.Now + length;
        if (fromAll) _cutUntil = until;
        else _cutFromDatabaseUntil = until;
    }

    public void Reconnect() => (_cutUntil, _cutFromDatabaseUntil) = (TimeSpan.Zero, TimeSpan.Zero);

    public void Drain()
    {
        if (!IsAlive || _core is null) return;
        IsDrained = true;
        Post(new CoreInput.Drain());
    }

    /// <summary>Hands an input to the process that is running now.</summary>
    public void Post(CoreInput input) => PostTo(Process, input);

    public void PostTo(int process, CoreInput input)
    {
        if (process != Process || !IsAlive || _core is null) return;
        if (IsPaused) _held.Enqueue(input);
        else Step([input]);
    }

    private void Step(ReadOnlySpan<CoreInput> inputs)
    {
        foreach (var input in inputs) _world.Trace(this, input);
        var core = _core!;
        var now = (_world.Now - _start) * _rate;
        foreach (var action in core.Step(inputs, now))
        {
            _world.Trace(this, action);
            Carry(action);
        }
        var due = _start + core.NextDue / _rate;
        if (due <= _world.Now) due = _world.Now + TimeSpan.FromMilliseconds(1);
        if (_tickAt > _world.Now && _tickAt <= due) return;
        _tickAt = due;
        var process = Process;
        _world.At(due, () =>
        {
            if (process == Process && _tickAt == due) PostTo(process, new CoreInput.Tick());
        });
    }

    /// <summary>What this node says of an entity, after the run; null if it is not the owner, though it may not know yet. The store answers
    /// at once.</summary>
    public Description? Describe(EntityAddress entity)
    {
        var shard = _world.ShardOf(entity);
        if (_core is not { } core || core.OpenEpoch(shard) is not { } epoch || epoch != _world.Store.RowOf(shard).Epoch) return null;
        var now = (_world.Now - _start) * _rate;
        Description? seen = null;
        foreach (var action in core.Step(new CoreInput.Query(LateDescription, entity, new Describe()), now)) Take(action);
        return seen;

        void Take(CoreAction action)
        {
            if (action is CoreAction.Reply { Correlation: LateDescription, Message: Description description }) seen = description;
            else if (action is CoreAction.ReadEntity read)
            {
                foreach (var next in core.Step(_world.Store.ReadEntity(read), now)) Take(next);
            }
            else if (action is not CoreAction.Refuse { Correlation: LateDescription }) Carry(action);
        }
    }

    private void Carry(CoreAction action)
    {
        var store = _world.Store;
        switch (action)
        {
            case CoreAction.Commit commit: store.Commit(this, commit); break;
            case CoreAction.ReadOwnership a: store.Call(this, a.Id, false, () => store.ReadOwnership(a.Id)); break;
            case CoreAction.RenewNode a: store.Call(this, a.Id, true, () => store.RenewNode(a, Name)); break;
            case CoreAction.RemoveNode a: store.Call(this, a.Id, true, () => store.RemoveNode(a, Name)); break;
            case CoreAction.Claim a: store.Call(this, a.Id, true, () => store.Claim(a, Name)); break;
            case CoreAction.RenewShards a: store.Call(this, a.Id, true, () => store.RenewShards(a, Name)); break;
            case CoreAction.Release a: store.Call(this, a.Id, true, () => store.Release(a, Name)); break;
            case CoreAction.OpenShard a: store.Call(this, a.Id, false, () => store.OpenShard(a)); break;
            case CoreAction.CheckShard a:
                store.Call(this, a.Id, false, () => new CoreInput.ShardChecked(a.Id, store.RowOf(a.Shard)));
                break;
            case CoreAction.ReadEntity a: store.Call(this, a.Id, false, () => store.ReadEntity(a)); break;
            case CoreAction.ReadMail a: store.Call(this, a.Id, false, () => store.ReadMail(a)); break;
            case CoreAction.FindReply a: store.Call(this, a.Id, false, () => store.FindReply(a)); break;
            case CoreAction.FindParked a: store.Call(this, a.Id, false, () => store.FindParked(a)); break;
            case CoreAction.StartCompute a: Compute(a); break;
            case CoreAction.Reply reply: SimulatedClient.Answered(_world, reply.Correlation, reply, this); break;
            case CoreAction.Refuse refuse: SimulatedClient.Answered(_world, refuse.Correlation, refuse, this); break;
            case CoreAction.Hint hint: SendHint(hint); break;
            case CoreAction.WorkOffered: _slots.Nudge(); break;
        }
    }

    private void Compute(CoreAction.StartCompute a)
    {
        var process = Process;
        var number = ((Square)a.Request).Number;
        // A Compute that hangs comes back in the end, long after its deadline.
        var takes = _world.Chance(_world.Options.ComputeHangs) ? _world.Between(5100, 9000) : _world.Between(1, 50);
        CoreInput outcome = _world.Chance(_world.Options.ComputeThrows)
            ? new CoreInput.ComputeThrew(a.Id, "chance")
            : new CoreInput.ComputeDone(a.Id, new Squared(number * number));
        _world.After(takes, () => PostTo(process, outcome));
    }

    private void SendHint(CoreAction.Hint hint)
    {
        if (_world.Chance(_world.Options.HintLost) || IsCut) return;
        var to = _world.Nodes[hint.Node[^1] - 'a'];
        var copies = _world.Chance(_world.Options.HintDoubled) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            _world.After(_world.Latency(), () =>
            {
                if (!to.IsCut) to.Post(new CoreInput.MailHint(hint.Shards));
            });
        }
    }
}
