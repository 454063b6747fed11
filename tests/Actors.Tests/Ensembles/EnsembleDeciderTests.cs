using Athanor.Actors.Ensembles;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;

namespace Athanor.Actors.Tests.Ensembles;

public sealed class EnsembleDeciderTests
{
    private static readonly EntityAddress Address = EntityAddress.Of("ensembles", "airfoil");
    private static readonly DecisionContext Context = new(Address, DateTimeOffset.UnixEpoch, 1);
    private static readonly string Data = new('a', 64);

    private static readonly EnsembleSpec Spec = new(
        Data, 5, [5, 8, 1], 5, 10, 32, 0.01, 0.0, [new ColumnLog(0, 2886.38)], 0.1, 0.6, 0.2, 2, 1, [1, 2, 3], 42);

    private readonly EnsembleDecider _decider = new();

    [Fact]
    public void A_start_dispatches_every_split_with_a_seed_of_its_own()
    {
        var effects = Decide(Given(), new TrainEnsemble(Spec));
        Assert.Equal([new EnsembleTrainingStarted(Spec)], Persisted(effects));
        var work = effects.OfType<Effect.Dispatch>().ToArray();
        Assert.Equal(["split-0", "split-1", "split-2"], work.Select(w => w.Name));
        Assert.Equal([0, 1, 2], work.Select(w => ((FitSplit)w.Spec).Split));
        Assert.All(work, w => Assert.Equal([Data], w.Inputs.ToArray()));
        Assert.Equal(3, work.Select(w => w.Seed).Distinct().Count());
        Assert.Equal(Decide(Given(), new TrainEnsemble(Spec)).OfType<Effect.Dispatch>().Select(w => w.Seed), work.Select(w => w.Seed));
    }

    [Fact]
    public void Splits_come_back_in_any_order_and_count_once_and_the_last_one_ends_the_fit()
    {
        var state = Given(new EnsembleTrainingStarted(Spec));
        foreach (var split in new[] { 2, 0 })
        {
            state = Apply(state, Decide(state, Completed(split)));
            Assert.Empty(Decide(state, Completed(split)));
            Assert.Equal(EnsemblePhase.Fitting, View(state).Phase);
        }
        var last = Decide(state, Completed(1));
        Assert.Equal([new EnsembleSplitFitted(1, Fit(1)), new EnsembleFitted()], Persisted(last));
        state = Apply(state, last);
        Assert.Equal(EnsemblePhase.Fitted, View(state).Phase);
        Assert.Equal([0, 1, 2], View(state).Splits.Keys);
        Assert.Empty(Decide(state, Completed(1)));
    }

    [Fact]
    public void A_split_that_fails_is_tried_three_times_then_the_ensemble_fails_and_the_rest_is_cancelled()
    {
        var state = Given(new EnsembleTrainingStarted(Spec));
        var first = Decide(state, new WorkFailed("split-1", "no", false));
        Assert.Equal([new EnsembleSplitRetried(1, 1, "no")], Persisted(first));
        Assert.Equal("split-1-again-1", Assert.Single(first.OfType<Effect.Dispatch>()).Name);
        Assert.Equal(
            Decide(Given(), new TrainEnsemble(Spec)).OfType<Effect.Dispatch>().Single(w => w.Name == "split-1").Seed,
            first.OfType<Effect.Dispatch>().Single().Seed);
        state = Apply(state, first);
        Assert.Empty(Decide(state, new WorkFailed("split-1", "late", false)));
        Assert.Empty(Decide(state, Completed(1)));
        state = Apply(state, Decide(state, new WorkFailed("split-1-again-1", "no", false)));
        state = Apply(state, Decide(state, Completed(0)));
        var last = Decide(state, new WorkFailed("split-1-again-2", "never", true));
        Assert.Equal([new EnsembleFailed("split 1 failed 3 times, at last: never")], Persisted(last));
        Assert.Equal(["split-2"], last.OfType<Effect.CancelWork>().Select(c => c.Name));
        state = Apply(state, last);
        Assert.Empty(Decide(state, Completed(2)));
        Assert.Equal((EnsemblePhase.Failed, 1), (View(state).Phase, View(state).Splits.Count));
    }

    [Fact]
    public void A_result_of_another_split_or_rule_counts_as_a_failure()
    {
        var state = Given(new EnsembleTrainingStarted(Spec));
        Assert.IsType<EnsembleSplitRetried>(
            Assert.Single(Persisted(Decide(state, new WorkCompleted("split-0", new FitSplitResult(1, Fit(1)), [])))));
        Assert.IsType<EnsembleSplitRetried>(
            Assert.Single(Persisted(Decide(state, new WorkCompleted("split-0", new FitSplitResult(0, Fit(2)), [])))));
    }

    [Fact]
    public void The_same_start_again_changes_nothing_and_another_spec_is_a_conflict()
    {
        var state = Given(new EnsembleTrainingStarted(Spec));
        var again = Decide(state, new TrainEnsemble(Spec with { Sizes = [5, 8, 1] }));
        Assert.IsType<Done>(Assert.IsType<Effect.Reply>(Assert.Single(again)).Message);
        Assert.Equal("conflict", Refusal(Decide(state, new TrainEnsemble(Spec with { Logs = [] }))).Code);
    }

    public static TheoryData<string, Func<EnsembleSpec, EnsembleSpec>> BadSpecs => new()
    {
        { "no SHA-256", s => s with { Data = "AIRFOIL" } },
        { "sizes[0] = 5 would be right", s => s with { Sizes = [6, 8, 1] } },
        { "2 outputs; 1 would be right", s => s with { Sizes = [5, 8, 2] } },
        { "1 members", s => s with { Members = 1 } },
        { "0 passes", s => s with { Passes = 0 } },
        { "learning rate is 0", s => s with { LearningRate = 0 } },
        { "miscoverage of 1", s => s with { Miscoverage = 1 } },
        { "0 and 0 splits", s => s with { PermutationSplits = 0, GroupSplits = 0 } },
        { "leave nothing to one part", s => s with { CalibrationShare = 0.4 } },
        { "need the columns", s => s with { GroupColumns = [] } },
        { "column 5 is none of the inputs", s => s with { GroupColumns = [5] } },
        { "column -1 is none of the inputs", s => s with { Logs = [new ColumnLog(-1, 0)] } },
        { "shift of column 0 is NaN", s => s with { Logs = [new ColumnLog(0, double.NaN)] } },
    };

    [Theory]
    [MemberData(nameof(BadSpecs))]
    public void A_spec_that_does_not_fit_together_is_refused_with_what_would_be_right(string says, Func<EnsembleSpec, EnsembleSpec> change)
    {
        var refusal = Refusal(Decide(Given(), new TrainEnsemble(change(Spec))));
        Assert.Equal("invalid", refusal.Code);
        Assert.Contains(says, refusal.Reason);
    }

    [Fact]
    public void A_sweep_is_handled_beside_the_fit()
    {
        var grid = new SweepGrid(340, 360, 2, 290, 310, 1, 0.8776, 324.5, 60);
        var state = Given(new EnsembleTrainingStarted(Spec));
        state = Apply(state, Decide(state, new EvaluateSweep("map", grid, 1)));
        state = Apply(state, Decide(state, new WorkCompleted("sweep-map-0", new SweepWorkResult(0, [0, 3], [330f, 400f]), [])));
        var sweep = Assert.IsType<SweepView>(_decider.Answer(state, new SweepQuery("map")));
        Assert.Equal([0, 3], sweep.Regimes);
        Assert.Equal(EnsemblePhase.Fitting, View(state).Phase);
        Assert.IsType<Rejected>(_decider.Answer(state, new Describe()));
    }

    private static SplitFit Fit(int split) => new(
        split < 2 ? SplitRule.Permutation : SplitRule.Group, 1.3 + split, 1.5, 300, 302, 2.1, 3.3, 271, 270, 4.2, 4.0, new string('b', 64),
        new string('c', 64));

    private static WorkCompleted Completed(int split) => new($"split-{split}", new FitSplitResult(split, Fit(split)), []);

    private EnsembleState Given(params IEvent[] events) => events.Aggregate(_decider.Initial(Address), _decider.Apply);

    private IReadOnlyList<Effect> Decide(EnsembleState state, ICommand command) => _decider.Decide(state, command, Context);

    private EnsembleState Apply(EnsembleState state, IReadOnlyList<Effect> effects) => Persisted(effects).Aggregate(state, _decider.Apply);

    private EnsembleView View(EnsembleState state) => Assert.IsType<EnsembleView>(_decider.Answer(state, new GetEnsemble()));

    private static IEvent[] Persisted(IReadOnlyList<Effect> effects) => [.. effects.OfType<Effect.Persist>().Select(p => p.Event)];

    private static Rejected Refusal(IReadOnlyList<Effect> effects) =>
        Assert.IsType<Rejected>(Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message);
}
