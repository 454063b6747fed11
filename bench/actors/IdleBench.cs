using System.Diagnostics;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;
using static Athanor.Bench.Actors.BenchDecider;

namespace Athanor.Bench.Actors;

/// <summary>What an idle entity costs: a node that knows 1,000,000 entities with one event each, and has 100,000 of them in memory.</summary>
internal static class IdleBench
{
    private const int Known = 1_000_000;
    private const int Active = 100_000;

    public static async Task Run(Bench bench)
    {
        var folder = bench.Folder();
        var began = Stopwatch.GetTimestamp();
        await using (await bench.Start(folder: folder))
        {
            // Makes the directory.
        }
        await Fill(Path.Combine(folder, "state", "journal.db"));
        Bench.Line($"{Known:N0} entities written", $"{Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");

        await using var cluster = await bench.Start(folder: folder, change: static options => options with
        {
            Entities = options.Entities with { MaxActive = Active + 1000, PassivateAfter = TimeSpan.FromHours(1) },
        });
        var before = Heap();
        began = Stopwatch.GetTimestamp();
        for (var from = 0; from < Active; from += 1000)
            await Task.WhenAll(Enumerable.Range(from, 1000).Select(i => Bench.Look(cluster.Client, Address($"unit-{i * 10}"))));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var bytes = (Heap() - before) / (double)Active;
        if (cluster.Health.ActiveEntities < Active) throw new InvalidOperationException($"{cluster.Health.ActiveEntities} are active");
        // The state is a record of two numbers: header and type, and 16 bytes. The address's id is the entity's own and counts.
        const int State = 32;
        Bench.Line("an idle entity without its state", $"{bytes - State:0} B", $"{Active:N0} active, woken at {Active / seconds:N0}/s");
        using var process = Process.GetCurrentProcess();
        process.Refresh();
        Bench.Line($"{Known:N0} known, {Active:N0} active", $"{process.WorkingSet64 / 1048576.0:N0} MiB", $"at most {process.PeakWorkingSet64 / 1048576.0:N0} MiB");
    }

    private static long Heap()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static async Task Fill(string path)
    {
        await using var store = SqliteStore.Open(path, new SqliteStoreOptions(), TimeProvider.System);
        var rows = new List<ShardRow>();
        foreach (var row in await store.ReadShards(default))
            rows.Add((await store.Claim(row.Shard, "bench", row.Epoch, TimeSpan.FromHours(1), default))!);
        var body = BenchDecider.Messages.Encode(new Stored(new byte[200]));
        var parts = rows.Select(static _ => new List<EntityAddress>()).ToArray();
        for (var i = 0; i < Known; i++)
        {
            var entity = Address($"unit-{i}");
            var shard = ShardOf.Address(entity, rows.Count);
            parts[shard].Add(entity);
            if (parts[shard].Count == 2000) await Commit(shard);
        }
        for (var shard = 0; shard < rows.Count; shard++) await Commit(shard);

        async Task Commit(int shard)
        {
            var row = rows[shard];
            var events = parts[shard].Select((entity, i) =>
            {
                var message = new StoredMessage("bench.stored", 1, body);
                return new JournalRow(shard, row.LastEvent + i + 1, row.Epoch, entity, 1, message, DateTimeOffset.UnixEpoch, "bench", null,
                    EventHash.None, EventHash.Compute(entity, 1, message, EventHash.None.Span));
            }).ToList();
            var commit = new ShardCommit(shard, "bench", row.Epoch, row.LastNumber)
            {
                Events = [.. events],
                Heads = [.. events.Select(e => new HeadRow(shard, e.Entity, 1, e.Hash, false, null, e.Time))],
            };
            if (!(await store.Commit([commit], default))[0].Accepted) throw new InvalidOperationException("a commit was rejected");
            rows[shard] = row with { LastNumber = commit.NewLast, LastEvent = row.LastEvent + events.Count };
            parts[shard].Clear();
        }
    }
}
