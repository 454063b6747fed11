using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models compare</c>: versions side by side, of one model or of several.</summary>
internal static class CompareCommand
{
    private const int MostColumns = 12;

    private static readonly Argument<string[]> Versions = new("versions")
    {
        Description = "MODEL for all its versions, MODEL@N for one.",
        HelpName = "MODEL[@N]",
        Arity = ArgumentArity.OneOrMore,
    };

    private sealed record Column(EntityAddress Model, ModelView View, ModelVersion Version)
    {
        public string Name => ModelArguments.NameOf(Model, Version.Number)["models/".Length..];
    }

    public static Command Create()
    {
        var compare = Cli.Command(
            "compare", "Shows the metrics and the lineage of versions side by side.", "models compare tclab-heater",
            "models compare airfoil@2 airfoil@5", "models compare airfoil@2 airfoil-deep@1 --json");
        compare.Arguments.Add(Versions);
        compare.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(compare);
        compare.SetAction(Run);
        return compare;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var named = parsed.GetRequiredValue(Versions).Select(ModelArguments.Parse).ToList();
        foreach (var (id, _) in named) Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        List<Column> columns = [];
        foreach (var (id, number) in named)
        {
            var model = Cli.Address(parsed, cluster, "models", id);
            var view = await ModelArguments.Read(cluster.Client, model, cancellation);
            if (number is { } one) columns.Add(new Column(model, view, ModelArguments.VersionOf(view, model, one)));
            else columns.AddRange(view.Versions.Select(v => new Column(model, view, v)));
        }
        columns = [.. columns.DistinctBy(static c => c.Name)];
        if (columns.Count == 0) throw new UserException("there is nothing to compare: no versions yet", ExitCodes.Failure);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(columns.Select(static c => ShowCommand.Json(c.Model, c.View, c.Version)));
            return ExitCodes.Success;
        }
        if (columns.Count > MostColumns)
            throw new UserException($"{columns.Count} versions are too many for one table; name up to {MostColumns} as MODEL@N, or take --json");
        Print(columns);
        return ExitCodes.Success;
    }

    private static void Print(List<Column> columns)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("");
        foreach (var column in columns) table.AddColumn(new TableColumn(new Text(column.Name)).RightAligned());
        Row("stage", static c => ShowCommand.Stage(c.View.StageOf(c.Version.Number)));
        Row("source", static c => c.Version.Source);
        Row("goes on from", static c => c.Version.Parent > 0 ? $"@{c.Version.Parent}" : "-");
        Row("data", static c => ModelArguments.Brief(c.Version.DataHash));
        Row("kind", static c => c.Version.Details?.Signature?.Kind ?? "");
        Row("takes and gives", static c => c.Version.Details?.Signature?.ToString() ?? "");
        foreach (var metric in columns.SelectMany(static c => c.Version.Metrics.Keys).Distinct().Order(StringComparer.Ordinal))
            Row(metric, c => c.Version.Metrics.TryGetValue(metric, out var value) ? ModelArguments.Number(value) : "-");
        foreach (var name in columns.SelectMany(static c => c.Version.Parameters.Keys).Distinct().Order(StringComparer.Ordinal))
            Row($"parameter {name}", c => c.Version.Parameters.TryGetValue(name, out var value) ? ModelArguments.Number(value) : "-");
        AnsiConsole.Write(table);

        void Row(string name, Func<Column, string> cell)
        {
            var cells = columns.Select(cell).ToArray();
            if (cells.Any(static c => c.Length > 0)) table.AddRow([new Text(name), .. cells.Select(c => new Text(c))]);
        }
    }
}
