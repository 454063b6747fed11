using System.Collections.Immutable;
using Athanor.Actors.Training;
using Athanor.Protocol;
using Athanor.Protocol.Training;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Actors.Tests.Training;

public sealed class TrainingDeciderTests
{
    private static readonly EntityAddress Address = EntityAddress.Of("training", "run");
    private static readonly DecisionContext Context = new(Address, DateTimeOffset.UnixEpoch, 1);
    private static readonly string DataHash = new('a', 64);

    /// <summary>25 steps in segments of 10: three segments, the last of 5.</summary>
    private static readonly TrainingSpec Spec = new(
        "perceptron", [3, 8, 2], DataHash, 3, 2, 7, 25, 10, 32, 0.01, 0.0, 0.0, ImmutableSortedDictionary<string, double>.Empty);

    private readonly TrainingDecider _decider = new();

    [Fact]
    public void A_start_is_recorded_answered_and_dispatches_the_first_segment_from_no_checkpoint()
    {
        var effects = Decide(Given(), new StartTraining(Spec));
        Assert.Equal([new TrainingStarted(Spec)], Persisted(effects));
        var dispatch = Assert.Single(effects.OfType<Effect.Dispatch>());
        Assert.Equal("segment-0", dispatch.Name);
        Assert.Equal(new TrainingSegment(Spec, 0, 0, 10, ""), dispatch.Spec);
        Assert.Equal(7UL, dispatch.Seed);
        Assert.Equal([DataHash], dispatch.Inputs.ToArray());
        Assert.IsType<Done>(Answered(effects));
    }

    [Fact]
    public void Segments_follow_one_another_from_checkpoint_to_checkpoint_until_the_run_is_finished()
    {
        var state = Given(new TrainingStarted(Spec));
        for (var k = 0; k < 3; k++)
        {
            var effects = Decide(state, Completed(k));
            state = Apply(state, effects);
            var next = effects.OfType<Effect.Dispatch>().ToArray();
            if (k == 2)
            {
                Assert.Empty(next);
                continue;
            }
            Assert.Equal(new TrainingSegment(Spec, k + 1, 10 * (k + 1), k == 0 ? 10 : 5, Checkpoint(k)), Assert.Single(next).Spec);
            Assert.Equal([DataHash, Checkpoint(k)], next[0].Inputs.ToArray());
        }
        var view = Assert.IsType<TrainingView>(_decider.Answer(state, new GetTraining()));
        Assert.Equal(TrainingPhase.Finished, view.Phase);
        Assert.Equal(25, view.Step);
        Assert.Equal([0.5, 0.25, 0.125], view.Losses.ToArray());
        Assert.Equal(Checkpoint(2), view.Final);
    }

    [Fact]
    public void The_same_start_again_is_answered_and_changes_nothing_and_another_spec_is_a_conflict()
    {
        var state = Given(new TrainingStarted(Spec));
        var again = Decide(state, new StartTraining(Spec with { Sizes = [3, 8, 2] }));
        Assert.IsType<Done>(Assert.IsType<Effect.Reply>(Assert.Single(again)).Message);
        var other = Decide(state, new StartTraining(Spec with { Seed = 8 }));
        Assert.Equal("conflict", Assert.IsType<Rejected>(Assert.IsType<Effect.Reply>(Assert.Single(other)).Message).Code);
    }

    public static TheoryData<string, Func<TrainingSpec, TrainingSpec>> BadSpecs => new()
    {
        { "sizes[0] = 3 would be right", s => s with { Sizes = [4, 8, 2] } },
        { "a last size of 2 would be right", s => s with { Sizes = [3, 8, 1] } },
        { "layer 1 has width 0", s => s with { Sizes = [3, 0, 2] } },
        { "at least its inputs and outputs", s => s with { Sizes = [3] } },
        { "no SHA-256", s => s with { Data = "data.csv" } },
        { "names no task", s => s with { Task = "" } },
        { "total steps are 0", s => s with { TotalSteps = 0 } },
        { "segment steps are 0", s => s with { SegmentSteps = 0 } },
        { "more than 500 segments", s => s with { TotalSteps = 100_000 } },
        { "batch rows are 0", s => s with { BatchRows = 0 } },
        { "learning rate is NaN", s => s with { LearningRate = double.NaN } },
        { "final learning rate is 1", s => s with { FinalLearningRate = 1.0 } },
        { "setting 'x' is NaN", s => s with { Settings = s.Settings.Add("x", double.NaN) } },
    };

    [Theory]
    [MemberData(nameof(BadSpecs))]
    public void A_spec_that_does_not_fit_together_is_refused_with_what_would_be_right(string says, Func<TrainingSpec, TrainingSpec> change)
    {
        var effects = Decide(Given(), new StartTraining(change(Spec)));
        var rejected = Assert.IsType<Rejected>(Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message);
        Assert.Equal("invalid", rejected.Code);
        Assert.Contains(says, rejected.Reason);
    }

    [Fact]
    public void A_segments_result_counts_once()
    {
        var state = Apply(Given(new TrainingStarted(Spec)), Decide(Given(new TrainingStarted(Spec)), Completed(0)));
        Assert.Empty(Decide(state, Completed(0)));
        Assert.Empty(Decide(state, new WorkCompleted("segment-2", Result(2), [])));
        Assert.Empty(Decide(state, new WorkFailed("segment-0", "late", false)));
    }

    [Fact]
    public void A_segment_that_fails_is_dispatched_again_from_its_checkpoint_and_after_three_attempts_the_run_is_parked()
    {
        var state = Given(new TrainingStarted(Spec), Segment(0));
        var first = Decide(state, new WorkFailed("segment-1", "out of memory", false));
        Assert.Equal([new SegmentRetried(1, 1, "out of memory")], Persisted(first));
        var dispatch = Assert.Single(first.OfType<Effect.Dispatch>());
        Assert.Equal("segment-1-again-1", dispatch.Name);
        Assert.Equal(Checkpoint(0), ((TrainingSegment)dispatch.Spec).Checkpoint);

        state = Apply(state, first);
        Assert.Empty(Decide(state, new WorkFailed("segment-1", "late", false)));
        state = Apply(state, Decide(state, new WorkFailed("segment-1-again-1", "again", false)));
        var last = Decide(state, new WorkFailed("segment-1-again-2", "and again", false));
        Assert.Equal([new TrainingParked("segment 1 failed 3 times, at last: and again")], Persisted(last));
        state = Apply(state, last);
        Assert.Empty(Decide(state, new WorkFailed("segment-1-again-2", "and again", false)));
        var view = Assert.IsType<TrainingView>(_decider.Answer(state, new GetTraining()));
        Assert.Equal((TrainingPhase.Parked, 1, null), (view.Phase, view.Checkpoints.Length, view.Final));
    }

    [Fact]
    public void A_segment_whose_slot_was_killed_three_times_parks_the_run_and_a_command_resumes_it_from_its_checkpoint()
    {
        var state = Given(new TrainingStarted(Spec), Segment(0));
        var parked = Decide(state, new WorkFailed("segment-1", "parked after 3 deaths in a row", true));
        Assert.Equal([new TrainingParked("segment 1: parked after 3 deaths in a row")], Persisted(parked));
        state = Apply(state, parked);
        Assert.Empty(Decide(state, Completed(1)));
        var resumed = Decide(state, new ResumeTraining("more memory"));
        Assert.Equal([new TrainingResumed("more memory")], Persisted(resumed));
        var dispatch = Assert.Single(resumed.OfType<Effect.Dispatch>());
        Assert.Equal("segment-1-again-1", dispatch.Name);
        Assert.Equal(Checkpoint(0), ((TrainingSegment)dispatch.Spec).Checkpoint);
        state = Apply(state, resumed);
        Assert.Equal((TrainingPhase.Running, ""), (state.Phase, state.Reason));
        Assert.IsType<Done>(Assert.IsType<Effect.Reply>(Assert.Single(Decide(state, new ResumeTraining("again")))).Message);
        state = Apply(state, Decide(state, new WorkCompleted("segment-1-again-1", Result(1), [])));
        Assert.Equal((2, 0), (state.Checkpoints.Length, state.Attempt));
    }

    [Fact]
    public void A_run_that_failed_in_a_journal_of_the_first_release_is_read_and_stays_failed()
    {
        var state = Given(new TrainingStarted(Spec), new TrainingFailed("segment 0 failed 3 times"));
        Assert.Equal(TrainingPhase.Failed, state.Phase);
        Assert.Equal("conflict", Assert.IsType<Rejected>(Answered(Decide(state, new ResumeTraining("")))).Code);
    }

    [Fact]
    public void A_retried_segment_that_succeeds_lets_the_next_one_have_all_its_attempts()
    {
        var state = Given(new TrainingStarted(Spec), new SegmentRetried(0, 2, "x"));
        state = Apply(state, Decide(state, new WorkCompleted("segment-0-again-2", Result(0), [])));
        var retry = Decide(state, new WorkFailed("segment-1", "x", false));
        Assert.Equal([new SegmentRetried(1, 1, "x")], Persisted(retry));
    }

    [Fact]
    public void A_result_of_another_segment_or_without_a_checkpoint_counts_as_a_failure()
    {
        var state = Given(new TrainingStarted(Spec));
        foreach (var wrong in new[] { Result(1), Result(0) with { Step = 9 }, Result(0) with { Checkpoint = "" } })
            Assert.IsType<SegmentRetried>(Assert.Single(Persisted(Decide(state, new WorkCompleted("segment-0", wrong, [])))));
    }

    [Fact]
    public void A_cancel_ends_the_run_stops_the_work_and_keeps_the_checkpoints()
    {
        var state = Given(new TrainingStarted(Spec), Segment(0));
        var effects = Decide(state, new CancelTraining("enough"));
        Assert.Equal([new TrainingCancelled("enough")], Persisted(effects));
        Assert.Equal("segment-1", Assert.Single(effects.OfType<Effect.CancelWork>()).Name);
        state = Apply(state, effects);
        Assert.Empty(Decide(state, Completed(1)));
        Assert.IsType<Done>(Answered(Decide(state, new CancelTraining("twice"))));
        var view = Assert.IsType<TrainingView>(_decider.Answer(state, new GetTraining()));
        Assert.Equal((TrainingPhase.Cancelled, "enough", 1), (view.Phase, view.Reason, view.Checkpoints.Length));
    }

    [Fact]
    public void Only_a_run_that_goes_on_can_be_cancelled()
    {
        Assert.Equal("not-found", Assert.IsType<Rejected>(Answered(Decide(Given(), new CancelTraining("")))).Code);
        var finished = Given(new TrainingStarted(Spec), Segment(0), Segment(1), Segment(2), new TrainingFinished(Checkpoint(2)));
        Assert.Equal("conflict", Assert.IsType<Rejected>(Answered(Decide(finished, new CancelTraining("")))).Code);
    }

    [Fact]
    public void Whatever_comes_in_whatever_order_no_segment_is_recorded_twice_and_one_is_out_while_the_run_goes_on()
    {
        // Commands by number: completions and failures of any attempt of any segment, and rarely a cancel.
        ICommand Command(int n) => (n % 31) switch
        {
            30 => new CancelTraining("chance"),
            var k when k % 2 == 0 => new WorkCompleted(WorkName(k / 2 % 3, k / 6 % 3), Result(k / 2 % 3), []),
            var k => new WorkFailed(WorkName(k / 2 % 3, k / 6 % 3), "chance", false),
        };
        Prop.ForAll(Gen.Choose(0, 1000).ArrayOf(40).ToArbitrary(), numbers =>
        {
            var state = Given();
            var effects = Decide(state, new StartTraining(Spec));
            state = Apply(state, effects);
            var dispatched = new List<string> { "segment-0" };
            foreach (var n in numbers)
            {
                effects = Decide(state, Command(n));
                state = Apply(state, effects);
                dispatched.AddRange(effects.OfType<Effect.Dispatch>().Select(d => d.Name));
                var running = state.Phase == TrainingPhase.Running;
                if (running != (dispatched[^1] == WorkName(state.Checkpoints.Length, state.Attempt) && running)) return false;
                if (state.Step != Math.Min(25, 10 * state.Checkpoints.Length)) return false;
                if (state.Phase == TrainingPhase.Finished && state.Checkpoints.Length != 3) return false;
            }
            return dispatched.Distinct().Count() == dispatched.Count && state.Checkpoints.Length <= 3;
        }).QuickCheckThrowOnFailure();
    }

    private static string WorkName(int segment, int attempt) => attempt == 0 ? $"segment-{segment}" : $"segment-{segment}-again-{attempt}";

    private static string Checkpoint(int segment) => new((char)('b' + segment), 64);

    private static TrainingSegmentResult Result(int segment) => new(
        segment, Math.Min(25, 10 * (segment + 1)), Checkpoint(segment), 0.5 / (1 << segment),
        ImmutableSortedDictionary<string, double>.Empty);

    private static WorkCompleted Completed(int segment) => new($"segment-{segment}", Result(segment), [Checkpoint(segment)]);

    private static SegmentDone Segment(int segment)
    {
        var result = Result(segment);
        return new SegmentDone(segment, result.Step, result.Checkpoint, result.Loss, result.Metrics);
    }

    private TrainingState Given(params IEvent[] events) => events.Aggregate(_decider.Initial(Address), _decider.Apply);

    private IReadOnlyList<Effect> Decide(TrainingState state, ICommand command) => _decider.Decide(state, command, Context);

    private TrainingState Apply(TrainingState state, IReadOnlyList<Effect> effects) => Persisted(effects).Aggregate(state, _decider.Apply);

    private static IEvent[] Persisted(IReadOnlyList<Effect> effects) => [.. effects.OfType<Effect.Persist>().Select(p => p.Event)];

    private static IReply Answered(IReadOnlyList<Effect> effects) => Assert.Single(effects.OfType<Effect.Reply>()).Message;
}
