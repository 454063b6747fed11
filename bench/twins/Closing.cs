using Athanor.Hosting;
using Athanor.Hosting.Journal.Seal;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;

namespace Athanor.Bench.Twins;

/// <summary>What the journal weighs while it is open, and once its blocks are closed: sealed and compressed.</summary>
internal static class Closing
{
    public static async Task Measure(HostedCluster cluster, string folder, Feed feed, Settings settings)
    {
        var bytes = Directory.EnumerateFiles(folder, "journal.db*", SearchOption.AllDirectories).Sum(static f => new FileInfo(f).Length);
        Console.WriteLine(FormattableString.Invariant($"open journal: {bytes >> 20} MiB, {(double)bytes / feed.Samples:0.0} B a measurement"));
        var store = (IJournalStore)cluster.Store;
        var sealer = new Sealer(cluster.Store, cluster.Blobs, Families.Deciders, new RegistryCodec(Families.Messages), cluster.Options.Retention, []);
        var (events, all) = (0L, 0L);
        foreach (var shard in await cluster.Store.ReadShards(default))
        {
            all += shard.LastEvent;
            SealReport report;
            do
            {
                report = await sealer.Run(new Fence(shard.Shard, shard.Owner!, shard.Epoch), DateTimeOffset.MaxValue, dryRun: false, default);
                events += report.Events;
            }
            while (report.Events > 0);
        }
        if (events == 0)
        {
            Console.WriteLine("nothing was closed: no twin had a snapshot yet (--snapshot-every)");
            return;
        }
        var (blocks, ends, segments) = (0L, 0L, 0);
        foreach (var segment in await store.ReadSegments(null, default))
        {
            blocks += (await cluster.Blobs.Get(segment.Events, default)).Length;
            ends += (await cluster.Blobs.Get(segment.Ends, default)).Length;
            segments++;
        }
        // Of the measurements, as many as of the events; the one that created each twin is not counted.
        var measurements = feed.Samples * (double)events / (all - settings.Twins);
        var each = (blocks + ends) / measurements;
        Console.WriteLine(FormattableString.Invariant(
            $"closed: {events} of {all} events in {segments} segments, {blocks / measurements:0.0} + {ends / measurements:0.0} (states at both ends) = {each:0.0} B a measurement; {each * feed.Samples / settings.Seconds * 86_400 / 1e9:0.00} GB a day at this rate"));
    }
}
