namespace Athanor.Protocol.Twins;

/// <summary>Filters rows from an estimate on. Everything that the result depends on is in here.</summary>
/// <param name="From">The estimate before the rows; its row is 0 before the first row ever.</param>
/// <param name="FirstRow">Number of the first row.</param>
/// <param name="LastInputs">Inputs that act since <paramref name="From"/>.</param>
/// <param name="Nis">Mean normalised innovation squared so far.</param>
/// <param name="NisWindow">Rows of the forgetting mean.</param>
[Message("twins.filter")]
public sealed record FilterRows(
    [property: Key(0)] TwinModel Model, [property: Key(1)] TwinEstimate From, [property: Key(2)] double[] LastInputs,
    [property: Key(3)] double[] TimesS, [property: Key(4)] double[] Inputs, [property: Key(5)] double[] Measured,
    [property: Key(6)] double MaxGapS, [property: Key(7)] double Nis, [property: Key(8)] int NisWindow,
    [property: Key(9)] long FirstRow) : ICompute;

/// <summary>See <see cref="TwinEstimated"/>, which holds the same numbers.</summary>
[Message("twins.filtered")]
public sealed record RowsFiltered(
    [property: Key(0)] TwinEstimate Estimate, [property: Key(1)] double[] Predicted, [property: Key(2)] double[] PredictedVariance,
    [property: Key(3)] double NisMean) : IComputeResult;
