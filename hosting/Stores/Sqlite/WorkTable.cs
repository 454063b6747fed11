namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>A work row with what the store adds to it.</summary>
/// <param name="Number">The row's own number: the source number of the message that brings its result.</param>
/// <param name="Attempt">How often it was leased.</param>
internal sealed record StoredWork(
    long Number, WorkRow Work, WorkStatus Status, string? Holder, int Attempt, DateTimeOffset LeaseUntil, int Deaths, string? Reason)
{
    private const int AttemptBits = 20;

    /// <summary>Names this row and this attempt: a lease given later has another token.</summary>
    public long Token => (Number << AttemptBits) | (uint)Attempt;

    public static long NumberOf(long token) => token >> AttemptBits;

    public bool IsOpen => Status is WorkStatus.Pending or WorkStatus.Leased;
}

/// <summary>Work and its leases.</summary>
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

    public static void Put(SqliteConnection connection, StoredWork row)
    {
        var work = row.Work;
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Number).Bind(work.Id).Bind(work.Shard).Bind(work.Entity).Bind(work.Name)
            .Bind(work.Spec).Bind(unchecked((long)work.Seed)).Bind(string.Join('\n', work.Inputs)).Bind(work.Pool).Bind(work.Priority)
            .Bind(work.Deadline.Ticks).Bind(work.TraceParent).Bind((int)row.Status).Bind(row.Holder).Bind(row.Attempt).Bind(row.LeaseUntil)
            .Bind(row.Deaths).Bind(row.Reason).BindCrc().Run();
    }

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static StoredWork? Find(SqliteConnection connection, string id)
    {
        using var row = connection.Prepare($"{Table.Select} WHERE id = ?").Bind(id);
        return row.Step() ? Current(row) : null;
    }

    /// <inheritdoc cref="Find(SqliteConnection, string)"/>
    public static StoredWork? Find(SqliteConnection connection, long number)
    {
        using var row = connection.Prepare($"{Table.Select} WHERE number = ?").Bind(number);
        return row.Step() ? Current(row) : null;
    }

    public static StoredWork Current(SqliteStatement row)
    {
        Table.Check(row);
        var work = new WorkRow(
            row.Int(2), row.Address(3), row.Text(4), row.Message(5), unchecked((ulong)row.Long(8)),
            [.. row.Text(9).Split('\n', StringSplitOptions.RemoveEmptyEntries)], row.Text(10), row.Int(11),
            TimeSpan.FromTicks(row.Long(12)), row.TextOrNull(13));
        return new StoredWork(
            row.Long(0), work, (WorkStatus)row.Int(14), row.TextOrNull(15), row.Int(16), row.Time(17), row.Int(18), row.TextOrNull(19));
    }
}
