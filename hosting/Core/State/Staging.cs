using Athanor.Actors;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

/// <summary>What one message leads to, before any of it counts. One object serves all messages in turn, as one is handled at a time.</summary>
internal sealed class Staging
{
    public IState State { get; set; } = null!;

    public IReadOnlyList<Effect.StartCompute> Awaits { get; set; } = [];

    public List<JournalRow> Events { get; } = [];

    public List<(EntityAddress To, StoredMessage Command)> Tells { get; } = [];

    public List<Effect.Signal> Signals { get; } = [];

    public List<(string Name, TimerRow? Row)> Timers { get; } = [];

    public List<WorkRow> Work { get; } = [];

    public List<string> WorkCancelled { get; } = [];

    public List<Effect.StartCompute> Computes { get; } = [];

    public IReply? Reply { get; set; }

    /// <summary>The reply as it will lie in the store, if it may come to that.</summary>
    public StoredMessage StoredReply { get; set; }

    public SnapshotRow? Snapshot { get; set; }

    public bool Passivates { get; set; }

    public bool HasRows => Events.Count + Tells.Count + Timers.Count + Work.Count + WorkCancelled.Count > 0;

    /// <summary>Begins the next message. A list that grew large once is not kept.</summary>
    public void Clear(IState state)
    {
        State = state;
        Awaits = [];
        (Reply, StoredReply, Snapshot, Passivates) = (null, default, null, false);
        if (Events.Count > 0) Empty(Events);
        if (Tells.Count > 0) Empty(Tells);
        if (Signals.Count > 0) Empty(Signals);
        if (Timers.Count > 0) Empty(Timers);
        if (Work.Count > 0) Empty(Work);
        if (WorkCancelled.Count > 0) Empty(WorkCancelled);
        if (Computes.Count > 0) Empty(Computes);
    }

    private static void Empty<T>(List<T> list)
    {
        list.Clear();
        if (list.Capacity > 256) list.Capacity = 0;
    }
}
