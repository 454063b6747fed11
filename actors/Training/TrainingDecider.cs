using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kernels;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Actors.Training;

/// <summary>One training run as its journal tells it.</summary>
/// <param name="Attempt">Of the segment that is out now, from 0.</param>
/// <param name="Run">Of a run that was started by training.start-run; null, and not in the bytes, for the others.</param>
[Message("training.state")]
public sealed record TrainingState(
    [property: Key(0)] TrainingSpec? Spec, [property: Key(1)] TrainingPhase Phase, [property: Key(2)] long Step,
    [property: Key(3)] ImmutableArray<double> Losses, [property: Key(4)] ImmutableArray<string> Checkpoints,
    [property: Key(5)] ImmutableSortedDictionary<string, double> Metrics, [property: Key(6)] int Attempt,
    [property: Key(7)] string Reason, [property: Key(8)] RunState? Run = null) : IState
{
    public bool IsStarted => Spec is not null || Run is not null;
}

/// <summary>
/// A training run: of any kind of model by <see cref="StartRun"/> (<see cref="RunRules"/>), of one task and a fixed number of steps by
/// <see cref="StartTraining"/>, as follows. Its spec is cut into segments from checkpoint to checkpoint, one out at a time: segment k is
/// dispatched in the same transaction as the event that records segment k - 1, so there is always exactly one to do while the run goes on.
///
/// Guarantees. A segment's result counts once: a result under another name than the one now out (late after a retry or a cancel, or twice)
/// changes nothing. All attempts of a segment have the same spec and seed, so whichever comes first is right.
/// Failures. A segment that ends without a result is dispatched again from the same checkpoint, at most <see cref="MaxAttempts"/> times in
/// all; then the run is parked with the reason, as at once when the host gave up after three deaths of a slot. <see cref="ResumeTraining"/>
/// dispatches it again. A cancel ends the run and stops the segment that is out. Death of a node is the host's affair: the work row is
/// leased again and the entity hears nothing of it. (Runs of the first release failed where they are parked now; such journals are read.)
/// </summary>
public sealed class TrainingDecider : Decider<TrainingState>
{
    /// <summary>How often a segment is dispatched before the run is parked.</summary>
    public const int MaxAttempts = 3;

    /// <summary>More would make the state too large to keep as one message.</summary>
    public const int MaxSegments = 500;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(30);

    public override string Family => "training";

    public override TrainingState Initial(EntityAddress address) =>
        new(null, TrainingPhase.NotStarted, 0, [], [], ImmutableSortedDictionary<string, double>.Empty, 0, "");

    public override IReadOnlyList<Effect> Decide(TrainingState state, ICommand command, DecisionContext context) => command switch
    {
        StartTraining start => Start(state, start.Spec),
        StartRun start => Start(state, start.Spec, context.Now),
        CancelTraining cancel => Cancel(state, cancel.Reason),
        ResumeTraining resume => Resume(state, resume.Reason, context.Now),
        WorkCompleted done when RunRules.IsOut(state, done.Name) => RunRules.Complete(state.Run!, context, done.Result),
        WorkFailed failed when RunRules.IsOut(state, failed.Name) => [RunRules.Park(failed.Reason)],
        WorkCompleted done => Complete(state, done),
        WorkFailed failed => Fail(state, failed),
        _ => [new Effect.Reply(new Rejected("invalid", $"a training run does not know {command.GetType().Name}"))],
    };

    public override TrainingState Apply(TrainingState state, IEvent @event) => @event switch
    {
        TrainingStarted e => state with { Spec = e.Spec, Phase = TrainingPhase.Running },
        RunStarted e => state with { Run = RunState.Of(e.Spec), Phase = TrainingPhase.Running },
        RunRolledBack e => state with { Run = state.Run!.With(e) },
        // The journal has it; the checkpoint says with how many samples at once the next segment begins.
        RunMicroBatchCut => state,
        RunSegmentDone e => state with { Run = state.Run!.With(e) },
        RunFinished e => state with { Phase = TrainingPhase.Finished, Run = state.Run! with { Metrics = e.Metrics } },
        TrainingParked e => state with { Phase = TrainingPhase.Parked, Reason = e.Reason },
        TrainingResumed => state.Run is { } run
            ? state with
            {
                Phase = TrainingPhase.Running,
                Reason = "",
                Run = run with { Attempt = run.Attempt + 1, Resumes = run.Resumes + 1 }
            }
            : state with { Phase = TrainingPhase.Running, Reason = "", Attempt = state.Attempt + 1 },
        SegmentDone e => state with
        {
            Step = e.Step,
            Losses = state.Losses.Add(e.Loss),
            Checkpoints = state.Checkpoints.Add(e.Checkpoint),
            Metrics = e.Metrics,
            Attempt = 0,
        },
        SegmentRetried e => state with { Attempt = e.Attempt },
        TrainingFinished => state with { Phase = TrainingPhase.Finished },
        TrainingFailed e => state with { Phase = TrainingPhase.Failed, Reason = e.Reason },
        TrainingCancelled e => state with { Phase = TrainingPhase.Cancelled, Reason = e.Reason },
        _ => throw new InvalidOperationException($"a training run has no event {@event.GetType().Name}"),
    };

    public override IReply Answer(TrainingState state, IQuery query) => query switch
    {
        GetRun => state.Run?.View(state.Phase, state.Reason) ?? (IReply)new Rejected(
            "not-found", state.Spec is null ? "this run was never started" : "this run was started by training.start; ask training.get"),
        GetTraining when state.Run is { } run => new TrainingView(
            null, state.Phase, run.Step, [.. run.Points.Select(static point => point.Loss)], run.Checkpoint.Length == 0 ? []
                : [run.Checkpoint],
            run.Metrics, state.Reason),
        GetTraining => new TrainingView(
            state.Spec, state.Phase, state.Step, state.Losses, state.Checkpoints, state.Metrics, state.Reason),
        _ => new Rejected("invalid", $"a training run does not know {query.GetType().Name}"),
    };

    /// <summary>What is wrong with a spec, or null.</summary>
    public static string? Check(TrainingSpec spec)
    {
        if (spec.Task.Length == 0) return "the spec names no task";
        if (Perceptron.Check(spec.Sizes.AsSpan()) is { } wrong) return wrong;
        if (spec.Sizes[0] != spec.Inputs)
            return $"the network takes {spec.Sizes[0]} inputs where the data have {spec.Inputs}; sizes[0] = {spec.Inputs} would be right";
        if (spec.Sizes[^1] != spec.Outputs)
        {
            return $"the network gives {spec.Sizes[^1]} outputs where the data have {spec.Outputs}; " +
                $"a last size of {spec.Outputs} would be right";
        }
        if (!IsHash(spec.Data)) return $"data '{spec.Data}' is no SHA-256 in lower-case hex";
        if (spec.SegmentSteps < 1) return $"segment steps are {spec.SegmentSteps}; at least 1 would be right";
        if (spec.TotalSteps < 1) return $"total steps are {spec.TotalSteps}; at least 1 would be right";
        if ((spec.TotalSteps - 1) / spec.SegmentSteps >= MaxSegments)
        {
            return $"{spec.TotalSteps} steps in segments of {spec.SegmentSteps} are more than {MaxSegments} segments; " +
                $"segments of at least {(spec.TotalSteps + MaxSegments - 1) / MaxSegments} steps would be right";
        }
        foreach (var (name, value) in spec.Settings)
        {
            if (!double.IsFinite(value)) return $"setting '{name}' is {value}; a finite number would be right";
        }
        return new PerceptronTraining(
            spec.Sizes, spec.Seed, spec.TotalSteps, spec.BatchRows, spec.LearningRate, spec.FinalLearningRate, spec.WeightDecay).Check();
    }

    /// <summary>What is wrong with the spec of a run of any kind of model, or null.</summary>
    public static string? Check(RunSpec spec) => RunRules.Problem(spec);

    /// <summary>Mean and standard deviation over the folds done of each figure; empty of fewer than two.</summary>
    public static ImmutableSortedDictionary<string, (double Mean, double Deviation)> SpreadOf(RunFolds? folds) => RunRules.Spread(folds);

    /// <summary>A run's spec as the training loop takes it.</summary>
    public static LoopSettings LoopSettingsOf(RunSpec spec) => RunRules.Settings(spec);

    /// <summary>Type of the matrix products, where it is smaller than that of the parameters.</summary>
    public static DType? AutocastOf(RunPrecision precision) => precision switch
    {
        RunPrecision.Bf16 => DType.BFloat16,
        RunPrecision.Fp16 => DType.Float16,
        _ => null,
    };

    private static readonly Effect Conflict =
        new Effect.Reply(new Rejected("conflict", "this run was started with another spec; another id would be right"));

    private static IReadOnlyList<Effect> Start(TrainingState state, RunSpec spec, DateTimeOffset now)
    {
        if (!state.IsStarted) return RunRules.Start(spec, now);
        return state.Run is { } run && RunRules.Same(run.Spec, spec) ? [new Effect.Reply(new Done())] : [Conflict];
    }

    private static IReadOnlyList<Effect> Resume(TrainingState state, string reason, DateTimeOffset now)
    {
        if (!state.IsStarted) return [new Effect.Reply(new Rejected("not-found", "this run was never started"))];
        // One that goes on needs no resuming: a command sent twice has effect once.
        if (state.Phase == TrainingPhase.Running) return [new Effect.Reply(new Done())];
        if (state.Phase != TrainingPhase.Parked)
        {
            return [new Effect.Reply(new Rejected(
                "conflict", $"this run has {state.Phase.ToString().ToLowerInvariant()} already; only a parked run can be resumed"))];
        }
        var resumed = new TrainingResumed(reason);
        var dispatch = state.Run is { } run
            ? RunRules.Dispatch(run with { Attempt = run.Attempt + 1, Resumes = run.Resumes + 1 }, now)
            : Dispatch(state.Spec!, state.Checkpoints.Length, state.Attempt + 1, state.Checkpoints.IsEmpty ? "" : state.Checkpoints[^1]);
        return [new Effect.Persist(resumed), dispatch, new Effect.Reply(new Done())];
    }

    private static IReadOnlyList<Effect> Start(TrainingState state, TrainingSpec spec)
    {
        if (state.IsStarted) return state.Spec is { } known && Same(known, spec) ? [new Effect.Reply(new Done())] : [Conflict];
        if (Check(spec) is { } wrong) return [new Effect.Reply(new Rejected("invalid", wrong))];
        return [new Effect.Persist(new TrainingStarted(spec)), Dispatch(spec, 0, 0, ""), new Effect.Reply(new Done())];
    }

    private static IReadOnlyList<Effect> Cancel(TrainingState state, string reason) => state.Phase switch
    {
        TrainingPhase.NotStarted => [new Effect.Reply(new Rejected("not-found", "this run was never started"))],
        TrainingPhase.Running =>
        [
            new Effect.Persist(new TrainingCancelled(reason)),
            new Effect.CancelWork(state.Run is { } run ? RunRules.Name(run) : Name(state.Checkpoints.Length, state.Attempt)),
            new Effect.Reply(new Done()),
        ],
        TrainingPhase.Parked => [new Effect.Persist(new TrainingCancelled(reason)), new Effect.Reply(new Done())],
        TrainingPhase.Cancelled => [new Effect.Reply(new Done())],
        _ => [new Effect.Reply(new Rejected("conflict", $"this run has {state.Phase.ToString().ToLowerInvariant()} already"))],
    };

    private static IReadOnlyList<Effect> Complete(TrainingState state, WorkCompleted done)
    {
        if (!IsOut(state, done.Name)) return [];
        var segment = state.Checkpoints.Length;
        var spec = state.Spec!;
        var step = Math.Min((segment + 1) * spec.SegmentSteps, spec.TotalSteps);
        if (done.Result is not TrainingSegmentResult result || result.Segment != segment || result.Step != step ||
            !IsHash(result.Checkpoint))
            return Retry(state, $"the result of segment {segment} is not one of that segment");
        List<Effect> effects =
            [new Effect.Persist(new SegmentDone(segment, result.Step, result.Checkpoint, result.Loss, result.Metrics))];
        effects.Add(
            step == spec.TotalSteps
                ? new Effect.Persist(new TrainingFinished(result.Checkpoint))
                : Dispatch(spec, segment + 1, 0, result.Checkpoint));
        return effects;
    }

    private static IReadOnlyList<Effect> Fail(TrainingState state, WorkFailed failed)
    {
        if (!IsOut(state, failed.Name)) return [];
        return failed.Parked ? [RunRules.Park($"segment {state.Checkpoints.Length}: {failed.Reason}")] : Retry(state, failed.Reason);
    }

    private static IReadOnlyList<Effect> Retry(TrainingState state, string reason)
    {
        var segment = state.Checkpoints.Length;
        var attempt = state.Attempt + 1;
        // Attempts are numbered on when the run is resumed, and it then has as many again.
        if (attempt % MaxAttempts == 0) return [RunRules.Park($"segment {segment} failed {MaxAttempts} times, at last: {reason}")];
        return
        [
            new Effect.Persist(new SegmentRetried(segment, attempt, reason)),
            Dispatch(state.Spec!, segment, attempt, segment == 0 ? "" : state.Checkpoints[^1]),
        ];
    }

    private static Effect.Dispatch Dispatch(TrainingSpec spec, int segment, int attempt, string checkpoint)
    {
        var from = segment * spec.SegmentSteps;
        ImmutableArray<string> inputs = checkpoint.Length == 0 ? [spec.Data] : [spec.Data, checkpoint];
        return new Effect.Dispatch(
            Name(segment, attempt),
            new TrainingSegment(spec, segment, from, Math.Min(spec.SegmentSteps, spec.TotalSteps - from), checkpoint),
            spec.Seed, inputs, Deadline);
    }

    private static bool IsOut(TrainingState state, string name) =>
        state.Phase == TrainingPhase.Running && state.Run is null && name == Name(state.Checkpoints.Length, state.Attempt);

    private static string Name(int segment, int attempt) => attempt == 0
        ? string.Create(CultureInfo.InvariantCulture, $"segment-{segment}")
        : string.Create(CultureInfo.InvariantCulture, $"segment-{segment}-again-{attempt}");

    private static bool IsHash(string text) => text.Length == 64 && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    private static bool Same(TrainingSpec a, TrainingSpec b) =>
        a.Sizes.SequenceEqual(b.Sizes) && a.Settings.SequenceEqual(b.Settings) &&
        a with { Sizes = [], Settings = b.Settings } == b with { Sizes = [] };
}
