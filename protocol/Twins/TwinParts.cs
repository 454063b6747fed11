using System.Collections.Immutable;

namespace Athanor.Protocol.Twins;

/// <summary>A model as a twin runs it: which equations, and the numbers in them. Numbers are in the order that the kind fixes
/// (see <c>HeaterModel</c> for <c>heater.*</c>).</summary>
/// <param name="Kind"><c>heater.balance</c> or <c>heater.hybrid</c> (the balance with a learned residual).</param>
/// <param name="Version">Rises by one with each model that this unit is given; 1 is what it was registered with.</param>
/// <param name="Source">Where the numbers come from, e.g. <c>models/tclab-heater@2</c>.</param>
/// <param name="Parameters">Physical parameters and noise, SI per unit named by the kind.</param>
/// <param name="Weights">Weights of the residual in row-major layers; empty without one.</param>
[MessagePart]
public sealed record TwinModel(
    [property: Key(0)] string Kind, [property: Key(1)] long Version, [property: Key(2)] string Source,
    [property: Key(3)] double[] Parameters, [property: Key(4)] double[] Weights);

/// <summary>What a twin is: its unit, its first model, and what it holds to be alarming.</summary>
/// <param name="Unit">What plant unit this is, for people.</param>
/// <param name="NominalStepS">Usual time between rows, s; a gap longer than <paramref name="MaxGapS"/> restarts the estimate.</param>
/// <param name="AlarmWindow">Rows over which the normalised innovation squared is averaged.</param>
/// <param name="AlarmNis">The mean above which the alarm is raised; it is cleared below half of it.</param>
/// <param name="Signals">Which of the plant's signals the model filters; null if rows are sent as rows.</param>
[MessagePart]
public sealed record TwinSpec(
    [property: Key(0)] string Unit, [property: Key(1)] TwinModel Model, [property: Key(2)] double NominalStepS,
    [property: Key(3)] double MaxGapS, [property: Key(4)] int AlarmWindow, [property: Key(5)] double AlarmNis,
    [property: Key(6)] TwinSignals? Signals = null);

/// <summary>The estimate after a row.</summary>
/// <param name="Row">Number of the row, from 1; 0 before the first.</param>
/// <param name="TimeS">Its source time, s.</param>
/// <param name="State">Shape (n).</param>
/// <param name="Covariance">Shape (n, n), row-major.</param>
[MessagePart]
public sealed record TwinEstimate(
    [property: Key(0)] long Row, [property: Key(1)] double TimeS, [property: Key(2)] double[] State, [property: Key(3)] double[] Covariance);

/// <summary>The innovations of a twin stayed too large for its model.</summary>
/// <param name="Raised">First row at which the mean was above the limit.</param>
/// <param name="Cleared">Row at which it was cleared; 0 while it stands.</param>
/// <param name="Nis">Mean of the normalised innovation squared when raised; 1 is expected.</param>
[MessagePart]
public sealed record TwinAlarm([property: Key(0)] long Raised, [property: Key(1)] long Cleared, [property: Key(2)] double Nis);

/// <summary>A model taken up by a twin.</summary>
/// <param name="AfterRow">The last row that the model before it filtered.</param>
/// <param name="By">Who had it so, where the command said why.</param>
/// <param name="Reverted">Whether it was the way back to the model before.</param>
[MessagePart]
public sealed record TwinAdoption(
    [property: Key(0)] long Version, [property: Key(1)] string Kind, [property: Key(2)] string Source, [property: Key(3)] long AfterRow,
    [property: Key(4)] string? By = null, [property: Key(5)] string? Why = null, [property: Key(6)] bool? Reverted = null);
