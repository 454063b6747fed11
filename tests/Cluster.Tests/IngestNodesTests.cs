using System.Globalization;
using System.Text.Json;
using Athanor.Compute.Twins;
using Athanor.Hosting;
using Athanor.Hosting.Services;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Tests;

namespace Cluster.Tests;

/// <summary>Ingest nodes as processes, the real broker, and mosquitto's client as the plant.</summary>
public sealed class IngestNodesTests
{
    private const int Chunk = 20;
    private static readonly string[] Units = [.. Enumerable.Range(0, 6).Select(static i => $"unit-{i}")];

    [Fact]
    public async Task Two_ingest_nodes_share_the_queues_and_killing_one_loses_nothing_and_keeps_each_unit_s_order()
    {
        var broker = await SharedRabbit.Server;
        await using var cluster = await ClusterNodes.Start(
            await SharedPostgres.NewDatabase(), TimeSpan.FromSeconds(3),
            $"ingest {{ broker = {JsonSerializer.Serialize(broker.Uri)}, queues = 8, prefetch = 10, balance-every = 200ms, heartbeat = 5s }}",
            ("a", "shards"), ("i1", "ingest"));
        foreach (var unit in Units)
        {
            var model = new TwinModel(HeaterModel.BalanceKind, 1, "textbook", HeaterParameters.Textbook.ToArray(), []);
            Assert.Equal(new Done(), await cluster.Member.Client.Ask(Twin(unit), new RegisterTwin(new TwinSpec(unit, model, 1, 30, 10, 4))));
        }
        // The first node reads everything until the second comes; the plant measures all the time, and for a while after the kill.
        using var killed = new CancellationTokenSource();
        var plant = Measure(broker, killed.Token);
        await Until("the first measurements", async () => await Taken() > 0);
        await cluster.Add("i2", "ingest");
        await Until("the first node leaves queues to the second", () => Task.FromResult(cluster.LogOf("i1").Contains("is left to i2/", StringComparison.Ordinal)));
        var before = await Taken();
        await Until("measurements by both", async () => await Taken() > before + Chunk);
        cluster.Signal("i1", 9);
        await killed.CancelAsync();
        var sent = await plant;
        foreach (var unit in Units)
        {
            await Until($"{sent} samples of {unit}", async () => await Count(unit) >= sent);
            Assert.Equal(Enumerable.Range(1, sent).Select(static i => (double)i), await Journal(unit));
        }

        async Task<long> Taken()
        {
            var sum = 0L;
            foreach (var unit in Units) sum += await Count(unit);
            return sum;
        }

        async Task<long> Count(string unit) =>
            (await cluster.Member.Client.Query(Twin(unit), new TwinSignalsQuery()) as TwinSignalsView)?.Signals.GetValueOrDefault("pressure")?.Count ?? 0;

        async Task<double[]> Journal(string unit)
        {
            var history = await cluster.Member.Store.ReadEntity(Twin(unit), fromStart: true, CancellationToken.None);
            return [.. history.Events.Select(static e => Families.Messages.Decode(e.Event.Kind, e.Event.Version, e.Event.Body.Span))
                .OfType<SamplesTaken>().SelectMany(static e => e.Samples).Select(static s => s.Value)];
        }
    }

    private static EntityAddress Twin(string unit) => EntityAddress.Of("twins", unit);

    /// <summary>Publishes measurements of every unit until told, and some more.</summary>
    /// <returns>How many of each; the broker has confirmed them.</returns>
    private static async Task<int> Measure(RabbitService broker, CancellationToken told)
    {
        for (var sent = 0; ;)
        {
            var last = told.IsCancellationRequested;
            foreach (var unit in Units) await Publish(broker, unit, sent + 1);
            sent += Chunk;
            if (last) return sent;
        }
    }

    private static async Task Publish(RabbitService broker, string unit, int from)
    {
        var lines = Enumerable.Range(from, Chunk).Select(static i => string.Create(
            CultureInfo.InvariantCulture, $$"""{"time":{{1772366400000 + (i * 1000L)}},"signals":{"pressure":{{i}}} }"""));
        var result = await ServiceTool.Run(
            "timeout",
            ["60", "mosquitto_pub", "-h", "127.0.0.1", "-p", broker.MqttPort.ToString(CultureInfo.InvariantCulture), "-i", $"plant-{unit}", "-u", "athanor",
                "-P", new Uri(broker.Uri).UserInfo.Split(':')[1], "-q", "1", "-t", $"plant/default/{unit}/measurements", "-l"],
            input: string.Join('\n', lines) + "\n");
        Assert.True(result.Code == 0, $"mosquitto_pub ended with {result.Code}: {result.Error}");
    }

    private static async Task Until(string what, Func<Task<bool>> condition)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(begun) > NodeProcess.Long) throw new TimeoutException($"did not occur: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
