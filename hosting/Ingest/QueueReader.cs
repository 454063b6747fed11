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
///
/// Turns. Every node stands in the line of every queue, so that a dead one's are read on at once. Who should read a queue is the rota's word
/// (<see cref="ReaderRota"/>). A reader that hears of another who should, and who is in the line already, steps back: between two batches, with
/// nothing of its own under way, it closes its channel and subscribes again, at the end of the line. What it had been sent and not begun goes
/// back to its place in the queue, in order, and the next in line has it. So a queue comes to its reader after as many steps as there are others
/// before it, and a unit's order is the same as when a node dies.
/// </summary>
internal sealed class QueueReader(IngestOptions options, UnitWriter writer, IngestFigures figures, TimeProvider time, ILogger log)
{
    /// <summary>After so many rounds of presence a reader that still gets another's messages steps back again: the other may have stood behind
    /// it, when two changes of the rota came close to each other.</summary>
    private const int Again = 10;

    /// <summary>Runs until the channel or the connection is lost, which it throws.</summary>
    /// <param name="subscribed">Told when it stands in the line.</param>
    public async Task Run(
        IConnection consuming, IChannel parking, SemaphoreSlim parkingTurn, int index, ReaderRota rota, TaskCompletionSource subscribed,
        Func<string, Task>? beforeAck, CancellationToken cancellation)
    {
        while (true)
        {
            await Turn(consuming, parking, parkingTurn, index, rota, subscribed, beforeAck, cancellation).ConfigureAwait(false);
            IngestLog.StepsBack(log, PlantTopology.Queue(index), rota.OwnerOf(index));
        }
    }

    /// <summary>From one place in the line to the next: back when it should step back.</summary>
    private async Task Turn(
        IConnection consuming, IChannel parking, SemaphoreSlim parkingTurn, int index, ReaderRota rota, TaskCompletionSource subscribed,
        Func<string, Task>? beforeAck, CancellationToken cancellation)
    {
        var queue = PlantTopology.Queue(index);
        // Read before it subscribes: whoever is heard of later may be in the line before it, and it steps back once more than needed.
        var behind = rota.OwnerOf(index);
        var since = time.GetTimestamp();
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
        subscribed.TrySetResult();
        while (true)
        {
            var more = arrived.Reader.WaitToReadAsync(cancellation).AsTask();
            while (true)
            {
                // Asked for before it is looked at, so that no change is missed.
                var changed = rota.Changed;
                var owner = rota.OwnerOf(index);
                var gets = more.IsCompletedSuccessfully && time.GetElapsedTime(since) > options.BalanceEvery * Again;
                if (owner != rota.Self && (owner != behind || gets) && !more.IsFaulted)
                {
                    // In peace: what comes from now on goes back with the channel.
                    arrived.Writer.TryComplete();
                    return;
                }
                if (more.IsCompleted) break;
                await Task.WhenAny(more, changed).ConfigureAwait(false);
            }
            if (!await more.ConfigureAwait(false)) throw new IOException($"the subscription of {queue} ended");
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
