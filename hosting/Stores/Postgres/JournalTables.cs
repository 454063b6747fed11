namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Sealed segments.</summary>
internal static class SegmentTable
{
    public static readonly PostgresTable Table = new(
        "segment",
        "id long, shard int, family, first long, last long, events long, numbers bytes, blob, ends, first_time long, last_time long, "
        + "sealed_at long, state int",
        r => $"segment {r.Long(0)} (shard {r.Long(1)})");

    public static readonly CommitSection Section = CommitSection.Put(Table, "id");

    public static void Add(PostgresRows rows, SegmentRow row) => rows.Begin(row.Shard).Add(row.Id).Add(row.Shard).Add(row.Family)
        .Add(row.First).Add(row.Last).Add(row.Count).Add(row.Numbers).Add(row.Events).Add(row.Ends).Add(row.FirstTime).Add(row.LastTime)
        .Add(row.SealedAt).Add((int)row.State).AddCrc();

    public static SegmentRow Current(PostgresRow row)
    {
        row.Load();
        return new SegmentRow(
            row.Long(0), row.Int(1), row.Text(2), row.Long(3), row.Long(4), row.Long(5), row.Bytes(6), row.Text(7), row.Text(8),
            row.Time(9), row.Time(10), row.Time(11), (SegmentState)row.Int(12));
    }
}

/// <summary>Each entity's part of each segment.</summary>
internal static class AnchorTable
{
    public static readonly PostgresTable Table = new(
        "anchor", "entity, first long, segment long, last long, hash bytes",
        r => $"{r.Text(0)} events {r.Long(1)} to {r.Long(3)} in segment {r.Long(2)}");

    public static readonly CommitSection Section = CommitSection.Insert(Table);

    public static void Add(PostgresRows rows, AnchorRow row) =>
        rows.Begin(0).Add(row.Entity).Add(row.First).Add(row.Segment).Add(row.Last).Add(row.Hash).AddCrc();

    public static AnchorRow Current(PostgresRow row)
    {
        row.Load();
        return new AnchorRow(row.Address(0), row.Long(2), row.Long(1), row.Long(3), row.Bytes(4));
    }
}

/// <summary>Where entities came from that were copied under another tenant.</summary>
internal static class OriginTable
{
    public static readonly PostgresTable Table = new("origin", "entity, was, entity_number long, hash bytes", r => r.Text(0));

    public static readonly CommitSection Section = CommitSection.Insert(Table);

    public static void Add(PostgresRows rows, OriginRow row) =>
        rows.Begin(0).Add(row.Entity).Add(row.Was).Add(row.EntityNumber).Add(row.Hash).AddCrc();

    public static OriginRow Current(PostgresRow row)
    {
        row.Load();
        return new OriginRow(row.Address(0), row.Address(1), row.Long(2), row.Bytes(3));
    }
}

/// <summary>How far each projection has read each shard's feed.</summary>
internal static class ProjectionTable
{
    public static readonly PostgresTable Table = new(
        "projection", "name, generation int, shard int, position long, skipped long, live bool",
        r => $"{r.Text(0)} generation {r.Long(1)} (shard {r.Long(2)})");

    public static readonly CommitSection Section = CommitSection.Put(Table, "name, generation, shard");

    public static void Add(PostgresRows rows, ProjectionOffset row) => rows.Begin(row.Shard).Add(row.Name).Add(row.Generation).Add(row.Shard)
        .Add(row.Offset).Add(row.Skipped).Add(row.Live).AddCrc();

    public static ProjectionOffset Current(PostgresRow row)
    {
        row.Load();
        return new ProjectionOffset(row.Text(0), row.Int(1), row.Int(2), row.Long(3), row.Long(4), row.Bool(5));
    }
}

/// <summary>The rows of read models.</summary>
internal static class ProjectedTable
{
    public static readonly PostgresTable Table = new(
        "projected", "name, generation int, key, body bytes", r => $"{r.Text(0)} generation {r.Long(1)} row {r.Text(2)}");

    public static readonly CommitSection Section = CommitSection.Put(Table, "name, generation, key");

    public static void Add(PostgresRows rows, string name, int generation, ProjectionRow row) =>
        rows.Begin(0).Add(name).Add(generation).Add(row.Key).Add(row.Body).AddCrc();

    public static ProjectionRow Current(PostgresRow row)
    {
        row.Load();
        return new ProjectionRow(row.Text(2), row.Bytes(3));
    }
}
