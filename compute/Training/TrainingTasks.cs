using System.Numerics;
using System.Text.Json;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Torch;
using Athanor.Compute.Training.Libtorch;

namespace Athanor.Compute.Training;

/// <summary>What a task is made from.</summary>
/// <param name="Model">The spec's <c>model</c> section; <c>kind</c> says which factory reads it, <c>loss</c> holds the weights of the
/// loss's terms by name where the spec gives any.</param>
/// <param name="Data">The spec's <c>data</c> section, in which each file is replaced by the hash of its <see cref="TrainingTable"/>: the
/// key <c>file</c> by <c>table</c>, the array <c>files</c> by <c>tables</c>.</param>
/// <param name="Blob">Reads a table's bytes by its hash.</param>
public sealed record TaskSource(JsonElement Model, JsonElement Data, Func<string, ReadOnlyMemory<byte>> Blob, SplitRequest Split)
{
    /// <summary>The table that a hash in the data section names.</summary>
    public TrainingTable Table(string hash) => TrainingTable.FromBytes(Blob(hash).Span);
}

/// <summary>Which part of the data is for validation.</summary>
/// <param name="Folds">0: what the data section says. K of 2 and more: the samples are cut into K contiguous equal parts.</param>
/// <param name="Fold">Which of the K is for validation, from 0; the others are for training.</param>
public readonly record struct SplitRequest(int Folds, int Fold)
{
    public static SplitRequest OfData => default;

    /// <summary>First and end of fold <see cref="Fold"/> of <paramref name="count"/> rows.</summary>
    public (int First, int End) Part(int count) =>
        ((int)((long)count * Fold / Folds), (int)((long)count * (Fold + 1) / Folds));
}

/// <summary>Makes the tasks of one kind of model.</summary>
public interface ITrainingTaskFactory
{
    /// <summary>The model's <c>kind</c>, e.g. <c>neural-ode</c>.</summary>
    string Kind { get; }

    /// <exception cref="TrainingException">Model or data are wrong; the message names the key and what would be right.</exception>
    ITrainingTask<T> Create<T>(TaskSource source)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}

/// <summary>The kinds of model that can be trained.</summary>
public static class TrainingTasks
{
    /// <summary>One line per kind.</summary>
    private static readonly ITrainingTaskFactory[] Known =
    [
        new PerceptronRegressionFactory(),
        new PerceptronClassificationFactory(),
        new ShootingTaskFactory("neural-ode"),
        new ShootingTaskFactory("augmented"),
        new ShootingTaskFactory("stoichiometric"),
        new ShootingTaskFactory("hybrid"),
    ];

    public static IEnumerable<string> Kinds => Known.Select(static factory => factory.Kind);

    /// <exception cref="TrainingException">Model or data are wrong; the message names the key and what would be right.</exception>
    /// <param name="autocast">The type of matrix products, where it is smaller than that of parameters and sums; null where it is the
    /// same.</param>
    public static ITrainingTask<T> Create<T>(
        string modelJson, string dataJson, Func<string, ReadOnlyMemory<byte>> blob, SplitRequest split, DType? autocast = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        JsonElement model = Parse("model", modelJson), data = Parse("data", dataJson);
        var kind = model.TryGetProperty("kind", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        var factory = Array.Find(Known, f => f.Kind == kind) ?? throw new TrainingException(
            $"model.kind is {(kind is null ? "missing" : $"'{kind}'")}; one of {string.Join(", ", Kinds)} would be right");
        (model, var penalty) = WeightPenalty.Of(model);
        (model, var engine) = EngineKeys.Of(model, autocast);
        if (engine is not null && kind is not ("perceptron" or "classifier"))
            throw new TrainingException($"model.engine is libtorch, which models of kind {kind} have not; it is of perceptron and classifier");
        var task = factory.Create<T>(new TaskSource(model, data, blob, split));
        if (engine is not null) task = new LibtorchPerceptron<T>((IPerceptronTask<T>)task, engine);
        return penalty > 0.0 ? new PenalisedTask<T>(task, penalty) : task;
    }

    private static JsonElement Parse(string what, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new TrainingException($"the {what} must be a JSON object");
        }
        catch (JsonException e)
        {
            throw new TrainingException($"the {what} is not valid JSON: {e.Message}", e);
        }
    }
}
