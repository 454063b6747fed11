using System.Collections.Immutable;
using Athanor.Actors.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Tests.Twins.Units;

/// <summary>Who is told when a unit takes a registered model, or leaves it.</summary>
public sealed class UnitAdoptingTests
{
    private static readonly EntityAddress Address = new("plant-a", "twins", "tank");
    private static readonly TwinDecider Decider = new();

    private static readonly UnitModel First = new(
        1, "tank.hocon", """{"benchmark":"exothermic-cstr","inputs":["Tc"]}""", """{"sensors":{"T":{"noise":0.2},"Ca":{"noise":0.01}}}""", null, null);

    private static readonly UnitSpec Spec = new(
        "tank", TimeSpan.FromSeconds(6), [new UnitSensor("T", "K", null, 200, 500), new UnitSensor("Ca", "mol/L", null, 0, 2)],
        [new UnitInput("Tc", "K", 280, 320, 0, 290)], TimeSpan.Zero, First, ControllerMode.Off, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero,
        ImmutableSortedDictionary<string, double>.Empty, []);

    [Fact]
    public void A_registered_model_is_told_by_whom_it_is_adopted_in_the_same_transaction()
    {
        var effects = When(Given(), new AdoptUnitModel(Model(2, "models/net@3"), "lower error"));
        Assert.IsType<UnitModelAdopted>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal(
            new Effect.Tell(new EntityAddress("plant-a", "models", "net"), new MarkAdopted(3, "twins/tank")), Assert.Single(effects.OfType<Effect.Tell>()));
    }

    [Fact]
    public void Leaving_a_registered_model_for_another_tells_both_and_for_another_version_the_one()
    {
        var state = Do(Given(), new AdoptUnitModel(Model(2, "models/net@3"), "a"));
        var tells = When(state, new AdoptUnitModel(Model(3, "models/other@1"), "b")).OfType<Effect.Tell>().ToList();
        Assert.Equal(["models/net", "models/other"], tells.Select(static t => $"{t.To.Family}/{t.To.Id}"));
        Assert.Equal([new MarkReleased("twins/tank"), new MarkAdopted(1, "twins/tank")], tells.Select(static t => t.Command));
        Assert.Equal(
            [new MarkAdopted(4, "twins/tank")],
            When(state, new AdoptUnitModel(Model(3, "models/net@4"), "b")).OfType<Effect.Tell>().Select(static t => t.Command));
    }

    [Fact]
    public void Going_back_tells_the_registered_model_that_it_is_free()
    {
        var state = Do(Given(), new AdoptUnitModel(Model(2, "models/net@3"), "a"));
        var effects = When(state, new RevertUnitModel(2, "it drifts"));
        Assert.Equal([new MarkReleased("twins/tank")], effects.OfType<Effect.Tell>().Select(static t => t.Command));
        // And the same again, once it is back, tells nobody.
        Assert.Empty(When(Do(state, new RevertUnitModel(2, "it drifts")), new RevertUnitModel(2, "it drifts")).OfType<Effect.Tell>());
    }

    [Fact]
    public void A_unit_that_is_created_with_a_registered_model_tells_it_and_one_that_is_refused_tells_nobody()
    {
        var own = Spec with { Model = Model(1, "models/net@3") };
        Assert.Equal(
            [new MarkAdopted(3, "twins/tank")], When(Decider.Initial(Address), new CreateUnit(own)).OfType<Effect.Tell>().Select(static t => t.Command));
        Assert.Empty(When(Decider.Initial(Address), new CreateUnit(Spec)).OfType<Effect.Tell>());
        var wrong = Model(2, "models/net@3") with { Model = """{"benchmark":"exothermic-cstr","inputs":["Tf"]}""" };
        var effects = When(Given(), new AdoptUnitModel(wrong, "a"));
        Assert.Contains("'Tc'", Assert.IsType<Rejected>(Assert.Single(effects.OfType<Effect.Reply>()).Message).Reason, StringComparison.Ordinal);
        Assert.Empty(effects.OfType<Effect.Tell>());
    }

    private static UnitModel Model(long version, string source) => First with { Version = version, Source = source };

    private static TwinState Given() => Do(Decider.Initial(Address), new CreateUnit(Spec));

    private static TwinState Do(TwinState state, ICommand command)
    {
        var effects = When(state, command);
        Assert.IsType<Done>(Assert.Single(effects.OfType<Effect.Reply>()).Message);
        return effects.OfType<Effect.Persist>().Aggregate(state, static (s, e) => Decider.Apply(s, e.Event));
    }

    private static IReadOnlyList<Effect> When(TwinState state, ICommand command) =>
        Decider.Decide(state, command, new DecisionContext(Address, DateTimeOffset.UnixEpoch, 1, null, "ada"));
}
