using System.Collections.Concurrent;
using System.Diagnostics;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using static Hosting.Tests.Transport.TestDoor;

namespace Hosting.Tests.Transport;

/// <summary>What every transport does. A subclass says how nodes are connected.</summary>
public abstract class TransportContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    private protected abstract ITestNetwork Create();

    [Fact]
    public async Task A_request_arrives_with_all_that_it_says()
    {
        await using var network = Create();
        var door = new TestDoor();
        var address = await network.Start("b", door);
        var key = Guid.CreateVersion7();
        var sent = new NodeRequest(
            new EntityAddress("plant", "twins", "unit-7"), new StoredMessage("twins.measure", 2, new byte[] { 1, 2, 0xff }), true, true,
            key, "operator@plant", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TimeSpan.FromSeconds(17.25),
            new ClientOrder("session", 12, 9));
        await network.LinkOf("a").Ask("b", address, sent, None);
        var (from, got) = Assert.Single(door.Asked);
        Assert.Equal("a", from);
        Assert.Equal(sent.Message.Body.ToArray(), got.Message.Body.ToArray());
        Assert.Equal(sent with { Message = got.Message }, got);
        Assert.Equal((sent.Message.Kind, sent.Message.Version), (got.Message.Kind, got.Message.Version));
    }

    [Fact]
    public async Task A_command_without_a_key_and_a_session_arrives_without_them()
    {
        await using var network = Create();
        var door = new TestDoor();
        var address = await network.Start("b", door);
        await network.LinkOf("a").Ask("b", address, Request(), None);
        var got = Assert.Single(door.Asked).Request;
        Assert.Equal((null, null, null, false, false), (got.Key, got.Order, got.TraceParent, got.IsQuery, got.Consistent));
    }

    [Fact]
    public async Task A_wrong_owner_answers_with_the_right_one_which_can_be_asked_under_the_same_key()
    {
        await using var network = Create();
        var right = new TestDoor();
        var rightAddress = await network.Start("c", right);
        var wrong = new TestDoor { OnAsk = (_, _, _) => Task.FromResult(NotMine("c", rightAddress)) };
        var wrongAddress = await network.Start("b", wrong);
        var request = Request(key: Guid.CreateVersion7());
        var link = network.LinkOf("a");
        var first = await link.Ask("b", wrongAddress, request, None);
        Assert.Equal((null, Refusal.NotOwner, "'c' owns it", "c", rightAddress),
            (first.Reply, first.Why, first.Reason, first.OwnerNode, first.OwnerAddress));
        var second = await link.Ask(first.OwnerNode!, first.OwnerAddress!, request, None);
        Assert.Equal("hello", Text(second));
        Assert.Equal(request.Key, Assert.Single(right.Asked).Request.Key);
    }

    [Fact]
    public async Task Every_refusal_and_its_reason_comes_back()
    {
        await using var network = Create();
        var door = new TestDoor
        {
            OnAsk = static (_, request, _) =>
                Task.FromResult(new NodeAnswer(null, Enum.Parse<Refusal>(System.Text.Encoding.UTF8.GetString(request.Message.Body.Span)),
                    "because – of ü")),
        };
        var address = await network.Start("b", door);
        var link = network.LinkOf("a");
        foreach (var why in Enum.GetValues<Refusal>())
        {
            var answer = await link.Ask("b", address, Request(why.ToString()), None);
            Assert.Equal((null, why, "because – of ü"), (answer.Reply, answer.Why, answer.Reason));
        }
    }

    [Fact]
    public async Task An_ask_ends_at_its_deadline_and_the_door_is_told()
    {
        await using var network = Create();
        var told = new TaskCompletionSource();
        var door = new TestDoor
        {
            OnAsk = async (_, _, cancellation) =>
            {
                try
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
                }
                finally
                {
                    told.TrySetResult();
                }
                return Echo(Request());
            },
        };
        var address = await network.Start("b", door);
        var begun = Stopwatch.StartNew();
        var ask = network.LinkOf("a").Ask("b", address, Request(seconds: 0.3), None);
        Refusal? why;
        try
        {
            why = (await ask).Why;
        }
        catch (NodeLinkException e)
        {
            why = e.Why;
        }
        Assert.Equal(Refusal.TimedOut, why);
        Assert.InRange(begun.Elapsed.TotalSeconds, 0.25, 10);
        await told.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
    }

    [Fact]
    public async Task A_door_that_hears_of_no_deadline_does_not_keep_the_caller()
    {
        await using var network = Create();
        var never = new TaskCompletionSource<NodeAnswer>();
        var address = await network.Start("b", new TestDoor { OnAsk = (_, _, _) => never.Task });
        var error = await Fails(network.LinkOf("a").Ask("b", address, Request(seconds: 0.3), None));
        Assert.Equal((Refusal.TimedOut, true), (error.Why, error.MayHaveRun));
        Assert.Contains("node 'b'", error.Message, StringComparison.Ordinal);
        never.SetResult(Echo(Request()));
    }

    [Fact]
    public async Task A_caller_that_goes_away_is_told_to_the_door()
    {
        await using var network = Create();
        var arrived = new TaskCompletionSource();
        var told = new TaskCompletionSource();
        var door = new TestDoor
        {
            OnAsk = async (_, _, cancellation) =>
            {
                arrived.SetResult();
                try
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
                }
                finally
                {
                    told.TrySetResult();
                }
                return Echo(Request());
            },
        };
        var address = await network.Start("b", door);
        using var caller = new CancellationTokenSource();
        var ask = network.LinkOf("a").Ask("b", address, Request(), caller.Token);
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ask);
        await told.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
    }

    [Fact]
    public async Task What_is_asked_one_after_the_other_arrives_in_that_order()
    {
        await using var network = Create();
        var door = new TestDoor();
        var address = await network.Start("b", door);
        var link = network.LinkOf("a");
        for (var i = 0; i < 200; i++) Assert.Equal($"{i}", Text(await link.Ask("b", address, Request($"{i}"), None)));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"{i}"),
            door.Asked.Select(a => System.Text.Encoding.UTF8.GetString(a.Request.Message.Body.Span)));
    }

    [Fact]
    public async Task One_slow_request_holds_up_no_other()
    {
        await using var network = Create();
        var gate = new TaskCompletionSource();
        var door = new TestDoor
        {
            OnAsk = async (_, request, _) =>
            {
                if (request.Message.Body.Length == 0) await gate.Task;
                return Echo(request);
            },
        };
        var address = await network.Start("b", door);
        var link = network.LinkOf("a");
        var slow = link.Ask("b", address, Request(""), None);
        var others = await Task.WhenAll(Enumerable.Range(0, 256).Select(i => link.Ask("b", address, Request($"{i}"), None)));
        Assert.Equal(Enumerable.Range(0, 256).Select(i => $"{i}"), others.Select(Text));
        Assert.False(slow.IsCompleted);
        gate.SetResult();
        Assert.Equal("", Text(await slow));
    }

    [Fact]
    public async Task Bodies_of_megabytes_go_both_ways()
    {
        await using var network = Create();
        var address = await network.Start("b", new TestDoor());
        var body = new byte[3 << 20];
        new Random(1).NextBytes(body);
        var link = network.LinkOf("a");
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => link.Ask("b", address, Request(body), None)));
        Assert.All(answers, answer => Assert.True(answer.Reply!.Value.Body.Span.SequenceEqual(body)));
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_before_it_is_sent()
    {
        await using var network = Create();
        var door = new TestDoor();
        var address = await network.Start("b", door);
        var error = await Fails(network.LinkOf("a").Ask("b", address, Request(new byte[5 << 20]), None));
        Assert.Equal((Refusal.Invalid, false), (error.Why, error.MayHaveRun));
        Assert.Contains("max-body is 4194304", error.Message, StringComparison.Ordinal);
        Assert.Empty(door.Asked);
    }

    [Fact]
    public async Task A_door_that_throws_is_an_answer()
    {
        await using var network = Create();
        var address = await network.Start("b",
            new TestDoor { OnAsk = (_, _, _) => throw new InvalidOperationException("the roof is on fire") });
        var link = network.LinkOf("a");
        for (var i = 0; i < 2; i++)
        {
            var answer = await link.Ask("b", address, Request(), None);
            Assert.Equal(Refusal.Unavailable, answer.Why);
            Assert.Contains("the roof is on fire", answer.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_node_that_is_not_there_is_unavailable_and_has_run_nothing()
    {
        await using var network = Create();
        var error = await Fails(network.LinkOf("a").Ask("b", "127.0.0.1:9", Request(), None));
        Assert.Equal((Refusal.Unavailable, false), (error.Why, error.MayHaveRun));
        Assert.Contains("node 'b' at 127.0.0.1:9", error.Message, StringComparison.Ordinal);
        Assert.Equal(Refusal.Unavailable, error.ToAnswer().Why);
    }

    [Fact]
    public async Task An_address_that_another_node_has_taken_over_is_noticed()
    {
        await using var network = Create();
        var door = new TestDoor();
        var address = await network.Start("c", door);
        var error = await Fails(network.LinkOf("a").Ask("b", address, Request(), None));
        Assert.Equal((Refusal.Unavailable, false), (error.Why, error.MayHaveRun));
        Assert.Contains("'b'", error.Message, StringComparison.Ordinal);
        Assert.Empty(door.Asked);
    }

    [Fact]
    public async Task Hints_are_gathered_while_one_is_on_its_way_and_none_is_lost()
    {
        await using var network = Create();
        using var gate = new ManualResetEventSlim();
        var seen = new ConcurrentDictionary<int, bool>();
        var all = new TaskCompletionSource();
        var door = new TestDoor
        {
            OnHint = shards =>
            {
                // The first is held until all others are waiting.
                gate.Wait(TimeSpan.FromMilliseconds(600));
                foreach (var shard in shards) seen[shard] = true;
                if (seen.Count == 64) all.TrySetResult();
            },
        };
        var address = await network.Start("b", door);
        var link = network.LinkOf("a");
        for (var i = 0; i < 6400; i++) link.Hint("b", address, [i % 64]);
        gate.Set();
        await all.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
        Assert.InRange(door.Hints.Count, 1, 400);
        Assert.All(door.Hints, hint => Assert.Equal("a", hint.From));
    }

    [Fact]
    public async Task Hints_to_a_node_that_is_down_are_dropped_and_cost_the_caller_nothing()
    {
        await using var network = Create();
        var link = network.LinkOf("a");
        var begun = Stopwatch.StartNew();
        for (var i = 0; i < 100_000; i++) link.Hint("b", "127.0.0.1:9", [i % 64]);
        Assert.InRange(begun.Elapsed.TotalSeconds, 0, 2);
        // The node comes up elsewhere: that is heard of at once.
        var hinted = new TaskCompletionSource();
        var address = await network.Start("b", new TestDoor { OnHint = _ => hinted.TrySetResult() });
        link.Hint("b", address, [5]);
        await hinted.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Asked_again_under_the_same_key_through_a_lossy_link_every_command_has_its_effect_once(int seed)
    {
        await using var network = Create();
        var done = new ConcurrentDictionary<Guid, int>();
        var runs = 0;
        var door = new TestDoor
        {
            OnAsk = (_, request, _) =>
            {
                Interlocked.Increment(ref runs);
                done.AddOrUpdate(request.Key!.Value, 1, static (_, _) => 1);
                return Task.FromResult(Echo(request));
            },
        };
        var address = await network.Start("b", door);
        var link = new LossyLink(network.LinkOf("a"), seed);
        var keys = Enumerable.Range(0, 100).Select(_ => Guid.CreateVersion7()).ToList();
        await Task.WhenAll(keys.Select(async key =>
        {
            while (true)
            {
                try
                {
                    if ((await link.Ask("b", address, Request(key: key), None)).Reply is not null) return;
                }
                catch (NodeLinkException e)
                {
                    Assert.Equal(Refusal.Unavailable, e.Why);
                }
            }
        }));
        Assert.Equal(keys.Order(), done.Keys.Order());
        Assert.True(runs > 100, $"seed {seed}: the link lost no answer in {runs} requests, so this test shows nothing");
    }
}

public sealed class InProcessTransportTests : TransportContract
{
    private protected override ITestNetwork Create() => new InProcessNetwork();
}

public sealed class HttpTransportTests : TransportContract
{
    private protected override ITestNetwork Create() => new HttpNetwork(certificates: false);
}

public sealed class TlsTransportTests : TransportContract
{
    private protected override ITestNetwork Create() => new HttpNetwork(certificates: true);
}
