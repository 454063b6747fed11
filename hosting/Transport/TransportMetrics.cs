using System.Diagnostics.Metrics;
using Athanor.Hosting.Telemetry;

namespace Athanor.Hosting.Transport;

/// <summary>What the transport counts. Labels are outcomes, never names: their number must stay bounded.</summary>
internal static class TransportMetrics
{
    private static readonly Meter Meter = new(AthanorTelemetry.Name);

    private static readonly Histogram<double> AskTime =
        Meter.CreateHistogram<double>("athanor.transport.ask.duration", "s", "Asks of other nodes, by outcome");

    private static readonly Counter<long> Hints =
        Meter.CreateCounter<long>("athanor.transport.hints", "{hint}", "Hints to other nodes, by outcome; a dropped one costs a poll");

    private static readonly Counter<long> Refusals =
        Meter.CreateCounter<long>("athanor.transport.refusals", "{request}", "Requests of callers that are no node of this cluster");

    public static void Asked(string outcome, TimeSpan taken) =>
        AskTime.Record(taken.TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));

    public static void HintSent() => Hints.Add(1, new KeyValuePair<string, object?>("outcome", "sent"));

    public static void HintDropped() => Hints.Add(1, new KeyValuePair<string, object?>("outcome", "dropped"));

    public static void Refused() => Refusals.Add(1);
}
