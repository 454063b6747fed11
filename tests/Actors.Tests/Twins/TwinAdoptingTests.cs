using Athanor.Actors.Twins;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Tests.Twins;

public sealed class TwinAdoptingTests
{
    private static readonly EntityAddress Address = new("plant-a", "twins", "heater");
    private static readonly TwinDecider Decider = new();

    private static readonly TwinModel First = new(HeaterModel.BalanceKind, 1, "textbook", HeaterParameters.Textbook.ToArray(), []);

    private static readonly TwinSpec Spec = new("a heater", First, NominalStepS: 1, MaxGapS: 30, AlarmWindow: 10, AlarmNis: 4);

    [Fact]
    public void An_adoption_that_says_why_is_journalled_with_who_and_the_registered_model_is_told()
    {
        var effects = When(Given(), new AdoptModel(Model(2, "models/net@3"), null, "lower error"));
        var adopted = Assert.IsType<ModelAdopted>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal(("ada", "lower error"), (adopted.By, adopted.Why));
        Assert.Equal(
            new Effect.Tell(new EntityAddress("plant-a", "models", "net"), new MarkAdopted(3, "twins/heater")),
            Assert.Single(effects.OfType<Effect.Tell>()));
        Assert.IsType<Done>(ReplyOf(effects));
    }

    [Fact]
    public void An_adoption_that_does_not_say_why_tells_nobody()
    {
        var effects = When(Given(), new AdoptModel(Model(2, "models/net@3")));
        Assert.Empty(effects.OfType<Effect.Tell>());
        Assert.Null(Assert.IsType<ModelAdopted>(Assert.Single(effects.OfType<Effect.Persist>()).Event).By);
    }

    [Fact]
    public void A_twin_that_leaves_a_model_for_another_tells_the_one_that_it_is_free()
    {
        var state = Do(Given(), new AdoptModel(Model(2, "models/net@3"), null, "a"));
        var tells = When(state, new AdoptModel(Model(3, "models/other@1"), null, "b")).OfType<Effect.Tell>().ToList();
        Assert.Equal(["models/net", "models/other"], tells.Select(t => $"{t.To.Family}/{t.To.Id}"));
        Assert.Equal([new MarkReleased("twins/heater"), new MarkAdopted(1, "twins/heater")], tells.Select(t => t.Command));
        // Another version of the same model: what it is told takes the place of what it knew.
        Assert.Equal([new MarkAdopted(4, "twins/heater")], When(state, new AdoptModel(Model(3, "models/net@4"), null, "b")).OfType<Effect.Tell>().Select(t => t.Command));
    }

    [Fact]
    public void Going_back_runs_the_model_before_under_the_next_version_number_and_tells_both()
    {
        var state = Do(Given(), new AdoptModel(Model(2, "models/net@3"), null, "a"), new AdoptModel(Model(3, "models/other@1"), null, "b"));
        var effects = When(state, new RevertModel(3, "it drifts"));
        var reverted = Assert.IsType<ModelReverted>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal((4L, "models/net@3", "ada", "it drifts"), (reverted.Model.Version, reverted.Model.Source, reverted.By, reverted.Why));
        Assert.Equal([new MarkReleased("twins/heater"), new MarkAdopted(3, "twins/heater")], effects.OfType<Effect.Tell>().Select(t => t.Command));
        state = Decider.Apply(state, reverted);
        Assert.Equal((4L, true), (state.Model!.Version, state.Adoptions[^1].Reverted));
        // And back again, to what it was registered with: no registered model is told but the one that is left.
        effects = When(state, new RevertModel(4, "that too"));
        Assert.Equal([new MarkReleased("twins/heater")], effects.OfType<Effect.Tell>().Select(t => t.Command));
        state = Do(state, new RevertModel(4, "that too"));
        Assert.Equal((5L, "textbook"), (state.Model!.Version, state.Model.Source));
        Assert.Contains("keeps no model from before", Refusal(When(state, new RevertModel(5, "more"))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Going_back_sent_twice_goes_back_once()
    {
        var state = Do(Given(), new AdoptModel(Model(2, "models/net@3"), null, "a"), new AdoptModel(Model(3, "models/net@4"), null, "b"));
        state = Do(state, new RevertModel(3, "it drifts"));
        Assert.Empty(When(state, new RevertModel(3, "it drifts")).OfType<Effect.Persist>());
        Assert.Equal("conflict", Refusal(When(state, new RevertModel(2, "it drifts"))).Code);
    }

    [Fact]
    public void Going_back_waits_for_rows_that_are_being_filtered()
    {
        var state = Do(Given(), new AdoptModel(Model(2, "models/net@3"), null, "a"));
        state = Decider.Apply(state, new RowsTaken(1, [1], [40], [25]));
        Assert.IsType<Effect.Stash>(Assert.Single(When(state, new RevertModel(2, "it drifts"))));
    }

    [Fact]
    public void Only_so_many_models_are_kept_to_go_back_to()
    {
        var state = Given();
        for (var v = 2; v < 10; v++) state = Do(state, new AdoptModel(Model(v, $"models/net@{v}"), null, "a"));
        Assert.Equal([5L, 6, 7, 8], state.Earlier!.Models.Select(m => m.Version));
    }

    [Theory]
    [InlineData("models/net@3", "net", 3)]
    [InlineData("models/a.b-c@12", "a.b-c", 12)]
    [InlineData("textbook", null, 0)]
    [InlineData("models/net", null, 0)]
    [InlineData("models/@1", null, 0)]
    [InlineData("models/a/b@1", null, 0)]
    [InlineData("models/net@0", null, 0)]
    [InlineData("models/net@one", null, 0)]
    public void A_source_names_a_registered_model_by_id_and_version(string source, string? model, int version) =>
        Assert.Equal(model is null ? null : (model, version), TwinAdopting.Registered(source));

    private static TwinModel Model(long version, string source) => First with { Version = version, Source = source };

    private static TwinState Given() => Decider.Apply(Decider.Initial(Address), new TwinRegistered(Spec));

    private static TwinState Do(TwinState state, params ICommand[] commands)
    {
        foreach (var command in commands)
        {
            var effects = When(state, command);
            Assert.IsType<Done>(ReplyOf(effects));
            state = effects.OfType<Effect.Persist>().Aggregate(state, (s, e) => Decider.Apply(s, e.Event));
        }
        return state;
    }

    private static IReadOnlyList<Effect> When(TwinState state, ICommand command) =>
        Decider.Decide(state, command, new DecisionContext(Address, DateTimeOffset.UnixEpoch, 1, null, "ada"));

    private static IReply ReplyOf(IReadOnlyList<Effect> effects) => Assert.Single(effects.OfType<Effect.Reply>()).Message;

    private static Rejected Refusal(IReadOnlyList<Effect> effects)
    {
        Assert.Empty(effects.OfType<Effect.Persist>());
        return Assert.IsType<Rejected>(ReplyOf(effects));
    }
}
