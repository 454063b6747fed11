using System.CommandLine;
using System.Globalization;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins rewind UNIT --at MOMENT</c>: the unit as it was at any moment that the journal keeps, rebuilt from its events.</summary>
internal static class RewindCommand
{
    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Option<string?> At = new("--at")
    {
        Description = "A date of the plant's time, or a time such as 30m after the unit's first sample.",
        HelpName = "MOMENT",
    };

    private static readonly Option<long?> Event = new("--event") { Description = "Or after this event of the twin, as 'journal list' numbers them.", HelpName = "N" };

    public static Command Create() => UnitArguments.Command(
        "rewind", "Shows a unit as it was at a moment of the past: estimates, sensors, moves, alarms, rebuilt from the journal.",
        ["twins rewind R-101 --at 30m", "twins rewind R-101 --at 2026-03-01T12:00:00Z", "twins rewind R-101 --event 120 --json"], Run, Unit, At, Event);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Unit);
        Cli.CheckNames(parsed, id);
        var (at, number) = (parsed.GetValue(At), parsed.GetValue(Event));
        if (at is null == number is null) throw new UserException("which moment? --at MOMENT or --event N");
        if (number is < 1) throw new UserException($"--event {number}: events are numbered from 1");
        var (date, after) = Moment(at);
        var journal = await UnitJournal.Open(parsed, id, cancellation);
        UnitJournal.Moment? found = null;
        DateTimeOffset? first = null;
        long begins = 0, last = 0;
        foreach (var moment in journal.Moments())
        {
            if (begins == 0) begins = moment.Number;
            last = moment.Number;
            if (number is { } n)
            {
                if (moment.Number > n) break;
            }
            else if (journal.Answer<UnitView>(moment.State, new UnitQuery()) is { Time: { } time })
            {
                if (first is null) first = journal.Answer<UnitHistory>(moment.State, new UnitHistoryQuery(0)) is { Rows: [var row, ..] } ? row.Time : time;
                if (time > (date ?? first.Value + after!.Value)) break;
            }
            found = moment;
        }
        if (found is not { } then || (number is { } wanted && then.Number != wanted))
        {
            throw new UserException(
                number is null ? $"the journal of {id} begins after {at}" : $"{id} has no event {number}; the journal keeps {begins} to {last}", ExitCodes.Failure);
        }
        var view = journal.Answer<UnitView>(then.State, new UnitQuery())
            ?? throw new UserException($"{id} is no unit twin (made by 'twins create')", ExitCodes.Failure);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new { @event = then.Number, written = then.At, by = then.By, view, alarms = journal.Answer<AlarmsView>(then.State, new AlarmsQuery()) });
            return ExitCodes.Success;
        }
        UnitScreen.Print(view);
        Console.Out.WriteLine($"After event {then.Number} ({then.Event?.GetType().Name ?? "a snapshot"}), written {UnitArguments.Time(then.At)} UTC.");
        return ExitCodes.Success;
    }

    private static (DateTimeOffset? Date, TimeSpan? After) Moment(string? text)
    {
        if (text is null) return (null, null);
        if (HoconUnits.TryParseDuration(text, null, out var after, out _)) return (null, after);
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? (date.ToUniversalTime(), null)
            : throw new UserException($"--at {text}: a date such as 2026-03-01T12:00:00Z, or a time such as 30m, would be right");
    }
}
