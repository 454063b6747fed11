using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Access;
using Athanor.Protocol;

namespace Athanor.Nodes.Local;

/// <summary>A node as its operators see it. Times in seconds.</summary>
/// <param name="LeaseLeft">Not above 0: the node is dead or has left without a word.</param>
internal sealed record NodeStatus(
    string Node, IReadOnlyList<string> Roles, string Address, bool Alive, double LeaseLeft, double Skew, int FeatureLevel, int Shards, bool Draining);

/// <param name="Waiting">Messages in its mailbox.</param>
/// <param name="OldestWaiting">Age of the oldest of them; null if there are none or the store keeps no times.</param>
internal sealed record ShardStatus(
    int Shard, string? Owner, string Epoch, double LeaseLeft, long LastNumber, long LastEvent, long Waiting, double? OldestWaiting);

internal sealed record WorkStatusLine(string Pool, string Kind, string Tenant, WorkStatus Status, long Rows, double? Oldest);

/// <param name="Id">As <c>cluster unpark</c> takes it.</param>
internal sealed record ParkedStatus(string Id, string To, string Kind, string Reason, double Age);

/// <summary>What the store says of a cluster; no node needs to be up for it.</summary>
internal sealed record ClusterStatus(
    DateTimeOffset Time, int ShardCount, long Incarnation, int FeatureLevel, IReadOnlyList<NodeStatus> Nodes, IReadOnlyList<ShardStatus> Shards,
    IReadOnlyList<WorkStatusLine> Work, IReadOnlyList<ParkedStatus> Parked)
{
    public static async Task<ClusterStatus> Read(IStore store, CancellationToken cancellation)
    {
        var cluster = await store.ReadCluster(cancellation);
        var nodes = await store.ReadNodes(cancellation);
        var shards = await store.ReadShards(cancellation);
        var load = await store.ReadLoad(cancellation);
        var parked = await store.ReadParked(cancellation);
        var now = await store.Now(cancellation);
        var mail = load.Mail.ToDictionary(static m => m.Shard);
        return new ClusterStatus(
            now, cluster.ShardCount, cluster.Incarnation, cluster.FeatureLevel,
            [.. nodes.OrderBy(static n => n.Node, StringComparer.Ordinal).Select(n => new NodeStatus(
                n.Node, [.. n.Roles.Where(static r => !r.StartsWith("level-", StringComparison.Ordinal))], n.Address, n.LeaseUntil > now,
                Seconds(n.LeaseUntil - now), Seconds(n.Skew), FeatureLevels.LevelOf(n), shards.Count(s => s.Owner == n.Node), n.MustDrain))],
            [.. shards.OrderBy(static s => s.Shard).Select(s => new ShardStatus(
                s.Shard, s.Owner, s.Epoch.ToString(), s.Owner is null ? 0 : Seconds(s.LeaseUntil - now), s.LastNumber, s.LastEvent,
                mail.GetValueOrDefault(s.Shard)?.Rows ?? 0, mail.GetValueOrDefault(s.Shard)?.Oldest?.TotalSeconds))],
            [.. load.Work.Select(static w => new WorkStatusLine(w.Pool, w.Kind, w.Tenant, w.Status, w.Rows, w.Oldest?.TotalSeconds))],
            [.. parked.Select(p => new ParkedStatus(
                Id(p.Mail.Id), p.Mail.To.ToString(), p.Mail.Command.Kind, p.Reason, Seconds(now - p.Time)))]);
    }

    /// <summary>What somebody sees who is let in for some tenants: their work and parked messages; of nodes and shards that they are there and
    /// how they do, but no addresses.</summary>
    public ClusterStatus For(Principal principal)
    {
        if (principal.Reaches(Principal.EveryTenant)) return this;
        return this with
        {
            Nodes = [.. Nodes.Select(static n => n with { Address = "" })],
            Work = [.. Work.Where(w => principal.Reaches(w.Tenant))],
            Parked = [.. Parked.Where(p => EntityAddress.TryParse(p.To, out var to) && principal.Reaches(to.Tenant))],
        };
    }

    /// <summary>The message that <see cref="Id"/> names.</summary>
    public static MailId MailOf(string id)
    {
        var parts = id.Split('/');
        var culture = System.Globalization.CultureInfo.InvariantCulture;
        return new MailId(int.Parse(parts[0], culture), long.Parse(parts[1], culture), int.Parse(parts[2], culture));
    }

    public static string Id(MailId id) => $"{id.SourceShard}/{id.SourceNumber}/{id.N}";

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 3);
}
