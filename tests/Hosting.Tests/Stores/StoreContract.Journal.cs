using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Segments;
using Athanor.Protocol;

namespace Hosting.Tests.Stores;

/// <summary>What happens to a journal over years, as tests that every store passes.</summary>
public abstract partial class StoreContract
{
    private static ImportBatch BatchOf(ShardExport export, IEnumerable<JournalRow> events, IEnumerable<KeptReply> replies) => new()
    {
        Events = [.. events],
        Heads = [.. export.Heads],
        Snapshots = [.. export.Snapshots],
        Timers = [.. export.Timers],
        Mail = [.. export.Mail],
        Parked = [.. export.Parked],
        Work = [.. export.Work],
        Replies = [.. replies],
    };

    /// <summary>A store that has been sealed once, with what lay in the feed before.</summary>
    private protected async Task<(IStore Store, StoreDriver Driver, IReadOnlyList<JournalRow> Before, MemoryBlobs Blobs)> CreateSealed()
    {
        var (store, driver) = await Create();
        var blobs = new MemoryBlobs();
        ((IJournalStore)store).UseBlobs(blobs);
        await driver.Append(A, "one", "two");
        await driver.Append(EntityAddress.Of("models", "m"), "m");
        var third = await driver.Events(A, "three", "four");
        Assert.True(await driver.Commit(third with
        {
            Snapshots = [new SnapshotRow(A, 3, StoreDriver.Message("after three"), third.Events[0].Hash)],
        }));
        var before = await store.ReadFeed(driver.ShardOf(A), 0, 100, None);
        var rows = before.Where(r => r.Entity == A && r.EntityNumber <= 3).ToList();
        var segment = await SegmentOf(blobs, rows, new SegmentEnd(null, new SnapshotRow(A, 3, StoreDriver.Message("after three"), rows[^1].Hash)));
        var row = await driver.Own(driver.ShardOf(A));
        Assert.Equal(1, await ((IJournalStore)store).Seal(
            new Fence(row.Shard, row.Owner!, row.Epoch), segment, [new AnchorRow(A, 0, 1, 3, rows[^1].Hash)], None));
        return (store, driver, before, blobs);
    }

    private protected static async Task<SegmentRow> SegmentOf(MemoryBlobs blobs, IReadOnlyList<JournalRow> rows, params SegmentEnd[] ends) => new(
        0, rows[0].Shard, rows[0].Entity.Family, rows[0].Number, rows[^1].Number, rows.Count, NumberSet.Write(rows.Select(r => r.Number)),
        await blobs.Put(SegmentBlob.WriteEvents(rows[0].Shard, rows[0].Entity.Family, rows), None),
        await blobs.Put(SegmentBlob.WriteEnds(ends), None), rows[0].Time, rows[^1].Time, rows[^1].Time, SegmentState.Whole);

    [Fact]
    public async Task Everything_exported_is_imported_into_another_number_of_shards_with_identities_of_its_own()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(A, "one", "two");
        await driver.Append(B, "b");
        await driver.Tell(A, B, "first", "second", "third");
        await driver.Dispatch(A, driver.Work(A, "w1"), driver.Work(A, "w2"));
        var lease = (await store.LeaseWork("n", ["cpu"], 1, TimeSpan.FromMinutes(1), None)).Single();
        await store.CompleteWork(lease.Work.Id, lease.Token, StoreDriver.Message("result"), None);
        var shard = driver.ShardOf(A);
        var key = Guid.CreateVersion7(Time.Now);
        Assert.True(await driver.Commit(await driver.Empty(shard) with
        {
            TimersSet = [new TimerRow(shard, A, "t", Time.Now, StoreDriver.Message("due"))],
            Replies = [new ReplyRow("default", key, new byte[] { 7 }, StoreDriver.Message("answer"), shard)],
        }));
        var waiting = await store.ReadMail([driver.ShardOf(B)], 10, None);
        Assert.True(await driver.Commit(await driver.Empty(driver.ShardOf(B)) with
        {
            Parked = [new ParkedRow(waiting[0], "it threw", Time.Now)],
            Faults = [new FaultRow(B, "damaged")],
        }));

        await using var target = await CreateStore(3, Time);
        var (from, to) = ((IJournalStore)store, (IJournalStore)target);
        async IAsyncEnumerable<ImportBatch> Batches()
        {
            for (var s = 0; s < store.ShardCount; s++)
            {
                yield return BatchOf(
                    await from.ExportShard(s, None), await store.ReadFeed(s, 0, 100, None),
                    s == 0 ? await from.ExportReplies(null, 100, None) : []);
            }
        }
        await to.Import(Batches(), None);

        foreach (var entity in (EntityAddress[])[A, B])
        {
            var (old, now) = (await store.ReadEntity(entity, true, None), await target.ReadEntity(entity, true, None));
            Assert.Equal(old.Events.Select(e => Convert.ToHexString(e.Hash.Span)), now.Events.Select(e => Convert.ToHexString(e.Hash.Span)));
            Assert.Equal((old.Head!.EntityNumber, old.Head.Fault), (now.Head!.EntityNumber, now.Head.Fault));
            Assert.Equal(ShardOf.Address(entity, 3), now.Head.Shard);
        }
        var all = new List<ShardExport>();
        for (var s = 0; s < 3; s++) all.Add(await to.ExportShard(s, None));
        Assert.Equal(["second", "third"], all.SelectMany(e => e.Mail).Where(m => m.To == B).Select(m => StoreDriver.TextOf(m.Command)));
        Assert.Equal(["result"], all.SelectMany(e => e.Mail).Where(m => m.To == A).Select(m => StoreDriver.TextOf(m.Command)));
        Assert.Equal(["first"], all.SelectMany(e => e.Parked).Select(p => StoreDriver.TextOf(p.Mail.Command)));
        Assert.Equal("due", StoreDriver.TextOf(all.SelectMany(e => e.Timers).Single().Command));
        Assert.Equal([("w1", WorkStatus.Completed), ("w2", WorkStatus.Pending)],
            all.SelectMany(e => e.Work).OrderBy(w => w.Work.Name).Select(w => (w.Work.Name, w.Status)));
        var ids = all.SelectMany(e => e.Mail.Select(m => m.Id).Concat(e.Parked.Select(p => p.Mail.Id))).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.Equal("answer", StoreDriver.TextOf((await target.FindReply("default", key, None))!.Reply));
        Assert.Empty(await target.Verify(None).ToListAsync());

        // Commits go on behind what was imported.
        var next = new StoreDriver(target);
        next.Follow(await target.ReadEntity(A, true, None));
        await next.Append(A, "three");
        await next.Tell(A, A, "told after the copy");
        Assert.Empty(await target.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task An_import_that_breaks_off_leaves_nothing()
    {
        var (store, driver) = await Create();
        await using var _ = store;
        await driver.Append(A, "one");
        await using var target = await CreateStore(2, Time);
        async IAsyncEnumerable<ImportBatch> Batches()
        {
            yield return BatchOf(
                await ((IJournalStore)store).ExportShard(driver.ShardOf(A), None), await store.ReadFeed(driver.ShardOf(A), 0, 100, None), []);
            throw new InvalidOperationException("the cable was pulled");
        }
        await Assert.ThrowsAnyAsync<Exception>(() => ((IJournalStore)target).Import(Batches(), None));
        Assert.Empty(await target.ListAllEntities(None));
        Assert.All(await target.ReadShards(None), row => Assert.Equal((0L, 0L), (row.LastNumber, row.LastEvent)));
    }

    [Fact]
    public async Task An_unfinished_copy_is_marked_until_it_is_finished()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        var journal = (IJournalStore)store;
        Assert.False(await journal.IsCopying(None));
        await journal.MarkCopying(true, None);
        Assert.True(await journal.IsCopying(None));
        await journal.MarkCopying(false, None);
        Assert.False(await journal.IsCopying(None));
    }

    [Fact]
    public async Task Histories_and_feeds_read_across_the_seal_as_if_nothing_had_been_sealed()
    {
        var (store, driver, before, _) = await CreateSealed();
        await using var _1 = store;
        var shard = driver.ShardOf(A);
        Assert.Equal(before.Select(r => r.Number), (await store.ReadFeed(shard, 0, 100, None)).Select(r => r.Number));
        Assert.Equal([2L, 3], (await store.ReadFeed(shard, 1, 2, None)).Select(r => r.Number));
        var whole = await store.ReadEntity(A, true, None);
        Assert.Equal(["one", "two", "three", "four"], whole.Events.Select(e => StoreDriver.TextOf(e.Event)));
        Assert.Equal((1L, null), (whole.Begins, whole.Snapshot));
        var latest = await store.ReadEntity(A, false, None);
        Assert.Equal((3L, "four"), (latest.Snapshot!.EntityNumber, StoreDriver.TextOf(latest.Events.Single().Event)));
        Assert.Equal(before.Count - 3, (await ((IJournalStore)store).ReadUnsealed(shard, 0, 100, None)).Count);
        Assert.Empty(await store.Verify(None).ToListAsync());
        await driver.Append(A, "five");
        Assert.Empty(await store.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task History_that_was_thinned_begins_with_the_state_at_the_segments_end_and_says_so()
    {
        var (store, driver, before, _) = await CreateSealed();
        await using var _1 = store;
        var row = await driver.Own(driver.ShardOf(A));
        var fence = new Fence(row.Shard, row.Owner!, row.Epoch);
        Assert.False(await ((IJournalStore)store).Thin(fence with { Epoch = new Epoch(0, 0) }, 1, SegmentState.Thinned, None));
        Assert.True(await ((IJournalStore)store).Thin(fence, 1, SegmentState.Thinned, None));
        var history = await store.ReadEntity(A, true, None);
        Assert.Equal((4L, 3L, "after three"), (history.Begins, history.Snapshot!.EntityNumber, StoreDriver.TextOf(history.Snapshot.State)));
        Assert.Equal(["four"], history.Events.Select(e => StoreDriver.TextOf(e.Event)));
        Assert.True(await ((IJournalStore)store).Thin(fence, 1, SegmentState.Dropped, None));
        Assert.Equal(4, (await store.ReadEntity(A, true, None)).Begins);
        Assert.Empty(await store.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task Only_the_owner_in_its_epoch_seals_and_never_an_entitys_last_event()
    {
        var (store, driver, before, blobs) = await CreateSealed();
        await using var _1 = store;
        var journal = (IJournalStore)store;
        var row = await driver.Own(driver.ShardOf(A));
        var fence = new Fence(row.Shard, row.Owner!, row.Epoch);
        var last = (await journal.ReadUnsealed(row.Shard, 0, 100, None)).Last(r => r.Entity == A);
        var segment = await SegmentOf(blobs, [last]);
        var anchor = new AnchorRow(A, 0, 4, 4, last.Hash);
        Assert.Equal(0, await journal.Seal(fence with { Owner = "another" }, segment, [anchor], None));
        await Assert.ThrowsAnyAsync<StoreException>(() => journal.Seal(fence, segment, [anchor], None));
        // What is sealed already is not there to be sealed.
        await driver.Append(A, "five");
        var again = await SegmentOf(blobs, [before.First(r => r.Entity == A)]);
        await Assert.ThrowsAnyAsync<StoreException>(() => journal.Seal(fence, again, [new AnchorRow(A, 0, 1, 1, last.Hash)], None));
        Assert.Single(await journal.ReadSegments(row.Shard, None));
        Assert.Single(await journal.ReadAnchors(A, None));
        Assert.Empty(await store.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task A_projections_rows_and_offset_move_together_and_only_from_the_offset_expected()
    {
        var (store, _) = await Create();
        await using var _1 = store;
        var journal = (IJournalStore)store;
        ProjectionStep Step(int generation, long expected, long offset, params string[] keys) => new(
            "list", generation, 0, expected, offset, 0, [.. keys.Select(k => new ProjectionRow(k, new byte[] { (byte)generation }))], []);
        async Task<string> Rows(int generation) =>
            string.Join(',', (await journal.ReadRows("list", generation, "", "\uffff", 10, None)).Select(r => r.Key));
        Assert.True(await journal.Project(Step(1, 0, 5, "b", "a"), None));
        Assert.False(await journal.Project(Step(1, 0, 5, "lost"), None));
        Assert.True(await journal.Project(Step(1, 5, 6, "c") with { Removed = ["a"], Skipped = 2 }, None));
        Assert.Equal("b,c", await Rows(1));
        Assert.Equal("b", string.Join(',', (await journal.ReadRows("list", 1, "a", "c", 10, None)).Select(r => r.Key)));
        Assert.Equal(new ProjectionOffset("list", 1, 0, 6, 2, true), (await journal.ReadOffsets(None)).Single());

        Assert.True(await journal.Project(Step(2, 0, 9, "z"), None));
        Assert.False((await journal.ReadOffsets(None)).Single(o => o.Generation == 2).Live);
        await journal.DropProjection("list", 1, None);
        Assert.Equal("b,c", await Rows(1));
        await journal.SwapProjection("list", 2, None);
        Assert.Equal(("", "z"), (await Rows(1), await Rows(2)));
        Assert.Equal((2, true), (await journal.ReadOffsets(None)).Select(o => (o.Generation, o.Live)).Single());
    }
}

/// <summary>Blobs in memory.</summary>
internal sealed class MemoryBlobs : IBlobStore, IBlobList
{
    /// <summary>Whether copies are told what there is.</summary>
    public bool Listed { get; set; }

    public async IAsyncEnumerable<string> List([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        if (!Listed) yield break;
        foreach (var name in _blobs.Keys.ToList()) yield return name;
    }

    private readonly Dictionary<string, byte[]> _blobs = [];

    public Task<string> Put(ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        lock (_blobs) _blobs[hash] = content.ToArray();
        return Task.FromResult(hash);
    }

    public Task<byte[]> Get(string hash, CancellationToken cancellation)
    {
        lock (_blobs) return Task.FromResult(_blobs[hash]);
    }

    public Task<bool> Exists(string hash, CancellationToken cancellation)
    {
        lock (_blobs) return Task.FromResult(_blobs.ContainsKey(hash));
    }

    public void Remove(string hash)
    {
        lock (_blobs) _blobs.Remove(hash);
    }
}
