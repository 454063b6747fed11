using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core.State;

/// <summary>What one shard's next commit will hold, and who waits for it.</summary>
internal sealed class Batch(Shard shard, long number)
{
    public Shard Shard { get; } = shard;

    /// <summary>Number of the commit.</summary>
    public long Number { get; } = number;

    public List<JournalRow> Events { get; } = [];

    public List<MailRow> Mail { get; } = [];

    public List<MailId> Handled { get; } = [];

    public List<ParkedRow> Parked { get; } = [];

    public List<MailId> Unparked { get; } = [];

    /// <summary>The timers as they are after the commit; null for one that is gone.</summary>
    public Dictionary<(EntityAddress Entity, string Name), TimerRow?> Timers { get; } = [];

    public List<WorkRow> Work { get; } = [];

    public List<string> WorkCancelled { get; } = [];

    public List<ReplyRow> Replies { get; } = [];

    public Dictionary<EntityAddress, string?> Faults { get; } = [];

    public Dictionary<EntityAddress, SnapshotRow> Snapshots { get; } = [];

    /// <summary>Entities with rows in it, in order of their first.</summary>
    public List<Entity> Entities { get; } = [];

    /// <summary>The same, to find one.</summary>
    public HashSet<Entity> Members { get; } = [];

    /// <summary>Entities with events in it.</summary>
    public HashSet<Entity> WithEvents { get; } = [];

    /// <summary>States at the moment of sealing, in the order of <see cref="Entities"/>: committed once the batch is.</summary>
    public List<(IState? State, long Number)> Sealed { get; } = [];

    public List<(ClientItem Item, IReply Reply)> Waiters { get; } = [];

    /// <summary>Signals to be handed over once what their senders knew is committed; null for none.</summary>
    public List<(EntityAddress To, SignalItem Item)>? Signals { get; set; }

    public List<(Ask Ask, Entity? Repaired)> Others { get; } = [];

    /// <summary>Messages handled in it.</summary>
    public int Messages { get; set; }

    /// <summary>Committed even if it is empty.</summary>
    public bool Forced { get; set; }

    /// <summary>The step at which it was sent.</summary>
    public long SentAt { get; set; }

    /// <summary>Rows told in it that a reading has shown before the commit was confirmed.</summary>
    public HashSet<MailId> Seen { get; } = [];

    private int _told;

    /// <summary>The identity of the next row told in this commit.</summary>
    public MailId NextMailId() => new(Shard.Number, Number, _told++);

    public bool HasRows =>
        Forced || Messages > 0 || Events.Count > 0 || Mail.Count > 0 || Handled.Count > 0 || Parked.Count > 0 || Unparked.Count > 0
        || Timers.Count > 0 || Work.Count > 0 || WorkCancelled.Count > 0 || Replies.Count > 0 || Faults.Count > 0 || Snapshots.Count > 0;
}
