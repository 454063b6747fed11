using Athanor.Hosting.Stores.Scheduling;
using Athanor.Protocol;

namespace Athanor.Hosting.Stores;

/// <summary>
/// Numbers rows that come from another store. An import is one commit of every shard: it takes each shard's next commit number, and a
/// mailbox row is known from then on by (its own shard, that number, its place), which no later commit can give again. Events are numbered
/// behind the shard's last one in the order in which they come; an entity's events therefore keep their order, and so do its messages.
/// </summary>
internal sealed class ImportNumbers
{
    private readonly int _shardCount;
    private readonly ShardRow[] _rows;
    private readonly int[] _mail;

    public ImportNumbers(int shardCount, Func<int, ShardRow> row)
    {
        _shardCount = shardCount;
        _rows = [.. Enumerable.Range(0, shardCount).Select(row).Select(r => r with { LastNumber = r.LastNumber + 1 })];
        _mail = new int[shardCount];
    }

    /// <summary>The shards' rows after the import.</summary>
    public IReadOnlyList<ShardRow> Rows() => _rows;

    public int Shard(EntityAddress entity) => ShardOf.Address(entity, _shardCount);

    public JournalRow Event(JournalRow row)
    {
        var shard = Shard(row.Entity);
        _rows[shard] = _rows[shard] with { LastEvent = _rows[shard].LastEvent + 1 };
        return row with { Shard = shard, Number = _rows[shard].LastEvent, Epoch = _rows[shard].Epoch };
    }

    public TimerRow Timer(TimerRow row) => row with { Shard = Shard(row.Entity) };

    public MailRow Mail(MailRow row)
    {
        var shard = Shard(row.To);
        return row with { Shard = shard, Id = new MailId(shard, _rows[shard].LastNumber, _mail[shard]++) };
    }

    public ParkedRow Parked(ParkedRow row) => row with { Mail = Mail(row.Mail) };

    /// <summary>A reply is found by its key alone; the shard is that of nothing in particular where its entity is not known.</summary>
    public ReplyRow Reply(ReplyRow row) => row with { Shard = row.Shard % _shardCount };

    /// <summary>Nobody holds a lease or a seat in another store.</summary>
    /// <param name="number">The row's place in the target's order of age.</param>
    public WorkEntry Work(KeptWork row, long number) => new(
        number, row.Work with { Shard = Shard(row.Work.Entity) }, row.Status == WorkStatus.Leased ? WorkStatus.Pending : row.Status, null,
        row.Attempt, DateTimeOffset.MinValue, row.Deaths, row.Reason)
    {
        Created = row.Created,
        Checkpoint = row.Checkpoint,
    };
}
