using System.Collections.Immutable;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores;

/// <summary>Ownership's number: the database's incarnation (raised when a backup is restored) and a counter raised by each claim.</summary>
public readonly record struct Epoch(long Incarnation, long Counter) : IComparable<Epoch>
{
    public int CompareTo(Epoch other) =>
        Incarnation != other.Incarnation ? Incarnation.CompareTo(other.Incarnation) : Counter.CompareTo(other.Counter);

    /// <summary>The incarnation of a database that was just restored: the time, in milliseconds since 1970, so that a backup that is
    /// restored twice does not get the same one twice (it cannot know of its first restoration); above all that the backup knows.</summary>
    internal static long NextIncarnation(long highest, DateTimeOffset now) => Math.Max(highest + 1, now.ToUnixTimeMilliseconds());

    public override string ToString() => $"{Incarnation}.{Counter}";
}

/// <summary>Who owns a shard and until when by the store's clock.</summary>
/// <param name="LastNumber">Number of the last commit: each commit of the shard takes the next one, with events or without, so that a
/// doubled commit is always a rejection.</param>
/// <param name="LastEvent">Number of the last event. Its own counter, so that feeds have no gap where a commit held no event.</param>
public sealed record ShardRow(
    int Shard, string? Owner, Epoch Epoch, long LastNumber, DateTimeOffset LeaseUntil, long LastEvent = 0);

/// <summary>A node as the node table shows it, live while its lease has not ended by the store's clock.</summary>
/// <param name="Skew">How far its clock was ahead of the store's when it last looked.</param>
/// <param name="MustDrain">Somebody asked it to hand everything over and leave.</param>
public sealed record NodeRow(
    string Node, string Address, ImmutableArray<string> Roles, DateTimeOffset LeaseUntil, TimeSpan Skew = default, bool MustDrain = false);

/// <summary>A message's kind, version and body as they lie on disk.</summary>
public readonly record struct StoredMessage(string Kind, int Version, ReadOnlyMemory<byte> Body);

/// <summary>One event. <see cref="Number"/> is gap-free in the shard, <see cref="EntityNumber"/> in the entity, both from 1.</summary>
/// <param name="PreviousHash">Hash of the same entity's event before it; 32 zero bytes for its first.</param>
/// <param name="Hash">SHA-256 over this row's identity, body and <paramref name="PreviousHash"/> (see <c>EventHash</c>).</param>
public sealed record JournalRow(
    int Shard, long Number, Epoch Epoch, EntityAddress Entity, long EntityNumber, StoredMessage Event, DateTimeOffset Time,
    string Principal, string? TraceParent, ReadOnlyMemory<byte> PreviousHash, ReadOnlyMemory<byte> Hash);

/// <summary>The state of an entity after its event <see cref="EntityNumber"/>.</summary>
public sealed record SnapshotRow(EntityAddress Entity, long EntityNumber, StoredMessage State, ReadOnlyMemory<byte> EventHash);

/// <summary>What makes a mailbox row the same row: the number of the commit of the sender's shard in which it was told, and its place
/// among those told there. Work results come from source shard -1 with the work id's own number.</summary>
public readonly record struct MailId(int SourceShard, long SourceNumber, int N);

/// <summary>A command told to an entity, not yet handled.</summary>
public sealed record MailRow(
    MailId Id, int Shard, EntityAddress To, EntityAddress? Sender, StoredMessage Command, string? TraceParent);

/// <summary>A durable timer of an entity.</summary>
public sealed record TimerRow(int Shard, EntityAddress Entity, string Name, DateTimeOffset Due, StoredMessage Command);

/// <summary>The answer kept under an idempotency key for 7 days by the store's clock.</summary>
/// <param name="RequestHash">SHA-256 of (address, kind, version, body) of the command; the same key with another is a conflict.</param>
public sealed record ReplyRow(string Tenant, Guid Key, ReadOnlyMemory<byte> RequestHash, StoredMessage Reply, int Shard);

/// <summary>What the store knows of an entity without its state.</summary>
/// <param name="Awaits">Whether it has unfinished Compute, so that a new owner must wake it.</param>
/// <param name="Fault">Why the entity is faulted, or null. Set and cleared through <see cref="ShardCommit.Faults"/> alone; a head written
/// by a commit leaves it as it is.</param>
/// <param name="Time">Handling time of its last event: the time handed to the entity never runs behind it.</param>
public sealed record HeadRow(
    int Shard, EntityAddress Entity, long EntityNumber, ReadOnlyMemory<byte> Hash, bool Awaits, string? Fault,
        DateTimeOffset Time = default);

/// <summary>Marks an entity as faulted, or (reason null) as repaired. An entity without a head gets one with number 0.</summary>
public sealed record FaultRow(EntityAddress Entity, string? Reason);

/// <summary>A message that was set aside after three failures, with the reason.</summary>
public sealed record ParkedRow(MailRow Mail, string Reason, DateTimeOffset Time);

public enum WorkStatus
{
    Pending,
    Leased,
    Completed,
    Failed,
    Cancelled,
    Parked,
}

/// <summary>Work to be done. Its id is <c>tenant/family/id/name</c>.</summary>
public sealed record WorkRow(
    int Shard, EntityAddress Entity, string Name, StoredMessage Spec, ulong Seed, ImmutableArray<string> Inputs, string Pool, int Priority,
    TimeSpan Deadline, string? TraceParent)
{
    public string Id => $"{Entity}/{Name}";

    /// <summary>Members of its gang, each in a slot of its own; 1 for work without a gang.</summary>
    public int Gang { get; init; } = 1;

    /// <summary>Memory that each slot needs, in bytes; 0 for no more than any slot has.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>By the store's clock: from then on it is failed and not started.</summary>
    public DateTimeOffset? NotAfter { get; init; }
}

/// <summary>A lease on work: whoever holds the token may renew, complete or fail it.</summary>
public sealed record WorkLease(WorkRow Work, string Holder, long Token, int Attempt, DateTimeOffset LeaseUntil)
{
    /// <summary>The place in a gang; null for work without one.</summary>
    public GangPlace? Gang { get; init; }

    /// <summary>How far an earlier attempt came; null if none said so.</summary>
    public WorkCheckpoint? Checkpoint { get; init; }
}

/// <summary>What waits in a shard's mailbox.</summary>
/// <param name="Oldest">Age of the oldest row by the store's clock; null if the mailbox is empty or the store keeps no times.</param>
public sealed record MailLoad(int Shard, long Rows, TimeSpan? Oldest);

/// <summary>Work rows that are alike.</summary>
/// <param name="Oldest">Age of the oldest by the store's clock; null if the store keeps no times.</param>
public sealed record WorkLoad(string Pool, string Kind, string Tenant, WorkStatus Status, long Rows, TimeSpan? Oldest);

/// <summary>How much waits: mailboxes that are not empty, and work that is not completed or cancelled.</summary>
public sealed record StoreLoad(IReadOnlyList<MailLoad> Mail, IReadOnlyList<WorkLoad> Work);

/// <summary>A work row as lists show it.</summary>
/// <param name="Deaths">In a row, at no further checkpoint.</param>
public sealed record WorkView(WorkRow Work, WorkStatus Status, string? Holder, int Deaths, string? Reason)
{
    /// <summary>When it was committed, by the store's clock.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>How often it was leased; the generation of a gang.</summary>
    public int Attempt { get; init; }

    public WorkCheckpoint? Checkpoint { get; init; }

    /// <summary>Who has a seat of the gang that gathers or runs, by rank.</summary>
    public ImmutableArray<string> Members { get; init; } = [];
}
