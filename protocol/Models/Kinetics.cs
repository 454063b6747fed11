using System.Collections.Immutable;

namespace Athanor.Protocol.Models;

/// <summary>First-order reactions between species: <c>dy[From]/dt -= k[Parameter] y[From]</c>, <c>dy[To]/dt += k[Parameter] y[From]</c>.
/// The three arrays have one entry a reaction.</summary>
/// <param name="Species">Names of the species, in the order of the data's columns.</param>
/// <param name="Parameters">Names of the rate constants, in the order of the fit's parameters.</param>
[MessagePart]
public sealed record ReactionNetwork(
    [property: Key(0)] ImmutableArray<string> Species, [property: Key(1)] ImmutableArray<string> Parameters,
    [property: Key(2)] int[] From, [property: Key(3)] int[] To, [property: Key(4)] int[] Parameter);

/// <summary>Measured amounts over time.</summary>
/// <param name="Times">Strictly rising; the first row is the start, taken as exact, not as a measurement. In one unit of time.</param>
/// <param name="Amounts">Row-major (times x species), in one unit of amount.</param>
/// <param name="Hash">SHA-256 (lower-case hex) of the file that the data came from.</param>
[MessagePart]
public sealed record KineticData(
    [property: Key(0)] double[] Times, [property: Key(1)] double[] Amounts, [property: Key(2)] string Hash);

/// <summary>How the fit searches.</summary>
/// <param name="Lower">Lower bound of every rate constant, 1/time unit; above 0 since the search is on a logarithmic scale.</param>
/// <param name="StartLow">Starts are drawn log-uniformly from [StartLow, StartHigh], 1/time unit.</param>
/// <param name="RelativeTolerance">Of the ODE solutions and of their sensitivities.</param>
[MessagePart]
public sealed record FitSettings(
    [property: Key(0)] double Lower, [property: Key(1)] double Upper,
    [property: Key(2)] double StartLow, [property: Key(3)] double StartHigh,
    [property: Key(4)] double RelativeTolerance, [property: Key(5)] double AbsoluteTolerance, [property: Key(6)] int MaxIterations);

/// <summary>Fits the starts [First, First + Count) of a multi-start fit. Start i's parameters depend on the work's seed and i
/// alone.</summary>
[Message("models.fit-kinetics-work")]
public sealed record FitKineticsWork(
    [property: Key(0)] ReactionNetwork Network, [property: Key(1)] KineticData Data, [property: Key(2)] FitSettings Settings,
    [property: Key(3)] int First, [property: Key(4)] int Count) : IWork;

/// <summary>Parameters with their relative standard errors, and what they rest on.</summary>
/// <param name="RelativeErrors">Standard error over estimate, by parameter; infinity never appears: a parameter that the data do not
/// determine has -1.</param>
/// <param name="Residuals">Number of residuals counted.</param>
[MessagePart]
public sealed record Interval(
    [property: Key(0)] double[] Parameters, [property: Key(1)] double[] RelativeErrors, [property: Key(2)] double SumOfSquares,
    [property: Key(3)] int Residuals);

/// <summary>The best of some starts.</summary>
/// <param name="SumOfSquares">By start, in order.</param>
/// <param name="BestStart">Number of the start that came to the smallest sum; the first of equals.</param>
/// <param name="AtBound">Parameters that lie on a bound, by index; -1 for those on the lower, +1 for those on the upper, 0 for
/// none.</param>
/// <param name="Naive">All responses counted as independent measurements.</param>
/// <param name="Independent">Refitted to the independent linear combinations of the responses alone.</param>
/// <param name="Eigenvalues">Of the responses' scatter about their means, ascending: near zero for each linear dependency.</param>
/// <param name="Eigenvectors">Row-major, one row an eigenvalue, one column a species.</param>
[Message("models.fit-kinetics-work-result")]
public sealed record FitKineticsWorkResult(
    [property: Key(0)] int First, [property: Key(1)] double[] SumOfSquares, [property: Key(2)] int BestStart,
    [property: Key(3)] int[] AtBound, [property: Key(4)] Interval Naive, [property: Key(5)] Interval Independent,
    [property: Key(6)] double[] Eigenvalues, [property: Key(7)] double[] Eigenvectors, [property: Key(8)] int Dependencies) : IWorkResult;
