namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Work: leases, results, failures. A result reaches the entity as a mailbox row of the same transaction.</summary>
public sealed partial class SqliteStore
{
    /// <summary>The source shard of messages that bring work's results; their source number is the work row's own.</summary>
    private const int WorkSource = -1;

    public Task<IReadOnlyList<WorkLease>> LeaseWork(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation) =>
        Write<IReadOnlyList<WorkLease>>(
            connection =>
            {
                var now = _clock.Now();
                var free = pools.Distinct(StringComparer.Ordinal).SelectMany(pool => _reports.ReadAll(
                    connection.Prepare(
                        $"{WorkTable.Table.Select} WHERE status < 2 AND pool = ? AND (status = 0 OR lease <= ?) "
                        + "ORDER BY priority DESC, number")
                        .Bind(pool).Bind(now),
                    WorkTable.Current, count));
                var leases = new List<WorkLease>();
                foreach (var work in free.OrderByDescending(w => w.Work.Priority).ThenBy(w => w.Number).Take(count).ToList())
                {
                    var leased = work with
                    {
                        Status = WorkStatus.Leased,
                        Holder = holder,
                        Attempt = work.Attempt + 1,
                        LeaseUntil = now + lease,
                    };
                    WorkTable.Put(connection, leased);
                    leases.Add(new WorkLease(leased.Work, holder, leased.Token, leased.Attempt, leased.LeaseUntil));
                }
                return leases;
            },
            cancellation);

    public Task<IReadOnlyList<long>> RenewWork(
        string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation) => Write<IReadOnlyList<long>>(
        connection =>
        {
            var held = new List<long>();
            var until = _clock.Now() + lease;
            foreach (var token in tokens)
            {
                try
                {
                    var work = WorkTable.Find(connection, StoredWork.NumberOf(token));
                    if (work is not { Status: WorkStatus.Leased } || work.Holder != holder || work.Token != token) continue;
                    WorkTable.Put(connection, work with { LeaseUntil = until });
                    held.Add(token);
                }
                catch (DamageException e)
                {
                    _reports.Add(e);
                }
            }
            return held;
        },
        cancellation);

    public Task<bool> CompleteWork(string workId, long token, StoredMessage command, CancellationToken cancellation) => Write(
        connection =>
        {
            // Whoever brings a result first is right, whatever became of the lease: the work is the same and may be done twice.
            if (WorkTable.Find(connection, workId) is not { IsOpen: true } work) return false;
            End(connection, work, WorkStatus.Completed, null, command);
            return true;
        },
        cancellation);

    public Task<bool> FailWork(
        string workId, long token, WorkStatus status, string reason, StoredMessage command, CancellationToken cancellation)
    {
        if (status is not (WorkStatus.Failed or WorkStatus.Parked))
            throw new ArgumentException($"work fails as {WorkStatus.Failed} or {WorkStatus.Parked}, not as {status}", nameof(status));
        return Write(
            connection =>
            {
                // A lease given since then may still succeed; its holder decides.
                if (WorkTable.Find(connection, workId) is not { IsOpen: true } work || work.Token != token) return false;
                End(connection, work, status, reason, command);
                return true;
            },
            cancellation);
    }

    public Task<int> ReturnWork(string workId, long token, bool died, CancellationToken cancellation) => Write(
        connection =>
        {
            if (WorkTable.Find(connection, workId) is not { } work) return 0;
            if (work.Status != WorkStatus.Leased || work.Token != token) return work.Deaths;
            var deaths = work.Deaths + (died ? 1 : 0);
            WorkTable.Put(connection, work with { Status = WorkStatus.Pending, Holder = null, Deaths = deaths });
            return deaths;
        },
        cancellation);

    public Task<int> ReturnWorkOf(string holder, CancellationToken cancellation) => Write(
        connection =>
        {
            var held = _reports.ReadAll(
                connection.Prepare($"{WorkTable.Table.Select} WHERE status = 1 AND holder = ?").Bind(holder), WorkTable.Current);
            foreach (var work in held) WorkTable.Put(connection, work with { Status = WorkStatus.Pending, Holder = null });
            return held.Count;
        },
        cancellation);

    public Task<IReadOnlyList<WorkView>> ListWork(WorkStatus? status, CancellationToken cancellation) => Read<IReadOnlyList<WorkView>>(
        connection => _reports.ReadAll(connection.Prepare($"{WorkTable.Table.Select} ORDER BY number"), WorkTable.Current)
            .Where(w => status is null || w.Status == status)
            .Select(w => new WorkView(w.Work, w.Status, w.Holder, w.Deaths, w.Reason)).ToList(),
        cancellation);

    private static void AddWork(SqliteConnection connection, WorkRow work)
    {
        using (var row = connection.Prepare("SELECT 1 FROM work WHERE id = ?").Bind(work.Id))
        {
            if (row.Step()) return;
        }
        // Rows are never deleted, so a number is never given twice.
        var number = connection.ReadLong("SELECT coalesce(max(number), 0) + 1 FROM work");
        WorkTable.Put(connection, new StoredWork(number, work, WorkStatus.Pending, null, 0, DateTimeOffset.MinValue, 0, null));
    }

    private void CancelWork(SqliteConnection connection, int shard, string id)
    {
        try
        {
            if (WorkTable.Find(connection, id) is not { IsOpen: true } work || work.Work.Shard != shard) return;
            WorkTable.Put(connection, work with { Status = WorkStatus.Cancelled, Holder = null });
        }
        catch (DamageException e)
        {
            // Damaged work is never leased, so there is nothing to cancel; the entity's commit does not fail over it.
            _reports.Add(e);
        }
    }

    private void End(SqliteConnection connection, StoredWork work, WorkStatus status, string? reason, StoredMessage command)
    {
        WorkTable.Put(connection, work with { Status = status, Holder = null, Reason = reason });
        AddMail(connection, new MailRow(
            new MailId(WorkSource, work.Number, 0), work.Work.Shard, work.Work.Entity, null, command, work.Work.TraceParent));
    }
}
