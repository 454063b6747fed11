using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Core;

/// <summary>Durable timers: read when the shard opens, fired when due by the store's clock, removed in the commit that handles
/// them.</summary>
internal sealed partial class ClusterCore
{
    private readonly PriorityQueue<TimerEntry, (DateTimeOffset Due, long Order)> _timers = new();

    private void Arm(Shard shard, TimerRow row)
    {
        var entry = new TimerEntry(shard, row);
        shard.Timers[(row.Entity, row.Name)] = entry;
        _timers.Enqueue(entry, (row.Due, _order++));
    }

    private static bool IsSet(TimerEntry entry) =>
        !entry.Shard.Dropped && entry.Shard.Timers.TryGetValue((entry.Row.Entity, entry.Row.Name), out var set) && ReferenceEquals(set,
            entry);

    private void FireTimers()
    {
        if (!_options.Wakes || _viewAt is null) return;
        var time = _options.Bug == CoreBug.TimerEarly ? StoreTime + TimeSpan.FromSeconds(3) : StoreTime;
        while (_timers.TryPeek(out var entry, out var due))
        {
            if (IsSet(entry) && due.Due > time) return;
            _timers.Dequeue();
            if (!IsSet(entry) || entry.Fired) continue;
            if (entry.Shard.Phase is ShardPhase.Stopping or ShardPhase.Releasing) continue;
            var entity = EntityIn(entry.Shard, entry.Row.Entity);
            // A faulted entity's timers wait for its repair, which arms them again.
            if (entity.Phase == EntityPhase.Faulted) continue;
            entry.Fired = true;
            Enqueue(entity, new TimerItem(entry));
        }
    }

    private void RearmTimers(Entity entity)
    {
        foreach (var entry in entity.Shard.Timers.Values.Where(entry => entry.Row.Entity == entity.Address).ToList())
        {
            entry.Fired = false;
            _timers.Enqueue(entry, (entry.Row.Due, _order++));
        }
    }
}
