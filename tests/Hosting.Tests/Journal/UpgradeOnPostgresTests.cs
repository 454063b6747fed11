using System.Collections.Concurrent;
using Athanor.Actors;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Protocol;
using Hosting.Tests.Runtime;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using Added = Hosting.Tests.Runtime.Added;
using CounterDecider = Hosting.Tests.Runtime.CounterDecider;
using CounterState = Hosting.Tests.Runtime.CounterState;

namespace Hosting.Tests.Journal;

/// <summary>Adds as <see cref="Add"/> does, by an event of a kind that only the newer build knows.</summary>
[Message("tests.add-newly")]
public sealed record AddNewly([property: Key(0)] int Amount) : ICommand;

/// <summary>Two builds on one database: one knows a kind that the other does not. Nodes are replaced and put back under load.</summary>
public sealed class UpgradeOnPostgresTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ConcurrentDictionary<string, long> _acknowledged = new();
    private ManyNodes _nodes = null!;

    public async Task InitializeAsync()
    {
        var connection = await SharedPostgres.NewDatabase();
        _nodes = new ManyNodes(_directory.Path, () => PostgresStore.Open(
            new PostgresStoreOptions { Connection = connection, ShardCount = 4, Migrate = MigrateMode.Auto }, TimeProvider.System)
            .ContinueWith(static IStore (t) => t.GetAwaiter().GetResult(), TaskScheduler.Default));
    }

    public async Task DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Nodes_are_upgraded_and_rolled_back_under_load_and_nothing_is_lost_or_doubled()
    {
        var a = await Older("a");
        var b = await Older("b");
        using var stop = new CancellationTokenSource();
        // Clients talk to whichever node is up.
        var entry = b;
        var load = Enumerable.Range(0, 3).Select(i => Load($"c{i}", () => entry, stop.Token)).ToList();
        await Progress(10);

        await a.DisposeAsync();
        a = await Newer("a");
        await Progress(10);
        // Whichever node owns the counter: the older does not know the command, the newer may not write its event.
        Assert.IsType<Rejected>(await a.Client.Ask(TestCluster.Counter("new"), new AddNewly(1)));
        // Rolled back, and upgraded again.
        await a.DisposeAsync();
        a = await Older("a");
        await Progress(10);
        await a.DisposeAsync();
        a = await Newer("a");
        await Progress(10);

        var refused = await Assert.ThrowsAsync<StoreException>(
            () => FeatureLevels.Raise(a.Store, SlotMain.Messages, 1, CancellationToken.None));
        Assert.Contains("the node b", refused.Message, StringComparison.Ordinal);
        entry = a;
        await b.DisposeAsync();
        b = await Newer("b");
        await FeatureLevels.Raise(a.Store, SlotMain.Messages, 1, CancellationToken.None);
        await Until(async () => await a.Client.Ask(TestCluster.Counter("new"), new AddNewly(1)) is Total);
        await Progress(10);
        var late = await Assert.ThrowsAsync<StoreException>(() => Older("c"));
        Assert.Contains("knows levels up to 0", late.Message, StringComparison.Ordinal);

        await stop.CancelAsync();
        await Task.WhenAll(load);
        foreach (var (id, amount) in _acknowledged)
            Assert.Equal(amount, Assert.IsType<Seen>(await b.Client.Query(TestCluster.Counter(id), new Look(), consistent: true)).Value);
        Assert.Empty(await a.Store.Verify(CancellationToken.None).ToListAsync());
    }

    private Task<HostedCluster> Older(string name) => _nodes.Start(name, parts: static p => p with { FeatureLevel = 0 });

    private Task<HostedCluster> Newer(string name) => _nodes.Start(name, parts: static p => p with { Deciders = [new NewerDecider()] });

    /// <summary>Adds one at a time, each under a key of its own until it is answered: the sum must be the number of answers.</summary>
    private async Task Load(string id, Func<HostedCluster> node, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var key = Guid.CreateVersion7();
            while (true)
            {
                try
                {
                    if (await node().Client.Ask(TestCluster.Counter(id), new Add(1), key, CancellationToken.None) is Total) break;
                }
                catch (Exception e) when (e is StoreException or AskTimeoutException or TimeoutException or ObjectDisposedException)
                {
                    // Its node ended; the same key goes to the next one.
                }
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
            }
            _acknowledged.AddOrUpdate(id, 1, static (_, n) => n + 1);
        }
    }

    private async Task Progress(long more)
    {
        var from = _acknowledged.ToDictionary();
        await Until(() => Task.FromResult(
            _acknowledged.Count == 3 && _acknowledged.All(c => c.Value >= from.GetValueOrDefault(c.Key) + more)));
    }

    private async Task Until(Func<Task<bool>> wanted)
    {
        using var patience = new CancellationTokenSource(TestCluster.Long);
        while (!await wanted())
        {
            if (patience.IsCancellationRequested)
                throw new TimeoutException($"acknowledged: {string.Join(", ", _acknowledged)}\n{string.Join('\n', _nodes.Said.TakeLast(40))}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>The counter's rules as a later build has them.</summary>
    private sealed class NewerDecider : Decider<CounterState>
    {
        private readonly CounterDecider _rules = new();

        public override string Family => _rules.Family;

        public override CounterState Initial(EntityAddress address) => _rules.Initial(address);

        public override IReadOnlyList<Effect> Decide(CounterState state, ICommand command, DecisionContext context) => command is AddNewly a
            ? [new Effect.Persist(new OfLevelOne(a.Amount)), new Effect.Reply(new Total(state.Value + a.Amount))]
            : _rules.Decide(state, command, context);

        public override CounterState Apply(CounterState state, IEvent @event) =>
            @event is OfLevelOne o ? state with { Value = state.Value + o.Value } : _rules.Apply(state, @event);

        public override IReply Answer(CounterState state, IQuery query) => _rules.Answer(state, query);

        public override IReadOnlyList<Effect.StartCompute> Awaiting(CounterState state) => _rules.Awaiting(state);
    }
}
