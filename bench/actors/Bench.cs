using System.Diagnostics;
using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;

namespace Athanor.Bench.Actors;

/// <summary>What all measurements share: where they work, how often they repeat, and how they print.</summary>
internal sealed class Bench(string root, int rounds, double seconds, int writers) : IDisposable
{
    private int _folders;

    public int Rounds { get; } = rounds;

    /// <summary>Commits of a node under way at one time, where the database takes more than one.</summary>
    public int Writers { get; } = writers;

    /// <summary>Length of a round.</summary>
    public double Seconds { get; } = seconds;

    public string Root { get; } = System.IO.Directory.CreateDirectory(Path.Combine(root, $"athanor-bench-{Environment.ProcessId}")).FullName;

    public string Folder() => System.IO.Directory.CreateDirectory(Path.Combine(Root, $"{_folders++}")).FullName;

    public void Dispose() => System.IO.Directory.Delete(Root, recursive: true);

    public static ClusterParts Parts { get; } = new()
    {
        Messages = BenchDecider.Messages,
        Deciders = [new BenchDecider()],
        ComputeHandlers = [],
    };

    public Task<HostedCluster> Start(int shards = 16, Func<AthanorOptions, AthanorOptions>? change = null, string? folder = null)
    {
        var options = new AthanorOptions { StateDirectory = Path.Combine(folder ?? Folder(), "state") };
        options = options with { Shards = options.Shards with { Count = shards } };
        return HostedCluster.Start(change?.Invoke(options) ?? options, EmbeddedRole.AppendOnly, Parts);
    }

    public static async Task<Count> Look(IClusterClient client, EntityAddress entity) => (Count)await client.Query(entity, new Get());

    /// <summary>Median and range, for people.</summary>
    public static string Text(List<double> values, string format = "N0")
    {
        values.Sort();
        return $"{values[values.Count / 2].ToString(format)} ({values[0].ToString(format)}-{values[^1].ToString(format)})";
    }

    public static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    /// <summary>The median of the ratios of rounds that ran one after the other, so that what disturbs both is not counted.</summary>
    public static string Ratio(List<double> ours, List<double> baseline) =>
        Text([.. ours.Zip(baseline, static (o, b) => o / b)], "0.00");

    /// <summary>Processor time that this process has used: on a machine shared with others it says more than the clock.</summary>
    public static TimeSpan Processor()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }

    public static void Line(string what, string figure, string note = "") => Console.WriteLine($"  {what,-52}{figure,34}  {note}");

    /// <summary>What one flush of 4 KiB to the disk under <see cref="Root"/> takes.</summary>
    public string Flush()
    {
        using var file = File.OpenHandle(Path.Combine(Root, "flush"), FileMode.Create, FileAccess.Write);
        var (page, times) = (new byte[4096], new List<double>());
        for (var i = 0; i < 200; i++)
        {
            var from = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, page, i * 4096L);
            RandomAccess.FlushToDisk(file);
            times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
        }
        times.Sort();
        return $"flush of 4 KiB: p50 {times[100]:0.000} ms, p99 {times[197]:0.000} ms";
    }
}
