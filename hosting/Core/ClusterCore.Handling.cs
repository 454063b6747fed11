using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>One message at a time: decide, apply, and stage the effects. Whatever throws on the way leaves nothing behind.</summary>
internal sealed partial class ClusterCore
{
    private sealed record Staged(
        IState State, IReadOnlyList<Effect.StartCompute> Awaits, List<JournalRow> Events, List<(EntityAddress To,
            StoredMessage Command)> Tells,
        List<(string Name, TimerRow? Row)> Timers, List<WorkRow> Work, List<string> WorkCancelled, List<Effect.StartCompute> Computes,
        (IReply Message, StoredMessage Stored)? Reply, SnapshotRow? Snapshot, bool Passivates)
    {
        public bool HasRows => Events.Count + Tells.Count + Timers.Count + Work.Count + WorkCancelled.Count > 0;
    }

    private void Pump(Entity entity)
    {
        var shard = entity.Shard;
        while (shard.IsOpen && entity.Phase == EntityPhase.Active && entity.Mailbox.First is { } first)
        {
            var item = first.Value;
            if (item is ClientItem { IsOver: true } || IsStale(entity, item))
            {
                entity.Mailbox.Remove(first);
                continue;
            }
            if (item is ClientItem { Ready: false }) return;
            if (shard.Gathering is { } gathering && gathering.Messages >= _options.BatchMessages)
            {
                shard.Blocked.Add(entity);
                return;
            }
            entity.Mailbox.Remove(first);
            Handle(entity, item);
        }
    }

    private static bool IsStale(Entity entity, Item item) => item switch
    {
        TimerItem timer => !IsSet(timer.Entry),
        ComputeItem compute => !IsWanted(compute.Compute) || !Awaits(entity, compute.Compute.Name),
        _ => false,
    };

    private void Handle(Entity entity, Item item)
    {
        ICommand command;
        try
        {
            command = CommandOf(item);
        }
        catch (Exception error)
        {
            Fault(entity, $"the message {item.Name} cannot be read: {error.Message}");
            return;
        }
        var time = StoreTime > entity.Time ? StoreTime : entity.Time;
        // The store's clock may have stepped back since the timer fired.
        if (item is TimerItem { Entry.Row.Due: var due } && due > time) time = due;
        var context = new DecisionContext(entity.Address, time, entity.Number + 1, item.Sender, item.Principal);
        Staged? staged;
        try
        {
            staged = Decide(entity, item, command, context);
        }
        catch (Exception error)
        {
            Threw(entity, item, error);
            return;
        }
        entity.Time = time;
        if (staged is null) entity.Stash.Add(item);
        else Stage(entity, item, staged);
    }

    private ICommand CommandOf(Item item) => item switch
    {
        ClientItem client => client.Command,
        ComputeItem compute => compute.Command,
        MailItem mail => (ICommand)_codec.Decode(mail.Row.Command),
        TimerItem timer => (ICommand)_codec.Decode(timer.Entry.Row.Command),
        _ => throw new InvalidOperationException(item.GetType().Name),
    };

    /// <summary>Everything that can throw happens here, before anything is changed. Null if the command is stashed.</summary>
    private Staged? Decide(Entity entity, Item item, ICommand command, DecisionContext context)
    {
        var decider = entity.Decider!;
        var effects = decider.Decide(entity.State!, command, context);
        var state = entity.State!;
        var (number, hash) = (entity.Number, entity.Hash);
        var result = new Staged(state, [], [], [], [], [], [], [], null, null, false);
        foreach (var effect in effects)
        {
            switch (effect)
            {
                case Effect.Persist persist:
                    var stored = _codec.Encode(persist.Event);
                    var next = EventHash.Compute(entity.Address, ++number, stored, hash.Span);
                    result.Events.Add(new JournalRow(
                        entity.Shard.Number, 0, entity.Shard.Epoch, entity.Address, number, stored, context.Now, context.Principal,
                        item.TraceParent, hash, next));
                    hash = next;
                    state = decider.Apply(state, persist.Event);
                    break;
                case Effect.Reply reply:
                    if (result.Reply is not null) throw new InvalidOperationException("a command has two replies");
                    result = result with { Reply = (reply.Message, _codec.Encode(reply.Message)) };
                    break;
                case Effect.Tell tell:
                    if (!IsAddress(tell.To)) throw new InvalidOperationException($"'{tell.To}' is no address of an entity");
                    result.Tells.Add((tell.To, _codec.Encode(tell.Command)));
                    break;
                case Effect.StartCompute compute:
                    result.Computes.Add(compute);
                    break;
                case Effect.Dispatch work:
                    result.Work.Add(new WorkRow(
                        entity.Shard.Number, entity.Address, work.Name, _codec.Encode(work.Spec), work.Seed, work.Inputs, work.Pool,
                            work.Priority,
                        work.Deadline, item.TraceParent));
                    break;
                case Effect.CancelWork cancel:
                    result.WorkCancelled.Add($"{entity.Address}/{cancel.Name}");
                    break;
                case Effect.SetTimer set:
                    result.Timers.Add((set.Name, new TimerRow(
                        entity.Shard.Number, entity.Address, set.Name, set.Due, _codec.Encode(set.Command))));
                    break;
                case Effect.CancelTimer cancel:
                    if (entity.Shard.Timers.ContainsKey((entity.Address, cancel.Name))
                        || result.Timers.Exists(timer => timer.Name == cancel.Name))
                        result.Timers.Add((cancel.Name, null));
                    break;
                case Effect.Stash:
                    if (effects.Count != 1) throw new InvalidOperationException("Stash must be a command's only effect");
                    return null;
                case Effect.Passivate:
                    result = result with { Passivates = true };
                    break;
            }
        }
        var awaits = decider.Awaiting(state);
        foreach (var compute in result.Computes)
        {
            if (!awaits.Any(awaited => awaited.Name == compute.Name))
                throw new InvalidOperationException($"the Compute '{compute.Name}' is started, but the state does not say that it awaits it");
        }
        var snapshot = number - entity.SnapshotNumber >= _options.SnapshotEvery
            ? new SnapshotRow(entity.Address, number, _codec.Encode(state), hash)
            : null;
        return result with { State = state, Awaits = awaits, Snapshot = snapshot };
    }

    private void Stage(Entity entity, Item item, Staged staged)
    {
        if (item is ComputeItem done) entity.Computes.Remove(done.Compute.Name);
        if (item is ClientItem client && !staged.HasRows) AnswerWhenCommitted(entity, client, staged.Reply?.Message ?? new Done());
        else StageRows(Gather(entity.Shard), entity, item, staged);

        entity.State = staged.State;
        entity.Awaits = staged.Awaits;
        if (staged.Events is [.., var last]) (entity.Number, entity.Hash) = (last.EntityNumber, last.Hash);
        if (staged.Snapshot is { } snapshot) entity.SnapshotNumber = snapshot.EntityNumber;
        ReconcileComputes(entity, staged.Computes, item.TraceParent);
        if (staged.Events.Count > 0 && entity.Stash.Count > 0)
        {
            for (var i = entity.Stash.Count - 1; i >= 0; i--) entity.Mailbox.AddFirst(entity.Stash[i]);
            entity.Stash.Clear();
        }
        if (staged.Passivates) PassivateOne(entity);
    }

    private void StageRows(Batch batch, Entity entity, Item item, Staged staged)
    {
        Join(batch, entity);
        batch.Messages++;
        foreach (var row in staged.Events) batch.Events.Add(row with { Number = ++entity.Shard.LastEvent });
        if (staged.Events.Count > 0) batch.WithEvents.Add(entity);
        foreach (var (to, command) in staged.Tells)
            batch.Mail.Add(new MailRow(batch.NextMailId(), ShardOfAddress(to), to, entity.Address, command, item.TraceParent));
        // The timer that fired is gone unless its command sets it again.
        if (item is TimerItem { Entry: var fired }) SetTimer(batch, entity, fired.Row.Name, null);
        foreach (var (name, row) in staged.Timers) SetTimer(batch, entity, name, row);
        batch.Work.AddRange(staged.Work);
        batch.WorkCancelled.AddRange(staged.WorkCancelled);
        if (staged.Snapshot is { } snapshot) batch.Snapshots[entity.Address] = snapshot;
        if (item is MailItem mail) batch.Handled.Add(mail.Row.Id);
        if (item is not ClientItem client) return;

        client.Staged = true;
        var reply = staged.Reply ?? (new Done(), _codec.Encode(new Done()));
        if (client.Key is { } key)
            batch.Replies.Add(new ReplyRow(client.Tenant, key, client.RequestHash, reply.Stored, entity.Shard.Number));
        batch.Waiters.Add((client, reply.Message));
    }

    private void SetTimer(Batch batch, Entity entity, string name, TimerRow? row)
    {
        batch.Timers[(entity.Address, name)] = row;
        if (row is null) entity.Shard.Timers.Remove((entity.Address, name));
        else Arm(entity.Shard, row);
    }

    /// <summary>A command that changed nothing is answered without a commit of its own, but not before what it saw is confirmed.</summary>
    private void AnswerWhenCommitted(Entity entity, ClientItem item, IReply reply)
    {
        item.Staged = true;
        var shard = entity.Shard;
        if (shard.Gathering is { } gathering && gathering.Members.Contains(entity)) gathering.Waiters.Add((item, reply));
        else if (shard.InFlight is { } inFlight && inFlight.Members.Contains(entity)) inFlight.Waiters.Add((item, reply));
        else AnswerItem(item, reply);
    }
}
