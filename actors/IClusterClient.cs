using Athanor.Protocol;

namespace Athanor.Actors;

/// <param name="Address">The entity.</param>
/// <param name="EventNumber">Number of its last event.</param>
/// <param name="Status"><c>idle</c>, <c>active</c>, <c>faulted</c>.</param>
public sealed record EntitySummary(EntityAddress Address, long EventNumber, string Status);

/// <summary>How anything outside an entity speaks to entities: the same calls in process, over the node's socket, and in tests.</summary>
public interface IClusterClient
{
    /// <summary>Sends a command and waits until its effects are committed. The same key with the same command has effect once.</summary>
    /// <param name="key">Idempotency key, a UUIDv7; null lets the client make one and retry under it.</param>
    /// <returns>The entity's reply; <see cref="Rejected"/> if it refused.</returns>
    Task<IReply> Ask(EntityAddress to, ICommand command, Guid? key = null, CancellationToken cancellation = default);

    /// <summary>Asks the owner, which answers from committed state.</summary>
    /// <param name="consistent">Re-checks ownership with the store before answering.</param>
    Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default);

    /// <summary>The entities of a family that have at least one event, by id.</summary>
    Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default);

    /// <summary>Stores a blob and returns its SHA-256 (lower-case hex).</summary>
    /// <param name="tenant">Whose it is: only its entities may name it, and only its principals read it.</param>
    Task<string> PutBlob(
        ReadOnlyMemory<byte> content, CancellationToken cancellation = default, string tenant = EntityAddress.DefaultTenant);

    /// <summary>Reads a blob whole, verifying its hash.</summary>
    Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default);
}
