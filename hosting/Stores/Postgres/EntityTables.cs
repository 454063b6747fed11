namespace Athanor.Hosting.Stores.Postgres;

/// <summary>The events.</summary>
internal static class JournalTable
{
    public static readonly PostgresTable Table = new(
        "journal",
        "shard int, number long, entity, entity_number long, incarnation long, counter long, kind, version int, body bytes, time long, "
        + "principal, trace, previous bytes, hash bytes",
        r => $"{r.Text(2)} event {r.Long(3)} (shard {r.Long(0)}, number {r.Long(1)})");

    public static readonly CommitSection Section = CommitSection.Insert(Table);

    public static void Add(PostgresRows rows, JournalRow row) => rows.Begin(row.Shard).Add(row.Shard).Add(row.Number).Add(row.Entity)
        .Add(row.EntityNumber).Add(row.Epoch.Incarnation).Add(row.Epoch.Counter).Add(row.Event).Add(row.Time).Add(row.Principal)
        .Add(row.TraceParent).Add(row.PreviousHash).Add(row.Hash).AddCrc();

    public static JournalRow Current(PostgresRow row)
    {
        row.Load();
        return new JournalRow(
            row.Int(0), row.Long(1), new Epoch(row.Long(4), row.Long(5)), row.Address(2), row.Long(3), row.Message(6), row.Time(9),
            row.Text(10), row.TextOrNull(11), row.Bytes(12), row.Bytes(13));
    }
}

/// <summary>The latest snapshot of each entity that has one.</summary>
internal static class SnapshotTable
{
    public static readonly PostgresTable Table = new(
        "snapshot", "entity, shard int, entity_number long, kind, version int, state bytes, event_hash bytes",
        r => $"{r.Text(0)} after event {r.Long(2)}");

    public static readonly CommitSection Section = CommitSection.Put(Table, "entity");

    public static void Add(PostgresRows rows, int shard, SnapshotRow row) => rows.Begin(shard).Add(row.Entity).Add(shard)
        .Add(row.EntityNumber).Add(row.State).Add(row.EventHash).AddCrc();

    public static SnapshotRow Current(PostgresRow row)
    {
        row.Load();
        return new SnapshotRow(row.Address(0), row.Long(2), row.Message(3), row.Bytes(6));
    }
}

/// <summary>What is known of each entity without its state; it proves that an entity's last events are there.</summary>
internal static class HeadTable
{
    public static readonly PostgresTable Table = new(
        "head", "entity, shard int, entity_number long, hash bytes, awaits bool, time long", r => $"{r.Text(0)} at event {r.Long(2)}");

    public static readonly CommitSection Section = CommitSection.Put(Table, "entity");

    public static void Add(PostgresRows rows, HeadRow row) => rows.Begin(row.Shard).Add(row.Entity).Add(row.Shard).Add(row.EntityNumber)
        .Add(row.Hash).Add(row.Awaits).Add(row.Time).AddCrc();

    /// <summary>The head as its own row says it: without the entity's fault.</summary>
    public static HeadRow Current(PostgresRow row)
    {
        row.Load();
        return new HeadRow(row.Int(1), row.Address(0), row.Long(2), row.Bytes(3), row.Bool(4), null, row.Time(5));
    }
}

/// <summary>The faulted entities, each with the reason.</summary>
internal static class FaultTable
{
    public static readonly PostgresTable Table = new("fault", "entity, shard int, reason", r => r.Text(0));

    public static readonly CommitSection Section = CommitSection.Put(Table, "entity");

    public static readonly CommitSection Cleared = new(
        "clear_fault", PostgresColumn.Parse("entity"), null,
        (rows, ours) => $"DELETE FROM fault f USING {rows} WHERE {ours} AND f.entity = r.entity AND f.shard = r.part");

    public static void Add(PostgresRows rows, int shard, FaultRow row) =>
        rows.Begin(shard).Add(row.Entity).Add(shard).Add(row.Reason).AddCrc();

    public static HeadRow Current(PostgresRow row)
    {
        row.Load();
        return new HeadRow(row.Int(1), row.Address(0), 0, Integrity.EventHash.None, false, row.Text(2));
    }
}
