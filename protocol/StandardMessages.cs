using System.Collections.Immutable;

namespace Athanor.Protocol;

/// <summary>The command was carried out; there is nothing more to say.</summary>
[Message("std.done")]
public sealed record Done : IReply;

/// <summary>The command or query was understood and refused; nothing changed.</summary>
/// <param name="Code">Stable word for programs: <c>not-found</c>, <c>conflict</c>, <c>invalid</c>, <c>unavailable</c>,
/// <c>forbidden</c>.</param>
/// <param name="Reason">What was wrong, and what would be right, for a person.</param>
[Message("std.rejected")]
public sealed record Rejected([property: Key(0)] string Code, [property: Key(1)] string Reason) : IReply;

/// <summary>Work that the entity dispatched is done; the host sends this to the entity once per work id.</summary>
/// <param name="Name">The name under which the entity dispatched it.</param>
/// <param name="Blobs">Hashes of the blobs that the work put, in the order in which it put them.</param>
[Message("std.work-completed")]
public sealed record WorkCompleted(
    [property: Key(0)] string Name, [property: Key(1)] IWorkResult Result, [property: Key(2)] ImmutableArray<string> Blobs) : ICommand;

/// <summary>Work ended without a result: its handler refused the spec, its deadline passed, or it was parked after three deaths.</summary>
[Message("std.work-failed")]
public sealed record WorkFailed(
    [property: Key(0)] string Name, [property: Key(1)] string Reason, [property: Key(2)] bool Parked) : ICommand;

/// <summary>A Compute that the entity awaits is done. Dropped by the host if the entity no longer awaits it.</summary>
[Message("std.compute-completed")]
public sealed record ComputeCompleted([property: Key(0)] string Name, [property: Key(1)] IComputeResult Result) : ICommand;

/// <summary>A Compute that the entity awaits threw, or missed its deadline.</summary>
[Message("std.compute-failed")]
public sealed record ComputeFailed([property: Key(0)] string Name, [property: Key(1)] string Reason) : ICommand;

/// <summary>Asks any entity for its whole state; the reply is the state's number and hash with a readable form.</summary>
[Message("std.describe")]
public sealed record Describe : IQuery;

/// <param name="EventNumber">Number of the last event applied; 0 for an entity that has none.</param>
/// <param name="StateHash">Lower-case hex SHA-256 of the canonical bytes of the state.</param>
/// <param name="Json">The state as JSON, for people.</param>
[Message("std.description")]
public sealed record Description(
    [property: Key(0)] long EventNumber, [property: Key(1)] string StateHash, [property: Key(2)] string Json) : IReply;

/// <summary>Reads a faulted entity again and lets the messages go on that were set aside. To the host, not to the entity's decider.</summary>
/// <param name="SkipSnapshot">Rebuild it from its first event, and replace the snapshot.</param>
[Message("std.repair-entity")]
public sealed record RepairEntity([property: Key(0)] bool SkipSnapshot) : ICommand;

/// <summary>Tells a parked message to its entity again, as a new one. To the host, not to the entity's decider.</summary>
/// <param name="SourceShard">With the next two: the message's identity, as lists of parked messages show it.</param>
[Message("std.unpark")]
public sealed record Unpark(
    [property: Key(0)] int SourceShard, [property: Key(1)] long SourceNumber, [property: Key(2)] int N) : ICommand;
