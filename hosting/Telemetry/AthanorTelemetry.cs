using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Athanor.Hosting.Telemetry;

/// <summary>
/// The one source of spans and the one meter, both named <c>Athanor</c>. A command's span is the parent of its commit's, of the work and
/// of the Compute that it starts; across rows the parent travels as W3C <c>traceparent</c>. Labels are kinds, pools and outcomes,
/// never an entity's id: their number must stay bounded.
/// </summary>
public static class AthanorTelemetry
{
    public const string Name = "Athanor";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> Commands =
        Meter.CreateCounter<long>("athanor.commands", "{command}", "Commands and queries answered");

    private static readonly Histogram<double> CommandTime =
        Meter.CreateHistogram<double>("athanor.command.duration", "s", "From arrival to the answer after the commit");

    private static readonly Counter<long> Commits = Meter.CreateCounter<long>("athanor.commits", "{commit}", "Shards' parts committed");

    private static readonly Histogram<double> CommitTime =
        Meter.CreateHistogram<double>("athanor.commit.duration", "s", "One transaction of the store");

    private static readonly Histogram<long> CommitParts =
        Meter.CreateHistogram<long>("athanor.commit.parts", "{part}", "Shards' parts that share one transaction");

    private static readonly Histogram<long> BatchSize =
        Meter.CreateHistogram<long>("athanor.compute.batch", "{request}", "Compute requests of one kind done together");

    private static readonly Counter<long> WorkOutcomes =
        Meter.CreateCounter<long>("athanor.work.ended", "{item}", "Work items that left a slot, by outcome");

    /// <summary>Whether anybody listens to spans.</summary>
    internal static bool IsTraced => Source.HasListeners();

    /// <summary>Starts a span under the parent that travelled with a row, or under the current one.</summary>
    internal static Activity? Start(string name, ActivityKind kind, string? traceParent, string messageKind)
    {
        if (!Source.HasListeners()) return null;
        ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent);
        var span = Source.StartActivity(name, kind, parent);
        span?.SetTag("athanor.kind", messageKind);
        return span;
    }

    internal static void CommandAnswered(string kind, string outcome, long begun, TimeProvider time)
    {
        if (!Commands.Enabled && !CommandTime.Enabled) return;
        var tags = new TagList { { "kind", kind }, { "outcome", outcome } };
        Commands.Add(1, tags);
        CommandTime.Record(time.GetElapsedTime(begun).TotalSeconds, tags);
    }

    internal static void Committed(int parts, int rejected, TimeSpan taken)
    {
        Commits.Add(parts - rejected, new KeyValuePair<string, object?>("outcome", "accepted"));
        if (rejected > 0) Commits.Add(rejected, new KeyValuePair<string, object?>("outcome", "rejected"));
        CommitParts.Record(parts);
        CommitTime.Record(taken.TotalSeconds);
    }

    internal static void ComputeBatch(string kind, int requests) =>
        BatchSize.Record(requests, new KeyValuePair<string, object?>("kind", kind));

    internal static void WorkEnded(string kind, string outcome) =>
        WorkOutcomes.Add(1, new TagList { { "kind", kind }, { "outcome", outcome } });

    /// <summary>Gauges of one running cluster; disposing the meter takes them away.</summary>
    internal static Meter Observe(Func<int> mailbox, Func<int> active, Func<int> busySlots, Func<int> slots)
    {
        var meter = new Meter(Name);
        meter.CreateObservableGauge("athanor.mailbox.depth", mailbox, "{message}", "Messages held by the core");
        meter.CreateObservableGauge("athanor.entities.active", active, "{entity}", "Entities in memory");
        meter.CreateObservableGauge("athanor.slots.busy", busySlots, "{slot}", "Slots that run work");
        meter.CreateObservableGauge("athanor.slots", slots, "{slot}", "Slots of this node");
        return meter;
    }
}
