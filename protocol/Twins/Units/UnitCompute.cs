using System.Collections.Immutable;

namespace Athanor.Protocol.Twins.Units;

/// <summary>A unit at a row: what the step functions kept after an earlier one, and the rows since. Stepping through these gives the same
/// bits as having gone on in memory.</summary>
/// <param name="Memory">What was kept after row <paramref name="From"/>; null to start.</param>
/// <param name="Start">Without memory: what the estimates begin at, in the order of the shape; NaN where nothing is known, empty for
/// nowhere.</param>
/// <param name="StartInputs">Without memory: inputs that act from the start on.</param>
/// <param name="StartTicks">Without memory: when, since the unit's origin; null for the first row's time.</param>
/// <param name="Rows">Rows after it, in blocks as they came, see <see cref="SampleRows"/>.</param>
/// <param name="Stepped">How many of them were stepped through before; what comes of these was recorded then.</param>
/// <param name="Since">Blocks of rows between the last checkpoint and <paramref name="Rows"/>.</param>
/// <param name="Trial">The model on trial; null without one.</param>
[MessagePart]
public sealed record UnitRun(
    [property: Key(0)] UnitModel Model, [property: Key(1)] UnitSpec Spec, [property: Key(2)] LiveMemory Memory, [property: Key(3)] long From,
    [property: Key(4)] double[] Start, [property: Key(5)] double[] StartInputs, [property: Key(6)] ImmutableArray<byte[]> Rows,
    [property: Key(7)] int Stepped, [property: Key(8)] UnitModel? Trial, [property: Key(9)] long? StartTicks = null,
    [property: Key(10)] int Since = 0);

/// <summary>Steps a unit through the rows that were not stepped through before.</summary>
/// <param name="Sds">As recorded last, so that the result need not say them again; likewise the next two.</param>
/// <param name="Trial">Sums of the trial so far.</param>
[Message("twins.step-unit", Since = 1)]
public sealed record StepUnit(
    [property: Key(0)] UnitRun Run, [property: Key(1)] byte[] Sds, [property: Key(2)] byte[] Statuses,
    [property: Key(3)] UnitDiagnosis? Diagnosis, [property: Key(4)] double[]? Trial) : ICompute;

/// <param name="Stepped">The event that records it.</param>
[Message("twins.unit-steps", Since = 1)]
public sealed record UnitSteps([property: Key(0)] UnitStepped Stepped) : IComputeResult;

/// <summary>Asks the controller for a move.</summary>
/// <param name="Memory">What the controller kept; empty at the start and after a change of mode.</param>
/// <param name="Previous">What the inputs truly are.</param>
/// <param name="Low">Bounds of each input: the spec's, narrowed by the operator; an overridden input has both at its value.</param>
/// <param name="DeadlineS">By when the move is wanted: the controller gives the best feasible one that it has.</param>
[Message("twins.plan-move", Since = 1)]
public sealed record PlanMove(
    [property: Key(0)] UnitRun Run, [property: Key(1)] double[] Memory, [property: Key(2)] double[] Previous, [property: Key(3)] double[] Low,
    [property: Key(4)] double[] High, [property: Key(5)] ImmutableSortedDictionary<string, double> Setpoints,
    [property: Key(6)] double DeadlineS) : ICompute;

/// <param name="Planned">The event that records it.</param>
[Message("twins.move-found", Since = 1)]
public sealed record MoveFound([property: Key(0)] MovePlanned Planned) : IComputeResult;

/// <summary>Rolls a unit out from its present estimate.</summary>
[Message("twins.roll-out-unit", Since = 1)]
public sealed record RollOutUnit(
    [property: Key(0)] UnitRun Run, [property: Key(1)] WhatIf Question) : ICompute;

/// <param name="RollOut">The answer.</param>
[Message("twins.unit-rolled-out", Since = 1)]
public sealed record UnitRolledOut([property: Key(0)] RollOut RollOut) : IComputeResult;
