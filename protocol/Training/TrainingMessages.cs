using System.Collections.Immutable;

namespace Athanor.Protocol.Training;

/// <summary>Starts the run. The same spec again is answered as done and changes nothing; another spec is a conflict.</summary>
[Message("training.start")]
public sealed record StartTraining([property: Key(0)] TrainingSpec Spec) : ICommand;

/// <summary>Ends a run that is still going; its checkpoints stay.</summary>
[Message("training.cancel")]
public sealed record CancelTraining([property: Key(0)] string Reason) : ICommand;

[Message("training.started")]
public sealed record TrainingStarted([property: Key(0)] TrainingSpec Spec) : IEvent;

/// <param name="Segment">From 0, without gaps.</param>
/// <param name="Step">Steps done after it.</param>
/// <param name="Checkpoint">SHA-256 (hex) of the blob that holds the whole training state.</param>
/// <param name="Loss">Mean over the segment's steps.</param>
/// <param name="Metrics">What else the task measured, by name.</param>
[Message("training.segment-done")]
public sealed record SegmentDone(
    [property: Key(0)] int Segment, [property: Key(1)] long Step, [property: Key(2)] string Checkpoint, [property: Key(3)] double Loss,
    [property: Key(4)] ImmutableSortedDictionary<string, double> Metrics) : IEvent;

/// <summary>A segment ended without a result and was dispatched again from the same checkpoint.</summary>
/// <param name="Attempt">The attempt now dispatched; the first was 0.</param>
[Message("training.segment-retried")]
public sealed record SegmentRetried(
    [property: Key(0)] int Segment, [property: Key(1)] int Attempt, [property: Key(2)] string Reason) : IEvent;

[Message("training.finished")]
public sealed record TrainingFinished([property: Key(0)] string Checkpoint) : IEvent;

[Message("training.failed")]
public sealed record TrainingFailed([property: Key(0)] string Reason) : IEvent;

[Message("training.cancelled")]
public sealed record TrainingCancelled([property: Key(0)] string Reason) : IEvent;

/// <summary>Asks where the run stands.</summary>
[Message("training.get")]
public sealed record GetTraining : IQuery;

/// <param name="Spec">Null before the start.</param>
/// <param name="Losses">Mean loss of each segment done.</param>
/// <param name="Checkpoints">SHA-256 (hex) of the checkpoint after each segment done.</param>
/// <param name="Metrics">Of the last segment done.</param>
/// <param name="Reason">Why it failed or was cancelled, or empty.</param>
[Message("training.view")]
public sealed record TrainingView(
    [property: Key(0)] TrainingSpec? Spec, [property: Key(1)] TrainingPhase Phase, [property: Key(2)] long Step,
    [property: Key(3)] ImmutableArray<double> Losses, [property: Key(4)] ImmutableArray<string> Checkpoints,
    [property: Key(5)] ImmutableSortedDictionary<string, double> Metrics, [property: Key(6)] string Reason) : IReply
{
    /// <summary>SHA-256 (hex) of the finished run's training state; null until then.</summary>
    public string? Final => Phase == TrainingPhase.Finished ? Checkpoints[^1] : null;
}

/// <summary>Training from one checkpoint to the next: the unit of fail-over and of audit.</summary>
/// <param name="Checkpoint">SHA-256 (hex) of the state to go on from; empty for segment 0.</param>
[Message("training.segment")]
public sealed record TrainingSegment(
    [property: Key(0)] TrainingSpec Spec, [property: Key(1)] int Segment, [property: Key(2)] long FromStep, [property: Key(3)] long Steps,
    [property: Key(4)] string Checkpoint) : IWork;

/// <inheritdoc cref="SegmentDone"/>
[Message("training.segment-result")]
public sealed record TrainingSegmentResult(
    [property: Key(0)] int Segment, [property: Key(1)] long Step, [property: Key(2)] string Checkpoint, [property: Key(3)] double Loss,
    [property: Key(4)] ImmutableSortedDictionary<string, double> Metrics) : IWorkResult;
