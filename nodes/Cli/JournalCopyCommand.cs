using System.CommandLine;
using Athanor.Hosting;
using Athanor.Hosting.Journal.Copy;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>journal copy</c>: everything of one journal into another store.</summary>
internal static class JournalCopyCommand
{
    private static readonly Option<string> From = new("--from")
    {
        Description = "The journal that is read: sqlite:DIR or postgres:CONNECTION. No node may run on it.",
        HelpName = "JOURNAL",
        Required = true,
    };

    private static readonly Option<string> To = new("--to")
    {
        Description = "The store that it goes to; made if it is missing. It must not hold the tenant yet.",
        HelpName = "JOURNAL",
        Required = true,
    };

    private static readonly Option<string?> AsTenant = new("--as-tenant")
    {
        Description = "Put everything under this tenant. Chains are hashed anew; where each ended before is recorded.",
        HelpName = "TENANT",
    };

    private static readonly Option<int?> Shards = new("--shards")
    {
        Description = "Number of shards of a store that is made now (default: athanor.shards.count).",
        HelpName = "N",
    };

    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Read and verify the source, look at the target, write nothing.",
    };

    public static Command Create()
    {
        var copy = Cli.Command(
            "copy", "Copies a whole journal into another store and verifies what arrived: events, snapshots, mailboxes, timers, work, "
            + "replies, parked messages, blobs. An interrupted copy is gone on with by the same command, and no node hosts it before.",
            "journal copy --from sqlite:.athanor/state --to sqlite:/var/lib/athanor --shards 64",
            "journal copy --from sqlite:.athanor/state --to \"postgres:Host=127.0.0.1;Port=7432;Database=athanor;Username=postgres\"",
            "journal copy --from sqlite:plant-a --to sqlite:all --as-tenant plant-a --dry-run");
        foreach (var option in (Option[])[From, To, AsTenant, Shards, DryRun]) copy.Options.Add(option);
        copy.SetAction(Run);
        return copy;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var tenant = parsed.GetValue(AsTenant);
        if (tenant is not null && !EntityAddress.IsValidPart(tenant))
            throw new UserException($"'{tenant}' is no tenant: 1 to {EntityAddress.MaxPartLength} letters, digits, '.', '_' and '-'");
        if (parsed.GetRequiredValue(From) == parsed.GetRequiredValue(To)) throw new UserException("--from and --to are the same journal");
        var options = CliCluster.Options(parsed);
        await using var from = await JournalEnd.Open(parsed.GetRequiredValue(From), false, null, options, cancellation);
        await using var to = await JournalEnd.Open(
            parsed.GetRequiredValue(To), true, parsed.GetValue(Shards), options, cancellation);
        var settings = new CopyOptions { AsTenant = tenant, DryRun = parsed.GetValue(DryRun) };
        var json = parsed.GetValue(Cli.Json);
        var report = json
            ? await Copy(null)
            : await AnsiConsole.Progress().AutoClear(false).Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new SpinnerColumn())
                .StartAsync(Copy);
        if (json) Cli.PrintJson(report);
        else Print(report, settings, to.Name);
        return ExitCodes.Success;

        Task<CopyReport> Copy(ProgressContext? context)
        {
            var tasks = new Dictionary<string, ProgressTask>(StringComparer.Ordinal);
            var begun = TimeProvider.System.GetTimestamp();
            var copy = new JournalCopy(
                from.CopyEnd, to.CopyEnd, Families.Deciders, new RegistryCodec(Families.Messages), settings,
                context is null ? null : Show);
            return copy.Run(cancellation);

            void Show(CopyProgress at)
            {
                if (!tasks.TryGetValue(at.Phase, out var task))
                {
                    tasks[at.Phase] = task = context!.AddTask(at.Phase);
                    begun = TimeProvider.System.GetTimestamp();
                }
                (task.MaxValue, task.Value) = (Math.Max(1, at.Total), at.Total == 0 ? 1 : at.Done);
                var rate = at.Done / Math.Max(0.001, TimeProvider.System.GetElapsedTime(begun).TotalSeconds);
                task.Description = FormattableString.Invariant($"{at.Phase} {at.Done:N0} of {at.Total:N0}, {rate:N0}/s");
            }
        }
    }

    private static void Print(CopyReport report, CopyOptions settings, string target)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn(settings.DryRun ? "Would be copied" : "Copied and verified")
            .AddColumn(new TableColumn("Count").RightAligned());
        (string What, long Count)[] figures =
        [
            ("entities", report.Entities), ("of them faulted", report.Faulted), ("events", report.Events), ("snapshots", report.Snapshots),
            ("messages waiting", report.Mail), ("messages parked", report.Parked), ("timers", report.Timers), ("work items", report.Work),
            ("replies under keys", report.Replies), ("blobs", report.Blobs), ("blob bytes", report.BlobBytes),
        ];
        foreach (var (what, count) in figures) table.AddRow(what, FormattableString.Invariant($"{count:N0}"));
        AnsiConsole.Write(table);
        foreach (var left in report.NotReplayed) Console.Out.WriteLine($"not replayed, chain compared: {left}");
        Console.Out.WriteLine(settings.DryRun
            ? $"Nothing was written. {report.FromShards} shards would become {report.ToShards} in {target}."
            : $"{report.FromShards} shards became {report.ToShards} in {target}; every chain and state there is what it was"
                + (report.Resumed ? " (the rows were there from an interrupted copy)." : "."));
    }
}
