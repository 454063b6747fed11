using System.Collections.Immutable;
using Athanor.Actors.Models;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Tests.Models;

public sealed class ModelDeciderTests
{
    private const string HashA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string HashB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    private static readonly ModelDecider Decider = new();
    private static readonly EntityAddress Address = EntityAddress.Of("models", "alpha-pinene");
    private static readonly FitSettings Settings = new(1e-8, 1e-1, 1e-7, 1e-2, 1e-8, 1e-8, 300);
    private static readonly ReactionNetwork Network = new(["a", "b"], ["k"], [0], [1], [0]);
    private static readonly KineticData Data = new([0, 1, 2], [100, 0, 60, 40, 36, 64], HashA);
    private static readonly FitKinetics Fit = new("first", Network, Data, Settings, 7, 10, 4);
    private static readonly ModelRegistered Registered = new("kinetics", "test");

    [Fact]
    public void A_model_is_registered_once_and_the_same_again_has_no_effect()
    {
        var command = new RegisterModel("kinetics", "test");
        Assert.Equal([new ModelRegistered("kinetics", "test")], Persisted(When([], command)));
        Assert.Empty(Persisted(When([Registered], command)));
        Assert.IsType<Done>(ReplyOf(When([Registered], command)));
        Assert.Equal("conflict", Refusal(When([Registered], new RegisterModel("hybrid", "test"))).Code);
    }

    [Fact]
    public void A_command_to_a_model_that_was_never_registered_is_refused_with_what_to_send()
    {
        var refusal = Refusal(When([], Fit));
        Assert.Equal("not-found", refusal.Code);
        Assert.Contains("models.register-model", refusal.Reason, StringComparison.Ordinal);
        Assert.Equal("not-found", Assert.IsType<Rejected>(Decider.Answer(ModelState.Empty, new ModelQuery())).Code);
    }

    [Fact]
    public void A_fit_is_dispatched_in_parts_that_cover_every_start_once_under_one_seed()
    {
        var effects = When([Registered], Fit);
        Assert.IsType<FitStarted>(Assert.Single(Persisted(effects)));
        var work = effects.OfType<Effect.Dispatch>().ToArray();
        Assert.Equal(["fit-first-0", "fit-first-1", "fit-first-2", "fit-first-3"], work.Select(w => w.Name));
        Assert.Equal(
            Enumerable.Range(0, 10), work.Select(w => (FitKineticsWork)w.Spec).SelectMany(spec => Enumerable.Range(spec.First, spec.Count)));
        Assert.All(work, w => Assert.Equal(7UL, w.Seed));
        Assert.IsType<Done>(ReplyOf(effects));
    }

    [Fact]
    public void The_same_fit_again_has_no_effect_and_another_spec_under_its_id_is_a_conflict()
    {
        var repeated = Fit with { Data = Data with { Times = [0, 1, 2] }, Network = Network with { From = [0] } };
        var effects = When([Registered, new FitStarted(Fit)], repeated);
        Assert.IsType<Done>(Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message);
        Assert.Equal("conflict", Refusal(When([Registered, new FitStarted(Fit)], Fit with { Seed = 8 })).Code);
        Assert.Equal("conflict", Refusal(When([Registered, new FitStarted(Fit)], Fit with { Data = Data with { Times = [0, 1, 3] } })).Code);
    }

    [Fact]
    public void A_version_is_recorded_when_the_last_part_is_in_whatever_their_order()
    {
        var forward = Play([0, 1, 2, 3]);
        var backward = Play([3, 1, 0, 2]);
        var version = Assert.Single(forward.Versions);
        Assert.Equal((1, "fit:first", 0, HashA), (version.Number, version.Source, version.Parent, version.DataHash));
        Assert.Equal(102.0, version.Parameters["k"]); // part 2 has the smallest sum of squares
        Assert.Equal(forward.Versions[0].Parameters, backward.Versions[0].Parameters);
        Assert.Equal(forward.Versions[0].Metrics, backward.Versions[0].Metrics);
        var view = Assert.IsType<FitView>(Decider.Answer(backward, new FitQuery("first")));
        Assert.Equal(1, view.Summary.Version);
        Assert.Equal(10, view.SumOfSquares.Length);
        Assert.Equal([13.0, 13, 12, 12, 12, 10, 10, 11, 11, 11], view.SumOfSquares);

        ModelState Play(int[] order)
        {
            var state = Given(Registered, new FitStarted(Fit));
            foreach (var part in order)
            {
                Assert.Empty(state.Versions);
                foreach (var e in Persisted(Decider.Decide(state, Completed(part), Context))) state = Decider.Apply(state, e);
            }
            return state;
        }
    }

    [Fact]
    public void A_part_that_comes_twice_counts_once()
    {
        var state = Given(Registered, new FitStarted(Fit), new FitPartDone("first", 1, Part(1)));
        Assert.Empty(Decider.Decide(state, Completed(1), Context));
    }

    [Fact]
    public void Results_of_work_that_nobody_asked_for_are_dropped()
    {
        var state = Given(Registered, new FitStarted(Fit));
        Assert.Empty(Decider.Decide(state, new WorkCompleted("fit-other-0", Part(0), []), Context));
        Assert.Empty(Decider.Decide(state, new WorkCompleted("fit-first-4", Part(0), []), Context));
        Assert.Empty(Decider.Decide(state, new WorkCompleted("fit-first-", Part(0), []), Context));
        Assert.Empty(Decider.Decide(state, new WorkFailed("segment-1", "no", false), Context));
    }

    [Fact]
    public void A_result_of_another_range_fails_the_fit_instead_of_being_believed()
    {
        var state = Given(Registered, new FitStarted(Fit));
        var effects = Decider.Decide(state, new WorkCompleted("fit-first-1", Part(0), []), Context);
        Assert.Contains("from 0", Assert.IsType<FitFailed>(Assert.Single(Persisted(effects))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_part_ends_the_fit_with_its_reason_and_cancels_the_others()
    {
        var state = Given(Registered, new FitStarted(Fit), new FitPartDone("first", 0, Part(0)));
        var effects = Decider.Decide(state, new WorkFailed("fit-first-2", "three deaths", true), Context);
        Assert.Equal([new FitFailed("first", "part 2: three deaths")], Persisted(effects));
        Assert.Equal(["fit-first-1", "fit-first-3"], effects.OfType<Effect.CancelWork>().Select(c => c.Name));
        state = Decider.Apply(state, new FitFailed("first", "part 2: three deaths"));
        Assert.Empty(Decider.Decide(state, Completed(1), Context));
        Assert.Equal("part 2: three deaths", Assert.Single(Assert.IsType<ModelView>(Decider.Answer(state, new ModelQuery())).Fits).Failure);
    }

    public static TheoryData<string, FitKinetics> BadFits() => new()
    {
        { "6 amounts, not 3 times x 3 species", Fit with { Network = Network with { Species = ["a", "b", "c"] } } },
        { "hold 1, 2 and 1 entries", Fit with { Network = Network with { To = [1, 0] } } },
        { "from species 0 to 2", Fit with { Network = Network with { To = [2] } } },
        { "names parameter 1", Fit with { Network = Network with { Parameter = [1] } } },
        { "parameter 1 is in no reaction", Fit with { Network = Network with { Parameters = ["k", "l"] } } },
        { "time 2 of the data is 1", Fit with { Data = Data with { Times = [0, 1, 1] } } },
        { "amount 1 at time 1 of the data is NaN", Fit with { Data = Data with { Amounts = [100, 0, 60, double.NaN, 36, 64] } } },
        { "the bounds are 0.1 to 0.1", Fit with { Settings = Settings with { Lower = 0.1 } } },
        { "a range within the bounds", Fit with { Settings = Settings with { StartHigh = 1 } } },
        { "Starts is 0", Fit with { Starts = 0 } },
        { "Parts is 11", Fit with { Parts = 11 } },
        { "is no fit id", Fit with { Fit = "a fit" } },
    };

    [Theory]
    [MemberData(nameof(BadFits))]
    public void A_fit_of_inconsistent_shapes_or_senseless_settings_is_refused_with_the_reason(string reason, FitKinetics command)
    {
        var refusal = Refusal(When([Registered], command));
        Assert.Equal("invalid", refusal.Code);
        Assert.Contains(reason, refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trained_version_is_added_once_with_its_lineage()
    {
        var first = new AddVersion("training/hybrid#1", 0, HashA, HashB, Metrics(0.5));
        var events = Persisted(When([Registered], first));
        Assert.Equal(1, Assert.IsType<VersionAdded>(Assert.Single(events)).Version.Number);
        IEvent[] history = [Registered, .. events];
        Assert.Empty(Persisted(When(history, first)));
        Assert.Equal(new VersionRecorded(1), ReplyOf(When(history, first)));
        Assert.Equal("conflict", Refusal(When(history, first with { BlobHash = HashA })).Code);
        var child = Assert.IsType<VersionAdded>(Assert.Single(Persisted(When(history, first with { Source = "training/hybrid#2", Parent = 1 })))).Version;
        Assert.Equal((2, 1), (child.Number, child.Parent));
    }

    [Fact]
    public void A_version_with_an_unknown_parent_a_malformed_hash_or_a_metric_that_is_no_number_is_refused()
    {
        var good = new AddVersion("training/hybrid#1", 0, HashA, HashB, Metrics(0.5));
        Assert.Contains("no versions yet", Refusal(When([Registered], good with { Parent = 1 })).Reason, StringComparison.Ordinal);
        Assert.Contains("BlobHash is 'xyz'", Refusal(When([Registered], good with { BlobHash = "xyz" })).Reason, StringComparison.Ordinal);
        Assert.Contains("'rmse' is NaN", Refusal(When([Registered], good with { Metrics = Metrics(double.NaN) })).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Adoption_of_a_version_is_recorded_once_and_of_an_unknown_version_refused()
    {
        var version = new ModelVersion(1, "s", 0, HashA, HashB, Metrics(1), ImmutableSortedDictionary<string, double>.Empty);
        IEvent[] history = [Registered, new VersionAdded(version)];
        var adopt = new MarkAdopted(1, "twins/tclab");
        Assert.Equal([new VersionAdopted(new Adoption(1, "twins/tclab"))], Persisted(When(history, adopt)));
        Assert.Empty(Persisted(When([.. history, new VersionAdopted(new Adoption(1, "twins/tclab"))], adopt)));
        var refusal = Refusal(When(history, new MarkAdopted(2, "twins/tclab")));
        Assert.Equal("not-found", refusal.Code);
        Assert.Contains("versions 1 to 1", refusal.Reason, StringComparison.Ordinal);
    }

    private static DecisionContext Context { get; } = new(Address, DateTimeOffset.UnixEpoch, 1);

    private static ImmutableSortedDictionary<string, double> Metrics(double value) =>
        ImmutableSortedDictionary<string, double>.Empty.Add("rmse", value);

    private static WorkCompleted Completed(int part) => new($"fit-first-{part}", Part(part), []);

    /// <summary>A result of part i whose sum of squares is least for part 2.</summary>
    private static FitKineticsWorkResult Part(int part)
    {
        var (first, count) = ModelDecider.Range(Fit.Starts, Fit.Parts, part);
        double sum = part switch { 0 => 13, 1 => 12, 2 => 10, _ => 11 };
        var interval = new Interval([100.0 + part], [0.01], sum, 4);
        return new FitKineticsWorkResult(first, [.. Enumerable.Repeat(sum, count)], first, [0], interval, interval, [1, 2], [1, 0, 0, 1], 0);
    }

    private static ModelState Given(params IEvent[] history) => history.Aggregate(ModelState.Empty, (state, e) => Decider.Apply(state, e));

    private static IReadOnlyList<Effect> When(IEvent[] history, ICommand command) => Decider.Decide(Given(history), command, Context);

    private static IEvent[] Persisted(IReadOnlyList<Effect> effects) => [.. effects.OfType<Effect.Persist>().Select(p => p.Event)];

    private static IReply ReplyOf(IReadOnlyList<Effect> effects) => Assert.Single(effects.OfType<Effect.Reply>()).Message;

    private static Rejected Refusal(IReadOnlyList<Effect> effects)
    {
        Assert.Empty(Persisted(effects));
        return Assert.IsType<Rejected>(ReplyOf(effects));
    }
}
