using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Athanor.Hosting.Telemetry;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using static Hosting.Tests.Runtime.TestCluster;

namespace Hosting.Tests.Runtime;

public sealed class TelemetryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task One_trace_leads_from_the_command_through_its_commit_to_work_and_compute()
    {
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == AthanorTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using var root = new Activity("test").Start();
        var mine = root.TraceId;
        await using (var cluster = await Start(_directory.Path))
        {
            await cluster.Work("traced", "w", new Act("echo"));
            await cluster.Ask("traced", new SquareIt(3));
            await cluster.Until("traced", s => s.Ended.Count == 1 && s.Squares.Length == 1);
        }
        var names = ended.Where(a => a.TraceId == mine).Select(a => a.OperationName).ToHashSet();
        Assert.Superset(new HashSet<string> { "command", "commit", "work", "compute" }, names);
        var commands = ended.Where(a => a.TraceId == mine && a.OperationName == "command").Select(a => a.SpanId).ToHashSet();
        Assert.All(
            ended.Where(a => a.TraceId == mine && a.OperationName is "work" or "compute" && a.TraceId == mine),
            a => Assert.Contains(a.ParentSpanId, commands));
    }

    [Fact]
    public async Task Metrics_count_what_happens_and_never_name_an_entity()
    {
        var seen = new ConcurrentDictionary<string, double>();
        var labels = new ConcurrentDictionary<string, byte>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == AthanorTelemetry.Name) l.EnableMeasurementEvents(instrument);
        };
        void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            seen.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
            foreach (var tag in tags) labels.TryAdd($"{tag.Key}={tag.Value}", 0);
        }
        listener.SetMeasurementEventCallback<long>((i, v, t, _) => Take(i, v, t));
        listener.SetMeasurementEventCallback<int>((i, v, t, _) => Take(i, v, t));
        listener.SetMeasurementEventCallback<double>((i, v, t, _) => Take(i, v, t));
        listener.Start();
        await using (var cluster = await Start(_directory.Path))
        {
            await cluster.Add("secret-name", 1);
            await cluster.Ask("secret-name", new SquareIt(3));
            await cluster.Work("secret-name", "w", new Act("echo"));
            await cluster.Until("secret-name", s => s.Ended.Count == 1 && s.Squares.Length == 1);
            listener.RecordObservableInstruments();
        }
        foreach (var name in (string[])["athanor.commands", "athanor.command.duration", "athanor.commits", "athanor.commit.duration",
            "athanor.commit.parts", "athanor.compute.batch", "athanor.work.ended", "athanor.entities.active", "athanor.slots"])
            Assert.True(seen.GetValueOrDefault(name) > 0, $"{name} is {seen.GetValueOrDefault(name)}");
        Assert.True(seen.ContainsKey("athanor.mailbox.depth"));
        Assert.Contains("kind=tests.add", labels.Keys);
        Assert.DoesNotContain(labels.Keys, label => label.Contains("secret-name", StringComparison.Ordinal));
    }
}
