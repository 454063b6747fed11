using Athanor.Hosting.Configuration;
using Athanor.Hosting.Ingest;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Telemetry;
using Athanor.Nodes.Gateway;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Athanor.Nodes.Local;

/// <summary>A cluster hosted in this process with its doors: the socket always, the gateway if asked for.</summary>
internal sealed class NodeHost : IAsyncDisposable
{
    private readonly TelemetryExport? _telemetry;
    private readonly SocketServer _socket;

    private readonly IngestService? _ingest;

    private NodeHost(HostedCluster cluster, SocketServer socket, GatewayServer? gateway, IngestService? ingest, TelemetryExport? telemetry)
    {
        Cluster = cluster;
        _ingest = ingest;
        _socket = socket;
        Gateway = gateway;
        _telemetry = telemetry;
    }

    public HostedCluster Cluster { get; }

    public GatewayServer? Gateway { get; }

    public string SocketPath => _socket.Path;

    /// <summary>Completed while no other command is connected.</summary>
    public Task Nobody => _socket.Nobody;

    public static async Task<NodeHost> Start(
        AthanorOptions options, EmbeddedRole role, bool gateway, ILoggerFactory? logs = null, ClusterParts? parts = null,
        CancellationToken cancellation = default)
    {
        var telemetry = TelemetryExport.Start(options.Telemetry, options.Node.Name);
        HostedCluster? cluster = null;
        SocketServer? socket = null;
        try
        {
            cluster = await HostedCluster.Start(options, role, parts, logs, cancellation);
            socket = await SocketServer.Start(cluster, cancellation);
            // A killed process leaves its file behind, and it would send peers to a port that may be anybody's now.
            File.Delete(Path.Combine(cluster.Directory.Root, GatewayFile.Name));
            var door = gateway ? await GatewayServer.Start(cluster, cancellation) : null;
            return new NodeHost(cluster, socket, door, Ingest(cluster, role, logs), telemetry);
        }
        catch
        {
            if (socket is not null) await socket.DisposeAsync();
            if (cluster is not null) await cluster.DisposeAsync();
            telemetry?.Dispose();
            throw;
        }
    }

    /// <summary>The plant's door, in a node of the role ingest.</summary>
    private static IngestService? Ingest(HostedCluster cluster, EmbeddedRole role, ILoggerFactory? logs) =>
        role == EmbeddedRole.Full && cluster.Options.Node.Roles.Contains(NodeRoles.Ingest) && cluster.Options.Ingest.Broker != ""
            ? IngestService.Start(
                cluster.Options.Ingest, cluster.Options.Node.Name, cluster.Client, cluster.Store, cluster.Parts.Messages, cluster.Parts.Time,
                (logs ?? NullLoggerFactory.Instance).CreateLogger("Athanor"))
            : null;

    /// <summary>Doors first, then the cluster, so that nothing new comes in while it drains.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ingest is not null) await _ingest.DisposeAsync();
        if (Gateway is not null) await Gateway.DisposeAsync();
        await _socket.DisposeAsync();
        await Cluster.DisposeAsync();
        _telemetry?.Dispose();
    }
}
