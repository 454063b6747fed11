using Athanor.Actors;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins adopt</c> for a unit twin: a version of a registered model, the model of a file, the model on trial, or the one
/// before.</summary>
internal sealed class UnitAdoption(IClusterClient client, EntityAddress twin, UnitSpecView spec)
{
    /// <summary>The unit's spec; null if the twin is none.</summary>
    public static async Task<UnitSpecView?> Find(IClusterClient client, EntityAddress twin, CancellationToken cancellation) =>
        await client.Query(twin, new UnitSpecQuery(), cancellation: cancellation) as UnitSpecView;

    /// <param name="file">A file whose model is taken; null for none.</param>
    /// <param name="model">A registered model whose version is taken; null for none.</param>
    /// <param name="number">Which version; null: the one in production, else the newest.</param>
    /// <param name="back">Whether to go back to the model before.</param>
    public async Task<int> Run(bool json, string? file, string? model, int? number, bool back, string? why, CancellationToken cancellation)
    {
        var version = spec.Model.Version;
        List<string> notes = [];
        ICommand command;
        if (back) command = new RevertUnitModel(version, why ?? "twins adopt --back");
        else if (file is null && model is null) command = new AdoptUnitModel(null, why ?? "twins adopt --trial");
        else
        {
            var next = file is not null
                ? (await UnitArguments.Read(client, twin.Tenant, file, cancellation)).Spec.Model with { Version = version + 1 }
                : await Registered(new EntityAddress(twin.Tenant, "models", model!), number, notes.Add, cancellation);
            if (model is not null && next.Source == spec.Model.Source) return Print(json, spec.Model, notes);
            command = new AdoptUnitModel(next, why ?? $"twins adopt {twin.Id} {file ?? next.Source}");
            LearnedModels.CheckSize(next.Source, command);
        }
        await UnitArguments.Ask(client, twin, command, cancellation);
        var now = await UnitArguments.Query<UnitSpecView>(client, twin, new UnitSpecQuery(), cancellation);
        await Models.AdoptCommand.Told(client, twin, now.Model.Source, cancellation);
        return Print(json, now.Model, notes);
    }

    private async Task<UnitModel> Registered(EntityAddress model, int? number, Action<string> says, CancellationToken cancellation)
    {
        var (name, file) = await LearnedModels.Fetch(client, model, number, cancellation);
        return name == spec.Model.Source ? spec.Model : LearnedModels.Of(name, file, spec.Spec, spec.Model, says);
    }

    private int Print(bool json, UnitModel now, List<string> notes)
    {
        if (json) Cli.PrintJson(new { twin = twin.ToString(), before = spec.Model.Source, now = now.Source, now.Version, notes });
        else
        {
            foreach (var note in notes) Console.Out.WriteLine($"{note}.");
            Console.Out.WriteLine(now.Version == spec.Model.Version
                ? $"{twin} runs {now.Source} already."
                : $"{twin} runs {now.Source} as its model {now.Version}; before: {spec.Model.Source}.");
        }
        return ExitCodes.Success;
    }
}
