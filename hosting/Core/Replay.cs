using System.Security.Cryptography;
using Athanor.Actors;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>An entity as its history makes it.</summary>
/// <param name="EventNumber">Number of its last event; 0 for none.</param>
/// <param name="EventHash">Hash of its last event; 32 zero bytes for none.</param>
/// <param name="Time">Handling time of its last event.</param>
/// <param name="StateHash">SHA-256 of the canonical bytes of the state, lower-case hex, as in <see cref="Description"/>.</param>
public sealed record Replayed(IState State, long EventNumber, ReadOnlyMemory<byte> EventHash, DateTimeOffset Time, string StateHash);

/// <summary>
/// Rebuilds an entity from its history and nothing else, checking on the way that the events are numbered without a gap, that each row's
/// hash is that of its contents and names the hash before it, and that the history ends where the head says.
/// </summary>
public static class Replay
{
    /// <summary>Rebuilds from the first event that there is. A snapshot in the history is used only where history begins with one.</summary>
    /// <param name="history">As read with <c>fromStart</c>.</param>
    /// <exception cref="DamageException">The history is not whole, or holds a message that cannot be decoded.</exception>
    public static Replayed FromJournal(IDecider decider, IMessageCodec codec, EntityAddress entity, EntityHistory history)
    {
        var rebuilt = Rebuild(decider, codec, entity, history.Begins > 1 ? history : history with { Snapshot = null });
        return new Replayed(rebuilt.State, rebuilt.Number, rebuilt.Hash, rebuilt.Time, HashOf(codec, rebuilt.State));
    }

    /// <summary>Lower-case hex SHA-256 of the canonical bytes of a state.</summary>
    public static string HashOf(IMessageCodec codec,
        IState state) => Convert.ToHexStringLower(SHA256.HashData(codec.Encode(state).Body.Span));

    internal readonly record struct Rebuilt(IState State, long Number, ReadOnlyMemory<byte> Hash, DateTimeOffset Time, long SnapshotNumber);

    /// <summary>Rebuilds from the snapshot, if there is one, and the events after it.</summary>
    internal static Rebuilt Rebuild(IDecider decider, IMessageCodec codec, EntityAddress entity, EntityHistory history)
    {
        var state = decider.Initial(entity);
        var number = 0L;
        var hash = EventHash.None;
        var time = history.Head?.Time ?? DateTimeOffset.MinValue;
        if (history.Snapshot is { } snapshot)
        {
            state = Read<IState>(codec, snapshot.State, $"snapshot of {entity} at event {snapshot.EntityNumber}");
            (number, hash) = (snapshot.EntityNumber, snapshot.EventHash);
        }
        var from = number;
        foreach (var row in history.Events)
        {
            var where = $"journal, {entity}, event {number + 1}";
            if (row.EntityNumber != number + 1) throw new DamageException(where,
                $"missing; the next event there is has number {row.EntityNumber}");
            if (!row.PreviousHash.Span.SequenceEqual(hash.Span)) throw new DamageException(where, "it does not follow the event before it");
            if (!EventHash.Matches(row)) throw new DamageException(where, "its hash is not that of its contents");
            state = decider.Apply(state, Read<IEvent>(codec, row.Event, where));
            (number, hash) = (row.EntityNumber, row.Hash);
            if (row.Time > time) time = row.Time;
        }
        if (history.Head is { } head && (head.EntityNumber != number || (number > 0 && !head.Hash.Span.SequenceEqual(hash.Span))))
            throw new DamageException($"journal, {entity}", $"it ends at event {number}, its head says {head.EntityNumber}");
        return new Rebuilt(state, number, hash, time, from);
    }

    private static T Read<T>(IMessageCodec codec, in StoredMessage stored, string where)
        where T : IMessage
    {
        IMessage message;
        try
        {
            message = codec.Decode(stored);
        }
        catch (Exception error)
        {
            throw new DamageException(where, $"{stored.Kind} version {stored.Version} cannot be read: {error.Message}");
        }
        return message is T typed ? typed : throw new DamageException(where, $"{stored.Kind} is no {typeof(T).Name}");
    }
}
