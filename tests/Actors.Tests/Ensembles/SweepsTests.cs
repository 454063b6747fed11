using System.Collections.Immutable;
using Athanor.Actors.Ensembles;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Actors.Tests.Ensembles;

public sealed class SweepsTests
{
    private static readonly SweepGrid Grid = new(340, 360, 5, 290, 310, 2, 0.8776, 324.5, 60);
    private static readonly EvaluateSweep Command = new("map", Grid, 3);
    private static readonly DecisionContext Context = new(EntityAddress.Of("ensembles", "cstr-sweep"), DateTimeOffset.UnixEpoch, 1);

    [Fact]
    public void A_sweep_is_dispatched_in_parts_that_cover_every_condition_once()
    {
        var effects = Sweeps.Decide(Given(), Command, Context)!;
        var work = effects.OfType<Effect.Dispatch>().Select(d => (SweepWork)d.Spec).ToArray();
        Assert.Equal(Enumerable.Range(0, 10), work.SelectMany(w => Enumerable.Range(w.First, w.Count)));
        Assert.Equal([new SweepStarted("map", Grid, 3)], Persisted(effects));
    }

    [Fact]
    public void The_same_sweep_again_has_no_effect_and_another_grid_under_its_id_is_a_conflict()
    {
        var state = Given(new SweepStarted("map", Grid, 3));
        Assert.IsType<Done>(Assert.IsType<Effect.Reply>(Assert.Single(Sweeps.Decide(state, Command, Context)!)).Message);
        Assert.Equal("conflict", Refusal(Sweeps.Decide(state, Command with { Grid = Grid with { Minutes = 30 } }, Context)!).Code);
    }

    [Fact]
    public void Results_are_shown_in_the_order_of_conditions_once_all_parts_are_in()
    {
        var state = Given(new SweepStarted("map", Grid, 3));
        foreach (var part in new[] { 2, 0, 1 })
        {
            Assert.Empty(View(state).Regimes);
            foreach (var e in Persisted(Sweeps.Decide(state, Completed(part), Context)!)) state = Sweeps.Apply(state, e)!;
            Assert.Empty(Sweeps.Decide(state, Completed(part), Context)!);
        }
        Assert.Equal([0, 0, 0, 1, 1, 1, 2, 2, 2, 2], View(state).Regimes);
        Assert.Equal(400f, View(state).PeakK[0]);
        Assert.Equal((3, 3), (View(state).PartsDone, View(state).Parts));
    }

    [Fact]
    public void A_failed_part_or_a_result_of_the_wrong_range_ends_the_sweep_with_a_reason()
    {
        var state = Given(new SweepStarted("map", Grid, 3));
        var failed = Sweeps.Decide(state, new WorkFailed("sweep-map-1", "deadline", false), Context)!;
        Assert.Equal([new SweepFailed("map", "part 1: deadline")], Persisted(failed));
        Assert.Equal(["sweep-map-0", "sweep-map-2"], failed.OfType<Effect.CancelWork>().Select(c => c.Name));
        var wrong = Sweeps.Decide(state, new WorkCompleted("sweep-map-1", new SweepWorkResult(0, [0], [1f]), []), Context)!;
        Assert.Contains("not 3 from 3", Assert.IsType<SweepFailed>(Assert.Single(Persisted(wrong))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_senseless_grid_is_refused_with_what_would_be_right()
    {
        Assert.Contains("at least 1 x 1", Refusal(Sweeps.Decide(Given(), Command with { Grid = Grid with { FeedCount = 0 } }, Context)!).Reason, StringComparison.Ordinal);
        Assert.Contains("200 to 600 K", Refusal(Sweeps.Decide(Given(), Command with { Grid = Grid with { CoolantToK = 30 } }, Context)!).Reason, StringComparison.Ordinal);
        Assert.Contains("200 to 600 K", Refusal(Sweeps.Decide(Given(), Command with { Grid = Grid with { FeedFromK = double.NaN } }, Context)!).Reason, StringComparison.Ordinal);
        Assert.Contains("Parts is 11", Refusal(Sweeps.Decide(Given(), Command with { Parts = 11 }, Context)!).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_business_of_a_sweep_is_left_to_the_ensemble()
    {
        Assert.Null(Sweeps.Decide(Given(), new WorkFailed("member-1", "no", false), Context));
        Assert.Null(Sweeps.Decide(Given(), new WorkFailed("sweep-other-1", "no", false), Context));
        Assert.Null(Sweeps.Answer(Given(), new Describe()));
        Assert.Equal("not-found", Assert.IsType<Rejected>(Sweeps.Answer(Given(), new SweepQuery("other"))).Code);
    }

    private static WorkCompleted Completed(int part)
    {
        var (first, count) = SweepState.Range(10, 3, part);
        return new WorkCompleted(
            $"sweep-map-{part}",
            new SweepWorkResult(first, [.. Enumerable.Repeat((byte)part, count)], [.. Enumerable.Repeat(400f + part, count)]), []);
    }

    private static SweepView View(ImmutableSortedDictionary<string, SweepState> state) =>
        Assert.IsType<SweepView>(Sweeps.Answer(state, new SweepQuery("map")));

    private static ImmutableSortedDictionary<string, SweepState> Given(params IEvent[] history) =>
        history.Aggregate(ImmutableSortedDictionary<string, SweepState>.Empty, (state, e) => Sweeps.Apply(state, e)!);

    private static IEvent[] Persisted(IReadOnlyList<Effect> effects) => [.. effects.OfType<Effect.Persist>().Select(p => p.Event)];

    private static Rejected Refusal(IReadOnlyList<Effect> effects) =>
        Assert.IsType<Rejected>(Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message);
}
