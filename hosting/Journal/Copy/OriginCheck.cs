using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Copy;

/// <summary>Checks a copy under another tenant against what it was copied from, without it: the events are put back under their old
/// address and hashed as they were then; the chain must end in the hash that the copy recorded.</summary>
public static class OriginCheck
{
    /// <returns>Null if the entity was not copied under another tenant; otherwise whether the old chain ends as recorded.</returns>
    public static async Task<bool?> Holds(IStore store, IMessageCodec codec, EntityAddress entity, CancellationToken cancellation)
    {
        if (await ((IJournalStore)store).ReadOrigin(entity, cancellation).ConfigureAwait(false) is not { } origin) return null;
        var history = await store.ReadEntity(entity, fromStart: true, cancellation).ConfigureAwait(false);
        var back = new TenantRewriter(entity.Tenant, origin.Was.Tenant, codec);
        // Where history was given up before the copy, the new chain goes on from the old one's hash.
        var hash = history.Events.Count > 0 && history.Events[0].EntityNumber > 1 ? history.Events[0].PreviousHash : EventHash.None;
        foreach (var row in history.Events.TakeWhile(e => e.EntityNumber <= origin.EntityNumber))
            hash = EventHash.Compute(origin.Was, row.EntityNumber, back.Message(row.Event), hash.Span);
        return hash.Span.SequenceEqual(origin.Hash.Span);
    }
}
