using Athanor.Hosting.Stores.Scheduling;
using Npgsql;
using NpgsqlTypes;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>The work tables inside one transaction. Whatever is read is locked until the transaction ends; who leases from a pool holds the
/// pool's lock as well, because the order of its rows rests on all of them.</summary>
internal sealed class PostgresWorkTables(
    NpgsqlConnection connection, Sqlite.DamageReports reports, DateTimeOffset now, CancellationToken cancellation) : IWorkTables
{
    /// <summary>The source shard of messages that bring work's results; their source number is the work row's own.</summary>
    private const int WorkSource = -1;

    public DateTimeOffset Now => now;

    public ValueTask<IReadOnlyList<WorkEntry>> Pending(string pool, long memoryBytes, bool gangs, int each) => Select(
        """
        WHERE w.number = ANY (ARRAY(
            SELECT o.number FROM (
                SELECT DISTINCT g.tenant, g.priority FROM work g WHERE g.pool = $1 AND g.free_at <= $2) g
            CROSS JOIN LATERAL (
                SELECT o.number FROM work o WHERE o.pool = $1 AND o.tenant = g.tenant AND o.priority = g.priority AND o.free_at <= $2
                    AND (o.not_after IS NULL OR o.not_after > $2) AND o.memory <= $3 AND o.gang <= $4 ORDER BY o.number LIMIT $5) o))
            AND w.free_at <= $2
        ORDER BY w.number FOR NO KEY UPDATE SKIP LOCKED
        """,
        pool, now.UtcTicks, memoryBytes <= 0 ? long.MaxValue : memoryBytes, gangs ? WorkToken.MaxGang : 1, (long)each);

    public ValueTask<IReadOnlyList<WorkEntry>> Gangs(string? pool) => pool is null
        ? Select("WHERE w.seats IS NOT NULL ORDER BY w.number FOR NO KEY UPDATE")
        : Select("WHERE w.seats IS NOT NULL AND w.pool = $1 ORDER BY w.number FOR NO KEY UPDATE", pool);

    public ValueTask<IReadOnlyList<WorkEntry>> Overdue(int limit) => Select(
        "WHERE w.free_at <= $1 AND w.not_after <= $1 ORDER BY w.number LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED", now.UtcTicks, (long)limit);

    public async ValueTask<IReadOnlyList<WorkEntry>> HeldBy(string holder)
    {
        var found = await Select(
            "WHERE (w.status = 1 AND w.holder = $1) OR w.seats IS NOT NULL ORDER BY w.number FOR NO KEY UPDATE", holder)
            .ConfigureAwait(false);
        return [.. found.Where(e => e.Seats is { } s ? s.Seats.Any(seat => seat.Holder == holder) : e.Holder == holder)];
    }

    public async ValueTask<WorkEntry?> Find(string id) => (await Select("WHERE w.id = $1 FOR NO KEY UPDATE", id).ConfigureAwait(false)).FirstOrDefault();

    public async ValueTask<WorkEntry?> Find(long number) =>
        (await Select("WHERE w.number = $1 FOR NO KEY UPDATE", number).ConfigureAwait(false)).FirstOrDefault();

    public async ValueTask Put(WorkEntry entry)
    {
        await using var command = new NpgsqlCommand(
            """
            UPDATE work SET status = $2, holder = $3, attempt = $4, lease = $5, deaths = $6, reason = $7, put_off = $8, seats = $9, step = $10,
                checkpoint = $11
            WHERE number = $1
            """,
            connection);
        Add(command, NpgsqlDbType.Bigint, entry.Number);
        Add(command, NpgsqlDbType.Integer, (int)entry.Status);
        Add(command, NpgsqlDbType.Text, entry.Holder);
        Add(command, NpgsqlDbType.Integer, entry.Attempt);
        Add(command, NpgsqlDbType.Bigint, entry.LeaseUntil.UtcTicks);
        Add(command, NpgsqlDbType.Integer, entry.Deaths);
        Add(command, NpgsqlDbType.Text, entry.Reason);
        Add(command, NpgsqlDbType.Bigint, entry.PutOffUntil.UtcTicks);
        Add(command, NpgsqlDbType.Text, entry.Seats is { } seats ? System.Text.Encoding.UTF8.GetString(seats.ToBytes()) : null);
        Add(command, NpgsqlDbType.Bigint, entry.Checkpoint?.Step);
        Add(command, NpgsqlDbType.Text, entry.Checkpoint?.Blob);
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    public ValueTask Tell(WorkEntry entry, StoredMessage command)
    {
        var rows = MailTable.Section.NewRows();
        var work = entry.Row;
        MailTable.Add(
            rows, work.Shard, new MailRow(new MailId(WorkSource, entry.Number, 0), work.Shard, work.Entity, null, command, work.TraceParent));
        return Insert(MailTable.Section, rows);
    }

    public async ValueTask<Dictionary<string, TenantShare>> Shares(string pool)
    {
        await using var command = new NpgsqlCommand($"SELECT {WorkShareTable.Table.Names} FROM work_share WHERE pool = $1", connection);
        Add(command, NpgsqlDbType.Text, pool);
        var shares = await Rows(command, WorkShareTable.Table, WorkShareTable.Current).ConfigureAwait(false);
        return shares.ToDictionary(static share => share.Tenant, StringComparer.Ordinal);
    }

    public ValueTask Put(TenantShare share)
    {
        var rows = WorkShareTable.Section.NewRows();
        WorkShareTable.Add(rows, share);
        return Insert(WorkShareTable.Section, rows);
    }

    public ValueTask PutKey(long number, int generation, string key, ReadOnlyMemory<byte> value)
    {
        var rows = WorkKeyTable.Section.NewRows();
        WorkKeyTable.Add(rows, number, generation, key, value);
        return Insert(WorkKeyTable.Section, rows);
    }

    public async ValueTask<IReadOnlyDictionary<string, byte[]>> Keys(long number, int generation)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT {WorkKeyTable.Table.Names} FROM work_key WHERE number = $1 AND generation = $2", connection);
        Add(command, NpgsqlDbType.Bigint, number);
        Add(command, NpgsqlDbType.Integer, generation);
        var keys = await Rows(command, WorkKeyTable.Table, WorkKeyTable.Current).ConfigureAwait(false);
        return keys.ToDictionary(static k => k.Key, static k => k.Value, StringComparer.Ordinal);
    }

    public async ValueTask DropKeys(long number)
    {
        await using var command = new NpgsqlCommand("DELETE FROM work_key WHERE number = $1", connection);
        Add(command, NpgsqlDbType.Bigint, number);
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Keeps everybody else from leasing of this pool until the transaction ends.</summary>
    public async Task LockPool(string pool)
    {
        await using var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended('athanor pool ' || $1, 0))", connection);
        Add(command, NpgsqlDbType.Text, pool);
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask<IReadOnlyList<WorkEntry>> Select(string where, params object[] values)
    {
        await using var command = new NpgsqlCommand($"SELECT {WorkTable.Columns} FROM work w {where}", connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await Rows(command, WorkTable.Table, WorkTable.Current).ConfigureAwait(false);
    }

    /// <summary>Damaged rows are reported and left out: nobody is given them.</summary>
    private async Task<List<T>> Rows<T>(NpgsqlCommand command, PostgresTable table, Func<PostgresRow, T> current)
    {
        var list = new List<T>();
        await using var rows = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        var row = new PostgresRow(table, rows);
        while (await rows.ReadAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                list.Add(current(row));
            }
            catch (DamageException e)
            {
                reports.Add(e);
            }
        }
        return list;
    }

    /// <summary>Rows of a table outside a commit.</summary>
    private async ValueTask Insert(CommitSection section, PostgresRows rows)
    {
        await using var command = new NpgsqlCommand(section.Alone, connection);
        foreach (var (column, list) in section.Columns.Zip(rows.Columns))
            command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | column.DbType, Value = list });
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    private static void Add(NpgsqlCommand command, NpgsqlDbType type, object? value) =>
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type, Value = value ?? DBNull.Value });
}
