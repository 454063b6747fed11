using System.Globalization;
using Athanor.Actors;
using Athanor.Compute.Twins;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Ingest;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Services;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hosting.Tests.Ingest;

/// <summary>An embedded cluster, the shared broker, and mosquitto's clients as the plant.</summary>
public sealed class PlantWorld : IAsyncLifetime
{
    public static readonly DateTimeOffset Begin = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-plant-").FullName;
    private int _clients;

    public RabbitService Broker { get; private set; } = null!;

    public HostedCluster Cluster { get; private set; } = null!;

    public IngestOptions Options => new()
    {
        Broker = Broker.Uri,
        Queues = 4,
        Prefetch = 20,
        ReconnectAfter = TimeSpan.FromMilliseconds(100),
        MovesEvery = TimeSpan.FromMilliseconds(50),
        BalanceEvery = TimeSpan.FromMilliseconds(200),
    };

    public async Task InitializeAsync()
    {
        Broker = await SharedRabbit.Server;
        Cluster = await HostedCluster.Start(
            new AthanorOptions { StateDirectory = _folder, Shards = new ShardOptions { Count = 4 } }, EmbeddedRole.AppendOnly);
    }

    public async Task DisposeAsync()
    {
        await Cluster.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    public static EntityAddress Unit(string id) => EntityAddress.Of("twins", id);

    /// <summary>A twin whose model filters <c>temperature</c> under <c>heater</c>.</summary>
    public async Task Register(string id)
    {
        var model = new TwinModel(HeaterModel.BalanceKind, 1, "textbook", HeaterParameters.Textbook.ToArray(), []);
        var spec = new TwinSpec(id, model, 1, 30, 10, 4, new TwinSignals("heater", "temperature"));
        Assert.IsType<Done>(await Cluster.Client.Ask(Unit(id), new RegisterTwin(spec)));
    }

    public async Task<IngestService> Ingest(
        IngestOptions? options = null, Func<string, Task>? beforeAck = null, bool moves = false, string node = "test")
    {
        var service = IngestService.Start(
            options ?? Options, node, Cluster.Client, moves ? Cluster.Store : null, Families.Messages, TimeProvider.System, NullLogger.Instance,
            null, beforeAck);
        await service.Ready.WaitAsync(Patience);
        return service;
    }

    /// <summary>Publishes one message a line, at least once, and waits for the broker's confirmations.</summary>
    public Task Publish(string topic, params string[] lines) => Mosquitto(
        "mosquitto_pub", ["-u", "athanor", "-P", Password, "-q", "1", "-t", topic, "-l"], string.Join('\n', lines) + "\n", mustSucceed: true);

    public async Task PublishBytes(string topic, byte[] body)
    {
        var file = Path.Combine(_folder, $"message-{Interlocked.Increment(ref _clients)}");
        await File.WriteAllBytesAsync(file, body);
        await Mosquitto("mosquitto_pub", ["-u", "athanor", "-P", Password, "-q", "1", "-t", topic, "-f", file], null, mustSucceed: true);
    }

    /// <summary>Runs one of mosquitto's clients for at most 20 s.</summary>
    internal async Task<ToolResult> Mosquitto(string program, string[] arguments, string? input = null, bool mustSucceed = false, string? client = null)
    {
        var id = client ?? $"test-{Interlocked.Increment(ref _clients)}";
        var result = await ServiceTool.Run(
            "timeout", ["20", program, "-h", "127.0.0.1", "-p", Broker.MqttPort.ToString(CultureInfo.InvariantCulture), "-i", id, .. arguments],
            input: input);
        if (mustSucceed) Assert.True(result.Code == 0, $"{program} ended with {result.Code}: {result.Error}");
        return result;
    }

    public async Task<TwinSignalsView> Signals(string id) =>
        Assert.IsType<TwinSignalsView>(await Cluster.Client.Query(Unit(id), new TwinSignalsQuery()));

    public async Task<long> Count(string id, string signal) =>
        (await Signals(id)).Signals.TryGetValue(signal, out var known) ? known.Count : 0;

    /// <summary>Looks until the condition holds; a time-out says what was waited for.</summary>
    public static async Task Until(string what, Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            if (patience.IsCancellationRequested) throw new TimeoutException($"did not occur within {Patience.TotalSeconds} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>Every sample that the journal says took effect, in its order.</summary>
    public async Task<IReadOnlyList<TakenSample>> Journal(string id)
    {
        var history = await Cluster.Store.ReadEntity(Unit(id), fromStart: true, CancellationToken.None);
        return [.. history.Events.Select(e => Families.Messages.Decode(e.Event.Kind, e.Event.Version, e.Event.Body.Span))
            .OfType<SamplesTaken>().SelectMany(e => e.Samples)];
    }

    public Task<IReadOnlyList<ParkedMeasurement>> Parked() => ParkedMeasurements.List(Options, 100, CancellationToken.None);

    public static string Json(int second, string signal = "pressure", double? value = null, long sequence = 0) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"time":"{{Begin.AddSeconds(second):yyyy-MM-ddTHH:mm:ssZ}}","sequence":{{sequence}},"signals":{"{{signal}}":{{value ?? second}} } }""");

    private string Password => new Uri(Broker.Uri).UserInfo.Split(':')[1];
}

/// <summary>Tests that stop or look into the shared broker, one after another.</summary>
[CollectionDefinition("broker")]
public sealed class BrokerTests : ICollectionFixture<PlantWorld>;
