namespace Athanor.Protocol.Ensembles;

/// <summary>What a reactor did over the time of a sweep. The numbers are written to the journal and never change.</summary>
public enum Regime
{
    /// <summary>Never ignited.</summary>
    Quiet = 0,

    /// <summary>Ignited, burnt off and stayed cold to the end.</summary>
    IgnitesOnceAndDies = 1,

    /// <summary>Went on swinging between hot and cold, or around the hot state, with an amplitude that does not die.</summary>
    SustainedOscillation = 2,

    /// <summary>Ended at rest on the hot branch.</summary>
    BurningSteadily = 3,
}

/// <summary>A grid of conditions of the exothermic CSTR (A → B, first order, Arrhenius, cooled by a jacket). Condition
/// <c>i = coolantIndex * FeedCount + feedIndex</c>; both axes include their ends.</summary>
/// <param name="FeedFromK">Feed temperature at feed index 0, K.</param>
/// <param name="CoolantFromK">Coolant temperature at coolant index 0, K.</param>
/// <param name="StartConcentration">Concentration of A at the start, mol/L.</param>
/// <param name="StartTemperatureK">Reactor temperature at the start, K.</param>
/// <param name="Minutes">Length of each trajectory, min.</param>
[MessagePart]
public sealed record SweepGrid(
    [property: Key(0)] double FeedFromK, [property: Key(1)] double FeedToK, [property: Key(2)] int FeedCount,
    [property: Key(3)] double CoolantFromK, [property: Key(4)] double CoolantToK, [property: Key(5)] int CoolantCount,
    [property: Key(6)] double StartConcentration, [property: Key(7)] double StartTemperatureK, [property: Key(8)] double Minutes)
{
    /// <summary>Number of conditions.</summary>
    public int Count => FeedCount * CoolantCount;

    /// <summary>Feed temperature of condition <paramref name="index"/>, K.</summary>
    public double FeedK(int index) => At(FeedFromK, FeedToK, FeedCount, index % FeedCount);

    /// <summary>Coolant temperature of condition <paramref name="index"/>, K.</summary>
    public double CoolantK(int index) => At(CoolantFromK, CoolantToK, CoolantCount, index / FeedCount);

    private static double At(double from, double to, int count, int i) => count == 1 ? from : from + ((to - from) * i / (count - 1));
}

/// <summary>Asks an ensemble entity to evaluate every condition of a grid, in <paramref name="Parts"/> pieces of work. Sent twice with the
/// same id and grid it has effect once.</summary>
/// <param name="Sweep">Id of the sweep, unique in the entity.</param>
[Message("ensembles.evaluate-sweep")]
public sealed record EvaluateSweep(
    [property: Key(0)] string Sweep, [property: Key(1)] SweepGrid Grid, [property: Key(2)] int Parts) : ICommand;

/// <summary>The part [First, First + Count) of a sweep.</summary>
[Message("ensembles.sweep-work")]
public sealed record SweepWork(
    [property: Key(0)] SweepGrid Grid, [property: Key(1)] int First, [property: Key(2)] int Count) : IWork;

/// <param name="Regimes"><see cref="Regime"/> of each condition, one byte each.</param>
/// <param name="PeakK">Highest temperature of each trajectory, K.</param>
[Message("ensembles.sweep-work-result")]
public sealed record SweepWorkResult(
    [property: Key(0)] int First, [property: Key(1)] byte[] Regimes, [property: Key(2)] float[] PeakK) : IWorkResult;

[Message("ensembles.sweep-started")]
public sealed record SweepStarted(
    [property: Key(0)] string Sweep, [property: Key(1)] SweepGrid Grid, [property: Key(2)] int Parts) : IEvent;

[Message("ensembles.sweep-part-evaluated")]
public sealed record SweepPartEvaluated(
    [property: Key(0)] string Sweep, [property: Key(1)] int Part, [property: Key(2)] byte[] Regimes, [property: Key(3)] float[] PeakK)
    : IEvent;

[Message("ensembles.sweep-failed")]
public sealed record SweepFailed([property: Key(0)] string Sweep, [property: Key(1)] string Reason) : IEvent;

/// <summary>Asks how far a sweep is, and for its results once all parts are in.</summary>
[Message("ensembles.sweep-query")]
public sealed record SweepQuery([property: Key(0)] string Sweep) : IQuery;

/// <param name="PartsDone">Parts evaluated so far; the sweep is complete when it equals <paramref name="Parts"/>.</param>
/// <param name="Failure">Why the sweep failed, or empty.</param>
/// <param name="Regimes">By condition; empty until complete.</param>
/// <param name="PeakK">By condition, K; empty until complete.</param>
[Message("ensembles.sweep-view")]
public sealed record SweepView(
    [property: Key(0)] string Sweep, [property: Key(1)] SweepGrid Grid, [property: Key(2)] int PartsDone, [property: Key(3)] int Parts,
    [property: Key(4)] string Failure, [property: Key(5)] byte[] Regimes, [property: Key(6)] float[] PeakK) : IReply;
