using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Hosting.Tests.Core;

namespace Hosting.Tests.Simulation;

/// <summary>One operation of a client: sent under one key until it is answered.</summary>
internal sealed class Operation(long id, EntityAddress to, ICommand command, long number)
{
    public long Id { get; } = id;

    public EntityAddress To { get; } = to;

    public ICommand Command { get; } = command;

    /// <summary>Its place among the client's commands to that entity, from 1.</summary>
    public long Number { get; } = number;

    public Guid? Key { get; set; }

    public bool IsAcknowledged { get; set; }
}

/// <summary>Sends its operations in order, again and again until each is answered. Every other client sends up to three ahead,
/// numbered.</summary>
internal sealed class SimulatedClient
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private readonly World _world;
    private readonly int _window;
    private readonly Dictionary<int, string> _owners = [];
    private readonly Dictionary<long, Operation> _sent = [];
    private int _sentUpTo;
    private long _correlations;

    public SimulatedClient(World world, int index)
    {
        (_world, Index) = (world, index);
        _window = index % 2 == 0 ? 1 : 3;
        Operations = Enumerable.Range(0, world.Options.OpsPerClient).Select(Make).ToList();
    }

    public int Index { get; }

    public IReadOnlyList<Operation> Operations { get; }

    public bool IsDone => Operations.All(static op => op.IsAcknowledged);

    /// <summary>Highest event number of an entity that any client has been told of.</summary>
    private static long Floor(World world, EntityAddress entity) =>
        world.Clients.SelectMany(static c => c.Operations).Where(op => op.IsAcknowledged && op.To == entity)
            .Select(op => Invariants.EventOf(world, op)?.EntityNumber ?? 0).DefaultIfEmpty(0).Max();

    private Operation Make(int i)
    {
        var id = Index * 1000L + i + 1;
        var random = _world.Random;
        // A client that sends ahead speaks to one entity, as order is promised per entity.
        var to = Account(_window == 1 ? random.Next(_world.Options.Entities) : Index % _world.Options.Entities);
        var other = Account(random.Next(_world.Options.Entities));
        ICommand command = random.Next(8) switch
        {
            0 or 1 => new Credit(id, random.Next(100)),
            2 or 3 or 4 => new Send(id, other, random.Next(50)),
            5 => new SetAlarm(id, random.NextDouble() * 20),
            6 => new Crunch(id, random.Next(1000)),
            _ => new SendPoison(id, other),
        };
        return new Operation(id, to, command, i + 1);
    }

    public static EntityAddress Account(int i) => EntityAddress.Of(AccountDecider.FamilyName, $"account-{i}");

    public void Start() => _world.After(_world.Between(0, 2000), SendNext);

    private void SendNext()
    {
        while (_sentUpTo < Operations.Count && Operations.Take(_sentUpTo).Count(static op => !op.IsAcknowledged) < _window)
        {
            var op = Operations[_sentUpTo++];
            op.Key = NewKey();
            Send(op);
        }
        if (_world.Random.Next(4) == 0) Look();
    }

    private Guid NewKey()
    {
        Span<byte> bytes = stackalloc byte[16];
        _world.Random.NextBytes(bytes);
        var milliseconds = _world.Clock.Now.ToUnixTimeMilliseconds();
        for (var i = 0; i < 6; i++) bytes[i] = (byte)(milliseconds >> (8 * (5 - i)));
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    private void Send(Operation op)
    {
        if (op.IsAcknowledged) return;
        var copies = _world.Chance(_world.Options.ClientDoubles) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            var correlation = ++_correlations * 100 + Index;
            _sent[correlation] = op;
            var node = NodeFor(op.To, i);
            ClientOrder? order = _window == 1
                ? null
                : new ClientOrder($"session-{Index}", op.Number, Operations.First(static o => !o.IsAcknowledged).Number);
            var command = new CoreInput.Command(correlation, op.To, op.Command, op.Key, $"client-{Index}", null, TimeSpan.FromSeconds(3),
                order);
            if (!_world.Chance(_world.Options.ClientLoses)) _world.After(_world.Latency(), () => node.Post(command));
            _world.After(Patience, () =>
            {
                if (_sent.Remove(correlation)) Again(op);
            });
        }
    }

    private void Again(Operation op) => _world.After(_world.Between(10, 300), () => Send(op));

    private SimulatedNode NodeFor(EntityAddress to, int copy)
    {
        var known = copy == 0 && _owners.TryGetValue(ShardOf.Address(to, _world.Options.Shards), out var owner) ? owner : null;
        return _world.Nodes.FirstOrDefault(node => node.Name == known) ?? _world.Nodes[_world.Random.Next(_world.Nodes.Count)];
    }

    /// <summary>Asks an entity what it is; what it says must be committed, and, if consistent, not older than what was
    /// acknowledged.</summary>
    private void Look()
    {
        var entity = Account(_world.Random.Next(_world.Options.Entities));
        var consistent = _world.Random.Next(2) == 0;
        var floor = consistent ? Floor(_world, entity) : 0;
        var correlation = -(++_correlations * 100 + Index);
        _looks[correlation] = (entity, floor);
        NodeFor(entity, 0).Post(new CoreInput.Query(correlation, entity, new Describe(), consistent));
    }

    private readonly Dictionary<long, (EntityAddress Entity, long Floor)> _looks = [];

    public static void Answered(World world, long correlation, CoreAction answer, SimulatedNode from)
    {
        var client = world.Clients[(int)(Math.Abs(correlation) % 100)];
        if (correlation < 0) client.Seen(correlation, answer);
        else if (!world.Chance(world.Options.ClientLoses)) world.After(world.Latency(), () => client.Take(correlation, answer));
    }

    private void Seen(long correlation, CoreAction answer)
    {
        if (!_looks.Remove(correlation, out var look) || answer is not CoreAction.Reply { Message: Description seen }) return;
        var committed = FaultyStore.Now(_world.Store.Inner.ReadEntity(look.Entity, true, default)).Events.Count;
        if (seen.EventNumber > committed)
            throw new ViolationException($"{look.Entity} showed event {seen.EventNumber}, but only {committed} are committed");
        if (seen.EventNumber < look.Floor)
            throw new ViolationException($"{look.Entity} showed event {seen.EventNumber} to a consistent query after {look.Floor} was acknowledged");
    }

    private void Take(long correlation, CoreAction answer)
    {
        if (!_sent.Remove(correlation, out var op) || op.IsAcknowledged) return;
        switch (answer)
        {
            case CoreAction.Reply { Message: Rejected rejected }:
                throw new ViolationException($"operation {op.Id} was rejected: {rejected.Reason}");
            case CoreAction.Reply:
                if (Invariants.EventOf(_world, op) is null)
                    throw new ViolationException($"operation {op.Id} ({op.Command}) was acknowledged, but its event is not in the journal");
                op.IsAcknowledged = true;
                SendNext();
                break;
            case CoreAction.Refuse refuse:
                if (refuse.Why is not (Refusal.NotOwner or Refusal.Unavailable or Refusal.TimedOut))
                    throw new ViolationException($"operation {op.Id} was refused as {refuse.Why}: {refuse.Reason}");
                var shard = ShardOf.Address(op.To, _world.Options.Shards);
                if (refuse.Owner is { } owner) _owners[shard] = owner;
                else _owners.Remove(shard);
                Again(op);
                break;
        }
    }
}
