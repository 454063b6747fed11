using System.Collections.Immutable;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Twins;

public sealed class UnitClusterTests : IDisposable
{
    private const int Units = 12;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Units_are_fed_asked_and_rebuilt_in_a_cluster_across_a_restart()
    {
        var plants = Enumerable.Range(0, Units).Select(i => new FedPlant(i)).ToArray();
        ImmutableArray<EstimateView> before;
        await using (var cluster = await Open())
        {
            for (var i = 0; i < Units; i++) Assert.IsType<Done>(await cluster.Client.Ask(Unit(i), new CreateUnit(UnitWorld.Spec)));
            for (var k = 0; k < 15; k++)
                await Task.WhenAll(plants.Select(async (plant, i) => Assert.Equal(new SamplesAccepted(5, 0, 0), await cluster.Client.Ask(Unit(i), plant.Next()))));
            for (var i = 0; i < Units; i++) await Until(cluster, i, 15);
            before = (await Look(cluster, 3)).Estimates;
            var written = (await Describe(cluster, 3)).EventNumber;

            var rolled = Assert.IsType<RollOut>(await cluster.Client.Query(Unit(3), Question("q", 20)));
            Assert.Equal((61, 61 * 4), (rolled.TimesS.Length, rolled.States.Length));
            Assert.InRange(rolled.States[2], before[2].Value - 0.1, before[2].Value + 0.1);
            var same = Assert.IsType<RollOut>(await cluster.Client.Query(Unit(3), Question("q", 14.19), consistent: true));
            Assert.NotEqual(rolled.States[^2], same.States[^2]);
            var refused = Assert.IsType<Rejected>(await cluster.Client.Query(Unit(3), Question("x", 20)));
            Assert.Equal("R-101 has no input 'x'; its inputs are q, Qk", refused.Reason);
            // Nothing of this is in the journal.
            Assert.Equal(written, (await Describe(cluster, 3)).EventNumber);
        }
        await using var again = await Open();
        Assert.True(before.SequenceEqual((await Look(again, 3)).Estimates));
        await again.Client.Ask(Unit(3), plants[3].Next());
        await Until(again, 3, 16);
        var (description, decider) = (await Describe(again, 3), Families.Deciders.Single(d => d.Family == "twins"));
        var history = await again.Store.ReadEntity(Unit(3), fromStart: true, default);
        Assert.Equal(description.StateHash, Replay.FromJournal(decider, new RegistryCodec(Families.Messages), Unit(3), history).StateHash);
    }

    private static EntityAddress Unit(int i) => EntityAddress.Of("twins", $"r-{i}");

    private static WhatIf Question(string input, double value) => new(
        ImmutableSortedDictionary<string, double>.Empty.Add(input, value), TimeSpan.FromMinutes(20), TimeSpan.FromSeconds(20));

    private static async Task<UnitView> Look(HostedCluster cluster, int i) =>
        Assert.IsType<UnitView>(await cluster.Client.Query(Unit(i), new UnitQuery()));

    private static async Task<Description> Describe(HostedCluster cluster, int i) =>
        Assert.IsType<Description>(await cluster.Client.Query(Unit(i), new Describe()));

    private static async Task Until(HostedCluster cluster, int i, long row)
    {
        while ((await Look(cluster, i)).Row < row) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
    }

    private Task<HostedCluster> Open() => HostedCluster.Start(
        new AthanorOptions { StateDirectory = Path.Combine(_directory.Path, "state") }, EmbeddedRole.AppendOnly, new ClusterParts());
}
