using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>Commands told and not yet handled.</summary>
internal static class MailTable
{
    public static readonly PostgresTable Table = new(
        "mail", "shard int, source_shard int, source_number long, n int, entity, sender, kind, version int, body bytes, trace",
        r => $"{r.Text(4)} message {r.Long(1)}/{r.Long(2)}/{r.Long(3)} (shard {r.Long(0)})");

    /// <summary>The numbers of arrival are drawn in the order of the rows, which is that of the sender.</summary>
    public static readonly CommitSection Section = CommitSection.Insert(Table);

    public static readonly CommitSection Handled = new(
        "handle_mail", PostgresColumn.Parse("source_shard int, source_number long, n int"), null,
        (rows, ours) => $"DELETE FROM mail m USING {rows} WHERE {ours} AND m.shard = r.part AND m.source_shard = r.source_shard "
            + "AND m.source_number = r.source_number AND m.n = r.n");

    public static PostgresRows Add(PostgresRows rows, int part, MailRow row) => rows.Begin(part).Add(row.Shard).Add(row.Id.SourceShard)
        .Add(row.Id.SourceNumber).Add(row.Id.N).Add(row.To).Add(row.Sender?.ToString()).Add(row.Command).Add(row.TraceParent).AddCrc();

    public static void AddId(PostgresRows rows, int part, MailId id) =>
        rows.Begin(part).Add(id.SourceShard).Add(id.SourceNumber).Add(id.N);

    public static MailRow Current(PostgresRow row)
    {
        row.Load();
        return new MailRow(
            new MailId(row.Int(1), row.Long(2), row.Int(3)), row.Int(0), row.Address(4),
            row.TextOrNull(5) is null ? null : row.Address(5), row.Message(6), row.TextOrNull(9));
    }
}

/// <summary>Messages that were set aside after three failures.</summary>
internal static class ParkedTable
{
    public static readonly PostgresTable Table = new(
        "parked",
        "shard int, source_shard int, source_number long, n int, entity, sender, kind, version int, body bytes, trace, reason, time long",
        r => $"{r.Text(4)} message {r.Long(1)}/{r.Long(2)}/{r.Long(3)} (shard {r.Long(0)})");

    public static readonly CommitSection Section = CommitSection.Insert(Table);

    public static readonly CommitSection Removed = new(
        "unpark", PostgresColumn.Parse("source_shard int, source_number long, n int"), null,
        (rows, ours) => $"DELETE FROM parked p USING {rows} WHERE {ours} AND p.shard = r.part AND p.source_shard = r.source_shard "
            + "AND p.source_number = r.source_number AND p.n = r.n");

    public static void Add(PostgresRows rows, int part, ParkedRow row) => rows.Begin(part).Add(row.Mail.Shard)
        .Add(row.Mail.Id.SourceShard).Add(row.Mail.Id.SourceNumber).Add(row.Mail.Id.N).Add(row.Mail.To).Add(row.Mail.Sender?.ToString())
        .Add(row.Mail.Command).Add(row.Mail.TraceParent).Add(row.Reason).Add(row.Time).AddCrc();

    public static ParkedRow Current(PostgresRow row)
    {
        row.Load();
        var mail = new MailRow(
            new MailId(row.Int(1), row.Long(2), row.Int(3)), row.Int(0), row.Address(4),
            row.TextOrNull(5) is null ? null : row.Address(5), row.Message(6), row.TextOrNull(9));
        return new ParkedRow(mail, row.Text(10), row.Time(11));
    }
}

/// <summary>Durable timers.</summary>
internal static class TimerTable
{
    public static readonly PostgresTable Table = new(
        "timer", "shard int, entity, name, due long, kind, version int, body bytes", r => $"{r.Text(1)} timer {r.Text(2)} (shard {r.Long(0)})");

    public static readonly CommitSection Section = CommitSection.Put(Table, "shard, entity, name");

    public static readonly CommitSection Removed = new(
        "remove_timer", PostgresColumn.Parse("entity, name"), null,
        (rows, ours) => $"DELETE FROM timer t USING {rows} WHERE {ours} AND t.shard = r.part AND t.entity = r.entity AND t.name = r.name");

    public static void Add(PostgresRows rows, int part, TimerRow row) =>
        rows.Begin(part).Add(row.Shard).Add(row.Entity).Add(row.Name).Add(row.Due).Add(row.Command).AddCrc();

    public static void AddKey(PostgresRows rows, int part, EntityAddress entity, string name) => rows.Begin(part).Add(entity).Add(name);

    public static TimerRow Current(PostgresRow row)
    {
        row.Load();
        return new TimerRow(row.Int(0), row.Address(1), row.Text(2), row.Time(3), row.Message(4));
    }
}

/// <summary>Answers under idempotency keys, with the server's time at which each was kept.</summary>
internal static class ReplyTable
{
    public static readonly PostgresTable Table = new(
        "reply", "tenant, key uuid, request_hash bytes, kind, version int, body bytes, shard int", r => $"{r.Text(0)} key {r.Uuid(1)}");

    /// <summary>A row of the same key that is there already is left as it is.</summary>
    public static readonly CommitSection Section = new(
        "add_reply", [.. Table.Columns, new("crc", ColumnType.Int)], Table.Name,
        (rows, ours) => $"INSERT INTO reply({Table.Names}, time) SELECT {Table.NamesOf("r")}, (SELECT now FROM clocked) FROM {rows} "
            + $"WHERE {ours} ORDER BY r.tenant, r.key ON CONFLICT (tenant, key) DO NOTHING");

    public static void Add(PostgresRows rows, int part, ReplyRow row) => rows.Begin(part).Add(row.Tenant).Add(row.Key).Add(row.RequestHash)
        .Add(row.Reply).Add(row.Shard).AddCrc();

    public static ReplyRow Current(PostgresRow row)
    {
        row.Load();
        return new ReplyRow(row.Text(0), row.Uuid(1), row.Bytes(2), row.Message(3), row.Int(6));
    }
}
