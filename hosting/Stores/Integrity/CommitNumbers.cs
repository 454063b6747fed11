using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Integrity;

/// <summary>The numbers inside a commit. A part that numbers wrongly would pass the fence and spoil feeds and identities, so every store
/// refuses it before it gets there.</summary>
internal static class CommitNumbers
{
    /// <exception cref="StoreException">A shard that is not there, events that do not follow one another, or a message that names another
    /// commit as its source.</exception>
    public static void Check(ShardCommit part, int shards)
    {
        if (part.Shard < 0 || part.Shard >= shards)
            throw new StoreException($"A commit names shard {part.Shard}; this store has shards 0 to {shards - 1}.");
        var numbers = new Dictionary<EntityAddress, long>();
        for (var i = 0; i < part.Events.Length; i++)
        {
            var row = part.Events[i];
            var due = Math.Max(1, part.Events[0].Number) + i;
            if (row.Shard != part.Shard || row.Number != due) throw Due(part, row, due);
            if (numbers.TryGetValue(row.Entity, out var before)) CheckNext(row, before);
            numbers[row.Entity] = row.EntityNumber;
        }
        foreach (var row in part.Mail)
        {
            if (row.Shard < 0 || row.Shard >= shards)
                throw new StoreException($"A message to {row.To} names shard {row.Shard}; this store has shards 0 to {shards - 1}.");
            if (row.Id.SourceShard != part.Shard || row.Id.SourceNumber != part.NewLast)
            {
                throw new StoreException(
                    $"A message to {row.To} names its source {row.Id.SourceShard}/{row.Id.SourceNumber}; "
                    + $"this commit is {part.Shard}/{part.NewLast}.");
            }
        }
    }

    /// <summary>Whether the events of a part that passed <see cref="Check"/> go on where the shard's feed and the entities' chains end.</summary>
    /// <param name="last">The shard's last event as it is stored.</param>
    /// <param name="entityLast">An entity's last event as it is stored; 0 if it has none.</param>
    public static void CheckAgainst(ShardCommit part, long last, Func<EntityAddress, long> entityLast)
    {
        if (part.Events.IsEmpty) return;
        if (part.Events[0].Number != last + 1) throw Due(part, part.Events[0], last + 1);
        // The first event of each entity; the others follow it.
        var seen = new HashSet<EntityAddress>();
        foreach (var row in part.Events)
        {
            if (seen.Add(row.Entity)) CheckNext(row, entityLast(row.Entity));
        }
    }

    private static void CheckNext(JournalRow row, long before)
    {
        if (row.EntityNumber != before + 1)
            throw new StoreException($"A commit brings event {row.EntityNumber} of {row.Entity} where {before + 1} is due.");
    }

    private static StoreException Due(ShardCommit part, JournalRow row, long due) =>
        new($"A commit of shard {part.Shard} brings event {row.Shard}/{row.Number} where {part.Shard}/{due} is due.");
}
