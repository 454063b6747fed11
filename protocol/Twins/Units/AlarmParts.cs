using System.Collections.Immutable;

namespace Athanor.Protocol.Twins.Units;

/// <summary>How soon an operator must act, as ISA-18.2 (IEC 62682) rates it: by the severity of the consequence and the time that is
/// left.</summary>
public enum AlarmPriority
{
    /// <summary>Recorded, never annunciated as one that needs an answer: it is left out of the rates.</summary>
    Journal = 0,
    Low = 1,
    Medium = 2,
    High = 3,
    Critical = 4,
}

/// <summary>What about its signal is abnormal.</summary>
public enum AlarmCondition
{
    /// <summary>The value is at or above the limit.</summary>
    High = 0,

    /// <summary>The value is at or below the limit.</summary>
    Low = 1,

    /// <summary>There is no good value: not a number, or infinite.</summary>
    Bad = 2,
}

/// <summary>The states of ISA-18.2, figure 3, by their letters.</summary>
public enum AlarmState
{
    /// <summary>A.</summary>
    Normal = 0,

    /// <summary>B: in alarm, not acknowledged.</summary>
    Unacknowledged = 1,

    /// <summary>C: in alarm, acknowledged.</summary>
    Acknowledged = 2,

    /// <summary>D: the process returned to normal before anyone acknowledged.</summary>
    ReturnedUnacknowledged = 3,

    /// <summary>E: returned to normal, held by its latch, not acknowledged.</summary>
    LatchedUnacknowledged = 4,

    /// <summary>F: returned to normal, held by its latch until it is reset.</summary>
    LatchedAcknowledged = 5,

    /// <summary>G: put aside by an operator for a limited time.</summary>
    Shelved = 6,

    /// <summary>H: put aside by the logic that its design gives it.</summary>
    SuppressedByDesign = 7,

    /// <summary>I: put aside for maintenance until it is put back.</summary>
    OutOfService = 8,
}

/// <summary>The state of the plant in which an alarm means nothing: it is suppressed while the signal is so, e.g. low flow while the pump
/// is off.</summary>
/// <param name="DeadBand">How far the signal must come back past the limit before the alarm counts again; at least 0.</param>
[MessagePart]
public sealed record AlarmSuppression(
    [property: Key(0)] string Signal, [property: Key(1)] AlarmCondition Condition, [property: Key(2)] double Limit,
    [property: Key(3)] double DeadBand);

/// <summary>One alarm as it was rationalised. Values are in the signal's own unit.</summary>
/// <param name="Tag">Its name in the unit, e.g. <c>T.high</c>; no two alarms share one.</param>
/// <param name="Signal">What it watches: a sensor, an estimate, a score of a detector; whatever the values are named.</param>
/// <param name="Limit">Not used by <see cref="AlarmCondition.Bad"/>.</param>
/// <param name="DeadBand">How far the value must come back past the limit to clear; at least 0.</param>
/// <param name="OnDelay">How long the condition must last without a break before the alarm is raised.</param>
/// <param name="OffDelay">How long it must be gone without a break before the alarm returns to normal.</param>
/// <param name="Group">Alarms of one group have one cause: the first raised is marked as first-out; empty for none.</param>
/// <param name="Latching">Whether it stays, once raised, until it is reset.</param>
/// <param name="LongestShelf">The longest that it may be shelved for; zero if never.</param>
/// <param name="SuppressedWhile">Suppression by design; null for none.</param>
/// <param name="Response">What the operator is to do, for people.</param>
[MessagePart]
public sealed record AlarmSpec(
    [property: Key(0)] string Tag, [property: Key(1)] string Signal, [property: Key(2)] AlarmCondition Condition,
    [property: Key(3)] double Limit, [property: Key(4)] double DeadBand, [property: Key(5)] TimeSpan OnDelay,
    [property: Key(6)] TimeSpan OffDelay, [property: Key(7)] AlarmPriority Priority, [property: Key(8)] string Group,
    [property: Key(9)] bool Latching, [property: Key(10)] TimeSpan LongestShelf, [property: Key(11)] AlarmSuppression? SuppressedWhile,
    [property: Key(12)] string Response);

/// <summary>What happened to an alarm.</summary>
public enum AlarmStep
{
    /// <summary>The condition differs from the alarm's and a delay began to run.</summary>
    DelayBegan = 0,

    /// <summary>The condition went back before the delay was over.</summary>
    DelayBroken = 1,

    /// <summary>The condition is on, and the operator is told.</summary>
    Raised = 2,

    /// <summary>The condition is on while the alarm is shelved, suppressed or out of service.</summary>
    RaisedSilently = 3,

    /// <summary>The condition is off.</summary>
    Returned = 4,
    Acknowledged = 5,

    /// <summary>The latch was released.</summary>
    Reset = 6,
    Shelved = 7,
    Unshelved = 8,
    Suppressed = 9,
    Unsuppressed = 10,
    TakenOut = 11,
    PutBack = 12,

    /// <summary>Every alarm of the group is normal again: the next one raised is its first-out. The tag is the group's.</summary>
    GroupCleared = 13,
}

/// <summary>One step of one alarm.</summary>
/// <param name="Value">What the signal was; 0 where the step has none.</param>
/// <param name="FirstOutOf">The group of which it was the first raised; null if it was not.</param>
/// <param name="Latched">Whether a latch holds the alarm that returned.</param>
/// <param name="By">Who did it; null for the rules.</param>
/// <param name="Until">End of the shelf.</param>
[MessagePart]
public sealed record AlarmChange(
    [property: Key(0)] string Tag, [property: Key(1)] AlarmStep Step, [property: Key(2)] double Value,
    [property: Key(3)] AlarmPriority Priority, [property: Key(4)] string? FirstOutOf = null, [property: Key(5)] bool? Latched = null,
    [property: Key(6)] string? By = null, [property: Key(7)] string? Why = null, [property: Key(8)] DateTimeOffset? Until = null);

/// <summary>Alarms of a unit changed, in this order, all at one time.</summary>
[Message("twins.alarms-changed", Since = 1)]
public sealed record AlarmsChanged(
    [property: Key(0)] DateTimeOffset At, [property: Key(1)] ImmutableArray<AlarmChange> Changes) : IEvent;
