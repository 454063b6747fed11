using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// Sends control moves to the plant: reads them from the shards' feeds, so after their commit, and publishes them to
/// <c>plant/TENANT/UNIT/moves</c>, each at least once.
///
/// One node of a cluster does it at a time: the one that holds an exclusive queue of the broker, which falls free with its connection. When
/// it changes, and after a failure, moves may go out a second time; a receiver tells them apart (docs/operations/ingest.md): it keeps
/// (incarnation, epoch, sequence) of the last move that it took and drops what is not greater, and what is past its validity.
/// The offset in each shard's feed is kept after the broker has confirmed what lies before it. A move past its validity by the store's clock
/// is not sent any more, and the broker drops one that waited that long.
/// </summary>
internal sealed class MovePublisher(
    IngestOptions options, IStore store, IFeedOffsets offsets, MessageRegistry messages, IngestFigures figures, TimeProvider time, ILogger log)
{
    private const int Page = 500;

    /// <summary>Waits for its turn, then publishes until the connection is lost, which it throws.</summary>
    public async Task Run(IConnection publishing, CancellationToken cancellation)
    {
        await using var held = await Turn(publishing, cancellation).ConfigureAwait(false);
        IngestLog.PublishesMoves(log);
        await using var channel = await BrokerConnection.Publisher(publishing, cancellation).ConfigureAwait(false);
        var positions = new long[store.ShardCount];
        for (var shard = 0; shard < positions.Length; shard++) positions[shard] = await offsets.Read(shard, cancellation).ConfigureAwait(false);
        while (true)
        {
            foreach (var row in await store.ReadShards(cancellation).ConfigureAwait(false))
            {
                while (row.LastEvent > positions[row.Shard])
                {
                    var next = await Publish(channel, row.Shard, positions[row.Shard], cancellation).ConfigureAwait(false);
                    if (next == positions[row.Shard]) break;
                    // Also while the node stops: what the broker has confirmed is not sent again by the next one.
                    await offsets.Write(row.Shard, positions[row.Shard], next, CancellationToken.None).ConfigureAwait(false);
                    positions[row.Shard] = next;
                }
            }
            if (!publishing.IsOpen || !held.IsOpen) throw new IOException("the connection that publishes moves was lost");
            await Task.Delay(options.MovesEvery, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>What goes over the wire. Times are UTC.</summary>
    internal static byte[] Encode(JournalRow row, TwinMoved move)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("tenant", row.Entity.Tenant);
        json.WriteString("unit", row.Entity.Id);
        json.WriteNumber("incarnation", row.Epoch.Incarnation);
        json.WriteNumber("epoch", row.Epoch.Counter);
        json.WriteNumber("sequence", move.Sequence);
        json.WriteString("time", move.Time.UtcDateTime);
        json.WriteString("validUntil", move.ValidUntil.UtcDateTime);
        json.WriteStartObject("setpoints");
        foreach (var (name, value) in move.Setpoints) json.WriteNumber(name, value);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private async Task<IChannel> Turn(IConnection publishing, CancellationToken cancellation)
    {
        while (true)
        {
            var channel = await publishing.CreateChannelAsync(cancellationToken: cancellation).ConfigureAwait(false);
            try
            {
                await channel.QueueDeclareAsync(
                    PlantTopology.MovesLock, durable: false, exclusive: true, autoDelete: false, cancellationToken: cancellation).ConfigureAwait(false);
                return channel;
            }
            catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == Constants.ResourceLocked)
            {
                // Another node has it.
                await channel.DisposeAsync().ConfigureAwait(false);
                await Task.Delay(options.MovesEvery * 4, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <returns>The number of the last event that is done with.</returns>
    private async Task<long> Publish(IChannel channel, int shard, long after, CancellationToken cancellation)
    {
        var rows = await store.ReadFeed(shard, after, Page, cancellation).ConfigureAwait(false);
        if (rows.Count == 0) return after;
        var moves = rows.Where(r => r.Event.Kind == "twins.moved" && PlantTopic.CanReach(r.Entity)).ToArray();
        if (moves.Length > 0)
        {
            var now = await store.Now(cancellation).ConfigureAwait(false);
            foreach (var window in moves.Chunk(options.ConfirmWindow))
                await Task.WhenAll(window.Select(row => Publish(channel, row, now))).ConfigureAwait(false);
        }
        return rows[^1].Number;
    }

    private async Task Publish(IChannel channel, JournalRow row, DateTimeOffset now)
    {
        var move = (TwinMoved)messages.Decode(row.Event.Kind, row.Event.Version, row.Event.Body.Span);
        var left = move.ValidUntil - now;
        if (left <= TimeSpan.Zero) return;
        var properties = new BasicProperties
        {
            Persistent = true,
            ContentType = "application/json",
            MessageId = $"{row.Entity.Tenant}/{row.Entity.Id}/{row.Epoch}/{move.Sequence}",
            Expiration = Math.Max(1, (long)left.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
        };
        try
        {
            // The client keeps the order of calls that are not awaited, and mandatory tells what nobody subscribes to.
            await channel.BasicPublishAsync(
                PlantTopology.TopicExchange, PlantTopic.MovesOf(row.Entity), mandatory: true, properties, Encode(row, move), CancellationToken.None)
                .ConfigureAwait(false);
            figures.Published(heard: true);
        }
        catch (PublishException e) when (e.IsReturn)
        {
            // Nobody listens now, and a move is of no use later.
            figures.Published(heard: false);
        }
    }
}
