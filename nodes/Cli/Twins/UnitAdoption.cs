using Athanor.Actors;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins adopt</c> for a unit twin: the model of a file, the model on trial, or the one before.</summary>
internal sealed class UnitAdoption(IClusterClient client, EntityAddress twin, UnitSpecView spec)
{
    /// <summary>The unit's spec; null if the twin is none.</summary>
    public static async Task<UnitSpecView?> Find(IClusterClient client, EntityAddress twin, CancellationToken cancellation) =>
        await client.Query(twin, new UnitSpecQuery(), cancellation: cancellation) as UnitSpecView;

    /// <param name="file">A file whose model is taken; null for none.</param>
    /// <param name="model">What was named.</param>
    /// <param name="back">Whether to go back to the model before.</param>
    public async Task<int> Run(bool json, string? file, string? model, bool back, string? why, CancellationToken cancellation)
    {
        if (model is not null && file is null) throw new UserException($"{twin} is a unit twin: it takes the model of a file, twins adopt {twin.Id} FILE.hocon");
        var version = spec.Model.Version;
        ICommand command = back ? new RevertUnitModel(version, why ?? "twins adopt --back")
            : file is not null ? new AdoptUnitModel(UnitArguments.Read(file).Spec.Model with { Version = version + 1 }, why ?? $"twins adopt {twin.Id} {file}")
            : new AdoptUnitModel(null, why ?? "twins adopt --trial");
        await UnitArguments.Ask(client, twin, command, cancellation);
        var now = await UnitArguments.Query<UnitSpecView>(client, twin, new UnitSpecQuery(), cancellation);
        if (json) Cli.PrintJson(new { twin = twin.ToString(), before = spec.Model.Source, now = now.Model.Source, now.Model.Version });
        else Console.Out.WriteLine($"{twin} runs {now.Model.Source} as its model {now.Model.Version}; before: {spec.Model.Source}.");
        return ExitCodes.Success;
    }
}
