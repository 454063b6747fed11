using Athanor.Hosting.Stores.Scheduling;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Work as it was dispatched, under the CRC, and what became of it, under the seal.</summary>
internal static class WorkTable
{
    public static readonly PostgresTable Table = new(
        "work",
        "id, shard int, entity, tenant, name, kind, version int, spec bytes, seed long, inputs, pool, priority int, deadline long, trace, "
        + "gang int, memory long, not_after maybelong",
        r => $"{r.Text(2)} work {r.Text(4)}");

    /// <summary>Everything of a row <c>w</c>, as <see cref="Current"/> reads it.</summary>
    public static readonly string Columns =
        $"{Table.NamesOf("w")}, w.number, w.status, w.holder, w.attempt, w.lease, w.deaths, w.reason, w.created, w.put_off, w.seats, w.step, "
        + "w.checkpoint, w.seal";

    /// <summary>The condition that what changes of a row <c>w</c> is as it was written.</summary>
    private const string IsSound =
        "w.seal = work_seal(w.number, w.status, w.holder, w.attempt, w.lease, w.deaths, w.reason, w.created, w.put_off, w.seats, w.step, "
        + "w.checkpoint)";

    /// <summary>A row of the same id that is there already is left as it is.</summary>
    public static readonly CommitSection Section = new(
        "add_work", [.. Table.Columns, new("crc", ColumnType.Int), new("status", ColumnType.Int)], Table.Name,
        (rows, ours) => $"INSERT INTO work({Table.Names}, status, created) SELECT {Table.NamesOf("r")}, r.status, "
            + $"(SELECT now FROM clocked) FROM {rows} WHERE {ours} ON CONFLICT (id) DO NOTHING");

    public static readonly CommitSection Cancelled = new(
        "cancel_work", PostgresColumn.Parse("id"), null,
        (rows, ours) => $"UPDATE work w SET status = {(int)WorkStatus.Cancelled}, holder = NULL, seats = NULL FROM {rows} "
            + $"WHERE {ours} AND w.id = r.id AND w.shard = r.part AND w.status < 2 AND {IsSound}");

    /// <summary>What the members of a cancelled gang told each other.</summary>
    public static readonly CommitSection CancelledKeys = new(
        "forget_keys", PostgresColumn.Parse("id"), null,
        (rows, ours) => $"DELETE FROM work_key k USING {rows} JOIN work w ON w.id = r.id "
            + $"WHERE {ours} AND w.shard = r.part AND k.number = w.number");

    public static void Add(PostgresRows rows, int part, WorkRow row, WorkStatus status) => rows.Begin(part).Add(row.Id).Add(row.Shard)
        .Add(row.Entity).Add(row.Entity.Tenant).Add(row.Name).Add(row.Spec).Add(unchecked((long)row.Seed))
        .Add(string.Join('\n', row.Inputs)).Add(row.Pool).Add(row.Priority).Add(row.Deadline.Ticks).Add(row.TraceParent).Add(row.Gang)
        .Add(row.MemoryBytes).Add(row.NotAfter?.UtcTicks).AddCrc().Add((int)status);

    /// <exception cref="DamageException">The row is damaged.</exception>
    public static WorkEntry Current(PostgresRow row)
    {
        row.Load();
        var work = new WorkRow(
            row.Int(1), row.Address(2), row.Text(4), row.Message(5), unchecked((ulong)row.Long(8)),
            [.. row.Text(9).Split('\n', StringSplitOptions.RemoveEmptyEntries)], row.Text(10), row.Int(11),
            TimeSpan.FromTicks(row.Long(12)), row.TextOrNull(13))
        {
            Gang = row.Int(14),
            MemoryBytes = row.Long(15),
            NotAfter = row.LongOrNull(16) is { } ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null,
        };
        var (r, at) = (row.Reader, row.Extra);
        var (number, status, holder) = (r.GetInt64(at), r.GetInt32(at + 1), Text(at + 2));
        var (attempt, lease, deaths, reason) = (r.GetInt32(at + 3), r.GetInt64(at + 4), r.GetInt32(at + 5), Text(at + 6));
        var (created, putOff, seats) = (r.GetInt64(at + 7), r.GetInt64(at + 8), Text(at + 9));
        long? step = r.IsDBNull(at + 10) ? null : r.GetInt64(at + 10);
        var checkpoint = Text(at + 11);
        Seal.Check(
            r.GetInt32(at + 12),
            Seal.Of(
                Seal.Number(number), Seal.Number(status), Seal.Text(holder), Seal.Number(attempt), Seal.Number(lease), Seal.Number(deaths),
                Seal.Text(reason), Seal.Number(created), Seal.Number(putOff), Seal.Text(seats), step is { } s ? Seal.Number(s) : "",
                Seal.Text(checkpoint)),
            Table.Where(row));
        return new WorkEntry(number, work, (WorkStatus)status, holder, attempt, Time(lease), deaths, reason)
        {
            Created = Time(created),
            PutOffUntil = Time(putOff),
            Seats = seats is null ? null : GangSeats.Parse(System.Text.Encoding.UTF8.GetBytes(seats)),
            Checkpoint = step is { } reached ? new WorkCheckpoint(reached, checkpoint ?? "") : null,
        };

        string? Text(int column) => r.IsDBNull(column) ? null : r.GetString(column);

        static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);
    }
}

/// <summary>How much each tenant was served in each pool.</summary>
internal static class WorkShareTable
{
    public static readonly PostgresTable Table = new(
        "work_share", "pool, tenant, passed long, served long", r => $"pool {r.Text(0)} tenant {r.Text(1)}");

    public static readonly CommitSection Section = CommitSection.Put(Table, "pool, tenant");

    public static void Add(PostgresRows rows, TenantShare share) =>
        rows.Begin(0).Add(share.Pool).Add(share.Tenant).Add(share.Passed).Add(share.Served).AddCrc();

    public static TenantShare Current(PostgresRow row)
    {
        row.Load();
        return new TenantShare(row.Text(0), row.Text(1), row.Long(2), row.Time(3));
    }
}

/// <summary>What the members of a gang's generation told each other.</summary>
internal static class WorkKeyTable
{
    public static readonly PostgresTable Table = new(
        "work_key", "number long, generation int, key, value bytes",
        r => $"work number {r.Long(0)} generation {r.Long(1)} key {r.Text(2)}");

    public static readonly CommitSection Section = CommitSection.Put(Table, "number, generation, key");

    public static void Add(PostgresRows rows, long number, int generation, string key, ReadOnlyMemory<byte> value) =>
        rows.Begin(0).Add(number).Add(generation).Add(key).Add(value).AddCrc();

    public static (string Key, byte[] Value) Current(PostgresRow row)
    {
        row.Load();
        return (row.Text(2), row.Bytes(3));
    }
}
