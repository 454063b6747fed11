using System.Diagnostics.Metrics;

namespace Athanor.Hosting.Ingest;

/// <summary>What went through, since the start.</summary>
public sealed class IngestFigures
{
    private static readonly Meter Meter = new("Athanor.Ingest");
    private static readonly Counter<long> MessageCounter = Meter.CreateCounter<long>("athanor.ingest.messages");
    private static readonly Counter<long> SampleCounter = Meter.CreateCounter<long>("athanor.ingest.samples");
    private static readonly Counter<long> ParkedCounter = Meter.CreateCounter<long>("athanor.ingest.parked");
    private static readonly Counter<long> MoveCounter = Meter.CreateCounter<long>("athanor.ingest.moves");

    private long _messages;
    private long _samples;
    private long _parked;
    private long _moves;
    private long _unheard;
    private long _connections;

    /// <summary>Messages acknowledged to the broker, parked ones among them.</summary>
    public long Messages => Interlocked.Read(ref _messages);

    public long Samples => Interlocked.Read(ref _samples);

    public long Parked => Interlocked.Read(ref _parked);

    /// <summary>Moves that the broker has confirmed.</summary>
    public long Moves => Interlocked.Read(ref _moves);

    /// <summary>Moves for which no subscriber was there.</summary>
    public long Unheard => Interlocked.Read(ref _unheard);

    /// <summary>How often the broker was reached.</summary>
    public long Connections => Interlocked.Read(ref _connections);

    internal void Count(List<Delivery> batch)
    {
        var (samples, parked) = (0L, 0L);
        foreach (var delivery in batch)
        {
            if (delivery.Problem is null) samples += delivery.Samples.Length;
            else parked++;
        }
        Interlocked.Add(ref _messages, batch.Count);
        Interlocked.Add(ref _samples, samples);
        Interlocked.Add(ref _parked, parked);
        MessageCounter.Add(batch.Count);
        SampleCounter.Add(samples);
        ParkedCounter.Add(parked);
    }

    internal void Published(bool heard)
    {
        Interlocked.Increment(ref heard ? ref _moves : ref _unheard);
        MoveCounter.Add(1);
    }

    internal void Connected() => Interlocked.Increment(ref _connections);
}
