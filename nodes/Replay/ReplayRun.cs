using System.Runtime.CompilerServices;
using Athanor.Actors;
using Athanor.Hosting;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Nodes.Replay;

/// <summary>One entity, rebuilt from the journal alone and as it lives.</summary>
/// <param name="JournalHash">State hash after applying every event from the first, snapshots unused; empty when the history is damaged.</param>
/// <param name="LiveHash">State hash that the entity itself gives.</param>
/// <param name="Damage">What is wrong with its history, or null.</param>
internal sealed record ReplayedEntity(EntityAddress Address, long EventNumber, string JournalHash, string LiveHash, string? Damage)
{
    public bool Same => Damage is null && JournalHash == LiveHash;
}

/// <summary>Rebuilds entities from the journal alone and compares their state hashes with the live ones.</summary>
internal sealed class ReplayRun(IStore store, IClusterClient live, IMessageCodec codec)
{
    private readonly Dictionary<string, IDecider> _deciders = Families.Deciders.ToDictionary(d => d.Family, StringComparer.Ordinal);

    /// <summary>All entities, or the one given.</summary>
    public async IAsyncEnumerable<ReplayedEntity> Run(EntityAddress? only, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var heads = await store.ListAllEntities(cancellation);
        foreach (var head in heads.OrderBy(h => h.Entity))
        {
            if (only is { } one && head.Entity != one) continue;
            yield return await One(head.Entity, cancellation);
        }
    }

    /// <summary>One entity; one that never was has no events.</summary>
    public async Task<ReplayedEntity> One(EntityAddress entity, CancellationToken cancellation)
    {
        if (!_deciders.TryGetValue(entity.Family, out var decider))
            return new ReplayedEntity(entity, 0, "", "", $"nobody decides for the family {entity.Family}");
        try
        {
            var rebuilt = await Rebuild(decider, entity, cancellation);
            var description = await Describe(entity, cancellation);
            // The entity may have gone on between the two reads; then the journal is read again.
            if (description is not null && description.EventNumber != rebuilt.EventNumber)
            {
                rebuilt = await Rebuild(decider, entity, cancellation);
                description = await Describe(entity, cancellation);
            }
            var liveHash = description?.EventNumber == rebuilt.EventNumber ? description.StateHash : "";
            return new ReplayedEntity(entity, rebuilt.EventNumber, rebuilt.StateHash, liveHash, null);
        }
        catch (DamageException damage)
        {
            return new ReplayedEntity(entity, 0, "", "", damage.Message);
        }
    }

    private async Task<Replayed> Rebuild(IDecider decider, EntityAddress entity, CancellationToken cancellation) =>
        Hosting.Core.Replay.FromJournal(decider, codec, entity, await store.ReadEntity(entity, fromStart: true, cancellation));

    private async Task<Description?> Describe(EntityAddress entity, CancellationToken cancellation) =>
        await live.Query(entity, new Describe(), consistent: true, cancellation) as Description;
}
