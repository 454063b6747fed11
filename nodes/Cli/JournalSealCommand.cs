using System.CommandLine;
using System.Globalization;
using Athanor.Hosting;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Journal.Seal;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>journal seal</c>: what the owner of a shard does now and then, at once and with an own date.</summary>
internal static class JournalSealCommand
{
    private const string Sealer = "journal-seal";
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    private static readonly Option<DateTimeOffset?> Before = new("--before")
    {
        Description = "Seal events older than this (UTC), whatever retention says; without it by the settings of 'retention'.",
        HelpName = "DATE",
    };

    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Say what would be sealed and what is in the way." };

    public static Command Create()
    {
        var seal = Cli.Command(
            "seal", "Moves old events into compressed blobs. Feeds, replay and 'journal show' read on across them. With a node running the node "
            + "does it by itself (retention.every).",
            "journal seal --dry-run", "journal seal --before 2026-01-01");
        seal.Options.Add(Before);
        seal.Options.Add(DryRun);
        seal.SetAction(Run);
        return seal;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (options, dryRun) = (CliCluster.Options(parsed), parsed.GetValue(DryRun));
        await using var end = await JournalEnd.OpenOwn(options, cancellation);
        var before = parsed.GetValue(Before);
        var feeds = new ProjectionRunner(end.Store, Projections.All, Families.Messages, text => Console.Error.WriteLine($"athanor: {text}"));
        var sealer = new Sealer(
            end.Store, end.Blobs, Families.Deciders, new RegistryCodec(Families.Messages), options.Retention, Projections.Names);
        if (!dryRun)
        {
            // Nothing may be sealed that a read model has not seen, and no node is there to take them further.
            while (await feeds.Step([.. Enumerable.Range(0, end.Store.ShardCount)], cancellation) > 0)
            {
            }
        }
        var reports = new List<SealReport>();
        foreach (var row in await end.Store.ReadShards(cancellation))
        {
            var mine = await end.Store.Claim(row.Shard, Sealer, row.Epoch, Lease, cancellation)
                ?? throw new UserException($"shard {row.Shard} is owned by the node {row.Owner}, which seals by itself", ExitCodes.Environment);
            var fence = new Fence(mine.Shard, mine.Owner!, mine.Epoch);
            try
            {
                SealReport report;
                do
                {
                    report = await sealer.Run(fence, before, dryRun, cancellation);
                    reports.Add(report);
                }
                while (!dryRun && report.Events > 0);
            }
            finally
            {
                await end.Store.Release(mine.Shard, Sealer, mine.Epoch, CancellationToken.None);
            }
        }
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(reports);
        else Print(reports, dryRun);
        return ExitCodes.Success;
    }

    private static void Print(List<SealReport> reports, bool dryRun)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn(dryRun ? "Would be" : "Was")
            .AddColumn(new TableColumn("Count").RightAligned());
        (string, long)[] figures =
        [
            ("sealed: events", reports.Sum(static r => r.Events)), ("sealed: segments", reports.Sum(static r => r.Segments)),
            ("sealed: bytes", reports.Sum(static r => r.Bytes)), ("thinned: segments", reports.Sum(static r => r.Thinned)),
            ("dropped: segments", reports.Sum(static r => r.Dropped)),
        ];
        foreach (var (what, count) in figures) table.AddRow(what, count.ToString("N0", CultureInfo.InvariantCulture));
        foreach (var (why, count) in reports.GroupBy(static r => r.Shard).Select(static g => g.Last()).SelectMany(static r => r.Held)
            .GroupBy(static h => h.Key).Select(static g => (g.Key, g.Sum(static h => h.Value))))
        {
            table.AddRow(Markup.Escape($"left: {why}"), count.ToString("N0", CultureInfo.InvariantCulture));
        }
        AnsiConsole.Write(table);
    }
}
