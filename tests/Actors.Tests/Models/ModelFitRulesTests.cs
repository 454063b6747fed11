using Athanor.Actors.Models;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Tests.Models;

public sealed class ModelFitRulesTests
{
    private const string Hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    private static readonly ModelDecider Decider = new();
    private static readonly EntityAddress Address = EntityAddress.Of("models", "decay");
    private static readonly ModelRegistered Registered = new("fit", "test");

    private static readonly FitModel Fit = new(
        "first", new FitSource("hocon", "decay.hocon", [new FitFile("decay.hocon", Hash)]), 7, 5, 2, 0.95, true, ["k", "a"]);

    [Fact]
    public void A_fit_dispatches_its_starts_in_parts_with_its_files_as_inputs()
    {
        var effects = When([Registered], Fit);
        Assert.IsType<FitModelStarted>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        var work = effects.OfType<Effect.Dispatch>().ToArray();
        Assert.Equal(["model-fit-first-starts-0", "model-fit-first-starts-1"], work.Select(w => w.Name));
        Assert.Equal([0, 1, 2, 3, 4], work.Select(w => (FitModelWork)w.Spec).SelectMany(w => Enumerable.Range(w.First, w.Count)));
        Assert.All(work, w => Assert.Equal(Hash, Assert.Single(w.Inputs)));
        Assert.All(work, w => Assert.Equal(7UL, w.Seed));
    }

    [Fact]
    public void When_all_starts_are_in_the_best_is_analysed_and_profiled_and_then_a_version_is_recorded()
    {
        var state = Given(Registered, new FitModelStarted(Fit));
        Assert.Empty(Done(ref state, "model-fit-first-starts-1", Part(1, 9.0)).OfType<Effect.Dispatch>());
        var next = Done(ref state, "model-fit-first-starts-0", Part(0, 4.0)).OfType<Effect.Dispatch>().ToArray();
        Assert.Equal(["model-fit-first-analysis", "model-fit-first-profile-k", "model-fit-first-profile-a"], next.Select(w => w.Name));
        Assert.All(next.Skip(1), w => Assert.Equal([1.0, 4.0], ((FitProfileWork)w.Spec).Theta));
        Done(ref state, "model-fit-first-profile-a", Profile("a"));
        Done(ref state, "model-fit-first-analysis", Analysis());
        Assert.Empty(state.Versions);
        Done(ref state, "model-fit-first-profile-k", Profile("k"));
        var version = Assert.Single(state.Versions);
        Assert.Equal(("fit:first", 4.0), (version.Source, version.Parameters["a"]));
        Assert.Equal(4.0, version.Metrics["half-sum-of-squares"]);
        var report = Assert.IsType<FitReport>(Decider.Answer(state, new FitReportQuery("first")));
        Assert.Equal((1, 5, 2), (report.Version, report.Values.Length, report.Profiles.Length));
    }

    [Fact]
    public void A_piece_counts_once_and_nothing_counts_after_the_end()
    {
        var state = Given(Registered, new FitModelStarted(Fit));
        Done(ref state, "model-fit-first-starts-1", Part(1, 9.0));
        Assert.Empty(Done(ref state, "model-fit-first-starts-1", Part(1, 3.0)));
        Assert.Empty(Done(ref state, "model-fit-first-analysis", Analysis()));
        Assert.Empty(Done(ref state, "model-fit-other-starts-0", Part(0, 3.0)));
    }

    [Fact]
    public void A_piece_that_fails_ends_the_fit_with_its_reason_and_cancels_the_rest()
    {
        var state = Given(Registered, new FitModelStarted(Fit));
        var effects = Decider.Decide(state, new WorkFailed("model-fit-first-starts-1", "no start has a value", false), Context);
        Assert.Equal(["model-fit-first-starts-0"], effects.OfType<Effect.CancelWork>().Select(c => c.Name));
        state = Play(state, effects);
        var report = Assert.IsType<FitReport>(Decider.Answer(state, new FitReportQuery("first")));
        Assert.Equal("starts-1: no start has a value", report.Failure);
        Assert.Empty(Done(ref state, "model-fit-first-starts-0", Part(0, 4.0)));
    }

    [Fact]
    public void The_same_fit_again_has_no_effect_and_another_under_its_id_is_a_conflict()
    {
        Assert.IsType<Effect.Reply>(Assert.Single(When([Registered, new FitModelStarted(Fit)], Fit)));
        Assert.Equal("conflict", Refusal(When([Registered, new FitModelStarted(Fit)], Fit with { Seed = 8 })).Code);
    }

    [Fact]
    public void A_fit_that_cannot_be_right_is_refused_with_the_reason()
    {
        Assert.Contains("Format", Refusal(When([Registered], Fit with { Source = Fit.Source with { Format = "x" } })).Reason, StringComparison.Ordinal);
        Assert.Contains("main file", Refusal(When([Registered], Fit with { Source = Fit.Source with { Main = "x" } })).Reason, StringComparison.Ordinal);
        Assert.Contains("Parts", Refusal(When([Registered], Fit with { Parts = 6 })).Reason, StringComparison.Ordinal);
        Assert.Contains("Level", Refusal(When([Registered], Fit with { Level = 95 })).Reason, StringComparison.Ordinal);
        Assert.Contains("twice", Refusal(When([Registered], Fit with { Estimated = ["k", "k"] })).Reason, StringComparison.Ordinal);
    }

    private static DecisionContext Context { get; } = new(Address, DateTimeOffset.UnixEpoch, 1);

    private static FitModelWorkResult Part(int part, double value)
    {
        var (first, count) = part == 0 ? (0, 2) : (2, 3);
        return new FitModelWorkResult(
            first, [.. Enumerable.Repeat(value, count)], first, false, ["k", "a"], [1.0, value], [0, 0], "Reduction", [.. Enumerable.Repeat(10, count)]);
    }

    private static FitAnalysisWorkResult Analysis() => new(
        4.0, 10, 8, 1.0, 0.95, [new FitEstimate("k", "", 1.0, 0.1, 0.8, 1.2, 0, false), new FitEstimate("a", "", 4.0, 0.1, 3.8, 4.2, 0, false)], [], [1.0]);

    private static FitProfileWorkResult Profile(string name) => new(name, [1.0], [0.0], 2.0, null, null, "", false);

    private static IReadOnlyList<Effect> Done(ref ModelState state, string work, IWorkResult result)
    {
        var effects = Decider.Decide(state, new WorkCompleted(work, result, []), Context);
        state = Play(state, effects);
        return effects;
    }

    private static ModelState Play(ModelState state, IReadOnlyList<Effect> effects) =>
        effects.OfType<Effect.Persist>().Aggregate(state, (s, e) => Decider.Apply(s, e.Event));

    private static ModelState Given(params IEvent[] events) => events.Aggregate(ModelState.Empty, Decider.Apply);

    private static IReadOnlyList<Effect> When(IEvent[] given, ICommand command) => Decider.Decide(Given(given), command, Context);

    private static Rejected Refusal(IReadOnlyList<Effect> effects) => Assert.IsType<Rejected>(Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message);
}
