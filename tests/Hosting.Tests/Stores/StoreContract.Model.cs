using Athanor.Hosting.Stores;
using FsCheck;
using FsCheck.Fluent;

namespace Hosting.Tests.Stores;

/// <summary>The order of work against a plain model: lists, and the rule as it is written down in docs/operations/work.md.</summary>
public abstract partial class StoreContract
{
    [Fact]
    public void Leases_follow_a_plain_model_of_priority_shares_and_age() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(), seed => LeaseLikeTheModel(seed).GetAwaiter().GetResult())
        .Check(Config.QuickThrowOnFailure.WithMaxTest(3));

    private async Task LeaseLikeTheModel(int seed)
    {
        var random = new System.Random(seed);
        var (store, driver) = await Create();
        await using var _ = store;
        var model = new PlainSchedule(Policy);
        for (var step = 0; step < 50; step++)
        {
            Time.Now += TimeSpan.FromSeconds(random.Next(40));
            switch (random.Next(3))
            {
                case 0:
                    var (tenant, count, priority) = ((string[])["heavy", "light", "third"], random.Next(1, 5), random.Next(3));
                    var name = tenant[random.Next(3)];
                    await Dispatch(driver, name, count, row => row with { Priority = priority }, $"s{step}-");
                    for (var i = 0; i < count; i++) model.Add(name, $"{name}-s{step}-{i}", priority, Time.Now);
                    break;
                default:
                    var free = random.Next(1, 4);
                    var leases = await store.LeaseWork(Offer("node-a", free), None);
                    var expected = model.Take(free, Time.Now);
                    Assert.True(
                        expected.SequenceEqual(leases.Select(lease => lease.Work.Name)),
                        $"seed {seed}, step {step}: {string.Join(' ', leases.Select(lease => lease.Work.Name))} where "
                        + $"{string.Join(' ', expected)} was due");
                    // Done at once, so that no lease ends.
                    foreach (var lease in leases)
                        Assert.True(await store.CompleteWork(lease.Work.Id, lease.Token, StoreDriver.Message("done"), None));
                    break;
            }
        }
    }

    private sealed class PlainSchedule(WorkPolicy policy)
    {
        private readonly List<(string Tenant, string Name, int Priority, DateTimeOffset Created)> _waiting = [];
        private readonly Dictionary<string, double> _ends = [];
        private readonly Dictionary<string, DateTimeOffset> _served = [];
        private double _virtual;

        public void Add(string tenant, string name, int priority, DateTimeOffset now) => _waiting.Add((tenant, name, priority, now));

        public List<string> Take(int count, DateTimeOffset now)
        {
            var taken = new List<string>();
            while (taken.Count < count && _waiting.Count > 0)
            {
                var turn = _waiting.Select(static row => row.Tenant).Distinct().Select(tenant =>
                {
                    var rows = _waiting.Where(row => row.Tenant == tenant).ToList();
                    var since = rows.Min(static row => row.Created);
                    if (_served.TryGetValue(tenant, out var served) && served > since) since = served;
                    var first = rows.OrderByDescending(row => row.Priority + Steps(now - row.Created)).First();
                    return (Tenant: tenant, Class: rows.Max(static row => row.Priority) + Steps(now - since),
                        Start: Math.Max(_virtual, _ends.GetValueOrDefault(tenant)), First: first);
                }).OrderByDescending(static t => t.Class).ThenBy(static t => t.Start).ThenBy(t => _waiting.IndexOf(t.First)).First();
                _waiting.Remove(turn.First);
                taken.Add(turn.First.Name);
                _virtual = turn.Start;
                // Units of 2^-20, as the shares are kept: 1/3 is rounded down there.
                _ends[turn.Tenant] = turn.Start + Math.Floor((double)(1 << 20) / policy.Weights.GetValueOrDefault(turn.Tenant, 1));
                _served[turn.Tenant] = now;
            }
            return taken;
        }

        private long Steps(TimeSpan waited) => (long)Math.Floor(waited / policy.Aging);
    }
}
