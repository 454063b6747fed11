using System.CommandLine;
using System.Globalization;
using Athanor.Hosting.Services;
using Athanor.Hosting.Slots;
using Athanor.Nodes.Chaos;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>chaos</c>: real node processes over a real database under random faults, checked against a model.</summary>
internal static class ChaosCommand
{
    private static readonly Option<double> Minutes = new("--minutes")
    {
        Description = "How long faults are injected.",
        HelpName = "M",
        DefaultValueFactory = static _ => 5,
    };

    private static readonly Option<int> Rounds = new("--rounds")
    {
        Description = "Instead of --minutes: so often each fault is injected, however long that takes.",
        HelpName = "N",
    };

    private static readonly Option<int> Seed = new("--seed") { Description = "Seed of the schedule of faults.", DefaultValueFactory = static _ => 1 };

    private static readonly Option<int> Nodes = new("--nodes") { Description = "Node processes, 3 or more.", DefaultValueFactory = static _ => 3 };

    private static readonly Option<string?> Faults = new("--faults")
    {
        Description = $"Which faults, with commas between (default: all): {string.Join(", ", ChaosFaults.All.Keys)}.",
        HelpName = "LIST",
    };

    private static readonly Option<string?> Folder = new("--folder")
    {
        Description = "Where database, nodes and logs lie (default: a folder under the temporary one). Deleted at the end unless something was wrong.",
        HelpName = "DIR",
    };

    private static readonly Option<bool> Inside = new("--inside")
    {
        Description = "The run itself, in its namespaces and in a folder made for it; started by the command, not by hand.",
        Hidden = true,
    };

    public static Command Create()
    {
        var chaos = Cli.Command("chaos",
            "Runs a cluster of real node processes over a PostgreSQL of its own, injects faults at random from a seed, and checks counters, transfers, "
            + "timers and work against a model: commands lost and doubled must both be 0.",
            "chaos --minutes 5 --seed 1", "chaos --minutes 60 --json", "chaos --rounds 1 --faults kill-node,fail-over");
        foreach (var option in new Option[] { Minutes, Rounds, Seed, Nodes, Faults, Folder, Inside }) chaos.Options.Add(option);
        chaos.SetAction(Run);
        return chaos;
    }

    /// <summary>What the run starts; not for people.</summary>
    public static Command CreateNode()
    {
        Option<string> Text(string name) => new(name) { Required = true };
        var (name, state, address, port) = (Text("--name"), Text("--state"), Text("--address"), new Option<int>("--port"));
        var command = new Command("chaos-node", "One node of a chaos run; started by it, not by hand.") { Hidden = true };
        foreach (var option in new Option[] { name, state, address, port }) command.Options.Add(option);
        command.SetAction((parsed, _) => ChaosNode.Run(
            parsed.GetRequiredValue(name), parsed.GetRequiredValue(state), parsed.GetRequiredValue(address), parsed.GetValue(port)));
        return command;
    }

    /// <summary>What chaos nodes start; not for people.</summary>
    public static Command CreateSlot()
    {
        var command = new Command("chaos-slot", "Does a chaos run's work; started by its nodes, not by hand.") { Hidden = true };
        command.SetAction(_ => SlotProgram.Run([new ChaosNode.DigHandler()], ChaosNode.Messages));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var json = parsed.GetValue(Cli.Json);
        var seed = parsed.GetValue(Seed);
        if (!OperatingSystem.IsLinux()) throw new UserException("chaos needs Linux: it stops, kills and looks at processes", ExitCodes.Environment);
        if (!(parsed.GetValue(Minutes) is > 0 and var minutes)) throw new UserException("--minutes is above 0");
        if (!(parsed.GetValue(Nodes) is >= 3 and <= 9 and var nodes)) throw new UserException("--nodes is 3 to 9");
        if (!(parsed.GetValue(Rounds) is >= 0 and var rounds)) throw new UserException("--rounds is above 0");
        var faults = FaultsOf(parsed.GetValue(Faults));
        if (parsed.GetValue(Inside))
            return await Run(new ChaosSettings(minutes, rounds, seed, nodes, faults, parsed.GetRequiredValue(Folder)!, null), json, ChaosNamespaces.WithCommand(cancellation));

        // Inside there is no network to fetch anything from.
        try
        {
            await PostgresService.Install(cancellation);
        }
        catch (ServiceException e)
        {
            throw new UserException(e.Message, ExitCodes.Environment);
        }
        var missing = await ChaosNamespaces.Missing(cancellation);
        var folder = ChaosFolder.Make(parsed.GetValue(Folder), seed);
        try
        {
            if (missing is not null) return await Run(new ChaosSettings(minutes, rounds, seed, nodes, faults, folder, missing), json, cancellation);
            FormattableString arguments = $"chaos --inside --minutes {minutes:R} --rounds {rounds} --seed {seed} --nodes {nodes} --faults {string.Join(',', faults)} --folder";
            return await ChaosNamespaces.Run(
                [.. FormattableString.Invariant(arguments).Split(' '), folder, .. json ? (string[])["--json"] : []], ChaosFolder.Temporary(folder), cancellation);
        }
        finally
        {
            // Nothing of the run lives any more; unless it said that its folder is to be kept, it was ended before it could clean up.
            if (ChaosFolder.IsRunning(folder)) ChaosFolder.Delete(folder);
        }
    }

    private static async Task<int> Run(ChaosSettings settings, bool json, CancellationToken cancellation)
    {
        var run = new ChaosRun(settings, text =>
        {
            if (!json) Console.Out.WriteLine(text);
        });
        var result = await run.Run(cancellation);
        if (json) Cli.PrintJson(result);
        else Show(result);
        return result.Violations.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static IReadOnlyList<string> FaultsOf(string? list)
    {
        if (list is null) return [.. ChaosFaults.All.Keys];
        var faults = list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var fault in faults)
        {
            if (!ChaosFaults.All.ContainsKey(fault)) throw new UserException($"there is no fault '{fault}'; --faults takes {string.Join(", ", ChaosFaults.All.Keys)}");
        }
        return faults.Length > 0 ? faults : throw new UserException("--faults names at least one fault");
    }

    private static void Show(ChaosResult result)
    {
        var invariant = CultureInfo.InvariantCulture;
        Console.Out.WriteLine();
        Console.Out.WriteLine("| fault | injected | longest until a command was acknowledged / s |");
        Console.Out.WriteLine("|---|---|---|");
        foreach (var f in result.Faults)
            Console.Out.WriteLine(string.Create(invariant, $"| {f.Fault} | {f.Injected} | {(f.Skipped is { } why ? $"skipped: {why}" : f.LongestSeconds is { } s ? $"{s:0.0}" : "")} |"));
        Console.Out.WriteLine();
        Console.Out.WriteLine($"the database's disk: {result.Disk}");
        Console.Out.WriteLine(string.Create(invariant,
            $"seed {result.Seed}, {result.Minutes:0.#} minutes, {result.Nodes} nodes: {result.Faults.Sum(static f => f.Injected)} faults, {result.Acknowledged:N0} commands acknowledged, {result.Lost} lost, {result.Doubled} doubled"));
        Console.Out.WriteLine(string.Create(invariant, $"{result.Events:N0} events in the journal, {result.Retries:N0} tries again, {result.Crashes} nodes ended by themselves and were started again"));
        foreach (var violation in result.Violations) Console.Out.WriteLine($"VIOLATION: {violation}");
        if (result.Kept is { } kept) Console.Out.WriteLine($"The journal and the nodes' logs are kept in {kept}.");
    }
}
