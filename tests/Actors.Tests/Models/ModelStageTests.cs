using System.Collections.Immutable;
using Athanor.Actors.Models;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Tests.Models;

public sealed class ModelStageTests
{
    private static readonly string HashA = new('a', 64), HashB = new('b', 64);
    private static readonly ModelDecider Decider = new();
    private static readonly EntityAddress Address = EntityAddress.Of("models", "airfoil");
    private static readonly DateTimeOffset Now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
    private static readonly ModelRegistered Registered = new("perceptron", "test");

    [Fact]
    public void A_version_begins_as_a_candidate_and_is_promoted_with_who_when_and_why()
    {
        var state = Given(Registered, Version(1));
        Assert.Equal(ModelStage.Candidate, View(state).StageOf(1));
        var change = Assert.IsType<StageSet>(Assert.Single(Persisted(When(state, Promote(1))))).Change;
        Assert.Equal(new StageChange(1, ModelStage.Production, "ada", "it is better", Now), change);
        state = Decider.Apply(state, new StageSet(change));
        Assert.Equal((1, ModelStage.Production), (View(state).Production, View(state).StageOf(1)));
        Assert.Empty(Persisted(When(state, Promote(1))));
        Assert.IsType<Done>(ReplyOf(When(state, Promote(1))));
    }

    [Fact]
    public void Promoting_another_version_supersedes_the_one_in_production_and_it_may_come_back()
    {
        var state = Do(Given(Registered, Version(1), Version(2)), Promote(1), Promote(2));
        Assert.Equal((2, ModelStage.Superseded), (View(state).Production, View(state).StageOf(1)));
        state = Do(state, Promote(1));
        Assert.Equal((1, ModelStage.Superseded), (View(state).Production, View(state).StageOf(2)));
        Assert.Equal([1, 2, 1], View(state).Stages!.Changes.Select(c => c.Version));
    }

    [Fact]
    public void A_version_with_other_inputs_is_not_promoted_over_the_one_in_production()
    {
        var state = Do(Given(Registered, Version(1, "a", "b"), Version(2, "a", "c"), Version(3, "a", "b")), Promote(1));
        var refusal = Refusal(When(state, Promote(2)));
        Assert.Equal("conflict", refusal.Code);
        Assert.Contains("version 2 takes and gives [a, c] -> [y], and version 1, which is in production, [a, b] -> [y]", refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("Retire version 1 first", refusal.Reason, StringComparison.Ordinal);
        Assert.Equal(3, View(Do(state, Promote(3))).Production);
        Assert.Equal(2, View(Do(state, Stage(1, ModelStage.Retired), Promote(2))).Production);
    }

    [Fact]
    public void A_retired_version_is_not_promoted_until_it_is_a_candidate_again()
    {
        var state = Do(Given(Registered, Version(1)), Promote(1), Stage(1, ModelStage.Retired));
        Assert.Equal((0, ModelStage.Retired), (View(state).Production, View(state).StageOf(1)));
        Assert.Contains("version 1 is retired", Refusal(When(state, Promote(1))).Reason, StringComparison.Ordinal);
        Assert.Equal(1, View(Do(state, Stage(1, ModelStage.Candidate), Promote(1))).Production);
    }

    [Fact]
    public void A_version_that_somebody_uses_is_not_retired_until_it_is_released()
    {
        var state = Do(Given(Registered, Version(1), Version(2)), new MarkAdopted(1, "twins/a"), new MarkAdopted(1, "twins/b"));
        var refusal = Refusal(When(state, Stage(1, ModelStage.Retired)));
        Assert.Contains("in use by twins/a, twins/b", refusal.Reason, StringComparison.Ordinal);
        state = Do(state, new MarkAdopted(2, "twins/a"), new MarkReleased("twins/b"));
        Assert.Equal([KeyValuePair.Create("twins/a", 2)], View(state).InUse);
        Assert.Equal(ModelStage.Retired, View(Do(state, Stage(1, ModelStage.Retired))).StageOf(1));
    }

    [Fact]
    public void A_release_by_whoever_uses_nothing_has_no_effect_and_who_was_released_may_adopt_again()
    {
        var state = Given(Registered, Version(1));
        Assert.Empty(Persisted(When(state, new MarkReleased("twins/a"))));
        state = Do(state, new MarkAdopted(1, "twins/a"), new MarkReleased("twins/a"));
        Assert.Empty(View(state).InUse);
        Assert.Equal([KeyValuePair.Create("twins/a", 1)], View(Do(state, new MarkAdopted(1, "twins/a"))).InUse);
    }

    [Fact]
    public void A_change_of_stage_without_a_version_a_reason_or_sense_is_refused()
    {
        var state = Given(Registered, Version(1));
        Assert.Equal("not-found", Refusal(When(state, Promote(2))).Code);
        Assert.Contains("in 1 to 512 characters", Refusal(When(state, new SetStage(1, ModelStage.Production, ""))).Reason, StringComparison.Ordinal);
        Assert.Contains("when another is promoted", Refusal(When(state, Stage(1, ModelStage.Superseded))).Reason, StringComparison.Ordinal);
        Assert.Contains("no stage 9", Refusal(When(state, Stage(1, (ModelStage)9))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_keeps_its_run_its_data_and_its_signature_and_the_same_again_has_no_effect()
    {
        var add = new AddVersion("training/net#500", 0, HashA, HashB, Metrics, Details("a", "b"));
        var added = Assert.IsType<VersionAdded>(Assert.Single(Persisted(When(Given(Registered), add)))).Version;
        Assert.Equal("training/net", added.Details!.Run);
        var state = Given(Registered, new VersionAdded(added));
        Assert.Equal(new VersionRecorded(1), ReplyOf(When(state, add with { Details = Details("a", "b") })));
        Assert.Equal("conflict", Refusal(When(state, add with { Details = Details("a", "c") })).Code);
        Assert.Equal("conflict", Refusal(When(state, add with { Details = null })).Code);
    }

    [Fact]
    public void An_imported_version_may_be_without_data_and_any_other_may_not()
    {
        var add = new AddVersion("import:net.safetensors", 0, "", HashB, Metrics);
        Assert.Single(Persisted(When(Given(Registered), add)));
        Assert.Contains("DataHash is ''", Refusal(When(Given(Registered), add with { Source = "training/net" })).Reason, StringComparison.Ordinal);
        var bad = add with { Details = Details("a") with { Data = ["xyz"] } };
        Assert.Contains("Data is 'xyz'", Refusal(When(Given(Registered), bad)).Reason, StringComparison.Ordinal);
        Assert.Contains("same name", Refusal(When(Given(Registered), add with { Details = Details("a", "a") })).Reason, StringComparison.Ordinal);
    }

    private static ImmutableSortedDictionary<string, double> Metrics => ImmutableSortedDictionary<string, double>.Empty.Add("rmse", 1);

    private static VersionDetails Details(params string[] inputs) =>
        new("training/net", [HashA], new ModelSignature("perceptron", [.. inputs], ["y"]));

    private static VersionAdded Version(int number, params string[] inputs) => new(new ModelVersion(
        number, $"s{number}", 0, HashA, HashB, Metrics, ImmutableSortedDictionary<string, double>.Empty,
        inputs.Length == 0 ? null : Details(inputs)));

    private static SetStage Promote(int version) => Stage(version, ModelStage.Production);

    private static SetStage Stage(int version, ModelStage stage) => new(version, stage, "it is better");

    private static ModelState Given(params IEvent[] history) => history.Aggregate(ModelState.Empty, (state, e) => Decider.Apply(state, e));

    private static ModelState Do(ModelState state, params ICommand[] commands)
    {
        foreach (var command in commands)
        {
            var effects = When(state, command);
            Assert.IsNotType<Rejected>(ReplyOf(effects));
            state = Persisted(effects).Aggregate(state, (s, e) => Decider.Apply(s, e));
        }
        return state;
    }

    private static ModelView View(ModelState state) => Assert.IsType<ModelView>(Decider.Answer(state, new ModelQuery()));

    private static IReadOnlyList<Effect> When(ModelState state, ICommand command) =>
        Decider.Decide(state, command, new DecisionContext(Address, Now, 1, null, "ada"));

    private static IEvent[] Persisted(IReadOnlyList<Effect> effects) => [.. effects.OfType<Effect.Persist>().Select(p => p.Event)];

    private static IReply ReplyOf(IReadOnlyList<Effect> effects) => Assert.Single(effects.OfType<Effect.Reply>()).Message;

    private static Rejected Refusal(IReadOnlyList<Effect> effects)
    {
        Assert.Empty(Persisted(effects));
        return Assert.IsType<Rejected>(ReplyOf(effects));
    }
}
