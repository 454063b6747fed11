using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Integrity;

/// <summary>
/// Puts an entity's history together from what a store holds of it and checks every link: the sealed part's end, the snapshot, each event
/// of the journal behind them in order, and the head. The event at which the snapshot was taken is read too: its hash shows that the
/// snapshot belongs to this chain.
/// </summary>
internal sealed class HistoryReader
{
    private readonly EntityAddress _entity;
    private readonly HeadRow? _head;
    private readonly SnapshotRow? _snapshot;
    private readonly List<JournalRow> _events = [];
    private long _number;

    /// <summary>Hash of the event before the next one; empty if that event is not read.</summary>
    private ReadOnlyMemory<byte> _hash = EventHash.None;

    /// <param name="snapshot">What the history starts from; null to have it from the journal's beginning.</param>
    /// <param name="anchors">The entity's sealed parts, in order.</param>
    /// <exception cref="DamageException">The snapshot is not of the chain that was sealed.</exception>
    public HistoryReader(EntityAddress entity, HeadRow? head, SnapshotRow? snapshot, IReadOnlyList<AnchorRow> anchors)
    {
        (_entity, _head, _snapshot) = (entity, head, snapshot);
        if (anchors.Count > 0) (_number, _hash) = (anchors[^1].Last, anchors[^1].Hash);
        if (snapshot is not null && snapshot.EntityNumber > _number) (_number, _hash) = (snapshot.EntityNumber - 1, default);
        else if (snapshot is not null && snapshot.EntityNumber == _number && !snapshot.EventHash.Span.SequenceEqual(_hash.Span))
            throw new DamageException($"snapshot, {entity} after event {_number}", "its event has another hash where it was sealed");
    }

    /// <summary>The journal's rows are wanted from behind this number.</summary>
    public long After => _number;

    /// <exception cref="DamageException">The row does not follow the one before it.</exception>
    public void Add(JournalRow row)
    {
        var number = ++_number;
        if (row.EntityNumber != number)
            throw new DamageException($"journal, {row.Entity} event {number}", $"missing: the next one is {row.EntityNumber}");
        if (!_hash.IsEmpty && !row.PreviousHash.Span.SequenceEqual(_hash.Span))
            throw new DamageException($"journal, {row.Entity} event {number}", "it does not continue the chain of the event before it");
        if (!EventHash.Matches(row))
            throw new DamageException($"journal, {row.Entity} event {number}", "its hash is not that of its contents");
        _hash = row.Hash;
        if (number != _snapshot?.EntityNumber) _events.Add(row);
        else if (!row.Hash.Span.SequenceEqual(_snapshot.EventHash.Span))
            throw new DamageException($"snapshot, {_entity} after event {number}", "its event has another hash in the journal");
    }

    /// <exception cref="DamageException">The rows end before the snapshot or the head, or the head has another hash.</exception>
    public EntityHistory End()
    {
        if (_snapshot is not null && _number < _snapshot.EntityNumber)
            throw new DamageException($"journal, {_entity} event {_snapshot.EntityNumber}", "missing: the snapshot was taken there");
        if (_head is not null && _head.EntityNumber > _number)
            throw new DamageException($"journal, {_entity} event {_number + 1}", $"missing: the entity has {_head.EntityNumber} events");
        if (_head is not null && _head.EntityNumber == _number && _number > 0 && !_head.Hash.Span.SequenceEqual(_hash.Span))
            throw new DamageException($"head, {_entity} at event {_number}", "its hash is not that of the last event");
        return new EntityHistory(_head, _snapshot, _events);
    }
}
