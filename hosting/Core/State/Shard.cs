using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

internal enum ShardPhase
{
    /// <summary>A claim is under way.</summary>
    Claiming,

    /// <summary>Ours; its contents are being read.</summary>
    Opening,

    /// <summary>Ours; a commit of unknown outcome lies behind, and an empty one is under way to settle it.</summary>
    Settling,

    /// <summary>Ours; messages are handled.</summary>
    Open,

    /// <summary>Ours; no more messages are handled, what was gathered is committed.</summary>
    Stopping,

    /// <summary>Being given back.</summary>
    Releasing,
}

/// <summary>One shard in one term of this node's ownership. Everything that is not in the store lives and dies with this object.</summary>
internal sealed class Shard(int number)
{
    public int Number { get; } = number;

    public ShardPhase Phase { get; set; }

    public Epoch Epoch { get; set; }

    /// <summary>Until when this node may act for it, on the core's own clock.</summary>
    public TimeSpan SafeUntil { get; set; }

    /// <summary>Whether this term is over.</summary>
    public bool Dropped { get; set; }

    /// <summary>Whether an empty commit must be confirmed before anything is answered.</summary>
    public bool MustSettle { get; set; }

    /// <summary>Commits or openings in a row that failed.</summary>
    public int Failures { get; set; }

    /// <summary>Number of the last confirmed commit.</summary>
    public long Last { get; set; }

    /// <summary>Number of the last event, committed or not.</summary>
    public long LastEvent { get; set; }

    public Batch? Gathering { get; set; }

    public Batch? InFlight { get; set; }

    public Dictionary<EntityAddress, Entity> Entities { get; } = new(AddressComparer.Instance);

    /// <summary>Entities whose messages wait because the batch is full.</summary>
    public List<Entity> Blocked { get; } = [];

    /// <summary>Commands whose commit's outcome is not known; looked up by key once a newer commit is confirmed.</summary>
    public List<ClientItem> Unsettled { get; } = [];

    public Dictionary<(EntityAddress Entity, string Name), TimerEntry> Timers { get; } = [];

    // --- mail: see ClusterCore.Mail.cs

    /// <summary>Mailbox rows that are in memory or in a batch and not known to be deleted.</summary>
    public HashSet<MailId> Known { get; } = [];

    /// <summary>Rows deleted while a read was under way, which may have seen them still.</summary>
    public HashSet<MailId> JustHandled { get; } = [];

    /// <summary>Parked rows that this term has returned, or is about to.</summary>
    public HashSet<MailId> Unparking { get; } = [];

    public bool WantsMail { get; set; }

    public bool ReadingMail { get; set; }

    /// <summary>The step at which the last complete read was issued.</summary>
    public long ReadAt { get; set; }

    /// <summary>The last step at which there may have been a row that only the store knows.</summary>
    public long DirtyAt { get; set; }

    /// <summary>The step at which it opened.</summary>
    public long OpenedAt { get; set; }

    public bool IsOpen => !Dropped && Phase == ShardPhase.Open;

    /// <summary>Ours by a claim that was confirmed, and not given back.</summary>
    public bool IsHeld => Phase is not (ShardPhase.Claiming or ShardPhase.Releasing);
}
