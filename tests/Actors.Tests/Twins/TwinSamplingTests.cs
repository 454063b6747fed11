using System.Collections.Immutable;
using Athanor.Actors.Twins;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Tests.Twins;

public class TwinSamplingTests
{
    private static readonly EntityAddress Address = EntityAddress.Of("twins", "reactor-1");
    private static readonly TwinDecider Decider = new();
    private static readonly DateTimeOffset Begin = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 13, 0, 0, TimeSpan.Zero);

    private static readonly TwinSpec Spec = new(
        "a reactor", new TwinModel(HeaterModel.BalanceKind, 1, "textbook", HeaterParameters.Textbook.ToArray(), []), 1, 30, 10, 4);

    private static readonly TwinSpec WithSignals = Spec with { Signals = new TwinSignals("heater", "temperature") };

    private static TwinState Given(TwinSpec spec, params ICommand[] commands) =>
        commands.Aggregate(Decider.Apply(Decider.Initial(Address), new TwinRegistered(spec)), (s, c) => After(s, When(s, c)));

    private static IReadOnlyList<Effect> When(TwinState state, ICommand command) =>
        Decider.Decide(state, command, new DecisionContext(Address, Now, 1));

    private static TwinState After(TwinState state, IReadOnlyList<Effect> effects) =>
        effects.OfType<Effect.Persist>().Aggregate(state, (s, p) => Decider.Apply(s, p.Event));

    private static T Reply<T>(IReadOnlyList<Effect> effects)
        where T : IReply => Assert.IsType<T>(Assert.Single(effects.OfType<Effect.Reply>()).Message);

    private static Sample At(int second, double value = 1, string signal = "pressure", long sequence = 0) =>
        new(signal, Begin.AddSeconds(second), sequence, value);

    private static Observe Of(params Sample[] samples) => new([.. samples]);

    private static SignalView Signal(TwinState state, string name) =>
        Assert.IsType<TwinSignalsView>(Decider.Answer(state, new TwinSignalsQuery())).Signals[name];

    [Fact]
    public void Several_samples_are_one_event()
    {
        var effects = When(Given(Spec), Of(At(1), At(2), At(1, signal: "level")));
        var taken = Assert.IsType<SamplesTaken>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal(3, taken.Samples.Length);
        Assert.Equal(new SamplesAccepted(3, 0, 0), Reply<SamplesAccepted>(effects));
    }

    [Fact]
    public void A_sample_sent_again_takes_effect_once()
    {
        var state = Given(Spec, Of(At(1), At(2)));
        var again = When(state, Of(At(1), At(2)));
        Assert.Equal(new SamplesAccepted(0, 2, 0), Reply<SamplesAccepted>(again));
        Assert.Empty(again.OfType<Effect.Persist>());

        // Within one command too, and with new ones between.
        var mixed = When(state, Of(At(2), At(3), At(3), At(1)));
        Assert.Equal(new SamplesAccepted(1, 3, 0), Reply<SamplesAccepted>(mixed));
        Assert.Equal(3, Signal(After(state, mixed), "pressure").Count);
    }

    [Fact]
    public void The_same_time_with_another_sequence_is_another_sample()
    {
        var state = Given(Spec, Of(At(1, sequence: 1)));
        Assert.Equal(new SamplesAccepted(1, 1, 0), Reply<SamplesAccepted>(When(state, Of(At(1, sequence: 1), At(1, sequence: 2)))));
    }

    [Fact]
    public void Out_of_order_inside_the_window_a_sample_takes_effect_once_and_the_latest_value_stays()
    {
        var state = Given(Spec, Of(At(10, 10), At(12, 12)));
        var between = When(state, Of(At(11, 11)));
        Assert.Equal(new SamplesAccepted(1, 0, 0), Reply<SamplesAccepted>(between));
        state = After(state, between);
        Assert.Equal(12, Signal(state, "pressure").Latest.Value);
        Assert.Equal(3, Signal(state, "pressure").Count);
        Assert.Equal(new SamplesAccepted(0, 1, 0), Reply<SamplesAccepted>(When(state, Of(At(11, 11)))));
    }

    [Fact]
    public void Older_than_the_window_a_sample_is_recorded_as_late_and_not_applied()
    {
        var state = Given(Spec, [.. Enumerable.Range(100, TwinSampling.Window).Select(i => Of(At(i, i)))]);
        var effects = When(state, Of(At(50, 50)));
        var recorded = Assert.IsType<SamplesTaken>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Empty(recorded.Samples);
        Assert.Equal(50, Assert.Single(recorded.Late).Value);
        Assert.Equal(new SamplesAccepted(0, 0, 1), Reply<SamplesAccepted>(effects));
        var after = After(state, effects);
        Assert.Equal(1, Assert.IsType<TwinSignalsView>(Decider.Answer(after, new TwinSignalsQuery())).Late);
        Assert.Equal(TwinSampling.Window, Signal(after, "pressure").Count);

        // The oldest that is still in the window is known; one second later it has left it.
        Assert.Equal(new SamplesAccepted(0, 1, 0), Reply<SamplesAccepted>(When(state, Of(At(100)))));
        Assert.Equal(new SamplesAccepted(0, 0, 1), Reply<SamplesAccepted>(When(After(state, When(state, Of(At(164)))), Of(At(100)))));
    }

    [Fact]
    public void Without_a_source_time_a_sample_is_marked_and_told_apart_by_its_sequence()
    {
        var state = Given(Spec);
        var effects = When(state, Of(new Sample("level", null, 7, 3.5)));
        var taken = Assert.Single(Assert.IsType<SamplesTaken>(Assert.Single(effects.OfType<Effect.Persist>()).Event).Samples);
        Assert.Equal(new TakenSample("level", Now, 7, 3.5, Arrival: true), taken);
        state = After(state, effects);

        // Handled again later, at another time of arrival: the same sample all the same.
        var again = Decider.Decide(state, Of(new Sample("level", null, 7, 3.5)), new DecisionContext(Address, Now.AddMinutes(5), 2));
        Assert.Equal(new SamplesAccepted(0, 1, 0), Reply<SamplesAccepted>(again));
        Assert.Contains("neither a source time nor a sequence", Reply<Rejected>(When(state, Of(new Sample("level", null, 0, 1)))).Reason);
    }

    [Fact]
    public void What_is_no_sample_is_refused_with_what_would_be_right()
    {
        var state = Given(Spec);
        Assert.Equal("not-found", Reply<Rejected>(When(Decider.Initial(Address), Of(At(1)))).Code);
        Assert.Contains("pressure is NaN", Reply<Rejected>(When(state, Of(At(1, double.NaN)))).Reason);
        Assert.Contains("'a b' is no signal", Reply<Rejected>(When(state, Of(At(1, signal: "a b")))).Reason);
        Assert.Contains("0 samples", Reply<Rejected>(When(state, Of())).Reason);
        Assert.Contains("sequence of pressure is -1", Reply<Rejected>(When(state, Of(At(1, sequence: -1)))).Reason);
        var many = Given(Spec, Of([.. Enumerable.Range(0, TwinSampling.MaxSignals).Select(i => At(1, signal: $"s{i}"))]));
        Assert.Contains("at most 256 are kept", Reply<Rejected>(When(many, Of(At(1, signal: "one-more")))).Reason);
    }

    [Fact]
    public void Samples_of_the_model_s_signals_make_rows_once_and_only_forward()
    {
        var state = Given(WithSignals);
        var effects = When(state, Of(At(1, 25, "temperature"), At(1, 40, "heater"), At(2, 26, "temperature"), At(2, 9, "level")));
        var rows = Assert.IsType<RowsTaken>(effects.OfType<Effect.Persist>().Last().Event);
        Assert.Equal(1, rows.FirstRow);
        Assert.Equal([40.0, 40.0], rows.Inputs);
        Assert.Equal([25.0, 26.0], rows.Measured);
        Assert.Equal(1, rows.TimesS[1] - rows.TimesS[0]);
        Assert.Single(effects.OfType<Effect.StartCompute>());
        state = After(state, effects);

        // While they are filtered, what would make rows waits; what would not does not.
        Assert.IsType<Effect.Stash>(Assert.Single(When(state, Of(At(3, 27, "temperature")))));
        Assert.Equal(1, Reply<SamplesAccepted>(When(state, Of(At(3, 9, "level")))).Taken);
        state = Decider.Apply(state, new TwinEstimated(new TwinEstimate(2, rows.TimesS[1], [1, 1, 1, 1], new double[16]), [25, 26], [1, 1], 1));

        // Sent again: no row. Out of order: recorded, no row.
        Assert.Empty(When(state, Of(At(2, 26, "temperature"))).OfType<Effect.Persist>());
        var old = When(state, Of(new Sample("temperature", Begin.AddSeconds(1.5), 0, 25.5)));
        Assert.IsType<SamplesTaken>(Assert.Single(old.OfType<Effect.Persist>()).Event);
    }

    [Fact]
    public void A_move_is_numbered_and_says_how_long_it_stands()
    {
        var setpoints = ImmutableSortedDictionary<string, double>.Empty.Add("valve", 0.4);
        var state = Given(Spec, new MakeMove(setpoints, TimeSpan.FromSeconds(10)));
        var effects = When(state, new MakeMove(setpoints, TimeSpan.FromSeconds(20)));
        var moved = Assert.IsType<TwinMoved>(Assert.Single(effects.OfType<Effect.Persist>()).Event);
        Assert.Equal((2, Now.AddSeconds(20)), (moved.Sequence, moved.ValidUntil));
        Assert.Equal(2, Reply<MoveMade>(effects).Sequence);
        Assert.Contains("valid for 0 s", Reply<Rejected>(When(state, new MakeMove(setpoints, TimeSpan.Zero))).Reason);
        Assert.Contains("0 actuators", Reply<Rejected>(When(state, new MakeMove(setpoints.Clear(), TimeSpan.FromSeconds(1)))).Reason);
        Assert.Contains("valve is NaN", Reply<Rejected>(When(state, new MakeMove(setpoints.SetItem("valve", double.NaN), TimeSpan.FromSeconds(1)))).Reason);
    }

    [Fact]
    public void In_any_order_and_any_number_of_times_each_sample_inside_the_window_takes_effect_once()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var samples = Enumerable.Range(0, TwinSampling.Window).Select(i => At(i, i)).ToArray();
            var state = Given(Spec);
            var sent = samples.Concat(samples).Concat(samples).OrderBy(_ => random.Next()).ToArray();
            foreach (var chunk in sent.Chunk(random.Next(1, 20))) state = After(state, When(state, Of(chunk)));
            var signal = Signal(state, "pressure");
            Assert.True(signal.Count == samples.Length && signal.Latest.Value == samples[^1].Value, $"seed {seed}: {signal}");
        }
    }

    [Fact]
    public void A_twin_that_never_heard_of_a_plant_has_the_bytes_that_it_always_had()
    {
        var messages = MessageRegistry.Of(ProtocolMessages.AddTo, ActorsMessages.AddTo);
        var bytes = messages.Encode(Given(Spec));
        // A map of the 12 keys of the first release, less the nulls among them; an older build reads it.
        Assert.Equal(0x8b, bytes[0]);
        Assert.Null(((TwinState)messages.Decode("twins.state", 1, bytes)).Plant);
    }
}
