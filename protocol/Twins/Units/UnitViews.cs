using System.Collections.Immutable;

namespace Athanor.Protocol.Twins.Units;

/// <summary>What became of a sensor in the last step.</summary>
public enum SensorStatus
{
    Ok = 0,
    Missing = 1,
    Late = 2,

    /// <summary>Too far from what was predicted to be used.</summary>
    Gated = 3,

    /// <summary>It does not change any more.</summary>
    Frozen = 4,

    /// <summary>Outside the range of the sensor.</summary>
    Wild = 5,
}

/// <summary>Asks for the present estimate, alarms and moves.</summary>
[Message("twins.unit-query", Since = 1)]
public sealed record UnitQuery : IQuery;

/// <summary>Asks for the spec as it stands, with the present model and those that can be gone back to.</summary>
[Message("twins.unit-spec-query", Since = 1)]
public sealed record UnitSpecQuery : IQuery;

/// <param name="Earlier">Oldest first.</param>
[Message("twins.unit-spec-view", Since = 1)]
public sealed record UnitSpecView(
    [property: Key(0)] UnitSpec Spec, [property: Key(1)] UnitModel Model, [property: Key(2)] ImmutableArray<UnitModel> Earlier,
    [property: Key(3)] UnitModel? Trial) : IReply;

[MessagePart]
public sealed record EstimateView(
    [property: Key(0)] string Name, [property: Key(1)] string Unit, [property: Key(2)] double Value, [property: Key(3)] double Sd);

/// <param name="Value">The sample of the latest time; null before the first.</param>
/// <param name="Innovation">Over its standard deviation, in the last step.</param>
[MessagePart]
public sealed record SensorView(
    [property: Key(0)] string Signal, [property: Key(1)] string Unit, [property: Key(2)] double? Value, [property: Key(3)] DateTimeOffset? Time,
    [property: Key(4)] SensorStatus Status, [property: Key(5)] double Innovation);

/// <param name="Actual">The last sample, or else the last move, or else the fallback.</param>
/// <param name="Planned">Of the last move planned.</param>
/// <param name="Low">The operator's bound, or the spec's.</param>
[MessagePart]
public sealed record InputView(
    [property: Key(0)] string Signal, [property: Key(1)] string Unit, [property: Key(2)] double Actual, [property: Key(3)] double? Planned,
    [property: Key(4)] double Low, [property: Key(5)] double High, [property: Key(6)] double? Override);

/// <param name="Ratio">Over its limit: above 1 it speaks of a fault.</param>
[MessagePart]
public sealed record ScoreView([property: Key(0)] string Name, [property: Key(1)] double Ratio);

/// <param name="Status">Of the last plan: converged, feasible, fallback, held; empty before the first.</param>
/// <param name="Fallback">Why the loop is lost; null while it is not.</param>
/// <param name="Setpoints">By name.</param>
/// <param name="Move">The last that left for the plant; null if none did.</param>
/// <param name="Planning">Whether a move is being planned for the last row.</param>
[MessagePart]
public sealed record ControllerView(
    [property: Key(0)] ControllerMode Mode, [property: Key(1)] string Status, [property: Key(2)] string? Fallback,
    [property: Key(3)] ImmutableSortedDictionary<string, double> Setpoints, [property: Key(4)] TwinMoved? Move,
    [property: Key(5)] bool Planning = false);

/// <summary>Two models side by side over the same rows.</summary>
/// <param name="Rows">Rows that both filtered.</param>
/// <param name="MeanNis">Mean normalised innovation squared per measurement of the present model; 1 is expected.</param>
/// <param name="TrialMeanNis">Of the model on trial.</param>
/// <param name="LogScore">Mean log likelihood of the innovations; higher is better.</param>
[MessagePart]
public sealed record TrialView(
    [property: Key(0)] string Source, [property: Key(1)] long Rows, [property: Key(2)] double MeanNis, [property: Key(3)] double TrialMeanNis,
    [property: Key(4)] double LogScore, [property: Key(5)] double TrialLogScore);

/// <param name="Model">Version that runs, with its source.</param>
/// <param name="Time">Source time of the last row stepped through; null before the first.</param>
/// <param name="Row">Its number.</param>
/// <param name="Taken">Number of the last row taken; ahead of <paramref name="Row"/> while rows are being stepped through.</param>
/// <param name="Alarms">Those that are not normal; all of them by <see cref="AlarmsQuery"/>.</param>
/// <param name="Late">Samples recorded and not applied, in all.</param>
/// <param name="SetAside">Rows that could not be stepped through, in all.</param>
/// <param name="Problem">Why the last rows were set aside; null if none since.</param>
[Message("twins.unit-view", Since = 1)]
public sealed record UnitView(
    [property: Key(0)] string Unit, [property: Key(1)] long Version, [property: Key(2)] string Source, [property: Key(3)] DateTimeOffset? Time,
    [property: Key(4)] long Row, [property: Key(5)] long Taken, [property: Key(6)] ImmutableArray<EstimateView> Estimates,
    [property: Key(7)] ImmutableArray<SensorView> Sensors, [property: Key(8)] ImmutableArray<InputView> Inputs, [property: Key(9)] double Nis,
    [property: Key(10)] ImmutableArray<ScoreView> Scores, [property: Key(11)] UnitDiagnosis? Diagnosis,
    [property: Key(12)] ImmutableArray<AlarmView> Alarms, [property: Key(13)] ControllerView Controller, [property: Key(14)] TrialView? Trial,
    [property: Key(15)] long Late, [property: Key(16)] long SetAside, [property: Key(17)] string? Problem) : IReply;

/// <summary>Asks for the last rows with their estimates, oldest first; what lies further back is in the journal.</summary>
[Message("twins.unit-history-query", Since = 1)]
public sealed record UnitHistoryQuery([property: Key(0)] long AfterRow) : IQuery;

/// <summary>A row and the estimate after it.</summary>
/// <param name="Values">Samples by signal, those of inputs too; empty for rows before the last checkpoint.</param>
/// <param name="Estimates">In the order of the shape; empty if the row was stepped through together with later ones.</param>
[MessagePart]
public sealed record HistoryRow(
    [property: Key(0)] long Row, [property: Key(1)] DateTimeOffset Time, [property: Key(2)] ImmutableSortedDictionary<string, double> Values,
    [property: Key(3)] double[] Estimates, [property: Key(4)] double[] Sds);

[Message("twins.unit-history", Since = 1)]
public sealed record UnitHistory([property: Key(0)] UnitShape Shape, [property: Key(1)] ImmutableArray<HistoryRow> Rows) : IReply;

/// <summary>Asks what would become of the unit from its present estimate on. It changes nothing.</summary>
/// <param name="Inputs">What the inputs would be, by signal; those not named stay.</param>
/// <param name="Horizon">How far, and <paramref name="Step"/> how finely.</param>
[Message("twins.what-if", Since = 1)]
public sealed record WhatIf(
    [property: Key(0)] ImmutableSortedDictionary<string, double> Inputs, [property: Key(1)] TimeSpan Horizon, [property: Key(2)] TimeSpan Step) : IQuery;

/// <param name="Names">States of the model, with units.</param>
/// <param name="TimesS">From now, s.</param>
/// <param name="States">Shape (times, states), row-major.</param>
[Message("twins.roll-out", Since = 1)]
public sealed record RollOut(
    [property: Key(0)] ImmutableArray<UnitQuantity> Names, [property: Key(1)] double[] TimesS, [property: Key(2)] double[] States) : IReply;
