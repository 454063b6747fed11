using System.Diagnostics;
using Athanor.Actors;
using Athanor.Protocol;
using static Athanor.Bench.Actors.BenchDecider;

namespace Athanor.Bench.Actors;

/// <summary>Queries to entities in memory through <see cref="IClusterClient"/>, as many in flight as a busy gateway has.</summary>
internal static class QueryBench
{
    public static async Task Run(Bench bench)
    {
        await using var cluster = await bench.Start();
        var entities = Enumerable.Range(0, 1000).Select(i => Address($"unit-{i}")).ToArray();
        foreach (var entity in entities) await Bench.Look(cluster.Client, entity);
        foreach (var inFlight in (int[])[1, 64, 1024])
        {
            await Ask(cluster.Client, entities, inFlight, 0.3);
            var (rates, bytes, processor) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < bench.Rounds; round++)
            {
                var (before, used) = (GC.GetTotalAllocatedBytes(), Bench.Processor());
                var (count, seconds) = await Ask(cluster.Client, entities, inFlight, bench.Seconds);
                rates.Add(count / seconds);
                bytes.Add((GC.GetTotalAllocatedBytes() - before) / (double)count);
                processor.Add((Bench.Processor() - used).TotalMicroseconds / count);
            }
            Bench.Line($"{inFlight} in flight, queries/s", Bench.Text(rates), $"{Bench.Median(bytes):0} B and {Bench.Median(processor):0.00} us of processor a query");
        }
    }

    private static async Task<(long Count, double Seconds)> Ask(
        IClusterClient client, EntityAddress[] entities, int inFlight, double seconds)
    {
        var began = Stopwatch.GetTimestamp();
        var stop = began + (long)(seconds * Stopwatch.Frequency);
        var query = new Get();
        var counts = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(asker => Task.Run(async () =>
        {
            long count = 0;
            for (var at = asker; Stopwatch.GetTimestamp() < stop; at += 7)
            {
                await client.Query(entities[at % entities.Length], query);
                count++;
            }
            return count;
        })));
        return (counts.Sum(), Stopwatch.GetElapsedTime(began).TotalSeconds);
    }
}
