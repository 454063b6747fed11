using System.CommandLine;
using Athanor.Nodes.Demo;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>demo</c>: the whole house on measured data.</summary>
internal static class DemoCommand
{
    private static readonly string DefaultState = Path.Combine(".athanor", "demo");

    private static readonly string DefaultClusterState = Path.Combine(".athanor", "demo-cluster");

    private static readonly Option<bool> Small = new("--small") { Description = "The same path on a small scale, in some 20 seconds." };

    private static readonly Option<bool> OnCluster = new("--cluster")
    {
        Description = "Run it on three node processes over a private PostgreSQL, one of which is killed half way: the result is the same.",
    };

    private static readonly Option<bool> New = new("--new") { Description = "Delete what an earlier demo left in the directory and start over." };

    private static readonly Option<string?> ReportFile = new("--report")
    {
        Description = "Where to write the report (default: report.html in the state directory).",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Prove = new("--prove")
    {
        Description = $"Run it {DemoProof.Unbroken} times unbroken and {DemoProof.Killed} times killed at random moments; all must give one result hash.",
    };

    private static readonly Option<int> Seed = new("--seed")
    {
        Description = "Seed of the moments at which --prove kills.",
        DefaultValueFactory = _ => 1,
    };

    public static Command Create()
    {
        var demo = Cli.Command("demo",
            "Runs the whole house on measured data: kinetics are fitted, a twin tracks its unit, a model is trained, an ensemble says how sure it is, "
            + "a population evolves while a cheating peer is caught, and the journal replays to the same state bit for bit. "
            + "Stop it at any moment, even with kill -9; the same command goes on.",
            "demo", "demo --small --new", "demo --report demo.html", "demo --prove --small", "demo --cluster");
        foreach (var option in new Option[] { Small, OnCluster, New, ReportFile, Prove, Seed }) demo.Options.Add(option);
        demo.SetAction(Run);
        return demo;
    }

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var state = parsed.GetResult(Cli.State) is { Implicit: false } && parsed.GetValue(Cli.State) is { } given ? given
            : parsed.GetValue(OnCluster) ? DefaultClusterState : DefaultState;
        var json = parsed.GetValue(Cli.Json);
        if (parsed.GetValue(Prove)) return await RunProof(parsed, Path.GetFullPath(state), json, cancellation);

        var marker = new DemoMarker(Path.GetFullPath(state));
        if (parsed.GetValue(New)) marker.Clear();
        marker.Claim(parsed.GetValue(Small));
        var finished = marker.Finished();
        var result = finished ?? await DemoRun.Run(new DemoRunOptions(
            Path.GetFullPath(state), parsed.GetValue(Small), parsed.GetValue(ReportFile), parsed.GetValue(Cli.Config), Quiet: json,
            Cluster: parsed.GetValue(OnCluster)), marker, cancellation);
        Show(result, json, alreadyFinished: finished is not null, state);
        return result.Sections.SelectMany(s => s.Figures).Any(f => f.Holds == false) ? ExitCodes.Failure : ExitCodes.Success;
    }

    private static void Show(DemoResult result, bool json, bool alreadyFinished, string state)
    {
        if (json)
        {
            Cli.PrintJson(result);
            return;
        }
        SummaryTable.Print(AnsiConsole.Console, result.Sections);
        foreach (var (title, seconds) in result.Seconds) Console.Out.WriteLine($"  {title}: {seconds:0.0} s");
        Console.Out.WriteLine($"Result hash  {result.ResultHash}");
        Console.Out.WriteLine($"Report       {result.ReportPath}");
        if (alreadyFinished) Console.Out.WriteLine($"This demo had finished in {state} before; 'athanor demo --new' starts over.");
    }

    private static async Task<int> RunProof(ParseResult parsed, string state, bool json, CancellationToken cancellation)
    {
        var seed = parsed.GetValue(Seed);
        var proof = new DemoProof(state + "-proof", parsed.GetValue(Small), seed, TimeProvider.System);
        if (!json) Console.Out.WriteLine($"{DemoProof.Unbroken} unbroken runs and {DemoProof.Killed} killed ones, seed {seed}:");
        var runs = await proof.Run(DemoProof.Unbroken, DemoProof.Killed, run =>
        {
            if (!json) Console.Out.WriteLine($"  run {run.Number}: killed {run.KilledAtSeconds.Count} times, {run.Seconds:0.0} s, {run.ResultHash}");
        }, cancellation);
        var one = runs.Select(r => r.ResultHash).Distinct().Count() == 1;
        if (json) Cli.PrintJson(new { seed, one, runs });
        else Console.Out.WriteLine($"\n{DemoProof.Table(runs)}\n\n{(one ? "One result hash." : "The result hashes differ.")}");
        return one ? ExitCodes.Success : ExitCodes.Failure;
    }
}
