using System.Diagnostics;
using Athanor.Hosting.Runtime;
using static Athanor.Bench.Actors.BenchDecider;

namespace Athanor.Bench.Actors;

/// <summary>
/// One mailbox hop: two entities of a hosted cluster that signal each other, with everything a message carries (address, sender, principal,
/// trace, a message record of its own). Beside it Erlang's ping-pong: two processes, once with the least message and once with one that
/// carries as much. A hop is one message in both.
/// </summary>
internal static class HopBench
{
    private const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    public static async Task Run(Bench bench)
    {
        var erlang = new Erlang(bench.Folder());
        await using var cluster = await bench.Start();
        await Play(cluster, 0, 1, 1_000_000);
        foreach (var pairs in (int[])[1, 16])
        {
            var (ours, plain, full, rates) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < bench.Rounds; round++)
            {
                var hops = (long)(4_000_000 * bench.Seconds) / pairs;
                if (erlang.IsHere) plain.Add(erlang.Play("plain", pairs, hops));
                var before = GC.GetTotalAllocatedBytes();
                ours.Add(await Play(cluster, round + 1, pairs, hops));
                rates.Add((GC.GetTotalAllocatedBytes() - before) / (double)(hops * pairs));
                if (erlang.IsHere) full.Add(erlang.Play("full", pairs, hops));
            }
            Bench.Line($"{pairs} pair(s), hops/s", Bench.Text([.. ours]), $"{Bench.Median(rates):0} B a hop");
            if (!erlang.IsHere)
            {
                Bench.Line("Erlang", "-", "erl and erlc are not installed: apt-get install erlang-base");
                continue;
            }
            Bench.Line("Erlang, the least message", Bench.Text([.. plain]), $"ratio {Bench.Ratio(ours, plain)}");
            Bench.Line("Erlang, sender, principal and trace in it", Bench.Text([.. full]), $"ratio {Bench.Ratio(ours, full)}");
        }
    }

    /// <returns>Hops a second.</returns>
    private static async Task<double> Play(HostedCluster cluster, int round, int pairs, long hops)
    {
        var players = Enumerable.Range(0, pairs).Select(i => (Ann: Address($"ann-{round}-{i}"), Bob: Address($"bob-{round}-{i}"))).ToList();
        foreach (var (ann, bob) in players) await Task.WhenAll(Bench.Look(cluster.Client, ann), Bench.Look(cluster.Client, bob));
        var began = Stopwatch.GetTimestamp();
        foreach (var (ann, bob) in players) await cluster.AskAs("bench", ann, new Serve(bob, hops - 1), null, Trace, default);
        foreach (var (ann, bob) in players)
        {
            // The last ball persists an event of whoever has it.
            while ((await Bench.Look(cluster.Client, hops % 2 == 0 ? ann : bob)).Events == 0)
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }
        return hops * pairs / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
