using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Services;
using Athanor.Hosting.Stores;

namespace Athanor.Bench.Actors;

/// <summary>Persisted commands on a private PostgreSQL with fsync, asks included, beside the same rows written raw into the same server.</summary>
internal static class ClusterBench
{
    private const int RawWriters = 4;

    public static async Task Run(Bench bench)
    {
        await using var server = await PostgresService.Start(
            new PostgresServiceOptions
            {
                Folder = Path.Combine(bench.Root, "postgres"),
                Settings = new Dictionary<string, string> { ["shared_buffers"] = "512MB", ["max_wal_size"] = "4GB" },
            },
            default);
        foreach (var (shards, inFlight) in ((int, int)[])[(16, 256), (1, 256), (8, 256), (16, 1)])
        {
            var (ours, raws, times, rawTimes, commits) =
                (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
            await server.CreateDatabase($"raw{shards}x{inFlight}", default);
            await server.CreateDatabase($"bench{shards}x{inFlight}", default);
            var writers = Math.Min(RawWriters, inFlight);
            await using var raw = await RawPostgres.Open(server.ConnectionString($"raw{shards}x{inFlight}"), writers);
            await using var cluster = await Start(bench, server.ConnectionString($"bench{shards}x{inFlight}"), shards);
            await cluster.Open(shards);
            // Warms code, sessions (whose first executions are planned one by one), server and disk.
            await CommandBench.Ask(cluster.Client, inFlight, 2, 0, []);
            await raw.Run(inFlight / writers, 1);
            for (var round = 0; round < bench.Rounds; round++)
            {
                if (round % 2 == 0) await RunRaw();
                var before = (await cluster.Store.ReadShards(default)).Sum(static row => row.LastNumber);
                var rate = await CommandBench.Ask(cluster.Client, inFlight, bench.Seconds, round + 1, times);
                commits.Add(rate * bench.Seconds / ((await cluster.Store.ReadShards(default)).Sum(static row => row.LastNumber) - before));
                ours.Add(rate);
                if (round % 2 == 1) await RunRaw();
            }

            async Task RunRaw()
            {
                var (count, milliseconds) = await raw.Run(inFlight / writers, bench.Seconds);
                raws.Add(count / bench.Seconds);
                rawTimes.AddRange(milliseconds);
            }

            times.Sort();
            rawTimes.Sort();
            Bench.Line($"{shards} shard(s), {bench.Writers} writer(s), {inFlight} in flight, commands/s", Bench.Text([.. ours]),
                $"p50 {times[times.Count / 2]:0.00} ms, p99 {times[times.Count * 99 / 100]:0.00} ms, {Bench.Median(commits):0.0} a shard's commit");
            Bench.Line($"raw PostgreSQL, {Math.Min(RawWriters, inFlight)} writers, commands/s", Bench.Text([.. raws]),
                $"ratio {Bench.Ratio(ours, raws)}, commit p50 {rawTimes[rawTimes.Count / 2]:0.00} ms, p99 {rawTimes[rawTimes.Count * 99 / 100]:0.00} ms");
        }
    }

    /// <summary>The same commands on several nodes of one database, each asked for the entities of its own shards. All nodes, their clients
    /// and the server share this machine.</summary>
    public static async Task Nodes(Bench bench)
    {
        await using var server = await PostgresService.Start(
            new PostgresServiceOptions { Folder = Path.Combine(bench.Root, "nodes") }, default);
        foreach (var count in (int[])[1, 2, 4])
        {
            await server.CreateDatabase($"nodes{count}", default);
            var nodes = new List<HostedCluster>();
            for (var i = 0; i < count; i++)
                nodes.Add(await Start(bench, server.ConnectionString($"nodes{count}"), 16, $"node-{i}", moves: true));
            var owned = await Spread(nodes);
            foreach (var (what, entities) in ((string, List<int[]>?)[])[("asked at the owner", owned), ("asked anywhere", null)])
            {
                var (rates, times) = (new List<double>(), new List<double>());
                for (var round = 0; round <= bench.Rounds; round++)
                {
                    var own = nodes.Select(_ => new List<double>()).ToList();
                    var each = await Task.WhenAll(nodes.Select((node, i) =>
                        CommandBench.Ask(node.Client, 256 / count, bench.Seconds, round * 10 + i, own[i], entities?[i])));
                    // The first warms code and sessions.
                    if (round == 0) continue;
                    rates.Add(each.Sum());
                    times.AddRange(own.SelectMany(static t => t));
                }
                times.Sort();
                Bench.Line($"{count} node(s), 16 shards, {what}, commands/s", Bench.Text(rates),
                    $"256 in flight, p50 {times[times.Count / 2]:0.00} ms, p99 {times[times.Count * 99 / 100]:0.00} ms");
            }
            foreach (var node in nodes) await node.DisposeAsync();
        }
    }

    /// <summary>Waits until every shard is open somewhere and no node is without one; says which entities each node owns.</summary>
    private static async Task<List<int[]>> Spread(List<HostedCluster> nodes)
    {
        while (nodes.Exists(static node => node.Health.OpenShards == 0) || nodes.Sum(static node => node.Health.OpenShards) < 16)
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        var owners = (await nodes[0].Store.ReadShards(default)).Select(static row => row.Owner).ToList();
        return [.. nodes.Select(node => Enumerable.Range(0, CommandBench.Entities)
            .Where(i => owners[ShardOf.Address(BenchDecider.Address($"unit-{i}"), 16)] == node.Options.Node.Name).ToArray())];
    }

    /// <param name="moves">Whether shards move to a node that joins.</param>
    public static async Task<HostedCluster> Start(Bench bench, string connection, int shards, string node = "bench", bool moves = true)
    {
        var options = new AthanorOptions();
        options = options with
        {
            StateDirectory = Path.Combine(bench.Folder(), "state"),
            Node = options.Node with { Name = node, Roles = ["shards"] },
            Store = options.Store with
            {
                Kind = "postgres",
                Postgres = options.Store.Postgres with { Connection = connection, Migrate = "auto" },
            },
            Shards = options.Shards with { Count = shards, MoveDelay = TimeSpan.FromSeconds(moves ? 1 : 3600), MoveShare = 1 },
            Commit = options.Commit with { Writers = bench.Writers },
            Transport = options.Transport with { Port = 0 },
        };
        return await HostedCluster.Start(options, EmbeddedRole.Full, Bench.Parts);
    }

    /// <summary>Waits until this node has so many shards open.</summary>
    public static async Task<HostedCluster> Open(this HostedCluster cluster, int shards)
    {
        while (cluster.Health.OpenShards < shards) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        return cluster;
    }
}
