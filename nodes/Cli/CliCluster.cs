using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Local;

namespace Athanor.Nodes.Cli;

/// <summary>Opens the cluster that the common options name.</summary>
internal static class CliCluster
{
    public static Task<ClusterConnection> Open(ParseResult parsed, EmbeddedRole role, CancellationToken cancellation) =>
        ClusterConnection.Open(Options(parsed), role, cancellation: cancellation);

    /// <summary>The settings of <c>--config</c> with the directory of <c>--state</c>. A cluster's own state directory stays if no other is
    /// given: nodes and commands must mean the same.</summary>
    public static AthanorOptions Options(ParseResult parsed) => Options(parsed, parsed.GetValue(Cli.Config));

    /// <summary>The same for the commands of <c>athanor cluster</c>: told neither file nor directory, they mean the cluster whose node was last
    /// started from this working directory, and say which.</summary>
    public static AthanorOptions OptionsOfCluster(ParseResult parsed)
    {
        var config = parsed.GetValue(Cli.Config);
        if (config is null && parsed.GetResult(Cli.State) is null or { Implicit: true } && Environment.GetEnvironmentVariable("ATHANOR_STATE") is null
            && LastCluster.Find(Directory.GetCurrentDirectory()) is { } last)
        {
            config = last;
            Console.Error.WriteLine(
                $"athanor: the cluster of {Path.GetRelativePath(Directory.GetCurrentDirectory(), last)}, last started from here; --config or --state names another");
        }
        return Options(parsed, config);
    }

    private static AthanorOptions Options(ParseResult parsed, string? config)
    {
        var options = ClusterConfiguration.Load(config);
        var given = parsed.GetResult(Cli.State) is { Implicit: false };
        return given || !NodePlaces.IsCluster(options) ? options with { StateDirectory = parsed.GetRequiredValue(Cli.State) } : options;
    }
}
