using System.Collections.Immutable;
using Athanor.Hosting.Blobs;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores;

/// <summary>A reply with the store's time at which it was kept.</summary>
public sealed record KeptReply(ReplyRow Row, DateTimeOffset Time);

/// <summary>A work row with all that outlives its lease.</summary>
/// <param name="Attempt">How often it was leased.</param>
public sealed record KeptWork(WorkRow Work, WorkStatus Status, int Attempt, int Deaths, string? Reason)
{
    public DateTimeOffset Created { get; init; }

    public WorkCheckpoint? Checkpoint { get; init; }
}

/// <summary>Everything of one shard beside its events and replies; nothing is left out, not even what waits for a faulted entity.</summary>
/// <param name="Mail">In order of arrival.</param>
/// <param name="Work">In order of age, ended rows included: a work id is never given twice.</param>
public sealed record ShardExport(
    IReadOnlyList<HeadRow> Heads, IReadOnlyList<SnapshotRow> Snapshots, IReadOnlyList<TimerRow> Timers, IReadOnlyList<MailRow> Mail,
    IReadOnlyList<ParkedRow> Parked, IReadOnlyList<KeptWork> Work);

/// <summary>Where an entity came from that was copied under another tenant: its chain there ended in this hash.</summary>
public sealed record OriginRow(EntityAddress Entity, EntityAddress Was, long EntityNumber, ReadOnlyMemory<byte> Hash);

/// <summary>Rows for a store that they were not written in. Shard, feed number and mail identity of what is given are ignored: the
/// importing store puts each row into the shard of its entity and numbers it there, keeping the order in which rows are given.</summary>
public sealed record ImportBatch
{
    public ImmutableArray<JournalRow> Events { get; init; } = [];

    public ImmutableArray<HeadRow> Heads { get; init; } = [];

    public ImmutableArray<SnapshotRow> Snapshots { get; init; } = [];

    public ImmutableArray<TimerRow> Timers { get; init; } = [];

    public ImmutableArray<MailRow> Mail { get; init; } = [];

    public ImmutableArray<ParkedRow> Parked { get; init; } = [];

    public ImmutableArray<KeptWork> Work { get; init; } = [];

    public ImmutableArray<KeptReply> Replies { get; init; } = [];

    public ImmutableArray<AnchorRow> Anchors { get; init; } = [];

    public ImmutableArray<OriginRow> Origins { get; init; } = [];
}

/// <summary>How much of a sealed segment there still is.</summary>
public enum SegmentState
{
    /// <summary>Its events, and the states before and after them.</summary>
    Whole,

    /// <summary>The states before and after its events, not the events.</summary>
    Thinned,

    /// <summary>Only the anchors: numbers and hashes.</summary>
    Dropped,
}

/// <summary>Events of one shard and one family that were moved out of the journal into a compressed blob.</summary>
/// <param name="Id">Unique in the store, rising.</param>
/// <param name="First">Number in the shard's feed of its first event.</param>
/// <param name="Count">How many events; between first and last there may be events of other families.</param>
/// <param name="Numbers">Which numbers of the feed these are (see <c>NumberSet</c>), so that a verification needs no blob to find a
/// gap.</param>
/// <param name="Events">SHA-256 of the blob with the events.</param>
/// <param name="Ends">SHA-256 of the blob with each entity's state before its first and after its last event.</param>
public sealed record SegmentRow(
    long Id, int Shard, string Family, long First, long Last, long Count, ReadOnlyMemory<byte> Numbers, string Events, string Ends,
    DateTimeOffset FirstTime, DateTimeOffset LastTime, DateTimeOffset SealedAt, SegmentState State);

/// <summary>An entity's part of a segment: its events <see cref="First"/> to <see cref="Last"/>, the last of which has this hash.
/// Segment 0 stands for history that was given up before the entity came into this store.</summary>
public sealed record AnchorRow(EntityAddress Entity, long Segment, long First, long Last, ReadOnlyMemory<byte> Hash);

/// <summary>Who may seal: the shard's owner in its epoch.</summary>
public readonly record struct Fence(int Shard, string Owner, Epoch Epoch);

/// <summary>How far a projection has read a shard's feed.</summary>
/// <param name="Generation">Rebuilding makes the next one beside it.</param>
/// <param name="Offset">Number of the last event that it has seen.</param>
/// <param name="Skipped">Events that it could not be given, ever: damage, or history that was given up.</param>
/// <param name="Live">Whether readers are given this generation.</param>
public sealed record ProjectionOffset(string Name, int Generation, int Shard, long Offset, long Skipped, bool Live);

/// <summary>A row of a read model.</summary>
public sealed record ProjectionRow(string Key, ReadOnlyMemory<byte> Body);

/// <summary>What a projection makes of a page of a shard's feed: applied whole, with the new offset, or not at all.</summary>
/// <param name="Expected">The offset as it was read; with another one there nothing is done.</param>
public sealed record ProjectionStep(
    string Name, int Generation, int Shard, long Expected, long Offset, long Skipped, ImmutableArray<ProjectionRow> Put,
    ImmutableArray<string> Removed);

/// <summary>
/// What happens to a journal over years: export and import for copies, sealed segments, read models. Every store implements it beside
/// <see cref="IStore"/>, and the same suite tests it. A store at feature level 1 has no segments and no read models (its first build knew
/// no tables for them): calls that write them throw <see cref="StoreException"/>, calls that read find none.
/// </summary>
public interface IJournalStore
{
    /// <summary>Where sealed events are read from. Without it a read that needs a segment throws.</summary>
    void UseBlobs(IBlobStore blobs);

    // --- copy
    Task<ShardExport> ExportShard(int shard, CancellationToken cancellation);

    /// <summary>Replies in order of (tenant, key) after the one given, whatever their age.</summary>
    Task<IReadOnlyList<KeptReply>> ExportReplies(KeptReply? after, int limit, CancellationToken cancellation);

    /// <summary>Takes all batches in one transaction: when the enumeration throws or is cancelled, or a row is there already, nothing was
    /// taken.</summary>
    Task Import(IAsyncEnumerable<ImportBatch> batches, CancellationToken cancellation);

    /// <summary>Marks the store as the target of a copy that is not finished, or finished. No node hosts a store so marked.</summary>
    Task MarkCopying(bool copying, CancellationToken cancellation);

    Task<bool> IsCopying(CancellationToken cancellation);

    Task<OriginRow?> ReadOrigin(EntityAddress entity, CancellationToken cancellation);

    // --- sealed segments
    /// <summary>Events of a shard after a number that still lie in the journal itself.</summary>
    Task<IReadOnlyList<JournalRow>> ReadUnsealed(int shard, long after, int limit, CancellationToken cancellation);

    /// <summary>An entity's events after a number that still lie in the journal itself.</summary>
    Task<IReadOnlyList<JournalRow>> ReadUnsealed(EntityAddress entity, long after, int limit, CancellationToken cancellation);

    /// <summary>Segments in order of id; of one shard, or of all.</summary>
    Task<IReadOnlyList<SegmentRow>> ReadSegments(int? shard, CancellationToken cancellation);

    /// <summary>The sealed parts of an entity's history, in order.</summary>
    Task<IReadOnlyList<AnchorRow>> ReadAnchors(EntityAddress entity, CancellationToken cancellation);

    /// <summary>In one transaction: deletes the events that <see cref="SegmentRow.Numbers"/> names and records segment and anchors. The
    /// blobs are there before. The id given is ignored.</summary>
    /// <returns>Its id; 0 if the fence is not what the shard's row says.</returns>
    /// <exception cref="StoreException">One of the events is not there, or is the last of its entity: nothing was done.</exception>
    Task<long> Seal(Fence fence, SegmentRow segment, IReadOnlyList<AnchorRow> anchors, CancellationToken cancellation);

    /// <summary>Records that a segment's blobs may go.</summary>
    /// <returns>False if the fence is not what the shard's row says.</returns>
    Task<bool> Thin(Fence fence, long segment, SegmentState to, CancellationToken cancellation);

    // --- read models
    /// <summary>All offsets, by name, generation and shard. A projection that has read nothing has none.</summary>
    Task<IReadOnlyList<ProjectionOffset>> ReadOffsets(CancellationToken cancellation);

    /// <returns>False if the offset is not the one expected: somebody else projects this shard.</returns>
    Task<bool> Project(ProjectionStep step, CancellationToken cancellation);

    /// <summary>Rows of a generation whose keys are at least <paramref name="from"/> and below <paramref name="to"/> (ordinal).</summary>
    Task<IReadOnlyList<ProjectionRow>> ReadRows(string name, int generation, string from, string to, int limit,
        CancellationToken cancellation);

    /// <summary>Gives readers this generation from now on, and removes all others of the name, in one transaction.</summary>
    Task SwapProjection(string name, int generation, CancellationToken cancellation);

    /// <summary>Removes a generation that is not live.</summary>
    Task DropProjection(string name, int generation, CancellationToken cancellation);
}
