using System.Threading.Channels;
using Athanor.Hosting.Configuration;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// One queue on one channel. The broker gives its messages to one consumer at a time, in order; what is unacknowledged when that one goes
/// comes to the next in the same order. So this reader takes what has come as one batch, waits until all of it is committed or parked, and
/// acknowledges it together; the next batch begins after that. It never gives a message back: that would let those behind it overtake.
/// </summary>
internal sealed class QueueReader(IngestOptions options, UnitWriter writer, IngestFigures figures, TimeProvider time, ILogger log)
{
    /// <summary>Runs until the channel or the connection is lost, which it throws.</summary>
    public async Task Run(
        IConnection consuming, IChannel parking, SemaphoreSlim parkingTurn, string queue, Func<string, Task>? beforeAck, CancellationToken cancellation)
    {
        await using var channel = await consuming.CreateChannelAsync(cancellationToken: cancellation).ConfigureAwait(false);
        await channel.BasicQosAsync(0, (ushort)options.Prefetch, global: false, cancellation).ConfigureAwait(false);
        var arrived = Channel.CreateUnbounded<Delivery>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        channel.ChannelShutdownAsync += (_, e) => End(arrived, $"channel: {e.ReplyText}");
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.UnregisteredAsync += (_, _) => End(arrived, $"the broker ended the subscription of {queue}");
        consumer.ReceivedAsync += (_, e) =>
        {
            // The body is the client's own memory and is used again after this.
            arrived.Writer.TryWrite(new Delivery(e.DeliveryTag, e.RoutingKey, e.Body.ToArray()));
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue, autoAck: false, consumer, cancellation).ConfigureAwait(false);
        while (await arrived.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            var batch = new List<Delivery>();
            while (batch.Count < options.Prefetch && arrived.Reader.TryRead(out var delivery)) batch.Add(delivery);
            if (batch.Count == 0) continue;
            var now = time.GetUtcNow();
            foreach (var delivery in batch) delivery.Read(options, now);
            await writer.Write(batch, cancellation).ConfigureAwait(false);
            foreach (var delivery in batch.Where(d => d.Problem is not null)) await Park(parking, parkingTurn, delivery, cancellation).ConfigureAwait(false);
            if (beforeAck is not null) await beforeAck(queue).ConfigureAwait(false);
            await channel.BasicAckAsync(batch[^1].Tag, multiple: true, cancellation).ConfigureAwait(false);
            figures.Count(batch);
        }
    }

    private async Task Park(IChannel parking, SemaphoreSlim turn, Delivery delivery, CancellationToken cancellation)
    {
        // A channel is for one caller at a time.
        await turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await ParkedMeasurements.Park(parking, delivery.RoutingKey, delivery.Body, delivery.Problem!, time.GetUtcNow()).ConfigureAwait(false);
        }
        finally
        {
            turn.Release();
        }
        IngestLog.Parked(log, delivery.RoutingKey.Replace('.', '/'), delivery.Problem!);
    }

    private static Task End(Channel<Delivery> arrived, string reason)
    {
        arrived.Writer.TryComplete(new IOException(reason));
        return Task.CompletedTask;
    }
}
