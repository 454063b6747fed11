using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;

namespace Hosting.Tests.Sqlite;

/// <summary>Everything that a store says, as lines of text, one a row: what callers would use.</summary>
internal static class StoreDump
{
    private static readonly CancellationToken None = CancellationToken.None;

    public static async Task<List<string>> Read(IStore store, IReadOnlyList<(string Tenant, Guid Key)> keys)
    {
        var lines = new List<string>();
        var shards = Enumerable.Range(0, store.ShardCount).ToList();
        await Section(async () => (await store.ReadShards(None)).Select(r => $"shard {r}"));
        await Section(async () => (await store.ReadNodes(None))
            .Select(r => $"node {r.Node} {r.Address} {string.Join('+', r.Roles)} {r.LeaseUntil:O}"));
        await Section(async () => (await store.ListAllEntities(None)).Select(r => $"head {Line(r)}"));
        foreach (var shard in shards)
        {
            await Section(async () => (await store.ReadFeed(shard, 0, int.MaxValue, None)).Select(r => $"feed {Line(r)}"));
            await Section(async () => (await store.ReadMail([shard], int.MaxValue, None)).Select(r => $"mail {Line(r)}"));
            await Section(async () =>
            {
                var contents = await store.OpenShard(shard, None);
                return contents.Timers.Select(r => $"timer {r.Shard} {r.Entity} {r.Name} {r.Due:O} {Line(r.Command)}")
                    .Concat(contents.Wake.Select(r => $"wake {Line(r)}")).Concat(contents.Faulted.Select(r => $"fault {Line(r)}"));
            });
        }
        await Section(async () => (await store.ReadParked(None)).Select(r => $"parked {Line(r.Mail)} {r.Reason} {r.Time:O}"));
        await Section(async () => (await store.ListWork(null, None)).Select(r =>
            $"work {r.Work.Id} {r.Work.Shard} {Line(r.Work.Spec)} {r.Work.Seed} {string.Join('+', r.Work.Inputs)} "
            + $"{r.Work.Pool} {r.Work.Priority} {r.Work.Deadline} {r.Status} {r.Holder} {r.Deaths} {r.Reason}"));
        foreach (var (tenant, key) in keys)
        {
            await Section(async () => await store.FindReply(tenant, key, None) is { } r
                ? [$"reply {r.Tenant} {r.Key} {Hex(r.RequestHash)} {Line(r.Reply)} {r.Shard}"]
                : []);
        }
        return lines;

        async Task Section(Func<Task<IEnumerable<string>>> read)
        {
            try
            {
                lines.AddRange(await read());
            }
            catch (StoreException)
            {
                // What cannot be read is not used; the caller sees which lines are missing.
            }
        }
    }

    public static string Line(JournalRow r) =>
        $"{r.Shard} {r.Number} {r.Epoch} {r.Entity} {r.EntityNumber} {Line(r.Event)} {r.Time:O} "
        + $"{r.Principal} {r.TraceParent} {Hex(r.PreviousHash)} {Hex(r.Hash)}";

    /// <summary>Every column of every table as it lies there, whatever the CRCs say.</summary>
    public static List<string> Raw(string path)
    {
        var lines = new List<string>();
        using var connection = SqliteConnection.Open(path, write: false, TimeSpan.FromSeconds(1));
        foreach (var table in SqliteSchema.Tables)
        {
            using var row = connection.Prepare(table.Select);
            var columns = table.Select.Count(c => c == ',') + 1;
            while (row.Step())
            {
                var values = Enumerable.Range(0, columns).Select(i => row.IsNull(i) ? "-" : Convert.ToHexString(row.Blob(i)));
                lines.Add($"{table.Name} {string.Join('|', values)}");
            }
        }
        return lines;
    }

    private static string Line(HeadRow r) => $"{r.Shard} {r.Entity} {r.EntityNumber} {Hex(r.Hash)} {r.Awaits} {r.Fault} {r.Time:O}";

    private static string Line(MailRow r) => $"{r.Id} {r.Shard} {r.To} {r.Sender} {Line(r.Command)} {r.TraceParent}";

    private static string Line(StoredMessage m) => $"{m.Kind} {m.Version} {Hex(m.Body)}";

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexString(bytes.Span);
}
