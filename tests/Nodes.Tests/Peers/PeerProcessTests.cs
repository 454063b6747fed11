using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Nodes.Tests.Peers;

/// <summary>Whole runs over real peer processes and real HTTPS.</summary>
public class PeerProcessTests
{
    private static readonly TimeSpan Patient = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_forger_among_peers_is_caught_its_poisoned_best_is_not_applied_and_the_result_is_that_of_the_node_alone()
    {
        await using var host = await PeerHost.Start();
        await using var peers = host.Peers();
        peers.Start("anna");
        peers.Start("boris");
        peers.Start("chen", "poisoned-best");

        var with = await host.Finished(await host.Begin("with", 10, Patient, "anna", "boris", "chen"));

        Assert.Equal(["chen"], with.Barred.Keys);
        Assert.Contains(with.Verdicts, v => v is { Prover: "chen", Outcome: Outcome.Forged });
        Assert.All(with.Applied, a => Assert.True(a.Error > 0));
        Assert.All(with.Applied, a => Assert.Contains(a.Evaluator, new[] { "anna", "boris" }));
        var chen = Assert.IsType<PeerView>(await host.Client.Query(EntityAddress.Of("peers", "chen"), new ShowPeer()));
        Assert.Equal(PeerStatus.Quarantined, chen.Status);
        Assert.Contains("the node's replay is", chen.Reason);

        // The forger's program is told and ends; nobody starts it again.
        using var soon = new CancellationTokenSource(TimeSpan.FromMinutes(1), TimeProvider.System);
        await peers.Ended("chen", soon.Token);

        var alone = await host.Finished(await host.Begin("alone", 10, Patient));
        Assert.All(alone.Applied, a => Assert.Equal("", a.Evaluator));
        Assert.Equal(PeerHost.Outcome(alone), PeerHost.Outcome(with));
    }

    [Fact]
    public async Task A_lazy_verifier_is_caught_by_the_referee_and_honest_claims_stand()
    {
        await using var host = await PeerHost.Start();
        await using var peers = host.Peers();
        peers.Start("anna");
        peers.Start("boris");
        peers.Start("dora", "lazy-verifier");

        var view = await host.Finished(await host.Begin("lazy", 8, Patient, "anna", "boris", "dora"));

        Assert.Equal(["dora"], view.Barred.Keys);
        Assert.True(view.Refereed > 0);
        Assert.DoesNotContain(view.Verdicts, v => v.Outcome == Outcome.Forged);
    }

    [Fact]
    public async Task A_peer_killed_in_the_middle_of_an_evaluation_is_replaced_and_nothing_is_lost()
    {
        await using var host = await PeerHost.Start();
        await using var peers = host.Peers();
        foreach (var name in new[] { "anna", "boris", "dora" }) peers.Start(name);
        var population = await host.Begin("killed", 8, TimeSpan.FromSeconds(3), "anna", "boris", "dora");
        await PeerHost.Until(
            async () => (await host.Cluster.Store.ListWork(WorkStatus.Leased, default))
                .Any(w => w.Holder == "peer/boris" && w.Work.Name.StartsWith("evaluate-", StringComparison.Ordinal)),
            () => "boris was never given an evaluation");

        await peers.Kill("boris");

        var view = await host.Finished(population);
        Assert.Equal(8, view.Applied.Length);
        Assert.Empty(view.Barred);
        Assert.Contains(view.Verdicts, v => v is { Prover: "boris", Outcome: Outcome.Silent });
        Assert.Equal(PeerHost.Outcome(await host.Finished(await host.Begin("alone", 8, Patient))), PeerHost.Outcome(view));
    }
}
