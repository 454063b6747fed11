using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Actors.Tests.Evolution;

/// <summary>Whole runs with peers of every conduct, in many orders of arrival.</summary>
public class PopulationRunTests
{
    private static readonly string[] Names = ["anna", "boris", "chen", "dora"];

    /// <summary>What the demo's result hash covers, but for the set of barred peers.</summary>
    private static string Outcome(PopulationWorld world)
    {
        var view = world.View;
        var lines = view.Applied.Select(a =>
            $"{a.Number} [{string.Join(',', a.Parents)}] {string.Join('-', a.Genome.Widths)} {a.Genome.LearningRate:R} {a.Error:R} {a.Parameters}");
        return string.Join('\n', lines) + $"\n{string.Join(',', view.Archive)}\n{string.Join(',', view.Front)}\n"
            + string.Join(',', view.Hypervolumes.Select(h => h.ToString("R")));
    }

    private static PopulationWorld Run(ulong seed, double earlyTimers, params (string, Conduct)[] conduct) =>
        new PopulationWorld(PopulationWorld.Spec(), conduct.ToDictionary(), seed, earlyTimers).Run();

    [Fact]
    public void Honest_peers_finish_without_a_dispute_and_share_the_work()
    {
        var world = Run(1, 0);

        Assert.Equal(24, world.State.Applied);
        Assert.Equal(0, world.State.Refereed);
        Assert.Equal(2 * 24, world.State.Audits);
        Assert.Empty(world.View.Barred);
        Assert.All(Names, name => Assert.Equal(new Reputation(6, 0), world.Peer(name).Reputations["cpu/evolution"]));
        Assert.All(Names, name => Assert.Empty(world.Peer(name).Claims));
        Assert.Equal(24, world.State.Hypervolumes.Length);
        Assert.Equal(world.State.Hypervolumes.Order(), world.State.Hypervolumes);
        // Everything is applied: nothing is out, nothing is kept of claims and audits.
        Assert.Empty(world.Work);
        Assert.All(world.State.Candidates.Values, c => Assert.Null(c.Claim));
    }

    [Fact]
    public void Archive_and_lineage_do_not_depend_on_the_order_of_arrival_on_conduct_or_on_timers()
    {
        var expected = Outcome(Run(1, 0));
        var conducts = Gen.Elements(Enum.GetValues<Conduct>()).ArrayOf(3);
        var cases = conducts.SelectMany(c => Gen.Choose(0, int.MaxValue).Select(seed => (c, seed)))
            .SelectMany(t => Gen.Elements(0.0, 0.05).Select(early => (t.c, t.seed, early))).ToArbitrary();

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(25), Prop.ForAll(cases, t =>
        {
            // One peer of the four stays honest; the others are as they are.
            var world = Run((ulong)t.seed, t.early, ("anna", t.c[0]), ("boris", t.c[1]), ("dora", t.c[2]));
            var honest = Names.Where((n, i) => n == "chen" || t.c[i > 2 ? 2 : i] is Conduct.Honest or Conduct.Silent);
            return Outcome(world) == expected && !honest.Any(world.View.Barred.ContainsKey);
        }));
    }

    [Fact]
    public void The_secret_moves_work_between_peers_and_changes_no_result()
    {
        var a = new PopulationWorld(PopulationWorld.Spec(), new Dictionary<string, Conduct>(), 1, secret: "a").Run();
        var b = new PopulationWorld(PopulationWorld.Spec(), new Dictionary<string, Conduct>(), 1, secret: "b").Run();

        Assert.NotEqual(a.View.Applied.Select(c => c.Evaluator), b.View.Applied.Select(c => c.Evaluator));
        Assert.Equal(Outcome(a), Outcome(b));
    }

    [Theory]
    [InlineData(Conduct.Forges)]
    [InlineData(Conduct.PoisonedBest)]
    [InlineData(Conduct.LazyVerifier)]
    public void A_cheat_is_caught_in_every_order_of_arrival_and_nobody_else_is_accused(Conduct cheat)
    {
        for (var seed = 1UL; seed <= 10; seed++)
        {
            var world = Run(seed, 0, ("chen", cheat));

            Assert.Equal(["chen"], world.View.Barred.Keys);
            Assert.Equal(PeerStatus.Quarantined, world.Peer("chen").Status);
            Assert.Contains("candidate", world.Peer("chen").Reason);
            Assert.DoesNotContain(world.View.Applied, a => a.Evaluator == "chen" && cheat != Conduct.LazyVerifier);
        }
    }

    [Fact]
    public void A_forged_claim_leaves_no_trace_but_its_verdict()
    {
        var world = Run(3, 0, ("chen", Conduct.Forges));

        var forged = Assert.Single(world.View.Verdicts, v => v.Outcome == Protocol.Evolution.Outcome.Forged);
        Assert.Equal("chen", forged.Prover);
        Assert.Contains("the node's replay is", forged.Reason);
        Assert.Equal(Outcome(Run(1, 0)), Outcome(world));
        // Whatever else it had claimed or begun by then was computed again by others.
        Assert.All(
            world.View.Verdicts.Where(v => v.Prover == "chen" && v != forged), v => Assert.Equal(Protocol.Evolution.Outcome.Voided, v.Outcome));
    }

    [Fact]
    public void A_poisoned_best_is_never_applied_and_does_not_stall_the_run()
    {
        var world = Run(5, 0, ("boris", Conduct.PoisonedBest));

        Assert.Contains(world.View.Verdicts, v => v is { Prover: "boris", Outcome: Protocol.Evolution.Outcome.Forged, ClaimedError: 0 });
        Assert.DoesNotContain(world.View.Applied, a => a.Error == 0);
        Assert.Equal(24, world.State.Applied);
        Assert.Equal(Outcome(Run(1, 0)), Outcome(world));
    }

    [Fact]
    public void A_segment_skipped_in_the_middle_is_found_when_the_challenge_draws_it()
    {
        var spec = PopulationWorld.Spec(extraSegments: 2);
        var world = new PopulationWorld(spec, new Dictionary<string, Conduct> { ["dora"] = Conduct.SkipsMiddle }, 1).Run();

        Assert.Equal(["dora"], world.View.Barred.Keys);
        Assert.Equal(Outcome(Run(1, 0)), Outcome(world));
    }

    [Fact]
    public void Two_peers_that_only_hear_silence_from_the_others_finish_the_run()
    {
        var world = Run(2, 0, ("anna", Conduct.Silent), ("boris", Conduct.Silent));

        Assert.Equal(24, world.State.Applied);
        Assert.Empty(world.View.Barred);
        Assert.Contains(world.View.Verdicts, v => v is { Prover: "anna", Outcome: Protocol.Evolution.Outcome.Silent });
        Assert.Equal(Outcome(Run(1, 0)), Outcome(world));
    }

    [Fact]
    public void Without_an_honest_peer_the_node_does_the_work_itself()
    {
        var world = Run(4, 0, [.. Names.Select(n => (n, Conduct.Forges))]);

        Assert.Equal(Names, world.View.Barred.Keys);
        Assert.All(world.View.Applied, a => Assert.Equal("", a.Evaluator));
        Assert.Equal(Outcome(Run(1, 0)), Outcome(world));
    }

    [Fact]
    public void A_replay_of_the_journal_gives_the_live_state()
    {
        var world = Run(6, 0.05, ("chen", Conduct.Forges), ("dora", Conduct.Silent));
        var decider = new Athanor.Actors.Evolution.PopulationDecider();
        var state = decider.Initial(PopulationWorld.Population);
        foreach (var (entity, @event) in world.Journal)
        {
            if (entity == PopulationWorld.Population) state = decider.Apply(state, @event);
        }
        var messages = Athanor.Protocol.MessageRegistry.Of(Athanor.Protocol.ProtocolMessages.AddTo, Athanor.Actors.ActorsMessages.AddTo);

        Assert.Equal(messages.Encode(world.State), messages.Encode(state));
    }
}
