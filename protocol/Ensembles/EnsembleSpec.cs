using System.Collections.Immutable;

namespace Athanor.Protocol.Ensembles;

/// <summary>How rows are parted into training, calibration and test.</summary>
public enum SplitRule
{
    /// <summary>A seeded permutation of the rows: calibration and test rows are exchangeable.</summary>
    Permutation = 0,

    /// <summary>A seeded permutation of whole groups: rows that share a setting stay together, and exchangeability fails.</summary>
    Group = 1,
}

/// <summary>ln(x + Shift) is taken of a column before it is standardised.</summary>
/// <param name="Shift">In the column's unit.</param>
[MessagePart]
public sealed record ColumnLog([property: Key(0)] int Column, [property: Key(1)] double Shift);

/// <summary>Everything that decides an ensemble: with the data blob it fixes every bit of its members and intervals.</summary>
/// <param name="Data">SHA-256 (hex) of the table of samples (inputs as measured, one output).</param>
/// <param name="Inputs">Input columns of the table; the network's first size must be equal.</param>
/// <param name="Sizes">Inputs, hidden widths, 1.</param>
/// <param name="Members">Networks of an ensemble; they differ by their seeds.</param>
/// <param name="Passes">Over the training rows.</param>
/// <param name="LearningRate">At the start; falls to 0 as half a cosine.</param>
/// <param name="Miscoverage">Share of new rows that an interval may miss, e.g. 0.1.</param>
/// <param name="TrainingShare">Of the rows or groups.</param>
/// <param name="CalibrationShare">Of the rows or groups; the rest is for the test.</param>
/// <param name="PermutationSplits">How many splits by permutation: indices 0, 1, …</param>
/// <param name="GroupSplits">How many splits by group: the indices after those.</param>
/// <param name="GroupColumns">Input columns whose values name a group.</param>
/// <param name="Seed">All chance comes from it.</param>
[MessagePart]
public sealed record EnsembleSpec(
    [property: Key(0)] string Data, [property: Key(1)] int Inputs, [property: Key(2)] ImmutableArray<int> Sizes,
    [property: Key(3)] int Members, [property: Key(4)] int Passes, [property: Key(5)] int BatchRows, [property: Key(6)] double LearningRate,
    [property: Key(7)] double WeightDecay, [property: Key(8)] ImmutableArray<ColumnLog> Logs, [property: Key(9)] double Miscoverage,
    [property: Key(10)] double TrainingShare, [property: Key(11)] double CalibrationShare, [property: Key(12)] int PermutationSplits,
    [property: Key(13)] int GroupSplits, [property: Key(14)] ImmutableArray<int> GroupColumns, [property: Key(15)] ulong Seed)
{
    public int Splits => PermutationSplits + GroupSplits;

    public SplitRule RuleOf(int split) => split < PermutationSplits ? SplitRule.Permutation : SplitRule.Group;
}

/// <summary>One split's fit and its score on rows that neither training nor calibration saw.</summary>
/// <param name="Rmse">Of the ensemble's mean on the test rows, in the output's unit.</param>
/// <param name="MemberRmse">Mean over members of their own.</param>
/// <param name="Calibration">Calibration rows.</param>
/// <param name="Test">Test rows.</param>
/// <param name="ConstantQuantile">q of mean ± q, in the output's unit; infinite with too few calibration rows.</param>
/// <param name="NormalisedQuantile">q of mean ± q times the members' spread.</param>
/// <param name="CoveredByConstant">Test rows inside mean ± q.</param>
/// <param name="CoveredByNormalised">Test rows inside mean ± q times spread.</param>
/// <param name="ConstantWidth">Width of the constant interval, in the output's unit.</param>
/// <param name="NormalisedWidth">Mean width of the normalised intervals over the test rows, in the output's unit.</param>
/// <param name="Model">SHA-256 (hex) of the blob of the members and their standardisation.</param>
/// <param name="Predictions">SHA-256 (hex) of a table of samples: inputs (0 calibration or 1 test, row), outputs (measured, mean,
/// spread).</param>
[MessagePart]
public sealed record SplitFit(
    [property: Key(0)] SplitRule Rule, [property: Key(1)] double Rmse, [property: Key(2)] double MemberRmse,
    [property: Key(3)] int Calibration, [property: Key(4)] int Test, [property: Key(5)] double ConstantQuantile,
    [property: Key(6)] double NormalisedQuantile, [property: Key(7)] int CoveredByConstant, [property: Key(8)] int CoveredByNormalised,
    [property: Key(9)] double ConstantWidth, [property: Key(10)] double NormalisedWidth, [property: Key(11)] string Model,
    [property: Key(12)] string Predictions);

/// <summary>Where an ensemble stands.</summary>
public enum EnsemblePhase
{
    NotStarted = 0,
    Fitting = 1,
    Fitted = 2,
    Failed = 3,
}
