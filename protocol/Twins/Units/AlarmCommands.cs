using System.Collections.Immutable;

namespace Athanor.Protocol.Twins.Units;

/// <summary>An operator has seen these alarms.</summary>
/// <param name="Tags">Empty for all that wait for it.</param>
[Message("twins.acknowledge-alarms", Since = 1)]
public sealed record AcknowledgeAlarms(
    [property: Key(0)] ImmutableArray<string> Tags, [property: Key(1)] string Note) : ICommand;

/// <summary>Releases the latch of an alarm whose condition is gone.</summary>
[Message("twins.reset-alarm", Since = 1)]
public sealed record ResetAlarm([property: Key(0)] string Tag) : ICommand;

/// <summary>Puts an alarm aside for a time; afterwards it comes back by itself.</summary>
/// <param name="For">Above 0 and at most what the alarm's design allows.</param>
/// <param name="Why">Not empty.</param>
[Message("twins.shelve-alarm", Since = 1)]
public sealed record ShelveAlarm(
    [property: Key(0)] string Tag, [property: Key(1)] TimeSpan For, [property: Key(2)] string Why) : ICommand;

[Message("twins.unshelve-alarm", Since = 1)]
public sealed record UnshelveAlarm([property: Key(0)] string Tag) : ICommand;

/// <summary>Takes an alarm out of service, for maintenance of what it watches, or puts it back.</summary>
/// <param name="Why">Not empty.</param>
[Message("twins.set-alarm-service", Since = 1)]
public sealed record SetAlarmService(
    [property: Key(0)] string Tag, [property: Key(1)] bool InService, [property: Key(2)] string Why) : ICommand;

/// <summary>Asks for the alarms of a unit.</summary>
[Message("twins.alarms-query", Since = 1)]
public sealed record AlarmsQuery : IQuery;

/// <summary>One alarm as it stands.</summary>
/// <param name="Active">Whether its condition is on, also while it is put aside.</param>
/// <param name="Since">When it was last raised or returned; null if never.</param>
/// <param name="Value">What its signal was then.</param>
/// <param name="By">Who last acknowledged, shelved or took it out, and why.</param>
/// <param name="Chattering">Raised three times within a minute, the last time at most ten minutes ago.</param>
/// <param name="Stale">In alarm for more than a day.</param>
[MessagePart]
public sealed record AlarmView(
    [property: Key(0)] string Tag, [property: Key(1)] AlarmState State, [property: Key(2)] AlarmPriority Priority,
    [property: Key(3)] bool Active, [property: Key(4)] DateTimeOffset? Since, [property: Key(5)] double Value,
    [property: Key(6)] bool FirstOut, [property: Key(7)] string? By, [property: Key(8)] string? Why,
    [property: Key(9)] DateTimeOffset? ShelvedUntil, [property: Key(10)] long Raises, [property: Key(11)] bool Chattering,
    [property: Key(12)] bool Stale);

/// <summary>The figures by which ISA-18.2 judges an alarm system, for one unit. Journal alarms are not in them.</summary>
/// <param name="Raised">Annunciations in all.</param>
/// <param name="LastTenMinutes">Annunciations in the last ten minutes.</param>
/// <param name="PerTenMinutes">Mean since the first evaluation; about 1 is held acceptable, 2 the most that can be managed.</param>
/// <param name="Peak">The most in any ten minutes.</param>
/// <param name="InFlood">A flood begins with the tenth alarm in ten minutes and ends when fewer than five are left in them.</param>
/// <param name="FloodShare">Part of all time that was flood, 0 to 1.</param>
/// <param name="Standing">Alarms whose condition is on, put aside or not.</param>
[MessagePart]
public sealed record AlarmFigures(
    [property: Key(0)] long Raised, [property: Key(1)] int LastTenMinutes, [property: Key(2)] double PerTenMinutes,
    [property: Key(3)] int Peak, [property: Key(4)] bool InFlood, [property: Key(5)] int Floods, [property: Key(6)] double FloodShare,
    [property: Key(7)] int Standing, [property: Key(8)] int Unacknowledged, [property: Key(9)] int Shelved,
    [property: Key(10)] int Suppressed, [property: Key(11)] int OutOfService, [property: Key(12)] int Chattering,
    [property: Key(13)] int Stale);

/// <param name="Alarms">In the order of their specification.</param>
[Message("twins.alarms", Since = 1)]
public sealed record AlarmsView(
    [property: Key(0)] DateTimeOffset At, [property: Key(1)] ImmutableArray<AlarmView> Alarms, [property: Key(2)] AlarmFigures Figures)
        : IReply;
