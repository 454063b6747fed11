using Athanor.Hosting.Core.State;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>What the host may look at between steps.</summary>
internal sealed partial class ClusterCore
{
    /// <summary>When the next <see cref="CoreInput.Tick"/> is wanted, on the clock of <c>now</c>.</summary>
    public TimeSpan NextDue
    {
        get
        {
            if (HasWork) return _now;
            var due = _nextRenew < _nextPoll ? _nextRenew : _nextPoll;
            if (!_viewing && _nextView < due) due = _nextView;
            if (_safeUntil < due) due = _safeUntil;
            if (_schedule.TryPeek(out _, out var next) && next.At < due) due = next.At;
            if (_recency.Oldest is { } oldest && oldest.LastUsed + _options.PassivateAfter < due)
                due = oldest.LastUsed + _options.PassivateAfter;
            if (_patient.Oldest is { } asked && asked.Since + _options.AskTimeout < due) due = asked.Since + _options.AskTimeout;
            if (_options.Wakes && _timers.TryPeek(out _, out var timer))
            {
                var wait = timer.Due - StoreTime;
                if (_now + wait < due) due = _now + wait;
            }
            return due > _now ? due : _now;
        }
    }

    /// <summary>Whether the tables of nodes and shards were read once: it is known who owns what.</summary>
    public bool HasView => _viewAt is not null;

    /// <summary>Shards that handle messages here.</summary>
    public int OpenShards => _shards.Count(static shard => shard is { IsOpen: true });

    /// <summary>The epoch in which a shard is open here, or null if it is not.</summary>
    public Stores.Epoch? OpenEpoch(int shard) => _shards[shard] is { IsOpen: true } open ? open.Epoch : null;

    /// <summary>Requests that wait for an answer.</summary>
    public int OpenAsks => _asks.Count;

    /// <summary>Messages in mailboxes of this node that are not handled, for throttling at the edges.</summary>
    public int MailboxDepth => _shards.Sum(static shard => shard?.Known.Count ?? 0);

    /// <summary>How an entity stands on this node: <c>idle</c>, <c>active</c> or <c>faulted</c>.</summary>
    public string StatusOf(EntityAddress address)
    {
        if (_shards[ShardOfAddress(address)] is not { } shard || !shard.Entities.TryGetValue(address, out var entity)) return "idle";
        return entity.Phase == EntityPhase.Faulted ? "faulted" : "active";
    }
}
