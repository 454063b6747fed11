using System.Collections.Immutable;

namespace Athanor.Protocol.Twins;

/// <summary>Decides a control move of the unit: what its actuators shall be set to, and for how long that stands. It leaves for the plant
/// once it is committed.</summary>
/// <param name="Setpoints">By actuator (named as signals are), in its own unit; finite.</param>
/// <param name="ValidFor">How long after the decision a receiver may still act on it; above 0, at most a day.</param>
[Message("twins.move", Since = 1)]
public sealed record MakeMove(
    [property: Key(0)] ImmutableSortedDictionary<string, double> Setpoints, [property: Key(1)] TimeSpan ValidFor) : ICommand;

/// <param name="Sequence">The move's number.</param>
[Message("twins.move-made", Since = 1)]
public sealed record MoveMade([property: Key(0)] long Sequence, [property: Key(1)] DateTimeOffset ValidUntil) : IReply;

/// <summary>A control move was decided. With the epoch of its journal row it is what receivers tell doubled and overtaken ones by.</summary>
/// <param name="Sequence">The unit's moves are numbered from 1 without a gap.</param>
/// <param name="Time">When it was decided.</param>
/// <param name="ValidUntil">A receiver whose clock is past it does nothing.</param>
[Message("twins.moved", Since = 1)]
public sealed record TwinMoved(
    [property: Key(0)] long Sequence, [property: Key(1)] ImmutableSortedDictionary<string, double> Setpoints,
    [property: Key(2)] DateTimeOffset Time, [property: Key(3)] DateTimeOffset ValidUntil) : IEvent;
