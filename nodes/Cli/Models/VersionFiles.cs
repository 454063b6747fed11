using Athanor.Actors;
using Athanor.Compute.Exchange;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Cli.Models;

/// <summary>The content of a version, whatever made it: a model file as training writes it, or the checkpoint of a heater's training.</summary>
internal static class VersionFiles
{
    private const string Run = "training/", Balance = "#balance", Hybrid = "#hybrid";

    /// <exception cref="ExchangeException">The version has no weights, or they are none that can be read here.</exception>
    public static async Task<ModelFile> Read(IClusterClient client, EntityAddress model, ModelVersion version, CancellationToken cancellation)
    {
        if (version.BlobHash.Length == 0)
            throw new ExchangeException("the version is told by its numbers alone, without weights to export; 'models show' with --version prints them");
        var blob = await client.GetBlob(version.BlobHash, cancellation);
        var balance = version.Source.EndsWith(Balance, StringComparison.Ordinal);
        if (!version.Source.StartsWith(Run, StringComparison.Ordinal) || !(balance || version.Source.EndsWith(Hybrid, StringComparison.Ordinal)))
            return ModelFile.Read(blob);
        try
        {
            var state = HybridBytes.State(blob);
            return HeaterFile.Of(balance ? HybridTrainer.BalanceOf(state) : await HybridOf(client, model, version, state, cancellation));
        }
        catch (InvalidDataException error)
        {
            throw new ExchangeException($"the weights of {version.Source} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The hybrid of a training's best step: it takes the run's settings and its data.</summary>
    private static async Task<HeaterModel> HybridOf(
        IClusterClient client, EntityAddress model, ModelVersion version, HybridState state, CancellationToken cancellation)
    {
        var run = new EntityAddress(model.Tenant, "training", version.Source[Run.Length..^Hybrid.Length]);
        if (await client.Query(run, new GetTraining(), cancellation: cancellation) is not TrainingView { Spec: { } spec })
            throw new ExchangeException($"the training run {run}, which made the version, is not here any more");
        var settings = new HybridSettings(
            spec.Sizes[1], spec.LearningRate, spec.WeightDecay, (int)spec.Settings["refresh-every"], spec.Settings["memory-s"]);
        var (_, record) = HybridBytes.Data(await client.GetBlob(version.DataHash, cancellation));
        return new HybridTrainer(record, settings).HybridOf(state);
    }
}
