using System.Collections.Immutable;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>The identities of one signal's samples that were taken last: rising by (time, sequence), at most
/// <see cref="TwinSampling.Window"/>. What lies before the first of a full window is too old to be told apart.</summary>
/// <param name="Ticks">Source times in ticks of 100 ns since the year 1; zeros for samples without one.</param>
[MessagePart]
public sealed record SampleWindow([property: Key(0)] long[] Ticks, [property: Key(1)] long[] Sequences)
{
    public static SampleWindow Empty { get; } = new([], []);
}

/// <summary>What a twin keeps of one signal.</summary>
/// <param name="Timed">Identities of samples with a source time.</param>
/// <param name="Untimed">Identities of samples without one.</param>
/// <param name="Latest">The sample of the latest time.</param>
/// <param name="Count">Samples that took effect.</param>
[MessagePart]
public sealed record SignalState(
    [property: Key(0)] SampleWindow Timed, [property: Key(1)] SampleWindow Untimed, [property: Key(2)] TakenSample Latest,
    [property: Key(3)] long Count);

/// <summary>What came from the plant and went to it.</summary>
/// <param name="Late">Samples recorded as late, in all.</param>
/// <param name="Move">The last control move.</param>
[MessagePart]
public sealed record PlantState(
    [property: Key(0)] ImmutableSortedDictionary<string, SignalState> Signals, [property: Key(1)] long Late,
    [property: Key(2)] TwinMoved? Move)
{
    public static PlantState Empty { get; } =
        new(ImmutableSortedDictionary.Create<string, SignalState>(StringComparer.Ordinal), 0, null);
}
