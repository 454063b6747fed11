using Athanor.Hosting.Configuration;
using RabbitMQ.Client;

namespace Athanor.Hosting.Ingest;

/// <summary>Connections to the broker, without the client's own recovery: it subscribes again in silence, and loses consumers whose
/// subscription timed out. A lost connection here means that nothing is owned any more.</summary>
internal static class BrokerConnection
{
    public static async Task<IConnection> Open(IngestOptions options, string purpose, CancellationToken cancellation)
    {
        var factory = new ConnectionFactory
        {
            Uri = new Uri(options.Broker),
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedHeartbeat = options.Heartbeat,
            // What operators see in the broker's list of connections.
            ClientProvidedName = purpose,
            ConsumerDispatchConcurrency = 1,
        };
        return await factory.CreateConnectionAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>A channel whose publishing is confirmed. No rate limiter: the client's own sleeps, and reorders what is in flight.</summary>
    public static Task<IChannel> Publisher(IConnection connection, CancellationToken cancellation) =>
        connection.CreateChannelAsync(new CreateChannelOptions(true, true, null), cancellation);
}
