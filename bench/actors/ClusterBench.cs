using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Services;
using Athanor.Hosting.Stores.Postgres;
using Microsoft.Extensions.Logging.Abstractions;

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

    public static async Task<HostedCluster> Start(Bench bench, string connection, int shards, string node = "bench")
    {
        var options = new AthanorOptions();
        options = options with
        {
            StateDirectory = Path.Combine(bench.Folder(), "state"),
            Node = options.Node with { Name = node },
            Shards = options.Shards with { Count = shards },
            Commit = options.Commit with { Writers = bench.Writers },
        };
        var store = await PostgresStore.Open(
            new PostgresStoreOptions { Connection = connection, ShardCount = shards, Migrate = MigrateMode.Auto, Writers = bench.Writers },
            TimeProvider.System);
        var directory = StateDirectory.Open(options.StateDirectory);
        var ground = new NodeGround
        {
            Directory = directory,
            Store = store,
            Blobs = new DirectoryBlobStore(directory.BlobsPath, TimeProvider.System, options.Blobs.ChunkBytes),
            KeysPath = directory.KeysPath,
        };
        return await HostedCluster.Start(options, EmbeddedRole.AppendOnly, Bench.Parts, ground, NullLogger.Instance, default);
    }
}
