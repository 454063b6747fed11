using System.Diagnostics;
using Athanor.Actors;
using Athanor.Hosting.Runtime;
using SQLitePCL;
using static Athanor.Bench.Actors.BenchDecider;

namespace Athanor.Bench.Actors;

/// <summary>
/// Recovery of 1,000 entities of 100 events each, as after a start: everything is read, checked (CRC of each row, hash of each event, chain,
/// head), decoded and applied, until the last entity has answered. Beside it a raw read of the same rows, all columns, entity by entity.
/// </summary>
internal static class RecoveryBench
{
    private const int Entities = 1000;
    private const int Events = 100;

    public static async Task Run(Bench bench)
    {
        var folder = bench.Folder();
        await using (var cluster = await bench.Start(folder: folder))
        {
            await Task.WhenAll(Enumerable.Range(0, Entities).Select(i => Task.Run(async () =>
            {
                for (var n = 0; n < Events; n++) await cluster.Client.Ask(Address($"unit-{i}"), new Put(new byte[200], null));
            })));
        }
        var (ours, raws) = (new List<double>(), new List<double>());
        for (var round = 0; round <= bench.Rounds; round++)
        {
            await using var cluster = await bench.Start(folder: folder);
            var rate = await Recover(cluster);
            var raw = Raw(cluster.Directory.JournalPath);
            // The first round warms the code and the page cache.
            if (round == 0) continue;
            ours.Add(rate);
            raws.Add(raw);
        }
        Bench.Line($"{Entities} entities x {Events} events, events/s", Bench.Text([.. ours]));
        Bench.Line("raw read of the same rows, events/s", Bench.Text([.. raws]), $"ratio {Bench.Ratio(ours, raws)}");
    }

    public static async Task<double> Recover(HostedCluster cluster)
    {
        var began = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, Entities).Select(i => Bench.Look(cluster.Client, Address($"unit-{i}"))));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (counts.Any(static count => count.Events != Events)) throw new InvalidOperationException("an entity has lost events");
        return Entities * Events / seconds;
    }

    private static double Raw(string path)
    {
        Batteries_V2.Init();
        Check(raw.sqlite3_open_v2(path, out var db, raw.SQLITE_OPEN_READONLY, null));
        Check(raw.sqlite3_prepare_v2(db, "SELECT * FROM journal WHERE entity = ? ORDER BY entity_number", out var statement));
        var (began, rows, bytes) = (Stopwatch.GetTimestamp(), 0, 0L);
        for (var i = 0; i < Entities; i++)
        {
            raw.sqlite3_bind_text(statement, 1, Address($"unit-{i}").ToString());
            while (raw.sqlite3_step(statement) == raw.SQLITE_ROW)
            {
                rows++;
                for (var column = 0; column < raw.sqlite3_column_count(statement); column++)
                {
                    if (raw.sqlite3_column_type(statement, column) == raw.SQLITE_INTEGER) bytes += raw.sqlite3_column_int64(statement, column) & 1;
                    else bytes += raw.sqlite3_column_blob(statement, column).ToArray().Length;
                }
            }
            Check(raw.sqlite3_reset(statement));
        }
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        statement.Dispose();
        db.Dispose();
        return rows == Entities * Events && bytes > 0 ? rows / seconds : throw new InvalidOperationException($"{rows} rows were read");
    }

    private static void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new InvalidOperationException($"SQLite code {code}");
    }
}
