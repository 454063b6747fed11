using System.Collections.Immutable;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores;

/// <summary>Everything that one shard's owner wants committed together. It takes effect whole or not at all.</summary>
public sealed record ShardCommit(int Shard, string Owner, Epoch Epoch, long ExpectedLast)
{
    /// <summary>Numbered from <see cref="ShardRow.LastEvent"/> + 1 without a gap.</summary>
    public ImmutableArray<JournalRow> Events { get; init; } = [];

    /// <summary>Rows told to mailboxes of any shard. Their source shard is this one, their source number <see cref="NewLast"/>.</summary>
    public ImmutableArray<MailRow> Mail { get; init; } = [];

    /// <summary>Mailbox rows of this shard that this commit handles; each is deleted. If one is not there, the part is rejected.</summary>
    public ImmutableArray<MailId> Handled { get; init; } = [];

    /// <summary>Mailbox rows of this shard that leave the order; each is deleted and kept as parked. A row that is not there rejects the
    /// part, unless its identity is one that this commit gives (<see cref="Gives"/>): what never was a row, such as a timer's command, is
    /// parked too.</summary>
    public ImmutableArray<ParkedRow> Parked { get; init; } = [];

    /// <summary>Parked rows of this shard that leave parking; the same commit tells them again as new mail. If one is not parked, the part is
    /// rejected.</summary>
    public ImmutableArray<MailId> Unparked { get; init; } = [];

    public ImmutableArray<TimerRow> TimersSet { get; init; } = [];

    public ImmutableArray<(EntityAddress Entity, string Name)> TimersRemoved { get; init; } = [];

    /// <summary>Inserted if no row of that id exists.</summary>
    public ImmutableArray<WorkRow> Work { get; init; } = [];

    /// <summary>Work ids of this shard's entities to cancel if they have no result yet.</summary>
    public ImmutableArray<string> WorkCancelled { get; init; } = [];

    /// <summary>Inserted; a row of the same tenant and key that is there already is left as it is.</summary>
    public ImmutableArray<ReplyRow> Replies { get; init; } = [];

    public ImmutableArray<HeadRow> Heads { get; init; } = [];

    /// <summary>Applied after <see cref="Heads"/>.</summary>
    public ImmutableArray<FaultRow> Faults { get; init; } = [];

    public ImmutableArray<SnapshotRow> Snapshots { get; init; } = [];

    /// <summary>The number of this commit, and the shard's last number after it. A commit without any rows takes one as well, so that a
    /// doubled commit is always a rejection.</summary>
    public long NewLast => ExpectedLast + 1;

    /// <summary>Whether a row told in this commit, and no other, may have this identity.</summary>
    public bool Gives(MailId id) => id.SourceShard == Shard && id.SourceNumber == NewLast;
}

/// <summary>What became of one shard's part: accepted, or rejected with the row as it is.</summary>
/// <param name="Failure">Set when this part alone could not be done and nothing of it was committed, while the other parts of the call
/// were judged: the part's own <see cref="StoreException"/> in words. A store that fails whole throws instead.</param>
public sealed record ShardCommitResult(int Shard, bool Accepted, ShardRow? Actual, string? Failure = null);

/// <summary>What a database says of the cluster that lives in it.</summary>
/// <param name="Incarnation">Raised when a backup is restored: the high part of every epoch claimed from then on.</param>
/// <param name="FeatureLevel">Messages of kinds beyond this level are not written yet; only ever raised.</param>
public sealed record ClusterRow(int ShardCount, long Incarnation, int FeatureLevel);

/// <summary>A node's session lock: held as long as the node's session with the store lives. Disposing gives it back.</summary>
public interface INodeLock : IAsyncDisposable
{
    string Node { get; }

    /// <summary>Cancelled when the session broke. From then on others may take this node's shards though its leases have not ended, so it
    /// stops messages and answers at once, and rejoins under a new epoch after it has locked again.</summary>
    CancellationToken Lost { get; }
}

/// <summary>The lock of a store that only one process can open: it is held for as long as the store is open.</summary>
internal sealed record LocalNodeLock(string Node) : INodeLock
{
    public CancellationToken Lost => CancellationToken.None;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>The store did not do it, and says so: nothing was committed. The message is fit for an operator.</summary>
public class StoreException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>It is not known whether the commit took effect. The writer drops its connection and reads the shard row again.</summary>
public sealed class CommitUnknownException(string message, Exception? inner = null) : StoreException(message, inner);

/// <summary>A row or blob is not what was written: its CRC, hash or chain is wrong. Nothing of it is used.</summary>
public sealed class DamageException(string where, string what) : StoreException($"{where}: {what}")
{
    /// <summary>Table or blob, entity and number.</summary>
    public string Where { get; } = where;
}

/// <summary>An entity's latest verified snapshot, if any, and the events after it in order.</summary>
public sealed record EntityHistory(HeadRow? Head, SnapshotRow? Snapshot, IReadOnlyList<JournalRow> Events)
{
    /// <summary>Number of the first event that there still is. Above 1 after retention gave up what lay before; the snapshot is then the
    /// state from which history begins, in a history that was read from its start too.</summary>
    public long Begins { get; init; } = 1;
}

/// <summary>What a new owner needs of a shard before it handles anything.</summary>
public sealed record ShardContents(ShardRow Row, IReadOnlyList<TimerRow> Timers, IReadOnlyList<HeadRow> Wake,
    IReadOnlyList<HeadRow> Faulted);

/// <summary>Damage found by a scan.</summary>
public sealed record Damage(string Table, string Where, string What);

/// <summary>
/// The store contract: journal, mailboxes, timers, work, leases and shard ownership behind one set of calls, with one test suite that
/// every store passes (memory, SQLite, PostgreSQL).
///
/// Promises. (1) A commit's part is applied only if the shard's row names that owner, that epoch and that last number; then the row's
/// last number becomes <see cref="ShardCommit.NewLast"/>, all rows of the part appear in the same transaction, and the call returns after
/// they are durable. A part that names a row of its mailbox (or of parking) that is not there is rejected as well, though the shard's row is
/// as expected: its owner has read what a fail-over took back, e.g. a row of a commit that no standby had confirmed. (2) Parts of different shards in one call are judged one by one; a rejected part changes nothing. (3) Leases are
/// judged by the store's clock alone. (4) A row whose CRC does not match is never returned: the call throws <see cref="DamageException"/>
/// for an entity's history, and skips and reports it elsewhere. (5) Reads see every commit that was acknowledged before they began.
/// </summary>
public interface IStore : IAsyncDisposable
{
    /// <summary>The store's clock.</summary>
    Task<DateTimeOffset> Now(CancellationToken cancellation);

    /// <summary>Number of shards, recorded at creation; a start with another number is refused.</summary>
    int ShardCount { get; }

    Task<IReadOnlyList<ShardCommitResult>> Commit(IReadOnlyList<ShardCommit> parts, CancellationToken cancellation);

    // --- the cluster
    Task<ClusterRow> ReadCluster(CancellationToken cancellation);

    /// <summary>Says that a backup was restored: the incarnation is raised, and every shard is without an owner in it, so that nothing of an
    /// owner from before the restoration is accepted. Only with all nodes stopped.</summary>
    /// <returns>The new incarnation, which no earlier restoration of the same backup had.</returns>
    Task<long> RaiseIncarnation(CancellationToken cancellation);

    /// <summary>Lets messages up to this level be written. A level that is not above the recorded one has no effect.</summary>
    Task RaiseFeatureLevel(int level, CancellationToken cancellation);

    /// <summary>Takes the session lock of a node's name, by which others learn of its death before its lease ends.</summary>
    /// <exception cref="StoreException">Another process lives under this name.</exception>
    Task<INodeLock> LockNode(string node, CancellationToken cancellation) => Task.FromResult<INodeLock>(new LocalNodeLock(node));

    // --- ownership
    Task<NodeRow> RenewNode(string node, string address, ImmutableArray<string> roles, TimeSpan lease, CancellationToken cancellation);

    Task RemoveNode(string node, CancellationToken cancellation);

    Task<IReadOnlyList<NodeRow>> ReadNodes(CancellationToken cancellation);

    /// <summary>A node says how far its clock is ahead of the store's. Without effect if it is not in the table.</summary>
    Task NoteSkew(string node, TimeSpan skew, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>Asks a node to hand everything over and leave: it finds <see cref="NodeRow.MustDrain"/> in its row, which goes with the row
    /// when it has left.</summary>
    /// <returns>False if no such node is in the table.</returns>
    Task<bool> AskToDrain(string node, CancellationToken cancellation) => Task.FromResult(false);

    Task<IReadOnlyList<ShardRow>> ReadShards(CancellationToken cancellation);

    /// <summary>Takes a shard that is free or whose lease has ended, if its epoch is still the one seen; the new epoch's counter is one
    /// higher.</summary>
    /// <returns>The new row, or null if somebody else was first or its lease still holds.</returns>
    Task<ShardRow?> Claim(int shard, string node, Epoch seen, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Renews the leases that this node still holds in the epochs given.</summary>
    /// <returns>The shards renewed.</returns>
    Task<IReadOnlyList<int>> RenewShards(string node, IReadOnlyList<(int Shard, Epoch Epoch)> shards, TimeSpan lease,
        CancellationToken cancellation);

    /// <summary>Gives a shard back in order: no owner, same epoch.</summary>
    Task Release(int shard, string node, Epoch epoch, CancellationToken cancellation);

    // --- reading
    Task<ShardContents> OpenShard(int shard, CancellationToken cancellation);

    /// <summary>The history of an entity; with <paramref name="fromStart"/> all events and no snapshot.</summary>
    Task<EntityHistory> ReadEntity(EntityAddress entity, bool fromStart, CancellationToken cancellation);

    /// <summary>Unhandled rows of the shards given, in order of arrival, at most <paramref name="limit"/> a shard. Rows to a faulted entity
    /// are set aside: they are left out until its fault is cleared.</summary>
    Task<IReadOnlyList<MailRow>> ReadMail(IReadOnlyList<int> shards, int limit, CancellationToken cancellation);

    Task<ReplyRow?> FindReply(string tenant, Guid key, CancellationToken cancellation);

    /// <summary>Several at once, in the order asked. A store that does not implement it looks them up one by one.</summary>
    async Task<IReadOnlyList<ReplyRow?>> FindReplies(IReadOnlyList<(string Tenant, Guid Key)> keys, CancellationToken cancellation)
    {
        var rows = new ReplyRow?[keys.Count];
        for (var i = 0; i < rows.Length; i++) rows[i] = await FindReply(keys[i].Tenant, keys[i].Key, cancellation).ConfigureAwait(false);
        return rows;
    }

    Task<IReadOnlyList<HeadRow>> ListEntities(string tenant, string family, CancellationToken cancellation);

    /// <summary>All heads, for replay and verification.</summary>
    Task<IReadOnlyList<HeadRow>> ListAllEntities(CancellationToken cancellation);

    /// <summary>Events of a shard after a number: the gap-free feed of read models.</summary>
    Task<IReadOnlyList<JournalRow>> ReadFeed(int shard, long after, int limit, CancellationToken cancellation);

    Task<IReadOnlyList<ParkedRow>> ReadParked(CancellationToken cancellation);

    // --- work
    /// <summary>Leases pending rows (or rows whose lease has ended) for the free slots that a holder offers; counts the attempt before it
    /// returns. The order is by priority, then tenants' shares, then age (see <c>WorkSchedule</c>); a gang is leased when all its members
    /// have a slot, and slots that it gathers are kept from other work (see <c>WorkBook</c>).</summary>
    /// <returns>At most as many leases as slots; members of a gang that was formed since the last call are among them.</returns>
    Task<IReadOnlyList<WorkLease>> LeaseWork(WorkRequest request, CancellationToken cancellation) =>
        LeaseWork(request.Holder, [request.Pool], request.Free, request.Lease, cancellation);

    /// <summary><see cref="LeaseWork(WorkRequest, CancellationToken)"/> for each pool in turn, with the default policy.</summary>
    Task<IReadOnlyList<WorkLease>> LeaseWork(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Leases rows of any pool that have not started by <see cref="WorkRow.NotAfter"/>, for the caller to fail them.</summary>
    Task<IReadOnlyList<WorkLease>> LeaseOverdueWork(string holder, int limit, TimeSpan lease, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<WorkLease>>([]);

    /// <returns>The tokens still held; work that is missing here was cancelled or given to somebody else.</returns>
    Task<IReadOnlyList<long>> RenewWork(string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Stores the result once by work id, whatever the token's age, and puts <c>WorkCompleted</c> into the entity's mailbox in the
    /// same transaction. A gang's result is that of rank 0 of its present generation; a member of another rank is only excused.</summary>
    /// <returns>False if a result was there already, the work was cancelled, or the gang's generation has ended.</returns>
    Task<bool> CompleteWork(string workId, long token, StoredMessage command, CancellationToken cancellation);

    /// <summary>Ends work without a result (<c>WorkFailed</c> into the mailbox), as <paramref name="status"/> failed or parked. Only the
    /// token given out last may: an attempt that was overtaken knows nothing of the one that runs.</summary>
    /// <returns>False if it had ended already, or the token is not the last.</returns>
    Task<bool> FailWork(string workId, long token, WorkStatus status, string reason, StoredMessage command, CancellationToken cancellation);

    /// <summary>Gives leased work back. A death of its slot counts towards parking; a drain, cancel or the node's own death does
    /// not.</summary>
    /// <returns>The number of deaths in a row so far.</returns>
    Task<int> ReturnWork(string workId, long token, bool died, CancellationToken cancellation);

    /// <summary>Gives back at once all work leased by a holder that is known to be dead, e.g. this directory's node before its restart;
    /// counts no death. A store that does not implement it lets the leases end.</summary>
    /// <returns>How many rows.</returns>
    Task<int> ReturnWorkOf(string holder, CancellationToken cancellation) => Task.FromResult(0);

    Task<IReadOnlyList<WorkView>> ListWork(WorkStatus? status, CancellationToken cancellation);

    /// <summary>Counts what waits, for people. Exact in a database; the default counts at most 10,000 rows of a mailbox.</summary>
    async Task<StoreLoad> ReadLoad(CancellationToken cancellation)
    {
        const int Most = 10_000;
        var mail = await ReadMail([.. Enumerable.Range(0, ShardCount)], Most, cancellation).ConfigureAwait(false);
        var work = await ListWork(null, cancellation).ConfigureAwait(false);
        return new StoreLoad(
            [.. mail.GroupBy(static row => row.Shard).OrderBy(static rows => rows.Key)
                .Select(static rows => new MailLoad(rows.Key, rows.Count(), null))],
            [.. work.Where(static row => row.Status is not (WorkStatus.Completed or WorkStatus.Cancelled))
                .GroupBy(static row => (row.Work.Pool, row.Work.Spec.Kind, row.Work.Entity.Tenant, row.Status))
                .OrderBy(static rows => rows.Key)
                .Select(static rows => new WorkLoad(
                    rows.Key.Pool, rows.Key.Kind, rows.Key.Tenant, rows.Key.Status, rows.Count(), null))]);
    }

    /// <summary>Keeps an attempt's checkpoint for the next one, and forgets the deaths so far if it is further than the last.</summary>
    /// <returns>False if the token no longer holds.</returns>
    Task<bool> CheckpointWork(string workId, long token, WorkCheckpoint checkpoint, CancellationToken cancellation) =>
        throw new NotSupportedException();

    /// <summary>Tells the other members of a gang's generation something: the value appears under the key, in place of an earlier one.
    /// All that was told is forgotten when the generation ends.</summary>
    /// <returns>False if the generation has ended.</returns>
    Task<bool> PutGangKey(long token, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        throw new NotSupportedException();

    /// <returns>All that the members of this generation told each other; null if it has ended.</returns>
    Task<IReadOnlyDictionary<string, byte[]>?> ReadGangKeys(long token, CancellationToken cancellation) =>
        throw new NotSupportedException();

    // --- care
    /// <summary>Reads every row and checks CRCs, hashes, chains and gaps.</summary>
    IAsyncEnumerable<Damage> Verify(CancellationToken cancellation);
}
