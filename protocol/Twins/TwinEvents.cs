namespace Athanor.Protocol.Twins;

[Message("twins.registered")]
public sealed record TwinRegistered([property: Key(0)] TwinSpec Spec) : IEvent;

/// <summary>Rows were taken; they wait to be filtered.</summary>
[Message("twins.rows-taken")]
public sealed record RowsTaken(
    [property: Key(0)] long FirstRow, [property: Key(1)] double[] TimesS, [property: Key(2)] double[] Inputs,
    [property: Key(3)] double[] Measured) : IEvent;

/// <summary>The rows taken were filtered.</summary>
/// <param name="Estimate">After the last of them.</param>
/// <param name="Predicted">One-step prediction of the measured value by row, before it was seen.</param>
/// <param name="PredictedVariance">Variance of the innovation by row.</param>
/// <param name="NisMean">Mean normalised innovation squared over the alarm window, by exponential forgetting.</param>
[Message("twins.estimated")]
public sealed record TwinEstimated(
    [property: Key(0)] TwinEstimate Estimate, [property: Key(1)] double[] Predicted, [property: Key(2)] double[] PredictedVariance,
    [property: Key(3)] double NisMean) : IEvent;

/// <summary>The rows taken were not filtered at the first attempt; it is tried again.</summary>
/// <param name="Attempt">The attempt now made; the first was 0.</param>
[Message("twins.filter-retried")]
public sealed record FilterRetried([property: Key(0)] int Attempt, [property: Key(1)] string Reason) : IEvent;

/// <summary>The rows taken could not be filtered; the estimate stays at the row before them.</summary>
[Message("twins.rows-set-aside")]
public sealed record RowsSetAside(
    [property: Key(0)] long FirstRow, [property: Key(1)] int Count, [property: Key(2)] string Reason) : IEvent;

[Message("twins.alarm-raised")]
public sealed record AlarmRaised([property: Key(0)] long Row, [property: Key(1)] double Nis, [property: Key(2)] double Limit) : IEvent;

[Message("twins.alarm-cleared")]
public sealed record AlarmCleared([property: Key(0)] long Row, [property: Key(1)] double Nis) : IEvent;

/// <param name="Estimate">What the new model starts from.</param>
/// <param name="By">Who had it so, if the command said why.</param>
[Message("twins.model-adopted")]
public sealed record ModelAdopted(
    [property: Key(0)] TwinModel Model, [property: Key(1)] TwinEstimate Estimate, [property: Key(2)] string? By = null,
    [property: Key(3)] string? Why = null) : IEvent;

/// <summary>The twin went back to the model before.</summary>
/// <param name="Model">That model under its new version number.</param>
/// <param name="Estimate">What it starts from.</param>
[Message("twins.model-reverted", Since = 1)]
public sealed record ModelReverted(
    [property: Key(0)] TwinModel Model, [property: Key(1)] TwinEstimate Estimate, [property: Key(2)] string By,
    [property: Key(3)] string Why) : IEvent;
