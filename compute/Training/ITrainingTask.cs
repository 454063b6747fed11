using System.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// What is trained. Everything is a function of (parameters, samples): there is no state between calls but scratch, so that any process
/// can do any logical rank's part, and any segment can be done again.
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
public interface ITrainingTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    int ParameterCount { get; }

    /// <summary>Training samples: rows, windows or trajectories. A batch is a list of their indices.</summary>
    int Samples { get; }

    /// <summary>Names as in PyTorch state dicts, in the order of the parameter array; the shapes' products add up to
    /// <see cref="ParameterCount"/>.</summary>
    IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    /// <summary>The model as canonical JSON and complete: with what was derived from the data (normalisation), so that it and the
    /// parameters are all that a reader needs. Kept with the weights.</summary>
    string Model { get; }

    /// <summary>Whether it computes in threads of its own, so that the ranks come one after the other.</summary>
    bool HasThreads => false;

    void Initialize(Span<T> parameters, ulong seed);

    /// <summary>Sum (not mean) of the loss over these samples; its gradient is ADDED to <paramref name="gradient"/>. The same samples in
    /// the same order give the same bits.</summary>
    /// <param name="parameters">[parameters]</param>
    /// <param name="gradient">[parameters]</param>
    /// <param name="scratch">From <see cref="NewScratch"/>, one per thread.</param>
    /// <exception cref="DeviceMemoryException">So many samples at once do not fit into the device's memory. What was added counts not.</exception>
    double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch);

    object NewScratch();

    /// <summary>Figures on the validation part, <c>loss</c> among them, e.g. <c>nmse</c>, <c>mass-violation</c>. Empty where there is no
    /// validation part.</summary>
    IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch);

    /// <summary>The same task under other settings (a curriculum's: e.g. <c>window</c>): the same parameters, perhaps other
    /// samples.</summary>
    /// <exception cref="TrainingException">The task has no such setting; the message names those that it has.</exception>
    ITrainingTask<T> With(IReadOnlyDictionary<string, double> settings) => settings.Count == 0
        ? this
        : throw new TrainingException($"this model has no setting '{settings.Keys.Order(StringComparer.Ordinal).First()}' to schedule");
}

/// <summary>Model, data or checkpoint are wrong; trying again would not help. The message says what would be right.</summary>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
