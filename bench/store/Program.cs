using System.Diagnostics;
using Athanor.Bench.Store;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;

// Commits and events a second of the embedded store, beside raw SQLite doing the same inserts in the same run. The two take short turns,
// and the ratio is that of the 10th percentiles of a commit's time: where others use the disk and the cores as well, the undisturbed
// commits are the ones that can be compared.
// Arguments: [DIRECTORY] [SECONDS A ROUND] [ROUNDS]. The directory decides which disk is measured.
var root = Path.Combine(args.Length > 0 ? args[0] : Path.GetTempPath(), $"athanor-bench-{Environment.ProcessId}");
var seconds = args.Length > 1 ? double.Parse(args[1]) : 0.5;
var rounds = args.Length > 2 ? int.Parse(args[2]) : 15;
const int BodyBytes = 200, Entities = 100;
var none = CancellationToken.None;
Directory.CreateDirectory(root);
try
{
    var flushes = Flushes(Path.Combine(root, "flush"));
    Console.WriteLine($"flush of 4 KiB: p50 {flushes[150]:F3} ms, p99 {flushes[297]:F3} ms");
    Console.WriteLine($"{rounds} rounds of {seconds} s each, medians (range); {BodyBytes} B bodies, {Entities} entities");
    Console.WriteLine($"{"events/commit",-14}{"writer",-23}{"events/s",22}{"p10 ms",10}{"p50 ms",10}{"p99 ms",10}{"speed to raw",13}");
    foreach (var size in (int[])[1, 100])
    {
        var (raws, stores) = (new List<Round>(), new List<Round>());
        for (var round = 0; round < rounds; round++)
        {
            if (round % 2 == 0) raws.Add(Raw(size, round));
            stores.Add(await Store(size, 1, round));
            if (round % 2 == 1) raws.Add(Raw(size, round));
        }
        Print(size, "raw SQLite", raws, null);
        Print(size, "store, 1 at a time", stores, raws);
    }
    var grouped = new List<Round>();
    for (var round = 0; round < rounds; round++) grouped.Add(await Store(1, 64, round));
    Print(1, "store, 64 shards at once", grouped, null);
}
finally
{
    Directory.Delete(root, recursive: true);
}

Round Raw(int size, int round)
{
    using var sqlite = new RawSqlite(Path.Combine(root, $"raw-{size}-{round}.db"));
    var parts = new Parts(new ShardRow(0, "bench", new Epoch(1, 1), 0, default), BodyBytes, Entities);
    var (times, clock) = (new List<double>(), Stopwatch.StartNew());
    while (clock.Elapsed.TotalSeconds < seconds)
    {
        var part = parts.Next(size);
        var from = Stopwatch.GetTimestamp();
        sqlite.Commit(part);
        times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
    }
    return new Round(times.Count * size / clock.Elapsed.TotalSeconds, times);
}

async Task<Round> Store(int size, int shards, int round)
{
    await using var store = SqliteStore.Open(
        Path.Combine(root, $"store-{size}-{shards}-{round}.db"), new SqliteStoreOptions { ShardCount = shards }, TimeProvider.System);
    var rows = await store.ReadShards(none);
    var clock = new Stopwatch();
    var writers = new List<Parts>();
    foreach (var row in rows)
        writers.Add(new Parts((await store.Claim(row.Shard, "bench", row.Epoch, TimeSpan.FromHours(1), none))!, BodyBytes,
            Entities / shards + 1));
    clock.Start();
    var times = await Task.WhenAll(writers.Select(async parts =>
    {
        var own = new List<double>();
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            var part = parts.Next(size);
            var from = Stopwatch.GetTimestamp();
            if (!(await store.Commit([part], none))[0].Accepted) throw new InvalidOperationException("a commit was rejected");
            own.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
        }
        return own;
    }));
    var all = times.SelectMany(t => t).ToList();
    return new Round(all.Count * size / clock.Elapsed.TotalSeconds, all);
}

static void Print(int size, string name, List<Round> rounds, List<Round>? baseline)
{
    var rates = rounds.Select(r => r.EventsPerSecond).Order().ToList();
    var times = rounds.SelectMany(r => r.Milliseconds).Order().ToList();
    var median = rates[rates.Count / 2];
    var raws = baseline?.SelectMany(r => r.Milliseconds).Order().ToList();
    Console.WriteLine(
        $"{size,-14}{name,-25}{$"{median:N0} ({rates[0]:N0}-{rates[^1]:N0})",20}"
        + $"{times[times.Count / 10],10:F3}{times[times.Count / 2],10:F3}{times[times.Count * 99 / 100],10:F3}"
        + $"{(raws is not null ? $"{raws[raws.Count / 10] / times[times.Count / 10]:P0}" : "-"),13}");
}

static List<double> Flushes(string path)
{
    using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
    var (page, times) = (new byte[4096], new List<double>());
    for (var i = 0; i < 300; i++)
    {
        var from = Stopwatch.GetTimestamp();
        RandomAccess.Write(file, page, i * 4096L);
        RandomAccess.FlushToDisk(file);
        times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
    }
    times.Sort();
    return times;
}

internal sealed record Round(double EventsPerSecond, List<double> Milliseconds);

/// <summary>Commits of one shard, as its owner would make them.</summary>
internal sealed class Parts(ShardRow row, int bodyBytes, int entities)
{
    private readonly (long Number, byte[] Hash)[] _chains = Enumerable.Repeat((0L, EventHash.None.ToArray()), entities).ToArray();
    private readonly byte[] _body = new byte[bodyBytes];
    private ShardRow _row = row;
    private int _turn;

    public ShardCommit Next(int size)
    {
        var events = new JournalRow[size];
        var heads = new Dictionary<int, HeadRow>();
        for (var i = 0; i < size; i++)
        {
            var at = _turn++ % entities;
            var entity = EntityAddress.Of("twins", $"unit-{_row.Shard}-{at}");
            var (number, previous) = _chains[at];
            var message = new StoredMessage("twins.measured", 1, _body);
            var hash = EventHash.Compute(entity, ++number, message, previous);
            events[i] = new JournalRow(_row.Shard, _row.LastEvent + i + 1, _row.Epoch, entity, number, message,
                DateTimeOffset.UnixEpoch, "bench", null, previous, hash);
            heads[at] = new HeadRow(_row.Shard, entity, number, hash, false, null);
            _chains[at] = (number, hash);
        }
        var part = new ShardCommit(_row.Shard, _row.Owner!, _row.Epoch, _row.LastNumber)
        {
            Events = [.. events],
            Heads = [.. heads.Values],
        };
        _row = _row with { LastNumber = part.NewLast, LastEvent = _row.LastEvent + size };
        return part;
    }
}
