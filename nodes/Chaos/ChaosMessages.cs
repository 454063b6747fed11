using System.Collections.Immutable;
using Athanor.Protocol;

namespace Athanor.Nodes.Chaos;

// The family that chaos runs speak to: counters that also send to each other, set alarms and dispatch work. Registered by chaos nodes alone.

public enum ChaosKind
{
    Credit, Send, Receive, SetAlarm, Ring, Dig,
}

/// <summary>What happened to a counter. All but the last three are of a client's command; those follow from one.</summary>
public enum ChaosFact
{
    Credited, Sent, AlarmSet, DigAsked, Received, Rang, Dug, DigFailed,
}

/// <param name="Op">The client's operation that it is, or follows from.</param>
/// <param name="Session">The session that sent it.</param>
/// <param name="Number">Its place among the session's operations.</param>
/// <param name="Amount">Amount, or milliseconds.</param>
/// <param name="Other">The other counter, of a transfer.</param>
/// <param name="Order">Of what one counter sends another: its place.</param>
[Message("chaos.act")]
public sealed record ChaosAct(
    [property: Key(0)] ChaosKind Kind, [property: Key(1)] long Op, [property: Key(2)] int Session, [property: Key(3)] long Number,
    [property: Key(4)] long Amount, [property: Key(5)] string Other, [property: Key(6)] long Order) : ICommand;

[Message("chaos.happened")]
public sealed record ChaosHappened(
    [property: Key(0)] ChaosFact Fact, [property: Key(1)] long Op, [property: Key(2)] int Session, [property: Key(3)] long Number,
    [property: Key(4)] long Amount, [property: Key(5)] string Other, [property: Key(6)] long Order) : IEvent;

[Message("chaos.counter")]
public sealed record ChaosCounter(
    [property: Key(0)] long Balance, [property: Key(1)] long Events,
    [property: Key(2)] ImmutableSortedDictionary<string, long> SentTo) : IState;

[Message("chaos.dig")]
public sealed record ChaosDig([property: Key(0)] long Op, [property: Key(1)] int Milliseconds) : IWork;

[Message("chaos.found")]
public sealed record ChaosFound([property: Key(0)] long Op) : IWorkResult;
