using System.Collections.Immutable;
using System.Globalization;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>What came of an operator's action.</summary>
/// <param name="Event">Null if nothing changes: it was done already.</param>
/// <param name="Problem">Why it is refused; null if it is not.</param>
public readonly record struct AlarmAnswer(AlarmsChanged? Event, string? Problem)
{
    internal static AlarmAnswer Refuse(FormattableString problem) => new(null, problem.ToString(CultureInfo.InvariantCulture));
}

/// <summary>What operators do with alarms. Each action is recorded with who did it, and where the standard asks for it, why.</summary>
public static class AlarmActions
{
    private const int MaxWords = 512;

    /// <summary>Whether <see cref="Decide"/> takes the command.</summary>
    public static bool Takes(ICommand command) =>
        command is AcknowledgeAlarms or ResetAlarm or ShelveAlarm or UnshelveAlarm or SetAlarmService;

    /// <param name="by">Who sent the command.</param>
    public static AlarmAnswer Decide(
        AlarmBook book, ImmutableArray<AlarmSpec> specs, ICommand command, string by, DateTimeOffset now)
    {
        var changes = new AlarmChanges(book, book.At > now ? book.At.Value : now);
        var problem = command switch
        {
            AcknowledgeAlarms acknowledge => Acknowledge(changes, specs, acknowledge, by),
            ResetAlarm reset => Find(specs, reset.Tag, out var spec) ?? Reset(changes, spec, by),
            ShelveAlarm shelve => Find(specs, shelve.Tag, out var spec) ?? Shelve(changes, spec, shelve, by),
            UnshelveAlarm unshelve => Find(specs, unshelve.Tag, out var spec) ?? Unshelve(changes, spec, by),
            SetAlarmService service => Find(specs, service.Tag, out var spec) ?? Service(changes, spec, service, by),
            _ => throw new ArgumentException($"{command.GetType().Name} is no action on alarms", nameof(command)),
        };
        if (problem is not null) return AlarmAnswer.Refuse(problem);
        if (changes.Count > 0) changes.ClearGroups(specs);
        return new AlarmAnswer(changes.Event, null);
    }

    private static FormattableString? Acknowledge(
        AlarmChanges changes, ImmutableArray<AlarmSpec> specs, AcknowledgeAlarms command, string by)
    {
        if (command.Note.Length > MaxWords) return TooLong(command.Note, "note");
        foreach (var tag in command.Tags)
        {
            if (Find(specs, tag, out _) is { } unknown) return unknown;
        }
        var note = command.Note == "" ? null : command.Note;
        foreach (var spec in specs)
        {
            if (command.Tags.Length > 0 && !command.Tags.Contains(spec.Tag)) continue;
            var record = changes.Book[spec.Tag];
            if (record is { Unacknowledged: true, PutAside: false }) changes.Add(spec, AlarmStep.Acknowledged, 0.0, by: by, why: note);
        }
        return null;
    }

    private static FormattableString? Reset(AlarmChanges changes, AlarmSpec spec, string by)
    {
        var record = changes.Book[spec.Tag];
        if (record.Active) return $"the condition of {spec.Tag} is still on; it can be reset when it is gone";
        if (record.Unacknowledged) return $"{spec.Tag} is not acknowledged; that comes before its reset";
        if (record.Latched) changes.Add(spec, AlarmStep.Reset, 0.0, by: by);
        return null;
    }

    private static FormattableString? Shelve(AlarmChanges changes, AlarmSpec spec, ShelveAlarm shelve, string by)
    {
        if (Words(shelve.Why) is { } words) return words;
        if (spec.LongestShelf == TimeSpan.Zero) return $"{spec.Tag} may not be shelved";
        if (shelve.For <= TimeSpan.Zero || shelve.For > spec.LongestShelf)
            return $"{spec.Tag} was to be shelved for {shelve.For}; above 0 and at most {spec.LongestShelf} would be right";
        if (changes.Book[spec.Tag].OutOfService) return $"{spec.Tag} is out of service; it must be put back first";
        changes.Add(spec, AlarmStep.Shelved, 0.0, by: by, why: shelve.Why, until: changes.At + shelve.For);
        return null;
    }

    private static FormattableString? Unshelve(AlarmChanges changes, AlarmSpec spec, string by)
    {
        if (changes.Book[spec.Tag].ShelvedUntil is null) return null;
        changes.Add(spec, AlarmStep.Unshelved, 0.0, by: by);
        ComeBack(changes, spec);
        return null;
    }

    private static FormattableString? Service(AlarmChanges changes, AlarmSpec spec, SetAlarmService service, string by)
    {
        if (Words(service.Why) is { } words) return words;
        if (changes.Book[spec.Tag].OutOfService == !service.InService) return null;
        changes.Add(spec, service.InService ? AlarmStep.PutBack : AlarmStep.TakenOut, 0.0, by: by, why: service.Why);
        if (service.InService) ComeBack(changes, spec);
        return null;
    }

    /// <summary>An alarm whose condition is on is told again as soon as nothing puts it aside.</summary>
    private static void ComeBack(AlarmChanges changes, AlarmSpec spec)
    {
        var record = changes.Book[spec.Tag];
        if (record.PutAside || !record.Active) return;
        changes.Add(spec, AlarmStep.Raised, record.Value);
        if (spec.Group != "" && !changes.Book.FirstOuts.ContainsKey(spec.Group)) changes.MarkFirstOut(changes.Count - 1, spec.Group);
    }

    private static FormattableString? Find(ImmutableArray<AlarmSpec> specs, string tag, out AlarmSpec spec)
    {
        spec = specs.FirstOrDefault(s => s.Tag == tag)!;
        if (spec is not null) return null;
        return $"this unit has no alarm '{tag}'; it has {(specs.Length == 0 ? "none" : string.Join(", ", specs.Select(s => s.Tag)))}";
    }

    private static FormattableString? Words(string why) =>
        string.IsNullOrWhiteSpace(why) ? (FormattableString)$"say why: the journal keeps it" : why.Length > MaxWords
            ? TooLong(why, "reason") : null;

    private static FormattableString TooLong(string words, string what) =>
        $"the {what} is {words.Length} characters long; at most {MaxWords} would be right";
}
