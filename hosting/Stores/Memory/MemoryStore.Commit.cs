using Athanor.Hosting.Stores.Integrity;

namespace Athanor.Hosting.Stores.Memory;

internal sealed partial class MemoryStore
{
    public Task<IReadOnlyList<ShardCommitResult>> Commit(IReadOnlyList<ShardCommit> parts, CancellationToken cancellation)
    {
        lock (_gate)
        {
            foreach (var part in parts) CommitNumbers.Check(part, _shards.Length);
            foreach (var part in parts)
            {
                if (IsCurrent(part)) Check(part);
            }
            var results = new List<ShardCommitResult>(parts.Count);
            foreach (var part in parts)
            {
                var accepted = IsCurrent(part) && HasRowsOf(part);
                if (accepted) Apply(part);
                results.Add(new ShardCommitResult(part.Shard, accepted, accepted ? null : _shards[part.Shard].Row));
            }
            return Task.FromResult<IReadOnlyList<ShardCommitResult>>(results);
        }
    }

    private bool IsCurrent(ShardCommit part)
    {
        var row = _shards[part.Shard].Row;
        return row.Owner == part.Owner && row.Epoch == part.Epoch && row.LastNumber == part.ExpectedLast;
    }

    /// <summary>Whether the rows that leave the mailbox and parking are there.</summary>
    private bool HasRowsOf(ShardCommit part)
    {
        var table = _shards[part.Shard];
        if (part.Handled.Length + part.Parked.Length > 0)
        {
            var mail = table.Mail.Select(static row => row.Id).ToHashSet();
            if (!part.Handled.All(mail.Contains)) return false;
            if (!part.Parked.All(parked => part.Gives(parked.Mail.Id) || mail.Contains(parked.Mail.Id))) return false;
        }
        return part.Unparked.All(id => table.Parked.Exists(parked => parked.Mail.Id == id));
    }

    /// <summary>What a database's keys would refuse. Checked before anything is changed.</summary>
    private void Check(ShardCommit part)
    {
        CommitNumbers.CheckAgainst(
            part, _shards[part.Shard].Row.LastEvent,
            entity => _entities.GetValueOrDefault(entity)?.Events.LastOrDefault()?.EntityNumber ?? 0);
        foreach (var row in part.Mail)
        {
            if (_shards[row.Shard].Mail.Exists(there => there.Id == row.Id))
                throw new StoreException($"the mailbox row {row.Id} is there already");
        }
    }

    private void Apply(ShardCommit part)
    {
        var table = _shards[part.Shard];
        foreach (var row in part.Events)
        {
            table.Feed.Add(row);
            Rows(row.Entity).Events.Add(row);
        }
        table.Row = table.Row with { LastNumber = part.NewLast, LastEvent = table.Row.LastEvent + part.Events.Length };
        foreach (var row in part.Mail) _shards[row.Shard].Mail.Add(row);
        var gone = part.Handled.Concat(part.Parked.Select(static parked => parked.Mail.Id)).ToHashSet();
        if (gone.Count > 0) table.Mail.RemoveAll(row => gone.Contains(row.Id));
        table.Parked.AddRange(part.Parked);
        if (part.Unparked.Length > 0) table.Parked.RemoveAll(parked => part.Unparked.Contains(parked.Mail.Id));
        foreach (var row in part.TimersSet) table.Timers[(row.Entity, row.Name)] = row;
        foreach (var key in part.TimersRemoved) table.Timers.Remove(key);
        foreach (var row in part.Work) AddWork(row);
        foreach (var id in part.WorkCancelled) CancelWork(id);
        foreach (var row in part.Replies) _replies.TryAdd((row.Tenant, row.Key), (row, _time.GetUtcNow()));
        foreach (var head in part.Heads) Rows(head.Entity).Head = head with { Fault = Rows(head.Entity).Head?.Fault };
        foreach (var snapshot in part.Snapshots) Rows(snapshot.Entity).Snapshot = snapshot;
        foreach (var (entity, reason) in part.Faults)
        {
            var rows = Rows(entity);
            rows.Head = (rows.Head ?? new HeadRow(part.Shard, entity, 0, EventHash.None, false, null)) with { Fault = reason };
        }
    }
}
