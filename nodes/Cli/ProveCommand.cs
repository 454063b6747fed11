using System.CommandLine;
using System.Globalization;
using Athanor.Hosting.Simulation;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>prove</c>: the core as a whole cluster under seeds and virtual time, with faults everywhere.</summary>
internal static class ProveCommand
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    private static readonly Option<long> Seeds = Count("--seeds", "N", "How many seeds to run.", 10_000);

    private static readonly Option<long> First = Count("--first", "SEED", "The first seed.", 1);

    private static readonly Option<long?> Seed = new("--seed") { Description = "Run this one seed alone.", HelpName = "SEED" };

    private static readonly Option<bool> Trace = new("--trace") { Description = "With --seed: print all that goes into and out of each node." };

    private static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads; each runs its own seeds.",
        HelpName = "T",
        DefaultValueFactory = static _ => Environment.ProcessorCount,
    };

    private static readonly Option<PlantedBug> Bug = new("--bug")
    {
        Description = "Plant a bug; the seeds must find it. --bug help lists them.",
        HelpName = "NAME",
        CustomParser = static result =>
        {
            if (Enum.TryParse<PlantedBug>(result.Tokens.Single().Value.Replace("-", ""), ignoreCase: true, out var bug)) return bug;
            result.AddError($"--bug is one of {string.Join(", ", Enum.GetNames<PlantedBug>().Where(static name => name != nameof(PlantedBug.None)))}");
            return PlantedBug.None;
        },
    };

    private static Option<long> Count(string name, string help, string description, long usual)
    {
        var option = new Option<long>(name) { Description = description, HelpName = help, DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<long>() < 1) result.AddError($"{name} is 1 or more");
        });
        return option;
    }

    public static Command Create()
    {
        var prove = Cli.Command("prove",
            "Runs the core as a whole cluster under seeds and virtual time, with faults at every action and input, and checks the promises: nothing "
            + "acknowledged is lost, nothing is applied twice, one writer, order, timers, replay equals live. A seed is a run: the same seed gives the same trace.",
            "prove --seeds 10000", "prove --seed 4711 --trace", "prove --bug fence-removed");
        foreach (var option in new Option[] { Seeds, First, Seed, Trace, Threads, Bug }) prove.Options.Add(option);
        prove.SetAction(Run);
        return prove;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var json = parsed.GetValue(Cli.Json);
        var bug = parsed.GetValue(Bug);
        if (parsed.GetValue(Seed) is { } seed) return RunOne(seed, bug, parsed.GetValue(Trace), json);
        if (parsed.GetValue(Trace)) throw new UserException("--trace is for one seed: prove --seed SEED --trace");
        var threads = parsed.GetValue(Threads);
        if (threads < 1) throw new UserException("--threads is 1 or more");

        var campaign = new Campaign(parsed.GetValue(First), parsed.GetValue(Seeds), threads, bug);
        var running = campaign.Run(cancellation);
        if (json) await running;
        else await Follow(campaign, running, parsed.GetValue(Seeds));
        cancellation.ThrowIfCancellationRequested();
        var failures = campaign.Failures;
        if (json) Cli.PrintJson(new { totals = campaign.Totals, bug, failures, replay = failures.Select(f => Replay(f.Seed, bug)) });
        else Show(campaign, failures, bug);
        return failures.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static int RunOne(long seed, PlantedBug bug, bool trace, bool json)
    {
        var outcome = Campaign.RunSeed(seed, bug, trace && !json ? Console.Out : null);
        var again = Campaign.RunSeed(seed, bug);
        var same = again.TraceHash == outcome.TraceHash;
        if (json) Cli.PrintJson(new { seed, traceHash = $"{outcome.TraceHash:x16}", same, outcome.Violation });
        else
        {
            Console.Out.WriteLine($"seed {seed}: {outcome.Violation ?? "every promise held"}");
            Console.Out.WriteLine($"trace {outcome.TraceHash:x16}{(same ? ", the same when run again" : $", but {again.TraceHash:x16} when run again")}");
        }
        return outcome.Violation is null && same ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static async Task Follow(Campaign campaign, Task running, long seeds)
    {
        if (AnsiConsole.Profile.Capabilities.Interactive)
        {
            await AnsiConsole.Progress()
                .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
                .StartAsync(async context =>
                {
                    var bar = context.AddTask("seeds", maxValue: seeds);
                    while (!running.IsCompleted)
                    {
                        await Task.WhenAny(running, Task.Delay(BetweenLooks, TimeProvider.System));
                        bar.Value = campaign.Totals.Seeds;
                        bar.Description = Markup.Escape(Progress(campaign.Totals, seeds));
                    }
                });
        }
        else
        {
            while (!running.IsCompleted)
            {
                await Task.WhenAny(running, Task.Delay(BetweenLines, TimeProvider.System));
                if (!running.IsCompleted) Console.Out.WriteLine("  " + Progress(campaign.Totals, seeds));
            }
        }
        await running;
    }

    private static string Progress(CampaignTotals totals, long seeds)
    {
        var left = totals.SeedsPerSecond > 0 ? TimeSpan.FromSeconds((seeds - totals.Seeds) / totals.SeedsPerSecond) : TimeSpan.Zero;
        return string.Create(CultureInfo.InvariantCulture, $"{totals.Seeds:N0} of {seeds:N0} seeds, {totals.SeedsPerSecond:0}/s, {left:h\\:mm\\:ss} left");
    }

    private static void Show(Campaign campaign, IReadOnlyList<SeedOutcome> failures, PlantedBug bug)
    {
        var invariant = CultureInfo.InvariantCulture;
        var totals = campaign.Totals;
        Console.Out.WriteLine(string.Create(invariant, $"{totals.Seeds:N0} seeds in {totals.Seconds:0.0} s ({totals.SeedsPerSecond:0}/s), {totals.Repeated:N0} of them twice with the same trace"));
        Console.Out.WriteLine(string.Create(invariant, $"  virtual time           {totals.VirtualHours:N0} h in {totals.Events:N0} events"));
        Console.Out.WriteLine(string.Create(invariant, $"  commands acknowledged  {totals.CommandsAcknowledged:N0}"));
        Console.Out.WriteLine(string.Create(invariant, $"  small faults           {totals.SmallFaults:N0} calls, messages and decisions failed, late or doubled"));
        foreach (var (name, times) in totals.Misfortunes) Console.Out.WriteLine(string.Create(invariant, $"  {name,-22} {times:N0}"));
        if (failures.Count == 0) Console.Out.WriteLine("Every promise held in every seed.");
        foreach (var failure in failures)
        {
            Console.Out.WriteLine($"seed {failure.Seed}: {failure.Violation}");
            Console.Out.WriteLine($"  run it again:  {Replay(failure.Seed, bug)}");
        }
    }

    private static string Replay(long seed, PlantedBug bug) =>
        $"athanor prove --seed {seed}{(bug == PlantedBug.None ? "" : $" --bug {bug}")} --trace";
}
