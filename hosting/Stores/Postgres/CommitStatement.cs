using System.Collections;
using System.Collections.Concurrent;
using System.Text;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>
/// Commits of several shards as one statement, hence one round trip and one transaction.
///
/// <c>held</c> locks the rows of the shards, in the order of their numbers, so that two such statements never wait for each other in a
/// circle. <c>gone</c> names the parts that would handle a mailbox row, or return a parked one, that is not there; only commits behind the
/// same fence delete those, so what the statement's snapshot says of them is true of every part that passes the fence. <c>advanced</c>
/// counts up those whose owner, epoch and last number are as expected, as the row says after the lock was got, and that are not gone.
/// Every other part of the statement takes only rows whose part is among the advanced ones. The answer is each shard's row and whether it
/// was advanced.
///
/// Parts of the statement all see the rows as they were before it, so nothing here may build on what another part of it writes: a timer
/// set and removed in one commit, or work dispatched and cancelled in one commit, is settled before it is sent.
///
/// The same statement comes in as many forms as there are sets of tables with rows; each session prepares those that it meets.
/// </summary>
internal sealed class CommitStatement
{
    public static readonly CommitSection[] Sections =
    [
        JournalTable.Section, MailTable.Section, MailTable.Handled, ParkedTable.Section, ParkedTable.Removed, TimerTable.Section,
        TimerTable.Removed, WorkTable.Section, WorkTable.Cancelled, WorkTable.CancelledKeys, ReplyTable.Section, HeadTable.Section, FaultTable.Section,
        FaultTable.Cleared, SnapshotTable.Section,
    ];

    private static readonly PostgresColumn[] Fence =
        PostgresColumn.Parse("shard int, owner, incarnation long, counter long, last long, before_event long, events int");

    /// <summary>The statement's parameters before the sections': the fence's arrays and the clock's replacement.</summary>
    private static readonly int FenceParameters = Fence.Length + 1;

    private static readonly ConcurrentDictionary<int, string> Texts = new();

    private readonly PostgresRows _fence = new(Fence, null);
    private readonly PostgresRows?[] _rows = new PostgresRows?[Sections.Length];
    private readonly long? _now;

    /// <param name="parts">No shard twice.</param>
    /// <param name="now">In place of the server's clock, in ticks; null outside tests.</param>
    public CommitStatement(IReadOnlyList<ShardCommit> parts, long? now)
    {
        _now = now;
        foreach (var part in parts) Add(part);
    }

    /// <summary>Which sections have rows, a bit each: names the form of the statement.</summary>
    public int Form { get; private set; }

    /// <summary>The arrays, in the order of <see cref="TypesOf"/>.</summary>
    public IEnumerable<object?> Values()
    {
        foreach (var column in _fence.Columns) yield return column;
        yield return _now;
        foreach (var rows in _rows)
        {
            if (rows is null) continue;
            foreach (IList column in rows.Columns) yield return column;
        }
    }

    /// <summary>The types of a form's parameters; all are arrays but that of the clock, marked by null.</summary>
    public static IEnumerable<PostgresColumn?> TypesOf(int form)
    {
        foreach (var column in Fence) yield return column;
        yield return null;
        for (var i = 0; i < Sections.Length; i++)
        {
            if ((form & (1 << i)) == 0) continue;
            foreach (var column in Sections[i].Columns) yield return column;
        }
    }

    public static string TextOf(int form) => Texts.GetOrAdd(form, static form =>
    {
        var arrays = string.Join(", ", Fence.Select((c, i) => $"${i + 1}::{c.SqlType}[]"));
        var sections = new List<(CommitSection Section, int Parameter)>();
        var parameter = FenceParameters + 1;
        for (var i = 0; i < Sections.Length; i++)
        {
            if ((form & (1 << i)) == 0) continue;
            sections.Add((Sections[i], parameter));
            parameter += Sections[i].Columns.Count;
        }
        var missing = sections.Where(static s => s.Section == MailTable.Handled).Select(static s => s.Section.Missing(s.Parameter, "mail"))
            .Concat(sections.Where(static s => s.Section == ParkedTable.Removed).Select(static s => s.Section.Missing(s.Parameter, "parked")))
            .ToList();
        var (gone, notGone) = missing.Count == 0
            ? ("", "")
            : ($"\ngone AS MATERIALIZED ({string.Join(" UNION ALL ", missing)}),", "\n        AND s.shard <> ALL (ARRAY(SELECT part FROM gone))");
        var text = new StringBuilder($"""
            WITH expected AS MATERIALIZED (SELECT * FROM unnest({arrays}) AS e({string.Join(", ", Fence.Select(static c => c.Name))})),
            clocked AS MATERIALIZED (SELECT coalesce(${Fence.Length + 1}::bigint, clock()) AS now),
            held AS MATERIALIZED (
                SELECT {ShardTable.Columns} FROM expected e JOIN shard s ON s.shard = e.shard ORDER BY s.shard FOR NO KEY UPDATE OF s),{gone}
            advanced AS (
                UPDATE shard u SET last = s.last + 1, last_event = s.last_event + e.events
                FROM expected e JOIN held s ON s.shard = e.shard
                WHERE u.shard = s.shard AND s.owner = e.owner AND s.incarnation = e.incarnation AND s.counter = e.counter
                    AND s.last = e.last AND (e.before_event < 0 OR s.last_event = e.before_event) AND {ShardTable.IsSound}{notGone}
                RETURNING u.shard)
            """);
        foreach (var (section, first) in sections) text.Append(",\n").Append(section.Sql(first));
        return text.Append($"\nSELECT {ShardTable.Columns}, EXISTS (SELECT FROM advanced a WHERE a.shard = s.shard) FROM held s").ToString();
    });

    private void Add(ShardCommit part)
    {
        var shard = part.Shard;
        _fence.Begin(shard).Add(part.Owner).Add(part.Epoch.Incarnation).Add(part.Epoch.Counter).Add(part.ExpectedLast)
            .Add(part.Events.Length > 0 ? part.Events[0].Number - 1 : -1).Add(part.Events.Length);
        foreach (var row in part.Events) JournalTable.Add(Rows(JournalTable.Section), row);
        foreach (var row in part.Mail) MailTable.Add(Rows(MailTable.Section), shard, row);
        foreach (var id in part.Handled) MailTable.AddId(Rows(MailTable.Handled), shard, id);
        foreach (var row in part.Parked)
        {
            if (!part.Gives(row.Mail.Id)) MailTable.AddId(Rows(MailTable.Handled), shard, row.Mail.Id);
            ParkedTable.Add(Rows(ParkedTable.Section), shard, row);
        }
        foreach (var id in part.Unparked) MailTable.AddId(Rows(ParkedTable.Removed), shard, id);
        AddTimers(part);
        AddWork(part);
        foreach (var row in part.Replies) ReplyTable.Add(Rows(ReplyTable.Section), shard, row);
        foreach (var row in Last(part.Heads, static head => head.Entity)) HeadTable.Add(Rows(HeadTable.Section), row);
        foreach (var row in Last(part.Faults, static fault => fault.Entity))
        {
            if (row.Reason is null) Rows(FaultTable.Cleared).Begin(shard).Add(row.Entity);
            else FaultTable.Add(Rows(FaultTable.Section), shard, row);
        }
        foreach (var row in Last(part.Snapshots, static snapshot => snapshot.Entity))
            SnapshotTable.Add(Rows(SnapshotTable.Section), shard, row);
    }

    private void AddTimers(ShardCommit part)
    {
        var removed = part.TimersRemoved.Length == 0 || part.TimersSet.Length == 0 ? [] : part.TimersRemoved.ToHashSet();
        foreach (var row in Last(part.TimersSet, static timer => (timer.Entity, timer.Name)))
        {
            if (!removed.Contains((row.Entity, row.Name))) TimerTable.Add(Rows(TimerTable.Section), part.Shard, row);
        }
        foreach (var (entity, name) in part.TimersRemoved) TimerTable.AddKey(Rows(TimerTable.Removed), part.Shard, entity, name);
    }

    private void AddWork(ShardCommit part)
    {
        foreach (var row in part.Work)
        {
            var status = part.WorkCancelled.Contains(row.Id) ? WorkStatus.Cancelled : WorkStatus.Pending;
            WorkTable.Add(Rows(WorkTable.Section), part.Shard, row, status);
        }
        foreach (var id in part.WorkCancelled)
        {
            Rows(WorkTable.Cancelled).Begin(part.Shard).Add(id);
            Rows(WorkTable.CancelledKeys).Begin(part.Shard).Add(id);
        }
    }

    private PostgresRows Rows(CommitSection section)
    {
        var i = Array.IndexOf(Sections, section);
        Form |= 1 << i;
        return _rows[i] ??= section.NewRows();
    }

    /// <summary>The last row of each key: a statement may not put one row twice.</summary>
    private static IEnumerable<T> Last<T, TKey>(System.Collections.Immutable.ImmutableArray<T> rows, Func<T, TKey> key)
        where TKey : notnull
    {
        if (rows.Length < 2) return rows;
        var places = new Dictionary<TKey, int>(rows.Length);
        for (var i = 0; i < rows.Length; i++) places[key(rows[i])] = i;
        return places.Count == rows.Length ? rows : places.Values.Order().Select(i => rows[i]);
    }
}
