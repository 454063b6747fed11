using Athanor.Hosting.Stores.Scheduling;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>The work tables inside one write transaction. SQLite does not wait, so every call is complete when it returns.</summary>
internal sealed class SqliteWorkTables(
    SqliteConnection connection, DamageReports reports, DateTimeOffset now, Action<MailRow> addMail) : IWorkTables
{
    /// <summary>The source shard of messages that bring work's results; their source number is the work row's own.</summary>
    private const int WorkSource = -1;

    public DateTimeOffset Now => now;

    public ValueTask<IReadOnlyList<WorkEntry>> Pending(string pool, long memoryBytes, bool gangs, int each)
    {
        var fit = $"free_at IS NOT NULL AND pool = ? AND free_at <= ? AND (not_after IS NULL OR not_after > ?) AND memory <= ? AND size <= ?";
        var (memory, size) = (memoryBytes <= 0 ? long.MaxValue : memoryBytes, gangs ? WorkToken.MaxGang : 1);
        var groups = new List<(string Tenant, int Priority)>();
        using (var row = connection.Prepare($"SELECT DISTINCT tenant, priority FROM work_plan WHERE {fit}")
            .Bind(pool).Bind(now).Bind(now).Bind(memory).Bind(size))
        {
            while (row.Step()) groups.Add((row.Text(0), row.Int(1)));
        }
        var numbers = new List<long>();
        foreach (var (tenant, priority) in groups)
        {
            using var row = connection.Prepare(
                $"SELECT number FROM work_plan WHERE {fit} AND tenant = ? AND priority = ? ORDER BY number LIMIT ?")
                .Bind(pool).Bind(now).Bind(now).Bind(memory).Bind(size).Bind(tenant).Bind(priority).Bind(each);
            while (row.Step()) numbers.Add(row.Long(0));
        }
        return Entries(numbers);
    }

    public ValueTask<IReadOnlyList<WorkEntry>> Gangs(string? pool) => Entries(pool is null
        ? Numbers(connection.Prepare("SELECT number FROM work_plan WHERE seats IS NOT NULL ORDER BY number"))
        : Numbers(connection.Prepare("SELECT number FROM work_plan WHERE seats IS NOT NULL AND pool = ? ORDER BY number").Bind(pool)));

    public ValueTask<IReadOnlyList<WorkEntry>> Overdue(int limit) => Entries(Numbers(connection.Prepare(
        "SELECT number FROM work_plan WHERE free_at IS NOT NULL AND not_after IS NOT NULL AND not_after <= ? AND free_at <= ? "
        + "ORDER BY number LIMIT ?").Bind(now).Bind(now).Bind(limit)));

    public ValueTask<IReadOnlyList<WorkEntry>> HeldBy(string holder)
    {
        var numbers = Numbers(connection.Prepare("SELECT number FROM work WHERE status = 1 AND holder = ?").Bind(holder))
            .Union(Numbers(connection.Prepare("SELECT number FROM work_plan WHERE seats IS NOT NULL"))).Order().ToList();
        var held = Sound(numbers).Where(e => e.Seats is { } s ? s.Seats.Any(seat => seat.Holder == holder) : e.Holder == holder).ToList();
        return new ValueTask<IReadOnlyList<WorkEntry>>(held);
    }

    public ValueTask<WorkEntry?> Find(string id) => new(WorkTable.Find(connection, id));

    public ValueTask<WorkEntry?> Find(long number)
    {
        try
        {
            return new ValueTask<WorkEntry?>(WorkTable.Find(connection, number));
        }
        catch (DamageException e)
        {
            reports.Add(e);
            return default;
        }
    }

    public ValueTask Put(WorkEntry entry)
    {
        WorkTable.Put(connection, entry);
        return default;
    }

    public ValueTask Tell(WorkEntry entry, StoredMessage command)
    {
        addMail(new MailRow(
            new MailId(WorkSource, entry.Number, 0), entry.Row.Shard, entry.Row.Entity, null, command, entry.Row.TraceParent));
        return default;
    }

    public ValueTask<Dictionary<string, TenantShare>> Shares(string pool) => new(reports.ReadAll(
        connection.Prepare($"{WorkShareTable.Table.Select} WHERE pool = ?").Bind(pool), WorkShareTable.Current)
        .ToDictionary(static share => share.Tenant, StringComparer.Ordinal));

    public ValueTask Put(TenantShare share)
    {
        WorkShareTable.Put(connection, share);
        return default;
    }

    public ValueTask PutKey(long number, int generation, string key, ReadOnlyMemory<byte> value)
    {
        WorkKeyTable.Put(connection, number, generation, key, value);
        return default;
    }

    public ValueTask<IReadOnlyDictionary<string, byte[]>> Keys(long number, int generation) => new(reports.ReadAll(
        connection.Prepare($"{WorkKeyTable.Table.Select} WHERE number = ? AND generation = ?").Bind(number).Bind(generation),
        WorkKeyTable.Current).ToDictionary(static k => k.Key, static k => k.Value, StringComparer.Ordinal));

    public ValueTask DropKeys(long number)
    {
        connection.Prepare("DELETE FROM work_key WHERE number = ?").Bind(number).Run();
        return default;
    }

    private static List<long> Numbers(SqliteStatement row)
    {
        var numbers = new List<long>();
        using (row)
        {
            while (row.Step()) numbers.Add(row.Long(0));
        }
        return numbers;
    }

    private ValueTask<IReadOnlyList<WorkEntry>> Entries(List<long> numbers) => new(Sound(numbers));

    /// <summary>Damaged rows are reported and left out: nobody is given them.</summary>
    private List<WorkEntry> Sound(List<long> numbers)
    {
        var entries = new List<WorkEntry>(numbers.Count);
        foreach (var number in numbers)
        {
            try
            {
                if (WorkTable.Find(connection, number) is { } entry) entries.Add(entry);
            }
            catch (DamageException e)
            {
                reports.Add(e);
            }
        }
        return entries;
    }
}
