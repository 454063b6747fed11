using System.Collections.Immutable;

namespace Athanor.Protocol.Ensembles;

/// <summary>Fits the ensemble on every split of its spec. The same spec again is answered as done and changes nothing; another spec is a
/// conflict.</summary>
[Message("ensembles.train")]
public sealed record TrainEnsemble([property: Key(0)] EnsembleSpec Spec) : ICommand;

[Message("ensembles.training-started")]
public sealed record EnsembleTrainingStarted([property: Key(0)] EnsembleSpec Spec) : IEvent;

[Message("ensembles.split-fitted")]
public sealed record EnsembleSplitFitted([property: Key(0)] int Split, [property: Key(1)] SplitFit Fit) : IEvent;

/// <summary>A split's work ended without a result and was dispatched again.</summary>
/// <param name="Attempt">The attempt now dispatched; the first was 0.</param>
[Message("ensembles.split-retried")]
public sealed record EnsembleSplitRetried(
    [property: Key(0)] int Split, [property: Key(1)] int Attempt, [property: Key(2)] string Reason) : IEvent;

/// <summary>Every split is fitted.</summary>
[Message("ensembles.fitted")]
public sealed record EnsembleFitted : IEvent;

[Message("ensembles.failed")]
public sealed record EnsembleFailed([property: Key(0)] string Reason) : IEvent;

/// <summary>Asks where the ensemble stands.</summary>
[Message("ensembles.get")]
public sealed record GetEnsemble : IQuery;

/// <param name="Spec">Null before the start.</param>
/// <param name="Splits">The splits fitted so far, by index.</param>
/// <param name="Reason">Why it failed, or empty.</param>
[Message("ensembles.view")]
public sealed record EnsembleView(
    [property: Key(0)] EnsembleSpec? Spec, [property: Key(1)] EnsemblePhase Phase,
    [property: Key(2)] ImmutableSortedDictionary<int, SplitFit> Splits, [property: Key(3)] string Reason) : IReply;

/// <summary>Fits, calibrates and scores the ensemble on one split.</summary>
[Message("ensembles.fit-split")]
public sealed record FitSplit([property: Key(0)] EnsembleSpec Spec, [property: Key(1)] int Split) : IWork;

[Message("ensembles.fit-split-result")]
public sealed record FitSplitResult([property: Key(0)] int Split, [property: Key(1)] SplitFit Fit) : IWorkResult;
