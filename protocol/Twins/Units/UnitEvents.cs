using System.Collections.Immutable;

namespace Athanor.Protocol.Twins.Units;

/// <param name="Spec">With the alarms that every unit has.</param>
[Message("twins.created", Since = 1)]
public sealed record UnitCreated([property: Key(0)] UnitSpec Spec, [property: Key(1)] UnitShape Shape) : IEvent;

/// <summary>Samples were taken; they wait to be stepped through. The unit numbers its rows from 1 without a gap, in this order; a row is
/// what was measured at one time.</summary>
/// <param name="Count">Rows that take effect.</param>
/// <param name="Rows">These, see <see cref="SampleRows"/>.</param>
/// <param name="Aside">In the same form: too late, or of a clock that jumped. Recorded, not applied.</param>
/// <param name="Origin">Zero of the unit's own time; with its first samples only.</param>
/// <param name="At">When they came, by the host's clock; in closed loop only.</param>
/// <param name="Ours">Whether it is a move of our own, put in the place of samples of actuators that have none.</param>
[Message("twins.unit-observed", Since = 1)]
public sealed record UnitObserved(
    [property: Key(0)] int Count, [property: Key(1)] byte[] Rows, [property: Key(2)] byte[]? Aside = null,
    [property: Key(3)] DateTimeOffset? Origin = null, [property: Key(4)] DateTimeOffset? At = null,
    [property: Key(5)] bool? Ours = null) : IEvent;

/// <summary>Rows were stepped through: estimator, detectors, and the trial's estimator.</summary>
/// <param name="Count">Rows that it went through.</param>
/// <param name="Estimates">Packed (<see cref="PackedNumbers"/>), in the order of <see cref="UnitShape.Estimates"/>; each to about a 30th
/// of its own standard deviation, which says more than it is worth and a tenth of what it costs.</param>
/// <param name="Sds">Packed, to three digits; null if as in the step before.</param>
/// <param name="Sensors">Packed: of each sensor the innovation over its standard deviation, to three digits.</param>
/// <param name="Scores">Packed: NIS, then each score over its limit, to three digits.</param>
/// <param name="Statuses">Of each sensor, a <see cref="SensorStatus"/>; null if all are as in the step before.</param>
/// <param name="Memory">What the step functions keep, exactly. Carried in memory only.</param>
/// <param name="Checkpoint">The same numbers written down; from time to time.</param>
/// <param name="Diagnosis">Changes only; null if as before.</param>
/// <param name="Trial">Sums since the trial began: rows, NIS, the trial's NIS, log score, the trial's log score; null without a
/// trial.</param>
/// <param name="Plan">Whether a move is due: the controller is asked for one.</param>
[Message("twins.unit-stepped", Since = 1)]
public sealed record UnitStepped(
    [property: Key(0)] int Count, [property: Key(1)] byte[] Estimates, [property: Key(2)] byte[]? Sds, [property: Key(3)] byte[] Sensors,
    [property: Key(4)] byte[] Scores, [property: Key(5)] byte[]? Statuses, [property: Key(6)] LiveMemory Memory,
    [property: Key(7)] double[]? Checkpoint = null, [property: Key(8)] UnitDiagnosis? Diagnosis = null,
    [property: Key(9)] double[]? Trial = null, [property: Key(10)] bool? Plan = null) : IEvent;

/// <summary>The step failed; it is tried again.</summary>
[Message("twins.step-retried", Since = 1)]
public sealed record StepRetried([property: Key(0)] int Attempt, [property: Key(1)] string Reason) : IEvent;

/// <summary>The rows could not be stepped through; they stay in the journal, and the estimate goes on without them.</summary>
[Message("twins.steps-set-aside", Since = 1)]
public sealed record StepsSetAside([property: Key(0)] int Count, [property: Key(1)] string Reason) : IEvent;

/// <summary>The controller was asked for a move. In closed loop <see cref="TwinMoved"/> follows in the same commit.</summary>
/// <param name="Row">The row whose estimate it rests on.</param>
/// <param name="Move">One value for each input, in the order of the spec.</param>
/// <param name="Status">converged, feasible, fallback, or held.</param>
/// <param name="Memory">What the controller keeps.</param>
/// <param name="Message">Why there is a fallback, or which signal was wrong; empty if nothing is to be said.</param>
/// <param name="At">By the host's clock; in closed loop only.</param>
[Message("twins.move-planned", Since = 1)]
public sealed record MovePlanned(
    [property: Key(0)] long Row, [property: Key(1)] double[] Move, [property: Key(2)] string Status, [property: Key(3)] int Iterations,
    [property: Key(4)] double KktResidual, [property: Key(5)] double[] Memory, [property: Key(6)] string Message = "",
    [property: Key(7)] DateTimeOffset? At = null) : IEvent;

/// <summary>No move was found: the loop holds the last one, and asks again at the next row that is due.</summary>
[Message("twins.plan-failed", Since = 1)]
public sealed record PlanFailed([property: Key(0)] long Row, [property: Key(1)] string Reason) : IEvent;

/// <summary>The loop was lost: the inputs go to the fallback.</summary>
[Message("twins.fell-back", Since = 1)]
public sealed record UnitFellBack([property: Key(0)] string Reason) : IEvent;

/// <summary>Samples and moves are there again.</summary>
[Message("twins.loop-resumed", Since = 1)]
public sealed record LoopResumed([property: Key(0)] long Row, [property: Key(1)] DateTimeOffset At) : IEvent;

[Message("twins.mode-set", Since = 1)]
public sealed record UnitModeSet(
    [property: Key(0)] ControllerMode Mode, [property: Key(1)] string By, [property: Key(2)] string Why,
    [property: Key(3)] DateTimeOffset At) : IEvent;

/// <param name="Value">Null: given back to the controller.</param>
[Message("twins.input-overridden", Since = 1)]
public sealed record InputOverridden(
    [property: Key(0)] string Input, [property: Key(1)] double? Value, [property: Key(2)] string By, [property: Key(3)] string Why) : IEvent;

[Message("twins.input-limited", Since = 1)]
public sealed record InputLimited(
    [property: Key(0)] string Input, [property: Key(1)] double? Low, [property: Key(2)] double? High, [property: Key(3)] string By,
    [property: Key(4)] string Why) : IEvent;

[Message("twins.setpoint-set", Since = 1)]
public sealed record SetpointSet(
    [property: Key(0)] string Name, [property: Key(1)] double Value, [property: Key(2)] string By, [property: Key(3)] string Why) : IEvent;

/// <param name="Checkpoint">What the step functions keep at this row; null before the first.</param>
[Message("twins.trial-began", Since = 1)]
public sealed record TrialBegan(
    [property: Key(0)] UnitModel Model, [property: Key(1)] UnitShape Shape, [property: Key(2)] string By, [property: Key(3)] string Why,
    [property: Key(4)] double[]? Checkpoint) : IEvent;

[Message("twins.trial-ended", Since = 1)]
public sealed record TrialEnded([property: Key(0)] string By, [property: Key(1)] string Why) : IEvent;

/// <param name="Checkpoint">What it goes on from exactly, where it was on trial; null otherwise.</param>
/// <param name="Start">Without a checkpoint: what its estimates begin at, carried over by name; NaN where the model before knew
/// nothing.</param>
/// <param name="Reverted">Whether it was the way back to the model before.</param>
[Message("twins.unit-model-adopted", Since = 1)]
public sealed record UnitModelAdopted(
    [property: Key(0)] UnitModel Model, [property: Key(1)] UnitShape Shape, [property: Key(2)] double[]? Checkpoint,
    [property: Key(3)] double[] Start, [property: Key(4)] bool Reverted, [property: Key(5)] string By, [property: Key(6)] string Why) : IEvent;

/// <summary>Which signals or parameters a fault points to.</summary>
/// <param name="Class">Name of a known fault; null if none fits.</param>
[MessagePart]
public sealed record UnitDiagnosis([property: Key(0)] ImmutableArray<UnitCause> Causes, [property: Key(1)] string? Class);

/// <param name="Share">Of what is unusual, 0 to 1.</param>
/// <param name="Kind">sensor, actuator, or parameter.</param>
/// <param name="Magnitude">How large the fault is, in the unit of what is faulty.</param>
[MessagePart]
public sealed record UnitCause(
    [property: Key(0)] string Name, [property: Key(1)] double Share, [property: Key(2)] string Kind, [property: Key(3)] double Magnitude);
