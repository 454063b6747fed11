using System.Collections.Immutable;

namespace Athanor.Protocol.Models;

/// <summary>A file that a fit reads; its content is a blob.</summary>
/// <param name="Name">As the main file calls it.</param>
/// <param name="Hash">SHA-256 (lower-case hex) of the content.</param>
[MessagePart]
public sealed record FitFile([property: Key(0)] string Name, [property: Key(1)] string Hash);

/// <summary>What is fitted to what, as its user wrote it: a text with the files that it names.</summary>
/// <param name="Format"><c>hocon</c> or <c>petab</c>.</param>
/// <param name="Main">Name of the file that names the others.</param>
/// <param name="Files">All of them, the main file too, by name.</param>
[MessagePart]
public sealed record FitSource(
    [property: Key(0)] string Format, [property: Key(1)] string Main, [property: Key(2)] ImmutableArray<FitFile> Files);

/// <summary>Fits a model from many starts, in parts that any slots do; then its intervals and, if asked, its profiles are made. The result is
/// a new version of the model.</summary>
/// <param name="Fit">Id of the fit, unique in the model. The same id with the same spec has effect once.</param>
/// <param name="Seed">All starts are drawn from it.</param>
/// <param name="Parts">How many pieces of work the starts are cut into.</param>
/// <param name="Level">Of the intervals, e.g. 0.95.</param>
/// <param name="Estimated">Names of the estimated parameters, in the order of the problem: what profiles are dispatched for.</param>
[Message("models.fit-model", Since = 1)]
public sealed record FitModel(
    [property: Key(0)] string Fit, [property: Key(1)] FitSource Source, [property: Key(2)] ulong Seed, [property: Key(3)] int Starts,
    [property: Key(4)] int Parts, [property: Key(5)] double Level, [property: Key(6)] bool Profiles,
    [property: Key(7)] ImmutableArray<string> Estimated) : ICommand;

/// <summary>Searches from the starts [First, First + Count) of Starts.</summary>
[Message("models.fit-model-work", Since = 1)]
public sealed record FitModelWork(
    [property: Key(0)] FitSource Source, [property: Key(1)] int Starts, [property: Key(2)] int First, [property: Key(3)] int Count) : IWork;

/// <param name="Values">By start, half the weighted sum of squares or the negative log-likelihood; the largest number for a start without a
/// value.</param>
/// <param name="BestStart">Number of the start that came to the smallest; the first of equals.</param>
/// <param name="Absolute">Whether the values are negative log-likelihoods.</param>
/// <param name="Parameters">All parameters' names.</param>
/// <param name="Theta">Their values at the best.</param>
/// <param name="AtBound">By parameter: -1 on its lower bound, +1 on its upper, 0 between or fixed.</param>
/// <param name="End">How the best search ended.</param>
/// <param name="Evaluations">By start.</param>
[Message("models.fit-model-work-result", Since = 1)]
public sealed record FitModelWorkResult(
    [property: Key(0)] int First, [property: Key(1)] double[] Values, [property: Key(2)] int BestStart, [property: Key(3)] bool Absolute,
    [property: Key(4)] ImmutableArray<string> Parameters, [property: Key(5)] double[] Theta, [property: Key(6)] int[] AtBound,
    [property: Key(7)] string End, [property: Key(8)] int[] Evaluations) : IWorkResult
{
    /// <summary>The smallest value.</summary>
    public double Value => Values[BestStart - First];
}

/// <summary>Intervals and warnings at a fit's best parameters.</summary>
[Message("models.fit-analysis-work", Since = 1)]
public sealed record FitAnalysisWork(
    [property: Key(0)] FitSource Source, [property: Key(1)] double[] Theta, [property: Key(2)] int[] AtBound,
    [property: Key(3)] string End, [property: Key(4)] double Level) : IWork;

/// <summary>An estimate with its interval.</summary>
/// <param name="Error">Standard error; -1 if the data do not determine the parameter or if it lies on a bound, 0 if it is fixed.</param>
/// <param name="Low">Lower end of the interval, one-sided on a bound; the lowest number if it is open.</param>
/// <param name="Bound">-1 on its lower bound, +1 on its upper, 0 between or fixed.</param>
[MessagePart]
public sealed record FitEstimate(
    [property: Key(0)] string Name, [property: Key(1)] string Unit, [property: Key(2)] double Value, [property: Key(3)] double Error,
    [property: Key(4)] double Low, [property: Key(5)] double High, [property: Key(6)] int Bound, [property: Key(7)] bool Fixed);

/// <summary>Something that a fit's reader must know.</summary>
/// <param name="Kind"><c>singular</c>, <c>sloppy</c>, <c>correlated</c>, <c>bound</c> or <c>end</c>.</param>
[MessagePart]
public sealed record FitNotice([property: Key(0)] string Kind, [property: Key(1)] string Message);

/// <param name="Value">Half the weighted sum of squares, or the negative log-likelihood.</param>
/// <param name="Freedom">Measurements less free parameters.</param>
/// <param name="Variance">The estimated common variance; 1 where deviations are part of the fit.</param>
/// <param name="Spectrum">Eigenvalues of the information about relative changes, ascending.</param>
[Message("models.fit-analysis-work-result", Since = 1)]
public sealed record FitAnalysisWorkResult(
    [property: Key(0)] double Value, [property: Key(1)] int Measurements, [property: Key(2)] int Freedom,
    [property: Key(3)] double Variance, [property: Key(4)] double Level, [property: Key(5)] ImmutableArray<FitEstimate> Estimates,
    [property: Key(6)] ImmutableArray<FitNotice> Notices, [property: Key(7)] double[] Spectrum) : IWorkResult;

/// <summary>The profile likelihood of one parameter.</summary>
[Message("models.fit-profile-work", Since = 1)]
public sealed record FitProfileWork(
    [property: Key(0)] FitSource Source, [property: Key(1)] double[] Theta, [property: Key(2)] int[] AtBound,
    [property: Key(3)] string End, [property: Key(4)] double Level, [property: Key(5)] string Parameter) : IWork;

/// <param name="At">Values at which the parameter was held, rising.</param>
/// <param name="Rise">Of the objective above its minimum, over the variance, at each.</param>
/// <param name="Low">Lower end of the interval, or null if it is open.</param>
/// <param name="Stopped">Why a branch ended early, or empty.</param>
/// <param name="Better">Whether it came across a better optimum than the fit's.</param>
[Message("models.fit-profile-work-result", Since = 1)]
public sealed record FitProfileWorkResult(
    [property: Key(0)] string Parameter, [property: Key(1)] double[] At, [property: Key(2)] double[] Rise,
    [property: Key(3)] double Threshold, [property: Key(4)] double? Low, [property: Key(5)] double? High, [property: Key(6)] string Stopped,
    [property: Key(7)] bool Better) : IWorkResult;

/// <summary>A fit was started; the command is kept whole.</summary>
[Message("models.fit-model-started", Since = 1)]
public sealed record FitModelStarted([property: Key(0)] FitModel Command) : IEvent;

[Message("models.fit-model-part-done", Since = 1)]
public sealed record FitModelPartDone(
    [property: Key(0)] string Fit, [property: Key(1)] int Part, [property: Key(2)] FitModelWorkResult Result) : IEvent;

[Message("models.fit-analysed", Since = 1)]
public sealed record FitAnalysed([property: Key(0)] string Fit, [property: Key(1)] FitAnalysisWorkResult Result) : IEvent;

[Message("models.fit-profiled", Since = 1)]
public sealed record FitProfiled([property: Key(0)] string Fit, [property: Key(1)] FitProfileWorkResult Result) : IEvent;

/// <summary>A fit failed, with its reason.</summary>
[Message("models.fit-model-failed", Since = 1)]
public sealed record FitModelFailed([property: Key(0)] string Fit, [property: Key(1)] string Reason) : IEvent;

/// <summary>Asks for the results of a fit started by models.fit-model.</summary>
[Message("models.fit-report-query", Since = 1)]
public sealed record FitReportQuery([property: Key(0)] string Fit) : IQuery;

/// <param name="StartsDone">Starts whose parts are in.</param>
/// <param name="Values">By start, once all parts are in.</param>
/// <param name="Best">The part that holds the best start so far.</param>
/// <param name="AtBest">How many of them came to the best.</param>
/// <param name="Version">The version that came of it; 0 until everything is in.</param>
/// <param name="Failure">Why it failed, or empty.</param>
[Message("models.fit-report", Since = 1)]
public sealed record FitReport(
    [property: Key(0)] FitModel Spec, [property: Key(1)] int StartsDone, [property: Key(2)] double[] Values, [property: Key(3)] int AtBest,
    [property: Key(4)] FitModelWorkResult? Best, [property: Key(5)] FitAnalysisWorkResult? Analysis,
    [property: Key(6)] ImmutableArray<FitProfileWorkResult> Profiles, [property: Key(7)] int Version,
    [property: Key(8)] string Failure) : IReply;
