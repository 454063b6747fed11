using System.Collections.Immutable;
using Athanor.Actors.Training;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Training;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Actors.Tests.Training;

public sealed class RunRulesTests
{
    private static readonly EntityAddress Address = EntityAddress.Of("training", "run");
    private static readonly DecisionContext Context = new(Address, DateTimeOffset.UnixEpoch, 1);
    private static readonly string Table = new('a', 64);
    private static readonly string Model = new('f', 64);

    private static readonly RunSpec Spec = new(
        """{"kind":"perceptron","hidden":[8]}""", """{"table":"t","targets":["y"]}""", [Table], RunPrecision.Float, 7,
        new RunOptimiser(RunOptimiserKind.AdamW, 0.01, 0.0, 0.9, 0.999, 1e-8, 0.0), new RunSchedule(RunScheduleKind.Cosine, 0, 0.0, 0, 0.1),
        new RunStop(300, 0, 0.0, 0.0), new RunGuard(100.0, 0, 8, 1.0, 0.5, 5), 16, 0, 4, 1.0, 0.0, 10, [], 0, 100,
        TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(2), "");

    private readonly TrainingDecider _decider = new();

    [Fact]
    public void A_start_is_recorded_and_dispatches_the_first_segment_with_its_tables()
    {
        var effects = Decide(Given(), new StartRun(Spec));
        Assert.Equal([new RunStarted(Spec)], Persisted(effects));
        var dispatch = Assert.Single(effects.OfType<Effect.Dispatch>());
        Assert.Equal(("run-segment-0", 7UL), (dispatch.Name, dispatch.Seed));
        Assert.Equal(new RunSegment(Spec, 0, 0, "", 0), dispatch.Spec);
        Assert.Equal([Table], dispatch.Inputs.ToArray());
        Assert.IsType<Done>(Answered(effects));
    }

    [Fact]
    public void The_same_start_again_changes_nothing_and_another_spec_or_kind_of_start_is_a_conflict()
    {
        var state = Given(new RunStarted(Spec));
        Assert.IsType<Done>(Only(Decide(state, new StartRun(Spec with { Tables = [Table] }))));
        Assert.Equal("conflict", Assert.IsType<Rejected>(Only(Decide(state, new StartRun(Spec with { Seed = 8 })))).Code);
        Assert.Equal("conflict", Assert.IsType<Rejected>(Only(Decide(state, new StartTraining(new TrainingSpec(
            "perceptron", [1, 1], Table, 1, 1, 1, 1, 1, 1, 0.1, 0, 0, ImmutableSortedDictionary<string, double>.Empty))))).Code);
    }

    [Fact]
    public void Segments_follow_one_another_wherever_they_end_and_the_last_one_finishes_the_run()
    {
        var state = Given(new RunStarted(Spec));
        var at = 0L;
        foreach (var (k, step) in new[] { 110L, 120, 300 }.Index())
        {
            var effects = Decide(state, Completed(k, step, step == 300 ? RunEnd.Steps : RunEnd.None));
            state = Apply(state, effects);
            at = step;
            if (step == 300) break;
            var next = Assert.Single(effects.OfType<Effect.Dispatch>());
            Assert.Equal(new RunSegment(Spec, k + 1, 0, Checkpoint(k), 0), next.Spec);
            Assert.Equal([Table, Checkpoint(k)], next.Inputs.ToArray());
        }
        var view = View(state);
        Assert.Equal((TrainingPhase.Finished, at, 3, Model, RunEnd.Steps), (view.Phase, view.Step, view.Segments, view.Model, view.End));
        Assert.Equal([110L, 120, 300], view.Points.Select(p => p.Step));
        Assert.Empty(Decide(state, Completed(2, 300, RunEnd.Steps)));
    }

    [Fact]
    public void A_training_that_stops_early_finishes_the_run_before_its_last_step()
    {
        var state = Given(new RunStarted(Spec));
        state = Apply(state, Decide(state, Completed(0, 110, RunEnd.Patience)));
        Assert.Equal((TrainingPhase.Finished, RunEnd.Patience), (View(state).Phase, View(state).End));
    }

    [Fact]
    public void A_finished_run_registers_its_weights_as_a_version_of_the_model_that_the_spec_names()
    {
        var state = Given(new RunStarted(Spec with { Registers = "airfoil" }));
        var tells = Decide(state, Completed(0, 300, RunEnd.Steps)).OfType<Effect.Tell>().ToArray();
        Assert.All(tells, tell => Assert.Equal(EntityAddress.Of("models", "airfoil"), tell.To));
        Assert.Equal(new RegisterModel("perceptron", "Trained by training/run"), tells[0].Command);
        var added = Assert.IsType<AddVersion>(tells[1].Command);
        Assert.Equal(("training/run", 0, Table, Model), (added.Source, added.Parent, added.DataHash, added.BlobHash));
        Assert.Equal(("training/run", Table), (added.Details!.Run, Assert.Single(added.Details.Data)));
        // What the slot found the weights to take and give goes with them.
        var signature = new ModelSignature("perceptron", ["a", "b"], ["y"]);
        var completed = Completed(0, 300, RunEnd.Steps);
        tells = Decide(state, completed with { Result = (RunSegmentResult)completed.Result with { Signature = signature } }).OfType<Effect.Tell>().ToArray();
        Assert.Equal(signature, Assert.IsType<AddVersion>(tells[1].Command).Details!.Signature);
    }

    [Fact]
    public void Folds_are_trained_one_after_the_other_before_the_training_proper_and_their_losses_are_summed_up()
    {
        var state = Given(new RunStarted(Spec with { Folds = 3 }));
        for (var part = 0; part < 4; part++)
        {
            var effects = Decide(state, Completed(part, 300, RunEnd.Steps, part, loss: part + 1.0));
            state = Apply(state, effects);
            if (part == 3) break;
            var next = (RunSegment)Assert.Single(effects.OfType<Effect.Dispatch>()).Spec;
            Assert.Equal((part + 1, part + 1, ""), (next.Segment, next.Part, next.Checkpoint));
            Assert.Equal((0L, ""), (state.Run!.Step, state.Run.Checkpoint));
        }
        var view = View(state);
        Assert.Equal([1.0, 2.0, 3.0], view.FoldLosses.ToArray());
        Assert.Equal((2.0, 1.0, 4.0), (view.Metrics["cv-loss-mean"], view.Metrics["cv-loss-sd"], view.Metrics["loss"]));
        Assert.Equal([(300L, 1.0), (300L, 2.0), (300L, 3.0)], view.Folds!.Folds.Select(f => (f.Step, f.Figures["loss"])));
        Assert.All(view.Folds.Folds, fold => Assert.Equal(["loss"], fold.Figures.Keys));
        Assert.Equal((2.0, 1.0), TrainingDecider.SpreadOf(view.Folds)["loss"]);
    }

    [Fact]
    public void A_run_that_starts_from_a_version_reads_its_weights_and_registers_as_its_child()
    {
        var start = new string('9', 64);
        var spec = Spec with { Start = start, Parent = 3, Registers = "airfoil" };
        var effects = Decide(Given(), new StartRun(spec));
        Assert.Equal([Table, start], Assert.Single(effects.OfType<Effect.Dispatch>()).Inputs.ToArray());
        var state = Given(new RunStarted(spec));
        effects = Decide(state, Completed(0, 300, RunEnd.Steps));
        Assert.Equal(3, effects.OfType<Effect.Tell>().Select(t => t.Command).OfType<AddVersion>().Single().Parent);
        // Later segments go on from the checkpoint alone.
        state = Apply(Given(new RunStarted(spec)), Decide(Given(new RunStarted(spec)), Completed(0, 110, RunEnd.None)));
        Assert.Equal(Checkpoint(0), state.Run!.Checkpoint);

        Assert.Contains("no SHA-256", TrainingDecider.Check(Spec with { Start = "x" }));
        Assert.Contains("versions count from 1", TrainingDecider.Check(Spec with { Start = start, Parent = 0 }));
        Assert.Contains("needs its weights' hash", TrainingDecider.Check(Spec with { Parent = 1 }));
    }

    [Fact]
    public void What_was_rolled_back_stands_in_the_journal_with_its_cause_before_the_segment()
    {
        var rolled = new RunRolledBack(0, 40, 30, "explosion", 0.5);
        var done = Completed(0, 110, RunEnd.None, rollbacks: [rolled]);
        var state = Given(new RunStarted(Spec));
        var effects = Decide(state, done);
        Assert.Equal([rolled, ((RunSegmentResult)done.Result).Done], Persisted(effects));
        Assert.Equal([rolled], View(Apply(state, effects)).Rollbacks.ToArray());
    }

    [Fact]
    public void Where_memory_did_not_suffice_stands_in_the_journal_before_the_segment_and_the_run_goes_on()
    {
        var cut = new RunMicroBatchCut(0, 12, 64, 32, "out of memory");
        var state = Given(new RunStarted(Spec));
        var done = Completed(0, 110);
        done = done with { Result = (RunSegmentResult)done.Result with { Cuts = [cut] } };
        var effects = Decide(state, done);
        Assert.Equal([cut, ((RunSegmentResult)done.Result).Done], Persisted(effects));
        Assert.Single(effects.OfType<Effect.Dispatch>());
        Assert.Equal(110L, View(Apply(state, effects)).Step);
    }

    [Fact]
    public void A_training_that_diverged_is_parked_with_its_cause_and_resumed_with_all_rollbacks_allowed_again()
    {
        var state = Given(new RunStarted(Spec));
        var effects = Decide(state, Completed(0, 40, RunEnd.Diverged, cause: "loss not finite at step 44, after 5 rollbacks"));
        Assert.Equal(new TrainingParked("diverged: loss not finite at step 44, after 5 rollbacks"), Persisted(effects)[^1]);
        Assert.Empty(effects.OfType<Effect.Dispatch>());
        state = Apply(state, effects);
        Assert.Equal((TrainingPhase.Parked, 40L), (View(state).Phase, View(state).Step));
        var dispatch = Assert.Single(Decide(state, new ResumeTraining("")).OfType<Effect.Dispatch>());
        Assert.Equal(("run-segment-1-again-1", new RunSegment(Spec, 1, 0, Checkpoint(0), 1)), (dispatch.Name, dispatch.Spec));
    }

    [Fact]
    public void Whatever_fails_for_good_parks_the_run_and_a_command_resumes_or_cancels_it()
    {
        var state = Apply(Given(new RunStarted(Spec)), Decide(Given(new RunStarted(Spec)), Completed(0, 110)));
        var parked = Decide(state, new WorkFailed("run-segment-1", "parked after 3 deaths in a row", true));
        Assert.Equal([new TrainingParked("parked after 3 deaths in a row")], Persisted(parked));
        state = Apply(state, parked);
        Assert.Equal((TrainingPhase.Parked, "parked after 3 deaths in a row", Checkpoint(0)),
            (View(state).Phase, View(state).Reason, View(state).Checkpoint));
        Assert.Empty(Decide(state, Completed(1, 220)));
        Assert.Empty(Decide(state, new WorkFailed("run-segment-1", "twice", false)));

        var resumed = Decide(state, new ResumeTraining("the cause is gone"));
        var dispatch = Assert.Single(resumed.OfType<Effect.Dispatch>());
        Assert.Equal(("run-segment-1-again-1", Checkpoint(0)), (dispatch.Name, ((RunSegment)dispatch.Spec).Checkpoint));
        var going = Apply(state, resumed);
        Assert.Equal((TrainingPhase.Running, ""), (View(going).Phase, View(going).Reason));
        Assert.IsType<Done>(Only(Decide(going, new ResumeTraining("twice"))));
        going = Apply(going, Decide(going, new WorkCompleted("run-segment-1-again-1", Result(1, 220), [])));
        Assert.Equal((220L, 0), (View(going).Step, going.Run!.Attempt));

        Assert.Equal([new TrainingCancelled("enough")], Persisted(Decide(state, new CancelTraining("enough"))));
        var running = Decide(going, new CancelTraining("enough"));
        Assert.Equal("run-segment-2", Assert.Single(running.OfType<Effect.CancelWork>()).Name);
        Assert.Equal("conflict", Assert.IsType<Rejected>(Answered(Decide(Apply(going, running), new ResumeTraining("")))).Code);
        Assert.Equal("not-found", Assert.IsType<Rejected>(Answered(Decide(Given(), new ResumeTraining("")))).Code);
    }

    public static TheoryData<string, Func<RunSegmentResult, RunSegmentResult>> Strange => new()
    {
        { "it is of segment 3", r => r with { Done = r.Done with { Segment = 3 } } },
        { "it has no checkpoint", r => r with { Done = r.Done with { Checkpoint = "x" } } },
        { "it ends without weights", r => r with { Done = r.Done with { End = RunEnd.Steps } } },
        { "it has weights but goes on", r => r with { Done = r.Done with { Model = Model } } },
        { "it is at step 301", r => r with { Done = r.Done with { Step = 301 } } },
        { "it did no step", r => r with { Done = r.Done with { Step = 0 } } },
        { "a figure is not finite", r => r with { Done = r.Done with { Loss = double.NaN } } },
    };

    [Theory]
    [MemberData(nameof(Strange))]
    public void A_result_that_is_not_the_segments_parks_the_run(string says, Func<RunSegmentResult, RunSegmentResult> change)
    {
        var effects = Decide(Given(new RunStarted(Spec)), new WorkCompleted("run-segment-0", change(Result(0, 110)), []));
        Assert.Contains(says, Assert.IsType<TrainingParked>(Assert.Single(Persisted(effects))).Reason);
    }

    public static TheoryData<string, Func<RunSpec, RunSpec>> Bad => new()
    {
        { "'kind'", s => s with { Model = "[]" } },
        { "model.kind is 'x'; one of perceptron", s => s with { Model = """{"kind":"x"}""" } },
        { "no SHA-256", s => s with { Tables = ["data.csv"] } },
        { "learning rate is 0", s => s with { Optimiser = s.Optimiser with { LearningRate = 0.0 } } },
        { "1 folds", s => s with { Folds = 1 } },
        { "a segment's time is 00:00:00", s => s with { SegmentTime = TimeSpan.Zero } },
        { "32 logical ranks cannot share a batch of 16", s => s with { Ranks = 32 } },
        { "'a b' is no id of a model", s => s with { Registers = "a b" } },
        { "precision 9 is unknown", s => s with { Precision = (RunPrecision)9 } },
        { "at most 16384", s => s with { Data = new string(' ', 20_000) } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_spec_that_does_not_fit_together_is_refused_with_what_would_be_right(string says, Func<RunSpec, RunSpec> change)
    {
        var rejected = Assert.IsType<Rejected>(Only(Decide(Given(), new StartRun(change(Spec)))));
        Assert.Equal("invalid", rejected.Code);
        Assert.Contains(says, rejected.Reason);
    }

    [Fact]
    public void Points_are_thinned_and_the_newest_is_always_there()
    {
        var run = RunState.Of(Spec with { Stop = Spec.Stop with { Steps = 100_000 } });
        for (var k = 0; k < 1000; k++)
        {
            run = run.With(Result(k, 10 * (k + 1)).Done);
            Assert.InRange(run.Points.Length, 1, RunState.MaxPoints);
            Assert.Equal(10 * (k + 1), run.Points[^1].Step);
            Assert.Equal(run.Points.Select(p => p.Step).Distinct().Order(), run.Points.Select(p => p.Step));
        }
    }

    [Fact]
    public void Whatever_comes_in_whatever_order_one_segment_is_out_while_the_run_goes_on_and_none_otherwise()
    {
        Prop.ForAll(Gen.Choose(0, 1000).ArrayOf(40).ToArbitrary(), numbers =>
        {
            var state = Apply(Given(), Decide(Given(), new StartRun(Spec with { Folds = 2 })));
            var dispatched = new List<string> { "run-segment-0" };
            foreach (var n in numbers)
            {
                var segment = n / 8 % 6;
                var name = n / 48 % 3 == 0 ? $"run-segment-{segment}" : $"run-segment-{segment}-again-{n / 48 % 3}";
                var step = Math.Min(300, (state.Run!.Step + 10) / 10 * 10);
                var effects = Decide(state, (n % 8) switch
                {
                    0 => new WorkFailed(name, "chance", true),
                    1 => new ResumeTraining("chance"),
                    2 => new WorkCompleted(name, Result(segment, step, RunEnd.Patience, state.Run.Part), []),
                    3 => new WorkCompleted(name, Result(segment, step, RunEnd.Diverged, state.Run.Part), []),
                    _ => new WorkCompleted(name, Result(segment, step, RunEnd.None, state.Run.Part), []),
                });
                state = Apply(state, effects);
                dispatched.AddRange(effects.OfType<Effect.Dispatch>().Select(d => d.Name));
                if ((state.Phase == TrainingPhase.Running) != (dispatched[^1] == NameOf(state)
                    && state.Phase == TrainingPhase.Running)) return false;
            }
            return dispatched.Distinct().Count() == dispatched.Count;
        }).QuickCheckThrowOnFailure();

        static string NameOf(TrainingState state) => RunRules.Name(state.Run!);
    }

    private static string Checkpoint(int segment) => new((char)('b' + segment % 4), 64);

    private static RunSegmentResult Result(int segment, long step, RunEnd end = RunEnd.None, int part = 0, double loss = 0.5,
        string cause = "")
    {
        var empty = ImmutableSortedDictionary<string, double>.Empty;
        return new RunSegmentResult(
            new RunSegmentDone(
                segment, part, step, Checkpoint(segment), loss, [new RunPoint(step, loss, 0.01, 1.0, empty)], end,
                end is RunEnd.None or RunEnd.Diverged ? "" : Model, empty.Add("loss", loss)),
            [], cause);
    }

    private static WorkCompleted Completed(
        int segment, long step, RunEnd end = RunEnd.None, int part = 0, double loss = 0.5, string cause = "",
        ImmutableArray<RunRolledBack>? rollbacks = null) =>
        new($"run-segment-{segment}", Result(segment, step, end, part, loss, cause) with { Rollbacks = rollbacks ?? [] }, []);

    private RunView View(TrainingState state) => Assert.IsType<RunView>(_decider.Answer(state, new GetRun()));

    private TrainingState Given(params IEvent[] events) => events.Aggregate(_decider.Initial(Address), _decider.Apply);

    private IReadOnlyList<Effect> Decide(TrainingState state, ICommand command) => _decider.Decide(state, command, Context);

    private TrainingState Apply(TrainingState state, IReadOnlyList<Effect> effects) => Persisted(effects).Aggregate(state, _decider.Apply);

    private static IEvent[] Persisted(IReadOnlyList<Effect> effects) => [.. effects.OfType<Effect.Persist>().Select(p => p.Event)];

    private static IReply Answered(IReadOnlyList<Effect> effects) => Assert.Single(effects.OfType<Effect.Reply>()).Message;

    private static IReply Only(IReadOnlyList<Effect> effects) => Assert.IsType<Effect.Reply>(Assert.Single(effects)).Message;
}
