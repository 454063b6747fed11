using Athanor.Hosting.Stores.Scheduling;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>How rows of another store are written: whatever is there already is an error, and times are those of the other store.</summary>
internal static class ImportSections
{
    public static readonly CommitSection Heads = CommitSection.Insert(HeadTable.Table);
    public static readonly CommitSection Snapshots = CommitSection.Insert(SnapshotTable.Table);
    public static readonly CommitSection Timers = CommitSection.Insert(TimerTable.Table);
    public static readonly CommitSection Faults = CommitSection.Insert(FaultTable.Table);
    public static readonly CommitSection Replies = CommitSection.Insert(ReplyTable.Table, "time long");

    public static readonly CommitSection Work = CommitSection.Insert(
        WorkTable.Table, "status int, attempt int, deaths int, reason, created long, put_off long, step maybelong, checkpoint");

    public static void Add(PostgresRows rows, KeptReply reply, ReplyRow row)
    {
        ReplyTable.Add(rows, row.Shard, row);
        rows.Add(reply.Time);
    }

    public static void Add(PostgresRows rows, WorkEntry entry)
    {
        WorkTable.Add(rows, entry.Row.Shard, entry.Row, entry.Status);
        rows.Add(entry.Attempt).Add(entry.Deaths).Add(entry.Reason).Add(entry.Created).Add(entry.PutOffUntil)
            .Add(entry.Checkpoint?.Step).Add(entry.Checkpoint?.Blob);
    }
}
