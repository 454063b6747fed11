using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using static Hosting.Tests.Runtime.TestCluster;

namespace Hosting.Tests.Runtime;

public sealed class EmbeddedClusterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_command_is_answered_after_its_commit_and_survives_a_restart()
    {
        var cluster = await Start(_directory.Path);
        Assert.Equal(3, await cluster.Add("a", 3));
        Assert.Equal(5, await cluster.Add("a", 2));
        await using var again = await cluster.Restart();
        Assert.Equal(5, (await again.Look("a")).Value);
        var description = Assert.IsType<Description>(await again.Client.Query(Counter("a"), new Describe()));
        Assert.Equal(2, description.EventNumber);
        Assert.Contains("\"value\":5", description.Json);
        Assert.Equal(["a"], (await again.Client.List("default", "counters")).Select(e => e.Address.Id));
    }

    [Fact]
    public async Task The_same_key_has_effect_once_even_across_a_restart()
    {
        var key = Guid.CreateVersion7();
        var cluster = await Start(_directory.Path);
        Assert.Equal(3, await cluster.Add("a", 3, key));
        Assert.Equal(3, await cluster.Add("a", 3, key));
        await using var again = await cluster.Restart();
        Assert.Equal(3, await again.Add("a", 3, key));
        Assert.Equal(3, (await again.Look("a")).Value);
        Assert.Equal("conflict", Assert.IsType<Rejected>(await again.Client.Ask(Counter("a"), new Add(4), key)).Code);
        Assert.Equal("invalid", Assert.IsType<Rejected>(await again.Client.Ask(Counter("a"), new Add(4), Guid.NewGuid())).Code);
    }

    [Fact]
    public async Task A_refusal_and_a_broken_decider_are_answers()
    {
        await using var cluster = await Start(_directory.Path);
        Assert.Equal("an amount is not negative", Assert.IsType<Rejected>(await cluster.Ask("a", new Add(-1))).Reason);
        Assert.Contains("this decider is broken", Assert.IsType<Rejected>(await cluster.Ask("a", new Explode())).Reason);
        Assert.Equal(1, await cluster.Add("a", 1));
    }

    [Fact]
    public async Task Tells_reach_other_entities_and_timers_fire_after_a_restart()
    {
        var cluster = await Start(_directory.Path);
        await cluster.Ask("a", new Share("b", 4));
        await cluster.Until("b", s => s.Value == 4);
        await cluster.Ask("c", new Remind(TimeSpan.FromSeconds(1), 9));
        await using var again = await cluster.Restart();
        await again.Until("c", s => s.Value == 9);
    }

    [Fact]
    public async Task A_host_that_only_appends_fires_no_timer_and_does_no_work()
    {
        var cluster = await Start(_directory.Path, EmbeddedRole.AppendOnly);
        await cluster.Ask("a", new Remind(TimeSpan.Zero, 9));
        await cluster.Work("a", "w", new Act("echo"));
        // Enough commits to give a timer or a slot its turn.
        for (var i = 1; i <= 20; i++) Assert.Equal(i, await cluster.Add("b", 1));
        var seen = await cluster.Look("a");
        Assert.Equal((0, 0), (seen.Value, seen.Ended.Count));
        Assert.Equal(WorkStatus.Pending, Assert.Single(await cluster.Cluster.Store.ListWork(null, default)).Status);
        await using var again = await cluster.Restart();
        await again.Until("a", s => s.Value == 9 && s.Ended.ContainsKey("w"));
    }

    [Fact]
    public async Task Requests_of_one_kind_are_computed_together_and_a_bad_one_fails_alone()
    {
        await using var cluster = await Start(_directory.Path);
        cluster.Squares.Gate.Reset();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => cluster.Ask($"e{i}", new SquareIt(i))));
        cluster.Squares.Gate.Set();
        for (var i = 0; i < 40; i++)
        {
            if (i == 13) Assert.Contains("13 has no square", await cluster.Ended("e13", "square"));
            else Assert.Equal(i * i, (await cluster.Until($"e{i}", s => s.Squares.Length == 1)).Squares[0]);
        }
        lock (cluster.Squares.Batches) Assert.True(cluster.Squares.Batches.Max() > 4, string.Join(' ', cluster.Squares.Batches));
    }

    [Fact]
    public async Task Compute_that_was_not_done_is_asked_for_again_after_a_restart()
    {
        var cluster = await Start(_directory.Path);
        cluster.Squares.Gate.Reset();
        await cluster.Ask("a", new SquareIt(6));
        await cluster.Squares.Begun.Task.WaitAsync(Long);
        await using var again = await cluster.Restart();
        Assert.Equal(36, (await again.Until("a", s => s.Squares.Length == 1)).Squares[0]);
    }

    [Fact]
    public async Task A_drain_loses_nothing_that_was_answered()
    {
        var cluster = await Start(_directory.Path);
        var acknowledged = new long[16];
        var senders = Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
        {
            try
            {
                while (true) Volatile.Write(ref acknowledged[i], await cluster.Add($"e{i}", 1));
            }
            catch (StoreException)
            {
                // The cluster ended under it: that one was not answered.
            }
        })).ToArray();
        while (Enumerable.Range(0, 16).Min(i => Volatile.Read(ref acknowledged[i])) < 20) await Task.Yield();
        await cluster.DisposeAsync();
        await Task.WhenAll(senders).WaitAsync(Long);
        await using var again = await Start(_directory.Path);
        for (var i = 0; i < 16; i++) Assert.InRange((await again.Look($"e{i}")).Value, acknowledged[i], acknowledged[i] + 1);
    }

    [Fact]
    public async Task An_ask_without_an_answer_ends_with_a_diagnosis()
    {
        await using var cluster = await Start(
            // Long enough for the entity to be read and to stash, on a busy machine too.
            _directory.Path, change: o => o with { Entities = o.Entities with { AskTimeout = TimeSpan.FromSeconds(3) } });
        var e = await Assert.ThrowsAsync<AskTimeoutException>(() => cluster.Ask("a", new Hold()));
        foreach (var part in (string[])["default/counters/a", "shard ", "owner embedded", "epoch ", "mailbox", "1 stashed", "commits", "slots 0/2"])
            Assert.Contains(part, e.Message);
        Assert.NotNull(e.Key);
    }

    [Fact]
    public async Task A_full_store_is_one_clear_error_and_loses_nothing_acknowledged()
    {
        const int Entities = 32;
        var acknowledged = new long[Entities];
        await using (var cluster = await Start(_directory.Path, EmbeddedRole.AppendOnly, change: o => o with
        {
            Store = o.Store with { MaxSizeBytes = 300 << 10, Timeout = TimeSpan.FromSeconds(2) },
            Node = o.Node with { DrainTimeout = TimeSpan.FromSeconds(1) },
        }))
        {
            var failures = await Task.WhenAll(Enumerable.Range(0, Entities).Select(i => Record.ExceptionAsync(async () =>
            {
                while (true) acknowledged[i] = await cluster.Add($"e{i}", 1);
            }))).WaitAsync(Long);
            Assert.All(failures, f => Assert.IsType<StoreException>(f));
            var e = failures[0]!;
            Assert.Contains("journal.db", e.Message);
            Assert.Contains("full", e.Message);
            Assert.False(cluster.Cluster.Health.Ready);
            Assert.True(cluster.Cluster.Health.Live);
        }
        Assert.True(acknowledged.Sum() > 0);
        await using var again = await Start(_directory.Path);
        for (var i = 0; i < Entities; i++) Assert.InRange((await again.Look($"e{i}")).Value, acknowledged[i], acknowledged[i] + 1);
        Assert.InRange(await again.Add("e0", 1), acknowledged[0] + 1, acknowledged[0] + 2);
    }

    [Fact]
    public async Task A_timer_that_rings_early_is_set_again()
    {
        await using var cluster = await Start(_directory.Path, time: new EarlyTimers());
        await cluster.Ask("a", new Remind(TimeSpan.FromSeconds(0.5), 9));
        // Nothing but the timer moves the loop: a query would.
        var mail = cluster.Cluster.Store;
        using var patience = new CancellationTokenSource(Long);
        while ((await mail.ListEntities("default", "counters", patience.Token)).All(h => h.EntityNumber == 0))
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
        Assert.Equal(9, (await cluster.Look("a")).Value);
    }

    [Fact]
    public async Task Health_says_ready_and_then_why_not()
    {
        var cluster = await Start(_directory.Path);
        var health = cluster.Cluster.Health;
        Assert.Equal((true, true, ""), (health.Live, health.Ready, health.Reason));
        Assert.Equal(health.Shards, health.OpenShards);
        await cluster.DisposeAsync();
        Assert.Equal((false, "draining"), (cluster.Cluster.Health.Ready, cluster.Cluster.Health.Reason));
    }

    [Fact]
    public async Task A_second_host_of_the_same_directory_is_refused()
    {
        await using var cluster = await Start(_directory.Path);
        var e = await Assert.ThrowsAsync<StateLockedException>(() => Start(_directory.Path));
        Assert.Contains(Environment.ProcessId.ToString(), e.Message);
    }

    /// <summary>The system's timers count whole milliseconds and may ring a little early; these always do, and by much.</summary>
    private sealed class EarlyTimers : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Early(System.CreateTimer(callback, state, Shorten(dueTime), period));

        private static TimeSpan Shorten(TimeSpan due) => due > TimeSpan.Zero ? due * 0.7 : due;

        private sealed class Early(ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(Shorten(dueTime), period);

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
