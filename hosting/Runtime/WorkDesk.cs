using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <inheritdoc cref="IWorkDesk"/>
/// <param name="deathsToPark">Deaths in a row after which an item is parked.</param>
/// <param name="mailArrived">Called with the entity's shard after a result is stored, so that its mailbox is looked at now and not at the
/// next poll.</param>
/// <param name="maxMessageBytes">Size of the largest message (athanor.messages.max). A result that is larger fails its work here, where the
/// reason reaches the entity as a command, and not later in the entity that would keep it.</param>
internal sealed class WorkDesk(
    IStore store, MessageRegistry registry, int deathsToPark, Action<int> mailArrived, int maxMessageBytes = int.MaxValue) : IWorkDesk
{
    private const int MostOverdue = 100;

    public Task<IReadOnlyList<WorkLease>> Lease(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation) =>
        store.LeaseWork(holder, pools, count, lease, cancellation);

    public Task<IReadOnlyList<WorkLease>> Lease(WorkRequest request, CancellationToken cancellation) =>
        store.LeaseWork(request, cancellation);

    public async Task<int> FailOverdue(string holder, TimeSpan lease, CancellationToken cancellation)
    {
        var overdue = await store.LeaseOverdueWork(holder, MostOverdue, lease, cancellation).ConfigureAwait(false);
        foreach (var late in overdue)
        {
            var reason = $"it had not started by {late.Work.NotAfter:u}";
            if (late.Work.Gang > 1)
                reason += $": {late.Work.Gang} slots were never free together; more slots (slots.pools.{late.Work.Pool}.count) or a smaller gang would be right";
            await Fail(late, reason, cancellation).ConfigureAwait(false);
        }
        return overdue.Count;
    }

    public Task<bool> Checkpoint(WorkLease lease, WorkCheckpoint checkpoint, CancellationToken cancellation) =>
        store.CheckpointWork(lease.Work.Id, lease.Token, checkpoint, cancellation);

    public Task<bool> PutKey(WorkLease lease, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        store.PutGangKey(lease.Token, key, value, cancellation);

    public Task<IReadOnlyDictionary<string, byte[]>?> Keys(WorkLease lease, CancellationToken cancellation) =>
        store.ReadGangKeys(lease.Token, cancellation);

    public Task<IReadOnlyList<long>> Renew(string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation) =>
        store.RenewWork(holder, tokens, lease, cancellation);

    public async Task<bool> Complete(WorkLease lease, IWorkResult result, IReadOnlyList<string> blobs, CancellationToken cancellation)
    {
        var command = Stored(new WorkCompleted(lease.Work.Name, result, [.. blobs]));
        if (command.Body.Length > maxMessageBytes)
        {
            var reason = $"the result {registry.KindOf(result)} has {command.Body.Length} bytes as a message, and at most {maxMessageBytes} are "
                + "allowed (athanor.messages.max); what is larger is put into a blob, and the result names its hash";
            await Fail(lease, reason, cancellation).ConfigureAwait(false);
            return false;
        }
        var first = await store.CompleteWork(lease.Work.Id, lease.Token, command, cancellation).ConfigureAwait(false);
        if (first) mailArrived(lease.Work.Shard);
        return first;
    }

    public Task<bool> Fail(WorkLease lease, string reason, CancellationToken cancellation) =>
        End(lease, WorkStatus.Failed, reason, cancellation);

    public async Task<bool> Return(WorkLease lease, string? death, CancellationToken cancellation)
    {
        var deaths = await store.ReturnWork(lease.Work.Id, lease.Token, death is not null, cancellation).ConfigureAwait(false);
        if (death is null || deaths < deathsToPark) return false;
        return await End(lease, WorkStatus.Parked, $"parked after {deaths} deaths in a row; the last: {death}", cancellation).ConfigureAwait(false);
    }

    private async Task<bool> End(WorkLease lease, WorkStatus status, string reason, CancellationToken cancellation)
    {
        var command = Stored(new WorkFailed(lease.Work.Name, reason, status == WorkStatus.Parked));
        var ended = await store.FailWork(lease.Work.Id, lease.Token, status, reason, command, cancellation).ConfigureAwait(false);
        if (ended) mailArrived(lease.Work.Shard);
        return ended;
    }

    private StoredMessage Stored(IMessage message) => new(registry.KindOf(message), registry.VersionOf(message), registry.Encode(message));
}
