using System.CommandLine;
using System.Text.Json;
using Athanor.Actors;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>twins list</c>, <c>twins show ID</c> and the same for every family. Both only read: they resume no work.</summary>
internal static class FamilyCommands
{
    private const int LongestCell = 100;

    private static readonly Argument<string> Id = new("id") { Description = "The entity's id, as 'list' shows it.", HelpName = "ID" };

    /// <summary>The command of a family with <c>list</c> and <c>show</c>; <paramref name="more"/> are the family's own, in their place where they
    /// have these names.</summary>
    public static Command Create(string family, string one, params Command[] more)
    {
        var command = Cli.Command(family, $"Lists and shows {family} (one entity is {one}).", $"{family} list", $"{family} show ID --json");
        foreach (var general in (Command[])[List(family), Show(family)])
        {
            if (Array.TrueForAll(more, m => m.Name != general.Name)) command.Subcommands.Add(general);
        }
        foreach (var m in more) command.Subcommands.Add(m);
        return command;
    }

    private static Command List(string family)
    {
        var list = Cli.Command(
            "list", $"Lists the entities of the family {family}.", $"{family} list", $"{family} list --json",
            $"{family} list --gateway https://athanor.example:7443 --token-file token");
        list.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(list);
        list.SetAction(async (parsed, cancellation) =>
        {
            Cli.CheckNames(parsed, null);
            await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
            var tenant = cluster.TenantOf(parsed.GetValue(Cli.Tenant));
            var rows = await cluster.Client.List(tenant, family, cancellation);
            if (parsed.GetValue(Cli.Json))
            {
                Cli.PrintJson(rows.Select(r => new { address = r.Address.ToString(), r.EventNumber, r.Status }));
                return ExitCodes.Success;
            }
            if (rows.Count == 0)
            {
                Console.Out.WriteLine($"There are no {family} yet in {(cluster.Api is null ? parsed.GetValue(Cli.State) : $"the tenant {tenant}")}.");
                return ExitCodes.Success;
            }
            var table = new Table().Border(TableBorder.Rounded).AddColumn("Id").AddColumn(new TableColumn("Events").RightAligned()).AddColumn("Status");
            foreach (var r in rows) table.AddRow(Markup.Escape(r.Address.Id), r.EventNumber.ToString(), r.Status);
            AnsiConsole.Write(table);
            return ExitCodes.Success;
        });
        return list;
    }

    private static Command Show(string family)
    {
        var show = Cli.Command("show", $"Shows the state of one of the {family}.", $"{family} show ID", $"{family} show ID --json");
        show.Arguments.Add(Id);
        show.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(show);
        show.SetAction(async (parsed, cancellation) =>
        {
            var id = parsed.GetRequiredValue(Id);
            Cli.CheckNames(parsed, id);
            await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
            var address = Cli.Address(parsed, cluster, family, id);
            var description = await Describe(cluster.Client, address, cancellation);
            if (parsed.GetValue(Cli.Json)) Console.Out.WriteLine(description.Json);
            else Print(address, description);
            return ExitCodes.Success;
        });
        return show;
    }

    private static async Task<Description> Describe(IClusterClient client, EntityAddress address, CancellationToken cancellation)
    {
        var reply = await client.Query(address, new Describe(), cancellation: cancellation);
        if (reply is Description { EventNumber: > 0 } description) return description;
        if (reply is Rejected { Code: not "not-found" } rejected) throw new UserException(rejected.Reason, ExitCodes.Failure);
        throw new UserException($"there is no {address}; 'athanor {address.Family} list' shows those that are", ExitCodes.Failure);
    }

    private static void Print(EntityAddress address, Description description)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Member").AddColumn("Value");
        table.AddRow("address", Markup.Escape(address.ToString()));
        table.AddRow("events", description.EventNumber.ToString());
        table.AddRow("state hash", description.StateHash);
        using var json = JsonDocument.Parse(description.Json);
        if (json.RootElement.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in json.RootElement.EnumerateObject())
                table.AddRow(Markup.Escape(member.Name), Markup.Escape(Brief(member.Value)));
        }
        AnsiConsole.Write(table);
    }

    private static string Brief(JsonElement value)
    {
        var text = value.GetRawText();
        if (text.Length <= LongestCell) return text;
        return value.ValueKind switch
        {
            JsonValueKind.Array => $"[{value.GetArrayLength()} items; --json shows them]",
            JsonValueKind.Object => $"{{{string.Join(", ", value.EnumerateObject().Take(8).Select(m => m.Name))}, ...; --json shows them}}",
            _ => text[..LongestCell] + " ...",
        };
    }
}
