using System.Collections.Immutable;

namespace Athanor.Protocol.Twins.Units;

/// <summary>What a unit's controller may do.</summary>
public enum ControllerMode
{
    /// <summary>No move is calculated.</summary>
    Off = 0,

    /// <summary>Moves are calculated and recorded, and shown to nobody as advice.</summary>
    Shadow = 1,

    /// <summary>Moves are shown to the operator, who makes them.</summary>
    Advisory = 2,

    /// <summary>Moves leave for the plant.</summary>
    ClosedLoop = 3,
}

/// <summary>A measured signal.</summary>
/// <param name="Signal">As <see cref="Sample.Signal"/>; named as in the estimator's settings.</param>
/// <param name="Unit">Unit of its values, for people and for checks.</param>
/// <param name="Period">Usual time between samples; null for the unit's own sample period.</param>
/// <param name="Low">A value below it is no measurement (wild): it is recorded and kept from the estimator.</param>
/// <param name="High">A value above it likewise.</param>
[MessagePart]
public sealed record UnitSensor(
    [property: Key(0)] string Signal, [property: Key(1)] string Unit, [property: Key(2)] TimeSpan? Period,
    [property: Key(3)] double Low, [property: Key(4)] double High);

/// <summary>An actuator. Its samples say what it truly is; before the first one, and without any, it is at the last move or at
/// <paramref name="Fallback"/>.</summary>
/// <param name="Low">Hard bound of every move.</param>
/// <param name="RatePerS">Greatest change per second; 0 for no bound.</param>
/// <param name="Fallback">Where it goes when the loop is lost.</param>
[MessagePart]
public sealed record UnitInput(
    [property: Key(0)] string Signal, [property: Key(1)] string Unit, [property: Key(2)] double Low, [property: Key(3)] double High,
    [property: Key(4)] double RatePerS, [property: Key(5)] double Fallback);

/// <summary>What the numerics of a unit read, as JSON that this room does not look into.</summary>
/// <param name="Version">Rises by one with each model that the unit is given; 1 is what it was created with.</param>
/// <param name="Source">Where it comes from, e.g. <c>examples/klatt-engell.hocon</c> or <c>models/ID@VERSION</c>.</param>
/// <param name="Model">Of <c>PlantModels</c>.</param>
/// <param name="Estimator">Settings of the estimator.</param>
/// <param name="Detectors">Settings of the detectors; null for none.</param>
/// <param name="Controller">Settings of the controller; null for none.</param>
[MessagePart]
public sealed record UnitModel(
    [property: Key(0)] long Version, [property: Key(1)] string Source, [property: Key(2)] string Model, [property: Key(3)] string Estimator,
    [property: Key(4)] string? Detectors, [property: Key(5)] string? Controller);

/// <summary>What a unit twin is: typed what the entity decides by, and in <paramref name="Model"/> what only numerics read.</summary>
/// <param name="Unit">Tag of the plant unit, e.g. R-101.</param>
/// <param name="Sample">Usual time between samples.</param>
/// <param name="Inputs">In the order of the model's inputs.</param>
/// <param name="LagWindow">Samples so much older than the newest still change the estimate; older ones are recorded and flagged.</param>
/// <param name="Interval">Time between moves; ignored without a controller.</param>
/// <param name="MoveValidity">How long a receiver may act on a move.</param>
/// <param name="Watchdog">Without samples, or without a move, for so long the closed loop goes to the fallback.</param>
/// <param name="Setpoints">At the start, by the names that the controller's settings give them.</param>
/// <param name="Alarms">On any signal, estimate or score by its name.</param>
/// <param name="Start">What states are at the first sample, by name and in the model's unit; null, and those not named, for
/// nominal.</param>
[MessagePart]
public sealed record UnitSpec(
    [property: Key(0)] string Unit, [property: Key(1)] TimeSpan Sample, [property: Key(2)] ImmutableArray<UnitSensor> Sensors,
    [property: Key(3)] ImmutableArray<UnitInput> Inputs, [property: Key(4)] TimeSpan LagWindow, [property: Key(5)] UnitModel Model,
    [property: Key(6)] ControllerMode Mode, [property: Key(7)] TimeSpan Interval, [property: Key(8)] TimeSpan MoveValidity,
    [property: Key(9)] TimeSpan Watchdog, [property: Key(10)] ImmutableSortedDictionary<string, double> Setpoints,
    [property: Key(11)] ImmutableArray<AlarmSpec> Alarms, [property: Key(12)] ImmutableSortedDictionary<string, double>? Start = null);

/// <summary>A quantity by name and unit.</summary>
[MessagePart]
public sealed record UnitQuantity([property: Key(0)] string Name, [property: Key(1)] string Unit);

/// <summary>What stands where in the numbers of a unit's events: found when the model is taken up.</summary>
/// <param name="Estimates">States, then estimated parameters, then biases.</param>
/// <param name="Scores">The detectors' scores.</param>
[MessagePart]
public sealed record UnitShape(
    [property: Key(0)] ImmutableArray<UnitQuantity> Estimates, [property: Key(1)] ImmutableArray<string> Scores);
