using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Commits: all rows of a part behind the shard's fence.</summary>
public sealed partial class SqliteStore
{
    private static readonly TimeSpan PruneEvery = TimeSpan.FromMinutes(10);

    // Both belong to the writer's thread. Arrivals only order mail among itself; a number may be left out after a commit that was undone.
    private long _arrivals;
    private DateTimeOffset _nextPrune;

    public Task<IReadOnlyList<ShardCommitResult>> Commit(IReadOnlyList<ShardCommit> parts, CancellationToken cancellation)
    {
        foreach (var part in parts) CommitNumbers.Check(part, ShardCount);
        return Write<IReadOnlyList<ShardCommitResult>>(
            connection =>
            {
                var now = _clock.Now();
                PruneReplies(connection, now);
                var results = new ShardCommitResult[parts.Count];
                for (var i = 0; i < results.Length; i++) results[i] = Apply(connection, parts[i], now);
                return results;
            },
            cancellation);
    }

    private ShardCommitResult Apply(SqliteConnection connection, ShardCommit part, DateTimeOffset now)
    {
        ShardRow row;
        try
        {
            row = ShardTable.Read(connection, part.Shard);
        }
        catch (DamageException e)
        {
            // Its fence is gone, so nothing of this shard is accepted; the other parts are not held up by it.
            _reports.Add(e);
            return new ShardCommitResult(part.Shard, false, null);
        }
        if (row.Owner != part.Owner || row.Epoch != part.Epoch || row.LastNumber != part.ExpectedLast)
            return new ShardCommitResult(part.Shard, false, row);
        if (!HasRowsOf(connection, part)) return new ShardCommitResult(part.Shard, false, row);

        CommitNumbers.CheckAgainst(part, row.LastEvent, entity => JournalTable.LastNumber(connection, entity));
        foreach (var added in part.Events) JournalTable.Add(connection, added);
        ShardTable.Put(connection, row with { LastNumber = part.NewLast, LastEvent = row.LastEvent + part.Events.Length });
        foreach (var added in part.Mail) AddMail(connection, added);
        foreach (var handled in part.Handled) MailTable.Delete(connection, part.Shard, handled);
        foreach (var parked in part.Parked)
        {
            MailTable.Delete(connection, part.Shard, parked.Mail.Id);
            ParkedTable.Add(connection, parked);
        }
        foreach (var unparked in part.Unparked) ParkedTable.Delete(connection, part.Shard, unparked);
        foreach (var timer in part.TimersSet) TimerTable.Put(connection, timer);
        foreach (var (entity, name) in part.TimersRemoved)
            connection.Prepare("DELETE FROM timer WHERE shard = ? AND entity = ? AND name = ?").Bind(part.Shard).Bind(entity)
                .Bind(name).Run();
        foreach (var work in part.Work) AddWork(connection, work);
        foreach (var id in part.WorkCancelled) CancelWork(connection, part.Shard, id);
        foreach (var reply in part.Replies) ReplyTable.Add(connection, reply, now);
        foreach (var head in part.Heads) HeadTable.Put(connection, head with { Fault = FaultOf(connection, head.Entity) });
        foreach (var fault in part.Faults) SetFault(connection, part.Shard, fault);
        foreach (var snapshot in part.Snapshots) SnapshotTable.Put(connection, snapshot);
        return new ShardCommitResult(part.Shard, true, null);
    }

    /// <summary>Whether the rows that leave the mailbox and parking are there.</summary>
    private static bool HasRowsOf(SqliteConnection connection, ShardCommit part) =>
        part.Handled.All(id => MailTable.Has(connection, part.Shard, id))
        && part.Parked.All(parked => part.Gives(parked.Mail.Id) || MailTable.Has(connection, part.Shard, parked.Mail.Id))
        && part.Unparked.All(id => ParkedTable.Has(connection, part.Shard, id));

    private void AddMail(SqliteConnection connection, MailRow row) => MailTable.Add(connection, row, ++_arrivals);

    private string? FaultOf(SqliteConnection connection, EntityAddress entity)
    {
        try
        {
            return HeadTable.Find(connection, entity)?.Fault;
        }
        catch (DamageException e)
        {
            // A head that is written now heals the row; its writer knows the entity, so it is not faulted.
            _reports.Add(e);
            return null;
        }
    }

    private void SetFault(SqliteConnection connection, int shard, FaultRow fault)
    {
        HeadRow? head;
        try
        {
            head = HeadTable.Find(connection, fault.Entity);
        }
        catch (DamageException e)
        {
            _reports.Add(e);
            head = HeadFromJournal(connection, fault.Entity);
        }
        head ??= new HeadRow(shard, fault.Entity, 0, EventHash.None, false, null);
        HeadTable.Put(connection, head with { Fault = fault.Reason });
    }

    /// <summary>What a damaged head said, as far as the entity's last event tells it.</summary>
    private static HeadRow? HeadFromJournal(SqliteConnection connection, EntityAddress entity)
    {
        using var row = connection.Prepare($"{JournalTable.Table.Select} WHERE entity = ? ORDER BY entity_number DESC LIMIT 1")
            .Bind(entity);
        if (!row.Step()) return null;
        var last = JournalTable.Current(row);
        return new HeadRow(last.Shard, entity, last.EntityNumber, last.Hash, true, null, last.Time);
    }

    private void PruneReplies(SqliteConnection connection, DateTimeOffset now)
    {
        if (now < _nextPrune) return;
        _nextPrune = now + PruneEvery;
        connection.Prepare("DELETE FROM reply WHERE time < ?").Bind(now - _options.ReplyRetention).Run();
    }
}
