using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Twins;

/// <summary><c>twins watch UNIT</c>: a live view on a terminal until Ctrl-C; once, into files and pipes.</summary>
internal static class WatchCommand
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(250);

    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Option<bool> Once = new("--once") { Description = "Show it once and end." };

    public static Command Create() => UnitArguments.Command(
        "watch", "Shows a unit live: estimates with their uncertainty, sensors, moves, detectors, alarms. Ctrl-C ends it.",
        ["twins watch R-101", "twins watch R-101 --once --json"], Run, Unit, Once);

    private static async Task<int> Run(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Unit);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        var view = await UnitArguments.View(cluster.Client, twin, cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(view);
            return ExitCodes.Success;
        }
        if (parsed.GetValue(Once) || Console.IsOutputRedirected)
        {
            UnitScreen.Print(view);
            return ExitCodes.Success;
        }
        var beside = cluster.IsRemote ? null : "(nothing else runs on this state directory)";
        await AnsiConsole.Live(UnitScreen.Of(view, beside)).StartAsync(async live =>
        {
            while (!cancellation.IsCancellationRequested)
            {
                live.UpdateTarget(UnitScreen.Of(await UnitArguments.View(cluster.Client, twin, cancellation), beside));
                live.Refresh();
                try
                {
                    await Task.Delay(Between, TimeProvider.System, cancellation);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        });
        return ExitCodes.Success;
    }
}
