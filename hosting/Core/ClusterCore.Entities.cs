using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>Entities come into memory by recovery and leave it by passivation; both are bounded.</summary>
internal sealed partial class ClusterCore
{
    /// <summary>Entities in memory that can be passivated, the least recently used first.</summary>
    private readonly RecencyList _recency = new();

    /// <summary>All entities in memory, of whatever shard.</summary>
    private readonly Dictionary<EntityAddress, Entity> _entities = new(AddressComparer.Instance);
    private readonly Queue<Entity> _toRead = new();
    private int _reading;

    /// <summary>Entities in memory.</summary>
    public int ActiveEntities => _recency.Count;

    private Entity EntityIn(Shard shard, EntityAddress address)
    {
        if (shard.Entities.TryGetValue(address, out var entity)) return entity;
        entity = new Entity(shard, address, _deciders.GetValueOrDefault(address.Family));
        shard.Entities.Add(address, entity);
        _entities[address] = entity;
        return entity;
    }

    /// <summary>It is no longer in memory; its shard's own list is its caller's to change.</summary>
    private void Unlist(Entity entity)
    {
        _recency.Remove(entity);
        if (_entities.TryGetValue(entity.Address, out var known) && ReferenceEquals(known, entity)) _entities.Remove(entity.Address);
    }

    /// <summary>Marks it as used now; what was about to be passivated stays.</summary>
    private void Touch(Entity entity)
    {
        entity.PassivateWhenCommitted = false;
        entity.LastUsed = _now;
        _recency.Use(entity);
    }

    /// <summary>Appends a message; the entity is recovered first if need be.</summary>
    private void Enqueue(Entity entity, Item item)
    {
        Touch(entity);
        entity.Mailbox.AddLast(item);
        if (entity.Phase == EntityPhase.Unread) Recover(entity);
        else Wake(entity);
    }

    /// <summary>Reads the entity's history, now or when fewer others are being read.</summary>
    private void Recover(Entity entity)
    {
        if (entity.Phase == EntityPhase.Reading || (entity.Phase == EntityPhase.Faulted && entity.Repair is null)) return;
        Touch(entity);
        entity.Phase = EntityPhase.Reading;
        _toRead.Enqueue(entity);
        ReadNext();
    }

    private void ReadNext()
    {
        while (_reading < _options.MaxRecovering && _toRead.TryDequeue(out var entity))
        {
            if (entity.Shard.Dropped || entity.Phase != EntityPhase.Reading || !IsIn(entity)) continue;
            Read(entity, 0);
        }
    }

    private static bool IsIn(Entity entity) =>
        entity.Shard.Entities.TryGetValue(entity.Address, out var current) && ReferenceEquals(current, entity);

    /// <summary>Entities whose read was issued; a term's end gives their places free.</summary>
    private readonly HashSet<Entity> _reads = [];

    private void ReadingEnded(Entity entity)
    {
        if (_reads.Remove(entity)) _reading--;
    }

    private void Read(Entity entity, int failures)
    {
        _reading++;
        _reads.Add(entity);
        Do(new CoreAction.ReadEntity(Expect(outcome =>
        {
            var current = _reads.Contains(entity);
            ReadingEnded(entity);
            if (current && !entity.Shard.Dropped && IsIn(entity) && entity.Phase == EntityPhase.Reading) Recovered(entity, outcome,
                failures);
            ReadNext();
        }), entity.Address, entity.FromStart));
    }

    private void Recovered(Entity entity, CoreInput outcome, int failures)
    {
        if (outcome is CoreInput.EntityRead { History: var history })
        {
            Adopt(entity, history);
        }
        else if (outcome is CoreInput.EntityDamaged damaged)
        {
            Fault(entity, damaged.Reason);
        }
        else
        {
            var reason = ((CoreInput.StoreFailed)outcome).Reason;
            Note(NoteLevel.Warning, $"{entity.Address} could not be read: {reason}");
            After(Backoff(_options.StoreRetry, failures + 1), () =>
            {
                if (!entity.Shard.Dropped && IsIn(entity) && entity.Phase == EntityPhase.Reading) Read(entity, failures + 1);
            });
        }
    }

    private void Adopt(Entity entity, EntityHistory history)
    {
        if (entity.Decider is not { } decider)
        {
            Fault(entity, $"no decider is known for the family '{entity.Address.Family}'");
            return;
        }
        try
        {
            var rebuilt = Replay.Rebuild(decider, _codec, entity.Address, history);
            entity.Awaits = decider.Awaiting(rebuilt.State);
            (entity.State, entity.Committed) = (rebuilt.State, rebuilt.State);
            entity.Number = entity.CommittedNumber = rebuilt.Number;
            entity.Hash = rebuilt.Hash;
            entity.SnapshotNumber = rebuilt.SnapshotNumber;
            if (rebuilt.Time > entity.Time) entity.Time = rebuilt.Time;
        }
        catch (Exception error)
        {
            Fault(entity, error is DamageException ? error.Message : $"recovery threw {error.GetType().Name}: {error.Message}");
            return;
        }
        entity.Phase = EntityPhase.Active;
        if (entity.Repair is not null) ClearFault(entity);
        foreach (var compute in entity.Awaits)
        {
            if (entity.Computes is not { } running || !running.ContainsKey(compute.Name)) StartCompute(entity, compute);
        }
        AnswerQueries(entity);
        Wake(entity);
    }

    /// <summary>Passivates what has been idle for long, and the least recently used while there are too many.</summary>
    private void Passivate()
    {
        var next = _recency.Oldest;
        var looked = 0;
        while (next is { } entity && looked++ < 64)
        {
            next = entity.Newer;
            if (entity.LastUsed + _options.PassivateAfter > _now && _recency.Count <= _options.MaxActive) return;
            if (!entity.IsIdle || entity.PassivateWhenCommitted)
            {
                // Looked at again after the others; what it waits for counts as use.
                if (entity.Phase == EntityPhase.Faulted || entity.PassivateWhenCommitted) _recency.Remove(entity);
                else Touch(entity);
            }
            else if (entity.Shard.IsOpen) PassivateOne(entity);
            else Touch(entity);
        }
    }

    /// <summary>Forgets an idle entity, after a snapshot if it has events past its last one.</summary>
    private void PassivateOne(Entity entity)
    {
        if (!entity.IsIdle || !entity.Shard.IsOpen) return;
        if (entity.Number > entity.SnapshotNumber && !TrySnapshot(entity)) return;
        if (entity.Uncommitted > 0) entity.PassivateWhenCommitted = true;
        else Unload(entity);
    }

    private void Unload(Entity entity)
    {
        Unlist(entity);
        entity.Shard.Entities.Remove(entity.Address);
    }

    private bool TrySnapshot(Entity entity)
    {
        try
        {
            var row = new SnapshotRow(entity.Address, entity.Number, _codec.Encode(entity.State!), entity.Hash);
            var batch = Gather(entity.Shard);
            batch.Snapshots[entity.Address] = row;
            Join(batch, entity);
            entity.SnapshotNumber = entity.Number;
            return true;
        }
        catch (Exception error)
        {
            Note(NoteLevel.Error, $"the state of {entity.Address} at event {entity.Number} could not be written as a snapshot: {error.Message}");
            Touch(entity);
            return false;
        }
    }
}
