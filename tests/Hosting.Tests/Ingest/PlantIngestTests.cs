using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Hosting.Ingest;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Tests;
using Xunit.Abstractions;

namespace Hosting.Tests.Ingest;

/// <summary>With a real broker and mosquitto's clients. Each test has units of its own.</summary>
[Collection("broker")]
public sealed class PlantIngestTests(PlantWorld world, ITestOutputHelper output)
{
    [Fact]
    public async Task Thousands_of_measurements_of_several_units_pass_and_each_takes_effect_once()
    {
        const int Each = 2000;
        string[] units = ["many-a", "many-b", "many-c"];
        foreach (var unit in units) await world.Register(unit);
        await using var ingest = await world.Ingest(world.Options with { Prefetch = 200 });
        var begin = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(units.Select(unit => world.Publish(
            $"plant/default/{unit}/measurements", [.. Enumerable.Range(1, Each).Select(i => PlantWorld.Json(i))])));
        var published = TimeProvider.System.GetElapsedTime(begin);
        await PlantWorld.Until("all acknowledged", () => Task.FromResult(ingest.Figures.Messages >= units.Length * Each));
        var all = TimeProvider.System.GetElapsedTime(begin);
        output.WriteLine(FormattableString.Invariant(
            $"{units.Length * Each} messages: published in {published.TotalSeconds:0.00} s, committed after {all.TotalSeconds:0.00} s, {units.Length * Each / all.TotalSeconds:0}/s"));
        foreach (var unit in units) Assert.Equal(Each, await world.Count(unit, "pressure"));
    }

    [Fact]
    public async Task Measurements_in_json_and_messagepack_reach_the_twin_and_its_filter()
    {
        await world.Register("reactor-1");
        await using var ingest = await world.Ingest();
        await world.Publish(
            "plant/default/reactor-1/measurements",
            """{"time":"2026-03-01T12:00:01Z","sequence":1,"signals":{"heater":40,"temperature":25.0}}""",
            """{"samples":[{"signal":"temperature","time":1772366402000,"value":25.5},{"signal":"level","time":1772366402000,"value":1e-3}],"more":[1]}""");
        var writer = new MessagePackWriter();
        writer.BeginMap(2);
        writer.Write("time");
        writer.Write(PlantWorld.Begin.AddSeconds(3));
        writer.Write("signals");
        writer.BeginMap(2);
        writer.Write("temperature");
        writer.Write(26.25);
        writer.Write("level");
        writer.Write(2);
        writer.End();
        writer.End();
        await world.PublishBytes("plant/default/reactor-1/measurements", writer.ToArray());

        await PlantWorld.Until("three rows filtered", async () =>
            await world.Cluster.Client.Query(PlantWorld.Unit("reactor-1"), new TwinQuery()) is TwinView { Estimate.Row: 3, SetAside: 0 });
        var signals = await world.Signals("reactor-1");
        Assert.Equal((26.25, 3), (signals.Signals["temperature"].Latest.Value, signals.Signals["temperature"].Count));
        Assert.Equal(PlantWorld.Begin.AddSeconds(3), signals.Signals["level"].Latest.Time);
        Assert.Equal(2.0, signals.Signals["level"].Latest.Value);
    }

    [Fact]
    public async Task What_is_sent_twice_or_delivered_again_after_its_commit_takes_effect_once()
    {
        await world.Register("twice");
        var killed = 0;
        await using var ingest = await world.Ingest(beforeAck: _ =>
            Interlocked.Increment(ref killed) == 1 ? throw new IOException("killed between commit and acknowledgement") : Task.CompletedTask);
        string[] lines = [.. Enumerable.Range(1, 30).Select(i => PlantWorld.Json(i))];
        await world.Publish("plant/default/twice/measurements", lines);
        await PlantWorld.Until("30 samples", async () => await world.Count("twice", "pressure") == 30);
        await world.Publish("plant/default/twice/measurements", lines);
        await PlantWorld.Until("60 messages acknowledged", () => Task.FromResult(ingest.Figures.Messages >= 60));

        Assert.Equal(2, ingest.Figures.Connections);
        Assert.Equal(30, await world.Count("twice", "pressure"));
        Assert.Equal(Enumerable.Range(1, 30).Select(i => (double)i), (await world.Journal("twice")).Select(s => s.Value));
        Assert.Equal(0, (await world.Signals("twice")).Late);
    }

    [Fact]
    public async Task A_unit_s_order_is_kept_over_two_consumers_when_one_goes_in_the_middle()
    {
        string[] units = ["order-a", "order-b", "order-c"];
        foreach (var unit in units) await world.Register(unit);
        var batches = 0;
        var hung = new TaskCompletionSource();
        var reached = new TaskCompletionSource();
        // The first one reads all queues; at its fourth batch it hangs between commit and acknowledgement. Another comes, and the first goes.
        var first = await world.Ingest(beforeAck: _ =>
        {
            if (Interlocked.Increment(ref batches) < 4) return Task.CompletedTask;
            reached.TrySetResult();
            return hung.Task;
        });
        var publishing = Task.WhenAll(units.Select(unit => world.Publish(
            $"plant/default/{unit}/measurements", [.. Enumerable.Range(1, 200).Select(i => PlantWorld.Json(i))])));
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await using var second = await world.Ingest();
        var going = first.DisposeAsync();
        hung.TrySetException(new IOException("gone"));
        await going;
        await publishing;

        foreach (var unit in units)
        {
            await PlantWorld.Until($"200 samples of {unit}", async () => await world.Count(unit, "pressure") == 200);
            Assert.Equal(Enumerable.Range(1, 200).Select(i => (double)i), (await world.Journal(unit)).Select(s => s.Value));
        }
        // A batch is counted after its acknowledgement, which comes after its commit.
        await PlantWorld.Until("both read", () => Task.FromResult(first.Figures.Messages > 0 && second.Figures.Messages > 0));
    }

    [Fact]
    public async Task Nodes_share_the_queues_one_that_joins_gets_its_part_and_one_that_goes_leaves_it_to_the_others()
    {
        const int Each = 60;
        string[] units = [.. Enumerable.Range(0, 12).Select(static i => $"shared-{i}")];
        foreach (var unit in units) await world.Register(unit);
        var (byFirst, bySecond) = (new ConcurrentDictionary<string, int>(), new ConcurrentDictionary<string, int>());
        await using var first = await world.Ingest(node: "a", beforeAck: queue => Note(byFirst, queue));
        var second = await world.Ingest(node: "b", beforeAck: queue => Note(bySecond, queue));
        await Shared(first, second);
        // Measurements come while queues change hands.
        var begin = 0;
        async Task Publish()
        {
            var from = begin;
            begin += Each;
            await Task.WhenAll(units.Select(unit => world.Publish(
                $"plant/default/{unit}/measurements", [.. Enumerable.Range(from + 1, Each).Select(i => PlantWorld.Json(i))])));
        }
        await Publish();
        await PlantWorld.Until("the first measurements", () => Task.FromResult(first.Figures.Messages + second.Figures.Messages >= begin * units.Length));
        byFirst.Clear();
        bySecond.Clear();
        await Publish();
        await PlantWorld.Until("the second measurements", () => Task.FromResult(first.Figures.Messages + second.Figures.Messages >= begin * units.Length));
        Assert.True(!byFirst.IsEmpty && !bySecond.IsEmpty, $"{byFirst.Count} and {bySecond.Count} queues");
        Assert.Empty(byFirst.Keys.Intersect(bySecond.Keys));

        var third = await world.Ingest(node: "c");
        await Shared(first, second, third);
        await Publish();
        await second.DisposeAsync();
        await Publish();
        await PlantWorld.Until("the third node reads", () => Task.FromResult(third.Figures.Messages > 0));
        await third.DisposeAsync();
        await Publish();
        foreach (var unit in units)
        {
            await PlantWorld.Until($"{begin} samples of {unit}", async () => await world.Count(unit, "pressure") == begin);
            Assert.Equal(Enumerable.Range(1, begin).Select(i => (double)i), (await world.Journal(unit)).Select(s => s.Value));
        }
        Assert.Single(first.Members);

        static Task Note(ConcurrentDictionary<string, int> seen, string queue)
        {
            seen.AddOrUpdate(queue, 1, static (_, n) => n + 1);
            return Task.CompletedTask;
        }

        static Task Shared(params IngestService[] services) => PlantWorld.Until(
            "all nodes know each other", () => Task.FromResult(services.All(s => s.Members.Count == services.Length)));
    }

    [Fact]
    public async Task What_cannot_be_taken_is_parked_with_the_reason_holds_up_nothing_and_can_be_sent_again()
    {
        await world.Register("parks");
        await using var ingest = await world.Ingest();
        await world.Publish(
            "plant/default/parks/measurements", "{\"signals\":", "[1,2]", """{"time":"2026-03-01T12:00:00","signals":{"a":1}}""",
            """{"time":"2026-03-01T12:00:00Z","signals":{"a":"much"}}""", """{"time":"2126-03-01T12:00:00Z","signals":{"a":1}}""", PlantWorld.Json(1));
        await world.Publish("plant/default/parks/deeper/measurements", PlantWorld.Json(1));
        await world.Publish("plant/default/not-yet/measurements", PlantWorld.Json(1), PlantWorld.Json(2));
        await PlantWorld.Until("the good one", async () => await world.Count("parks", "pressure") == 1);
        await PlantWorld.Until("8 parked", async () => (await world.Parked()).Count == 8);

        var parked = await world.Parked();
        string[] reasons = ["begins as JSON and is not", "neither a JSON object", "with an offset", "a must be a number", "clock is wrong", "no topic plant/", "never registered"];
        foreach (var reason in reasons) Assert.Contains(parked, p => p.Reason.Contains(reason, StringComparison.Ordinal));
        Assert.Equal("plant/default/parks/deeper/measurements", Assert.Single(parked, p => p.Reason.Contains("no topic")).Topic);

        await world.Register("not-yet");
        var again = parked.Where(p => p.Topic.Contains("not-yet")).Select(p => p.Id).ToHashSet();
        Assert.Equal(2, await ParkedMeasurements.Requeue(world.Options, again, CancellationToken.None));
        await PlantWorld.Until("those sent again", async () => await world.Count("not-yet", "pressure") == 2);
        var rest = (await world.Parked()).Select(p => p.Id).ToHashSet();
        Assert.Equal(6, await ParkedMeasurements.Discard(world.Options, rest, CancellationToken.None));
        Assert.Empty(await world.Parked());
    }

    [Fact]
    public async Task Without_a_source_time_a_measurement_is_marked_or_parked_by_the_setting()
    {
        await world.Register("clockless");
        const string Topic = "plant/default/clockless/measurements";
        const string Line = """{"sequence":5,"signals":{"flow":1.5}}""";
        await using (await world.Ingest())
        {
            await world.Publish(Topic, Line, Line, """{"signals":{"flow":2.5}}""");
            await PlantWorld.Until("the marked one", async () => await world.Count("clockless", "flow") == 1);
            await PlantWorld.Until("one parked", async () => (await world.Parked()).Count == 1);
        }
        var flow = (await world.Signals("clockless")).Signals["flow"];
        Assert.True(flow.Latest is { Arrival: true, Sequence: 5, Value: 1.5 }, flow.ToString());
        Assert.Contains("neither a source time nor a sequence", Assert.Single(await world.Parked()).Reason);

        await using (await world.Ingest(world.Options with { WithoutSourceTime = "park" }))
        {
            await world.Publish(Topic, """{"sequence":6,"signals":{"flow":3.5}}""");
            await PlantWorld.Until("two parked", async () => (await world.Parked()).Count == 2);
        }
        Assert.Equal(1, await world.Count("clockless", "flow"));
        Assert.Contains("without-source-time is park", (await world.Parked())[1].Reason);
        await ParkedMeasurements.Discard(world.Options, (await world.Parked()).Select(p => p.Id).ToHashSet(), CancellationToken.None);
    }

    [Fact]
    public async Task A_plant_s_user_may_write_its_own_topic_and_no_other()
    {
        await world.Register("reactor-1");
        await world.Register("reactor-2");
        await using var ingest = await world.Ingest();
        string[] Publish(string unit) =>
            ["-u", "default.reactor-1", "-P", SharedRabbit.Password, "-q", "1", "-t", $"plant/default/{unit}/measurements", "-m", PlantWorld.Json(7, "own")];
        var own = await world.Mosquitto("mosquitto_pub", Publish("reactor-1"));
        Assert.True(own.Code == 0, own.Error);
        await PlantWorld.Until("its own", async () => await world.Count("reactor-1", "own") == 1);

        // The broker closes the connection, and what the client tries until its time is over never arrives.
        var others = await world.Mosquitto("mosquitto_pub", ["--quiet", "-k", "5", .. Publish("reactor-2")]);
        Assert.NotEqual(0, others.Code);
        await world.Publish("plant/default/reactor-2/measurements", PlantWorld.Json(8, "own"));
        await PlantWorld.Until("the cluster's own", async () => await world.Count("reactor-2", "own") == 1);
        Assert.Equal(8, (await world.Signals("reactor-2")).Signals["own"].Latest.Value);

        var wrong = await world.Mosquitto("mosquitto_pub", ["-u", "default.reactor-1", "-P", "guessed", "-q", "1", "-t", "plant/x", "-m", "1"]);
        Assert.NotEqual(0, wrong.Code);
    }

    [Fact]
    public async Task A_broker_that_was_killed_comes_back_with_what_it_had_confirmed_and_goes_on()
    {
        await world.Register("restart");
        await using (await world.Ingest())
        {
            // Declares the queues.
        }
        await world.Publish("plant/default/restart/measurements", [.. Enumerable.Range(1, 50).Select(i => PlantWorld.Json(i))]);
        await world.Broker.Stop(immediate: true);
        await world.Broker.StartAgain();
        await using var ingest = await world.Ingest();
        await PlantWorld.Until("what was confirmed before", async () => await world.Count("restart", "pressure") == 50);

        // And under a running node.
        await world.Broker.Stop(immediate: true);
        await world.Broker.StartAgain();
        await PlantWorld.Until("called again", () => Task.FromResult(ingest.Figures.Connections >= 2));
        await world.Publish("plant/default/restart/measurements", PlantWorld.Json(51));
        await PlantWorld.Until("what came after", async () => await world.Count("restart", "pressure") == 51);
        Assert.Equal(Enumerable.Range(1, 51).Select(i => (double)i), (await world.Journal("restart")).Select(s => s.Value));
    }

    [Fact]
    public async Task Moves_go_out_once_committed_with_what_a_receiver_needs_to_drop_doubles()
    {
        await world.Register("reactor-1");
        string[] subscribe = ["-u", "default.reactor-1", "-P", SharedRabbit.Password, "-c", "-q", "1", "-t", "plant/default/reactor-1/moves"];
        await world.Mosquitto("mosquitto_sub", [.. subscribe, "-E"], mustSucceed: true, client: "default.reactor-1-plc");
        var unit = PlantWorld.Unit("reactor-1");
        async Task<MoveMade> Move(double valve) => Assert.IsType<MoveMade>(await world.Cluster.Client.Ask(
            unit, new MakeMove(ImmutableSortedDictionary<string, double>.Empty.Add("valve", valve), TimeSpan.FromMinutes(5))));
        MoveMade first;
        await using (var ingest = await world.Ingest(moves: true))
        {
            first = await Move(0.25);
            await PlantWorld.Until("one move confirmed", () => Task.FromResult(ingest.Figures.Moves == 1));
        }
        // Another node goes on behind the stored offset.
        await using (var ingest = await world.Ingest(moves: true))
        {
            await Move(0.5);
            await PlantWorld.Until("the next move confirmed", () => Task.FromResult(ingest.Figures.Moves >= 1));
            Assert.Equal(1, ingest.Figures.Moves);
        }
        var received = await world.Mosquitto("mosquitto_sub", [.. subscribe, "-C", "2"], mustSucceed: true, client: "default.reactor-1-plc");
        var moves = received.Output.Trim().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal([first.Sequence, first.Sequence + 1], moves.Select(m => m.GetProperty("sequence").GetInt64()));
        Assert.Equal([0.25, 0.5], moves.Select(m => m.GetProperty("setpoints").GetProperty("valve").GetDouble()));
        Assert.Equal(first.ValidUntil, moves[0].GetProperty("validUntil").GetDateTimeOffset());
        Assert.Equal(("default", "reactor-1"), (moves[0].GetProperty("tenant").GetString(), moves[0].GetProperty("unit").GetString()));
        var owner = (await world.Cluster.Store.ReadShards(CancellationToken.None))[0].Epoch;
        Assert.Equal((owner.Incarnation, owner.Counter), (moves[0].GetProperty("incarnation").GetInt64(), moves[0].GetProperty("epoch").GetInt64()));
    }
}
