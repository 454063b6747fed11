using System.CommandLine;
using System.Text;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Ingest;
using RabbitMQ.Client.Exceptions;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor ingest parked|requeue|discard</c>: measurements that could not be taken.</summary>
internal static class IngestCommands
{
    private const int LongestBody = 120;

    private static readonly Argument<string[]> Ids = new("id")
    {
        Description = "Ids as 'ingest parked' shows them.",
        HelpName = "ID",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<bool> All = new("--all") { Description = "All that are parked now." };

    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "Most messages to show.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    public static Command Create()
    {
        var ingest = Cli.Command(
            "ingest", "Measurements that could not be taken: shows them, sends them on their way again, or deletes them.",
            "ingest parked", "ingest requeue --all", "ingest discard 0198c0de...");
        var parked = Cli.Command("parked", "Lists parked measurements with their reasons, oldest first.", "ingest parked", "ingest parked --json");
        parked.Options.Add(Limit);
        parked.SetAction((parsed, cancellation) => Run(parsed, options => Show(parsed, options, cancellation)));
        ingest.Subcommands.Add(parked);
        var requeue = Cli.Command("requeue", "Sends parked measurements on their way again, once their cause is mended.", "ingest requeue --all");
        requeue.Arguments.Add(Ids);
        requeue.Options.Add(All);
        requeue.SetAction((parsed, cancellation) => Run(parsed, async options => Say(
            parsed, "requeued", await ParkedMeasurements.Requeue(options, Chosen(parsed, parsed.GetValue(All)), cancellation))));
        ingest.Subcommands.Add(requeue);
        var discard = Cli.Command("discard", "Deletes parked measurements for good.", "ingest discard 0198c0de...");
        discard.Arguments.Add(Ids);
        discard.SetAction((parsed, cancellation) => Run(parsed, async options => Say(
            parsed, "discarded", await ParkedMeasurements.Discard(options, Chosen(parsed, all: false)!, cancellation))));
        ingest.Subcommands.Add(discard);
        return ingest;
    }

    private static async Task<int> Run(ParseResult parsed, Func<IngestOptions, Task> action)
    {
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config)).Ingest;
        if (options.Broker == "") throw new UserException("no broker is configured; give a --config FILE with athanor.ingest.broker");
        try
        {
            await action(options);
            return ExitCodes.Success;
        }
        catch (BrokerUnreachableException e)
        {
            throw new UserException($"the broker at {new Uri(options.Broker).Host} cannot be reached: {e.InnerException?.Message ?? e.Message}", ExitCodes.Environment);
        }
    }

    private static HashSet<string>? Chosen(ParseResult parsed, bool all)
    {
        var ids = parsed.GetValue(Ids) ?? [];
        if (all) return ids.Length == 0 ? null : throw new UserException("give ids or --all, not both");
        return ids.Length > 0 ? [.. ids] : throw new UserException("give the ids that 'athanor ingest parked' shows");
    }

    private static async Task Show(ParseResult parsed, IngestOptions options, CancellationToken cancellation)
    {
        var all = await ParkedMeasurements.List(options, parsed.GetValue(Limit), cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(all.Select(p => new { p.Id, p.Topic, p.Reason, p.Parked, body = Convert.ToBase64String(p.Body.Span) }));
            return;
        }
        if (all.Count == 0)
        {
            Console.Out.WriteLine("No measurements are parked.");
            return;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumns("Id", "Parked", "Topic", "Reason", "Message");
        foreach (var p in all)
        {
            var body = new string([.. Encoding.UTF8.GetString(p.Body.Span).Select(c => char.IsControl(c) ? '?' : c).Take(LongestBody)]);
            table.AddRow(p.Id, p.Parked.ToString("u"), Markup.Escape(p.Topic), Markup.Escape(p.Reason), Markup.Escape(body));
        }
        AnsiConsole.Write(table);
    }

    private static void Say(ParseResult parsed, string what, int count)
    {
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { status = what, count });
        else Console.Out.WriteLine($"{count} {(count == 1 ? "measurement" : "measurements")} {what}.");
    }
}
