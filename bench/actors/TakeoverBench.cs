using System.Diagnostics;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Services;
using static Athanor.Bench.Actors.BenchDecider;

namespace Athanor.Bench.Actors;

/// <summary>
/// How long 1,000 active entities are without an owner. A child process hosts them on PostgreSQL; this process is a second node of the same
/// cluster. The child is killed (SIGKILL: its session lock is free at once) or stopped (SIGSTOP: its lock is held, so its lease must end),
/// and the time is taken until this node has recovered and answered for every one of them.
/// </summary>
internal static class TakeoverBench
{
    private const int Entities = 1000;
    private const int Events = 10;

    public static async Task Run(Bench bench)
    {
        await using var server = await PostgresService.Start(
            new PostgresServiceOptions { Folder = Path.Combine(bench.Root, "takeover") }, default);
        foreach (var (what, signal) in ((string, string)[])[("killed", "KILL"), ("stopped", "STOP")])
        {
            var seconds = new List<double>();
            for (var round = 0; round < bench.Rounds; round++)
            {
                var name = $"{what}{round}";
                await server.CreateDatabase(name, default);
                seconds.Add(await TakeOver(bench, server.ConnectionString(name), signal));
            }
            Bench.Line($"{Entities:N0} active entities of a node that was {what}", $"{Bench.Text(seconds, "0.00")} s", "lease 5 s");
        }
    }

    /// <summary>The child: hosts, makes the entities active, says so, and waits for its end.</summary>
    public static async Task Host(Bench bench, string connection)
    {
        await using var cluster = await ClusterBench.Start(bench, connection, 16, "doomed", moves: false);
        await cluster.Open(16);
        await Task.WhenAll(Enumerable.Range(0, Entities).Select(async i =>
        {
            for (var n = 0; n < Events; n++) await cluster.Client.Ask(Address($"unit-{i}"), new Put(new byte[200], null));
        }));
        Console.WriteLine("ready");
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);
    }

    private static async Task<double> TakeOver(Bench bench, string connection, string signal)
    {
        using var doomed = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, ["takeover-host", "--directory", bench.Folder(), "--connection", connection])
        { RedirectStandardOutput = true })!;
        try
        {
            while (await doomed.StandardOutput.ReadLineAsync() is { } line && line != "ready")
            {
                // What it says before is for people.
            }
            await using var heir = await ClusterBench.Start(bench, connection, 16, "heir", moves: false);
            var began = Stopwatch.GetTimestamp();
            using (var kill = Process.Start("kill", [$"-{signal}", $"{doomed.Id}"])) await kill.WaitForExitAsync();
            await heir.Open(16);
            var counts = await Task.WhenAll(Enumerable.Range(0, Entities).Select(i => Look(heir, i)));
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            return counts.All(static count => count == Events) ? seconds : throw new InvalidOperationException("an entity has lost events");
        }
        finally
        {
            doomed.Kill();
        }
    }

    private static async Task<long> Look(HostedCluster cluster, int i)
    {
        while (true)
        {
            try
            {
                return (await Bench.Look(cluster.Client, Address($"unit-{i}"))).Events;
            }
            catch (Athanor.Hosting.Stores.StoreException)
            {
                // Its owner is still the other one.
            }
        }
    }
}
