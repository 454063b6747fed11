namespace Athanor.Compute.Problems;

/// <summary>A state of a problem.</summary>
/// <param name="Unit">As printed beside values; empty for none.</param>
/// <param name="Initial">Value at the start unless a request gives another.</param>
/// <param name="AbsoluteTolerance">Absolute tolerance of this component unless a request gives its own options; positive, in the state's
/// unit.</param>
/// <param name="Lower">Least value that makes sense; bounds boxes of steady states and plots, never clips a solution.</param>
/// <param name="Upper">Largest value that makes sense.</param>
public sealed record OdeState(
    string Name, string Unit, double Initial, double AbsoluteTolerance = 1e-9, double Lower = double.NegativeInfinity,
    double Upper = double.PositiveInfinity);

/// <summary>A parameter of a problem.</summary>
/// <param name="Unit">As printed beside values; empty for none.</param>
/// <param name="Lower">Least value that makes sense; sweeps and fits stay within.</param>
/// <param name="Upper">Largest value that makes sense.</param>
public sealed record OdeParameter(
    string Name, string Unit, double Value, double Lower = double.NegativeInfinity, double Upper = double.PositiveInfinity);
