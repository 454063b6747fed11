using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// The plant's door: measurements in, moves out, over RabbitMQ. Runs in nodes of the role <c>ingest</c>, which need own no shard.
///
/// Roles. The broker keeps measurements until they are committed, in queues that each unit is in exactly one of (<see cref="PlantTopology"/>),
/// and lets one node read a queue at a time. The nodes share the queues among them (<see cref="ReaderRota"/>, <see cref="IngestPresence"/>).
/// <see cref="QueueReader"/> reads one queue; <see cref="UnitWriter"/> asks the twins;
/// <see cref="MovePublisher"/> sends moves. The twin, not the broker, makes a measurement take effect once.
///
/// Guarantees. A measurement is acknowledged after it is in the journal, or in the parking queue with the reason. A unit's measurements
/// reach its twin in the order in which the broker took them, also when another node goes on. What cannot be taken never holds up others.
///
/// Failures. Broker lost: everything of this connection is dropped (commands under way may still take effect, and are seen when they come
/// again), and it is called again with growing waits. Node killed or hung: the broker gives its queues to the next node, at once or after
/// some heartbeats; messages in between are delivered twice and take effect once. Cluster unavailable: the queues stand still and fill, and
/// nothing is lost while the broker has disk. Twin unknown or message malformed: parked.
/// </summary>
public sealed class IngestService : IAsyncDisposable
{
    private readonly IngestOptions _options;
    private readonly string _node;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly QueueReader _reader;
    private readonly MovePublisher? _moves;
    private readonly Func<string, Task>? _beforeAck;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ReaderRota? _rota;
    private Task _run = Task.CompletedTask;

    private IngestService(IngestOptions options, string node, IClusterClient client, IStore? store, MessageRegistry messages, TimeProvider time,
        ILogger log, IFeedOffsets? offsets, Func<string, Task>? beforeAck)
    {
        (_options, _node, _time, _log, _beforeAck) = (options, node, time, log, beforeAck);
        _reader = new QueueReader(options, new UnitWriter(client, time, log), Figures, time, log);
        _moves = store is null ? null : new MovePublisher(options, store, offsets ?? OffsetsOf(store), messages, Figures, time, log);
    }

    // A store without read models keeps no offset: after a restart what is still valid goes out again, and receivers drop it.
    private static IFeedOffsets OffsetsOf(IStore store) => store is IJournalStore journal ? new StoredFeedOffsets(journal) : new MemoryFeedOffsets();

    public IngestFigures Figures { get; } = new();

    /// <summary>The ingest nodes that this one knows of, itself among them, as <c>NODE/SESSION</c>.</summary>
    public IReadOnlyList<string> Members => _rota?.Members ?? [];

    /// <summary>Completes when the broker was reached for the first time.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Begins; a broker that cannot be reached is called again until this is disposed.</summary>
    /// <param name="store">Where moves are read; null sends none.</param>
    public static IngestService Start(
        IngestOptions options, string node, IClusterClient client, IStore? store, MessageRegistry messages, TimeProvider time, ILogger log) =>
        Start(options, node, client, store, messages, time, log, null, null);

    internal static IngestService Start(
        IngestOptions options, string node, IClusterClient client, IStore? store, MessageRegistry messages, TimeProvider time, ILogger log,
        IFeedOffsets? offsets, Func<string, Task>? beforeAck)
    {
        var service = new IngestService(options, node, client, store, messages, time, log, offsets, beforeAck);
        service._run = Task.Run(service.Run);
        return service;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task Run()
    {
        var wait = _options.ReconnectAfter;
        while (!_stop.IsCancellationRequested)
        {
            var begun = _time.GetTimestamp();
            string reason;
            try
            {
                await Session().ConfigureAwait(false);
                reason = "it ended";
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                reason = e.Message;
            }
            // A session that lasted begins the row of waits anew.
            if (_time.GetElapsedTime(begun) > wait * 4) wait = _options.ReconnectAfter;
            IngestLog.Lost(_log, reason, wait);
            await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (wait < _options.ReconnectAfter * 32) wait *= 2;
        }
    }

    /// <summary>One life of the connections. Consuming and publishing are apart, because a broker short of memory or disk blocks a whole
    /// connection that publishes, acknowledgements on it too.</summary>
    private async Task Session()
    {
        await using var consuming = await BrokerConnection.Open(_options, $"athanor {_node} ingest", _stop.Token).ConfigureAwait(false);
        await using var publishing = await BrokerConnection.Open(_options, $"athanor {_node} ingest publisher", _stop.Token).ConfigureAwait(false);
        await using var parking = await BrokerConnection.Publisher(publishing, _stop.Token).ConfigureAwait(false);
        await PlantTopology.Declare(parking, _options).ConfigureAwait(false);
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var connection in (IConnection[])[consuming, publishing])
        {
            connection.ConnectionShutdownAsync += (_, e) =>
            {
                ended.TrySetException(new IOException(e.ReplyText));
                return Task.CompletedTask;
            };
        }
        using var parkingTurn = new SemaphoreSlim(1);
        var rota = new ReaderRota($"{_node}/{Guid.NewGuid():N}", _options.BalanceEvery * IngestPresence.Missed, _time);
        var subscribed = Enumerable.Range(0, _options.Queues)
            .Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        var inLine = Task.WhenAll(subscribed.Select(static s => s.Task));
        List<Task> parts =
        [
            ended.Task,
            .. subscribed.Select((told, i) => _reader.Run(consuming, parking, parkingTurn, i, rota, told, _beforeAck, lost.Token)),
            new IngestPresence(_options, rota, _time).Run(consuming, publishing, inLine, lost.Token),
        ];
        _rota = rota;
        if (_moves is not null) parts.Add(_moves.Run(publishing, lost.Token));
        Figures.Connected();
        IngestLog.Connected(_log, _options.Queues);
        _ready.TrySetResult();
        try
        {
            var first = await Task.WhenAny(parts).WaitAsync(_stop.Token).ConfigureAwait(false);
            await first.ConfigureAwait(false);
        }
        finally
        {
            await lost.CancelAsync().ConfigureAwait(false);
            ended.TrySetResult();
            // Nothing of this session may run on beside the next one: it would ask out of order.
            await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
