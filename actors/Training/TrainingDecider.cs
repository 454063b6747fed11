using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kernels;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Actors.Training;

/// <summary>One training run as its journal tells it.</summary>
/// <param name="Attempt">Of the segment that is out now, from 0.</param>
[Message("training.state")]
public sealed record TrainingState(
    [property: Key(0)] TrainingSpec? Spec, [property: Key(1)] TrainingPhase Phase, [property: Key(2)] long Step,
    [property: Key(3)] ImmutableArray<double> Losses, [property: Key(4)] ImmutableArray<string> Checkpoints,
    [property: Key(5)] ImmutableSortedDictionary<string, double> Metrics, [property: Key(6)] int Attempt,
    [property: Key(7)] string Reason) : IState;

/// <summary>
/// A training run. Its spec is cut into segments from checkpoint to checkpoint, one out at a time: segment k is dispatched in the same
/// transaction as the event that records segment k - 1, so there is always exactly one to do while the run goes on.
///
/// Guarantees. A segment's result counts once: a result under another name than the one now out (late after a retry or a cancel, or twice)
/// changes nothing. All attempts of a segment have the same spec and seed, so whichever comes first is right.
/// Failures. A segment that ends without a result is dispatched again from the same checkpoint, at most <see cref="MaxAttempts"/> times in
/// all; then the run fails and keeps its checkpoints. A cancel ends the run and stops the segment that is out. Death of a slot or node is
/// the host's affair: the work row is leased again and the entity hears nothing of it.
/// </summary>
public sealed class TrainingDecider : Decider<TrainingState>
{
    /// <summary>How often a segment is dispatched before the run fails.</summary>
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
        CancelTraining cancel => Cancel(state, cancel.Reason),
        WorkCompleted done => Complete(state, done),
        WorkFailed failed => Fail(state, failed),
        _ => [new Effect.Reply(new Rejected("invalid", $"a training run does not know {command.GetType().Name}"))],
    };

    public override TrainingState Apply(TrainingState state, IEvent @event) => @event switch
    {
        TrainingStarted e => state with { Spec = e.Spec, Phase = TrainingPhase.Running },
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

    private static IReadOnlyList<Effect> Start(TrainingState state, TrainingSpec spec)
    {
        if (state.Spec is { } known)
        {
            return Same(known, spec)
                ? [new Effect.Reply(new Done())]
                : [new Effect.Reply(new Rejected("conflict", "this run was started with another spec; another id would be right"))];
        }
        if (Check(spec) is { } wrong) return [new Effect.Reply(new Rejected("invalid", wrong))];
        return [new Effect.Persist(new TrainingStarted(spec)), Dispatch(spec, 0, 0, ""), new Effect.Reply(new Done())];
    }

    private static IReadOnlyList<Effect> Cancel(TrainingState state, string reason) => state.Phase switch
    {
        TrainingPhase.NotStarted => [new Effect.Reply(new Rejected("not-found", "this run was never started"))],
        TrainingPhase.Running =>
        [
            new Effect.Persist(new TrainingCancelled(reason)),
            new Effect.CancelWork(Name(state.Checkpoints.Length, state.Attempt)),
            new Effect.Reply(new Done()),
        ],
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

    private static IReadOnlyList<Effect> Fail(TrainingState state, WorkFailed failed) =>
        IsOut(state, failed.Name) ? Retry(state, failed.Reason) : [];

    private static IReadOnlyList<Effect> Retry(TrainingState state, string reason)
    {
        var segment = state.Checkpoints.Length;
        var attempt = state.Attempt + 1;
        if (attempt >= MaxAttempts)
            return [new Effect.Persist(new TrainingFailed($"segment {segment} failed {MaxAttempts} times, at last: {reason}"))];
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
        state.Phase == TrainingPhase.Running && name == Name(state.Checkpoints.Length, state.Attempt);

    private static string Name(int segment, int attempt) => attempt == 0
        ? string.Create(CultureInfo.InvariantCulture, $"segment-{segment}")
        : string.Create(CultureInfo.InvariantCulture, $"segment-{segment}-again-{attempt}");

    private static bool IsHash(string text) => text.Length == 64 && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    private static bool Same(TrainingSpec a, TrainingSpec b) =>
        a.Sizes.SequenceEqual(b.Sizes) && a.Settings.SequenceEqual(b.Settings) &&
        a with { Sizes = [], Settings = b.Settings } == b with { Sizes = [] };
}
