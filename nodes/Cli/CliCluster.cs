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
    public static AthanorOptions Options(ParseResult parsed)
    {
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config));
        var given = parsed.GetResult(Cli.State) is { Implicit: false };
        return given || !NodePlaces.IsCluster(options) ? options with { StateDirectory = parsed.GetRequiredValue(Cli.State) } : options;
    }
}
