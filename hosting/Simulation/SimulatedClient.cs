using System.Buffers.Binary;
using Athanor.Hosting.Core;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>One operation of a client: sent under one key until it is answered.</summary>
internal sealed class Operation(long id, EntityAddress to, SimCommand command, long number)
{
    public long Id { get; } = id;

    public EntityAddress To { get; } = to;

    public SimCommand Command { get; } = command;

    /// <summary>Its place among the client's commands to that entity, from 1.</summary>
    public long Number { get; } = number;

    public Guid? Key { get; set; }

    public bool IsAcknowledged { get; set; }

    /// <summary>Refused for good: its key is too old, or its decider threw at every attempt.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>Committed once, and gone with a backup that was put back.</summary>
    public bool WasRestoredAway { get; set; }

    public bool LeftOrder { get; set; }

    /// <summary>Whether its next try is under way.</summary>
    public bool IsSentAgain { get; set; }

    public bool IsOver => IsAcknowledged || IsGivenUp;
}

/// <summary>Sends its operations in order, again and again until each is answered. Every other client sends up to three ahead, numbered.
/// Now and then it sends an acknowledged one again, much later, or another one under its key.</summary>
internal sealed class SimulatedClient
{
    /// <summary>Operations a client may have; its operations' ids begin at this times its index.</summary>
    public const int MaxOps = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private readonly World _world;
    private readonly int _window;
    private readonly Dictionary<int, string> _owners = [];
    private readonly Dictionary<long, Operation> _sent = [];
    private readonly Dictionary<long, (Operation Op, bool Other)> _repeats = [];
    private readonly Dictionary<long, (EntityAddress Entity, bool Consistent, TimeSpan At, long Floor)> _looks = [];
    private readonly List<Operation> _operations;
    private int _sentUpTo;
    private int _firstOpen;
    private long _correlations;

    public SimulatedClient(World world, int index)
    {
        (_world, Index) = (world, index);
        _window = index % 2 == 0 ? 1 : 3;
        _operations = new List<Operation>(world.Options.OpsPerClient);
        for (var i = 0; i < world.Options.OpsPerClient; i++) _operations.Add(Make(i));
    }

    public int Index { get; }

    public IReadOnlyList<Operation> Operations => _operations;

    public bool IsDone => OldestOpen == _operations.Count && _pendingRepeats == 0;

    private int _pendingRepeats;

    private int OldestOpen
    {
        get
        {
            while (_firstOpen < _operations.Count && _operations[_firstOpen].IsOver) _firstOpen++;
            return _firstOpen;
        }
    }

    private Operation Make(int i)
    {
        var id = Index * (long)MaxOps + i + 1;
        var random = _world.Random;
        // A client that sends ahead speaks to one entity, as order is promised per entity.
        var to = _window == 1 ? random.Next(_world.Options.Entities) : Index % _world.Options.Entities;
        var other = random.Next(_world.Options.Entities);
        SimCommand command;
        switch (random.Next(13))
        {
            case 0: command = new SimCommand(CommandKind.Credit, id, random.Next(100)); break;
            case 1 or 2 or 3 or 4: command = new SimCommand(CommandKind.Send, id, random.Next(50), other); break;
            case 5: command = new SimCommand(CommandKind.SetAlarm, id, random.Next(12_000)); break;
            case 6: command = new SimCommand(CommandKind.Crunch, id, random.Next(1000)); break;
            case 7: command = new SimCommand(CommandKind.SendPoison, id, 0, other); break;
            case 8: command = new SimCommand(CommandKind.Immunize, id); break;
            case 9 or 10: command = new SimCommand(CommandKind.Dig, id); break;
            case 11 when LastDig(to) is { } dig: command = new SimCommand(CommandKind.Undig, id, dig); break;
            default: command = new SimCommand(CommandKind.Ask, id, 0, other); break;
        }
        return new Operation(id, SimDecider.Account(to), command, i + 1);
    }

    private long? LastDig(int account)
    {
        var to = SimDecider.Account(account);
        return _operations.LastOrDefault(op => op.Command.Kind == CommandKind.Dig && op.To == to)?.Id;
    }

    public void Start()
    {
        _world.After(_world.Between(0, 2000), SendNext);
        _world.After(_world.Between(0, 4000), KeepLooking);
    }

    private void KeepLooking()
    {
        if (!_world.IsHostile) return;
        Look();
        _world.After(_world.Between(500, 3500), KeepLooking);
    }

    private void SendNext()
    {
        while (_sentUpTo < _operations.Count && InFlight() < _window)
        {
            var op = _operations[_sentUpTo++];
            op.Key = NewKey();
            Send(op);
        }
    }

    private int InFlight()
    {
        var open = 0;
        for (var i = OldestOpen; i < _sentUpTo; i++)
        {
            if (!_operations[i].IsOver) open++;
        }
        return open;
    }

    private Guid NewKey()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, _world.Random.NextBits());
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], _world.Random.NextBits());
        var milliseconds = _world.Clock.Now.ToUnixTimeMilliseconds();
        for (var i = 0; i < 6; i++) bytes[i] = (byte)(milliseconds >> (8 * (5 - i)));
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    private long NextCorrelation() => ++_correlations * 100 + Index;

    private void Send(Operation op)
    {
        if (op.IsOver) return;
        var copies = _world.Chance(_world.Options.ClientDoubles) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            var correlation = NextCorrelation();
            _sent[correlation] = op;
            var node = NodeFor(op.To, i);
            ClientOrder? order = _window == 1
                ? null : new ClientOrder($"session-{Index}", op.Number, _operations[OldestOpen].Number);
            Deliver(node, new CoreInput.Command(
                correlation, op.To, op.Command, op.Key, $"client-{Index}", null, TimeSpan.FromSeconds(3), order), i > 0);
            _world.After(Patience, () =>
            {
                if (_sent.Remove(correlation)) Again(op);
            });
        }
    }

    /// <summary>A copy may be long under way, so that requests overtake each other.</summary>
    private void Deliver(SimulatedNode node, CoreInput.Command command, bool copy)
    {
        if (_world.Chance(_world.Options.ClientLoses)) return;
        _world.After(copy ? _world.Between(1, 3000) : _world.Latency(), () =>
        {
            if (!node.IsCut) node.Post(command);
        });
    }

    /// <summary>However many copies were refused, it is sent again once.</summary>
    private void Again(Operation op)
    {
        if (op.IsOver || op.IsSentAgain) return;
        op.IsSentAgain = true;
        _world.After(_world.Between(10, 300), () =>
        {
            op.IsSentAgain = false;
            Send(op);
        });
    }

    private SimulatedNode NodeFor(EntityAddress to, int copy)
    {
        if (copy == 0 && _owners.TryGetValue(_world.ShardOf(to), out var owner)) return _world.Nodes[owner[^1] - 'a'];
        return _world.Nodes[_world.Random.Next(_world.Nodes.Count)];
    }

    /// <summary>Asks an entity what it is; what it says must be committed, and not older than what it must know.</summary>
    private void Look()
    {
        var entity = SimDecider.Account(_world.Random.Next(_world.Options.Entities));
        var consistent = _world.Random.Next(2) == 0;
        var floor = consistent ? Acknowledged(entity) : 0;
        var correlation = -NextCorrelation();
        _looks[correlation] = (entity, consistent, _world.Now, floor);
        var node = NodeFor(entity, _world.Random.Next(2));
        if (!node.IsCut) node.Post(new CoreInput.Query(correlation, entity, new SimCount(), consistent));
    }

    /// <summary>Highest event number of an entity that any client has been told of.</summary>
    private long Acknowledged(EntityAddress entity)
    {
        var highest = 0L;
        foreach (var client in _world.Clients)
        {
            foreach (var op in client._operations)
            {
                if (op.IsAcknowledged && op.To == entity) highest = Math.Max(highest, _world.Ledger.NumberOf(op.Id));
            }
        }
        return highest;
    }

    /// <summary>An acknowledged command comes again, or another one under its key; neither may have an effect.</summary>
    private void Repeat(Operation op)
    {
        if (!_world.Chance(_world.Options.ClientRepeats) || op.WasRestoredAway) return;
        var other = _world.Random.Next(3) == 0;
        _pendingRepeats++;
        _world.After(_world.Between(100, _world.Options.KeyLifetime < TimeSpan.FromMinutes(1) ? 40_000 : 8000), () =>
        {
            _pendingRepeats--;
            var correlation = NextCorrelation();
            _repeats[correlation] = (op, other);
            var command = other ? op.Command with { Amount = op.Command.Amount + 1 } : op.Command;
            var node = NodeFor(op.To, 0);
            if (!node.IsCut) node.Post(new CoreInput.Command(correlation, op.To, command, op.Key, $"client-{Index}", null, TimeSpan.FromSeconds(3)));
        });
    }

    public static void Answered(World world, long correlation, CoreAction answer, SimulatedNode from)
    {
        // The operator looks at the store, not at answers.
        if (correlation % 100 == World.Operator || correlation == SimulatedNode.LateDescription) return;
        var client = world.Clients[(int)(Math.Abs(correlation) % 100)];
        // A command whose decider threw at every attempt leaves the order, whether its client hears of it or not.
        if (answer is CoreAction.Refuse { Why: Refusal.Failed } && client._sent.TryGetValue(correlation, out var failed)) failed.LeftOrder = true;
        if (correlation < 0) client.Seen(correlation, answer, from);
        else if (!world.Chance(world.Options.ClientLoses) && !from.IsCut) world.After(world.Latency(), () => client.Take(correlation, answer));
    }

    private void Seen(long correlation, CoreAction answer, SimulatedNode from)
    {
        if (!_looks.Remove(correlation, out var look) || answer is not CoreAction.Reply { Message: SimReply seen }) return;
        // After a restoration a node may speak of what is gone until it has heard of it, for a lease at most.
        if (_world.Now - _world.RestoredAt < TimeSpan.FromSeconds(30) + _world.Options.Lease) return;
        var committed = _world.Ledger.CommittedAt(look.Entity, _world.Now);
        if (seen.Events > committed)
            throw new ViolationException($"{look.Entity.Id} showed event {seen.Events}, but only {committed} are committed");
        if (seen.Events < look.Floor)
            throw new ViolationException($"{look.Entity.Id} showed event {seen.Events} to a consistent query after {look.Floor} was acknowledged");
        if (look.Consistent || _world.Options.Misfortunes.HasFlag(Misfortunes.Freeze)) return;
        // The owner may not have heard of its own last commit when it was asked, and stand still before it answers; nobody else may answer.
        var row = _world.Store.RowOf(_world.ShardOf(look.Entity));
        var asOf = row.Owner == from.Name && row.LeaseUntil > _world.Clock.Now ? look.At : _world.Now;
        var known = _world.Ledger.CommittedAt(look.Entity, asOf - _world.Options.Lease);
        if (seen.Events < known)
            throw new ViolationException($"{look.Entity.Id} showed event {seen.Events} a whole lease after {known} was committed");
    }

    private void Take(long correlation, CoreAction answer)
    {
        if (_repeats.Remove(correlation, out var repeat))
        {
            if (repeat.Other && answer is CoreAction.Reply && !repeat.Op.WasRestoredAway)
                throw new ViolationException($"another command under the key of operation {repeat.Op.Id} was answered");
            return;
        }
        if (!_sent.Remove(correlation, out var op) || op.IsOver) return;
        switch (answer)
        {
            case CoreAction.Reply { Message: Rejected rejected }:
                throw new ViolationException($"operation {op.Id} was rejected: {rejected.Reason}");
            case CoreAction.Reply:
                if (!_world.Ledger.HasOwn(op.Id) && !op.WasRestoredAway)
                    throw new ViolationException($"operation {op.Id} ({op.Command.Kind}) was acknowledged, but its event is not in the journal");
                op.IsAcknowledged = true;
                _world.Acknowledged++;
                Repeat(op);
                SendNext();
                break;
            case CoreAction.Refuse refuse: Refused(op, refuse); break;
        }
    }

    private void Refused(Operation op, CoreAction.Refuse refuse)
    {
        var tooOld = refuse.Why == Refusal.Invalid && _world.Options.KeyLifetime < TimeSpan.FromDays(1);
        if (tooOld || refuse.Why == Refusal.Failed)
        {
            op.IsGivenUp = true;
            SendNext();
            return;
        }
        if (refuse.Why is not (Refusal.NotOwner or Refusal.Unavailable or Refusal.TimedOut or Refusal.Faulted))
            throw new ViolationException($"operation {op.Id} was refused as {refuse.Why}: {refuse.Reason}");
        var shard = _world.ShardOf(op.To);
        if (refuse.Owner is { } owner) _owners[shard] = owner;
        else _owners.Remove(shard);
        Again(op);
    }
}
