using System.Text;
using Athanor.Hosting.Configuration;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// How ingest nodes hear of each other: each tells the others every <c>ingest.balance-every</c> that it is there, over a fanout exchange of the
/// broker, once it stands in the line of every queue; and that it goes, when it goes in peace. Nothing is kept: a message that is lost is made
/// up for by the next.
/// </summary>
internal sealed class IngestPresence(IngestOptions options, ReaderRota rota, TimeProvider time)
{
    /// <summary>A member that has missed so many is gone.</summary>
    public const int Missed = 3;

    private const char Here = '+';
    private const char Gone = '-';
    private const int LongestId = 200;

    /// <param name="subscribed">Completes when this node stands in every line: who hears of it steps back behind it.</param>
    public async Task Run(IConnection consuming, IConnection publishing, Task subscribed, CancellationToken cancellation)
    {
        await using var listening = await consuming.CreateChannelAsync(cancellationToken: cancellation).ConfigureAwait(false);
        await listening.ExchangeDeclareAsync(PlantTopology.NodesExchange, ExchangeType.Fanout, durable: true, autoDelete: false, cancellationToken: cancellation)
            .ConfigureAwait(false);
        var queue = await listening.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, cancellationToken: cancellation).ConfigureAwait(false);
        await listening.QueueBindAsync(queue.QueueName, PlantTopology.NodesExchange, "", cancellationToken: cancellation).ConfigureAwait(false);
        var consumer = new AsyncEventingBasicConsumer(listening);
        consumer.ReceivedAsync += (_, e) =>
        {
            Take(e.Body.Span);
            return Task.CompletedTask;
        };
        await listening.BasicConsumeAsync(queue.QueueName, autoAck: true, consumer, cancellation).ConfigureAwait(false);
        await subscribed.WaitAsync(cancellation).ConfigureAwait(false);
        await using var telling = await publishing.CreateChannelAsync(cancellationToken: cancellation).ConfigureAwait(false);
        try
        {
            while (true)
            {
                await Tell(telling, Here, cancellation).ConfigureAwait(false);
                await Task.Delay(options.BalanceEvery, time, cancellation).ConfigureAwait(false);
                rota.Forget();
            }
        }
        finally
        {
            if (telling.IsOpen)
                await Tell(telling, Gone, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Take(ReadOnlySpan<byte> body)
    {
        if (body.Length is < 2 or > LongestId) return;
        var member = Encoding.UTF8.GetString(body[1..]);
        if (body[0] == Here) rota.Heard(member);
        else if (body[0] == Gone) rota.Left(member);
    }

    private Task Tell(IChannel channel, char what, CancellationToken cancellation) => channel.BasicPublishAsync(
        PlantTopology.NodesExchange, "", mandatory: false, Encoding.UTF8.GetBytes($"{what}{rota.Self}"), cancellation).AsTask();
}
