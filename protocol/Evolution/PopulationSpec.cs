using System.Collections.Immutable;

namespace Athanor.Protocol.Evolution;

/// <summary>A network as evolution writes it: what the search may change. Everything else of a training follows from the spec.</summary>
/// <param name="Widths">Units of each hidden layer, from the inputs on; one entry a layer.</param>
/// <param name="LearningRate">Adam's step size.</param>
/// <param name="BatchSize">Rows a step.</param>
[MessagePart]
public sealed record Genome(
    [property: Key(0)] ImmutableArray<int> Widths, [property: Key(1)] double LearningRate, [property: Key(2)] int BatchSize);

/// <summary>What genomes may be made of. Choices are ordered: a mutation mostly moves to a neighbour.</summary>
/// <param name="Layers">Most hidden layers; at least one.</param>
[MessagePart]
public sealed record SearchSpaceSpec(
    [property: Key(0)] int Layers, [property: Key(1)] ImmutableArray<int> Widths, [property: Key(2)] ImmutableArray<double> LearningRates,
    [property: Key(3)] ImmutableArray<int> BatchSizes);

/// <summary>The table that genomes are trained on: a blob of doubles, row by row, inputs then the one target, training rows first.</summary>
/// <param name="Blob">SHA-256 (hex) of the blob.</param>
/// <param name="Inputs">Columns before the target.</param>
/// <param name="TrainingRows">Rows to train on; the rest is for validation.</param>
[MessagePart]
public sealed record TableSpec(
    [property: Key(0)] string Blob, [property: Key(1)] int Inputs, [property: Key(2)] int TrainingRows, [property: Key(3)] int ValidationRows);

/// <summary>How a training is cut into segments, the unit of audit.</summary>
/// <param name="Segments">K: states 1 to K are committed to after each.</param>
/// <param name="StepsPerSegment">Adam steps a segment.</param>
[MessagePart]
public sealed record ScheduleSpec([property: Key(0)] int Segments, [property: Key(1)] int StepsPerSegment);

/// <summary>What must be equal between two computers whose results are compared bit for bit.</summary>
/// <param name="Precision">e.g. <c>float32</c>.</param>
/// <param name="DeviceClass">e.g. <c>cpu-deterministic</c>.</param>
/// <param name="KernelSet">Version of the deterministic kernels.</param>
[MessagePart]
public sealed record NumericClass([property: Key(0)] string Precision, [property: Key(1)] string DeviceClass, [property: Key(2)] string KernelSet);

/// <summary>One population.</summary>
/// <param name="Seed">Root seed: genomes, initial weights and the order of rows follow from it.</param>
/// <param name="Candidates">N: the run ends when candidates 0 to N-1 are applied.</param>
/// <param name="Window">W: candidate n is bred from the archive after candidates up to n-W have been applied in order. A number, not the
/// slots at hand, so the run does not depend on timing.</param>
/// <param name="ArchiveSize">Most parents kept.</param>
/// <param name="Peers">Names of the peers that must be enrolled before the run starts; evaluators and verifiers are drawn from them.</param>
/// <param name="ExtraSegments">Segments audited beside the first and the last, drawn by the challenge.</param>
/// <param name="Silence">A peer that has not answered for this long is replaced by the next in the drawn order.</param>
/// <param name="ReferenceError">Reference point of the hypervolume: validation error, in the target's unit.</param>
/// <param name="ReferenceParameters">Reference point of the hypervolume: number of parameters.</param>
[MessagePart]
public sealed record PopulationSpec(
    [property: Key(0)] ulong Seed, [property: Key(1)] int Candidates, [property: Key(2)] int Window, [property: Key(3)] int ArchiveSize,
    [property: Key(4)] SearchSpaceSpec Space, [property: Key(5)] TableSpec Table, [property: Key(6)] ScheduleSpec Schedule,
    [property: Key(7)] NumericClass Numeric, [property: Key(8)] ImmutableArray<string> Peers, [property: Key(9)] int ExtraSegments,
    [property: Key(10)] TimeSpan Silence, [property: Key(11)] double ReferenceError, [property: Key(12)] double ReferenceParameters);
