using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Compute.Exchange;
using Athanor.Compute.Twins;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Twins;

namespace Athanor.Nodes.Cli.Models;

/// <summary>
/// <c>twins adopt UNIT MODEL</c>: gives a twin a version of a registered model from its next row on; <c>--back</c> gives it the model before.
/// The command reads the version and hands its numbers to the twin, which journals who and why and tells the registered models. A retired
/// version, another kind of model and other inputs are refused here, before the twin is asked; wrong numbers by the twin.
/// A unit twin (made by <c>twins create</c>) takes a learned model of dynamics, the model of a file, or the one on trial:
/// <see cref="Twins.UnitAdoption"/>.
/// </summary>
internal static class AdoptCommand
{
    private static readonly TimeSpan LongestTell = TimeSpan.FromSeconds(10);

    private static readonly Argument<string> Unit = new("unit") { Description = "The twin's id.", HelpName = "UNIT" };

    private static readonly Argument<string?> Model = new("model")
    {
        Description = "The model's id; for a unit twin also a file, FILE.hocon.",
        HelpName = "MODEL",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int?> Version = ModelArguments.Version("Which version (default: the one in production, else the newest).");
    private static readonly Option<bool> Trial = new("--trial") { Description = "Take the model that is on trial ('twins compare')." };
    private static readonly Option<bool> Back = new("--back") { Description = "Go back to the model that the twin ran before." };
    private static readonly Option<string?> Why = ModelArguments.Why("What speaks for it; the journal keeps it, with who it was.");

    public static Command Create()
    {
        var adopt = Cli.Command(
            "adopt", "Gives a twin a version of a registered model, or the model that it ran before.", "twins adopt tclab tclab-heater",
            "twins adopt tclab tclab-heater --version 2 --why \"half the error on the second day\"", "twins adopt tclab --back --why \"it drifts\"",
            "twins adopt R-101 reactor-net --version 3", "twins adopt R-101 refitted.hocon --why \"k0 fitted anew\"", "twins adopt R-101 --trial");
        adopt.Arguments.Add(Unit);
        adopt.Arguments.Add(Model);
        foreach (var option in (Option[])[Version, Trial, Back, Why, Cli.Tenant]) adopt.Options.Add(option);
        RemoteOptions.AddTo(adopt);
        adopt.SetAction(Run);
        return adopt;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (unit, model, back) = (parsed.GetRequiredValue(Unit), parsed.GetValue(Model), parsed.GetValue(Back));
        Cli.CheckNames(parsed, unit);
        var (trial, isFile) = (parsed.GetValue(Trial), model is not null && Training.RunFile.Is(model));
        if (model is not null && !isFile) Cli.CheckNames(parsed, model);
        if (back && (model is not null || parsed.GetValue(Version) is not null))
            throw new UserException("--back goes to the model that the twin ran before; MODEL and --version are for a new one");
        if (trial && (back || model is not null)) throw new UserException("--trial takes the model that is on trial; MODEL and --back are for others");
        if (!back && !trial && model is null) throw new UserException("which model? twins adopt UNIT MODEL, or --back for the one before, or --trial for the one on trial");
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", unit);
        if (await Twins.UnitAdoption.Find(cluster.Client, twin, cancellation) is { } own)
            return await new Twins.UnitAdoption(cluster.Client, twin, own).Run(
                parsed.GetValue(Cli.Json), isFile ? model : null, isFile ? null : model, parsed.GetValue(Version), back, parsed.GetValue(Why), cancellation);
        if (trial || isFile) throw new UserException($"{twin} is no unit twin; it takes a registered model, twins adopt {unit} MODEL");
        var before = await Read(cluster.Client, twin, cancellation);
        if (back) await ModelArguments.Ask(cluster.Client, twin, new RevertModel(before.Model.Version, parsed.GetValue(Why) ?? "twins adopt --back"), cancellation);
        else await Adopt(cluster.Client, twin, before, Cli.Address(parsed, cluster, "models", model!), parsed, cancellation);
        var after = await Read(cluster.Client, twin, cancellation);
        await Told(cluster.Client, twin, after.Model.Source, cancellation);
        Print(parsed, twin, before, after);
        return ExitCodes.Success;
    }

    private static async Task Adopt(
        IClusterClient client, EntityAddress twin, TwinView before, EntityAddress model, ParseResult parsed, CancellationToken cancellation)
    {
        var view = await ModelArguments.Read(client, model, cancellation);
        var version = ModelArguments.VersionOf(view, model, parsed.GetValue(Version));
        var name = ModelArguments.NameOf(model, version.Number);
        if (before.Model.Source == name) return;
        Twins.LearnedModels.CheckStage(view, version.Number, name);
        var heater = await HeaterOf(client, twin, model, version, name, cancellation);
        var kind = heater.IsHybrid ? HeaterModel.HybridKind : HeaterModel.BalanceKind;
        var next = new TwinModel(kind, before.Model.Version + 1, name, heater.Parameters.ToArray(), heater.Weights.ToArray());
        await ModelArguments.Ask(client, twin, new AdoptModel(next, null, parsed.GetValue(Why) ?? $"twins adopt {twin.Id} {model.Id}"), cancellation);
    }

    /// <summary>The twin's message to the registered model is on its way; whoever looks at the model next shall see who uses it.</summary>
    internal static async Task Told(IClusterClient client, EntityAddress twin, string source, CancellationToken cancellation)
    {
        const string Models = "models/";
        if (!source.StartsWith(Models, StringComparison.Ordinal) || ModelArguments.Parse(source[Models.Length..]) is not (var id, { } version)) return;
        var model = new EntityAddress(twin.Tenant, "models", id);
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < LongestTell)
        {
            if (await client.Query(model, new ModelQuery(), cancellation: cancellation) is not ModelView view) return;
            if (view.InUse.GetValueOrDefault($"twins/{twin.Id}") == version) return;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellation);
        }
        Console.Error.WriteLine($"athanor: {model} does not know of it yet; it is told as soon as its owner is there");
    }

    private static async Task<HeaterModel> HeaterOf(
        IClusterClient client, EntityAddress twin, EntityAddress model, ModelVersion version, string name, CancellationToken cancellation)
    {
        try
        {
            return HeaterFile.Read(await VersionFiles.Read(client, model, version, cancellation));
        }
        catch (ExchangeException error)
        {
            throw new UserException($"the twin {twin.Id} cannot run {name}: {error.Message}", ExitCodes.Failure);
        }
    }

    private static async Task<TwinView> Read(IClusterClient client, EntityAddress twin, CancellationToken cancellation) =>
        await client.Query(twin, new TwinQuery(), cancellation: cancellation) switch
        {
            TwinView view => view,
            Rejected { Code: not "not-found" } rejected => throw new UserException(rejected.Reason, ExitCodes.Failure),
            _ => throw new UserException($"there is no {twin}; 'athanor twins list' shows those that are", ExitCodes.Failure),
        };

    private static void Print(ParseResult parsed, EntityAddress twin, TwinView before, TwinView after)
    {
        var adoption = after.Adoptions[^1];
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new
            {
                twin = twin.ToString(),
                changed = after.Model.Version != before.Model.Version,
                before = before.Model.Source,
                now = after.Model.Source,
                after.Model.Kind,
                after.Model.Version,
                adoption.AfterRow,
                adoption.By,
                adoption.Why,
            });
            return;
        }
        Console.Out.WriteLine(after.Model.Version == before.Model.Version
            ? $"{twin} runs {after.Model.Source} already."
            : string.Create(CultureInfo.InvariantCulture, $"{twin} runs {after.Model.Source} ({after.Model.Kind}) from row {adoption.AfterRow + 1} on; before: {before.Model.Source}."));
    }
}
