using System.Globalization;
using System.Text;
using Athanor.Hosting.Configuration;
using RabbitMQ.Client;

namespace Athanor.Hosting.Ingest;

/// <summary>A message that was set aside.</summary>
/// <param name="Id">Names it in commands.</param>
/// <param name="Topic">As MQTT writes it.</param>
public sealed record ParkedMeasurement(string Id, string Topic, string Reason, DateTimeOffset Parked, ReadOnlyMemory<byte> Body);

/// <summary>The parking queue: what cannot be taken waits there with the reason, and never stands in the way of what can.</summary>
public static class ParkedMeasurements
{
    private const string ReasonHeader = "x-athanor-reason";
    private const string TopicHeader = "x-athanor-topic";
    private const string TimeHeader = "x-athanor-parked";
    private const int MaxReason = 500;

    /// <summary>The parked messages, oldest first. They stay as they are: the broker takes back what is not acknowledged.</summary>
    public static async Task<IReadOnlyList<ParkedMeasurement>> List(IngestOptions options, int limit, CancellationToken cancellation)
    {
        await using var connection = await BrokerConnection.Open(options, "athanor ingest parked", cancellation);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellation);
        await PlantTopology.Declare(channel, options);
        var all = new List<ParkedMeasurement>();
        while (all.Count < limit && await channel.BasicGetAsync(PlantTopology.ParkedQueue, autoAck: false, cancellation) is { } found) all.Add(Read(found));
        return all;
    }

    /// <summary>Sends parked messages on their way again, as if the plant had.</summary>
    /// <param name="ids">Which; null for all that were parked when this began.</param>
    /// <returns>How many.</returns>
    public static Task<int> Requeue(IngestOptions options, IReadOnlySet<string>? ids, CancellationToken cancellation) =>
        Take(options, ids, again: true, cancellation);

    /// <summary>Deletes parked messages.</summary>
    public static Task<int> Discard(IngestOptions options, IReadOnlySet<string> ids, CancellationToken cancellation) =>
        Take(options, ids, again: false, cancellation);

    /// <summary>Parks a message; back when the broker has it on disk.</summary>
    internal static async Task Park(IChannel publisher, string routingKey, ReadOnlyMemory<byte> body, string reason, DateTimeOffset now)
    {
        var properties = new BasicProperties
        {
            Persistent = true,
            MessageId = Guid.CreateVersion7(now).ToString("N"),
            Headers = new Dictionary<string, object?>
            {
                [ReasonHeader] = reason.Length <= MaxReason ? reason : reason[..MaxReason],
                [TopicHeader] = routingKey,
                [TimeHeader] = now.ToString("O", CultureInfo.InvariantCulture),
            },
        };
        // Never with a token that may be cancelled: it would upset the count of confirmations.
        await publisher.BasicPublishAsync("", PlantTopology.ParkedQueue, mandatory: true, properties, body, CancellationToken.None).ConfigureAwait(false);
    }

    private static async Task<int> Take(IngestOptions options, IReadOnlySet<string>? ids, bool again, CancellationToken cancellation)
    {
        await using var connection = await BrokerConnection.Open(options, "athanor ingest requeue", cancellation);
        await using var publisher = await BrokerConnection.Publisher(connection, cancellation);
        await PlantTopology.Declare(publisher, options);
        await using var reader = await connection.CreateChannelAsync(cancellationToken: cancellation);
        var taken = 0;
        // What is parked again meanwhile comes behind what was there.
        var left = await reader.MessageCountAsync(PlantTopology.ParkedQueue, cancellation);
        while (left-- > 0 && await reader.BasicGetAsync(PlantTopology.ParkedQueue, autoAck: false, cancellation) is { } found)
        {
            var parked = Read(found);
            if (ids is not null && !ids.Contains(parked.Id)) continue;
            if (again)
            {
                await publisher.BasicPublishAsync(
                    PlantTopology.TopicExchange, parked.Topic.Replace('/', '.'), mandatory: true, new BasicProperties { Persistent = true }, parked.Body,
                    CancellationToken.None);
            }
            await reader.BasicAckAsync(found.DeliveryTag, multiple: false, cancellation);
            taken++;
        }
        return taken;
    }

    private static ParkedMeasurement Read(BasicGetResult found)
    {
        var headers = found.BasicProperties.Headers;
        string Text(string name) => headers is not null && headers.TryGetValue(name, out var value)
            ? value switch { byte[] bytes => Encoding.UTF8.GetString(bytes), { } other => other.ToString() ?? "", null => "" }
            : "";
        var parked = DateTimeOffset.TryParse(Text(TimeHeader), CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time) ? time : default;
        return new ParkedMeasurement(
            found.BasicProperties.MessageId ?? "", Text(TopicHeader).Replace('.', '/'), Text(ReasonHeader), parked, found.Body.ToArray());
    }
}
