using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Segments;

/// <summary>What a store's tables say of an entity's history, before its sealed part is read.</summary>
/// <param name="History">Events in the journal, which follow the last anchor.</param>
/// <param name="Latest">The store's snapshot, whether <paramref name="History"/> uses it or not.</param>
internal sealed record StoredHistory(
    EntityHistory History, SnapshotRow? Latest, IReadOnlyList<AnchorRow> Anchors, IReadOnlyList<SegmentRow> Segments)
{
    /// <summary>Whether the sealed part is wanted: without a snapshot that reaches to the journal's first event it is.</summary>
    public bool NeedsSegments =>
        Anchors.Count > 0 && (History.Snapshot is null || History.Snapshot.EntityNumber < Anchors[^1].Last);
}

/// <summary>
/// Reads across the seal: puts the events of segments before those of the journal, for entities and for feeds. A segment's blob is
/// checked against what its row says before anything of it is used; the last few are kept decoded, because feeds and entities ask for one
/// segment many times in a row.
/// </summary>
internal sealed class SegmentReader(IBlobStore? blobs)
{
    private const int Kept = 4;

    private readonly Lock _gate = new();
    private readonly LinkedList<(string Blob, IReadOnlyList<JournalRow> Rows)> _recent = new();

    /// <exception cref="DamageException">The blob is missing, or not what the row says.</exception>
    public async Task<IReadOnlyList<JournalRow>> Events(SegmentRow segment, CancellationToken cancellation)
    {
        lock (_gate)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (node.Value.Blob == segment.Events) return node.Value.Rows;
            }
        }
        var rows = SegmentBlob.ReadEvents(segment.Events, await Blob(segment, segment.Events, cancellation).ConfigureAwait(false));
        Check(segment, rows);
        lock (_gate)
        {
            _recent.AddFirst((segment.Events, rows));
            if (_recent.Count > Kept) _recent.RemoveLast();
        }
        return rows;
    }

    public async Task<IReadOnlyList<SegmentEnd>> Ends(SegmentRow segment, CancellationToken cancellation) =>
        SegmentBlob.ReadEnds(segment.Ends, await Blob(segment, segment.Ends, cancellation).ConfigureAwait(false));

    /// <summary>The entity's history with its sealed part, as far back as there is one.</summary>
    public async Task<EntityHistory> Complete(EntityAddress entity, StoredHistory stored, CancellationToken cancellation)
    {
        if (!stored.NeedsSegments) return stored.History;
        var segments = stored.Segments.ToDictionary(s => s.Id);
        var from = stored.Anchors.Count;
        while (from > 0 && segments.GetValueOrDefault(stored.Anchors[from - 1].Segment)?.State == SegmentState.Whole) from--;

        var events = new List<JournalRow>();
        foreach (var anchor in stored.Anchors.Skip(from))
        {
            var rows = (await Events(segments[anchor.Segment], cancellation).ConfigureAwait(false)).Where(r => r.Entity == entity).ToList();
            if (rows.Count == 0 || rows[0].EntityNumber != anchor.First || rows[^1].EntityNumber != anchor.Last
                || !rows[^1].Hash.Span.SequenceEqual(anchor.Hash.Span))
            {
                throw new DamageException(
                    $"segment {anchor.Segment}, {entity}", $"it does not hold events {anchor.First} to {anchor.Last} as they were sealed");
            }
            events.AddRange(rows);
        }
        events.AddRange(stored.History.Events);
        if (from == 0) return stored.History with { Snapshot = null, Events = events };

        // What lies before was given up: history begins with the state that was proven when it was sealed.
        var end = stored.Anchors[from - 1];
        if (segments.GetValueOrDefault(end.Segment) is { State: SegmentState.Thinned } thinned)
        {
            var ends = await Ends(thinned, cancellation).ConfigureAwait(false);
            var after = ends.FirstOrDefault(e => e.After.Entity == entity)?.After;
            if (after is null || after.EntityNumber != end.Last || !after.EventHash.Span.SequenceEqual(end.Hash.Span))
                throw new DamageException($"segment {end.Segment}, {entity}", $"it does not hold the state after event {end.Last}");
            return stored.History with { Snapshot = after, Events = events, Begins = end.Last + 1 };
        }
        if (stored.Latest is not { } latest || latest.EntityNumber < end.Last)
            throw new DamageException($"snapshot, {entity}", $"its events up to {end.Last} were given up, and no snapshot covers them");
        return stored.History with
        {
            Snapshot = latest,
            Events = events.Where(e => e.EntityNumber > latest.EntityNumber).ToList(),
            Begins = latest.EntityNumber + 1,
        };
    }

    /// <summary>The feed's next events after a number, from the journal's rows and the shard's segments.</summary>
    /// <param name="rows">As read from the journal: the first <paramref name="limit"/> after the number, or all there are.</param>
    public async Task<IReadOnlyList<JournalRow>> Feed(
        IReadOnlyList<JournalRow> rows, IReadOnlyList<SegmentRow> segments, long after, int limit, CancellationToken cancellation)
    {
        var upTo = rows.Count >= limit ? rows[^1].Number : long.MaxValue;
        var wanted = segments.Where(s => s.State == SegmentState.Whole && s.Last > after && s.First <= upTo).OrderBy(s => s.First).ToList();
        if (wanted.Count == 0) return rows;
        var merged = rows.ToList();
        foreach (var segment in wanted)
        {
            if (merged.Count >= limit)
            {
                merged.Sort(static (a, b) => a.Number.CompareTo(b.Number));
                if (segment.First > merged[limit - 1].Number) break;
            }
            merged.AddRange((await Events(segment, cancellation).ConfigureAwait(false)).Where(r => r.Number > after));
        }
        merged.Sort(static (a, b) => a.Number.CompareTo(b.Number));
        return merged.Count > limit ? merged[..limit] : merged;
    }

    private static void Check(SegmentRow segment, IReadOnlyList<JournalRow> rows)
    {
        var where = $"segment {segment.Id}, blob {segment.Events}";
        if (!rows.Select(r => r.Number).SequenceEqual(NumberSet.Numbers(segment.Numbers.Span)))
            throw new DamageException(where, "it does not hold the events that its row names");
        foreach (var row in rows)
        {
            if (row.Shard != segment.Shard || row.Entity.Family != segment.Family || !EventHash.Matches(row))
                throw new DamageException(where, $"event {row.Number} is not of shard {segment.Shard}, family {segment.Family}, or not whole");
        }
    }

    private async Task<byte[]> Blob(SegmentRow segment, string hash, CancellationToken cancellation)
    {
        if (blobs is null)
        {
            throw new StoreException(
                $"shard {segment.Shard}, events {segment.First} to {segment.Last} of {segment.Family} are sealed, "
                + "and this reader was not told where the blobs are");
        }
        try
        {
            return await blobs.Get(hash, cancellation).ConfigureAwait(false);
        }
        catch (KeyNotFoundException)
        {
            throw new DamageException($"segment {segment.Id}", $"its blob {hash} is missing");
        }
    }
}
