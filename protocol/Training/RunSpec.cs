using System.Collections.Immutable;

namespace Athanor.Protocol.Training;

/// <summary>How parameters follow their gradient.</summary>
public enum RunOptimiserKind
{
    Sgd = 0,
    Adam = 1,
    AdamW = 2,
    Lbfgs = 3,
}

/// <summary>How the learning rate falls.</summary>
public enum RunScheduleKind
{
    Constant = 0,
    Cosine = 1,
    Step = 2,
}

/// <summary>Numbers in which a run calculates.</summary>
public enum RunPrecision
{
    Float = 0,
    Double = 1,

    /// <summary>Matrix products in bfloat16 (float32's range), everything else in float32; of models that libtorch computes.</summary>
    Bf16 = 2,

    /// <summary>Matrix products in half precision, with a scaled loss, everything else in float32; of models that libtorch computes on a
    /// GPU.</summary>
    Fp16 = 3,
}

/// <summary>Fields as in <c>OptimiserSettings</c> of the training loop.</summary>
/// <param name="Memory">Of L-BFGS; null, and not in the bytes, for the others.</param>
[MessagePart]
public sealed record RunOptimiser(
    [property: Key(0)] RunOptimiserKind Kind, [property: Key(1)] double LearningRate, [property: Key(2)] double Momentum,
    [property: Key(3)] double Beta1, [property: Key(4)] double Beta2, [property: Key(5)] double Epsilon,
    [property: Key(6)] double WeightDecay, [property: Key(7)] int? Memory = null);

/// <summary>Fields as in <c>ScheduleSettings</c> of the training loop.</summary>
[MessagePart]
public sealed record RunSchedule(
    [property: Key(0)] RunScheduleKind Kind, [property: Key(1)] long WarmUp, [property: Key(2)] double FinalRate,
    [property: Key(3)] long Every, [property: Key(4)] double Factor);

/// <summary>Fields as in <c>StopSettings</c> of the training loop.</summary>
[MessagePart]
public sealed record RunStop(
    [property: Key(0)] long Steps, [property: Key(1)] int Patience, [property: Key(2)] double LeastImprovement,
    [property: Key(3)] double Target);

/// <summary>Fields as in <c>GuardSettings</c> of the training loop.</summary>
[MessagePart]
public sealed record RunGuard(
    [property: Key(0)] double Explosion, [property: Key(1)] int Plateau, [property: Key(2)] int Oscillation,
        [property: Key(3)] double Swing,
    [property: Key(4)] double Reduce, [property: Key(5)] int MaxRollbacks);

/// <summary>A stage of a curriculum: the task's settings from a step on.</summary>
[MessagePart]
public sealed record RunStage([property: Key(0)] long FromStep, [property: Key(1)] ImmutableSortedDictionary<string, double> Settings);

/// <summary>Everything that decides a training run: with the tables' blobs it fixes every bit of its weights, however often it is
/// interrupted.</summary>
/// <param name="Model">The model as canonical JSON; <c>kind</c> says what reads it.</param>
/// <param name="Data">The data section as canonical JSON; its tables are named by hash.</param>
/// <param name="Tables">SHA-256 (hex) of the tables' blobs.</param>
/// <param name="Seed">All chance in the run comes from it.</param>
/// <param name="Batch">Samples of a step.</param>
/// <param name="MicroBatch">Samples that go through the model at once; 0 for a logical rank's whole share.</param>
/// <param name="Ranks">Logical ranks, whose gradients are summed in a fixed binary tree.</param>
/// <param name="ClipNorm">0 for none.</param>
/// <param name="EmaDecay">0 for none.</param>
/// <param name="CheckEvery">Steps between check-points.</param>
/// <param name="Folds">0, or the folds of a cross-validation that goes before the training proper.</param>
/// <param name="SegmentSteps">A segment ends at the first check-point after so many steps; 0 for time alone. Where segments end does not
/// change the weights.</param>
/// <param name="SegmentTime">A segment ends at the first check-point after so much time.</param>
/// <param name="SaveEvery">Within a segment the slot saves its state at the first check-point after so much time: what the death of a slot
/// costs at most.</param>
/// <param name="Registers">Id of the model entity that is told of the finished run; empty for none.</param>
/// <param name="Workers">Processes that share the logical ranks; 0 or 1 for one. How many there are changes no weight.</param>
/// <param name="Start">SHA-256 (hex) of the version's weights that training begins with; null for the seed's.</param>
/// <param name="Parent">That version's number in the model that <paramref name="Registers"/> names; null for none.</param>
/// <param name="Library">Over several hosts the library's own all-reduce adds the gradients: faster, and no bits are promised.</param>
[MessagePart]
public sealed record RunSpec(
    [property: Key(0)] string Model, [property: Key(1)] string Data, [property: Key(2)] ImmutableArray<string> Tables,
    [property: Key(3)] RunPrecision Precision, [property: Key(4)] ulong Seed, [property: Key(5)] RunOptimiser Optimiser,
    [property: Key(6)] RunSchedule Schedule, [property: Key(7)] RunStop Stop, [property: Key(8)] RunGuard Guard,
    [property: Key(9)] int Batch, [property: Key(10)] int MicroBatch, [property: Key(11)] int Ranks, [property: Key(12)] double ClipNorm,
    [property: Key(13)] double EmaDecay, [property: Key(14)] long CheckEvery, [property: Key(15)] ImmutableArray<RunStage> Curriculum,
    [property: Key(16)] int Folds, [property: Key(17)] long SegmentSteps, [property: Key(18)] TimeSpan SegmentTime,
    [property: Key(19)] TimeSpan SaveEvery, [property: Key(20)] string Registers,
    [property: Key(21)] int Workers = 0, [property: Key(22)] bool Library = false, [property: Key(23)] string? Start = null,
    [property: Key(24)] int? Parent = null)
{
    /// <summary>Trainings one after the other: the folds, and the training proper.</summary>
    public int Parts => Folds > 1 ? Folds + 1 : 1;

    /// <summary>Whether a part is the training proper, whose weights are the run's.</summary>
    public bool IsMain(int part) => part == Parts - 1;
}
