using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Care;

/// <summary>
/// Verifies a journal piece by piece: each entity's rows, chain and head, its events decoded and applied, its snapshot against the replayed
/// state, and each sealed segment's blobs. A round is bounded; the next goes on behind it, and begins again at the end. It reads beside
/// everything else and changes nothing.
/// </summary>
public sealed class JournalVerifier(IStore store, IBlobStore blobs, IReadOnlyList<IDecider> deciders, IMessageCodec codec)
{
    private readonly IJournalStore _journal = (IJournalStore)store;
    private readonly Dictionary<string, IDecider> _deciders = deciders.ToDictionary(static d => d.Family);
    private readonly SegmentReader _segments = new(blobs);
    private EntityAddress? _last;
    private long _lastSegment;

    /// <summary>How often every entity has been verified.</summary>
    public long Rounds { get; private set; }

    /// <summary>Verifies the next entities, and the next segment.</summary>
    public async Task<IReadOnlyList<Damage>> Next(int entities, CancellationToken cancellation)
    {
        var found = new List<Damage>();
        var heads = await store.ListAllEntities(cancellation).ConfigureAwait(false);
        var next = heads.Where(h => _last is not { } last || h.Entity.CompareTo(last) > 0).Take(entities).ToList();
        foreach (var head in next)
        {
            await Guard(found, "journal", () => Entity(head.Entity, cancellation)).ConfigureAwait(false);
            JournalTelemetry.Verified(head.Entity.Family);
            _last = head.Entity;
        }
        if (next.Count < entities)
        {
            _last = null;
            Rounds++;
        }
        var segments = await _journal.ReadSegments(null, cancellation).ConfigureAwait(false);
        var segment = segments.FirstOrDefault(s => s.Id > _lastSegment);
        if (segment is not null) await Guard(found, "segment", () => Segment(segment, cancellation)).ConfigureAwait(false);
        _lastSegment = segment?.Id ?? 0;
        return found;
    }

    /// <summary>Verifies every segment's blobs.</summary>
    public async Task<IReadOnlyList<Damage>> Segments(CancellationToken cancellation)
    {
        var found = new List<Damage>();
        foreach (var segment in await _journal.ReadSegments(null, cancellation).ConfigureAwait(false))
            await Guard(found, "segment", () => Segment(segment, cancellation)).ConfigureAwait(false);
        return found;
    }

    private async Task Entity(EntityAddress entity, CancellationToken cancellation)
    {
        var history = await store.ReadEntity(entity, fromStart: true, cancellation).ConfigureAwait(false);
        if (history.Head?.Fault is not null || !_deciders.TryGetValue(entity.Family, out var decider)) return;
        var whole = Core.Replay.FromJournal(decider, codec, entity, history);
        var latest = await store.ReadEntity(entity, fromStart: false, cancellation).ConfigureAwait(false);
        if (latest.Snapshot is not { } snapshot) return;
        var quick = Core.Replay.FromJournal(decider, codec, entity, latest with { Begins = snapshot.EntityNumber + 1 });
        // The entity may have gone on between the two reads.
        if (quick.EventNumber == whole.EventNumber && quick.StateHash != whole.StateHash)
        {
            throw new DamageException(
                $"snapshot, {entity} after event {snapshot.EntityNumber}",
                $"from it the state becomes {quick.StateHash}, and from the journal's beginning {whole.StateHash}");
        }
    }

    private async Task Segment(SegmentRow segment, CancellationToken cancellation)
    {
        if (segment.State == SegmentState.Whole) _ = await _segments.Events(segment, cancellation).ConfigureAwait(false);
        if (segment.State != SegmentState.Dropped) _ = await _segments.Ends(segment, cancellation).ConfigureAwait(false);
    }

    private static async Task Guard(List<Damage> found, string table, Func<Task> check)
    {
        try
        {
            await check().ConfigureAwait(false);
        }
        catch (DamageException e)
        {
            found.Add(new Damage(table, e.Where, e.Message));
        }
    }
}
