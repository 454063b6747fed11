using System.Collections.Immutable;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// What the core wants done. Actions with an id have one outcome, named in their comments. Actions of one step may be carried out in any
/// order and side by side, but for commits of one writer, of which there is never more than one.
/// </summary>
internal abstract record CoreAction
{
    private CoreAction() { }

    // --- store

    /// <summary>→ <see cref="CoreInput.CommitDone"/>, <see cref="CoreInput.CommitFailed"/> or
    /// <see cref="CoreInput.CommitUnknown"/>.</summary>
    public sealed record Commit(long Id, int Writer, ImmutableArray<ShardCommit> Parts) : CoreAction;

    /// <summary>Reads, in this order, the store's time, the nodes and the shards. → <see cref="CoreInput.OwnershipRead"/>.</summary>
    public sealed record ReadOwnership(long Id) : CoreAction;

    /// <summary>→ <see cref="CoreInput.NodeRenewed"/>.</summary>
    public sealed record RenewNode(long Id, ImmutableArray<string> Roles, TimeSpan Lease) : CoreAction;

    /// <summary>→ <see cref="CoreInput.NodeRemoved"/>.</summary>
    public sealed record RemoveNode(long Id) : CoreAction;

    /// <summary>→ <see cref="CoreInput.Claimed"/>.</summary>
    public sealed record Claim(long Id, int Shard, Epoch Seen, TimeSpan Lease) : CoreAction;

    /// <summary>→ <see cref="CoreInput.ShardsRenewed"/>.</summary>
    public sealed record RenewShards(long Id, ImmutableArray<(int Shard, Epoch Epoch)> Shards, TimeSpan Lease) : CoreAction;

    /// <summary>→ <see cref="CoreInput.Released"/>.</summary>
    public sealed record Release(long Id, int Shard, Epoch Epoch) : CoreAction;

    /// <summary>→ <see cref="CoreInput.ShardOpened"/>.</summary>
    public sealed record OpenShard(long Id, int Shard) : CoreAction;

    /// <summary>Reads the shard's row. → <see cref="CoreInput.ShardChecked"/>.</summary>
    public sealed record CheckShard(long Id, int Shard) : CoreAction;

    /// <summary>→ <see cref="CoreInput.EntityRead"/> or <see cref="CoreInput.EntityDamaged"/>.</summary>
    public sealed record ReadEntity(long Id, EntityAddress Entity, bool FromStart) : CoreAction;

    /// <summary>→ <see cref="CoreInput.MailRead"/>.</summary>
    public sealed record ReadMail(long Id, ImmutableArray<int> Shards, int Limit) : CoreAction;

    /// <summary>→ <see cref="CoreInput.ReplyFound"/>.</summary>
    public sealed record FindReply(long Id, string Tenant, Guid Key) : CoreAction;

    /// <summary>Reads a parked row of a shard. → <see cref="CoreInput.ParkedFound"/>.</summary>
    public sealed record FindParked(long Id, int Shard, MailId Row) : CoreAction;

    // --- compute

    /// <summary>→ <see cref="CoreInput.ComputeDone"/> or <see cref="CoreInput.ComputeThrew"/>. The core keeps the deadline.</summary>
    public sealed record StartCompute(
        long Id, EntityAddress Entity, string Name, ICompute Request, TimeSpan Deadline, string? TraceParent = null) : CoreAction;

    /// <summary>The result is no longer wanted. An outcome may still come and is dropped.</summary>
    public sealed record CancelCompute(long Id) : CoreAction;

    // --- clients

    public sealed record Reply(long Correlation, IReply Message) : CoreAction;

    /// <summary>The request was not carried out as far as this node knows; <see cref="Refusal"/> says what to do.</summary>
    /// <param name="Owner">The node to ask instead, where it is known.</param>
    public sealed record Refuse(long Correlation, Refusal Why, string Reason, string? Owner = null) : CoreAction;

    // --- signals; losing one costs a delay only

    /// <summary>Says to another node that mailboxes of its shards have new rows.</summary>
    public sealed record Hint(string Node, ImmutableArray<int> Shards) : CoreAction;

    /// <summary>Work rows of these pools were committed.</summary>
    public sealed record WorkOffered(ImmutableArray<string> Pools) : CoreAction;

    /// <summary>Work with these ids was cancelled, in a commit.</summary>
    public sealed record WorkCancelled(ImmutableArray<string> WorkIds) : CoreAction;

    /// <summary>Everything is handed over and this node is out of the node table.</summary>
    public sealed record Drained : CoreAction;

    /// <summary>For the log.</summary>
    public sealed record Note(NoteLevel Level, string Text) : CoreAction;
}

internal enum NoteLevel
{
    Information,
    Warning,
    Error,
}

/// <summary>Why a request was not carried out, and what its sender may do.</summary>
internal enum Refusal
{
    /// <summary>Another node owns the entity's shard: ask there (or read ownership again), under the same key.</summary>
    NotOwner,

    /// <summary>Ask again, under the same key: the reply comes if it was carried out, and it is carried out if not.</summary>
    Unavailable,

    /// <summary>No answer in time; the reason is a diagnosis. Asking again under the same key is safe.</summary>
    TimedOut,

    /// <summary>The key was used for another command.</summary>
    Conflict,

    /// <summary>The request is wrong: the key is no UUIDv7 of the last 7 days, or nobody decides for the family.</summary>
    Invalid,

    /// <summary>The entity cannot be recovered until it is repaired.</summary>
    Faulted,

    /// <summary>The entity's decider threw at every attempt.</summary>
    Failed,
}
