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
            "replay", "replay twins/tclab", "replay --state .athanor/demo --json");
        replay.Arguments.Add(Address);
        replay.SetAction(Run);
        return replay;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var only = Parse(parsed.GetValue(Address));
        var options = CliCluster.Options(parsed);
        await using var cluster = NodePlaces.IsCluster(options)
            ? await ClusterConnection.OpenCluster(options, direct: true, cancellation)
            : await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        // Beside a running node the journal is read through a second, read-only connection.
        await using var reading = cluster.Store is null ? OpenJournal(parsed.GetRequiredValue(Cli.State)) : null;
        var run = new ReplayRun(cluster.Store ?? reading!, cluster.Client, new RegistryCodec(Families.Messages));
        var rows = new List<ReplayedEntity>();
        await foreach (var row in run.Run(only, cancellation)) rows.Add(row);
        if (only is not null && rows.Count == 0) throw new UserException($"there is no {only}", ExitCodes.Failure);
        if (parsed.GetValue(Cli.Json))
            Cli.PrintJson(rows.Select(r => new { address = r.Address.ToString(), r.EventNumber, r.JournalHash, r.LiveHash, r.Same, r.Damage }));
        else
            Print(rows);
        return rows.TrueForAll(r => r.Same) ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static SqliteStore OpenJournal(string stateDirectory) =>
        SqliteStore.OpenForReading(Path.Combine(stateDirectory, "journal.db"), new SqliteStoreOptions(), TimeProvider.System);

    private static EntityAddress? Parse(string? text)
    {
        if (text is null) return null;
        if (EntityAddress.TryParse(text, out var whole)) return whole;
        if (EntityAddress.TryParse($"{EntityAddress.DefaultTenant}/{text}", out var ofDefault)) return ofDefault;
        throw new UserException($"'{text}' is no address; expected family/id such as twins/tclab, or tenant/family/id");
    }

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
