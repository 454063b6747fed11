using System.CommandLine;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins alarms|acknowledge|shelve UNIT</c>.</summary>
internal static class AlarmCommands
{
    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Argument<string[]> Tags = new("tags")
    {
        Description = "The alarms' tags; all that wait for it when left away.",
        HelpName = "TAG",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Argument<string> Tag = new("tag") { Description = "The alarm's tag.", HelpName = "TAG" };

    private static readonly Option<bool> All = new("--all") { Description = "Also those that are normal." };

    private static readonly Option<string> For = new("--for")
    {
        Description = "How long it is put aside; then it comes back by itself.",
        HelpName = "TIME",
        DefaultValueFactory = static _ => "1h",
    };

    private static readonly Option<bool> Back = new("--back") { Description = "Bring a shelved alarm back now." };

    private static readonly Option<string?> Why = UnitArguments.Why();

    public static Command CreateList() => UnitArguments.Command(
        "alarms", "Lists the alarms of a unit and the figures that ISA-18.2 judges them by.", ["twins alarms R-101", "twins alarms R-101 --all --json"],
        List, Unit, All);

    public static Command CreateAcknowledge() => UnitArguments.Command(
        "acknowledge", "Says that an operator has seen alarms.", ["twins acknowledge R-101", "twins acknowledge R-101 T.high --why \"feed step, expected\""],
        Acknowledge, Unit, Tags, Why);

    public static Command CreateShelve() => UnitArguments.Command(
        "shelve", "Puts an alarm aside for a time.", ["twins shelve R-101 T.high --for 30min --why \"sensor is being changed\"", "twins shelve R-101 T.high --back"],
        Shelve, Unit, Tag, For, Back, Why);

    public static string Name(AlarmState state) => state switch
    {
        AlarmState.Unacknowledged => "in alarm, not acknowledged",
        AlarmState.Acknowledged => "in alarm, acknowledged",
        AlarmState.ReturnedUnacknowledged => "returned, not acknowledged",
        AlarmState.LatchedUnacknowledged => "latched, not acknowledged",
        AlarmState.LatchedAcknowledged => "latched, acknowledged",
        AlarmState.SuppressedByDesign => "suppressed by design",
        AlarmState.OutOfService => "out of service",
        _ => state.ToString().ToLowerInvariant(),
    };

    public static void Print(IEnumerable<AlarmView> alarms)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var head in new[] { "Alarm", "State", "Priority", "Since (UTC)", "Value", "" }) table.AddColumn(head);
        foreach (var a in alarms)
        {
            var notes = string.Join(", ", new[]
            {
                a.FirstOut ? "first out" : "", a.Chattering ? "chattering" : "", a.Stale ? "stale" : "",
                a.ShelvedUntil is { } until ? $"until {UnitArguments.Time(until)}" : "", a.Why is { Length: > 0 } why ? $"{a.By}: {why}" : "",
            }.Where(static n => n.Length > 0));
            table.AddRow(
                Markup.Escape(a.Tag), Name(a.State), a.Priority.ToString().ToLowerInvariant(), UnitArguments.Time(a.Since), UnitArguments.Number(a.Value),
                Markup.Escape(notes));
        }
        AnsiConsole.Write(table);
    }

    private static async Task<int> List(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Unit);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        var view = await UnitArguments.Query<AlarmsView>(cluster.Client, twin, new AlarmsQuery(), cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(view);
            return ExitCodes.Success;
        }
        AlarmView[] shown = [.. view.Alarms.Where(a => parsed.GetValue(All) || a.State != AlarmState.Normal)];
        if (shown.Length == 0) Console.Out.WriteLine($"{twin}: all {view.Alarms.Length} alarms are normal; --all lists them.");
        else Print(shown);
        var f = view.Figures;
        Console.Out.WriteLine(FormattableString.Invariant(
            $"{f.Raised} raised in all, {f.PerTenMinutes:G3} per ten minutes ({f.Peak} at most, {f.LastTenMinutes} in the last); standing {f.Standing}, ")
            + FormattableString.Invariant($"not acknowledged {f.Unacknowledged}, shelved {f.Shelved}, chattering {f.Chattering}{(f.InFlood ? "; an alarm flood is on" : "")}."));
        return ExitCodes.Success;
    }

    private static Task<int> Acknowledge(ParseResult parsed, CancellationToken cancellation)
    {
        var tags = parsed.GetValue(Tags) ?? [];
        return UnitArguments.Send(
            parsed, Unit, new AcknowledgeAlarms([.. tags], parsed.GetValue(Why) ?? ""),
            twin => $"{twin}: {(tags.Length == 0 ? "all alarms that waited for it are" : $"{string.Join(", ", tags)} {(tags.Length == 1 ? "is" : "are")}")} acknowledged.",
            cancellation);
    }

    private static Task<int> Shelve(ParseResult parsed, CancellationToken cancellation)
    {
        var tag = parsed.GetRequiredValue(Tag);
        if (parsed.GetValue(Back)) return UnitArguments.Send(parsed, Unit, new UnshelveAlarm(tag), twin => $"{twin}: {tag} is back.", cancellation);
        var text = parsed.GetRequiredValue(For);
        if (!HoconUnits.TryParseDuration(text, null, out var length, out var problem)) throw new UserException($"--for {text}: {problem}; one such as 30min would be right");
        var why = parsed.GetValue(Why) ?? throw new UserException("--why TEXT is needed: the journal keeps why an alarm was put aside");
        return UnitArguments.Send(parsed, Unit, new ShelveAlarm(tag, length, why), twin => $"{twin}: {tag} is put aside for {length}.", cancellation);
    }
}
