using Athanor.Actors;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

internal enum EntityPhase
{
    /// <summary>Nothing is known of it yet.</summary>
    Unread,

    /// <summary>Its history is being read.</summary>
    Reading,

    /// <summary>Handles messages.</summary>
    Active,

    /// <summary>Its first message threw; it waits for the next attempt.</summary>
    Holding,

    /// <summary>Could not be recovered; its messages stay in the store.</summary>
    Faulted,
}

/// <summary>
/// An entity in memory. It has two states: <see cref="State"/> has every event decided so far, so that the next message need not wait for
/// the disk; <see cref="Committed"/> has the confirmed ones, and only it is shown to anybody.
/// </summary>
internal sealed class Entity(Shard shard, EntityAddress address, IDecider? decider)
{
    public Shard Shard { get; } = shard;

    public EntityAddress Address { get; } = address;

    /// <summary>Null if nobody decides for its family.</summary>
    public IDecider? Decider { get; } = decider;

    public EntityPhase Phase { get; set; }

    public IState? State { get; set; }

    /// <summary>Number of the last event, committed or not.</summary>
    public long Number { get; set; }

    public ReadOnlyMemory<byte> Hash { get; set; } = EventHash.None;

    /// <summary>The latest time handed to it.</summary>
    public DateTimeOffset Time { get; set; }

    /// <summary>Names of the Computes that <see cref="State"/> awaits.</summary>
    public IReadOnlyList<Effect.StartCompute> Awaits { get; set; } = [];

    public long SnapshotNumber { get; set; }

    public IState? Committed { get; set; }

    public long CommittedNumber { get; set; }

    /// <summary>Batches (gathering, in flight) that hold rows of it.</summary>
    public int Uncommitted { get; set; }

    public ItemQueue Mailbox { get; } = new();

    // What few entities have at a time is made when it is first needed: most of a node's entities are idle.

    public List<Item>? Stash { get; private set; }

    public Dictionary<string, RunningCompute>? Computes { get; private set; }

    /// <summary>Queries that wait until it is read.</summary>
    public List<(Ask Ask, IQuery Query)>? Queries { get; set; }

    public Dictionary<string, ClientSession>? Sessions { get; set; }

    /// <summary>Whether it stands in the run queue.</summary>
    public bool Queued { get; set; }

    /// <summary>Whether it is read again as soon as nothing of it is uncommitted.</summary>
    public bool RebuildWhenCommitted { get; set; }

    /// <summary>Whether it is forgotten as soon as nothing of it is uncommitted, if no message comes before.</summary>
    public bool PassivateWhenCommitted { get; set; }

    public string? FaultReason { get; set; }

    /// <summary>Whether it was read again without an error, and the store does not know yet: it still sets its rows aside.</summary>
    public bool IsClearing { get; set; }

    /// <summary>Who asked for its repair, while it is being repaired.</summary>
    public Ask? Repair { get; set; }

    public bool FromStart { get; set; }

    public TimeSpan LastUsed { get; set; }

    // Its place among the entities in memory: see RecencyList.
    public Entity? Older { get; set; }

    public Entity? Newer { get; set; }

    public bool IsListed { get; set; }

    public bool IsIdle =>
        Phase == EntityPhase.Active && Mailbox.Count == 0 && Stash is not { Count: > 0 } && Computes is not { Count: > 0 }
        && Queries is not { Count: > 0 } && Awaits.Count == 0 && Repair is null && !HasEarly;

    private bool HasEarly => Sessions is { } sessions && sessions.Values.Any(static session => session.Early.Count > 0);

    /// <summary>Client commands in its mailbox, in its stash, and held back by their session.</summary>
    public IEnumerable<Item> AllItems()
    {
        IEnumerable<Item> items = Mailbox;
        if (Stash is { Count: > 0 } stash) items = items.Concat(stash);
        if (Sessions is { } sessions) items = items.Concat(sessions.Values.SelectMany(static session => session.Early.Values));
        return items;
    }

    public void Hold(Item item) => (Stash ??= []).Add(item);

    /// <summary>What was stashed is handled next, in its order.</summary>
    public void Unstash()
    {
        if (Stash is not { } stash) return;
        for (var i = stash.Count - 1; i >= 0; i--) Mailbox.AddFirst(stash[i]);
        Stash = null;
    }

    public void ForgetItems()
    {
        Mailbox.Clear();
        (Stash, Sessions) = (null, null);
    }

    public void Add(RunningCompute compute) => (Computes ??= []).Add(compute.Name, compute);
}

/// <summary>The order of one client session's commands to one entity.</summary>
internal sealed class ClientSession
{
    /// <summary>The number that is taken next.</summary>
    public long Next { get; set; } = 1;

    /// <summary>Commands that came before an earlier one.</summary>
    public SortedDictionary<long, ClientItem> Early { get; } = [];
}
