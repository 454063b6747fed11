using Athanor.Hosting.Stores.Scheduling;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Work: what may happen is in <see cref="WorkBook"/>; each call is one transaction that locks the rows it looks at. A call whose
/// answer is lost may have taken effect: leases end by themselves, and a result is stored once by work id.</summary>
public sealed partial class PostgresStore
{
    public Task<IReadOnlyList<WorkLease>> LeaseWork(WorkRequest request, CancellationToken cancellation) =>
        Work("leasing work", [request.Pool], book => book.Lease(request), cancellation);

    public Task<IReadOnlyList<WorkLease>> LeaseWork(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation) =>
        Work("leasing work", pools, book => book.LeaseEach(holder, pools, count, lease), cancellation);

    public Task<IReadOnlyList<WorkLease>> LeaseOverdueWork(string holder, int limit, TimeSpan lease, CancellationToken cancellation) =>
        Work("leasing overdue work", [], book => book.LeaseOverdue(holder, limit, lease), cancellation);

    public Task<IReadOnlyList<long>> RenewWork(
        string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation) =>
        // In one order for all, so that two renewals do not wait for each other in a circle.
        Work("renewing work", [], book => book.Renew(holder, [.. tokens.Order()], lease), cancellation);

    public Task<bool> CompleteWork(string workId, long token, StoredMessage command, CancellationToken cancellation) =>
        Work($"completing {workId}", [], book => book.Complete(workId, token, command), cancellation);

    public Task<bool> FailWork(
        string workId, long token, WorkStatus status, string reason, StoredMessage command, CancellationToken cancellation) =>
        Work($"failing {workId}", [], book => book.Fail(workId, token, status, reason, command), cancellation);

    public Task<int> ReturnWork(string workId, long token, bool died, CancellationToken cancellation) =>
        Work($"giving back {workId}", [], book => book.Return(workId, token, died), cancellation);

    public Task<int> ReturnWorkOf(string holder, CancellationToken cancellation) =>
        Work($"giving back the work of {holder}", [], book => book.ReturnOf(holder), cancellation);

    public Task<bool> CheckpointWork(string workId, long token, WorkCheckpoint checkpoint, CancellationToken cancellation) =>
        Work($"keeping a checkpoint of {workId}", [], book => book.Checkpoint(workId, token, checkpoint), cancellation);

    public Task<bool> PutGangKey(long token, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        Work("telling a gang", [], book => book.PutKey(token, key, value), cancellation);

    public Task<IReadOnlyDictionary<string, byte[]>?> ReadGangKeys(long token, CancellationToken cancellation) =>
        Work("listening to a gang", [], book => book.Keys(token), cancellation);

    public Task<IReadOnlyList<WorkView>> ListWork(WorkStatus? status, CancellationToken cancellation) => Read<IReadOnlyList<WorkView>>(
        "listing work",
        async connection =>
        {
            await using var command = Command(
                connection, $"SELECT {WorkTable.Columns} FROM work w WHERE $1 < 0 OR w.status = $1 ORDER BY w.number", (int?)status ?? -1);
            await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var row = new PostgresRow(WorkTable.Table, rows);
            return await ReadAll(rows, () => WorkTable.Current(row).View, cancellation).ConfigureAwait(false);
        },
        cancellation);

    public Task<StoreLoad> ReadLoad(CancellationToken cancellation) => Read(
        "counting what waits",
        async connection =>
        {
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    BatchCommand("SELECT shard, count(*), extract(epoch FROM now() - min(told))::float8 FROM mail GROUP BY shard ORDER BY shard"),
                    BatchCommand(
                        $"""
                        SELECT pool, kind, tenant, status, count(*), coalesce($1::bigint, clock()) - min(created) FROM work
                        WHERE status NOT IN ({(int)WorkStatus.Completed}, {(int)WorkStatus.Cancelled})
                        GROUP BY pool, kind, tenant, status ORDER BY pool, kind, tenant, status
                        """,
                        ClockTicks),
                },
            };
            await using var rows = await batch.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var mail = await ReadAll(
                rows, () => new MailLoad(rows.GetInt32(0), rows.GetInt64(1), TimeSpan.FromSeconds(Math.Max(0, rows.GetDouble(2)))),
                cancellation).ConfigureAwait(false);
            await rows.NextResultAsync(cancellation).ConfigureAwait(false);
            var work = await ReadAll(
                rows,
                () => new WorkLoad(
                    rows.GetString(0), rows.GetString(1), rows.GetString(2), (WorkStatus)rows.GetInt32(3), rows.GetInt64(4),
                    TimeSpan.FromTicks(Math.Max(0, rows.GetInt64(5)))),
                cancellation).ConfigureAwait(false);
            return new StoreLoad(mail, work);
        },
        cancellation);

    /// <param name="pools">Pools of which it leases.</param>
    private Task<T> Work<T>(
        string doing, IReadOnlyList<string> pools, Func<WorkBook, ValueTask<T>> call, CancellationToken cancellation) => Call(
        _sources.Work, doing,
        async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            DateTimeOffset now;
            await using (var command = Command(connection, "SELECT coalesce($1::bigint, clock())", ClockTicks))
                now = new DateTimeOffset((long)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!, TimeSpan.Zero);
            var tables = new PostgresWorkTables(connection, _reports, now, cancellation);
            foreach (var pool in pools.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
                await tables.LockPool(pool).ConfigureAwait(false);
            var result = await call(new WorkBook(tables)).ConfigureAwait(false);
            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
            return result;
        },
        cancellation);
}
