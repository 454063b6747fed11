using Athanor.Actors.Twins;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Tests.Twins;

public class TwinDeciderTests
{
    private static readonly EntityAddress Address = EntityAddress.Of("twins", "heater");
    private static readonly TwinDecider Decider = new();

    private static readonly TwinModel First = new(HeaterModel.BalanceKind, 1, "textbook", HeaterParameters.Textbook.ToArray(), []);

    private static readonly TwinSpec Spec = new("a heater", First, NominalStepS: 1, MaxGapS: 30, AlarmWindow: 10, AlarmNis: 4);

    private static TwinState Given(params IEvent[] events) => events.Aggregate(Decider.Initial(Address), Decider.Apply);

    private static IReadOnlyList<Effect> When(TwinState state, ICommand command) =>
        Decider.Decide(state, command, new DecisionContext(Address, DateTimeOffset.UnixEpoch, 1));

    private static T Reply<T>(IReadOnlyList<Effect> effects)
        where T : IReply => Assert.IsType<T>(Assert.Single(effects.OfType<Effect.Reply>()).Message);

    private static Rejected Refusal(IReadOnlyList<Effect> effects)
    {
        Assert.Empty(effects.OfType<Effect.Persist>());
        return Reply<Rejected>(effects);
    }

    private static Measure Rows(long first, int count) => new(
        first, [.. Enumerable.Range(0, count).Select(i => (double)(first + i))], [.. Enumerable.Repeat(40.0, count)],
        [.. Enumerable.Repeat(25.0, count)]);

    private static RowsTaken Taken(long first, int count)
    {
        var rows = Rows(first, count);
        return new RowsTaken(first, rows.TimesS, rows.Inputs, rows.Measured);
    }

    private static TwinEstimate EstimateOf(long row, int n = 4) =>
        new(row, row, [.. Enumerable.Repeat(25.0 + row, n)], [.. Enumerable.Repeat(0.5, n * n)]);

    private static TwinEstimated Estimated(long row, double nis = 1.0) => new(EstimateOf(row), [25], [0.1], nis);

    private static ComputeCompleted Filtered(string name, long row, double nis = 1.0) =>
        new(name, new RowsFiltered(EstimateOf(row), [25], [0.1], nis));

    [Fact]
    public void Given_nothing_when_registered_then_the_twin_exists_with_its_first_model()
    {
        var effects = When(Given(), new RegisterTwin(Spec));
        Assert.Equal(Spec, Assert.IsType<TwinRegistered>(Assert.IsType<Effect.Persist>(effects[0]).Event).Spec);
        Reply<Done>(effects);
        var view = Assert.IsType<TwinView>(Decider.Answer(Given(new TwinRegistered(Spec)), new TwinQuery()));
        Assert.Equal(4, view.StateNames.Length);
        Assert.Equal(new TwinAdoption(1, HeaterModel.BalanceKind, "textbook", 0), Assert.Single(view.Adoptions));
    }

    [Fact]
    public void Registered_again_with_the_same_spec_it_has_no_effect_and_with_another_it_is_a_conflict()
    {
        var state = Given(new TwinRegistered(Spec));
        var copy = Spec with { Model = First with { Parameters = [.. First.Parameters] } };
        Reply<Done>(When(state, new RegisterTwin(copy)));
        Assert.Empty(When(state, new RegisterTwin(copy)).OfType<Effect.Persist>());
        Assert.Equal("conflict", Refusal(When(state, new RegisterTwin(Spec with { AlarmNis = 5 }))).Code);
    }

    [Fact]
    public void A_spec_that_makes_no_sense_is_refused_with_the_value_that_is_wrong()
    {
        void Refused(TwinSpec spec, string part)
        {
            var refusal = Refusal(When(Given(), new RegisterTwin(spec)));
            Assert.Equal("invalid", refusal.Code);
            Assert.Contains(part, refusal.Reason, StringComparison.Ordinal);
        }
        Refused(Spec with { Unit = "" }, "unit");
        Refused(Spec with { MaxGapS = 0.5 }, "longest gap is 0.5");
        Refused(Spec with { NominalStepS = double.NaN }, "nominal step");
        Refused(Spec with { AlarmWindow = 0 }, "alarm window");
        Refused(Spec with { Model = First with { Kind = "heater.oracle" } }, "heater.oracle");
        Refused(Spec with { Model = First with { Parameters = [1, 2] } }, "13 parameters");
        Refused(Spec with { Model = First with { Weights = [1] } }, "takes no weights");
        Refused(Spec with { Model = First with { Version = 2 } }, "version 2");
        double[] negative = [.. First.Parameters];
        negative[3] = -20;
        Refused(Spec with { Model = First with { Parameters = negative } }, "SensorLag");
    }

    [Fact]
    public void Rows_for_a_twin_that_was_never_registered_are_refused()
    {
        Assert.Equal("not-found", Refusal(When(Given(), Rows(1, 3))).Code);
        Assert.Equal("not-found", Assert.IsType<Rejected>(Decider.Answer(Given(), new TwinQuery())).Code);
    }

    [Fact]
    public void Rows_go_into_the_journal_are_answered_and_wait_for_the_filter()
    {
        var before = Given(new TwinRegistered(Spec));
        var effects = When(before, Rows(1, 3));
        var taken = Assert.IsType<RowsTaken>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal([1.0, 2.0, 3.0], taken.TimesS);
        Assert.Equal(3, Reply<RowsAccepted>(effects).LastRow);
        var started = Assert.Single(effects.OfType<Effect.StartCompute>());

        // What the state says it awaits is what was started, so a new owner asks for the same.
        var state = Decider.Apply(before, taken);
        var awaited = Assert.Single(Decider.Awaiting(state));
        Assert.Equal(started.Name, awaited.Name);
        var (a, b) = ((FilterRows)started.Request, (FilterRows)awaited.Request);
        Assert.Equal(a.TimesS, b.TimesS);
        Assert.Equal(a.Measured, b.Measured);
        Assert.Equal(a.FirstRow, b.FirstRow);
        Assert.Empty(Decider.Awaiting(Decider.Apply(state, Estimated(3))));
    }

    [Fact]
    public void While_the_filter_is_awaited_rows_and_models_are_stashed_and_queries_answered()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3));
        Assert.IsType<Effect.Stash>(Assert.Single(When(state, Rows(4, 3))));
        Assert.IsType<Effect.Stash>(Assert.Single(When(state, new AdoptModel(First with { Version = 2 }))));
        var view = Assert.IsType<TwinView>(Decider.Answer(state, new TwinQuery()));
        Assert.True(view.Busy);
        Assert.Equal(3, view.Taken);
        Assert.Equal(0, view.Estimate.Row);
    }

    [Fact]
    public void The_estimate_is_copied_from_the_result_and_kept_in_the_history()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3));
        var name = Assert.Single(Decider.Awaiting(state)).Name;
        var recorded = Assert.IsType<TwinEstimated>(Assert.IsType<Effect.Persist>(Assert.Single(When(state, Filtered(name, 3)))).Event);
        var after = Decider.Apply(state, recorded);
        Assert.Equal(EstimateOf(3).State, after.Estimate.State);
        Assert.Equal([40.0], after.LastInputs);
        Assert.Null(after.Pending);
        var history = Assert.IsType<TwinHistory>(Decider.Answer(after, new TwinHistoryQuery(0)));
        Assert.Equal(3, Assert.Single(history.Estimates).Row);
        Assert.Empty(Assert.IsType<TwinHistory>(Decider.Answer(after, new TwinHistoryQuery(3))).Estimates);
    }

    [Fact]
    public void A_result_that_is_not_awaited_changes_nothing()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3));
        Assert.Empty(When(state, Filtered("filter-0-0", 3)));
        var name = Assert.Single(Decider.Awaiting(state)).Name;
        Assert.Empty(When(Decider.Apply(state, Estimated(3)), Filtered(name, 3)));
        Assert.Empty(When(Decider.Apply(state, Estimated(3)), new ComputeFailed(name, "late")));
    }

    [Fact]
    public void A_row_seen_before_takes_effect_once()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3));
        var again = When(state, Rows(1, 3));
        Assert.Equal(3, Reply<RowsAccepted>(again).LastRow);
        Assert.Empty(again.OfType<Effect.Persist>());
        Assert.Empty(again.OfType<Effect.StartCompute>());

        // Partly seen: the rest is taken.
        var rest = Assert.IsType<RowsTaken>(Assert.Single(When(state, Rows(2, 4)).OfType<Effect.Persist>()).Event);
        Assert.Equal(4, rest.FirstRow);
        Assert.Equal([4.0, 5.0], rest.TimesS);

        // A batch that is being filtered, sent again, is not stashed but answered.
        Assert.Equal(3, Reply<RowsAccepted>(When(Given(new TwinRegistered(Spec), Taken(1, 3)), Rows(1, 3))).LastRow);
    }

    [Fact]
    public void A_row_that_skips_one_is_a_conflict_that_says_which_is_next()
    {
        var refusal = Refusal(When(Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3)), Rows(6, 2)));
        Assert.Equal("conflict", refusal.Code);
        Assert.Contains("row 6 was sent where row 4 is next", refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.NaN, 40, 25, "row 5: the time is NaN")]
    [InlineData(5, double.PositiveInfinity, 25, "row 5: the input is Infinity")]
    [InlineData(5, 40, double.NaN, "row 5: the measured value is NaN")]
    [InlineData(4, 40, 25, "row 5: duplicate time 4 s; row 4 has the same")]
    [InlineData(3.5, 40, 25, "row 5: time runs back from 4 s to 3.5 s")]
    public void A_bad_row_is_refused_with_its_number(double time, double input, double measured, string expected)
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3));
        var refusal = Refusal(When(state, new Measure(4, [4, time], [40, input], [25, measured])));
        Assert.Equal("invalid", refusal.Code);
        Assert.Contains(expected, refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Time_must_rise_against_the_last_row_taken_too()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3));
        Assert.Contains("row 4: duplicate time 3 s", Refusal(When(state, new Measure(4, [3], [40], [25]))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_of_different_lengths_are_refused()
    {
        var state = Given(new TwinRegistered(Spec));
        Assert.Contains("2 times came with 1 inputs", Refusal(When(state, new Measure(1, [1, 2], [40], [25, 25]))).Reason, StringComparison.Ordinal);
        Assert.Contains("0 rows", Refusal(When(state, new Measure(1, [], [], []))).Reason, StringComparison.Ordinal);
        Assert.Contains("numbered from 1", Refusal(When(state, Rows(0, 1))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_the_filter_fails_on_are_tried_again_then_set_aside_and_the_twin_goes_on()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3), Taken(4, 2));
        for (var attempt = 1; attempt < TwinDecider.MaxAttempts; attempt++)
        {
            var effects = When(state, new ComputeFailed(Assert.Single(Decider.Awaiting(state)).Name, "diverged"));
            var retried = Assert.IsType<FilterRetried>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
            Assert.Equal(attempt, retried.Attempt);
            state = Decider.Apply(state, retried);
            Assert.Equal(Assert.Single(effects.OfType<Effect.StartCompute>()).Name, Assert.Single(Decider.Awaiting(state)).Name);
        }
        var last = When(state, new ComputeFailed(Assert.Single(Decider.Awaiting(state)).Name, "diverged"));
        state = Decider.Apply(state, Assert.Single(last.OfType<Effect.Persist>()).Event);
        Assert.Equal(2, state.SetAside);
        Assert.Equal(3, state.Estimate.Row);
        Assert.Equal(6, Assert.IsType<RowsTaken>(Assert.Single(When(state, Rows(6, 1)).OfType<Effect.Persist>()).Event).FirstRow);
    }

    [Fact]
    public void Innovations_outside_the_limit_raise_one_alarm_which_is_cleared_when_they_are_well_inside_again()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 1), Estimated(1), Taken(2, 1));
        IReadOnlyList<IEvent> Next(long row, double nis)
        {
            var events = When(state, Filtered(Assert.Single(Decider.Awaiting(state)).Name, row, nis)).Cast<Effect.Persist>().Select(p => p.Event).ToArray();
            state = events.Aggregate(state, Decider.Apply);
            state = Decider.Apply(state, Taken(row + 1, 1));
            return events;
        }
        Assert.IsType<AlarmRaised>(Next(2, 4.1)[1]);
        Assert.Single(Next(3, 9.0));
        Assert.Single(Next(4, 3.0));
        Assert.IsType<AlarmCleared>(Next(5, 1.9)[1]);
        Assert.Equal(new TwinAlarm(2, 5, 4.1), Assert.Single(state.Alarms));
    }

    [Fact]
    public void A_model_is_adopted_from_the_estimate_that_it_brings_and_the_history_of_adoptions_grows()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3));
        var hybrid = new TwinModel(
            HeaterModel.HybridKind, 2, "models/heater@1", (HeaterParameters.Textbook with { Memory = 100 }).ToArray(), ResidualNet.Initial(2, 1));
        var effects = When(state, new AdoptModel(hybrid, EstimateOf(3, 5)));
        Reply<Done>(effects);
        state = Decider.Apply(state, Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal(5, state.Estimate.State.Length);
        Assert.Equal(new TwinAdoption(2, HeaterModel.HybridKind, "models/heater@1", 3), state.Adoptions[^1]);

        // Sent again it has no effect, even when rows went on; a version that is not higher is a conflict.
        state = new IEvent[] { Taken(4, 1), new TwinEstimated(EstimateOf(4, 5), [25], [0.1], 1) }.Aggregate(state, Decider.Apply);
        Assert.IsType<Done>(Assert.IsType<Effect.Reply>(Assert.Single(When(state, new AdoptModel(hybrid, EstimateOf(3, 5))))).Message);
        Assert.Equal("conflict", Refusal(When(state, new AdoptModel(First))).Code);
        Assert.Equal("conflict", Refusal(When(state, new AdoptModel(hybrid with { Source = "elsewhere" }))).Code);
    }

    [Fact]
    public void A_start_of_another_row_or_shape_is_refused()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3));
        var next = First with { Version = 2 };
        Assert.Equal("conflict", Refusal(When(state, new AdoptModel(next, EstimateOf(2)))).Code);
        Assert.Equal("invalid", Refusal(When(state, new AdoptModel(next, EstimateOf(3, 5)))).Code);
        Assert.Equal("invalid", Refusal(When(state, new AdoptModel(next, EstimateOf(3) with { State = [1, 2, double.NaN, 4] }))).Code);
        Assert.Contains("Gain", Refusal(When(state, new AdoptModel(next with { Parameters = new double[13] }))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_start_a_model_keeps_the_temperatures_and_takes_the_rest_from_its_prior()
    {
        var state = Given(new TwinRegistered(Spec), Taken(1, 3), Estimated(3));
        var next = First with { Version = 2, Parameters = (HeaterParameters.Textbook with { HeatLoss = 0.009 }).ToArray() };
        var adopted = Assert.IsType<ModelAdopted>(Assert.Single(When(state, new AdoptModel(next)).OfType<Effect.Persist>()).Event);
        Assert.Equal([28.0, 28.0, 0.0, 0.009], adopted.Estimate.State);
        Assert.Equal(3, adopted.Estimate.Row);
    }

    [Fact]
    public void The_history_comes_in_pages_and_keeps_the_latest()
    {
        var state = Given(new TwinRegistered(Spec));
        for (var row = 1; row <= TwinDecider.MaxHistory + 50; row++)
            state = Decider.Apply(Decider.Apply(state, Taken(row, 1)), Estimated(row));
        var rows = new List<long>();
        var more = true;
        while (more)
        {
            var page = Assert.IsType<TwinHistory>(Decider.Answer(state, new TwinHistoryQuery(rows.Count == 0 ? 0 : rows[^1])));
            rows.AddRange(page.Estimates.Select(e => e.Row));
            more = page.More;
        }
        Assert.Equal(Enumerable.Range(51, TwinDecider.MaxHistory).Select(i => (long)i), rows);
    }
}
