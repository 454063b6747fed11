using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>One message at a time: decide, apply, and stage the effects. Whatever throws on the way leaves nothing behind.</summary>
internal sealed partial class ClusterCore
{
    private readonly Staging _staging = new();

    private void Pump(Entity entity)
    {
        var shard = entity.Shard;
        while (shard.IsOpen && entity.Phase == EntityPhase.Active && entity.Mailbox.First is { } item)
        {
            if (item is ClientItem { IsOver: true } || IsStale(entity, item))
            {
                entity.Mailbox.RemoveFirst();
                continue;
            }
            if (item is ClientItem { Ready: false }) return;
            if (shard.Gathering is { } gathering && gathering.Messages >= _options.BatchMessages)
            {
                shard.Blocked.Add(entity);
                return;
            }
            if (item is SignalItem && ++_signalled > _options.SignalsPerStep)
            {
                // The next step goes on from here: see Run.
                Wake(entity);
                return;
            }
            entity.Mailbox.RemoveFirst();
            Handle(entity, item);
        }
    }

    private bool IsStale(Entity entity, Item item) => item switch
    {
        ComputeItem when _options.Bug == CoreBug.StaleComputeTaken => false,
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
        var time = StoreTime;
        if (entity.Time > time && _options.Bug != CoreBug.TimeRunsBack) time = entity.Time;
        // The store's clock may have stepped back since the timer fired.
        if (item is TimerItem { Entry.Row.Due: var due } && due > time) time = due;
        var context = new DecisionContext(entity.Address, time, entity.Number + 1, item.Sender, item.Principal);
        bool held;
        try
        {
            held = !Decide(_staging, entity, item, command, context);
        }
        catch (Exception error)
        {
            Threw(entity, item, error);
            return;
        }
        entity.Time = time;
        if (held) entity.Hold(item);
        else Stage(entity, item, _staging);
    }

    private ICommand CommandOf(Item item) => item switch
    {
        SignalItem signal => signal.Command,
        ClientItem client => client.Command,
        ComputeItem compute => compute.Command,
        MailItem mail => (ICommand)_codec.Decode(mail.Row.Command),
        TimerItem timer => (ICommand)_codec.Decode(timer.Entry.Row.Command),
        _ => throw new InvalidOperationException(item.GetType().Name),
    };

    /// <summary>Nothing outside the staging changes, so that a throw leaves nothing behind. False if the command is stashed.</summary>
    private bool Decide(Staging to, Entity entity, Item item, ICommand command, DecisionContext context)
    {
        var decider = entity.Decider!;
        var shard = entity.Shard;
        var state = entity.State!;
        to.Clear(state);
        var effects = decider.Decide(state, command, context);
        var (number, hash) = (entity.Number, entity.Hash);
        for (var i = 0; i < effects.Count; i++)
        {
            switch (effects[i])
            {
                case Effect.Persist persist:
                    var stored = Bounded(persist.Event);
                    var next = EventHash.Compute(entity.Address, ++number, stored, hash.Span);
                    to.Events.Add(new JournalRow(
                        shard.Number, shard.LastEvent + to.Events.Count + 1, shard.Epoch, entity.Address, number, stored, context.Now,
                        context.Principal, item.TraceParent, hash, next));
                    hash = next;
                    state = decider.Apply(state, persist.Event);
                    break;
                case Effect.Reply reply:
                    if (to.Reply is not null) throw new InvalidOperationException("a command has two replies");
                    (to.Reply, to.StoredReply) = (reply.Message, Bounded(reply.Message));
                    break;
                case Effect.Tell tell:
                    if (!IsAddress(tell.To)) throw new InvalidOperationException($"'{tell.To}' is no address of an entity");
                    to.Tells.Add((tell.To, Bounded(tell.Command)));
                    break;
                case Effect.Signal signal:
                    to.Signals.Add(signal);
                    break;
                case Effect.StartCompute compute:
                    to.Computes.Add(compute);
                    break;
                case Effect.Dispatch work:
                    to.Work.Add(WorkOf(entity, work, item.TraceParent));
                    break;
                case Effect.CancelWork cancel:
                    to.WorkCancelled.Add($"{entity.Address}/{cancel.Name}");
                    break;
                case Effect.SetTimer set:
                    to.Timers.Add((set.Name, new TimerRow(shard.Number, entity.Address, set.Name, set.Due, Bounded(set.Command))));
                    break;
                case Effect.CancelTimer cancel:
                    if (shard.Timers.ContainsKey((entity.Address, cancel.Name))
                        || to.Timers.Exists(timer => timer.Name == cancel.Name))
                        to.Timers.Add((cancel.Name, null));
                    break;
                case Effect.Stash:
                    if (effects.Count != 1) throw new InvalidOperationException("Stash must be a command's only effect");
                    return false;
                case Effect.Passivate:
                    to.Passivates = true;
                    break;
            }
        }
        to.State = state;
        to.Awaits = decider.Awaiting(state);
        foreach (var compute in to.Computes)
        {
            if (!to.Awaits.Any(awaited => awaited.Name == compute.Name))
                throw new InvalidOperationException($"the Compute '{compute.Name}' is started, but the state does not say that it awaits it");
        }
        if (number - entity.SnapshotNumber >= _options.SnapshotEvery)
            to.Snapshot = new SnapshotRow(entity.Address, number, _codec.Encode(state), hash);
        return true;
    }

    private void Stage(Entity entity, Item item, Staging staged)
    {
        if (item is ComputeItem done) entity.Computes?.Remove(done.Compute.Name);
        if (staged.HasRows || item is not (ClientItem or SignalItem)) StageRows(Gather(entity.Shard), entity, item, staged);
        else if (item is ClientItem client) AnswerWhenCommitted(entity, client, staged.Reply ?? new Done());

        entity.State = staged.State;
        entity.Awaits = staged.Awaits;
        if (staged.Events is [.., var last]) (entity.Number, entity.Hash) = (last.EntityNumber, last.Hash);
        if (staged.Snapshot is { } snapshot) entity.SnapshotNumber = snapshot.EntityNumber;
        ReconcileComputes(entity, staged.Computes, item.TraceParent);
        if (staged.Events.Count > 0) entity.Unstash();
        if (staged.Signals.Count > 0) SignalWhenCommitted(entity, item, staged.Signals);
        if (staged.Passivates) PassivateOne(entity);
    }

    private void StageRows(Batch batch, Entity entity, Item item, Staging staged)
    {
        Join(batch, entity);
        batch.Messages++;
        batch.Events.AddRange(staged.Events);
        entity.Shard.LastEvent += staged.Events.Count;
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
        var reply = staged.Reply ?? new Done();
        if (client.Key is { } key)
        {
            var stored = staged.Reply is null ? _codec.Encode(reply) : staged.StoredReply;
            batch.Replies.Add(new ReplyRow(client.Tenant, key, client.RequestHash, stored, entity.Shard.Number));
        }
        batch.Waiters.Add((client, reply));
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
