using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Seal;

/// <summary>What one run over a shard did, or would do.</summary>
/// <param name="Held">Events old enough that stay for now, by reason.</param>
public sealed record SealReport(
    int Shard, int Segments, long Events, long Bytes, int Thinned, int Dropped, IReadOnlyDictionary<string, long> Held);

/// <summary>
/// Moves old events of a shard out of the journal into compressed blobs, family by family, and gives up what retention no longer wants.
///
/// What may go: an event older than its family's <c>full</c>, that every projection has passed, that is covered by its entity's snapshot,
/// and that is not its entity's last. The snapshot counts only after it was proven: the entity is replayed from the state at the end of its
/// last segment (or from nothing), and the snapshot must be that state, byte for byte. An entity whose snapshot is not, or whose history
/// does not replay, keeps its events where they are, and the run says so.
///
/// Safe at any moment: the blobs are put first and are durable; then one transaction, fenced by the shard's owner and epoch, deletes the
/// events and records the segment. After a crash between the two, blobs lie about that nobody names, and the next sweep takes them. Two
/// sealers cannot both win: what the first deleted the second does not find.
///
/// Bounded: a run takes at most <see cref="RetentionOptions.MaxEvents"/> events of a shard.
/// </summary>
public sealed class Sealer(
    IStore store, IBlobStore blobs, IReadOnlyList<IDecider> deciders, IMessageCodec codec, RetentionOptions options,
    IReadOnlyList<string> projections)
{
    private const int Page = 1000;

    private readonly IJournalStore _journal = (IJournalStore)store;
    private readonly Dictionary<string, IDecider> _deciders = deciders.ToDictionary(static d => d.Family);
    private readonly SegmentReader _segments = new(blobs);

    /// <param name="before">Seals what is older than this, whatever the settings say.</param>
    /// <exception cref="StoreException">The fence does not hold any more, or the store cannot seal yet (feature level).</exception>
    public async Task<SealReport> Run(Fence fence, DateTimeOffset? before, bool dryRun, CancellationToken cancellation)
    {
        var held = new Dictionary<string, long>(StringComparer.Ordinal);
        var now = await store.Now(cancellation).ConfigureAwait(false);
        var candidates = await Candidates(fence.Shard, family => before ?? CutOff(now, options.Of(family).Full), held, cancellation)
            .ConfigureAwait(false);
        var (segments, events, bytes) = (0, 0L, 0L);
        foreach (var family in candidates.GroupBy(static r => r.Entity.Family).OrderBy(static g => g.Key, StringComparer.Ordinal))
        {
            foreach (var chunk in await Proven(family, held, cancellation).ConfigureAwait(false))
            {
                var size = await Seal(fence, chunk, dryRun, now, cancellation).ConfigureAwait(false);
                (segments, events, bytes) = (segments + 1, events + chunk.Rows.Count, bytes + size);
            }
        }
        var (thinned, dropped) = await GiveUp(fence, now, dryRun, cancellation).ConfigureAwait(false);
        return new SealReport(fence.Shard, segments, events, bytes, thinned, dropped, held);
    }

    private static DateTimeOffset CutOff(DateTimeOffset now, TimeSpan age) => age <= TimeSpan.Zero ? DateTimeOffset.MinValue : now - age;

    private async Task<List<JournalRow>> Candidates(
        int shard, Func<string, DateTimeOffset> before, Dictionary<string, long> held, CancellationToken cancellation)
    {
        var upTo = await Passed(shard, cancellation).ConfigureAwait(false);
        var found = new List<JournalRow>();
        var after = 0L;
        while (found.Count < options.MaxEvents)
        {
            var rows = await _journal.ReadUnsealed(shard, after, Page, cancellation).ConfigureAwait(false);
            if (rows.Count == 0) break;
            after = rows[^1].Number;
            var young = true;
            foreach (var row in rows)
            {
                if (row.Time >= before(row.Entity.Family)) continue;
                young = false;
                if (row.Number > upTo.Offset) Hold(held, $"projection {upTo.Name} has not passed them", 1);
                else if (found.Count < options.MaxEvents) found.Add(row);
            }
            // Times in a feed rise but for the store's clock: a whole page of young events ends the search.
            if (young) break;
        }
        return found;
    }

    private async Task<(string Name, long Offset)> Passed(int shard, CancellationToken cancellation)
    {
        var offsets = (await _journal.ReadOffsets(cancellation).ConfigureAwait(false))
            .Where(static o => !o.Name.StartsWith("cluster.", StringComparison.Ordinal)).ToList();
        var least = (Name: "", Offset: long.MaxValue);
        foreach (var name in projections.Union(offsets.Select(static o => o.Name), StringComparer.Ordinal))
        {
            var generations = offsets.Where(o => o.Name == name).GroupBy(static o => o.Generation).ToList();
            var offset = generations.Count == 0 ? 0 : generations.Min(g => g.FirstOrDefault(o => o.Shard == shard)?.Offset ?? 0);
            if (offset < least.Offset) least = (name, offset);
        }
        return least;
    }

    /// <summary>Cuts a family's candidates into segments of entities whose states are proven at both ends.</summary>
    private async Task<List<Chunk>> Proven(IEnumerable<JournalRow> rows, Dictionary<string, long> held, CancellationToken cancellation)
    {
        var chunks = new List<Chunk>();
        var current = new Chunk([], []);
        foreach (var entity in rows.GroupBy(static r => r.Entity))
        {
            var list = entity.OrderBy(static r => r.EntityNumber).ToList();
            var (part, why) = await Prove(entity.Key, list, cancellation).ConfigureAwait(false);
            if (part is null || part.Rows.Count < list.Count) Hold(held, why, list.Count - (part?.Rows.Count ?? 0));
            if (part is null) continue;
            if (current.Rows.Count > 0 && current.Rows.Count + part.Rows.Count > options.SegmentEvents)
            {
                chunks.Add(current);
                current = new Chunk([], []);
            }
            current.Rows.AddRange(part.Rows);
            current.Ends.AddRange(part.Ends);
        }
        if (current.Rows.Count > 0) chunks.Add(current);
        return chunks;
    }

    private async Task<(Chunk? Part, string Why)> Prove(EntityAddress entity, List<JournalRow> rows, CancellationToken cancellation)
    {
        var history = await store.ReadEntity(entity, fromStart: false, cancellation).ConfigureAwait(false);
        if (history.Head is not { Fault: null } head) return (null, "the entity is faulted");
        if (history.Snapshot is not { } snapshot) return (null, "no snapshot covers them");
        var mine = rows.Where(r => r.EntityNumber <= snapshot.EntityNumber && r.EntityNumber < head.EntityNumber).ToList();
        if (mine.Count == 0) return (null, "no snapshot covers them");
        if (!_deciders.TryGetValue(entity.Family, out var decider)) return (null, $"no rules are known for the family '{entity.Family}'");

        var (before, known) = await Base(entity, cancellation).ConfigureAwait(false);
        if (!known) return (null, "what lay before them was given up");
        if (mine[0].EntityNumber != (before?.EntityNumber ?? 0) + 1) return (null, "events before them are missing");
        try
        {
            var after = await Replay(decider, entity, before, mine[^1].EntityNumber, snapshot, cancellation).ConfigureAwait(false);
            return (new Chunk(mine, [new SegmentEnd(before, after)]), "no snapshot covers them");
        }
        catch (DamageException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>The state from which the entity's unsealed events go on; null is its first.</summary>
    private async Task<(SnapshotRow? Before, bool Known)> Base(EntityAddress entity, CancellationToken cancellation)
    {
        var anchors = await _journal.ReadAnchors(entity, cancellation).ConfigureAwait(false);
        if (anchors.Count == 0) return (null, true);
        var segment = (await _journal.ReadSegments(null, cancellation).ConfigureAwait(false))
            .FirstOrDefault(s => s.Id == anchors[^1].Segment && s.State != SegmentState.Dropped);
        if (segment is null) return (null, false);
        var ends = await _segments.Ends(segment, cancellation).ConfigureAwait(false);
        var end = ends.FirstOrDefault(e => e.After.Entity == entity)?.After;
        return (end, end is not null && end.EventHash.Span.SequenceEqual(anchors[^1].Hash.Span));
    }

    /// <summary>The state after the event wanted, having gone on to the snapshot and found it right.</summary>
    private async Task<SnapshotRow> Replay(
        IDecider decider, EntityAddress entity, SnapshotRow? before, long wanted, SnapshotRow snapshot, CancellationToken cancellation)
    {
        var state = before is null ? decider.Initial(entity) : Decode<IState>(before.State, $"segment end of {entity}");
        var (number, hash) = before is null ? (0, EventHash.None) : (before.EntityNumber, before.EventHash);
        SnapshotRow? after = null;
        while (number < snapshot.EntityNumber)
        {
            var rows = await _journal.ReadUnsealed(entity, number, Page, cancellation).ConfigureAwait(false);
            if (rows.Count == 0) throw new DamageException($"journal, {entity} event {number + 1}", "it is missing");
            foreach (var row in rows.TakeWhile(r => r.EntityNumber <= snapshot.EntityNumber))
            {
                var where = $"journal, {entity} event {number + 1}";
                if (row.EntityNumber != number + 1 || !row.PreviousHash.Span.SequenceEqual(hash.Span) || !EventHash.Matches(row))
                    throw new DamageException(where, "it does not follow the event before it");
                state = decider.Apply(state, Decode<IEvent>(row.Event, where));
                (number, hash) = (row.EntityNumber, row.Hash);
                if (number == wanted) after = new SnapshotRow(entity, number, codec.Encode(state), hash);
            }
        }
        var proven = codec.Encode(state);
        if (!hash.Span.SequenceEqual(snapshot.EventHash.Span) || !proven.Body.Span.SequenceEqual(snapshot.State.Body.Span))
            throw new DamageException($"snapshot, {entity} after event {snapshot.EntityNumber}", "replay gives another state");
        return after!;
    }

    private T Decode<T>(in StoredMessage stored, string where)
        where T : class, IMessage
    {
        try
        {
            return codec.Decode(stored) as T ?? throw new DamageException(where, $"{stored.Kind} is no {typeof(T).Name}");
        }
        catch (Exception e) when (e is UnknownKindException or MessageFormatException)
        {
            throw new DamageException(where, e.Message);
        }
    }

    private async Task<long> Seal(Fence fence, Chunk chunk, bool dryRun, DateTimeOffset now, CancellationToken cancellation)
    {
        var rows = chunk.Rows.OrderBy(static r => r.Number).ToList();
        var family = rows[0].Entity.Family;
        var (events, ends) = (SegmentBlob.WriteEvents(fence.Shard, family, rows), SegmentBlob.WriteEnds(chunk.Ends));
        var size = (long)events.Length + ends.Length;
        if (dryRun) return size;
        var segment = new SegmentRow(
            0, fence.Shard, family, rows[0].Number, rows[^1].Number, rows.Count, NumberSet.Write(rows.Select(static r => r.Number)),
            await blobs.PutFor(BlobOwnership.TheCluster, events, cancellation).ConfigureAwait(false),
            await blobs.PutFor(BlobOwnership.TheCluster, ends, cancellation).ConfigureAwait(false),
            rows.Min(static r => r.Time), rows.Max(static r => r.Time), now, SegmentState.Whole);
        // What was put is read back before anything is deleted.
        _ = await _segments.Events(segment, cancellation).ConfigureAwait(false);
        _ = await _segments.Ends(segment, cancellation).ConfigureAwait(false);
        var anchors = rows.GroupBy(static r => r.Entity).Select(static g => new AnchorRow(
            g.Key, 0, g.Min(static r => r.EntityNumber), g.Max(static r => r.EntityNumber), g.MaxBy(static r => r.EntityNumber)!.Hash));
        if (await _journal.Seal(fence, segment, [.. anchors], cancellation).ConfigureAwait(false) == 0)
            throw new StoreException($"shard {fence.Shard} has another owner now; its events stay as they are");
        JournalTelemetry.Sealed(family, rows.Count, size);
        return size;
    }

    private async Task<(int Thinned, int Dropped)> GiveUp(Fence fence, DateTimeOffset now, bool dryRun, CancellationToken cancellation)
    {
        var all = await _journal.ReadSegments(fence.Shard, cancellation).ConfigureAwait(false);
        var (thinned, dropped) = (0, 0);
        foreach (var family in all.GroupBy(static s => s.Family))
        {
            var rules = options.Of(family.Key);
            var newest = family.Max(static s => s.Id);
            foreach (var segment in family.OrderBy(static s => s.Id))
            {
                // The states at the end of an entity's last segment are what its next one is proven from: the newest keeps them.
                var to = segment.LastTime < CutOff(now, rules.Drop) && segment.Id != newest
                    && await AllGoOn(segment, cancellation).ConfigureAwait(false) ? SegmentState.Dropped
                    : segment.LastTime < CutOff(now, rules.Thin) || segment.LastTime < CutOff(now, rules.Drop) ? SegmentState.Thinned
                    : SegmentState.Whole;
                // History is given up from its beginning: one that stays keeps those behind it.
                if (to == SegmentState.Whole) break;
                if (to <= segment.State) continue;
                if (!dryRun && !await _journal.Thin(fence, segment.Id, to, cancellation).ConfigureAwait(false)) break;
                if (to == SegmentState.Thinned) thinned++;
                else dropped++;
            }
        }
        return (thinned, dropped);
    }

    private async Task<bool> AllGoOn(SegmentRow segment, CancellationToken cancellation)
    {
        if (segment.State == SegmentState.Dropped) return true;
        foreach (var end in await _segments.Ends(segment, cancellation).ConfigureAwait(false))
        {
            var anchors = await _journal.ReadAnchors(end.After.Entity, cancellation).ConfigureAwait(false);
            if (anchors.Count > 0 && anchors[^1].Segment == segment.Id) return false;
        }
        return true;
    }

    private static void Hold(Dictionary<string, long> held, string why, long count) =>
        held[why] = held.GetValueOrDefault(why) + count;

    private sealed record Chunk(List<JournalRow> Rows, List<SegmentEnd> Ends);
}
