using System.Globalization;
using Athanor.Hosting.Configuration;
using RabbitMQ.Client;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// What the broker must have, declared at each connection:
/// amq.topic (where MQTT publishes) → exchange <c>athanor.measurements</c>, which hashes the routing key → queues
/// <c>athanor.measurements.0 ..</c>, each with a single active consumer; and <c>athanor.measurements.parked</c>.
/// So a unit, being in its routing key, is always in one queue, which one node reads at a time. Changing the number of queues maps units
/// anew: let the queues run empty first, and remove those that are too many.
/// </summary>
internal static class PlantTopology
{
    public const string TopicExchange = "amq.topic";
    public const string HashExchange = "athanor.measurements";
    /// <summary>Where ingest nodes tell each other that they are there.</summary>
    public const string NodesExchange = "athanor.ingest.nodes";

    public const string ParkedQueue = "athanor.measurements.parked";

    /// <summary>Held by the one node that publishes moves.</summary>
    public const string MovesLock = "athanor.moves.publisher";

    public static string Queue(int index) => string.Create(CultureInfo.InvariantCulture, $"{HashExchange}.{index}");

    public static async Task Declare(IChannel channel, IngestOptions options)
    {
        var type = new Dictionary<string, object?> { ["x-queue-type"] = options.QueueType };
        await channel.ExchangeDeclareAsync(HashExchange, "x-consistent-hash", durable: true, autoDelete: false).ConfigureAwait(false);
        await channel.QueueDeclareAsync(ParkedQueue, durable: true, exclusive: false, autoDelete: false, type).ConfigureAwait(false);
        for (var i = 0; i < options.Queues; i++)
        {
            var arguments = new Dictionary<string, object?>(type) { ["x-single-active-consumer"] = true };
            await channel.QueueDeclareAsync(Queue(i), durable: true, exclusive: false, autoDelete: false, arguments).ConfigureAwait(false);
            // The hash exchange reads the binding's key as the queue's weight.
            await channel.QueueBindAsync(Queue(i), HashExchange, "10").ConfigureAwait(false);
        }
        // Last, so that nothing is routed before all queues have their part of the circle.
        await channel.ExchangeBindAsync(HashExchange, TopicExchange, PlantTopic.AllMeasurements).ConfigureAwait(false);
    }
}
