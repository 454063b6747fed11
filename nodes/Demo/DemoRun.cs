using System.Globalization;
using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Local;
using Athanor.Nodes.Reports;
using Spectre.Console;

namespace Athanor.Nodes.Demo;

/// <param name="ReportPath">Where the report goes; null for <c>report.html</c> in the state directory.</param>
/// <param name="Config">A HOCON file, or null.</param>
/// <param name="Quiet">Print nothing on the way.</param>
/// <param name="Cluster">Run on three node processes over a private PostgreSQL, one of which is killed half way and started again.</param>
internal sealed record DemoRunOptions(
    string StateDirectory, bool Small, string? ReportPath, string? Config, bool Quiet, bool Cluster = false);

/// <summary>
/// Runs the demo's steps in order over a cluster hosted in this process, with its gateway for the peers.
///
/// Nothing of a run is kept but in the journal: a step asks its entities how far they are and goes on from there. So a run that was
/// killed is simply run again, and its report is made from the entities' states alone.
/// </summary>
internal static class DemoRun
{
    public static async Task<DemoResult> Run(DemoRunOptions options, DemoMarker marker, CancellationToken cancellation)
    {
        if (options.Cluster)
        {
            await using var nodes = await DemoCluster.Start(options, cancellation);
            var member = nodes.Connection;
            return await Run(
                options, marker, new Ground(member.Client, member.Store!, nodes.Gateway, nodes.GatewayDirectory, nodes), cancellation);
        }
        var configuration = ClusterConfiguration.Load(options.Config) with { StateDirectory = options.StateDirectory };
        await using var connection = await ClusterConnection.Open(configuration, EmbeddedRole.Full, gateway: true, cancellation: cancellation);
        if (connection.Hosted is not { } cluster || connection.Gateway is not { } gateway)
            throw new UserException($"another process hosts {options.StateDirectory}; end it, or choose another directory with --state", ExitCodes.Environment);
        return await Run(
            options, marker, new Ground(cluster.Client, cluster.Store, gateway.Url, options.StateDirectory), cancellation);
    }

    /// <param name="Peers">The directory whose gateway peers join; their keys lie under it.</param>
    /// <param name="Nodes">The node processes, one of which is to be killed; null where this process hosts everything.</param>
    private sealed record Ground(IClusterClient Client, IStore Store, Uri Gateway, string Peers, DemoCluster? Nodes = null);

    private static async Task<DemoResult> Run(DemoRunOptions options, DemoMarker marker, Ground ground, CancellationToken cancellation)
    {
        var time = TimeProvider.System;
        var progress = new DemoProgress(time, AnsiConsole.Console, options.Quiet);
        var report = new Report(options.Small ? "Athanor demo, small scale" : "Athanor demo");
        var results = new ResultHash();
        var context = new DemoContext(
            ground.Client, options.Small, DataDirectory(), ground.Gateway, ground.Peers, progress, report, results);
        var seconds = new Dictionary<string, double>();
        var killing = Task.CompletedTask;
        foreach (var line in ground.Nodes?.Describe() ?? []) progress.Say(line);
        foreach (var step in DemoSteps.All.Append(new ReplayStep(ground.Store, new RegistryCodec(Hosting.Families.Messages))))
        {
            var began = time.GetTimestamp();
            // Beside the step, so that it is killed while it works.
            if (step is SweepStep && ground.Nodes is { } nodes) killing = nodes.Half(progress.Say, cancellation);
            await progress.Under(step.Title, () => step.Run(context, cancellation));
            seconds[step.Title] = time.GetElapsedTime(began).TotalSeconds;
        }

        await killing;
        ground.Nodes?.Tell(report);
        var path = Path.GetFullPath(options.ReportPath ?? Path.Combine(options.StateDirectory, "report.html"));
        await File.WriteAllTextAsync(path, HtmlReport.Write(report, Footer(options, results, seconds)), cancellation);
        var sections = report.Sections.Select(s => new DemoSection(s.Title, [.. s.Figures])).ToArray();
        var parts = results.Parts.ToDictionary(p => p.Key, p => Convert.ToHexStringLower(p.Value));
        var result = new DemoResult(results.ToString(), parts, seconds, sections, path);
        marker.Finish(result);
        return result;
    }

    private static string[] Footer(DemoRunOptions options, ResultHash results, Dictionary<string, double> seconds) =>
    [
        $"./athanor demo{(options.Cluster ? " --cluster" : "")}{(options.Small ? " --small" : "")} --new",
        $"result hash {results}",
        "wall time of this run: " + string.Join(", ", seconds.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key} {s.Value:0.0} s"))),
    ];

    /// <summary>The data lie in the repository, above the program, or beside the program where it was published.</summary>
    private static string DataDirectory()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var data = Path.Combine(at.FullName, "data");
            if (Directory.Exists(Path.Combine(data, "kinetics"))) return data;
        }
        throw new UserException($"the folder data/ with the demo's measurements is neither beside nor above {AppContext.BaseDirectory}", ExitCodes.Environment);
    }
}
