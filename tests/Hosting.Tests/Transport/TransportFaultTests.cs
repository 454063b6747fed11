using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Telemetry;
using Athanor.Hosting.Transport;
using Microsoft.Extensions.Logging.Abstractions;
using static Hosting.Tests.Transport.TestDoor;

namespace Hosting.Tests.Transport;

/// <summary>What real sockets do when their other end does not do its part.</summary>
public sealed class TransportFaultTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private static readonly TransportOptions Quick = new()
    {
        PingAfter = TimeSpan.FromSeconds(1),
        PingTimeout = TimeSpan.FromSeconds(1),
        ConnectTimeout = TimeSpan.FromSeconds(2),
    };

    // Ping and its answer's time-out by the clock of a busy machine.
    private const double NoticedWithin = 12;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_dies_in_mid_call_is_unavailable_and_may_have_run_it(bool certificates)
    {
        await using var network = new HttpNetwork(certificates, Quick);
        var (arrived, never) = (new TaskCompletionSource(), new TaskCompletionSource<NodeAnswer>());
        var address = await network.Start("b", new TestDoor
        {
            OnAsk = (_, _, _) =>
            {
                arrived.SetResult();
                return never.Task;
            },
        });
        await using var wire = new TcpProxy(address);
        var ask = network.LinkOf("a").Ask("b", wire.Address, Request(seconds: 300), None);
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
        wire.Cut();
        var error = await Fails(ask.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System));
        Assert.Equal((Refusal.Unavailable, true), (error.Why, error.MayHaveRun));
        Assert.Contains("node 'b'", error.Message, StringComparison.Ordinal);
        Assert.Contains("may have been carried out", error.Message, StringComparison.Ordinal);
        never.SetResult(Echo(Request()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_is_stopped_in_mid_call_is_noticed_long_before_the_deadline_and_so_is_one_at_connect(bool certificates)
    {
        await using var network = new HttpNetwork(certificates, Quick);
        var (arrived, never) = (new TaskCompletionSource(), new TaskCompletionSource<NodeAnswer>());
        var address = await network.Start("b", new TestDoor
        {
            OnAsk = (_, _, _) =>
            {
                arrived.TrySetResult();
                return never.Task;
            },
        });
        await using var wire = new TcpProxy(address);
        var link = network.LinkOf("a");
        var ask = link.Ask("b", wire.Address, Request(seconds: 300), None);
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
        wire.Freeze();
        var begun = Stopwatch.StartNew();
        var error = await Fails(ask.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System));
        Assert.Equal((Refusal.Unavailable, true), (error.Why, error.MayHaveRun));
        Assert.InRange(begun.Elapsed.TotalSeconds, 0.9, NoticedWithin);
        begun.Restart();
        ask = link.Ask("b", wire.Address, Request(seconds: 300), None);
        error = await Fails(ask.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System));
        Assert.Equal(Refusal.Unavailable, error.Why);
        Assert.InRange(begun.Elapsed.TotalSeconds, 0.5, NoticedWithin);
        never.SetResult(Echo(Request()));
    }

    [Fact]
    public async Task A_node_that_came_back_is_asked_without_further_ado()
    {
        await using var network = new HttpNetwork(certificates: false, Quick);
        var port = 0;
        var link = network.LinkOf("a");
        for (var life = 0; life < 3; life++)
        {
            var options = network.OptionsOf("b") with { Port = port };
            var identities = TransportIdentities.Open(options, "b", TimeProvider.System, network.Log);
            await using var server = await NodeServer.Start(
                options, "b", new TestDoor(), identities, TimeProvider.System, network.Log, None);
            port = int.Parse(server.Address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
            while (true)
            {
                try
                {
                    Assert.Equal("hello", Text(await link.Ask("b", server.Address, Request(), None)));
                    break;
                }
                catch (NodeLinkException e) when (life > 0)
                {
                    // The connection to the life before may be found broken only now.
                    Assert.Equal(Refusal.Unavailable, e.Why);
                }
            }
        }
    }

    [Fact]
    public async Task The_spans_of_both_nodes_are_of_one_trace()
    {
        await using var network = new HttpNetwork(certificates: false);
        var door = new TestDoor();
        var address = await network.Start("b", door);
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == AthanorTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await network.LinkOf("a").Ask("b", address, Request() with { TraceParent = Parent }, None);
        var mine = ended.Where(a => a.TraceId.ToHexString() == "0af7651916cd43dd8448eb211c80319c").ToList();
        var ask = Assert.Single(mine, a => a.OperationName == "transport.ask");
        var answer = Assert.Single(mine, a => a.OperationName == "transport.answer");
        Assert.Equal(("b7ad6b7169203331", ask.SpanId), (ask.ParentSpanId.ToHexString(), answer.ParentSpanId));
        Assert.Equal((ActivityKind.Client, ActivityKind.Server), (ask.Kind, answer.Kind));
        // What the door does becomes a part of the answer's span.
        Assert.Equal(answer.Id, Assert.Single(door.Asked).Request.TraceParent);
    }

    [Fact]
    public async Task What_is_no_envelope_is_refused_and_the_node_goes_on()
    {
        await using var network = new HttpNetwork(certificates: false);
        var door = new TestDoor();
        var address = await network.Start("b", door);
        using var http = new HttpClient();
        async Task<(HttpStatusCode, string)> Post(string path, byte[] body, string to = "b", string deadline = "1000")
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, $"http://{address}{path}")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(body),
            };
            message.Headers.Add(NodeProtocol.FromHeader, "a");
            message.Headers.Add(NodeProtocol.ToHeader, to);
            message.Headers.Add(NodeProtocol.DeadlineHeader, deadline);
            using var response = await http.SendAsync(message);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }
        var good = NodeEnvelope.Write(Request());
        var later = good.ToArray();
        // {0: version, ...}: a map of 10 pairs, the key 0, the version.
        later[2] = 2;
        (HttpStatusCode Status, string Reason)[] answers =
        [
            await Post(NodeProtocol.AskPath, [0xc1]), await Post(NodeProtocol.AskPath, later), await Post(NodeProtocol.AskPath, good[..^1]),
            await Post(NodeProtocol.HintPath, [0x80]), await Post(NodeProtocol.AskPath, good, deadline: "0"),
            await Post("/v2/ask", good), await Post(NodeProtocol.AskPath, good, to: "c"),
            await Post(NodeProtocol.AskPath, new byte[5 << 20]), await Post(NodeProtocol.AskPath, good),
        ];
        Assert.Equal([400, 400, 400, 400, 400, 404, 403, 413, 200], answers.Select(a => (int)a.Status));
        Assert.Contains("reads envelopes of version 1, not 2", answers[1].Reason, StringComparison.Ordinal);
        Assert.Contains("a hint lacks key 0", answers[3].Reason, StringComparison.Ordinal);
        Assert.Contains("this is node 'b', not 'c'", answers[6].Reason, StringComparison.Ordinal);
        Assert.Single(door.Asked);
        await network.Log.Until("Node a sent what this build cannot read");
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("::")]
    public void A_node_without_a_certificate_listens_to_its_own_machine_only(string address)
    {
        var error = Assert.Throws<ConfigurationException>(
            () => TransportIdentities.Open(new TransportOptions { Address = address }, "a", TimeProvider.System, NullLogger.Instance));
        Assert.Contains($"athanor.transport.address: {address} can be reached from other machines", error.Message,
            StringComparison.Ordinal);
        Assert.Contains("athanor certificates", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_without_a_certificate_calls_only_its_own_machine()
    {
        await using var network = new HttpNetwork(certificates: false);
        var error = await Fails(network.LinkOf("a").Ask("b", "192.0.2.1:7450", Request(), None));
        Assert.Equal((Refusal.Unavailable, false), (error.Why, error.MayHaveRun));
        Assert.Contains("is on another machine, and this node has no certificate", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "127.0.0.1", "127.0.0.1:7")]
    [InlineData("pod-3.cluster", "0.0.0.0", "pod-3.cluster:7")]
    [InlineData("pod-3:99", "0.0.0.0", "pod-3:99")]
    [InlineData("fd00::5", "::", "[fd00::5]:7")]
    [InlineData("[fd00::5]:99", "::", "[fd00::5]:99")]
    public void What_a_node_advertises_has_a_port(string advertise, string address, string expected) =>
        Assert.Equal(expected, NodeServer.Advertised(new TransportOptions { Advertise = advertise, Address = address }, 7));
}
