using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// What goes wrong inside an entity stays there.
/// A decider that throws: nothing of the message is kept, the entity holds its mailbox, is rebuilt from the journal and tries again after a
/// wait that doubles; after the last attempt the message is parked with the reason, or its client is told, and the next one is handled.
/// A history or message that cannot be read: the entity is faulted. That is written to the store, which sets its rows aside; its clients
/// are
/// refused; the shard goes on. A repair reads it again and releases its messages.
/// </summary>
internal sealed partial class ClusterCore
{
    private void Threw(Entity entity, Item item, Exception error)
    {
        item.Attempts++;
        var reason = $"{item.Name} at {entity.Address} threw {error.GetType().Name}: {error.Message}";
        if (item is SignalItem)
        {
            SignalsDropped++;
            Note(NoteLevel.Warning, $"{reason}; a signal is not tried again");
            return;
        }
        if (item.Attempts >= _options.Attempts)
        {
            Park(entity, item, reason);
            return;
        }
        Note(NoteLevel.Warning, $"{reason} (attempt {item.Attempts})");
        if (_options.Bug == CoreBug.RetryDoesNotHold)
        {
            entity.Mailbox.AddLast(item);
            Wake(entity);
            return;
        }
        entity.Mailbox.AddFirst(item);
        entity.Phase = EntityPhase.Holding;
        After(Backoff(_options.RetryAfter, item.Attempts), () =>
        {
            if (entity.Shard.Dropped || !IsIn(entity) || entity.Phase != EntityPhase.Holding) return;
            if (entity.Uncommitted > 0) entity.RebuildWhenCommitted = true;
            else Rebuild(entity);
        });
    }

    private void Rebuild(Entity entity)
    {
        entity.RebuildWhenCommitted = false;
        if (entity.Phase == EntityPhase.Holding) Recover(entity);
    }

    private void Park(Entity entity, Item item, string reason)
    {
        Note(NoteLevel.Error, $"{reason}; given up after {item.Attempts} attempts");
        if (item is ClientItem client)
        {
            RefuseItem(client, Refusal.Failed, reason);
            return;
        }
        var batch = Gather(entity.Shard);
        batch.Messages++;
        var mail = item switch
        {
            MailItem { Row: var row } => row,
            TimerItem { Entry.Row: var timer } => Parkable(batch, entity, timer.Command),
            ComputeItem { Command: var command } => Parkable(batch, entity, _codec.Encode(command)),
            _ => throw new InvalidOperationException(item.GetType().Name),
        };
        if (item is TimerItem { Entry: var entry }) SetTimer(batch, entity, entry.Row.Name, null);
        if (item is ComputeItem { Compute: var compute }) entity.Computes?.Remove(compute.Name);
        batch.Parked.Add(new ParkedRow(mail, reason, StoreTime));
        Join(batch, entity);
    }

    private static MailRow Parkable(Batch batch, Entity entity, StoredMessage command) =>
        new(batch.NextMailId(), entity.Shard.Number, entity.Address, entity.Address, command, null);

    private void Fault(Entity entity, string reason)
    {
        var shard = entity.Shard;
        Note(NoteLevel.Error, $"{entity.Address} is faulted: {reason}");
        entity.Phase = EntityPhase.Faulted;
        entity.FaultReason = reason;
        entity.FromStart = false;
        (entity.State, entity.Committed) = (null, null);
        CancelComputes(entity);
        entity.Computes?.Clear();
        entity.Awaits = [];
        var items = entity.AllItems().ToList();
        entity.ForgetItems();
        foreach (var item in items)
        {
            if (item is MailItem mail) shard.Known.Remove(mail.Row.Id);
            else if (item is ClientItem client) RefuseItem(client, Refusal.Faulted, $"{entity.Address} is faulted: {reason}");
            else if (item is SignalItem) SignalsDropped++;
        }
        foreach (var (ask, _) in entity.Queries ?? []) Refuse(ask, Refusal.Faulted, $"{entity.Address} is faulted: {reason}");
        entity.Queries = null;
        if (entity.Repair is { } repair)
        {
            entity.Repair = null;
            Refuse(repair, Refusal.Faulted, $"{entity.Address} is still faulted: {reason}");
        }
        _recency.Remove(entity);
        var batch = Gather(shard);
        batch.Faults[entity.Address] = reason;
        Join(batch, entity);
    }

    private void TakeRepair(CoreInput.Repair repair, Ask ask)
    {
        if (Admit(ask, repair) is not { } shard) return;
        if (!shard.Entities.TryGetValue(repair.Entity, out var entity) || entity.Phase != EntityPhase.Faulted || entity.Repair is not null)
        {
            Refuse(ask, Refusal.Invalid, $"{repair.Entity} is not faulted, or is being repaired");
            return;
        }
        if (entity.Uncommitted > 0)
        {
            Refuse(ask, Refusal.Unavailable, $"{repair.Entity} has a commit under way; ask again");
            return;
        }
        entity.Repair = ask;
        entity.FromStart = repair.SkipSnapshot;
        Recover(entity);
    }

    /// <summary>It was read again without an error: written down, and answered when that is committed.</summary>
    private void ClearFault(Entity entity)
    {
        var batch = Gather(entity.Shard);
        batch.Faults[entity.Address] = null;
        entity.IsClearing = true;
        batch.Others.Add((entity.Repair!, entity));
        Join(batch, entity);
        if (entity.FromStart && entity.Number > 0)
        {
            entity.SnapshotNumber = 0;
            TrySnapshot(entity);
        }
        (entity.Repair, entity.FaultReason, entity.FromStart) = (null, null, false);
    }

    /// <summary>The store gives its rows again; those told meanwhile must not come before them.</summary>
    private void Repaired(Entity entity)
    {
        entity.IsClearing = false;
        LeaveToStore(entity.Shard);
        RearmTimers(entity);
    }

    /// <summary>A parked row is told again once, however often it is asked for: the row must still be parked, and nobody else of this term
    /// may be about to return it.</summary>
    private void TakeUnpark(CoreInput.Unpark unpark, Ask ask)
    {
        if (Admit(ask, unpark) is not { } shard) return;
        var id = unpark.Row.Mail.Id;
        if (!shard.Unparking.Add(id))
        {
            Refuse(ask, Refusal.Invalid, $"the message {id} is being returned already");
            return;
        }
        Do(new CoreAction.FindParked(Expect(outcome =>
        {
            if (!shard.IsOpen) Refuse(ask, Refusal.Unavailable, "the shard was read anew meanwhile; ask again");
            else if (outcome is CoreInput.ParkedFound { Row: { } row }) Unpark(shard, row, ask);
            else
            {
                shard.Unparking.Remove(id);
                if (outcome is CoreInput.StoreFailed failed) Refuse(ask, Refusal.Unavailable, failed.Reason);
                else Refuse(ask, Refusal.Invalid, $"the message {id} is not parked, or not any more");
            }
        }), shard.Number, id));
    }

    private void Unpark(Shard shard, ParkedRow row, Ask ask)
    {
        var batch = Gather(shard);
        batch.Unparked.Add(row.Mail.Id);
        batch.Mail.Add(row.Mail with { Id = batch.NextMailId() });
        batch.Others.Add((ask, null));
    }
}
