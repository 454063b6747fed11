using System.Collections.Immutable;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>
/// Alarms of one unit by ISA-18.2 (IEC 62682): pure rules from (book, specifications, values, time) to one event, or none. The unit calls
/// <see cref="Evaluate"/> with each sample that has an estimate and at <see cref="NextWake"/>, commits the event, and folds it into its
/// <see cref="AlarmBook"/>; nothing else is state, so an alarm after fail-over or replay is what it was.
///
/// What is promised, whatever comes:
/// - A condition that lasts through its on-delay in evaluated samples is raised, and told to the operator unless it is put aside; then it
/// is   raised as soon as it is put aside no longer (shelves end by themselves).
/// - An alarm that was told is not normal again before somebody acknowledged, shelved or took it out; suppression by design, which
///   nobody sees, does not take the place of that.
/// - A value that is absent or not finite is no evidence: conditions High and Low stay as they were, and delays do not end. An alarm with
///   the condition Bad is what tells of it.
/// - Time does not run back: an evaluation earlier than the last event counts as of that event's time.
/// </summary>
public static class AlarmRules
{
    /// <summary>What changes with these values; null if nothing does.</summary>
    /// <param name="values">By signal; a signal without a sample is absent.</param>
    /// <param name="now">Time of the values.</param>
    public static AlarmsChanged? Evaluate(
        AlarmBook book, ImmutableArray<AlarmSpec> specs, IReadOnlyDictionary<string, double> values, DateTimeOffset now)
    {
        var at = book.At > now ? book.At.Value : now;
        var changes = new AlarmChanges(book, at);
        var raised = new List<(AlarmSpec Spec, DateTimeOffset Onset, int Change)>();
        foreach (var spec in specs)
        {
            var onset = book[spec.Tag].DelaySince ?? at;
            if (EvaluateOne(changes, spec, values)) raised.Add((spec, onset, changes.Count - 1));
        }
        foreach (var group in raised.Where(r => r.Spec.Group != "").GroupBy(r => r.Spec.Group))
        {
            // Of several in one evaluation the first is whose condition came first; then the more urgent.
            if (book.FirstOuts.ContainsKey(group.Key)) continue;
            changes.MarkFirstOut(group.OrderBy(r => r.Onset).ThenByDescending(r => r.Spec.Priority).First().Change, group.Key);
        }
        changes.ClearGroups(specs);
        return changes.Event;
    }

    /// <summary>When <see cref="Evaluate"/> must be called even if no sample comes: the next end of a shelf; null for never.</summary>
    public static DateTimeOffset? NextWake(AlarmBook book) => book.Alarms.Values.Min(r => r.ShelvedUntil);

    /// <returns>Whether the alarm was annunciated, by the last of the changes added.</returns>
    private static bool EvaluateOne(AlarmChanges changes, AlarmSpec spec, IReadOnlyDictionary<string, double> values)
    {
        var record = changes.Book[spec.Tag];
        var putAside = record.PutAside;
        if (record.ShelvedUntil <= changes.At) record = changes.Add(spec, AlarmStep.Unshelved, record.Value, why: "its time was up");
        if (spec.SuppressedWhile is { } rule && values.TryGetValue(rule.Signal, out var state)
            && Holds(rule.Condition, rule.Limit, rule.DeadBand, record.Suppressed, state) is { } suppress && suppress != record.Suppressed)
        {
            record = changes.Add(spec, suppress ? AlarmStep.Suppressed : AlarmStep.Unsuppressed, state);
        }
        if (values.TryGetValue(spec.Signal, out var value)
            && Holds(spec.Condition, spec.Limit, spec.DeadBand, record.Active, value) is { } on)
        {
            // Not a number is recorded as 0: it must stay out of the journal.
            var recorded = double.IsFinite(value) ? value : 0.0;
            if (on == record.Active)
            {
                if (record.DelaySince is not null) record = changes.Add(spec, AlarmStep.DelayBroken, recorded);
            }
            else
            {
                var delay = on ? spec.OnDelay : spec.OffDelay;
                if (delay == TimeSpan.Zero || record.DelaySince <= changes.At - delay)
                {
                    if (!on) record = changes.Add(spec, AlarmStep.Returned, recorded, latched: spec.Latching && Annunciated(record));
                    else if (record.PutAside) record = changes.Add(spec, AlarmStep.RaisedSilently, recorded);
                    else
                    {
                        changes.Add(spec, AlarmStep.Raised, recorded);
                        return true;
                    }
                }
                else if (record.DelaySince is null)
                {
                    record = changes.Add(spec, AlarmStep.DelayBegan, recorded);
                }
            }
        }
        if (!putAside || record.PutAside || !record.Active) return false;
        // It comes back from where it was put aside, and its condition is on.
        changes.Add(spec, AlarmStep.Raised, record.Value);
        return true;
    }

    private static bool Annunciated(AlarmRecord record) => record is { Active: true, PutAside: false };

    /// <summary>Whether the condition is on; null if the value does not say.</summary>
    private static bool? Holds(AlarmCondition condition, double limit, double deadBand, bool before, double value)
    {
        var finite = double.IsFinite(value);
        if (condition == AlarmCondition.Bad) return !finite;
        if (!finite) return null;
        var band = before ? deadBand : 0.0;
        return condition == AlarmCondition.High ? value >= limit - band : value <= limit + band;
    }
}
