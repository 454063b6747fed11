using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Ingest;

/// <summary>A delivered message and what it holds, or why it cannot be taken.</summary>
internal sealed class Delivery(ulong tag, string routingKey, byte[] body)
{
    public ulong Tag { get; } = tag;

    public string RoutingKey { get; } = routingKey;

    public byte[] Body { get; } = body;

    public EntityAddress Unit { get; private set; }

    public ImmutableArray<Sample> Samples { get; private set; } = [];

    /// <summary>Why it is to be parked; null if it is to be taken.</summary>
    public string? Problem { get; set; }

    /// <summary>Reads the message by the settings.</summary>
    public void Read(IngestOptions options, DateTimeOffset now)
    {
        if (!PlantTopic.TryParse(RoutingKey, out var unit, out var problem))
        {
            Problem = problem;
            return;
        }
        Unit = unit;
        if (Body.Length > options.MaxMessageBytes)
        {
            Problem = $"the message has {Body.Length} bytes; at most {options.MaxMessageBytes} are taken (athanor.ingest.max-message)";
            return;
        }
        try
        {
            Samples = MeasurementDecoder.Decode(Body);
        }
        catch (MeasurementException e)
        {
            Problem = e.Message;
            return;
        }
        catch (Exception e)
        {
            // A defect of the decoder must not stand in the way of a whole queue for ever.
            Problem = $"the message cannot be read: {e}";
            return;
        }
        foreach (var sample in Samples)
        {
            if (sample.Time is { } time && time > now + options.MaxAhead)
                Problem = $"the source time of {sample.Signal} is {time:O}, more than {options.MaxAhead} ahead; the source's clock is wrong";
            else if (sample.Time is null && options.WithoutSourceTime == "park")
                Problem = $"{sample.Signal} has no source time (athanor.ingest.without-source-time is park)";
            else if (sample.Time is null && sample.Sequence == 0)
                Problem = $"{sample.Signal} has neither a source time nor a sequence above 0: sent again it could not be told from a new sample";
        }
    }
}

/// <summary>
/// Turns deliveries into commands of their twins. Deliveries of one unit become as few commands as possible, one after another, in order;
/// units go side by side. A command is asked until the cluster answers: what was taken the first time is seen the second, so an unknown
/// outcome does no harm. What a twin refuses is asked message by message, so that one bad one does not take others with it.
/// </summary>
internal sealed class UnitWriter(IClusterClient client, TimeProvider time, ILogger log)
{
    /// <summary>Samples of one command, as a twin takes them at most.</summary>
    private const int MaxSamples = 400;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>Back when each delivery is committed or has a problem.</summary>
    public Task Write(IReadOnlyList<Delivery> deliveries, CancellationToken cancellation) => Task.WhenAll(
        deliveries.Where(d => d.Problem is null).GroupBy(d => d.Unit).Select(unit => WriteUnit(unit.Key, [.. unit], cancellation)));

    private async Task WriteUnit(EntityAddress unit, Delivery[] deliveries, CancellationToken cancellation)
    {
        for (var begin = 0; begin < deliveries.Length;)
        {
            var (end, samples) = (begin, 0);
            while (end < deliveries.Length && (end == begin || samples + deliveries[end].Samples.Length <= MaxSamples)) samples += deliveries[end++].Samples.Length;
            var together = deliveries[begin..end];
            if (await Send(unit, [.. together.SelectMany(d => d.Samples)], cancellation).ConfigureAwait(false) is { } refused)
            {
                foreach (var delivery in together)
                    delivery.Problem = together.Length == 1 ? refused : await Send(unit, delivery.Samples, cancellation).ConfigureAwait(false);
            }
            begin = end;
        }
    }

    /// <returns>Why the twin refuses; null once all is committed.</returns>
    private async Task<string?> Send(EntityAddress unit, ImmutableArray<Sample> samples, CancellationToken cancellation)
    {
        for (var first = 0; first < samples.Length; first += MaxSamples)
        {
            var command = new Observe(samples.Slice(first, Math.Min(MaxSamples, samples.Length - first)));
            if (await Ask(unit, command, cancellation).ConfigureAwait(false) is Rejected refused) return $"{unit}: {refused.Reason}";
        }
        return null;
    }

    private async Task<IReply> Ask(EntityAddress unit, Observe command, CancellationToken cancellation)
    {
        for (var wait = FirstWait; ; wait = wait * 2 < LongestWait ? wait * 2 : LongestWait)
        {
            string reason;
            try
            {
                var reply = await client.Ask(unit, command, cancellation: cancellation).ConfigureAwait(false);
                if (reply is not Rejected { Code: "unavailable" } refused) return reply;
                reason = refused.Reason;
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
            {
                reason = e.Message;
            }
            IngestLog.Waiting(log, unit, wait, reason);
            await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
        }
    }
}
