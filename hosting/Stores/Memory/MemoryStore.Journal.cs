using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Memory;

/// <summary>What happens to a journal over years, with one lock in place of transactions.</summary>
internal sealed partial class MemoryStore : IJournalStore
{
    private readonly List<SegmentRow> _segments = [];
    private readonly SortedDictionary<(string Name, int Generation, int Shard), ProjectionOffset> _offsets = [];
    private readonly Dictionary<(string Name, int Generation), SortedDictionary<string, ProjectionRow>> _rows = [];
    private readonly Dictionary<EntityAddress, OriginRow> _origins = [];
    private SegmentReader _sealed = new(null);
    private bool _copying;

    public void UseBlobs(IBlobStore blobs) => _sealed = new SegmentReader(blobs);

    public Task<ShardExport> ExportShard(int shard, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var table = _shards[shard];
            var entities = _entities.Where(e => e.Value.Head?.Shard == shard).OrderBy(static e => e.Key).Select(static e => e.Value).ToList();
            return Task.FromResult(new ShardExport(
                entities.Select(static e => e.Head!).ToList(), entities.Select(static e => e.Snapshot).OfType<SnapshotRow>().ToList(),
                table.Timers.Values.OrderBy(static t => t.Entity).ThenBy(static t => t.Name, StringComparer.Ordinal).ToList(),
                table.Mail.ToList(), table.Parked.ToList(),
                _work.All.Where(w => w.Row.Shard == shard).Select(static w => w.Kept).ToList()));
        }
    }

    public Task<IReadOnlyList<KeptReply>> ExportReplies(KeptReply? after, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            IReadOnlyList<KeptReply> page = _replies.Values.Select(static r => new KeptReply(r.Row, r.Time))
                .OrderBy(static r => r.Row.Tenant, StringComparer.Ordinal).ThenBy(static r => KeyText(r.Row.Key), StringComparer.Ordinal)
                .Where(r => after is null || Compare(r.Row, after.Row) > 0).Take(limit).ToList();
            return Task.FromResult(page);
        }

        static int Compare(ReplyRow a, ReplyRow b)
        {
            var c = string.CompareOrdinal(a.Tenant, b.Tenant);
            return c != 0 ? c : string.CompareOrdinal(KeyText(a.Key), KeyText(b.Key));
        }

        static string KeyText(Guid key) => Convert.ToHexString(key.ToByteArray(bigEndian: true));
    }

    public async Task Import(IAsyncEnumerable<ImportBatch> batches, CancellationToken cancellation)
    {
        var taken = await batches.ToListAsync(cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            foreach (var row in taken.SelectMany(static b => b.Heads))
            {
                if (_entities.ContainsKey(row.Entity)) throw new StoreException($"{row.Entity} is there already");
            }
            var numbers = new ImportNumbers(ShardCount, shard => _shards[shard].Row);
            foreach (var batch in taken) Take(batch, numbers);
            foreach (var row in numbers.Rows()) _shards[row.Shard].Row = row;
        }
    }

    private void Take(ImportBatch batch, ImportNumbers numbers)
    {
        foreach (var row in batch.Events.Select(numbers.Event))
        {
            _shards[row.Shard].Feed.Add(row);
            Rows(row.Entity).Events.Add(row);
        }
        foreach (var row in batch.Heads) Rows(row.Entity).Head = row with { Shard = numbers.Shard(row.Entity) };
        foreach (var row in batch.Snapshots) Rows(row.Entity).Snapshot = row;
        foreach (var row in batch.Anchors) Rows(row.Entity).Anchors.Add(row);
        foreach (var row in batch.Timers.Select(numbers.Timer)) _shards[row.Shard].Timers[(row.Entity, row.Name)] = row;
        foreach (var row in batch.Mail.Select(numbers.Mail)) _shards[row.Shard].Mail.Add(row);
        foreach (var row in batch.Parked.Select(numbers.Parked)) _shards[row.Mail.Shard].Parked.Add(row);
        foreach (var row in batch.Work)
        {
            if (Done(_work.Find(row.Work.Id)) is not null) throw new StoreException($"work {row.Work.Id} is there already");
            AddWork(row.Work with { Shard = numbers.Shard(row.Work.Entity) });
            Done(_work.Put(numbers.Work(row, Done(_work.Find(row.Work.Id))!.Number)));
        }
        foreach (var (row, time) in batch.Replies) _replies.TryAdd((row.Tenant, row.Key), (numbers.Reply(row), time));
        foreach (var row in batch.Origins) _origins[row.Entity] = row;
    }

    public Task MarkCopying(bool copying, CancellationToken cancellation)
    {
        lock (_gate) _copying = copying;
        return Task.CompletedTask;
    }

    public Task<bool> IsCopying(CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult(_copying);
    }

    public Task<OriginRow?> ReadOrigin(EntityAddress entity, CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult(_origins.GetValueOrDefault(entity));
    }

    public Task<IReadOnlyList<JournalRow>> ReadUnsealed(int shard, long after, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<JournalRow>>(
                _shards[shard].Feed.Where(row => row.Number > after).Take(limit).ToList());
        }
    }

    public Task<IReadOnlyList<JournalRow>> ReadUnsealed(EntityAddress entity, long after, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<JournalRow>>(
                _entities.TryGetValue(entity, out var rows) ? rows.Events.Where(e => e.EntityNumber > after).Take(limit).ToList() : []);
        }
    }

    public Task<IReadOnlyList<SegmentRow>> ReadSegments(int? shard, CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult<IReadOnlyList<SegmentRow>>(_segments.Where(s => shard is null || s.Shard == shard).ToList());
    }

    public Task<IReadOnlyList<AnchorRow>> ReadAnchors(EntityAddress entity, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<AnchorRow>>(
                _entities.TryGetValue(entity, out var rows) ? rows.Anchors.ToList() : []);
        }
    }

    public Task<long> Seal(Fence fence, SegmentRow segment, IReadOnlyList<AnchorRow> anchors, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!Holds(fence)) return Task.FromResult(0L);
            var feed = _shards[fence.Shard].Feed;
            var numbers = NumberSet.Numbers(segment.Numbers.Span).ToHashSet();
            var rows = feed.Where(row => numbers.Contains(row.Number)).ToList();
            if (rows.Count != numbers.Count || rows.Count != segment.Count)
                throw new StoreException($"shard {fence.Shard}: not all events of the segment are there to be sealed");
            foreach (var row in rows)
            {
                if (_entities[row.Entity].Events[^1].EntityNumber == row.EntityNumber)
                    throw new StoreException($"{row.Entity}: event {row.EntityNumber} is its last and stays in the journal");
            }
            var id = _segments.Count + 1L;
            _segments.Add(segment with { Id = id, Shard = fence.Shard });
            foreach (var anchor in anchors) _entities[anchor.Entity].Anchors.Add(anchor with { Segment = id });
            feed.RemoveAll(row => numbers.Contains(row.Number));
            foreach (var rest in rows.Select(row => row.Entity).Distinct()) _entities[rest].Events.RemoveAll(row => numbers.Contains(row.Number));
            return Task.FromResult(id);
        }
    }

    public Task<bool> Thin(Fence fence, long segment, SegmentState to, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var at = _segments.FindIndex(s => s.Id == segment && s.Shard == fence.Shard && s.State < to);
            if (!Holds(fence) || at < 0) return Task.FromResult(false);
            _segments[at] = _segments[at] with { State = to };
            return Task.FromResult(true);
        }
    }

    private bool Holds(Fence fence) =>
        _shards[fence.Shard].Row is var row && row.Owner == fence.Owner && row.Epoch == fence.Epoch;

    public Task<IReadOnlyList<ProjectionOffset>> ReadOffsets(CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult<IReadOnlyList<ProjectionOffset>>(_offsets.Values.ToList());
    }

    public Task<bool> Project(ProjectionStep step, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var key = (step.Name, step.Generation, step.Shard);
            var before = _offsets.GetValueOrDefault(key);
            if ((before?.Offset ?? 0) != step.Expected) return Task.FromResult(false);
            var live = _offsets.Values.FirstOrDefault(o => o.Name == step.Name && o.Generation == step.Generation)?.Live
                ?? !_offsets.Values.Any(o => o.Name == step.Name);
            _offsets[key] = new ProjectionOffset(
                step.Name, step.Generation, step.Shard, step.Offset, (before?.Skipped ?? 0) + step.Skipped, live);
            if (!_rows.TryGetValue((step.Name, step.Generation), out var rows))
                _rows.Add((step.Name, step.Generation), rows = new SortedDictionary<string, ProjectionRow>(StringComparer.Ordinal));
            foreach (var gone in step.Removed) rows.Remove(gone);
            foreach (var row in step.Put) rows[row.Key] = row;
            return Task.FromResult(true);
        }
    }

    public Task<IReadOnlyList<ProjectionRow>> ReadRows(
        string name, int generation, string from, string to, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<ProjectionRow>>(!_rows.TryGetValue((name, generation), out var rows)
                ? []
                : rows.Values.Where(r => string.CompareOrdinal(r.Key, from) >= 0 && string.CompareOrdinal(r.Key, to) < 0)
                    .Take(limit).ToList());
        }
    }

    public Task SwapProjection(string name, int generation, CancellationToken cancellation)
    {
        lock (_gate)
        {
            foreach (var offset in _offsets.Values.Where(o => o.Name == name).ToList())
            {
                var key = (name, offset.Generation, offset.Shard);
                if (offset.Generation == generation) _offsets[key] = offset with { Live = true };
                else _offsets.Remove(key);
            }
            foreach (var key in _rows.Keys.Where(k => k.Name == name && k.Generation != generation).ToList()) _rows.Remove(key);
        }
        return Task.CompletedTask;
    }

    public Task DropProjection(string name, int generation, CancellationToken cancellation)
    {
        lock (_gate)
        {
            foreach (var offset in _offsets.Values.Where(o => o.Name == name && o.Generation == generation && !o.Live).ToList())
            {
                _offsets.Remove((name, generation, offset.Shard));
                _rows.Remove((name, generation));
            }
        }
        return Task.CompletedTask;
    }
}
