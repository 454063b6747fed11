using System.Collections.Immutable;
using Athanor.Actors.Twins.Units.Alarms;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>What a unit keeps of one signal.</summary>
/// <param name="Ticks">Source times of the samples taken last, rising, in ticks since the unit's origin; at most
/// <c>UnitSamples.WindowOf</c>.</param>
/// <param name="Sequences">Their sequences; empty if all are 0.</param>
/// <param name="Untimed">Highest sequence of samples without a source time.</param>
/// <param name="Value">Of the sample with the latest time.</param>
/// <param name="Count">Samples taken, in all.</param>
/// <param name="Aside">Whether the last sample was put aside because of its time.</param>
[MessagePart]
public sealed record UnitSignal(
    [property: Key(0)] long[] Ticks, [property: Key(1)] long[] Sequences, [property: Key(2)] long Untimed, [property: Key(3)] double Value,
    [property: Key(4)] long Count, [property: Key(5)] bool Aside)
{
    public static UnitSignal None { get; } = new([], [], 0, 0, 0, false);
}

/// <summary>What was last estimated, in the packed forms of <see cref="UnitStepped"/>.</summary>
[MessagePart]
public sealed record UnitEstimate(
    [property: Key(0)] long Row, [property: Key(1)] long Ticks, [property: Key(2)] byte[] Estimates, [property: Key(3)] byte[] Sds,
    [property: Key(4)] byte[] Sensors, [property: Key(5)] byte[] Scores, [property: Key(6)] byte[] Statuses)
{
    public static UnitEstimate None { get; } = new(0, 0, [], [], [], [], []);
}

/// <summary>An estimate of the past, for queries.</summary>
[MessagePart]
public sealed record UnitPoint(
    [property: Key(0)] long Row, [property: Key(1)] long Ticks, [property: Key(2)] byte[] Estimates, [property: Key(3)] byte[] Sds);

/// <summary>The numerics' own memory: a checkpoint and all rows since, which together say it to the bit.</summary>
/// <param name="Checkpoint">After row <paramref name="From"/>; null at the start.</param>
/// <param name="Start">Without a checkpoint: what the estimates begin at, see <see cref="UnitRun.Start"/>.</param>
/// <param name="StartInputs">Without a checkpoint: what the inputs begin at.</param>
/// <param name="StartTicks">Without a checkpoint: when; null for the first row's time.</param>
/// <param name="Rows">Rows after <paramref name="From"/>, as they came.</param>
/// <param name="Stepped">How many of these were stepped through.</param>
/// <param name="Stepping">How many after them are being stepped through; 0 for none.</param>
/// <param name="Attempt">Attempts at these that failed.</param>
/// <param name="Live">The memory after <paramref name="Stepped"/> of the rows; not written down.</param>
[MessagePart]
public sealed record UnitMemory(
    [property: Key(0)] long From, [property: Key(1)] double[]? Checkpoint, [property: Key(2)] double[] Start,
    [property: Key(3)] double[] StartInputs, [property: Key(4)] ImmutableArray<byte[]> Rows, [property: Key(5)] int Stepped,
    [property: Key(6)] int Stepping, [property: Key(7)] int Attempt, [property: Key(8)] LiveMemory Live,
    [property: Key(9)] long? StartTicks = null);

/// <summary>What an operator did to an input.</summary>
[MessagePart]
public sealed record InputHold(
    [property: Key(0)] double? Low, [property: Key(1)] double? High, [property: Key(2)] double? Override);

/// <summary>The controller's side.</summary>
/// <param name="Holds">By input; one that nobody touched is absent.</param>
/// <param name="Asked">The row for which a move is being planned; 0 for none.</param>
/// <param name="Attempt">Attempts at it that failed.</param>
/// <param name="Planned">The last plan, without the controller's memory.</param>
/// <param name="PlannedTicks">Source time of its row.</param>
/// <param name="Memory">What the controller keeps.</param>
/// <param name="Move">The last move that left.</param>
/// <param name="SampledAt">When the last samples came, in closed loop; by the host's clock.</param>
/// <param name="MovedAt">When the last plan came, in closed loop.</param>
/// <param name="Fallback">Why the loop is lost; null while it is not.</param>
[MessagePart]
public sealed record UnitControl(
    [property: Key(0)] ControllerMode Mode, [property: Key(1)] ImmutableSortedDictionary<string, double> Setpoints,
    [property: Key(2)] ImmutableSortedDictionary<string, InputHold> Holds, [property: Key(3)] long Asked, [property: Key(4)] int Attempt,
    [property: Key(5)] MovePlanned? Planned, [property: Key(6)] long PlannedTicks, [property: Key(7)] double[] Memory,
    [property: Key(8)] TwinMoved? Move, [property: Key(9)] DateTimeOffset? SampledAt, [property: Key(10)] DateTimeOffset? MovedAt,
    [property: Key(11)] string? Fallback);

/// <summary>A model on trial, and what both said of the same rows.</summary>
/// <param name="Sums">Rows, NIS, the trial's NIS, log score, the trial's log score.</param>
[MessagePart]
public sealed record UnitTrial([property: Key(0)] UnitModel Model, [property: Key(1)] UnitShape Shape, [property: Key(2)] double[] Sums);

/// <summary>A plant unit as its journal tells it.</summary>
/// <param name="Signals">Sensors in the order of the spec, then inputs.</param>
/// <param name="Taken">Number of the last row taken.</param>
/// <param name="Model">The one that runs; that of the spec is the first.</param>
/// <param name="Earlier">Those that can be gone back to, oldest first.</param>
/// <param name="Points">The latest estimates, oldest first.</param>
/// <param name="Late">Samples put aside, in all.</param>
/// <param name="SetAside">Rows that could not be stepped through, in all.</param>
[MessagePart]
public sealed record UnitState(
    [property: Key(0)] UnitSpec Spec, [property: Key(1)] DateTimeOffset? Origin, [property: Key(2)] UnitShape Shape,
    [property: Key(3)] UnitModel Model, [property: Key(4)] ImmutableArray<UnitModel> Earlier, [property: Key(5)] long Taken,
    [property: Key(6)] ImmutableArray<UnitSignal> Signals, [property: Key(7)] UnitMemory Memory, [property: Key(8)] UnitEstimate Estimate,
    [property: Key(9)] UnitDiagnosis? Diagnosis, [property: Key(10)] ImmutableArray<UnitPoint> Points, [property: Key(11)] AlarmBook Alarms,
    [property: Key(12)] UnitControl Control, [property: Key(13)] UnitTrial? Trial, [property: Key(14)] long Late,
    [property: Key(15)] long SetAside, [property: Key(16)] string? Problem)
{
    /// <summary>Source time of the latest sample, in ticks since the origin; the least before the first one.</summary>
    public long LatestTicks
    {
        get
        {
            var latest = long.MinValue;
            foreach (var signal in Signals)
            {
                if (signal.Ticks.Length > 0) latest = Math.Max(latest, signal.Ticks[^1]);
            }
            return latest;
        }
    }

    /// <summary>What every alarm of the unit is timed by: the plant's own time, so that history fed late gives the alarms that it
    /// had.</summary>
    public DateTimeOffset PlantTime => (Origin ?? DateTimeOffset.UnixEpoch).AddTicks(Math.Max(0, LatestTicks));
}
