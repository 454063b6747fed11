using System.CommandLine;
using System.Globalization;
using Athanor.Actors.Training;
using Athanor.Compute.Training;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli.Models;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Cli.Training;

/// <summary><c>train FILE.hocon</c>: starts the file's run, or goes on with it, and waits until it is over.</summary>
internal static class RunCommand
{
    public static async Task<int> Train(ParseResult parsed, string path, ulong? seed, long? steps, int? workers, string? id, bool wait,
        CancellationToken cancellation)
    {
        var file = RunFile.Read(path, seed, steps);
        var spec = file.Spec with { Workers = workers ?? file.Spec.Workers };
        if (TrainingDecider.Check(spec) is { } wrong) throw new UserException($"train: {wrong}");
        var name = id ?? file.Name;
        Cli.CheckNames(parsed, name);
        var json = parsed.GetValue(Cli.Json);
        await using var cluster = await CliCluster.Open(parsed, wait ? EmbeddedRole.Full : EmbeddedRole.AppendOnly, cancellation);
        var run = Cli.Address(parsed, cluster, "training", name);
        if (file.StartFrom is { } version)
            spec = await From(file with { Spec = spec }, version, new EntityAddress(run.Tenant, "models", run.Id), cluster, cancellation);
        foreach (var table in file.Tables.Values) await cluster.Client.PutBlob(table, cancellation, run.Tenant);
        if (await cluster.Client.Ask(run, new StartRun(spec), cancellation: cancellation) is Rejected rejected)
        {
            var hint = rejected.Code == "conflict" ? $"; --run ID starts it beside {run}" : "";
            throw new UserException($"train: {rejected.Reason}{hint}", rejected.Code == "conflict" ? ExitCodes.Failure
                : ExitCodes.BadInput);
        }
        if (await cluster.Client.Query(run, new GetRun(), cancellation: cancellation) is RunView { Spec: var known } && known.Workers != spec.Workers)
            Console.Error.WriteLine($"{run} was started with {Workers(known)} and goes on with as many; its weights are the same with any number.");
        if (!wait)
        {
            Console.Out.WriteLine($"{run} is started; 'athanor training watch {name}' shows it, and it goes on while a node runs.");
            return ExitCodes.Success;
        }
        return await Follow(cluster, run, json, cancellation);
    }

    /// <summary>The spec with a version's weights to begin with, which a version that is registered under the same model goes on from.</summary>
    private static async Task<RunSpec> From(
        RunFile file, string text, EntityAddress like, ClusterConnection cluster, CancellationToken cancellation)
    {
        var (id, number) = ModelArguments.Parse(text);
        if (number is null || !EntityAddress.IsValidPart(id))
            throw new UserException($"train: start-from is '{text}'; a model's version, MODEL@2, would be right");
        var model = new EntityAddress(like.Tenant, "models", id);
        var version = ModelArguments.VersionOf(await ModelArguments.Read(cluster.Client, model, cancellation), model, number);
        if (version.BlobHash.Length == 0) throw new UserException($"train: start-from: {model}@{number} has no weights of its own");
        try
        {
            var weights = await cluster.Client.GetBlob(version.BlobHash, cancellation);
            return file.From(weights.ToArray(), version.BlobHash, id == file.Spec.Registers ? version.Number : 0);
        }
        catch (TrainingException e)
        {
            throw new UserException($"train: start-from: {text} does not fit the file's model: {e.Message}");
        }
    }

    private static string Workers(RunSpec spec) => spec.Workers > 1 ? $"{spec.Workers} workers" : "one worker";

    /// <summary>Waits until a run is over, and says how it ended.</summary>
    public static async Task<int> Follow(ClusterConnection cluster, EntityAddress run, bool json, CancellationToken cancellation)
    {
        var reading = await new RunWatch(cluster, run, json).Wait(cancellation);
        if (json) Cli.PrintJson(reading.Json());
        if (reading.Phase == TrainingPhase.Parked)
        {
            throw new UserException(
                $"{run} is parked at step {reading.Step}: {reading.Reason}\n'athanor training resume {run.Id}' lets it go on from there.",
                    ExitCodes.Failure);
        }
        if (reading.Phase != TrainingPhase.Finished)
            throw new UserException($"{run} has {reading.Phase.ToString().ToLowerInvariant()}: {reading.Reason}", ExitCodes.Failure);
        if (json) return ExitCodes.Success;
        Console.Out.WriteLine($"{run}: {Ending(reading)}");
        foreach (var (name, value) in reading.Metrics) Console.Out.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"  {name} {value:G6}"));
        Console.Out.WriteLine($"Weights {reading.Weights}");
        if (reading.View?.Spec.Registers is { Length: > 0 } model) Console.Out.WriteLine($"They are a version of models/{model}.");
        return ExitCodes.Success;
    }

    public static string Ending(RunReading reading) => reading.View?.End switch
    {
        RunEnd.Patience => $"stopped early at step {reading.Step} of {reading.Steps}: the validation loss no longer improved",
        RunEnd.Converged => $"converged at step {reading.Step}: no step lowers the loss any more",
        RunEnd.Target => $"stopped at step {reading.Step}: the validation loss is at its target",
        _ => $"{reading.Step} steps",
    };
}
