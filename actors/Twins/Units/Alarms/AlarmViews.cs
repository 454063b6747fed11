using System.Collections.Immutable;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units.Alarms;

/// <summary>What people see of a unit's alarms, at a moment.</summary>
public static class AlarmViews
{
    private static readonly TimeSpan StaleAfter = TimeSpan.FromDays(1), ChatterFor = TimeSpan.FromMinutes(10);

    /// <param name="since">When the unit's alarms were first evaluated: where the mean rate begins.</param>
    public static AlarmsView Of(AlarmBook book, ImmutableArray<AlarmSpec> specs, DateTimeOffset since, DateTimeOffset now) =>
        new(now, [.. specs.Select(spec => View(book, spec, now))], Figures(book, specs, since, now));

    public static AlarmFigures Figures(AlarmBook book, ImmutableArray<AlarmSpec> specs, DateTimeOffset since, DateTimeOffset now)
    {
        var records = specs.Where(s => s.Priority != AlarmPriority.Journal).Select(s => book[s.Tag]).ToArray();
        var (flood, lasted) = book.Rates.FloodAt(now);
        var span = now - since;
        // Within the first ten minutes there is no more than one window to take the mean over.
        var windows = Math.Max(1.0, span / AlarmRates.Window);
        return new AlarmFigures(
            book.Rates.Total, book.Rates.Within(now), book.Rates.Total / windows, book.Rates.Peak, flood, book.Rates.Floods,
            span <= TimeSpan.Zero ? 0.0 : Math.Min(1.0, lasted / span), records.Count(r => r.Active),
            records.Count(r => r is { Unacknowledged: true, PutAside: false }), records.Count(r => r.State == AlarmState.Shelved),
            records.Count(r => r.State == AlarmState.SuppressedByDesign), records.Count(r => r.State == AlarmState.OutOfService),
            records.Count(r => Chattering(r, now)), records.Count(r => Stale(r, now)));
    }

    private static AlarmView View(AlarmBook book, AlarmSpec spec, DateTimeOffset now)
    {
        var record = book[spec.Tag];
        var first = spec.Group != "" && book.FirstOuts.GetValueOrDefault(spec.Group) == spec.Tag;
        return new AlarmView(
            spec.Tag, record.State, spec.Priority, record.Active, record.Since, record.Value, first, record.By, record.Why,
            record.ShelvedUntil, record.Raises, Chattering(record, now), Stale(record, now));
    }

    private static bool Chattering(AlarmRecord record, DateTimeOffset now) =>
        record.ChatteredTicks != 0 && now.UtcTicks - record.ChatteredTicks <= ChatterFor.Ticks;

    private static bool Stale(AlarmRecord record, DateTimeOffset now) =>
        record is { Active: true, Since: { } since } && now - since > StaleAfter;
}
