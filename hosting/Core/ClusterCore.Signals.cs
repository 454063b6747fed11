using Athanor.Actors;
using Athanor.Hosting.Core.State;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// Signals: messages between entities of one node that are never written down. They are for what is worth nothing a moment later (a
/// progress figure, "look again"), and never for what must last.
///
/// What is promised: at most once; two signals of one sender to one entity in the order in which they were sent; and none tells of an event
/// that is not committed, as it leaves with the commit of what its sender knew. What is not: a signal to an entity of another node or of a
/// shard that is not open here is dropped and counted, one under way is lost with its shard's term, and one that its receiver's decider
/// throws at is dropped at once. Nothing is said of the order of signals and told commands.
///
/// What handling a signal leads to (events, tells, timers) is committed like that of any other message. As signals need no commit, two
/// entities can send them to and fro for ever; so a step handles a bounded number, and the host steps again at once
/// (<see cref="HasWork"/>).
/// </summary>
internal sealed partial class ClusterCore
{
    private int _signalled;

    /// <summary>Signals that went nowhere since the start.</summary>
    public long SignalsDropped { get; private set; }

    /// <summary>Whether the last step left messages unhandled that wait for nothing but the next step.</summary>
    public bool HasWork => _runnable.Count > 0;

    private void SignalWhenCommitted(Entity entity, Item cause, List<Effect.Signal> signals)
    {
        var batch = entity.Uncommitted == 0 ? null
            : entity.Shard.Gathering is { } gathering && gathering.Members.Contains(entity) ? gathering
            : entity.Shard.InFlight;
        foreach (var signal in signals)
        {
            var item = new SignalItem(signal.Command, entity.Address, cause.Principal, cause.TraceParent);
            if (batch is null) Send(signal.To, item);
            else (batch.Signals ??= []).Add((signal.To, item));
        }
    }

    private void Send(EntityAddress to, SignalItem item)
    {
        if (!_entities.TryGetValue(to, out var entity))
        {
            if (!IsAddress(to) || !_deciders.ContainsKey(to.Family) || _shards[ShardOfAddress(to)] is not { IsOpen: true } shard)
            {
                SignalsDropped++;
                return;
            }
            entity = EntityIn(shard, to);
        }
        if (entity.Phase == EntityPhase.Faulted || !entity.Shard.IsOpen) SignalsDropped++;
        else Enqueue(entity, item);
    }
}
