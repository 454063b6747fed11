using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Hosting.Runtime;
using Athanor.Protocol.Models;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models list</c>: every model with its kind, its versions, the one in production and who uses any.</summary>
internal static class ListCommand
{
    /// <summary>Models that are asked at the same time.</summary>
    private const int AtOnce = 8;

    private sealed record Line(EntitySummary Entity, ModelView? View);

    public static Command Create()
    {
        var list = Cli.Command(
            "list", "Lists the models with their versions, the one in production, and who uses them.", "models list", "models list --json",
            "models list --gateway https://athanor.example:7443 --token-file token");
        list.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(list);
        list.SetAction(Run);
        return list;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        Cli.CheckNames(parsed, null);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var tenant = cluster.TenantOf(parsed.GetValue(Cli.Tenant));
        List<Line> lines = [];
        foreach (var some in (await cluster.Client.List(tenant, "models", cancellation)).Chunk(AtOnce))
        {
            lines.AddRange(await Task.WhenAll(some.Select(async entity => new Line(entity, await View(cluster.Client, entity, cancellation)))));
        }
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(lines.Select(static l => new
            {
                address = l.Entity.Address.ToString(),
                l.Entity.EventNumber,
                l.Entity.Status,
                kind = l.View?.Kind,
                description = l.View?.Description,
                versions = l.View?.Versions.Length,
                production = l.View?.Production,
                inUse = l.View?.InUse,
            }));
            return ExitCodes.Success;
        }
        if (lines.Count == 0)
        {
            Console.Out.WriteLine($"There are no models yet in {(cluster.Api is null ? parsed.GetValue(Cli.State) : $"the tenant {tenant}")}.");
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Id").AddColumn("Kind").AddColumn(new TableColumn("Versions").RightAligned())
            .AddColumn(new TableColumn("Production").RightAligned()).AddColumn("Used by").AddColumn("Description");
        foreach (var (entity, view) in lines) table.AddRow([.. Cells(entity, view).Select(cell => new Text(cell))]);
        AnsiConsole.Write(table);
        return ExitCodes.Success;
    }

    /// <summary>A model that is faulted, or whose owner is away, cannot answer; it is listed all the same.</summary>
    private static async Task<ModelView?> View(IClusterClient client, EntitySummary entity, CancellationToken cancellation)
    {
        try
        {
            return await client.Query(entity.Address, new ModelQuery(), cancellation: cancellation) as ModelView;
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static string[] Cells(EntitySummary entity, ModelView? view)
    {
        if (view is null) return [entity.Address.Id, "", "", "", "", entity.Status];
        var users = view.InUse.Select(use => string.Create(CultureInfo.InvariantCulture, $"{use.Key} @{use.Value}"));
        return
        [
            entity.Address.Id, view.Kind, view.Versions.Length.ToString(CultureInfo.InvariantCulture),
            view.Production > 0 ? view.Production.ToString(CultureInfo.InvariantCulture) : "-", string.Join(", ", users), view.Description,
        ];
    }
}
