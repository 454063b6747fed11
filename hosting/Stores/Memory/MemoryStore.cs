using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Memory;

/// <summary>
/// A store whose rows live as long as the object: for tests and for simulation under virtual time. It keeps the contract in full, with one
/// lock where a database has transactions; all calls are complete when they return. What is committed is what a database would have on
/// disk,
/// so several simulated nodes may share one.
/// </summary>
internal sealed partial class MemoryStore : IStore
{
    /// <summary>How long replies are kept.</summary>
    private readonly TimeSpan _keyLifetime;

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly ShardTable[] _shards;
    private long _incarnation;
    private int _featureLevel;
    private readonly Dictionary<EntityAddress, EntityRows> _entities = [];
    private readonly Dictionary<(string Tenant, Guid Key), (ReplyRow Row, DateTimeOffset Time)> _replies = [];
    private readonly SortedDictionary<string, NodeRow> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MemoryLock> _locks = [];

    /// <param name="incarnation">Raised when a backup is restored; part of every epoch.</param>
    /// <param name="keyLifetime">How long replies are kept; 7 days if nothing is said.</param>
    public MemoryStore(int shardCount, TimeProvider time, long incarnation = 1, TimeSpan? keyLifetime = null)
    {
        _keyLifetime = keyLifetime ?? TimeSpan.FromDays(7);
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        _time = time;
        _incarnation = incarnation;
        _work = new WorkTables(this);
        ShardCount = shardCount;
        _shards = new ShardTable[shardCount];
        for (var shard = 0; shard < shardCount; shard++)
            _shards[shard] = new ShardTable(new ShardRow(shard, null, new Epoch(incarnation, 0), 0, DateTimeOffset.MinValue));
    }

    private sealed class ShardTable(ShardRow row)
    {
        public ShardRow Row { get; set; } = row;

        public List<JournalRow> Feed { get; } = [];

        /// <summary>In order of arrival.</summary>
        public List<MailRow> Mail { get; } = [];

        public List<ParkedRow> Parked { get; } = [];

        public Dictionary<(EntityAddress Entity, string Name), TimerRow> Timers { get; } = [];

        public ShardTable Copy()
        {
            var copy = new ShardTable(Row);
            copy.Feed.AddRange(Feed);
            copy.Mail.AddRange(Mail);
            copy.Parked.AddRange(Parked);
            foreach (var (key, row) in Timers) copy.Timers.Add(key, row);
            return copy;
        }
    }

    private sealed class EntityRows
    {
        public HeadRow? Head { get; set; }

        public SnapshotRow? Snapshot { get; set; }

        /// <summary>Those that are not sealed.</summary>
        public List<JournalRow> Events { get; } = [];

        public List<AnchorRow> Anchors { get; } = [];

        public EntityRows Copy()
        {
            var copy = new EntityRows { Head = Head, Snapshot = Snapshot };
            copy.Events.AddRange(Events);
            copy.Anchors.AddRange(Anchors);
            return copy;
        }
    }

    public int ShardCount { get; }

    public Task<DateTimeOffset> Now(CancellationToken cancellation) => Task.FromResult(_time.GetUtcNow());

    private EntityRows Rows(EntityAddress entity)
    {
        if (!_entities.TryGetValue(entity, out var rows)) _entities.Add(entity, rows = new EntityRows());
        return rows;
    }

    public Task<ShardContents> OpenShard(int shard, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var table = _shards[shard];
            var heads = _entities.Values.Select(static rows => rows.Head).OfType<HeadRow>()
                .Where(head => head.Shard == shard).OrderBy(static head => head.Entity).ToList();
            return Task.FromResult(new ShardContents(
                table.Row,
                table.Timers.Values.OrderBy(static timer =>
                    timer.Due).ThenBy(static timer => timer.Entity).ThenBy(static timer => timer.Name, StringComparer.Ordinal).ToList(),
                heads.Where(static head => head is { Awaits: true, Fault: null }).ToList(),
                heads.Where(static head => head.Fault is not null).ToList()));
        }
    }

    public Task<EntityHistory> ReadEntity(EntityAddress entity, bool fromStart, CancellationToken cancellation)
    {
        StoredHistory stored;
        lock (_gate)
        {
            if (!_entities.TryGetValue(entity, out var rows)) return Task.FromResult(new EntityHistory(null, null, []));
            var snapshot = fromStart ? null : rows.Snapshot;
            stored = new StoredHistory(
                new EntityHistory(rows.Head, snapshot, rows.Events.Where(e => e.EntityNumber > (snapshot?.EntityNumber ?? 0)).ToList()),
                rows.Snapshot, rows.Anchors.ToList(), _segments.Where(s => rows.Anchors.Exists(a => a.Segment == s.Id)).ToList());
        }
        return _sealed.Complete(entity, stored, cancellation);
    }

    public Task<IReadOnlyList<MailRow>> ReadMail(IReadOnlyList<int> shards, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            IReadOnlyList<MailRow> rows = shards.SelectMany(shard =>
                _shards[shard].Mail.Where(row => !IsFaulted(row.To)).Take(limit)).ToList();
            return Task.FromResult(rows);
        }
    }

    private bool IsFaulted(EntityAddress entity) => _entities.TryGetValue(entity, out var rows) && rows.Head?.Fault is not null;

    public Task<ReplyRow?> FindReply(string tenant, Guid key, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var found = _replies.TryGetValue((tenant, key), out var kept) && _time.GetUtcNow() - kept.Time <= _keyLifetime;
            return Task.FromResult(found ? kept.Row : null);
        }
    }

    public Task<IReadOnlyList<HeadRow>> ListEntities(string tenant, string family, CancellationToken cancellation) =>
        List(head => head.Entity.Tenant == tenant && head.Entity.Family == family && head.EntityNumber > 0);

    public Task<IReadOnlyList<HeadRow>> ListAllEntities(CancellationToken cancellation) => List(static _ => true);

    private Task<IReadOnlyList<HeadRow>> List(Func<HeadRow, bool> wanted)
    {
        lock (_gate)
        {
            IReadOnlyList<HeadRow> heads = _entities.Values.Select(static rows => rows.Head).OfType<HeadRow>()
                .Where(wanted).OrderBy(static head => head.Entity).ToList();
            return Task.FromResult(heads);
        }
    }

    public Task<IReadOnlyList<JournalRow>> ReadFeed(int shard, long after, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            IReadOnlyList<JournalRow> rows = _shards[shard].Feed.Where(row => row.Number > after).Take(limit).ToList();
            return _sealed.Feed(rows, _segments.Where(s => s.Shard == shard).ToList(), after, limit, cancellation);
        }
    }

    public Task<IReadOnlyList<ParkedRow>> ReadParked(CancellationToken cancellation)
    {
        lock (_gate)
        {
            IReadOnlyList<ParkedRow> rows = _shards.SelectMany(static shard => shard.Parked).ToList();
            return Task.FromResult(rows);
        }
    }

    public async IAsyncEnumerable<Damage> Verify([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        List<JournalRow> events;
        List<HeadRow> heads;
        Dictionary<EntityAddress, AnchorRow> anchors;
        lock (_gate)
        {
            anchors = _entities.Where(static e => e.Value.Anchors.Count > 0).ToDictionary(static e => e.Key, static e => e.Value.Anchors[^1]);
            events = _entities.Values.SelectMany(static rows => rows.Events).ToList();
            heads = _entities.Values.Select(static rows => rows.Head).OfType<HeadRow>().ToList();
        }
        var last = new Dictionary<EntityAddress, JournalRow>();
        foreach (var row in events)
        {
            cancellation.ThrowIfCancellationRequested();
            var previous = last.GetValueOrDefault(row.Entity);
            var anchor = anchors.GetValueOrDefault(row.Entity);
            var where = $"{row.Entity}, event {row.EntityNumber}";
            if (row.EntityNumber != (previous?.EntityNumber ?? anchor?.Last ?? 0) + 1) yield return new Damage("journal", where, "a gap before it");
            if (!row.PreviousHash.Span.SequenceEqual((previous?.Hash ?? anchor?.Hash ?? EventHash.None).Span)) yield return new Damage("journal", where,
                "does not follow");
            if (!EventHash.Matches(row)) yield return new Damage("journal", where, "its hash is not that of its contents");
            last[row.Entity] = row;
        }
        foreach (var head in heads)
        {
            if (head.EntityNumber != (last.GetValueOrDefault(head.Entity)?.EntityNumber ?? 0))
                yield return new Damage("head", head.Entity.ToString(), $"says event {head.EntityNumber}, which is not the last");
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
