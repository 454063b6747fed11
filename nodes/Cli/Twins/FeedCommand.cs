using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins feed UNIT --csv FILE</c>: measurements from a file, in batches. Fed again, or on after a break, samples that were taken
/// have no second effect.</summary>
internal static class FeedCommand
{
    /// <summary>What a time of 0 is, where a file counts seconds: always the same, so that a file that is fed again is known.</summary>
    public static readonly DateTimeOffset Zero = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Option<string> Csv = new("--csv") { Description = "A CSV file (.gz too); heads are 'time [s]' and 'SIGNAL [unit]'.", HelpName = "FILE", Required = true };

    private static readonly Option<string?> Start = new("--start")
    {
        Description = "The date of time 0, where the file counts seconds (default: 2025-01-01).",
        HelpName = "DATE",
    };

    private static readonly Option<string[]> Ignore = new("--ignore") { Description = "Columns to leave out.", HelpName = "COLUMN", AllowMultipleArgumentsPerToken = true };

    private static readonly Option<int> Batch = new("--batch") { Description = "Rows of one command.", HelpName = "N", DefaultValueFactory = static _ => 100 };

    public static Command Create() => UnitArguments.Command(
        "feed", "Gives a unit measurements from a CSV file, and shows the estimate as it follows them.",
        ["twins feed R-101 --csv measurements.csv", "twins feed heater --csv data/sysid/tclab_heater.csv.gz --ignore Q2 T2"], Run, Unit, Csv, Start,
        Ignore, Batch);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var (id, path, size) = (parsed.GetRequiredValue(Unit), parsed.GetRequiredValue(Csv), parsed.GetValue(Batch));
        Cli.CheckNames(parsed, id);
        if (size is < 1 or > 1000) throw new UserException($"--batch {size}: 1 to 1000 rows would be right");
        var start = Zero;
        if (parsed.GetValue(Start) is { } text && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out start))
            throw new UserException($"--start {text}: a date such as 2026-03-01T12:00:00Z would be right");
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        var spec = (await UnitArguments.Query<UnitSpecView>(cluster.Client, twin, new UnitSpecQuery(), cancellation)).Spec;
        using var file = FeedFile.Open(path, spec, start.ToUniversalTime(), parsed.GetValue(Ignore) ?? []);
        if (file.Bare.Count > 0) Console.Error.WriteLine($"{path}: no unit is named for {string.Join(", ", file.Bare)}; these are taken.");
        var feed = new Feed(cluster.Client, twin);
        var quiet = parsed.GetValue(Cli.Json) || Console.IsErrorRedirected;
        if (quiet) await feed.Send(file, size, static (_, _) => { }, cancellation);
        else
        {
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            await console.Progress().Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
                .StartAsync(async bars =>
                {
                    var bar = bars.AddTask(Markup.Escape(id));
                    await feed.Send(file, size, (share, view) => Say(bar, share, view), cancellation);
                    bar.Value = bar.MaxValue;
                });
        }
        var end = await UnitArguments.View(cluster.Client, twin, cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new { twin = twin.ToString(), feed.Rows, feed.Taken, feed.Seen, feed.Late, view = end });
            return ExitCodes.Success;
        }
        UnitScreen.Print(end);
        Console.Out.WriteLine($"{twin}: {feed.Rows} rows, {feed.Taken} samples taken, {feed.Seen} known before, {feed.Late} too late (recorded, not applied).");
        return ExitCodes.Success;
    }

    private static void Say(ProgressTask bar, double share, UnitView view)
    {
        bar.Value = share * bar.MaxValue;
        bar.Description = Markup.Escape(string.Join("  ", view.Estimates.Take(4).Select(static e => $"{e.Name} {UnitArguments.Number(e.Value)} ±{e.Sd:G2} {e.Unit}")));
    }
}

/// <summary>Sends samples and waits, now and then, until they are stepped through: a file may be longer than what a twin keeps waiting.</summary>
internal sealed class Feed(IClusterClient client, EntityAddress twin)
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(2);

    public int Rows { get; private set; }

    public int Taken { get; private set; }

    public int Seen { get; private set; }

    public int Late { get; private set; }

    public async Task Send(FeedFile file, int size, Action<double, UnitView> say, CancellationToken cancellation)
    {
        foreach (var batch in file.Rows().Chunk(size))
        {
            Rows += batch.Length;
            // A command holds so many samples at most, rows or not.
            foreach (var part in batch.SelectMany(static row => row).Chunk(1000)) await Send(part, cancellation);
            var view = await Caught(cancellation);
            var (read, total) = file.Progress;
            say(total > 0 ? (double)read / total : 1.0, view);
        }
    }

    public async Task Send(Sample[] samples, CancellationToken cancellation)
    {
        var reply = await UnitArguments.Ask(client, twin, new Observe([.. samples]), cancellation);
        if (reply is not SamplesAccepted accepted) throw new UserException($"{twin} answered with {reply.GetType().Name}", ExitCodes.Failure);
        (Taken, Seen, Late) = (Taken + accepted.Taken, Seen + accepted.Seen, Late + accepted.Late);
    }

    /// <summary>Waits until every row taken is stepped through.</summary>
    /// <exception cref="UserException">The twin set rows aside: they could not be stepped through.</exception>
    public async Task<UnitView> Caught(CancellationToken cancellation)
    {
        while (true)
        {
            var view = await UnitArguments.View(client, twin, cancellation);
            if (view.Row >= view.Taken) return view;
            await Task.Delay(Between, TimeProvider.System, cancellation);
        }
    }
}
