using System.CommandLine;
using Athanor.Hosting;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Nodes.Local;
using Athanor.Nodes.Replay;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>replay</c>: entities rebuilt from the journal alone.</summary>
internal static class ReplayCommand
{
    private static readonly Argument<string?> Address = new("address")
    {
        Description = "One entity, as tenant/family/id or family/id; all entities when left away.",
        HelpName = "ADDRESS",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Create()
    {
        var replay = Cli.Command("replay",
            "Rebuilds entities from the journal alone, event by event from the first, and compares their state hashes with the live ones.",
            "replay", "replay twins/tclab", "replay --state .athanor/demo --json",
            "replay --gateway https://athanor.example:7443 --token-file token --tenant plant-a");
        replay.Arguments.Add(Address);
        replay.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(replay);
        replay.SetAction(Run);
        return replay;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        Cli.CheckNames(parsed, null);
        var (text, named) = (parsed.GetValue(Address), parsed.GetValue(Cli.Tenant));
        // Before anything is opened.
        if (text is not null) CliCluster.Address(text, EntityAddress.DefaultTenant);
        var options = CliCluster.Options(parsed);
        if (await CliCluster.OpenGateway(parsed, options, cancellation) is { } remote)
        {
            await using (remote) return Show(parsed, await Remote(remote, text, named, cancellation));
        }
        var only = text is null ? (EntityAddress?)null : CliCluster.Address(text, named ?? EntityAddress.DefaultTenant);
        await using var cluster = NodePlaces.IsCluster(options)
            ? await ClusterConnection.OpenCluster(options, direct: true, cancellation)
            : await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        // Beside a running node the journal is read through a second, read-only connection.
        await using var reading = cluster.Store is null ? OpenJournal(parsed.GetRequiredValue(Cli.State)) : null;
        var run = new ReplayRun(cluster.Store ?? reading!, cluster.Client, new RegistryCodec(Families.Messages));
        var rows = new List<ReplayedEntity>();
        await foreach (var row in run.Run(only, cancellation))
        {
            if (named is null || row.Address.Tenant == named || only is not null) rows.Add(row);
        }
        if (only is not null && rows.Count == 0) throw new UserException($"there is no {only}", ExitCodes.Failure);
        return Show(parsed, rows);
    }

    /// <summary>Beside the journal, by the gateway's node, one entity a request.</summary>
    private static async Task<List<ReplayedEntity>> Remote(ClusterConnection remote, string? text, string? named, CancellationToken cancellation)
    {
        var tenant = remote.TenantOf(named);
        var rows = new List<ReplayedEntity>();
        if (text is not null)
        {
            var one = await remote.Api!.Replay(CliCluster.Address(text, tenant), cancellation);
            return one is { EventNumber: > 0 } or { Damage: not null } ? [one] : throw new UserException($"there is no {one.Address}", ExitCodes.Failure);
        }
        foreach (var family in Families.Names)
        {
            foreach (var entity in await remote.Client.List(tenant, family, cancellation))
                rows.Add(await remote.Api!.Replay(entity.Address, cancellation));
        }
        return rows;
    }

    private static int Show(ParseResult parsed, List<ReplayedEntity> rows)
    {
        if (parsed.GetValue(Cli.Json))
            Cli.PrintJson(rows.Select(r => new { address = r.Address.ToString(), r.EventNumber, r.JournalHash, r.LiveHash, r.Same, r.Damage }));
        else
            Print(rows);
        return rows.TrueForAll(r => r.Same) ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static SqliteStore OpenJournal(string stateDirectory) =>
        SqliteStore.OpenForReading(Path.Combine(stateDirectory, "journal.db"), new SqliteStoreOptions(), TimeProvider.System);

    private static void Print(List<ReplayedEntity> rows)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Entity").AddColumn(new TableColumn("Events").RightAligned())
            .AddColumn("State hash from the journal").AddColumn("Live");
        foreach (var r in rows)
        {
            var live = r.Same ? "[green]the same[/]" : $"[red]{Markup.Escape(r.Damage ?? r.LiveHash)}[/]";
            table.AddRow(Markup.Escape(r.Address.ToString()), r.EventNumber.ToString(), r.JournalHash, live);
        }
        AnsiConsole.Write(table);
        var bad = rows.Count(r => !r.Same);
        Console.Out.WriteLine(bad == 0 ? $"{rows.Count} entities, all the same." : $"{bad} of {rows.Count} entities differ or are damaged.");
    }
}
