using Athanor.Hosting.Stores.Scheduling;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Work: what may happen is in <see cref="WorkBook"/>; each call is one write transaction.</summary>
public sealed partial class SqliteStore
{
    public Task<IReadOnlyList<WorkLease>> LeaseWork(WorkRequest request, CancellationToken cancellation) =>
        Work(book => book.Lease(request), cancellation);

    public Task<IReadOnlyList<WorkLease>> LeaseWork(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation) =>
        Work(book => book.LeaseEach(holder, pools, count, lease), cancellation);

    public Task<IReadOnlyList<WorkLease>> LeaseOverdueWork(string holder, int limit, TimeSpan lease, CancellationToken cancellation) =>
        Work(book => book.LeaseOverdue(holder, limit, lease), cancellation);

    public Task<IReadOnlyList<long>> RenewWork(
        string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation) =>
        Work(book => book.Renew(holder, tokens, lease), cancellation);

    public Task<bool> CompleteWork(string workId, long token, StoredMessage command, CancellationToken cancellation) =>
        Work(book => book.Complete(workId, token, command), cancellation);

    public Task<bool> FailWork(
        string workId, long token, WorkStatus status, string reason, StoredMessage command, CancellationToken cancellation) =>
        Work(book => book.Fail(workId, token, status, reason, command), cancellation);

    public Task<int> ReturnWork(string workId, long token, bool died, CancellationToken cancellation) =>
        Work(book => book.Return(workId, token, died), cancellation);

    public Task<int> ReturnWorkOf(string holder, CancellationToken cancellation) => Work(book => book.ReturnOf(holder), cancellation);

    public Task<bool> CheckpointWork(string workId, long token, WorkCheckpoint checkpoint, CancellationToken cancellation) =>
        Work(book => book.Checkpoint(workId, token, checkpoint), cancellation);

    public Task<bool> PutGangKey(long token, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        Work(book => book.PutKey(token, key, value), cancellation);

    public Task<IReadOnlyDictionary<string, byte[]>?> ReadGangKeys(long token, CancellationToken cancellation) =>
        Work(book => book.Keys(token), cancellation);

    public Task<IReadOnlyList<WorkView>> ListWork(WorkStatus? status, CancellationToken cancellation) => Read<IReadOnlyList<WorkView>>(
        connection => _reports.ReadAll(connection.Prepare($"{WorkTable.Table.Select} ORDER BY number"), WorkTable.Current)
            .Where(w => status is null || w.Status == status).Select(w => WithPlan(connection, w).View).ToList(),
        cancellation);

    private Task<T> Work<T>(Func<WorkBook, ValueTask<T>> call, CancellationToken cancellation) => Write(
        connection => call(new WorkBook(WorkTables(connection))).GetAwaiter().GetResult(), cancellation);

    private SqliteWorkTables WorkTables(SqliteConnection connection) =>
        new(connection, _reports, _clock.Now(), mail => AddMail(connection, mail));

    /// <summary>A row whose plan is damaged is still shown; it is leased to nobody.</summary>
    private WorkEntry WithPlan(SqliteConnection connection, WorkEntry entry)
    {
        try
        {
            return WorkPlanTable.Complete(connection, entry);
        }
        catch (DamageException e)
        {
            _reports.Add(e);
            return entry;
        }
    }

    private void AddWork(SqliteConnection connection, WorkRow work)
    {
        using (var row = connection.Prepare("SELECT 1 FROM work WHERE id = ?").Bind(work.Id))
        {
            if (row.Step()) return;
        }
        // Rows are never deleted, so a number is never given twice.
        var number = connection.ReadLong("SELECT coalesce(max(number), 0) + 1 FROM work");
        WorkTable.Put(connection, new WorkEntry(number, work, WorkStatus.Pending, null, 0, DateTimeOffset.MinValue, 0, null)
        {
            Created = _clock.Now(),
        });
    }

    private void CancelWork(SqliteConnection connection, int shard, string id)
    {
        try
        {
            if (WorkTable.Find(connection, id) is not { IsOpen: true } work || work.Row.Shard != shard) return;
            new WorkBook(WorkTables(connection)).Cancel(work).GetAwaiter().GetResult();
        }
        catch (DamageException e)
        {
            // Damaged work is never leased, so there is nothing to cancel; the entity's commit does not fail over it.
            _reports.Add(e);
        }
    }

    /// <summary>An opening for writing knows that every holder is gone, and that rows of an older build have no plan yet.</summary>
    private void TakeWork(SqliteConnection connection)
    {
        var taken = _reports.ReadAll(
            connection.Prepare(
                $"{WorkTable.Table.Select} WHERE status = 1 OR (status = 0 AND (number NOT IN (SELECT number FROM work_plan) "
                + "OR number IN (SELECT number FROM work_plan WHERE seats IS NOT NULL)))"),
            WorkTable.Current);
        foreach (var work in taken)
        {
            var entry = WithPlan(connection, work);
            if (entry.Created == default) entry = entry with { Created = _clock.Now() };
            WorkTable.Put(connection, entry.GivenBack());
        }
        connection.Execute("DELETE FROM work_key");
    }
}
