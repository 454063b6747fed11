using System.Diagnostics;
using Athanor.Actors;
using static Athanor.Bench.Actors.BenchDecider;

namespace Athanor.Bench.Actors;

/// <summary>
/// Persisted commands on the embedded store. Each writes an event of 200 B, a mailbox row for another entity (which handles it: the row is
/// deleted again) and its reply under its key. Beside it raw SQLite writing the same rows into tables of the same columns and indexes, as
/// many commands in a transaction as are in flight.
/// </summary>
internal static class CommandBench
{
    public const int Entities = 1000;
    public const int Payload = 200;

    public static async Task Run(Bench bench)
    {
        foreach (var (shards, inFlight) in ((int, int)[])[(16, 256), (1, 256), (8, 256), (16, 1)])
        {
            var (processor, rawProcessor) = (new List<double>(), new List<double>());
            var (ours, raws, times, commits) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            await using var cluster = await bench.Start(shards);
            using var sqlite = new RawSqlite(Path.Combine(bench.Folder(), "raw.db"));
            await Ask(cluster.Client, inFlight, 1.5, 0, []);
            Raw(sqlite, inFlight, 0.5, []);
            for (var round = 0; round < bench.Rounds; round++)
            {
                if (round % 2 == 0) raws.Add(Raw(sqlite, inFlight, bench.Seconds, rawProcessor));
                var before = (await cluster.Store.ReadShards(default)).Sum(static row => row.LastNumber);
                var used = Bench.Processor();
                var rate = await Ask(cluster.Client, inFlight, bench.Seconds, round + 1, times);
                processor.Add((Bench.Processor() - used).TotalMicroseconds / (rate * bench.Seconds));
                ours.Add(rate);
                commits.Add(rate * bench.Seconds / ((await cluster.Store.ReadShards(default)).Sum(static row => row.LastNumber) - before));
                if (round % 2 == 1) raws.Add(Raw(sqlite, inFlight, bench.Seconds, rawProcessor));
            }
            times.Sort();
            Bench.Line($"{shards} shard(s), {inFlight} in flight, commands/s", Bench.Text([.. ours]),
                $"p50 {times[times.Count / 2]:0.00} ms, p99 {times[times.Count * 99 / 100]:0.00} ms, "
                + $"{Bench.Median(commits):0.0} a shard's commit, {Bench.Median(processor):0.0} us of processor each");
            Bench.Line($"raw SQLite, {inFlight} a transaction, commands/s", Bench.Text([.. raws]), $"ratio {Bench.Ratio(ours, raws)}, {Bench.Median(rawProcessor):0.0} us of processor each");
        }
    }

    /// <summary>Asks until the time is up; each asker keeps one command in flight.</summary>
    /// <param name="entities">Those that are asked; null for all.</param>
    /// <returns>Commands answered a second.</returns>
    public static async Task<double> Ask(IClusterClient client, int inFlight, double seconds, int seed, List<double> milliseconds,
        int[]? entities = null)
    {
        var began = Stopwatch.GetTimestamp();
        var stop = began + (long)(seconds * Stopwatch.Frequency);
        var all = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(asker => Task.Run(async () =>
        {
            var random = new Random(seed * 1000 + asker);
            var payload = new byte[Payload];
            random.NextBytes(payload);
            var times = new List<double>();
            while (Stopwatch.GetTimestamp() < stop)
            {
                var from = Stopwatch.GetTimestamp();
                var to = Address($"unit-{entities?[random.Next(entities.Length)] ?? random.Next(Entities)}");
                if (await client.Ask(to, new Put(payload, Address($"unit-{random.Next(Entities)}"))) is not Protocol.Done)
                    throw new InvalidOperationException("a command was rejected");
                times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
            }
            return times;
        })));
        var taken = Stopwatch.GetElapsedTime(began).TotalSeconds;
        foreach (var times in all) milliseconds.AddRange(times);
        return all.Sum(static times => times.Count) / taken;
    }

    private static double Raw(RawSqlite sqlite, int batch, double seconds, List<double> processor)
    {
        var (count, began, used) = (0L, Stopwatch.GetTimestamp(), Bench.Processor());
        while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
        {
            sqlite.Commit(batch);
            count += batch;
        }
        processor.Add((Bench.Processor() - used).TotalMicroseconds / count);
        return count / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
