using System.CommandLine;
using System.Globalization;
using Athanor.Hosting;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>journal projections</c>: the read models of the journal, how far they are, what they hold, and how to make one anew.</summary>
internal static class JournalProjectionsCommands
{
    private static readonly Argument<string> Name = new("name") { Description = "As 'list' shows it.", HelpName = "NAME" };

    private static readonly Option<string?> Of = new("--of") { Description = "One family (entities) or one twin (alarms).", HelpName = "ID" };

    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "Most rows.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    public static Command Create()
    {
        var projections = Cli.Command(
            "projections", "Read models: lists that follow the journal's feeds.",
            "journal projections lag", "journal projections show entities --of twins", "journal projections rebuild alarms");
        var list = Cli.Command("list", "Lists the read models of this build.", "journal projections list");
        list.SetAction((parsed, _) => Task.FromResult(List(parsed)));
        var lag = Cli.Command("lag", "Shows how far each is, and what it could not be given.", "journal projections lag --json");
        lag.SetAction(Lag);
        var show = Cli.Command("show", "Shows the rows of one.", "journal projections show alarms --of tclab");
        show.Arguments.Add(Name);
        foreach (var option in (Option[])[Cli.Tenant, Of, Limit]) show.Options.Add(option);
        RemoteOptions.AddTo(show);
        show.SetAction(Show);
        var rebuild = Cli.Command(
            "rebuild", "Makes one anew from the journal's beginning, beside the live one, and gives it to readers at the end. "
            + "No node may run on the directory.", "journal projections rebuild entities");
        rebuild.Arguments.Add(Name);
        rebuild.SetAction(Rebuild);
        foreach (var command in (Command[])[list, lag, show, rebuild]) projections.Subcommands.Add(command);
        return projections;
    }

    private static int List(ParseResult parsed)
    {
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(Projections.All.Select(static p => new { p.Name, p.About }));
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Name").AddColumn("Holds");
        foreach (var p in Projections.All) table.AddRow(p.Name, Markup.Escape(p.About));
        AnsiConsole.Write(table);
        return ExitCodes.Success;
    }

    private static async Task<int> Lag(ParseResult parsed, CancellationToken cancellation)
    {
        await using var end = await JournalEnd.OpenToRead(CliCluster.Options(parsed), cancellation);
        var lags = await Runner(end.Store).Lag(cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(lags);
            return ExitCodes.Success;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Name").AddColumn("Generation").AddColumn("Live")
            .AddColumn(new TableColumn("Seen").RightAligned()).AddColumn(new TableColumn("Behind by").RightAligned())
            .AddColumn(new TableColumn("Skipped").RightAligned());
        foreach (var lag in lags)
        {
            table.AddRow(lag.Name, Text(lag.Generation), lag.Live ? "yes" : "being built", Text(lag.Events), Text(lag.Lag), Text(lag.Skipped));
        }
        AnsiConsole.Write(table);
        return lags.Any(static l => l.Skipped > 0) ? ExitCodes.Failure : ExitCodes.Success;
    }

    private static async Task<int> Show(ParseResult parsed, CancellationToken cancellation)
    {
        Cli.CheckNames(parsed, parsed.GetValue(Of));
        var (name, of, limit) = (parsed.GetRequiredValue(Name), parsed.GetValue(Of), parsed.GetValue(Limit));
        var options = CliCluster.Options(parsed);
        await using var remote = await CliCluster.OpenGateway(parsed, options, cancellation);
        await using var end = remote is null ? await JournalEnd.OpenToRead(options, cancellation) : null;
        var tenant = remote is null ? parsed.GetValue(Cli.Tenant) ?? EntityAddress.DefaultTenant : remote.TenantOf(parsed.GetValue(Cli.Tenant));
        switch (name)
        {
            case EntityList.ModelName:
                var lines = end is null
                    ? await remote!.Api!.Entities(tenant, of, limit, cancellation)
                    : await EntityList.Read(Runner(end.Store), tenant, of, limit, cancellation);
                Print(parsed, lines.Select(static l => new
                {
                    Entity = l.Entity.ToString(),
                    Events = Text(l.Events),
                    First = Text(l.First),
                    Last = Text(l.Last),
                    l.LastKind,
                    l.Principal,
                }).ToList());
                return ExitCodes.Success;
            case AlarmHistory.ModelName:
                var alarms = end is null
                    ? await remote!.Api!.Alarms(tenant, of, limit, cancellation)
                    : await AlarmHistory.Read(Runner(end.Store), tenant, of, limit, cancellation);
                Print(parsed, alarms.Select(static a => new
                {
                    Twin = a.Twin.ToString(),
                    Event = Text(a.Event),
                    Raised = Text(a.Raised),
                    Nis = a.Nis.ToString("G6", CultureInfo.InvariantCulture),
                    Limit = a.Limit.ToString("G6", CultureInfo.InvariantCulture),
                    Cleared = a.Cleared is { } cleared ? Text(cleared) : "stands",
                }).ToList());
                return ExitCodes.Success;
            default:
                throw new UserException($"there is no read model '{name}'; there are {string.Join(" and ", Projections.Names)}");
        }
    }

    private static async Task<int> Rebuild(ParseResult parsed, CancellationToken cancellation)
    {
        await using var end = await JournalEnd.OpenOwn(CliCluster.Options(parsed), cancellation);
        var name = parsed.GetRequiredValue(Name);
        if (!Projections.Names.Contains(name))
            throw new UserException($"there is no read model '{name}'; there are {string.Join(" and ", Projections.Names)}");
        await Runner(end.Store).Rebuild(name, null, cancellation);
        var lag = (await Runner(end.Store).Lag(cancellation)).Single(l => l.Name == name && l.Live);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(lag);
        else Console.Out.WriteLine($"{name} was made anew from {lag.Events:N0} events (generation {lag.Generation}; {lag.Skipped:N0} left out).");
        return ExitCodes.Success;
    }

    private static void Print<T>(ParseResult parsed, List<T> rows)
    {
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(rows);
            return;
        }
        var properties = typeof(T).GetProperties();
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var p in properties) table.AddColumn(new TableColumn(p.Name).NoWrap());
        foreach (var row in rows) table.AddRow(properties.Select(p => Markup.Escape((string)p.GetValue(row)!)).ToArray());
        AnsiConsole.Write(table);
    }

    private static ProjectionRunner Runner(Hosting.Stores.IStore store) =>
        new(store, Projections.All, Families.Messages, text => Console.Error.WriteLine($"athanor: {text}"));

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
