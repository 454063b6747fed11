using static Athanor.Hosting.Stores.Sqlite.SqliteColumns;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Commands told and not yet handled. A row's key is (shard, place in order of arrival) in one integer.</summary>
internal static class MailTable
{
    public static readonly SqliteTable Table = new(
        "mail",
        [
            "seq INTEGER PRIMARY KEY", "source_shard INTEGER NOT NULL", "source_number INTEGER NOT NULL", "n INTEGER NOT NULL",
            "entity TEXT NOT NULL", "sender TEXT", "kind TEXT NOT NULL", "version INTEGER NOT NULL", "body BLOB NOT NULL", "trace TEXT",
        ],
        r => $"{r.Text(4)} message {r.Long(1)}/{r.Long(2)}/{r.Long(3)} (shard {ShardOf(r.Long(0))})",
        indexes: "CREATE UNIQUE INDEX mail_identity ON mail(source_shard, source_number, n)");

    private const string One = "FROM mail WHERE source_shard = ? AND source_number = ? AND n = ? AND seq BETWEEN ? AND ?";

    private static readonly SqliteText DeleteOne = new($"DELETE {One}");

    private static readonly SqliteText FindOne = new($"SELECT 1 {One}");

    public static void Add(SqliteConnection connection, MailRow row, long arrival) =>
        connection.Prepare(Table.Insert).Row(Table.Name).Bind(Sequence(row.Shard, arrival)).Bind(row.Id.SourceShard)
            .Bind(row.Id.SourceNumber).Bind(row.Id.N).Bind(row.To).Bind(row.Sender?.ToString()).Bind(row.Command).Bind(row.TraceParent)
                .BindCrc().Run();

    public static void Delete(SqliteConnection connection, int shard, MailId id) =>
        connection.Prepare(DeleteOne)
            .Bind(id.SourceShard).Bind(id.SourceNumber).Bind(id.N).Bind(Sequence(shard, 0)).Bind(Sequence(shard + 1, 0) - 1).Run();

    public static bool Has(SqliteConnection connection, int shard, MailId id)
    {
        using var row = connection.Prepare(FindOne)
            .Bind(id.SourceShard).Bind(id.SourceNumber).Bind(id.N).Bind(Sequence(shard, 0)).Bind(Sequence(shard + 1, 0) - 1);
        return row.Step();
    }

    public static MailRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new MailRow(
            new MailId(row.Int(1), row.Long(2), row.Int(3)), ShardOf(row.Long(0)), row.Address(4), row.IsNull(5) ? null : row.Address(5),
            row.Message(6), row.TextOrNull(9));
    }
}

/// <summary>Messages that were set aside after three failures.</summary>
internal static class ParkedTable
{
    public static readonly SqliteTable Table = new(
        "parked",
        [
            "place INTEGER PRIMARY KEY", "shard INTEGER NOT NULL", "source_shard INTEGER NOT NULL", "source_number INTEGER NOT NULL",
            "n INTEGER NOT NULL", "entity TEXT NOT NULL", "sender TEXT", "kind TEXT NOT NULL", "version INTEGER NOT NULL",
            "body BLOB NOT NULL", "trace TEXT", "reason TEXT NOT NULL", "time INTEGER NOT NULL",
        ],
        r => $"{r.Text(5)} message {r.Long(2)}/{r.Long(3)}/{r.Long(4)} (shard {r.Long(1)})");

    public static void Add(SqliteConnection connection, ParkedRow row) =>
        connection.Prepare(Table.Insert).Row(Table.Name)
            .Bind(connection.ReadLong("SELECT coalesce(max(place), 0) + 1 FROM parked")).Bind(row.Mail.Shard)
            .Bind(row.Mail.Id.SourceShard).Bind(row.Mail.Id.SourceNumber).Bind(row.Mail.Id.N).Bind(row.Mail.To)
            .Bind(row.Mail.Sender?.ToString()).Bind(row.Mail.Command).Bind(row.Mail.TraceParent).Bind(row.Reason).Bind(row.Time)
            .BindCrc().Run();

    public static void Delete(SqliteConnection connection, int shard, MailId id) =>
        connection.Prepare("DELETE FROM parked WHERE shard = ? AND source_shard = ? AND source_number = ? AND n = ?")
            .Bind(shard).Bind(id.SourceShard).Bind(id.SourceNumber).Bind(id.N).Run();

    public static bool Has(SqliteConnection connection, int shard, MailId id)
    {
        using var row = connection.Prepare("SELECT 1 FROM parked WHERE shard = ? AND source_shard = ? AND source_number = ? AND n = ?")
            .Bind(shard).Bind(id.SourceShard).Bind(id.SourceNumber).Bind(id.N);
        return row.Step();
    }

    public static ParkedRow Current(SqliteStatement row)
    {
        Table.Check(row);
        var mail = new MailRow(
            new MailId(row.Int(2), row.Long(3), row.Int(4)), row.Int(1), row.Address(5), row.IsNull(6) ? null : row.Address(6),
            row.Message(7), row.TextOrNull(10));
        return new ParkedRow(mail, row.Text(11), row.Time(12));
    }
}

/// <summary>Durable timers.</summary>
internal static class TimerTable
{
    public static readonly SqliteTable Table = new(
        "timer",
        [
            "shard INTEGER NOT NULL", "entity TEXT NOT NULL", "name TEXT NOT NULL", "due INTEGER NOT NULL", "kind TEXT NOT NULL",
            "version INTEGER NOT NULL", "body BLOB NOT NULL",
        ],
        r => $"{r.Text(1)} timer {r.Text(2)} (shard {r.Long(0)})", ", PRIMARY KEY(shard, entity, name)", true);

    public static void Put(SqliteConnection connection, TimerRow row) =>
        connection.Prepare(Table.Put).Row(Table.Name).Bind(row.Shard).Bind(row.Entity).Bind(row.Name).Bind(row.Due).Bind(row.Command)
            .BindCrc().Run();

    public static TimerRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new TimerRow(row.Int(0), row.Address(1), row.Text(2), row.Time(3), row.Message(4));
    }
}

/// <summary>Answers under idempotency keys, with the store's time at which each was kept.</summary>
internal static class ReplyTable
{
    public static readonly SqliteTable Table = new(
        "reply",
        [
            "tenant TEXT NOT NULL", "key BLOB NOT NULL", "request BLOB NOT NULL", "kind TEXT NOT NULL", "version INTEGER NOT NULL",
            "body BLOB NOT NULL", "shard INTEGER NOT NULL", "time INTEGER NOT NULL",
        ],
        r => $"tenant {r.Text(0)} key {Convert.ToHexStringLower(r.Blob(1))} (shard {r.Long(6)})", ", PRIMARY KEY(tenant, key)",
        indexes: "CREATE INDEX reply_time ON reply(time)");

    public static readonly SqliteText ByKey = new($"{Table.Select} WHERE tenant = ? AND key = ?");

    private static readonly SqliteText InsertNew = new($"{Table.Insert} ON CONFLICT(tenant, key) DO NOTHING");

    /// <summary>Column of the time at which the row was kept.</summary>
    public const int TimeColumn = 7;

    /// <summary>Leaves a row of the same key that is there already as it is.</summary>
    public static void Add(SqliteConnection connection, ReplyRow row, DateTimeOffset now) =>
        connection.Prepare(InsertNew).Row(Table.Name).Bind(row.Tenant)
            .Bind(row.Key.ToByteArray(bigEndian: true)).Bind(row.RequestHash.Span)
            .Bind(row.Reply).Bind(row.Shard).Bind(now).BindCrc().Run();

    public static ReplyRow Current(SqliteStatement row)
    {
        Table.Check(row);
        return new ReplyRow(row.Text(0), new Guid(row.Blob(1), bigEndian: true), row.Blob(2), row.Message(3), row.Int(6));
    }
}
