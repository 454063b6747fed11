using System.Collections.Immutable;
using Athanor.Protocol.Models;

namespace Athanor.Protocol.Training;

/// <summary>Starts a run of any kind of model. The same spec again is answered as done and changes nothing; another is a
/// conflict.</summary>
[Message("training.start-run", Since = 1)]
public sealed record StartRun([property: Key(0)] RunSpec Spec) : ICommand;

/// <summary>Lets a parked run go on from its last checkpoint.</summary>
[Message("training.resume", Since = 1)]
public sealed record ResumeTraining([property: Key(0)] string Reason) : ICommand;

[Message("training.run-started", Since = 1)]
public sealed record RunStarted([property: Key(0)] RunSpec Spec) : IEvent;

/// <summary>What was measured at a check-point.</summary>
/// <param name="Loss">Mean over the steps since the last one.</param>
/// <param name="Validation">By name; empty without a validation part.</param>
[MessagePart]
public sealed record RunPoint(
    [property: Key(0)] long Step, [property: Key(1)] double Loss, [property: Key(2)] double Rate, [property: Key(3)] double GradientNorm,
    [property: Key(4)] ImmutableSortedDictionary<string, double> Validation);

/// <summary>Why a training ended.</summary>
public enum RunEnd
{
    /// <summary>It goes on.</summary>
    None = 0,

    /// <summary>All steps are done.</summary>
    Steps = 1,

    /// <summary>The validation loss had not improved for long.</summary>
    Patience = 2,

    /// <summary>The validation loss was at its target.</summary>
    Target = 3,

    /// <summary>It went wrong more often than rollbacks are allowed.</summary>
    Diverged = 4,

    /// <summary>No step lowers the loss of all samples any more.</summary>
    Converged = 5,
}

/// <param name="Segment">From 0, without gaps, over all parts.</param>
/// <param name="Part">Fold of a cross-validation, then the training proper; 0 without folds.</param>
/// <param name="Step">Steps of this part done after it.</param>
/// <param name="Checkpoint">SHA-256 (hex) of the blob that holds the whole training state.</param>
/// <param name="Loss">Mean before its last check-point.</param>
/// <param name="Points">What its check-points measured, thinned to what a message holds.</param>
/// <param name="Model">SHA-256 (hex) of the weights, where the part ended; empty otherwise.</param>
/// <param name="Metrics">Of the weights that count so far.</param>
[Message("training.run-segment-done", Since = 1)]
public sealed record RunSegmentDone(
    [property: Key(0)] int Segment, [property: Key(1)] int Part, [property: Key(2)] long Step, [property: Key(3)] string Checkpoint,
    [property: Key(4)] double Loss, [property: Key(5)] ImmutableArray<RunPoint> Points, [property: Key(6)] RunEnd End,
    [property: Key(7)] string Model, [property: Key(8)] ImmutableSortedDictionary<string, double> Metrics) : IEvent;

/// <summary>Training had gone wrong, and the last good check-point was restored.</summary>
/// <param name="Step">Where it went wrong.</param>
/// <param name="ToStep">Steps done at the check-point restored.</param>
/// <param name="Cause">E.g. <c>explosion</c>, <c>loss not finite</c>, <c>oscillation</c>, <c>plateau</c>.</param>
/// <param name="RateFactor">What the schedule's learning rate is multiplied with from here on.</param>
[Message("training.rolled-back", Since = 1)]
public sealed record RunRolledBack(
    [property: Key(0)] int Part, [property: Key(1)] long Step, [property: Key(2)] long ToStep, [property: Key(3)] string Cause,
    [property: Key(4)] double RateFactor) : IEvent;

/// <summary>The device's memory ran out, and from here on the samples of a step go through the model in smaller pieces.</summary>
/// <param name="Step">Steps of the part done.</param>
/// <param name="From">Samples at once that did not fit.</param>
/// <param name="To">Samples at once from here on.</param>
/// <param name="Cause">What the device said.</param>
[Message("training.micro-batch-cut", Since = 1)]
public sealed record RunMicroBatchCut(
    [property: Key(0)] int Part, [property: Key(1)] long Step, [property: Key(2)] int From, [property: Key(3)] int To,
    [property: Key(4)] string Cause) : IEvent;

/// <summary>The run waits for somebody to resume or cancel it. Its checkpoints stay.</summary>
[Message("training.parked", Since = 1)]
public sealed record TrainingParked([property: Key(0)] string Reason) : IEvent;

[Message("training.resumed", Since = 1)]
public sealed record TrainingResumed([property: Key(0)] string Reason) : IEvent;

/// <param name="Checkpoint">The last training state.</param>
/// <param name="Model">SHA-256 (hex) of the run's weights.</param>
/// <param name="Metrics">Of those weights; with folds also <c>cv-NAME-mean</c> and <c>cv-NAME-sd</c> of each figure, e.g.
/// <c>cv-loss-mean</c>.</param>
[Message("training.run-finished", Since = 1)]
public sealed record RunFinished(
    [property: Key(0)] string Checkpoint, [property: Key(1)] string Model, [property: Key(2)] RunEnd End,
    [property: Key(3)] ImmutableSortedDictionary<string, double> Metrics) : IEvent;

/// <summary>What the folds of a cross-validation came to.</summary>
/// <param name="Folds">One a fold that is done, in their order.</param>
[MessagePart]
public sealed record RunFolds([property: Key(0)] ImmutableArray<RunFold> Folds);

/// <param name="Step">Steps done.</param>
/// <param name="Figures">Validation figures of the fold's best weights.</param>
[MessagePart]
public sealed record RunFold(
    [property: Key(0)] long Step, [property: Key(1)] RunEnd End, [property: Key(2)] ImmutableSortedDictionary<string, double> Figures);

/// <summary>Asks where a run stands that was started by training.start-run.</summary>
[Message("training.get-run", Since = 1)]
public sealed record GetRun : IQuery;

/// <param name="Points">Of the present part over the whole run, thinned.</param>
/// <param name="Rollbacks">The last of them.</param>
/// <param name="FoldLosses">Best validation loss of each fold done.</param>
/// <param name="Folds">Null before the first fold is done.</param>
/// <param name="Checkpoint">Empty before the first segment is done.</param>
/// <param name="Model">Empty until it is finished.</param>
/// <param name="Reason">Why it is parked or was cancelled, or empty.</param>
[Message("training.run-view", Since = 1)]
public sealed record RunView(
    [property: Key(0)] RunSpec Spec, [property: Key(1)] TrainingPhase Phase, [property: Key(2)] int Part, [property: Key(3)] long Step,
    [property: Key(4)] int Segments, [property: Key(5)] ImmutableArray<RunPoint> Points,
    [property: Key(6)] ImmutableArray<RunRolledBack> Rollbacks, [property: Key(7)] ImmutableArray<double> FoldLosses,
    [property: Key(8)] string Checkpoint, [property: Key(9)] string Model, [property: Key(10)] RunEnd End,
    [property: Key(11)] ImmutableSortedDictionary<string, double> Metrics, [property: Key(12)] string Reason,
    [property: Key(13)] RunFolds? Folds = null) : IReply;

/// <summary>Training from one check-point to a later one: the unit of fail-over and of audit.</summary>
/// <param name="Checkpoint">SHA-256 (hex) of the state to go on from; empty at a part's beginning.</param>
/// <param name="Resumes">How often the run was resumed: each time all rollbacks are allowed again.</param>
[Message("training.run-segment", Since = 1)]
public sealed record RunSegment(
    [property: Key(0)] RunSpec Spec, [property: Key(1)] int Segment, [property: Key(2)] int Part, [property: Key(3)] string Checkpoint,
    [property: Key(4)] int Resumes) : IWork;

/// <param name="Cause">What went wrong, where it ended as diverged; empty otherwise.</param>
/// <param name="Signature">Of the weights, where the part ended.</param>
/// <param name="Cuts">Where memory did not suffice.</param>
[Message("training.run-segment-result", Since = 1)]
public sealed record RunSegmentResult(
    [property: Key(0)] RunSegmentDone Done, [property: Key(1)] ImmutableArray<RunRolledBack> Rollbacks, [property: Key(2)] string Cause,
    [property: Key(3)] ModelSignature? Signature = null, [property: Key(4)] ImmutableArray<RunMicroBatchCut> Cuts = default) : IWorkResult;
