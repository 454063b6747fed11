using System.Collections.Immutable;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>The steps of one event as they are found, with the book as it will be after them.</summary>
internal sealed class AlarmChanges(AlarmBook book, DateTimeOffset at)
{
    private readonly List<AlarmChange> _changes = [];

    public AlarmBook Book { get; private set; } = book;

    public DateTimeOffset At => at;

    public int Count => _changes.Count;

    public AlarmsChanged? Event => _changes.Count == 0 ? null : new AlarmsChanged(at, [.. _changes]);

    public AlarmRecord Add(
        AlarmSpec spec, AlarmStep step, double value, bool? latched = null, string? by = null, string? why = null,
        DateTimeOffset? until = null)
    {
        var change = new AlarmChange(spec.Tag, step, value, spec.Priority, null, latched == true ? true : null, by, why, until);
        _changes.Add(change);
        Book = Book.Apply(change, at);
        return Book[spec.Tag];
    }

    public void MarkFirstOut(int index, string group)
    {
        _changes[index] = _changes[index] with { FirstOutOf = group };
        Book = Book with { FirstOuts = Book.FirstOuts.SetItem(group, _changes[index].Tag) };
    }

    /// <summary>A group's first-out stands until each alarm of the group is normal or put aside.</summary>
    public void ClearGroups(ImmutableArray<AlarmSpec> specs)
    {
        foreach (var group in Book.FirstOuts.Keys)
        {
            if (specs.Any(s => s.Group == group && Book[s.Tag] is { PutAside: false, State: not AlarmState.Normal })) continue;
            var cleared = new AlarmChange(group, AlarmStep.GroupCleared, 0.0, AlarmPriority.Journal);
            _changes.Add(cleared);
            Book = Book.Apply(cleared, at);
        }
    }
}
