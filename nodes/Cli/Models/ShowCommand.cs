using System.CommandLine;
using System.Globalization;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Models;

/// <summary><c>models show MODEL</c>: its versions with lineage and stage; with <c>--version</c> everything of one.</summary>
internal static class ShowCommand
{
    private static readonly Argument<string> Model = ModelArguments.Model();
    private static readonly Option<int?> Version = ModelArguments.Version("Show everything of this version: metrics, numbers, hashes, what it takes and gives.");

    public static Command Create()
    {
        var show = Cli.Command(
            "show", "Shows a model's versions with lineage, stage and users, or everything of one version.",
            "models show tclab-heater", "models show tclab-heater --version 2", "models show tclab-heater --json");
        show.Arguments.Add(Model);
        show.Options.Add(Version);
        show.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(show);
        show.SetAction(Run);
        return show;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Model);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var model = Cli.Address(parsed, cluster, "models", id);
        var view = await ModelArguments.Read(cluster.Client, model, cancellation);
        var one = parsed.GetValue(Version) is { } number ? ModelArguments.VersionOf(view, model, number) : null;
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(one is null ? Json(model, view) : Json(model, view, one));
        else if (one is null) Print(model, view);
        else Print(model, view, one);
        return ExitCodes.Success;
    }

    internal static object Json(EntityAddress model, ModelView view) => new
    {
        model = model.ToString(),
        view.Kind,
        view.Description,
        view.Production,
        view.InUse,
        versions = view.Versions.Select(v => Json(model, view, v)),
        fits = view.Fits,
        stages = view.Stages?.Changes ?? [],
    };

    internal static object Json(EntityAddress model, ModelView view, ModelVersion version) => new
    {
        name = ModelArguments.NameOf(model, version.Number),
        version = version.Number,
        stage = view.StageOf(version.Number),
        version.Source,
        version.Parent,
        run = version.Details?.Run ?? "",
        data = Data(version),
        blob = version.BlobHash,
        signature = version.Details?.Signature,
        version.Metrics,
        version.Parameters,
        usedBy = Users(view, version),
        stages = (view.Stages?.Changes ?? []).Where(c => c.Version == version.Number),
    };

    private static void Print(EntityAddress model, ModelView view)
    {
        Console.Out.WriteLine($"{model}: {view.Kind}, {view.Description}");
        foreach (var fit in view.Fits.Where(static f => f.Version == 0))
            Console.Out.WriteLine($"fit {fit.Fit}: {(fit.Failure.Length > 0 ? fit.Failure : $"{fit.PartsDone} of {fit.Parts} parts done")}");
        if (view.Versions.IsEmpty)
        {
            Console.Out.WriteLine("It has no versions yet.");
            return;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn("Version").RightAligned()).AddColumn("Stage")
            .AddColumn(new TableColumn("From").RightAligned()).AddColumn("Source").AddColumn("Data").AddColumn("Metrics").AddColumn("Used by");
        foreach (var v in view.Versions)
        {
            string[] cells =
            [
                v.Number.ToString(CultureInfo.InvariantCulture), Stage(view.StageOf(v.Number)),
                v.Parent > 0 ? v.Parent.ToString(CultureInfo.InvariantCulture) : "-", v.Source, ModelArguments.Brief(v.DataHash), Metrics(v),
                string.Join(", ", Users(view, v)),
            ];
            table.AddRow([.. cells.Select(cell => new Text(cell))]);
        }
        AnsiConsole.Write(table);
        foreach (var change in view.Stages?.Changes ?? []) Console.Out.WriteLine(Line(change));
    }

    private static void Print(EntityAddress model, ModelView view, ModelVersion version)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Member").AddColumn("Value");
        Add("version", ModelArguments.NameOf(model, version.Number));
        Add("stage", Stage(view.StageOf(version.Number)));
        Add("source", version.Source);
        Add("goes on from", version.Parent > 0 ? ModelArguments.NameOf(model, version.Parent) : "-");
        if (version.Details is { } details)
        {
            if (details.Run.Length > 0) Add("training run", details.Run);
            if (details.Signature is { } signature)
            {
                Add("kind", signature.Kind);
                Add("inputs", string.Join(", ", signature.Inputs));
                Add("outputs", string.Join(", ", signature.Outputs));
            }
        }
        foreach (var hash in Data(version)) Add("data", hash);
        if (version.BlobHash.Length > 0) Add("weights", version.BlobHash);
        foreach (var (name, value) in version.Metrics) Add(name, ModelArguments.Number(value));
        foreach (var (name, value) in version.Parameters) Add($"parameter {name}", value.ToString("G9", CultureInfo.InvariantCulture));
        foreach (var user in Users(view, version)) Add("used by", user);
        AnsiConsole.Write(table);
        foreach (var change in view.Stages?.Changes ?? [])
        {
            if (change.Version == version.Number) Console.Out.WriteLine(Line(change));
        }

        void Add(string member, string value) => table.AddRow(new Text(member), new Text(value));
    }

    internal static string Stage(ModelStage stage) => stage.ToString().ToLowerInvariant();

    private static string Line(StageChange change) =>
        string.Create(CultureInfo.InvariantCulture, $"{change.At:yyyy-MM-dd HH:mm:ss}Z version {change.Version} {Stage(change.Stage)} by {change.By}: {change.Why}");

    private static string Metrics(ModelVersion version)
    {
        const int Most = 4;
        var shown = version.Metrics.Take(Most).Select(m => $"{m.Key} {ModelArguments.Number(m.Value)}");
        return string.Join(", ", shown) + (version.Metrics.Count > Most ? ", ..." : "");
    }

    private static IEnumerable<string> Users(ModelView view, ModelVersion version) =>
        view.InUse.Where(use => use.Value == version.Number).Select(static use => use.Key);

    /// <summary>All data that went into it; the main one first.</summary>
    private static string[] Data(ModelVersion version) =>
        [.. new[] { version.DataHash }.Concat(version.Details?.Data ?? []).Where(static hash => hash.Length > 0).Distinct(StringComparer.Ordinal)];
}
