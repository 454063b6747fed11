using System.Collections.Immutable;

namespace Athanor.Protocol.Training;

/// <summary>Everything that decides a training run: with the data blob it fixes every bit of a deterministic task's checkpoints.</summary>
/// <param name="Task">Kind of task, e.g. <c>perceptron</c>; a slot picks what runs by it.</param>
/// <param name="Sizes">Widths of the network: inputs, hidden layers, outputs.</param>
/// <param name="Data">SHA-256 (hex) of the data blob, in the task's own format.</param>
/// <param name="Inputs">Input columns of the data; the network's first size must be equal.</param>
/// <param name="Outputs">Output columns of the data; the network's last size must be equal.</param>
/// <param name="Seed">All chance in the run comes from it.</param>
/// <param name="SegmentSteps">Steps from one checkpoint to the next: what is lost at most when a slot dies.</param>
/// <param name="BatchRows">Rows of a mini-batch.</param>
/// <param name="LearningRate">At the start; falls as half a cosine to <paramref name="FinalLearningRate"/> at the last step.</param>
/// <param name="WeightDecay">Decoupled; 0 for none.</param>
/// <param name="Settings">What this task alone knows, by name.</param>
[MessagePart]
public sealed record TrainingSpec(
    [property: Key(0)] string Task, [property: Key(1)] ImmutableArray<int> Sizes, [property: Key(2)] string Data,
    [property: Key(3)] int Inputs, [property: Key(4)] int Outputs, [property: Key(5)] ulong Seed, [property: Key(6)] long TotalSteps,
    [property: Key(7)] long SegmentSteps, [property: Key(8)] int BatchRows, [property: Key(9)] double LearningRate,
    [property: Key(10)] double FinalLearningRate, [property: Key(11)] double WeightDecay,
    [property: Key(12)] ImmutableSortedDictionary<string, double> Settings)
{
    /// <summary>How many segments the run has; the last may be shorter.</summary>
    public int Segments => (int)((TotalSteps + SegmentSteps - 1) / SegmentSteps);
}

/// <summary>Where a run stands.</summary>
public enum TrainingPhase
{
    NotStarted = 0,
    Running = 1,
    Finished = 2,
    Failed = 3,
    Cancelled = 4,

    /// <summary>It waits for somebody to resume or cancel it.</summary>
    Parked = 5,
}
