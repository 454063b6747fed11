using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// Work as whoever does it sees it: slots of this node, and peers through the gateway. Over the store's rows it adds what the runtime
/// owes: the entity's mailbox is looked at as soon as a result is stored, and three deaths in a row park the item.
/// </summary>
public interface IWorkDesk
{
    /// <summary>Leases up to <paramref name="count"/> items of the pools given; the attempt is counted before this returns.</summary>
    /// <param name="holder">Who does it: a node's name, or <c>peer/NAME</c>.</param>
    Task<IReadOnlyList<WorkLease>> Lease(string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Leases for the free slots that a node offers, by priority, tenants' shares and age; gangs whole.</summary>
    Task<IReadOnlyList<WorkLease>> Lease(WorkRequest request, CancellationToken cancellation);

    /// <summary>Fails work of any pool that has not started by its <see cref="WorkRow.NotAfter"/>.</summary>
    /// <returns>How many rows.</returns>
    Task<int> FailOverdue(string holder, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Keeps how far the work came, for the next attempt; a further checkpoint forgets the deaths so far.</summary>
    /// <returns>False if the lease is lost.</returns>
    Task<bool> Checkpoint(WorkLease lease, WorkCheckpoint checkpoint, CancellationToken cancellation);

    /// <summary>Tells the other members of the lease's gang something.</summary>
    /// <returns>False if its generation has ended.</returns>
    Task<bool> PutKey(WorkLease lease, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <returns>What the members of the gang told each other; null if the generation has ended.</returns>
    Task<IReadOnlyDictionary<string, byte[]>?> Keys(WorkLease lease, CancellationToken cancellation);

    /// <returns>The tokens still held; what is missing was cancelled or given to somebody else.</returns>
    Task<IReadOnlyList<long>> Renew(string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Stores the result once by work id. Its blobs must have been put before.</summary>
    /// <returns>False if a result was there already, the work was cancelled, or the result is larger than a message may be: then the work
    /// fails.</returns>
    Task<bool> Complete(WorkLease lease, IWorkResult result, IReadOnlyList<string> blobs, CancellationToken cancellation);

    /// <summary>Ends the work without a result: <c>WorkFailed</c> goes to the entity.</summary>
    Task<bool> Fail(WorkLease lease, string reason, CancellationToken cancellation);

    /// <summary>Gives the work back. With <paramref name="death"/> (why its doer died) it counts towards parking; without, it does not.</summary>
    /// <returns>Whether the item was parked.</returns>
    Task<bool> Return(WorkLease lease, string? death, CancellationToken cancellation);
}
