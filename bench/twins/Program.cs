using System.Diagnostics;
using System.Globalization;
using Athanor.Actors;
using Athanor.Bench.Twins;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

// Twins that one embedded node carries at 1 Hz, journalled: `dotnet run -c Release --project bench/twins -- --minutes 30`;
// where a command's time goes: `... -- --seconds 10 --parts true`.
var settings = Settings.Read(args);
var folder = Directory.CreateDirectory(Path.Combine(settings.Folder, $"athanor-bench-{Environment.ProcessId}")).FullName;
try
{
    var options = new AthanorOptions { StateDirectory = Path.Combine(folder, "state") };
    options = options with
    {
        Shards = options.Shards with { Count = settings.Shards },
        Entities = options.Entities with { MaxActive = settings.Twins * 2, SnapshotEvery = settings.SnapshotEvery },
        Retention = options.Retention with { Every = TimeSpan.Zero, MaxEvents = 1_000_000, SegmentEvents = 500_000 },
    };
    var plant = new Plant();
    if (settings.Parts)
    {
        Parts.Run(plant, settings.Seconds);
        return;
    }
    Console.WriteLine($"{settings.Twins} twins, {settings.Shards} shards, {settings.Seconds} s, {Environment.ProcessorCount} cores, {folder}");
    await using var cluster = await HostedCluster.Start(options, EmbeddedRole.Full, new ClusterParts());
    await Feed.Create(cluster.Client, settings.Twins);
    var feed = new Feed(cluster, plant, settings);
    await feed.Run();
    feed.Print();
    await Closing.Measure(cluster, folder, feed, settings);
}
finally
{
    Directory.Delete(folder, recursive: true);
}

namespace Athanor.Bench.Twins
{
    internal sealed record Settings(int Twins, double Seconds, int Shards, int SnapshotEvery, string Folder, bool Parts = false)
    {
        public static Settings Read(string[] args)
        {
            var settings = new Settings(10_000, 30 * 60, 16, 1000, Path.GetTempPath());
            for (var i = 0; i + 1 < args.Length; i += 2)
            {
                var value = args[i + 1];
                settings = args[i] switch
                {
                    "--twins" => settings with { Twins = int.Parse(value, CultureInfo.InvariantCulture) },
                    "--minutes" => settings with { Seconds = 60 * double.Parse(value, CultureInfo.InvariantCulture) },
                    "--seconds" => settings with { Seconds = double.Parse(value, CultureInfo.InvariantCulture) },
                    "--shards" => settings with { Shards = int.Parse(value, CultureInfo.InvariantCulture) },
                    "--snapshot-every" => settings with { SnapshotEvery = int.Parse(value, CultureInfo.InvariantCulture) },
                    "--parts" => settings with { Parts = bool.Parse(value) },
                    "--folder" => settings with { Folder = value },
                    _ => throw new ArgumentException($"{args[i]} is no option; --twins, --minutes, --seconds, --shards, --snapshot-every, --folder, --parts are"),
                };
            }
            return settings;
        }
    }

    /// <summary>Sends each twin its samples once a second, the twins spread evenly over the second, whether earlier ones are answered or
    /// not.</summary>
    internal sealed class Feed(HostedCluster cluster, Plant plant, Settings settings)
    {
        private readonly List<int> _backlog = [];
        private readonly Lock _gate = new();
        private readonly List<float> _times = [];
        private readonly Dictionary<string, int> _refused = [];
        private int _open;
        private long _sent;
        private TimeSpan _processor;
        private double _took;
        private double _halfAt;
        private long _allocated;
        private readonly int[] _collections = new int[3];

        public long Samples { get; private set; }

        public static async Task Create(IClusterClient client, int twins)
        {
            var began = Stopwatch.GetTimestamp();
            for (var first = 0; first < twins; first += 256)
            {
                await Task.WhenAll(Enumerable.Range(first, Math.Min(256, twins - first)).Select(async i =>
                {
                    if (await client.Ask(Address(i), new CreateUnit(Plant.Spec($"R-{i}"))) is not Done)
                        throw new InvalidOperationException($"unit {i} was refused");
                }));
            }
            Console.WriteLine($"created in {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
        }

        public async Task Run()
        {
            GC.Collect();
            var origin = TimeProvider.System.GetUtcNow();
            using var process = Process.GetCurrentProcess();
            var (used, allocated) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes());
            for (var g = 0; g < 3; g++) _collections[g] = -GC.CollectionCount(g);
            var began = Stopwatch.GetTimestamp();
            var (total, next) = ((long)(settings.Seconds * settings.Twins), 1.0);
            var half = total / 2;
            while (_sent < total)
            {
                if (half > 0 && _sent >= half)
                {
                    // What the first half costs is compiling as well.
                    process.Refresh();
                    (used, allocated, half) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes(), 0);
                    _halfAt = Stopwatch.GetElapsedTime(began).TotalSeconds;
                }
                var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
                var due = Math.Min(total, (long)(elapsed * settings.Twins));
                for (; _sent < due; _sent++)
                {
                    var (second, twin) = Math.DivRem(_sent, settings.Twins);
                    _ = Ask((int)twin, second, origin.AddSeconds(second).AddMilliseconds(twin * 1000 / settings.Twins), began);
                }
                if (elapsed >= next)
                {
                    _backlog.Add(Volatile.Read(ref _open));
                    next += 1.0;
                }
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
            }
            while (Volatile.Read(ref _open) > 0) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            _took = Stopwatch.GetElapsedTime(began).TotalSeconds;
            process.Refresh();
            (_processor, _allocated) = (process.TotalProcessorTime - used, GC.GetTotalAllocatedBytes() - allocated);
            for (var g = 0; g < 3; g++) _collections[g] += GC.CollectionCount(g);
            Samples = _sent * 3;
        }

        public void Print()
        {
            _times.Sort();
            var count = _times.Count;
            Console.WriteLine(FormattableString.Invariant(
                $"{count / _took:0} commands/s acknowledged ({count} in {_took:0.0} s), p50 {_times[count / 2]:0.0} ms, p99 {_times[count * 99L / 100 > int.MaxValue ? 0 : (int)(count * 99L / 100)]:0.0} ms, max {_times[^1]:0} ms"));
            Console.WriteLine(FormattableString.Invariant(
                $"second half: processor {_processor.TotalMicroseconds / (count / 2):0.0} us a command ({_processor.TotalSeconds / (_took - _halfAt):0.00} cores), allocated {_allocated / (count / 2)} B a command, collections {string.Join("/", _collections)}, heap {GC.GetTotalMemory(false) >> 20} MiB, working set {Environment.WorkingSet >> 20} MiB"));
            Console.WriteLine($"open at the end of each second: {string.Join(" ", _backlog.Where((_, i) => i % Math.Max(1, _backlog.Count / 30) == 0))}");
            foreach (var (reason, times) in _refused) Console.WriteLine($"REFUSED {times}: {reason}");
        }

        private static EntityAddress Address(int twin) => EntityAddress.Of("twins", $"unit-{twin}");

        private async Task Ask(int twin, long second, DateTimeOffset time, long began)
        {
            Interlocked.Increment(ref _open);
            var reply = await cluster.Client.Ask(Address(twin), new Observe(plant.Samples(twin, second, time)));
            // From when it was due, so that a late sender hides nothing.
            var due = second + ((double)twin / settings.Twins);
            var taken = (float)((Stopwatch.GetElapsedTime(began).TotalSeconds - due) * 1e3);
            lock (_gate)
            {
                _times.Add(taken);
                if (reply is not SamplesAccepted { Taken: 4 })
                {
                    var reason = reply is Rejected refused ? refused.Reason : reply.ToString()!;
                    _refused[reason] = _refused.GetValueOrDefault(reason) + 1;
                }
            }
            Interlocked.Decrement(ref _open);
        }
    }
}
