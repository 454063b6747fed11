using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Text;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Levels;

/// <summary>A message of a kind that the recorded feature level does not allow yet.</summary>
public sealed class FeatureLevelException(string message) : Exception(message);

/// <summary>
/// Feature levels. A build knows one, <see cref="Current"/>; the store records one for the cluster. Each kind says since which level it
/// exists (<see cref="MessageAttribute.Since"/>; level 0 is the first release's).
///
/// Roll an upgrade: (1) replace the nodes one by one; the new build runs at the recorded level and writes nothing that the old one cannot
/// read, so any node may go back. (2) When all are replaced, <c>athanor cluster feature-level --raise</c> records the new level and the
/// kinds that it brings. From then on they are written, and a build that does not know them does not join: there is no way back.
///
/// What refuses what: a kind above the recorded level is not encoded (<see cref="FeatureLevelException"/>, the command is refused and can be
/// asked again after the raise); a store at a level above a build's, or that records a kind which the build does not know, is not joined
/// (<see cref="JoinRules"/>); raising is refused while a live node is older. A kind in the journal that no recorded level explains is damage:
/// recovery faults the entity.
/// </summary>
public static class FeatureLevels
{
    /// <summary>The level of this build. Raise it by one in the release that brings the first new kind after another release.</summary>
    public const int Current = 1;

    /// <summary>Read model under which a raise records the kinds of a level (its generation).</summary>
    internal const string KindsName = "cluster.kinds";

    private const string TagStart = "level-";

    private const int RecordAttempts = 3;

    /// <summary>What this node adds to its roles in the node table, so that others see its level.</summary>
    public static string Tag(int level = Current) => TagStart + level.ToString(CultureInfo.InvariantCulture);

    /// <summary>The level that a node shows; the first release shows none, which is 0.</summary>
    public static int LevelOf(NodeRow node) => node.Roles.Where(static r => r.StartsWith(TagStart, StringComparison.Ordinal))
        .Select(static r => int.TryParse(r.AsSpan(TagStart.Length), CultureInfo.InvariantCulture, out var level) ? level : 0)
        .DefaultIfEmpty(0).Max();

    public static int SinceOf(Type message) => message.GetCustomAttribute<MessageAttribute>()?.Since ?? 0;

    /// <summary>Kinds of a registry that exist since a level above the one given, as <c>kind v1</c>.</summary>
    public static ImmutableArray<string> KindsAbove(MessageRegistry messages, int level, int upTo = int.MaxValue) =>
        [.. messages.Kinds.Where(k => SinceOf(k.Type) is var since && since > level && since <= upTo).Select(Name)];

    internal static string Name(MessageKind kind) => string.Create(CultureInfo.InvariantCulture, $"{kind.Name} v{kind.Version}");

    /// <summary>Types that need a level above 0.</summary>
    internal static FrozenDictionary<Type, int> Needs(MessageRegistry messages) =>
        messages.Kinds.Select(k => (k.Type, Since: SinceOf(k.Type))).Where(static k => k.Since > 0)
            .ToFrozenDictionary(static k => k.Type, static k => k.Since);

    /// <summary>Records a level and its kinds.</summary>
    /// <exception cref="StoreException">A live node is older, or this build does not know the level.</exception>
    public static async Task Raise(
        IStore store, MessageRegistry messages, int level, CancellationToken cancellation, int buildLevel = Current)
    {
        if (level > buildLevel) throw new StoreException($"this build knows feature levels up to {buildLevel}, not {level}");
        var (now, cluster) = (await store.Now(cancellation).ConfigureAwait(false), await store.ReadCluster(cancellation).ConfigureAwait(false));
        if (level <= cluster.FeatureLevel) return;
        foreach (var node in await store.ReadNodes(cancellation).ConfigureAwait(false))
        {
            if (node.LeaseUntil > now && LevelOf(node) < level)
            {
                throw new StoreException(
                    $"the node {node.Node} runs a build of feature level {LevelOf(node)}, which cannot read what level {level} writes; "
                    + "upgrade it or stop it, then raise");
            }
        }
        // The tables for it come with the level on a database of the first build; what fails after this is done by the same command again.
        await store.RaiseFeatureLevel(level, cancellation).ConfigureAwait(false);
        await Record(store, messages, level, cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes down which kinds a level brings, unless it is written already.</summary>
    internal static async Task Record(IStore store, MessageRegistry messages, int level, CancellationToken cancellation)
    {
        if (store is not IJournalStore journal) return;
        for (var one = 1; one <= level; one++)
        {
            var kinds = KindsAbove(messages, one - 1, one);
            var step = new ProjectionStep(KindsName, one, 0, 0, 1, 0, [.. kinds.Select(k => new ProjectionRow(k, Encoding.UTF8.GetBytes(k)))], []);
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    await journal.Project(step, cancellation).ConfigureAwait(false);
                    break;
                }
                catch (StoreException) when (attempt < RecordAttempts)
                {
                    // A database that is slow while a cluster starts ends transactions. What is written already is not written again.
                }
            }
        }
    }
}
