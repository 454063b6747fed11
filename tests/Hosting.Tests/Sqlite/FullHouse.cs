using Athanor.Hosting.Blobs;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;

namespace Hosting.Tests.Sqlite;

/// <summary>A closed state directory with rows in every table, free pages, and blobs of every kind, and all that can be read from
/// it.</summary>
internal sealed class FullHouse
{
    private static readonly CancellationToken None = CancellationToken.None;

    public required string Journal { get; init; }

    public required string Blobs { get; init; }

    public List<EntityAddress> Entities { get; } = Enumerable.Range(0, 16).Select(Driver.Entity).ToList();

    public List<(string Tenant, Guid Key)> Keys { get; } = [];

    public HashSet<string> Dump { get; private set; } = [];

    public List<string> Raw { get; private set; } = [];

    public Dictionary<(EntityAddress Entity, bool FromStart), string> Histories { get; } = [];

    public Dictionary<string, byte[]> BlobContents { get; } = [];

    public static string Text(EntityHistory history) =>
        $"{history.Head?.EntityNumber} {history.Snapshot?.EntityNumber} "
        + $"{Convert.ToHexString((history.Snapshot?.State.Body ?? default).Span)}\n"
        + string.Join('\n', history.Events.Select(StoreDump.Line));

    public static async Task<FullHouse> Make(string path, TimeProvider time, Random random)
    {
        using var state = StateDirectory.Open(path);
        var house = new FullHouse { Journal = state.JournalPath, Blobs = state.BlobsPath };
        await using (var store = SqliteStore.Open(state.JournalPath, new SqliteStoreOptions { ShardCount = 8 }, time))
        {
            await house.Fill(store, random);
            await store.RenewNode("node-a", "http://here", ["shards", "compute"], TimeSpan.FromMinutes(1), None);
        }
        await using (var store = SqliteStore.OpenForReading(state.JournalPath, new SqliteStoreOptions(), time))
        {
            Assert.Empty(await store.Verify(None).ToListAsync());
            var lines = await StoreDump.Read(store, house.Keys);
            house.Dump = [.. lines];
            Assert.Equal(lines.Count, house.Dump.Count);
            foreach (var entity in house.Entities)
            {
                foreach (var fromStart in (bool[])[true, false])
                    house.Histories[(entity, fromStart)] = Text(await store.ReadEntity(entity, fromStart, None));
            }
        }
        house.Raw = StoreDump.Raw(state.JournalPath);
        foreach (var table in SqliteSchema.Tables)
            Assert.Contains(house.Raw, line => line.StartsWith(table.Name + " ", StringComparison.Ordinal));

        var blobs = new DirectoryBlobStore(state.BlobsPath, time, 4096);
        foreach (var length in (int[])[10, 3000, 10_000, 40_000])
        {
            var content = Bytes(random, length);
            house.BlobContents[await blobs.Put(content, None)] = content;
        }
        return house;
    }

    private async Task Fill(SqliteStore store, Random random)
    {
        var driver = new Driver(store);
        var waste = new Dictionary<int, List<MailId>>();
        for (var turn = 0; turn < 6; turn++)
        {
            foreach (var entity in Entities)
            {
                var texts = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Convert.ToHexString(Bytes(random, random.Next(5, 400))))
                    .ToArray();
                var part = await driver.Part(entity, texts);
                var shard = part.Shard;
                var mail = Enumerable.Range(0, 3).Select(n => new MailRow(
                    new MailId(shard, part.NewLast, n), shard, entity, n == 0 ? null : Entities[0],
                    Message(random, n == 2 && turn == 0 ? 3000 : 60), n == 1 ? "00-trace" : null)).ToArray();
                var key = new Guid(Bytes(random, 16));
                Keys.Add(("default", key));
                waste.TryAdd(shard, []);
                part = part with
                {
                    Mail = [.. mail],
                    // The large ones are handled at the end, which leaves free pages behind.
                    Parked = turn == 3 ? [new ParkedRow(mail[0], "three failures", await store.Now(None))] : [],
                    TimersSet = [new TimerRow(shard, entity, $"timer-{turn}", await store.Now(None), Message(random, 40))],
                    Work = [new WorkRow(shard, entity, $"segment-{turn}", Message(random, 100), ulong.MaxValue - 5, ["aa", "bb"], "cpu",
                        turn % 3, TimeSpan.FromMinutes(1), null)],
                    Replies = [new ReplyRow("default", key, Bytes(random, 32), Message(random, 50), shard)],
                    Snapshots = turn == 4
                        ? [new SnapshotRow(entity, part.Events[^1].EntityNumber, Message(random, 500), part.Events[^1].Hash)] : [],
                    Heads = [part.Heads[0] with { Awaits = turn == 5 && random.Next(3) == 0 }],
                };
                Assert.True((await driver.Commit(part)).Accepted);
                waste[shard].Add(mail[2].Id);
            }
        }
        foreach (var lease in await store.LeaseWork("node-a", ["cpu"], 40, TimeSpan.FromMinutes(1), None))
        {
            if (lease.Token % 3 == 0) await store.CompleteWork(lease.Work.Id, lease.Token, Message(random, 80), None);
            else if (lease.Token % 3 == 1) await store.ReturnWork(lease.Work.Id, lease.Token, true, None);
        }
        var gang = await driver.Part(Entities[0]);
        gang = gang with
        {
            Heads = [],
            Work = [new WorkRow(gang.Shard, Entities[0], "gang", Message(random, 100), 1, [], "gangs", 0, TimeSpan.FromMinutes(1), null) { Gang = 2 }],
        };
        Assert.True((await driver.Commit(gang)).Accepted);
        foreach (var lease in await store.LeaseWork("node-a", ["gangs"], 2, TimeSpan.FromMinutes(1), None))
            Assert.True(await store.PutGangKey(lease.Token, $"rank-{lease.Gang!.Rank}", Bytes(random, 30), None));
        foreach (var (shard, ids) in waste)
        {
            var entity = Entities.First(e => driver.ShardOf(e) == shard);
            var part = await driver.Part(entity);
            var faults = new FaultRow(entity, shard % 3 == 0 ? "for show" : null);
            Assert.True((await driver.Commit(part with { Handled = [.. ids], Heads = [], Faults = [faults] })).Accepted);
            await Seal(store, entity);
            await store.Project(
                new ProjectionStep("list", 1, shard, 0, 3, 0, [new ProjectionRow(entity.ToString(), Bytes(random, 30))], []), None);
        }
        await store.Import(Imported(), None);
    }

    /// <summary>Gives up the first half of an entity's events: anchors and a segment stay.</summary>
    private static async Task Seal(SqliteStore store, EntityAddress entity)
    {
        var history = await store.ReadEntity(entity, true, None);
        var rows = history.Events.Take(history.Events.Count / 2).ToList();
        var row = (await store.ReadShards(None))[rows[0].Shard];
        var fence = new Fence(row.Shard, row.Owner!, row.Epoch);
        var id = await store.Seal(
            fence,
            new SegmentRow(
                0, row.Shard, entity.Family, rows[0].Number, rows[^1].Number, rows.Count, NumberSet.Write(rows.Select(r => r.Number)),
                new string('a', 64), new string('b', 64), rows[0].Time, rows[^1].Time, rows[^1].Time, SegmentState.Whole),
            [new AnchorRow(entity, 0, 1, rows[^1].EntityNumber, rows[^1].Hash)], None);
        Assert.True(await store.Thin(fence, id, SegmentState.Dropped, None));
    }

    private static async IAsyncEnumerable<ImportBatch> Imported()
    {
        await Task.CompletedTask;
        var (entity, was) = (EntityAddress.Of("twins", "copied"), new EntityAddress("before", "twins", "copied"));
        yield return new ImportBatch { Origins = [new OriginRow(entity, was, 3, new byte[32])] };
    }

    private static StoredMessage Message(Random random, int length) => new("test.said", 3, Bytes(random, length));

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
