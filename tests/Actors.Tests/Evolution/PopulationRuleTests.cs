using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Athanor.Actors.Tests.Evolution;

/// <summary>Single rules: given a population in the middle of a run, when one message comes, then these effects.</summary>
public class PopulationRuleTests
{
    private static PopulationWorld World(params (string, Conduct)[] conduct) => new(PopulationWorld.Spec(), conduct.ToDictionary(), 1);

    /// <summary>Runs until the population has dispatched work that satisfies the condition.</summary>
    private static Effect.Dispatch Until(PopulationWorld world, Func<Effect.Dispatch, bool> condition)
    {
        for (var i = 0; i < 2000; i++)
        {
            if (world.Work.Values.OrderBy(w => w.Name, StringComparer.Ordinal).FirstOrDefault(condition) is { } work) return work;
            Assert.True(world.Step(), "nothing is left to deliver");
        }
        throw new InvalidOperationException("the work did not come within 2000 deliveries");
    }

    private static (PopulationWorld World, Effect.Dispatch Work, Evaluate Spec, string Prover) GivenAnEvaluation()
    {
        var world = World();
        var work = Until(world, w => w.Spec is Evaluate);
        var spec = (Evaluate)work.Spec;
        return (world, work, spec, spec.Prover);
    }

    [Fact]
    public void Peers_that_come_late_are_waited_for()
    {
        var world = new PopulationWorld(PopulationWorld.Spec(), new Dictionary<string, Conduct>(), 1);

        // Of five first deliveries (the start and four enrolments) in any order, breeding begins only after all.
        for (var i = 0; i < 4; i++) world.Step();

        Assert.Empty(world.Work);
        Assert.NotEqual(PopulationPhase.Running, world.State.Phase);
        Assert.Equal(24, world.Run().State.Applied);
    }

    [Fact]
    public void A_candidate_is_bred_only_after_the_window_before_it_is_applied()
    {
        var world = World();
        while (world.State.Phase != PopulationPhase.Finished && world.Step())
            Assert.InRange(world.State.Candidates.Count, 0, world.State.Applied + 4);
    }

    [Fact]
    public void A_block_of_candidates_gives_every_peer_one()
    {
        var world = World();
        Until(world, w => w.Name == "evaluate-0-0");

        Assert.Equal(["anna", "boris", "chen", "dora"], world.State.Candidates.Values.Select(c => c.Evaluator).Order());
    }

    [Fact]
    public void A_claim_signed_by_another_key_is_refused()
    {
        var (world, work, spec, prover) = GivenAnEvaluation();
        using var other = PeerKey.Create();

        world.Deliver(PopulationWorld.Population, new WorkCompleted(work.Name, world.Claim(spec, Conduct.Honest, other), []));

        var verdict = Assert.Single(world.View.Verdicts, v => v.Outcome == Outcome.Invalid);
        Assert.Contains("signature is not by the peer's key", verdict.Reason);
        Assert.Equal([prover], world.View.Barred.Keys);
    }

    [Theory]
    [InlineData("work", "is for the work")]
    [InlineData("spec", "another spec")]
    [InlineData("states", "opens 4 states")]
    [InlineData("root", "root is not that of its states")]
    [InlineData("error", "claims the error 0")]
    [InlineData("nan", "not a finite number")]
    [InlineData("parameters", "claims 1 parameters")]
    public void A_claim_that_contradicts_itself_or_its_work_is_refused_and_computed_by_the_next(string what, string says)
    {
        var (world, work, spec, prover) = GivenAnEvaluation();
        var claim = world.Claim(spec, Conduct.Honest, null);
        claim = what switch
        {
            "work" => claim with { WorkId = claim.WorkId + "x" },
            "spec" => claim with { SpecHash = PopulationWorld.Sha("x") },
            "states" => claim with { StateHashes = claim.StateHashes.RemoveAt(4), Errors = claim.Errors.RemoveAt(4) },
            "root" => claim with { Root = PopulationWorld.Sha("x") },
            "error" => claim with { Error = 0 },
            "nan" => claim with { Error = double.NaN, Errors = claim.Errors.SetItem(4, double.NaN) },
            _ => claim with { Parameters = 1 },
        };

        world.Deliver(PopulationWorld.Population, new WorkCompleted(work.Name, claim, []));

        Assert.Contains(says, Assert.Single(world.View.Verdicts, v => v.Outcome == Outcome.Invalid).Reason);
        var next = world.State.Candidates[spec.Spec.Candidate];
        Assert.Equal(1, next.Attempt);
        Assert.NotEqual(prover, next.Evaluator);
        Assert.Equal(24, world.Run().State.Applied);
    }

    [Fact]
    public void A_claim_that_is_delivered_twice_counts_once()
    {
        var (world, work, spec, prover) = GivenAnEvaluation();
        var claim = new WorkCompleted(work.Name, world.Claim(spec, Conduct.Honest, world.Key(prover)), []);
        world.Deliver(PopulationWorld.Population, claim);
        var events = world.Journal.Count;

        world.Deliver(PopulationWorld.Population, claim);

        Assert.Equal(events, world.Journal.Count);
    }

    [Fact]
    public void A_silent_evaluator_is_replaced_by_the_next_in_the_drawn_order_and_its_late_claim_is_dropped()
    {
        var (world, work, spec, prover) = GivenAnEvaluation();
        var number = spec.Spec.Candidate;
        var order = world.State.Orders[0];

        world.Deliver(PopulationWorld.Population, new EvaluationOverdue(number, 0));

        var candidate = world.State.Candidates[number];
        Assert.Equal(order[(order.IndexOf(prover) + 1) % 4], candidate.Evaluator);
        Assert.DoesNotContain(work.Name, world.Work.Keys);
        Assert.Empty(world.View.Barred);
        var events = world.Journal.Count;
        world.Deliver(PopulationWorld.Population, new WorkCompleted(work.Name, world.Claim(spec, Conduct.Honest, world.Key(prover)), []));
        world.Deliver(PopulationWorld.Population, new EvaluationOverdue(number, 0));
        Assert.Equal(events, world.Journal.Count);
    }

    [Fact]
    public void A_verifier_is_never_the_prover_and_is_not_told_the_state_that_it_must_find()
    {
        var world = World();
        var audits = new List<Audit>();
        while (world.State.Phase != PopulationPhase.Finished)
        {
            audits.AddRange(world.Work.Values.Select(w => w.Spec).OfType<Audit>());
            world.Step();
        }

        Assert.NotEmpty(audits);
        Assert.All(audits, a => Assert.NotEqual(a.Prover, a.Verifier));
        Assert.All(audits, a =>
        {
            var (hashes, _) = PopulationWorld.Truth(a.Spec);
            Assert.NotEqual(hashes[a.Segment], a.StateBefore);
            Assert.DoesNotContain(hashes[a.Segment], a.Path);
        });
        Assert.All(audits.Where(a => a.Segment > 1), a => Assert.True(
            StateChain.Holds(a.Root, a.Segment - 1, 5, a.StateBefore, a.ErrorBefore, a.LeafBefore, a.Path)));
        Assert.Equal([1, 4], audits.Select(a => a.Segment).Distinct().Order());
    }

    [Fact]
    public void A_report_that_a_verifier_did_not_sign_bars_it_and_another_replays()
    {
        var world = World();
        var work = Until(world, w => w.Spec is Audit);
        var audit = (Audit)work.Spec;
        using var other = PeerKey.Create();

        world.Deliver(PopulationWorld.Population, new WorkCompleted(work.Name, world.Report(audit, Conduct.Honest, other), []));

        Assert.Equal([audit.Verifier], world.View.Barred.Keys);
        var replaced = Until(world, w => w.Spec is Audit a && a.Root == audit.Root && a.Segment == audit.Segment);
        Assert.NotEqual(audit.Verifier, ((Audit)replaced.Spec).Verifier);
        Assert.Equal(24, world.Run().State.Applied);
    }

    [Fact]
    public void When_a_verifier_lies_the_referee_says_so_and_the_claim_stands()
    {
        var world = World();
        var work = Until(world, w => w.Spec is Audit);
        var audit = (Audit)work.Spec;
        world.Deliver(
            PopulationWorld.Population,
            new WorkCompleted(work.Name, world.Report(audit, Conduct.LazyVerifier, world.Key(audit.Verifier)), []));
        var referee = world.Work.Values.Single(w => w.Name.StartsWith("referee-", StringComparison.Ordinal));
        Assert.Equal("cpu", referee.Pool);
        Assert.Empty(world.View.Barred);

        world.Deliver(PopulationWorld.Population, new WorkCompleted(referee.Name, world.Report((Audit)referee.Spec, Conduct.Honest, null), []));

        Assert.Equal([audit.Verifier], world.View.Barred.Keys);
        world.Run();
        Assert.DoesNotContain(world.View.Verdicts, v => v.Prover == audit.Prover && v.Outcome != Outcome.Confirmed);
    }

    [Fact]
    public void A_peer_that_its_own_entity_bars_loses_its_work_here_too()
    {
        var (world, _, spec, prover) = GivenAnEvaluation();

        world.Deliver(PopulationWorld.Population, new PeerBarred(prover, "equivocation"));

        Assert.NotEqual(prover, world.State.Candidates[spec.Spec.Candidate].Evaluator);
        Assert.DoesNotContain(world.Work.Values, w => w.Pool == $"peer/{prover}");
        Assert.Equal(24, world.Run().State.Applied);
        Assert.Equal([prover], world.View.Barred.Keys);
    }

    [Fact]
    public void A_failed_draw_is_asked_for_again()
    {
        var world = World();
        while (world.State.Phase != PopulationPhase.Running) world.Step();
        var decider = new Athanor.Actors.Evolution.PopulationDecider();
        var context = new DecisionContext(PopulationWorld.Population, DateTimeOffset.UnixEpoch, 1);

        var effects = decider.Decide(world.State, new ComputeFailed("order-0", "no key file"), context);
        Assert.Equal(new DrawAgain(), Assert.Single(effects.OfType<Effect.SetTimer>()).Command);

        var again = decider.Decide(world.State, new DrawAgain(), context).OfType<Effect.StartCompute>();
        Assert.Equal(decider.Awaiting(world.State), again);
        Assert.NotEmpty(again);
    }

    [Fact]
    public void The_same_spec_again_has_no_effect_and_another_is_a_conflict()
    {
        var world = World();
        world.Run();
        var events = world.Journal.Count;

        world.Deliver(PopulationWorld.Population, new StartPopulation(PopulationWorld.Spec()));
        Assert.Equal(new Done(), world.Replies[^1]);
        world.Deliver(PopulationWorld.Population, new StartPopulation(PopulationWorld.Spec(candidates: 25)));
        Assert.Equal("conflict", Assert.IsType<Rejected>(world.Replies[^1]).Code);
        Assert.Equal(events, world.Journal.Count);
    }

    [Fact]
    public void A_node_that_cannot_do_what_no_peer_would_ends_the_run_with_the_reason()
    {
        var spec = PopulationWorld.Spec() with { Peers = [] };
        var world = new PopulationWorld(spec, new Dictionary<string, Conduct>(), 1);
        var work = Until(world, w => w.Pool == "cpu");

        world.Deliver(PopulationWorld.Population, new WorkFailed(work.Name, "the table is damaged", false));

        Assert.Equal(PopulationPhase.Failed, world.View.Phase);
        Assert.Contains("the table is damaged", world.View.Failure);
    }

    public static TheoryData<string, string> BadSpecs => new()
    {
        { "candidates", "candidates is 0" },
        { "window", "window is 0" },
        { "table", "blob 'x'" },
        { "space", "the search space: widths is empty" },
        { "batch", "more than the 100 training rows" },
        { "peer", "'an na' is no valid name" },
        { "twice", "named twice" },
        { "reference", "referenceError is NaN" },
    };

    [Theory]
    [MemberData(nameof(BadSpecs))]
    public void A_spec_with_a_fault_is_refused_by_name(string what, string says)
    {
        var good = PopulationWorld.Spec();
        var spec = what switch
        {
            "candidates" => good with { Candidates = 0 },
            "window" => good with { Window = 0 },
            "table" => good with { Table = good.Table with { Blob = "x" } },
            "space" => good with { Space = good.Space with { Widths = [] } },
            "batch" => good with { Space = good.Space with { BatchSizes = [101] } },
            "peer" => good with { Peers = ["an na"] },
            "twice" => good with { Peers = ["anna", "anna"] },
            _ => good with { ReferenceError = double.NaN },
        };
        var decider = new Athanor.Actors.Evolution.PopulationDecider();

        var effects = decider.Decide(
            decider.Initial(PopulationWorld.Population), new StartPopulation(spec),
            new DecisionContext(PopulationWorld.Population, DateTimeOffset.UnixEpoch, 1));

        var rejected = Assert.IsType<Rejected>(Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message);
        Assert.Equal("invalid", rejected.Code);
        Assert.Contains(says, rejected.Reason);
    }
}
