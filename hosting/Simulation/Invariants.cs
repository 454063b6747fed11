using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>What must hold at rest, judged from the store alone and from what the nodes then say.</summary>
internal sealed class Invariants(World world)
{
    private MemoryStore Store => world.Store.Inner;

    public static bool IsPoison(ParkedRow row) => World.Codec.Decode(row.Mail.Command) is SimCommand { Kind: CommandKind.Poison };

    /// <summary>What is still under way, or null.</summary>
    public string? WhatIsNotAtRest()
    {
        foreach (var client in world.Clients)
        {
            if (client.IsDone) continue;
            return $"client {client.Index} waits for {string.Join(", ", client.Operations.Where(static op => !op.IsOver).Select(static op => $"{op.Id} {op.Command.Kind} at {op.To.Id}"))}";
        }
        for (var shard = 0; shard < world.Options.Shards; shard++)
        {
            var contents = SimulatedStore.Now(Store.OpenShard(shard, default));
            if (contents.Timers.Count > 0) return $"shard {shard} has {contents.Timers.Count} timers";
            if (contents.Wake.Count > 0) return $"{contents.Wake[0].Entity.Id} awaits Compute";
            if (contents.Faulted.Count > 0) return $"{contents.Faulted[0].Entity.Id} is faulted: {contents.Faulted[0].Fault}";
            var mail = SimulatedStore.Now(Store.ReadMail([shard], 100, default));
            if (mail.Count > 0) return $"shard {shard} has {mail.Count} unhandled rows, the first {mail[0]}";
        }
        foreach (var parked in SimulatedStore.Now(Store.ReadParked(default)))
        {
            if (!IsPoison(parked)) return $"{parked.Mail} is parked: {parked.Reason}";
        }
        foreach (var work in SimulatedStore.Now(Store.ListWork(null, default)))
        {
            if (work.Status is WorkStatus.Pending or WorkStatus.Leased) return $"work {work.Work.Id} is {work.Status}";
        }
        for (var i = 0; i < world.Options.Entities; i++)
        {
            var entity = SimDecider.Account(i);
            var described = false;
            foreach (var node in world.Nodes)
            {
                if (node.Describe(entity) is not { } seen) continue;
                if (seen.EventNumber < world.Ledger.CommittedAt(entity, world.Now)) return $"{node.Name} waits to hear of a commit of {entity.Id}";
                described = true;
            }
            if (!described) return $"no node describes {entity.Id} at once";
        }
        return null;
    }

    public void CheckAtRest()
    {
        CheckAcknowledged();
        CheckEffects();
        for (var i = 0; i < world.Options.Entities; i++)
        {
            var entity = SimDecider.Account(i);
            var events = SimulatedStore.Now(Store.ReadEntity(entity, true, default)).Events
                .Select(static row => (Row: row, Event: (SimEvent)World.Codec.Decode(row.Event))).ToList();
            CheckOrder(entity, events);
            CheckReplay(entity);
        }
        for (var shard = 0; shard < world.Options.Shards; shard++) CheckFeed(shard);
    }

    private void CheckAcknowledged()
    {
        foreach (var op in world.Clients.SelectMany(static client => client.Operations))
        {
            if (op.IsAcknowledged && !op.WasRestoredAway && !world.Ledger.HasOwn(op.Id))
                throw new ViolationException($"operation {op.Id} was acknowledged and is lost");
        }
    }

    /// <summary>What each operation leads to has come about exactly once. That nothing came twice was judged with each commit.</summary>
    private void CheckEffects()
    {
        var parked = new Dictionary<long, int>();
        foreach (var row in SimulatedStore.Now(Store.ReadParked(default)))
        {
            if (World.Codec.Decode(row.Mail.Command) is SimCommand { Kind: CommandKind.Poison, Op: var op })
                parked[op] = parked.GetValueOrDefault(op) + 1;
        }
        var cancelled = world.Clients.SelectMany(static client => client.Operations)
            .Where(op => op.Command.Kind == CommandKind.Undig && world.Ledger.Has(op.Id, EventKind.DigCancelled))
            .Select(static op => op.Command.Amount).ToHashSet();
        foreach (var op in world.Clients.SelectMany(static client => client.Operations))
        {
            Follows(op, EventKind.Sent, "received", Count(op, EventKind.Received));
            Follows(op, EventKind.AlarmSet, "rung", Count(op, EventKind.Rang));
            Follows(op, EventKind.CrunchAsked, "computed", Count(op, EventKind.Crunched));
            Follows(op, EventKind.PoisonSent, "eaten or parked", Count(op, EventKind.Eaten) + parked.GetValueOrDefault(op.Id));
            Follows(op, EventKind.Asked, "questioned", Count(op, EventKind.Questioned));
            Follows(op, EventKind.Asked, "answered or given up", Count(op, EventKind.Answered) + Count(op, EventKind.AskExpired));
            var dug = Count(op, EventKind.Dug) + Count(op, EventKind.DigFailed);
            if (!cancelled.Contains(op.Id)) Follows(op, EventKind.DigAsked, "ended", dug);
            else if (dug > 1) throw new ViolationException($"work of operation {op.Id} was cancelled and ended {dug} times");
        }
    }

    private int Count(Operation op, EventKind kind) => world.Ledger.Has(op.Id, kind) ? 1 : 0;

    private void Follows(Operation op, EventKind cause, string effect, int times)
    {
        var due = world.Ledger.Has(op.Id, cause) ? 1 : 0;
        if (times != due) throw new ViolationException($"{cause} by operation {op.Id} happened {due} times and was {effect} {times} times");
    }

    private void CheckOrder(EntityAddress entity, List<(JournalRow Row, SimEvent Event)> events)
    {
        Span<long> next = stackalloc long[world.Options.Entities];
        Span<long> last = stackalloc long[world.Options.Clients];
        var time = DateTimeOffset.MinValue;
        foreach (var (row, e) in events)
        {
            if (row.Time < time) throw new ViolationException($"the time handed to {entity.Id} ran back at event {row.EntityNumber}");
            time = row.Time;
            if (e.Kind == EventKind.Rang && e.Amount < 0 && !world.WasParked(e.Op)) throw new ViolationException($"alarm {e.Op} was told a time before it was due");
            if (e.Kind == EventKind.Received && !world.WasParked(e.Op))
            {
                if (e.Order < next[e.Who]) throw new ViolationException($"{entity.Id} got message {e.Order} of a-{e.Who} after {next[e.Who] - 1}");
                next[e.Who] = e.Order + 1;
            }
            if (e.Kind > Ledger.LastOfClient) continue;
            var client = (int)((e.Op - 1) / SimulatedClient.MaxOps);
            var op = world.Clients[client].Operations[(int)((e.Op - 1) % SimulatedClient.MaxOps)];
            if (op.WasRestoredAway || op.IsGivenUp || op.LeftOrder) continue;
            if (e.Op < last[client]) throw new ViolationException($"{entity.Id} handled operation {e.Op} of client {client} after {last[client]}");
            last[client] = e.Op;
        }
    }

    private void CheckFeed(int shard)
    {
        var feed = SimulatedStore.Now(Store.ReadFeed(shard, 0, int.MaxValue, default));
        for (var i = 0; i < feed.Count; i++)
        {
            if (feed[i].Number != i + 1) throw new ViolationException($"the feed of shard {shard} has {feed[i].Number} at place {i + 1}");
        }
    }

    /// <summary>Every entity, asked live, is what its journal alone makes of it.</summary>
    private void CheckReplay(EntityAddress entity)
    {
        var decider = new SimDecider(world.Options.Stashes, static () => false, static _ => false);
        var history = SimulatedStore.Now(Store.ReadEntity(entity, true, default));
        var replayed = Replay.FromJournal(decider, World.Codec, entity, history);
        var latest = SimulatedStore.Now(Store.ReadEntity(entity, false, default));
        var rebuilt = Replay.Rebuild(decider, World.Codec, entity, latest);
        if (Replay.HashOf(World.Codec, rebuilt.State) != replayed.StateHash)
            throw new ViolationException($"{entity.Id} from its snapshot is not what its journal makes of it");
        foreach (var node in world.Nodes)
        {
            if (node.Describe(entity) is not { } seen) continue;
            if (seen.EventNumber != replayed.EventNumber || seen.StateHash != replayed.StateHash)
                throw new ViolationException($"{entity.Id} is live at event {seen.EventNumber}, replayed at {replayed.EventNumber}");
        }
    }
}
