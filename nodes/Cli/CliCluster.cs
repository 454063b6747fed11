using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Local;

namespace Athanor.Nodes.Cli;

/// <summary>Opens the cluster that the common options name.</summary>
internal static class CliCluster
{
    public static Task<ClusterConnection> Open(ParseResult parsed, EmbeddedRole role, CancellationToken cancellation) =>
        ClusterConnection.Open(parsed.GetRequiredValue(Cli.State), role, cancellation);
}
