using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Athanor.Hosting;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Journal.Care;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>journal</c>: what lies in the configured journal (a state directory or a cluster's database), read through a connection of its
/// own that only reads, so beside running nodes as well as without them.</summary>
internal static class JournalCommands
{
    private static readonly Option<int?> Shard = new("--shard") { Description = "Only this shard's feed.", HelpName = "N" };

    private static readonly Option<long> After = new("--after")
    {
        Description = "Only what comes after this number of the entity or of the feed.",
        HelpName = "N",
    };

    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "Most events to print.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    private static readonly Argument<string?> OnlyEntity = new("address")
    {
        Description = "One entity, as tenant/family/id or family/id; every entity when left away.",
        HelpName = "ADDRESS",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string> Entity = new("address")
    {
        Description = "The entity, as tenant/family/id or family/id.",
        HelpName = "ADDRESS",
    };

    public static Command Create()
    {
        var journal = Cli.Command("journal",
            "Looks into the journal of a state directory, or of a cluster's database (--config), without hosting it: nothing is changed, and nodes "
            + "may be running.",
            "journal verify", "journal list twins/tclab", "journal stats --json");
        journal.Subcommands.Add(CreateVerify());
        journal.Subcommands.Add(CreateList());
        journal.Subcommands.Add(CreateShow());
        journal.Subcommands.Add(CreateStats());
        journal.Subcommands.Add(JournalCopyCommand.Create());
        journal.Subcommands.Add(JournalSealCommand.Create());
        journal.Subcommands.Add(JournalProjectionsCommands.Create());
        journal.Subcommands.Add(JournalDatabaseCommands.CreateMigrate());
        journal.Subcommands.Add(JournalDatabaseCommands.CreateRestored());
        return journal;
    }

    private static Command CreateVerify()
    {
        var verify = Cli.Command("verify",
            "Reads every row and every blob and checks CRCs, hashes, chains and gaps. Exit code 1 if anything is damaged.",
            "journal verify", "journal verify --state .athanor/demo --json");
        verify.SetAction(Verify);
        return verify;
    }

    private static Command CreateList()
    {
        var list = Cli.Command("list", "Lists events, of one entity, of one shard's feed, or of all shards.",
            "journal list twins/tclab", "journal list --shard 3 --after 1000 --limit 50 --json");
        list.Arguments.Add(OnlyEntity);
        list.Options.Add(Shard);
        list.Options.Add(After);
        list.Options.Add(Limit);
        list.SetAction(List);
        return list;
    }

    private static Command CreateShow()
    {
        var show = Cli.Command("show", "Shows an entity's events with their contents.",
            "journal show twins/tclab", "journal show twins/tclab --after 10 --limit 5");
        show.Arguments.Add(Entity);
        show.Options.Add(After);
        show.Options.Add(Limit);
        show.SetAction(Show);
        return show;
    }

    private static Command CreateStats()
    {
        var stats = Cli.Command("stats", "Counts entities, events, messages, timers, work and blobs.",
            "journal stats", "journal stats --json");
        stats.SetAction(Stats);
        return stats;
    }

    private static async Task<int> Verify(ParseResult parsed, CancellationToken cancellation)
    {
        var (options, found) = (CliCluster.Options(parsed), new List<Damage>());
        var (name, beside) = (options.StateDirectory, Beside(options));
        try
        {
            await using var end = await JournalEnd.OpenToRead(options, cancellation);
            name = end.File ?? end.Name;
            found.AddRange(await end.Store.Verify(cancellation).ToListAsync(cancellation));
            var verifier = new JournalVerifier(end.Store, end.Blobs, Families.Deciders, new RegistryCodec(Families.Messages));
            found.AddRange(await verifier.Segments(cancellation));
        }
        catch (DamageException e)
        {
            // So damaged that it cannot be opened; its blobs can still be looked at.
            found.Add(new Damage("journal.db", e.Where, e.Message));
        }
        var blobs = JournalEnd.OpenBlobs(options);
        await using var opened = blobs as IAsyncDisposable;
        found.AddRange(await ((IBlobCare)blobs).Verify(cancellation).ToListAsync(cancellation));

        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(found);
        }
        else if (found.Count == 0)
        {
            Console.Out.WriteLine($"{name} and its blobs are whole{beside}.");
        }
        else
        {
            var table = new Table().Border(TableBorder.Rounded).AddColumn("In").AddColumn("Where").AddColumn("What");
            foreach (var d in found) table.AddRow(Markup.Escape(d.Table), Markup.Escape(d.Where), Markup.Escape(d.What));
            AnsiConsole.Write(table);
            Console.Out.WriteLine($"{found.Count} places are damaged{beside}. Nothing of them is used; what is undamaged goes on.");
        }
        return found.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static async Task<int> List(ParseResult parsed, CancellationToken cancellation)
    {
        await using var end = await JournalEnd.OpenToRead(CliCluster.Options(parsed), cancellation);
        var store = end.Store;
        var rows = await Events(parsed, store, parsed.GetValue(OnlyEntity), cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(rows.Select(r => new
            {
                r.Shard,
                r.Number,
                entity = r.Entity.ToString(),
                r.EntityNumber,
                r.Event.Kind,
                r.Event.Version,
                bytes = r.Event.Body.Length,
                r.Time,
                r.Principal,
                hash = Hex(r.Hash),
            }));
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumn(Right("Shard")).AddColumn(Right("Number"))
            .AddColumn(new TableColumn("Entity").NoWrap()).AddColumn(Right("Event")).AddColumn("Kind").AddColumn(Right("Bytes"))
                .AddColumn(new TableColumn("Time (UTC)"));
        foreach (var r in rows)
        {
            table.AddRow(
                Text(r.Shard), Text(r.Number), Markup.Escape(r.Entity.ToString()), Text(r.EntityNumber), Markup.Escape(r.Event.Kind),
                Text(r.Event.Body.Length), Time(r));
        }
        AnsiConsole.Write(table);
        Console.Out.WriteLine(rows.Count < parsed.GetValue(Limit)
            ? $"{rows.Count} events."
            : $"The first {rows.Count} events; --after and --limit show more.");
        return ExitCodes.Success;
    }

    private static async Task<int> Show(ParseResult parsed, CancellationToken cancellation)
    {
        await using var end = await JournalEnd.OpenToRead(CliCluster.Options(parsed), cancellation);
        var store = end.Store;
        var address = parsed.GetRequiredValue(Entity);
        var rows = await Events(parsed, store, address, cancellation);
        if (rows.Count == 0 && parsed.GetValue(After) == 0)
            throw new UserException($"the journal of {end.Name} has no event of {address}; 'athanor journal list' shows what it has",
                ExitCodes.Failure);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(rows.Select(r => new
            {
                entity = r.Entity.ToString(),
                r.EntityNumber,
                r.Event.Kind,
                r.Event.Version,
                r.Time,
                r.Principal,
                hash = Hex(r.Hash),
                contents = Contents(r),
            }));
            return ExitCodes.Success;
        }
        foreach (var r in rows)
        {
            var (kind, by) = (Markup.Escape(r.Event.Kind), Markup.Escape(r.Principal));
            AnsiConsole.MarkupLine($"[bold]{r.EntityNumber}  {kind}[/] v{r.Event.Version}  {Time(r)}  by {by}");
            Console.Out.WriteLine($"   {Contents(r).GetRawText()}");
            Console.Out.WriteLine($"   {Hex(r.Hash)}");
        }
        return ExitCodes.Success;
    }

    private static async Task<int> Stats(ParseResult parsed, CancellationToken cancellation)
    {
        await using var end = await JournalEnd.OpenToRead(CliCluster.Options(parsed), cancellation);
        var store = end.Store;
        var heads = await store.ListAllEntities(cancellation);
        var shards = await store.ReadShards(cancellation);
        var (mail, timers) = (0, 0);
        foreach (var shard in shards)
        {
            mail += (await store.ReadMail([shard.Shard], int.MaxValue, cancellation)).Count;
            timers += (await store.OpenShard(shard.Shard, cancellation)).Timers.Count;
        }
        var work = await store.ListWork(null, cancellation);
        var figures = new List<(string What, long Count)>
        {
            ("shards", store.ShardCount),
            ("entities", heads.Count),
        };
        figures.AddRange(heads.GroupBy(h => h.Entity.Family).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => ($"entities: {g.Key}", (long)g.Count())));
        figures.Add(("entities: faulted", heads.Count(h => h.Fault is not null)));
        figures.Add(("events", shards.Sum(s => s.LastEvent)));
        figures.Add(("messages waiting", mail));
        figures.Add(("messages parked", (await store.ReadParked(cancellation)).Count));
        figures.Add(("timers", timers));
        figures.AddRange(Enum.GetValues<WorkStatus>()
            .Select(s => ($"work: {s.ToString().ToLowerInvariant()}", (long)work.Count(w => w.Status == s))));
        if (end.File is { } file) figures.Add(("journal bytes", new FileInfo(file).Length));
        if (end.Blobs is DirectoryBlobStore files)
        {
            var blobs = files.Measure();
            figures.Add(("blob files", blobs.Files));
            figures.Add(("blob bytes", blobs.Bytes));
        }
        else
        {
            figures.Add(("blobs", await ((IBlobList)end.Blobs).List(cancellation).CountAsync(cancellation)));
        }

        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(figures.ToDictionary(f => f.What, f => f.Count));
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumn(Markup.Escape(end.Name)).AddColumn(Right("Count"));
        foreach (var (what, count) in figures) table.AddRow(what, count.ToString("N0", CultureInfo.InvariantCulture));
        AnsiConsole.Write(table);
        return ExitCodes.Success;
    }

    private static async Task<IReadOnlyList<JournalRow>> Events(
        ParseResult parsed, IStore store, string? address, CancellationToken cancellation)
    {
        var (after, limit) = (parsed.GetValue(After), parsed.GetValue(Limit));
        if (after < 0 || limit < 1) throw new UserException("--after is 0 or more, and --limit 1 or more");
        if (address is not null)
        {
            var entity = ParseAddress(address);
            // Whole, not from --after on: the chain is checked from its start.
            var history = await store.ReadEntity(entity, true, cancellation);
            if (history.Begins > 1 && after < history.Begins - 1)
                Console.Error.WriteLine($"athanor: the history of {entity} begins at event {history.Begins}; what was before it was given up");
            return history.Events.Where(e => e.EntityNumber > after).Take(limit).ToList();
        }
        if (parsed.GetValue(Shard) is { } shard)
        {
            if (shard < 0 || shard >= store.ShardCount)
                throw new UserException($"there is no shard {shard}; this journal has 0 to {store.ShardCount - 1}");
            return await store.ReadFeed(shard, after, limit, cancellation);
        }
        var rows = new List<JournalRow>();
        for (var s = 0; s < store.ShardCount && rows.Count < limit; s++)
            rows.AddRange(await store.ReadFeed(s, after, limit - rows.Count, cancellation));
        return rows;
    }

    /// <summary>Who holds the directory that is read, if anybody does.</summary>
    private static string Beside(AthanorOptions options) =>
        options.Store.Kind != "postgres" && Directory.Exists(options.StateDirectory) && StateDirectory.IsHeld(options.StateDirectory, out var holder)
            ? $" (read beside process {holder?.ToString(CultureInfo.InvariantCulture) ?? "?"}, which holds it)"
            : "";

    private static EntityAddress ParseAddress(string text)
    {
        if (EntityAddress.TryParse(text, out var whole)) return whole;
        if (EntityAddress.TryParse($"{EntityAddress.DefaultTenant}/{text}", out var ofDefault)) return ofDefault;
        throw new UserException($"'{text}' is no address; expected family/id such as twins/tclab, or tenant/family/id");
    }

    /// <summary>An event's contents as JSON; a kind that this build does not know is shown as its bytes.</summary>
    private static JsonElement Contents(JournalRow row)
    {
        try
        {
            return JsonDocument.Parse(StateJson.Write(new RegistryCodec(Families.Messages).Decode(row.Event))).RootElement;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return JsonSerializer.SerializeToElement(new { unreadable = e.Message, bytes = Convert.ToHexStringLower(row.Event.Body.Span) });
        }
    }

    private static TableColumn Right(string name) => new TableColumn(name).RightAligned();

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Time(JournalRow row) => row.Time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexStringLower(bytes.Span);
}
