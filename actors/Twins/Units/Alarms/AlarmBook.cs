using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>What a unit's journal tells of one alarm.</summary>
/// <param name="Active">Whether the condition is on, after dead-band and delays; known also while the alarm is put aside.</param>
/// <param name="Unacknowledged">It was annunciated and nobody has said yet to have seen it.</param>
/// <param name="Latched">The condition is gone and the latch holds it.</param>
/// <param name="DelaySince">When the condition began to differ from <paramref name="Active"/>, without a break; null if it does
/// not.</param>
/// <param name="Since">When it was last raised or returned.</param>
/// <param name="Value">What its signal was then.</param>
/// <param name="By">Who last acknowledged, reset, shelved or took it out.</param>
/// <param name="ShelvedUntil">Null if it is not shelved.</param>
/// <param name="Suppressed">By design.</param>
/// <param name="Raises">Annunciations in all.</param>
/// <param name="RaisedTicks">The last three annunciations, oldest first, ticks of 100 ns since the year 1.</param>
/// <param name="ChatteredTicks">When three of them last lay within a minute; 0 if never.</param>
[MessagePart]
public sealed record AlarmRecord(
    [property: Key(0)] bool Active, [property: Key(1)] bool Unacknowledged, [property: Key(2)] bool Latched,
    [property: Key(3)] DateTimeOffset? DelaySince, [property: Key(4)] DateTimeOffset? Since, [property: Key(5)] double Value,
    [property: Key(6)] string? By, [property: Key(7)] string? Why, [property: Key(8)] DateTimeOffset? ShelvedUntil,
    [property: Key(9)] bool Suppressed, [property: Key(10)] bool OutOfService, [property: Key(11)] long Raises,
    [property: Key(12)] long[] RaisedTicks, [property: Key(13)] long ChatteredTicks)
{
    public static AlarmRecord Normal { get; } =
        new(false, false, false, null, null, 0.0, null, null, null, false, false, 0, [], 0);

    /// <summary>Whether the operator is not told of it now.</summary>
    public bool PutAside => ShelvedUntil is not null || Suppressed || OutOfService;

    /// <summary>The state of ISA-18.2. One that is put aside in several ways is in the strongest: out of service, shelved,
    /// suppressed.</summary>
    public AlarmState State => OutOfService ? AlarmState.OutOfService
        : ShelvedUntil is not null ? AlarmState.Shelved
        : Suppressed ? AlarmState.SuppressedByDesign
        : Active ? Unacknowledged ? AlarmState.Unacknowledged : AlarmState.Acknowledged
        : Latched ? Unacknowledged ? AlarmState.LatchedUnacknowledged : AlarmState.LatchedAcknowledged
        : Unacknowledged ? AlarmState.ReturnedUnacknowledged : AlarmState.Normal;
}

/// <summary>All alarms of one unit, as a part of the unit's state: the fold of its <see cref="AlarmsChanged"/> events by
/// <see cref="Apply"/>.</summary>
/// <param name="Alarms">By tag; one that never changed is absent.</param>
/// <param name="FirstOuts">By group, the tag that was raised first.</param>
/// <param name="Rates">Annunciations in time.</param>
/// <param name="At">Time of the last event; null before the first.</param>
[MessagePart]
public sealed record AlarmBook(
    [property: Key(0)] ImmutableSortedDictionary<string, AlarmRecord> Alarms,
    [property: Key(1)] ImmutableSortedDictionary<string, string> FirstOuts, [property: Key(2)] AlarmRates Rates,
    [property: Key(3)] DateTimeOffset? At)
{
    public static AlarmBook Empty { get; } = new(
        ImmutableSortedDictionary.Create<string, AlarmRecord>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal), AlarmRates.None, null);

    public AlarmRecord this[string tag] => Alarms.GetValueOrDefault(tag) ?? AlarmRecord.Normal;

    /// <summary>The book after an event, which says all that is needed: specifications may have changed since.</summary>
    public AlarmBook Apply(AlarmsChanged changed)
    {
        var book = this;
        foreach (var change in changed.Changes) book = book.Apply(change, changed.At);
        return book with { At = changed.At };
    }

    internal AlarmBook Apply(AlarmChange change, DateTimeOffset at)
    {
        if (change.Step == AlarmStep.GroupCleared) return this with { FirstOuts = FirstOuts.Remove(change.Tag) };
        var old = this[change.Tag];
        var record = change.Step switch
        {
            AlarmStep.DelayBegan => old with { DelaySince = at },
            AlarmStep.DelayBroken => old with { DelaySince = null },
            AlarmStep.Raised => Raise(old, change, at),
            AlarmStep.RaisedSilently => old with { Active = true, DelaySince = null, Since = at, Value = change.Value },
            AlarmStep.Returned => old with
            {
                Active = false,
                DelaySince = null,
                Since = at,
                Value = change.Value,
                Latched = change.Latched == true,
            },
            AlarmStep.Acknowledged => old with { Unacknowledged = false, By = change.By, Why = change.Why },
            AlarmStep.Reset => old with { Latched = false, By = change.By, Why = change.Why },
            AlarmStep.Shelved => old with
            {
                ShelvedUntil = change.Until,
                Unacknowledged = false,
                By = change.By,
                Why = change.Why,
            },
            AlarmStep.Unshelved => old with { ShelvedUntil = null, By = change.By ?? old.By, Why = change.Why ?? old.Why },
            AlarmStep.Suppressed => old with { Suppressed = true },
            AlarmStep.Unsuppressed => old with { Suppressed = false },
            AlarmStep.TakenOut => old with { OutOfService = true, Unacknowledged = false, By = change.By, Why = change.Why },
            AlarmStep.PutBack => old with { OutOfService = false, By = change.By, Why = change.Why },
            _ => throw new InvalidOperationException($"the journal holds a step {change.Step} of an alarm that this build does not know"),
        };
        return this with
        {
            Alarms = Alarms.SetItem(change.Tag, record),
            FirstOuts = change.FirstOutOf is { } group ? FirstOuts.SetItem(group, change.Tag) : FirstOuts,
            Rates = change is { Step: AlarmStep.Raised, Priority: not AlarmPriority.Journal } ? Rates.Raised(at) : Rates,
        };
    }

    private static AlarmRecord Raise(AlarmRecord old, AlarmChange change, DateTimeOffset at)
    {
        long[] ticks = [.. old.RaisedTicks.Length < 3 ? old.RaisedTicks : old.RaisedTicks[1..], at.UtcTicks];
        var chatters = ticks.Length == 3 && ticks[2] - ticks[0] <= TimeSpan.TicksPerMinute;
        return old with
        {
            Active = true,
            Unacknowledged = change.Priority != AlarmPriority.Journal,
            Latched = false,
            // One that comes back from where it was put aside was on all the time: an off-delay that runs goes on running.
            DelaySince = old.Active ? old.DelaySince : null,
            Since = at,
            Value = change.Value,
            Raises = old.Raises + 1,
            RaisedTicks = ticks,
            ChatteredTicks = chatters ? at.UtcTicks : old.ChatteredTicks,
        };
    }
}
