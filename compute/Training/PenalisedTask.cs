using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Athanor.Compute.Training;

/// <summary>The loss's term <c>l2</c>, which every kind of model has.</summary>
internal static class WeightPenalty
{
    /// <summary>A model without the term, and the term's weight; 0 where it is not there.</summary>
    public static (JsonElement Model, double Weight) Of(JsonElement model)
    {
        if (!model.TryGetProperty("loss", out var loss) || loss.ValueKind != JsonValueKind.Object || !loss.TryGetProperty("l2", out _))
            return (model, 0.0);
        var weight = TaskJson.Number(loss, "loss", "l2");
        if (weight < 0.0)
            throw new TrainingException(string.Create(CultureInfo.InvariantCulture, $"loss.l2 is {weight:R}; a weight of 0 or more would be right"));
        var rest = loss.EnumerateObject().Where(static term => term.Name != "l2").ToDictionary(static term => term.Name, static term => term.Value);
        var fields = model.EnumerateObject().Where(field => field.Name != "loss" || rest.Count > 0)
            .ToDictionary(static field => field.Name, field => field.Name == "loss" ? JsonSerializer.SerializeToElement(rest) : field.Value);
        return (JsonSerializer.SerializeToElement(fields), weight);
    }
}

/// <summary>A task with λ Σ w² added to each sample's loss, over the weights of the nets' layers (tensors named <c>….weight</c>), not their
/// biases nor the numbers of the physics. Validation is the task's own.</summary>
internal sealed class PenalisedTask<T> : IScaledTask<T>, IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ITrainingTask<T> _task;
    private readonly double _weight;
    private readonly (int First, int Count)[] _weights;

    public PenalisedTask(ITrainingTask<T> task, double weight)
    {
        (_task, _weight) = (task, weight);
        var (at, weights) = (0, new List<(int, int)>());
        foreach (var (name, shape) in task.Tensors)
        {
            var count = shape.Aggregate(1, static (product, size) => product * size);
            if (name.EndsWith(".weight", StringComparison.Ordinal)) weights.Add((at, count));
            at += count;
        }
        _weights = [.. weights];
    }

    public int ParameterCount => _task.ParameterCount;

    public int Samples => _task.Samples;

    public IReadOnlyList<(string Name, int[] Shape)> Tensors => _task.Tensors;

    public string Model => _task.Model;

    public bool HasThreads => _task.HasThreads;

    public LossScaling? Scaling => (_task as IScaledTask<T>)?.Scaling;

    public void Dispose() => (_task as IDisposable)?.Dispose();

    public void Initialize(Span<T> parameters, ulong seed) => _task.Initialize(parameters, seed);

    public object NewScratch() => _task.NewScratch();

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch) => _task.Validate(parameters, scratch);

    public ITrainingTask<T> With(IReadOnlyDictionary<string, double> settings) => new PenalisedTask<T>(_task.With(settings), _weight);

    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch) =>
        Gradient(parameters, samples, gradient, scratch, 1.0);

    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch, double scale)
    {
        var loss = _task is IScaledTask<T> scaled
            ? scaled.Gradient(parameters, samples, gradient, scratch, scale)
            : _task.Gradient(parameters, samples, gradient, scratch);
        var (squares, slope) = (0.0, T.CreateChecked(2.0 * _weight * samples.Length * scale));
        foreach (var (first, count) in _weights)
        {
            for (var i = first; i < first + count; i++)
            {
                squares += double.CreateChecked(parameters[i]) * double.CreateChecked(parameters[i]);
                gradient[i] += slope * parameters[i];
            }
        }
        return loss + (_weight * samples.Length * squares);
    }
}
