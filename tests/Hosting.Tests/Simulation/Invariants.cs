using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using Hosting.Tests.Core;

namespace Hosting.Tests.Simulation;

/// <summary>What must hold, judged from the journal alone.</summary>
internal sealed class Invariants(World world)
{
    private readonly MemoryStore _store = world.Store.Inner;

    /// <summary>The event of an operation, or null; two are a violation.</summary>
    public static JournalRow? EventOf(World world, Operation op)
    {
        JournalRow? found = null;
        foreach (var row in FaultyStore.Now(world.Store.Inner.ReadEntity(op.To, true, default)).Events)
        {
            if (OpOf(Decode(row)) != op.Id) continue;
            if (found is not null) throw new ViolationException($"operation {op.Id} ({op.Command}) was applied twice");
            found = row;
        }
        return found;
    }

    private static IEvent Decode(JournalRow row) => (IEvent)World.Codec.Decode(row.Event);

    /// <summary>The operation whose own event this is; 0 for what follows from one.</summary>
    private static long OpOf(IEvent e) => e switch
    {
        Credited x => x.Op,
        Sent x => x.Op,
        AlarmSet x => x.Op,
        CrunchAsked x => x.Op,
        PoisonSent x => x.Op,
        _ => 0,
    };

    /// <summary>What is still under way, or null.</summary>
    public string? WhatIsNotAtRest()
    {
        foreach (var client in world.Clients)
        {
            if (!client.IsDone)
                return $"client {client.Index} waits for {string.Join(", ", client.Operations.Where(static op => !op.IsAcknowledged).Select(static op => $"{op.Id} {op.Command} at {op.To}"))}";
        }
        for (var shard = 0; shard < world.Options.Shards; shard++)
        {
            var contents = FaultyStore.Now(_store.OpenShard(shard, default));
            if (contents.Timers.Count > 0) return $"shard {shard} has {contents.Timers.Count} timers";
            if (contents.Wake.Count > 0) return $"{contents.Wake[0].Entity} awaits Compute";
            if (contents.Faulted.Count > 0) throw new ViolationException($"{contents.Faulted[0].Entity} is faulted: {contents.Faulted[0].Fault}");
            var mail = FaultyStore.Now(_store.ReadMail([shard], 100, default));
            if (mail.Count > 0) return $"shard {shard} has {mail.Count} unhandled rows, the first {mail[0]}";
        }
        for (var i = 0; i < world.Options.Entities; i++)
        {
            var entity = SimulatedClient.Account(i);
            if (world.Nodes.All(node => node.Describe(entity) is null)) return $"no node describes {entity} at once";
        }
        return null;
    }

    public void CheckAtRest()
    {
        var events = new Dictionary<EntityAddress, List<(JournalRow Row, IEvent Event)>>();
        for (var i = 0; i < world.Options.Entities; i++)
        {
            var entity = SimulatedClient.Account(i);
            events[entity] = FaultyStore.Now(_store.ReadEntity(entity, true, default)).Events.Select(static row => (row, Decode(row))).ToList();
        }
        var all = events.Values.SelectMany(static list => list.Select(static pair => pair.Event)).ToList();
        foreach (var op in world.Clients.SelectMany(static client => client.Operations))
        {
            if (EventOf(world, op) is null) throw new ViolationException($"operation {op.Id} was acknowledged and is lost");
        }
        Once(all.OfType<Sent>().Select(static e => e.Op), all.OfType<Received>().Select(static e => e.Op), "a transfer sent", "received");
        Once(all.OfType<AlarmSet>().Select(static e => e.Op), all.OfType<Rang>().Select(static e => e.Op), "an alarm set", "rung");
        Once(all.OfType<CrunchAsked>().Select(static e => e.Op), all.OfType<Crunched>().Select(static e => e.Op), "a Compute asked for", "done");
        CheckPoison(all.OfType<PoisonSent>().Count());
        foreach (var set in all.OfType<AlarmSet>())
        {
            if (all.OfType<Rang>().First(rang => rang.Op == set.Op).Time < set.Due) throw new ViolationException($"alarm {set.Op} rang early");
        }
        foreach (var (entity, list) in events) CheckOrder(entity, list);
        for (var shard = 0; shard < world.Options.Shards; shard++) CheckFeed(shard);
        CheckReplay(events.Keys);
    }

    private static void Once(IEnumerable<long> causes, IEnumerable<long> effects, string cause, string effect)
    {
        var counts = effects.GroupBy(static op => op).ToDictionary(static group => group.Key, static group => group.Count());
        foreach (var op in causes)
        {
            var count = counts.GetValueOrDefault(op);
            if (count != 1) throw new ViolationException($"{cause} by operation {op} was {effect} {count} times");
        }
    }

    private void CheckPoison(int sent)
    {
        var parked = FaultyStore.Now(_store.ReadParked(default)).Count;
        if (parked != sent) throw new ViolationException($"{sent} poisoned messages were sent, {parked} are parked");
    }

    private void CheckOrder(EntityAddress entity, List<(JournalRow Row, IEvent Event)> events)
    {
        var next = new Dictionary<EntityAddress, long>();
        var time = DateTimeOffset.MinValue;
        foreach (var (row, e) in events)
        {
            if (row.Time < time) throw new ViolationException($"the time handed to {entity} ran back at event {row.EntityNumber}");
            time = row.Time;
            if (e is not Received received) continue;
            var due = next.GetValueOrDefault(received.From);
            if (received.Order != due) throw new ViolationException($"{entity} got message {received.Order} of {received.From} where {due} was due");
            next[received.From] = due + 1;
        }
        foreach (var client in world.Clients)
        {
            var ids = client.Operations.Select(static op => op.Id).ToHashSet();
            var last = 0L;
            foreach (var (_, e) in events)
            {
                var id = OpOf(e);
                if (!ids.Contains(id)) continue;
                if (id < last) throw new ViolationException($"{entity} handled operation {id} of client {client.Index} after {last}");
                last = id;
            }
        }
    }

    private void CheckFeed(int shard)
    {
        var feed = FaultyStore.Now(_store.ReadFeed(shard, 0, int.MaxValue, default));
        for (var i = 0; i < feed.Count; i++)
        {
            if (feed[i].Number != i + 1) throw new ViolationException($"the feed of shard {shard} has {feed[i].Number} at place {i + 1}");
        }
    }

    /// <summary>Every entity, asked live, is what its journal alone makes of it.</summary>
    private void CheckReplay(IEnumerable<EntityAddress> entities)
    {
        foreach (var entity in entities)
        {
            var history = FaultyStore.Now(_store.ReadEntity(entity, true, default));
            var replayed = Replay.FromJournal(World.Deciders[0], World.Codec, entity, history);
            var latest = FaultyStore.Now(_store.ReadEntity(entity, false, default));
            var rebuilt = Replay.Rebuild(World.Deciders[0], World.Codec, entity, latest);
            if (Replay.HashOf(World.Codec, rebuilt.State) != replayed.StateHash)
                throw new ViolationException($"{entity} from its snapshot is not what its journal makes of it");
            var live = world.Nodes.Select(node => node.Describe(entity)).OfType<Description>().ToList();
            if (live.Count == 0) throw new ViolationException($"no node describes {entity}");
            foreach (var seen in live)
            {
                if (seen.EventNumber != replayed.EventNumber || seen.StateHash != replayed.StateHash)
                    throw new ViolationException($"{entity} is live at event {seen.EventNumber}, {seen.StateHash}; replayed at {replayed.EventNumber}, {replayed.StateHash}");
            }
        }
    }
}
