using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Levels;

/// <summary>What must hold before a node hosts shards of a store.</summary>
public static class JoinRules
{
    /// <summary>Checks the store; an empty one is brought to this build's level, because nobody has written to it yet.</summary>
    /// <returns>The recorded level.</returns>
    /// <exception cref="StoreException">An unfinished copy, a level beyond this build, or kinds that it does not know; says which.</exception>
    public static async Task<int> Check(
        IStore store, MessageRegistry messages, CancellationToken cancellation, int buildLevel = FeatureLevels.Current)
    {
        if (store is IJournalStore copy && await copy.IsCopying(cancellation).ConfigureAwait(false))
        {
            throw new StoreException(
                "this store is the target of a copy that was not finished: run the same 'athanor journal copy' again, or remove the store");
        }
        var level = (await store.ReadCluster(cancellation).ConfigureAwait(false)).FeatureLevel;
        var unknown = await UnknownKinds(store, messages, cancellation).ConfigureAwait(false);
        if (level > buildLevel || unknown.Count > 0)
        {
            throw new StoreException(
                $"the cluster is at feature level {level}, and this build knows levels up to {buildLevel}"
                + (unknown.Count > 0 ? $"; it does not know {string.Join(", ", unknown)}" : "") + "; start a newer build");
        }
        if (level >= buildLevel || !await IsEmpty(store, cancellation).ConfigureAwait(false)) return level;
        await FeatureLevels.Raise(store, messages, buildLevel, cancellation, buildLevel).ConfigureAwait(false);
        return buildLevel;
    }

    private static async Task<IReadOnlyList<string>> UnknownKinds(IStore store, MessageRegistry messages, CancellationToken cancellation)
    {
        if (store is not IJournalStore journal) return [];
        var known = messages.Kinds.Select(FeatureLevels.Name).ToHashSet(StringComparer.Ordinal);
        var unknown = new List<string>();
        foreach (var offset in await journal.ReadOffsets(cancellation).ConfigureAwait(false))
        {
            if (offset.Name != FeatureLevels.KindsName) continue;
            var rows = await journal.ReadRows(offset.Name, offset.Generation, "", "\uffff", int.MaxValue, cancellation).ConfigureAwait(false);
            unknown.AddRange(rows.Select(static r => r.Key).Where(k => !known.Contains(k)));
        }
        return unknown;
    }

    private static async Task<bool> IsEmpty(IStore store, CancellationToken cancellation)
    {
        var (now, shards) = (await store.Now(cancellation).ConfigureAwait(false), await store.ReadShards(cancellation).ConfigureAwait(false));
        return shards.All(static s => s.LastNumber == 0)
            && !(await store.ReadNodes(cancellation).ConfigureAwait(false)).Any(n => n.LeaseUntil > now);
    }
}
