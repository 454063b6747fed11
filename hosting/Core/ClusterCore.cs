using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// The core of a node: shards, ownership, mailboxes, timers, commits and Compute as one state machine without I/O. What happens comes in as
/// <see cref="CoreInput"/>, what is to be done goes out as <see cref="CoreAction"/>; there is no clock, thread or chance in it, so a whole
/// cluster of cores runs inside one test, and equal inputs give equal actions.
///
/// Roles. The store holds all that lasts and is the only referee. A shard's owner handles the messages of the shard's entities. Every
/// node reads the tables of nodes and shards now and then and works out for itself which shards should be its own (Ownership.cs).
///
/// States of a shard here: Claiming → Opening → (Settling →) Open → Stopping → Releasing. A term of ownership is one <see cref="Shard"/>
/// object. Whatever goes wrong ends the term: the object is dropped with all speculative state, mailboxes and timers in it, its clients are
/// told to ask again under the same key, and everything is read anew from the store (Shards.cs).
///
/// One message. A client's command waits until the store was asked for a reply under its key (Idempotency.cs); a mailbox row comes from a
/// read or straight from the commit that told it (Mail.cs). The decider decides, its effects are staged into the shard's gathering batch
/// (Handling.cs), and when the shard's writer is free the batch becomes one commit (Commits.cs). Only the commit's confirmation lets
/// anything out: replies, hints, committed state for queries.
///
/// Failures. A commit rejected: the term is over. A commit of unknown outcome: the shard is read again, an empty commit is made, and only
/// when it is confirmed (nothing older can land any more) are keys looked up and clients answered. A commit that the store refused: the
/// shard is read again after a wait. A lease not renewed in time by the node's own clock: silence, and a new term under a new epoch. A
/// decider that throws: Supervision.cs. A history that cannot be read: the entity is faulted and its rows stay in the store.
/// </summary>
internal sealed partial class ClusterCore
{
    private readonly CoreOptions _options;
    private readonly Dictionary<string, IDecider> _deciders = [];
    private readonly IMessageCodec _codec;
    private readonly Dictionary<long, Action<CoreInput>> _pending = [];
    private readonly Dictionary<long, Ask> _asks = [];
    private readonly PriorityQueue<Action, (TimeSpan At, long Order)> _schedule = new();
    private readonly Queue<Entity> _runnable = new();
    private readonly Shard?[] _shards;
    private List<CoreAction> _actions = [];
    private TimeSpan _now;
    private TimeSpan _storeTimeReadAt;
    private TimeSpan _storeTimeAskedAt;
    private DateTimeOffset _storeTimeRead;
    private long _nextId = 1;
    private long _order;
    private long _step;

    /// <param name="deciders">One for each family.</param>
    public ClusterCore(CoreOptions options, IEnumerable<IDecider> deciders, IMessageCodec codec)
    {
        _options = options;
        _codec = codec;
        foreach (var decider in deciders) _deciders.Add(decider.Family, decider);
        _shards = new Shard?[options.ShardCount];
        _waiting = new List<(Ask, CoreInput)>?[options.ShardCount];
        _writerBusy = new bool[options.Writers];
        _dirty = new SortedSet<int>[options.Writers];
        for (var writer = 0; writer < options.Writers; writer++) _dirty[writer] = [];
        _roles = options.Roles;
        _placement = new string?[options.ShardCount];
    }

    /// <summary>The store's time as far as this node knows: the last one read, plus what has passed since by the node's clock.</summary>
    public DateTimeOffset StoreTime => _storeTimeRead + (_now - _storeTimeReadAt);

    /// <summary>The latest that the store's time can be, unless its clock was moved: the answer may have been long under way.</summary>
    private DateTimeOffset StoreTimeAtMost => _storeTimeRead + (_now - _storeTimeAskedAt);

    /// <param name="now">Monotonic time of this process since any fixed moment.</param>
    public IReadOnlyList<CoreAction> Step(CoreInput input, TimeSpan now) => Step([input], now);

    /// <summary>Several inputs that arrived together, in order; what they lead to shares a commit.</summary>
    public IReadOnlyList<CoreAction> Step(ReadOnlySpan<CoreInput> inputs, TimeSpan now)
    {
        _actions = [];
        if (now > _now) _now = now;
        _signalled = 0;
        FallSilentIfLate();
        if (HasWork) Run();
        foreach (var input in inputs)
        {
            _step++;
            Take(input);
            Run();
        }
        _step++;
        while (_schedule.TryPeek(out _, out var due) && due.At <= _now)
        {
            _schedule.Dequeue()();
            Run();
        }
        TimeOutPatient();
        FireTimers();
        KeepOwnership();
        Run();
        Passivate();
        FlushCommits();
        ReadMailboxes();
        SendHints();
        return _actions;
    }

    private void Take(CoreInput input)
    {
        switch (input)
        {
            case CoreInput.Command command: TakeCommand(command, NewAsk(command.Correlation, command.To, command.Timeout)); break;
            case CoreInput.Query query when AnswerAtOnce(query): break;
            case CoreInput.Query query: TakeQuery(query, NewAsk(query.Correlation, query.To, query.Timeout)); break;
            case CoreInput.Repair repair: TakeRepair(repair, NewAsk(repair.Correlation, repair.Entity, repair.Timeout)); break;
            case CoreInput.Unpark unpark: TakeUnpark(unpark, NewAsk(unpark.Correlation, unpark.Row.Mail.To, unpark.Timeout)); break;
            case CoreInput.Forget forget: ForgetAsk(forget.Correlation); break;
            case CoreInput.MailHint hint: TakeHint(hint); break;
            case CoreInput.Tick: break;
            case CoreInput.Drain: StartDrain(); break;
            case CoreInput.LockLost lost: LoseLock(lost.Reason); break;
            case CoreInput.LockHeld: RegainLock(); break;
            case CoreInput.StoreFailed x: Resolve(x.Id, x); break;
            case CoreInput.OwnershipRead x: Resolve(x.Id, x); break;
            case CoreInput.NodeRenewed x: Resolve(x.Id, x); break;
            case CoreInput.NodeRemoved x: Resolve(x.Id, x); break;
            case CoreInput.Claimed x: Resolve(x.Id, x); break;
            case CoreInput.ShardsRenewed x: Resolve(x.Id, x); break;
            case CoreInput.Released x: Resolve(x.Id, x); break;
            case CoreInput.ShardOpened x: Resolve(x.Id, x); break;
            case CoreInput.ShardChecked x: Resolve(x.Id, x); break;
            case CoreInput.EntityRead x: Resolve(x.Id, x); break;
            case CoreInput.EntityDamaged x: Resolve(x.Id, x); break;
            case CoreInput.MailRead x: Resolve(x.Id, x); break;
            case CoreInput.ReplyFound x: Resolve(x.Id, x); break;
            case CoreInput.ParkedFound x: Resolve(x.Id, x); break;
            case CoreInput.CommitDone x: Resolve(x.Id, x); break;
            case CoreInput.CommitFailed x: Resolve(x.Id, x); break;
            case CoreInput.CommitUnknown x: Resolve(x.Id, x); break;
            case CoreInput.ComputeDone x: Resolve(x.Id, x); break;
            case CoreInput.ComputeThrew x: Resolve(x.Id, x); break;
            default: throw new ArgumentException($"the core does not know the input {input.GetType().Name}", nameof(input));
        }
    }

    /// <summary>An action's outcome goes to whoever waits for that id. A second outcome of the same action, or one whose waiter has given
    /// up, goes nowhere.</summary>
    private void Resolve(long id, CoreInput outcome)
    {
        if (_pending.Remove(id, out var waiter)) waiter(outcome);
    }

    private long Expect(Action<CoreInput> outcome)
    {
        var id = _nextId++;
        _pending.Add(id, outcome);
        return id;
    }

    private void Do(CoreAction action) => _actions.Add(action);

    private void Note(NoteLevel level, string text) => Do(new CoreAction.Note(level, text));

    private void After(TimeSpan wait, Action then) => _schedule.Enqueue(then, (_now + wait, _order++));

    private TimeSpan Backoff(TimeSpan first, int failures) => first * (1 << Math.Clamp(failures - 1, 0, 5));

    private int ShardOfAddress(EntityAddress address) =>
        _entities.TryGetValue(address, out var entity) ? entity.Shard.Number : ShardOf.Address(address, _options.ShardCount);

    /// <summary>Handles messages of the entities that have become able to; those that only wait for more signals than a step handles are
    /// left for the next.</summary>
    private void Run()
    {
        while (_signalled <= _options.SignalsPerStep && _runnable.TryDequeue(out var entity))
        {
            entity.Queued = false;
            Pump(entity);
        }
    }

    private void Wake(Entity entity)
    {
        if (entity.Queued) return;
        entity.Queued = true;
        _runnable.Enqueue(entity);
    }
}
