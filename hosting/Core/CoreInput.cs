using System.Collections.Immutable;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// Whatever reaches the core: requests of clients, and the outcomes of actions. An outcome carries the id of its action; every action with
/// an id gets exactly one outcome, <see cref="StoreFailed"/> where no other is said. An outcome may come late or never (then the core times
/// nothing out by itself: the adapter must, with <see cref="StoreFailed"/> or <see cref="CommitUnknown"/>).
/// </summary>
internal abstract record CoreInput
{
    private CoreInput() { }

    // --- from clients and other nodes

    /// <summary>A command of a client. Answered by <see cref="CoreAction.Reply"/> or <see cref="CoreAction.Refuse"/> with this
    /// correlation.</summary>
    /// <param name="Correlation">The adapter's number for this request; unique as long as it is unanswered.</param>
    /// <param name="Key">Idempotency key, a UUIDv7; null for a command that may be lost or repeated.</param>
    /// <param name="Timeout">When to answer with a diagnosis; null for the default.</param>
    /// <param name="IsNew">The key was made for this very request, and this is the first time that it is sent: nobody can have used it, so
    /// the store is not asked for a reply under it.</param>
    /// <param name="Order">For clients that send a command before the one before it is answered; null if they do not.</param>
    public sealed record Command(
        long Correlation, EntityAddress To, ICommand Message, Guid? Key, string Principal, string? TraceParent = null,
        TimeSpan? Timeout = null, ClientOrder? Order = null, bool IsNew = false) : CoreInput;

    /// <summary>A query of a client.</summary>
    /// <param name="Consistent">Ownership is checked with the store before it is answered.</param>
    public sealed record Query(
        long Correlation, EntityAddress To, IQuery Message, bool Consistent = false, TimeSpan? Timeout = null) : CoreInput;

    /// <summary>The client is gone; nothing is answered to it any more. What it asked may still be carried out.</summary>
    public sealed record Forget(long Correlation) : CoreInput;

    /// <summary>Repairs a faulted entity: reads it again and lets its messages go on.</summary>
    /// <param name="SkipSnapshot">Rebuild from the first event, and replace the snapshot.</param>
    public sealed record Repair(long Correlation, EntityAddress Entity, bool SkipSnapshot, TimeSpan? Timeout = null) : CoreInput;

    /// <summary>Tells a parked message again, as a new one.</summary>
    public sealed record Unpark(long Correlation, ParkedRow Row, TimeSpan? Timeout = null) : CoreInput;

    /// <summary>There may be new rows in the mailboxes of these shards. For a shard that is not held here: its owner may have changed, look
    /// at the tables.</summary>
    public sealed record MailHint(ImmutableArray<int> Shards) : CoreInput;

    // --- from the clock and the host

    /// <summary>Time has passed. To be sent once at the start, and at or soon after <see cref="ClusterCore.NextDue"/>.</summary>
    public sealed record Tick : CoreInput;

    /// <summary>Hand over everything and say <see cref="CoreAction.Drained"/>.</summary>
    public sealed record Drain : CoreInput;

    /// <summary>The session lock of this node is gone, or was not renewed in time: every term ends here, nothing is claimed and clients are
    /// sent away until <see cref="LockHeld"/>.</summary>
    public sealed record LockLost(string Reason) : CoreInput;

    /// <summary>The session lock is held again: shards are claimed anew, under new epochs.</summary>
    public sealed record LockHeld : CoreInput;

    // --- outcomes

    /// <summary>Of any store action but Commit: it was not done, or it is not known whether it was.</summary>
    public sealed record StoreFailed(long Id, string Reason) : CoreInput;

    public sealed record OwnershipRead(
        long Id, DateTimeOffset StoreTime, ImmutableArray<NodeRow> Nodes, ImmutableArray<ShardRow> Shards) : CoreInput;

    public sealed record NodeRenewed(long Id) : CoreInput;

    public sealed record NodeRemoved(long Id) : CoreInput;

    /// <param name="Row">Null if somebody else was first.</param>
    public sealed record Claimed(long Id, ShardRow? Row) : CoreInput;

    public sealed record ShardsRenewed(long Id, ImmutableArray<int> Shards) : CoreInput;

    public sealed record Released(long Id) : CoreInput;

    public sealed record ShardOpened(long Id, ShardContents Contents) : CoreInput;

    public sealed record ShardChecked(long Id, ShardRow Row) : CoreInput;

    public sealed record EntityRead(long Id, EntityHistory History) : CoreInput;

    /// <summary>The store found the entity's history damaged.</summary>
    public sealed record EntityDamaged(long Id, string Reason) : CoreInput;

    public sealed record MailRead(long Id, ImmutableArray<MailRow> Rows) : CoreInput;

    public sealed record ReplyFound(long Id, ReplyRow? Row) : CoreInput;

    /// <param name="Row">Null if it is not parked, or not any more.</param>
    public sealed record ParkedFound(long Id, ParkedRow? Row) : CoreInput;

    public sealed record CommitDone(long Id, ImmutableArray<ShardCommitResult> Results) : CoreInput;

    /// <summary>Nothing was committed, and the store says so.</summary>
    public sealed record CommitFailed(long Id, string Reason) : CoreInput;

    /// <summary>It is not known whether the commit took effect, nor whether it still will. The adapter has dropped the
    /// connection.</summary>
    public sealed record CommitUnknown(long Id, string Reason) : CoreInput;

    public sealed record ComputeDone(long Id, IComputeResult Result) : CoreInput;

    public sealed record ComputeThrew(long Id, string Reason) : CoreInput;
}

/// <summary>A client session numbers its commands to one entity, from 1.</summary>
/// <param name="Number">This command's number.</param>
/// <param name="Oldest">The lowest number that was not answered when this was sent.</param>
internal readonly record struct ClientOrder(string Session, long Number, long Oldest);
