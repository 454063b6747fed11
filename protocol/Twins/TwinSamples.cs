using System.Collections.Immutable;

namespace Athanor.Protocol.Twins;

/// <summary>One measured value of one signal, as the plant sent it. Its identity in the unit is (signal, source time, sequence); a sample
/// without a source time is told apart by its sequence alone.</summary>
/// <param name="Signal">1 to 64 of letters, digits, '.', '_' and '-'.</param>
/// <param name="Time">Source time; null if the source has no clock.</param>
/// <param name="Sequence">The source's own number; 0 if it has none (then it must give a time).</param>
/// <param name="Value">In the signal's own unit; finite.</param>
[MessagePart]
public sealed record Sample(
    [property: Key(0)] string Signal, [property: Key(1)] DateTimeOffset? Time, [property: Key(2)] long Sequence,
    [property: Key(3)] double Value);

/// <summary>
/// Samples of any signals, in the order in which they came. One whose identity was taken before has no second effect, so a sender that does
/// not know what arrived may send again; one older than its signal's window is recorded as late and not applied.
/// </summary>
[Message("twins.observe", Since = 1)]
public sealed record Observe([property: Key(0)] ImmutableArray<Sample> Samples) : IRepeatable;

/// <summary>What became of the samples.</summary>
/// <param name="Taken">Samples that took effect.</param>
/// <param name="Seen">Samples that had taken effect before.</param>
/// <param name="Late">Samples older than the window of their signal: recorded, not applied.</param>
[Message("twins.observed", Since = 1)]
public sealed record SamplesAccepted([property: Key(0)] int Taken, [property: Key(1)] int Seen, [property: Key(2)] int Late) : IReply;

/// <summary>A sample as it was recorded.</summary>
/// <param name="Time">Source time; the time of arrival if <paramref name="Arrival"/>.</param>
/// <param name="Arrival">Whether the source gave no time: the value is real, its time is a guess.</param>
[MessagePart]
public sealed record TakenSample(
    [property: Key(0)] string Signal, [property: Key(1)] DateTimeOffset Time, [property: Key(2)] long Sequence,
    [property: Key(3)] double Value, [property: Key(4)] bool Arrival);

/// <summary>Samples were taken.</summary>
/// <param name="Samples">Those that take effect, in order of arrival.</param>
/// <param name="Late">Those older than the window of their signal: it can no longer be told whether they were taken before.</param>
[Message("twins.samples-taken", Since = 1)]
public sealed record SamplesTaken(
    [property: Key(0)] ImmutableArray<TakenSample> Samples, [property: Key(1)] ImmutableArray<TakenSample> Late) : IEvent;

/// <summary>Which signals are the rows that the model filters. A row is made at each source time at which the measured signal came; the
/// input is that of the same time, or the last one before it.</summary>
[MessagePart]
public sealed record TwinSignals([property: Key(0)] string Input, [property: Key(1)] string Measured);

/// <summary>Asks what a unit's signals last said, and what was sent out to it.</summary>
[Message("twins.signals-query", Since = 1)]
public sealed record TwinSignalsQuery : IQuery;

/// <summary>One signal as the twin knows it.</summary>
/// <param name="Latest">The sample of the latest time; an older one inside the window does not replace it.</param>
/// <param name="Count">Samples that took effect.</param>
[MessagePart]
public sealed record SignalView(
    [property: Key(0)] TakenSample Latest, [property: Key(1)] long Count);

/// <param name="Late">Samples recorded as late, in all.</param>
/// <param name="Move">The last control move; null before the first.</param>
[Message("twins.signals", Since = 1)]
public sealed record TwinSignalsView(
    [property: Key(0)] ImmutableSortedDictionary<string, SignalView> Signals, [property: Key(1)] long Late,
    [property: Key(2)] TwinMoved? Move) : IReply;
