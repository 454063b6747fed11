using Athanor.Hosting.Stores.Scheduling;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Work as it was dispatched, and what became of it. What the schedule needs beside it is in <see cref="WorkPlanTable"/>.</summary>
internal static class WorkTable
{
    public static readonly SqliteTable Table = new(
        "work",
        [
            "number INTEGER PRIMARY KEY", "id TEXT NOT NULL", "shard INTEGER NOT NULL", "entity TEXT NOT NULL", "name TEXT NOT NULL",
            "kind TEXT NOT NULL", "version INTEGER NOT NULL", "spec BLOB NOT NULL", "seed INTEGER NOT NULL", "inputs TEXT NOT NULL",
            "pool TEXT NOT NULL", "priority INTEGER NOT NULL", "deadline INTEGER NOT NULL", "trace TEXT", "status INTEGER NOT NULL",
            "holder TEXT", "attempt INTEGER NOT NULL", "lease INTEGER NOT NULL", "deaths INTEGER NOT NULL", "reason TEXT",
        ],
        r => $"{r.Text(3)} work {r.Text(4)} (number {r.Long(0)})",
        indexes:
        [
            "CREATE UNIQUE INDEX work_id ON work(id)",
            // Open rows only: 0 is pending, 1 is leased.
            "CREATE INDEX work_open ON work(pool, priority DESC, number) WHERE status < 2",
        ]);

    public static void Put(SqliteConnection connection, WorkEntry row)
    {
        var work = row.Row;
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Number).Bind(work.Id).Bind(work.Shard).Bind(work.Entity).Bind(work.Name)
            .Bind(work.Spec).Bind(unchecked((long)work.Seed)).Bind(string.Join('\n', work.Inputs)).Bind(work.Pool).Bind(work.Priority)
            .Bind(work.Deadline.Ticks).Bind(work.TraceParent).Bind((int)row.Status).Bind(row.Holder).Bind(row.Attempt).Bind(row.LeaseUntil)
            .Bind(row.Deaths).Bind(row.Reason).BindCrc().Run();
        WorkPlanTable.Put(connection, row);
    }

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static WorkEntry? Find(SqliteConnection connection, string id)
    {
        using var row = connection.Prepare($"{Table.Select} WHERE id = ?").Bind(id);
        return row.Step() ? WorkPlanTable.Complete(connection, Current(row)) : null;
    }

    /// <inheritdoc cref="Find(SqliteConnection, string)"/>
    public static WorkEntry? Find(SqliteConnection connection, long number)
    {
        using var row = connection.Prepare($"{Table.Select} WHERE number = ?").Bind(number);
        return row.Step() ? WorkPlanTable.Complete(connection, Current(row)) : null;
    }

    /// <summary>The row at hand, without its plan.</summary>
    public static WorkEntry Current(SqliteStatement row)
    {
        Table.Check(row);
        var work = new WorkRow(
            row.Int(2), row.Address(3), row.Text(4), row.Message(5), unchecked((ulong)row.Long(8)),
            [.. row.Text(9).Split('\n', StringSplitOptions.RemoveEmptyEntries)], row.Text(10), row.Int(11),
            TimeSpan.FromTicks(row.Long(12)), row.TextOrNull(13));
        return new WorkEntry(
            row.Long(0), work, (WorkStatus)row.Int(14), row.TextOrNull(15), row.Int(16), row.Time(17), row.Int(18), row.TextOrNull(19));
    }
}

/// <summary>What the schedule knows of a work row: its place in the order of pending rows, its gang, its checkpoint.</summary>
internal static class WorkPlanTable
{
    public static readonly SqliteTable Table = new(
        "work_plan",
        [
            "number INTEGER PRIMARY KEY", "pool TEXT NOT NULL", "tenant TEXT NOT NULL", "priority INTEGER NOT NULL",
            "created INTEGER NOT NULL", "put_off INTEGER NOT NULL", "free_at INTEGER", "not_after INTEGER", "memory INTEGER NOT NULL",
            "size INTEGER NOT NULL", "seats BLOB", "step INTEGER", "checkpoint TEXT",
        ],
        r => $"{r.Text(2)} work number {r.Long(0)}",
        indexes:
        [
            // Rows that have ended have no free_at; gangs that gather or run have seats.
            "CREATE INDEX work_plan_open ON work_plan(pool, tenant, priority, number) WHERE free_at IS NOT NULL",
            "CREATE INDEX work_plan_gang ON work_plan(pool) WHERE seats IS NOT NULL",
            "CREATE INDEX work_plan_due ON work_plan(not_after) WHERE free_at IS NOT NULL AND not_after IS NOT NULL",
        ], since: 2);

    public static void Put(SqliteConnection connection, WorkEntry entry)
    {
        var (row, work) = (connection.Prepare(Table.Put).Row(Table.Name), entry.Row);
        row.Bind(entry.Number).Bind(work.Pool).Bind(work.Entity.Tenant).Bind(work.Priority).Bind(entry.Created).Bind(entry.PutOffUntil);
        BindOrNull(row, entry.FreeAt?.UtcTicks);
        BindOrNull(row, work.NotAfter?.UtcTicks);
        row.Bind(work.MemoryBytes).Bind(work.Gang);
        if (entry.Seats is { } seats) row.Bind(seats.ToBytes());
        else row.Bind((string?)null);
        BindOrNull(row, entry.Checkpoint?.Step);
        row.Bind(entry.Checkpoint?.Blob).BindCrc().Run();
    }

    /// <summary>Adds its plan to a row; one of an older build has none.</summary>
    /// <exception cref="DamageException">The plan is damaged.</exception>
    public static WorkEntry Complete(SqliteConnection connection, WorkEntry entry)
    {
        if (connection.ReadLong("PRAGMA user_version") < Table.Since) return entry;
        using var row = connection.Prepare($"{Table.Select} WHERE number = ?").Bind(entry.Number);
        if (!row.Step()) return entry;
        Table.Check(row);
        return entry with
        {
            Row = entry.Row with
            {
                Gang = row.Int(9),
                MemoryBytes = row.Long(8),
                NotAfter = row.IsNull(7) ? null : row.Time(7),
            },
            Created = row.Time(4),
            PutOffUntil = row.Time(5),
            Seats = row.IsNull(10) ? null : GangSeats.Parse(row.Blob(10)),
            Checkpoint = row.IsNull(11) ? null : new WorkCheckpoint(row.Long(11), row.Text(12)),
        };
    }

    private static void BindOrNull(SqliteStatement row, long? value)
    {
        if (value is { } known) row.Bind(known);
        else row.Bind((string?)null);
    }
}

/// <summary>How much each tenant was served in each pool.</summary>
internal static class WorkShareTable
{
    public static readonly SqliteTable Table = new(
        "work_share", ["pool TEXT NOT NULL", "tenant TEXT NOT NULL", "passed INTEGER NOT NULL", "served INTEGER NOT NULL"],
        r => $"pool {r.Text(0)} tenant {r.Text(1)}", ", PRIMARY KEY(pool, tenant)", true, 2);

    public static void Put(SqliteConnection connection, TenantShare share) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(share.Pool).Bind(share.Tenant).Bind(share.Passed).Bind(share.Served).BindCrc()
            .Run();

    public static TenantShare Current(SqliteStatement row)
    {
        Table.Check(row);
        return new TenantShare(row.Text(0), row.Text(1), row.Long(2), row.Time(3));
    }
}

/// <summary>What the members of a gang's generation told each other.</summary>
internal static class WorkKeyTable
{
    public static readonly SqliteTable Table = new(
        "work_key", ["number INTEGER NOT NULL", "generation INTEGER NOT NULL", "key TEXT NOT NULL", "value BLOB NOT NULL"],
        r => $"work number {r.Long(0)} generation {r.Long(1)} key {r.Text(2)}", ", PRIMARY KEY(number, generation, key)", true, 2);

    public static void Put(SqliteConnection connection, long number, int generation, string key, ReadOnlyMemory<byte> value) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(number).Bind(generation).Bind(key).Bind(value.Span).BindCrc().Run();

    public static (string Key, byte[] Value) Current(SqliteStatement row)
    {
        Table.Check(row);
        return (row.Text(2), row.Blob(3));
    }
}
