using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Journal.Copy;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Memory;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;
using Athanor.Protocol.Peers;
using Hosting.Tests.Core;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Journal;

/// <summary>A copy is whole or it is none, and it is what was copied.</summary>
public sealed class CopyTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private static JournalCopy Copy(JournalHouse from, CopyEnd to, CopyOptions? options = null) => new(
        new CopyEnd("source", from.Store, from.Blobs), to, JournalHouse.Deciders, JournalHouse.Codec, options ?? new CopyOptions { Page = 3 });

    private static async Task<JournalHouse> Filled()
    {
        var house = JournalHouse.OnMemory(4);
        for (var i = 0; i < 7; i++)
        {
            await house.Add(JournalHouse.Counter(i), i % 2 == 0, 1, 2, 3);
            house.Time.Now += TimeSpan.FromHours(1);
            await house.Add(JournalHouse.Counter(i), false, 7, 8);
        }
        // A part of it sealed: a copy reads across the seal.
        await house.Sealer().Run(await house.FenceOf(1), house.Time.Now, false, None);
        return house;
    }

    [Fact]
    public async Task A_journal_moves_from_memory_to_SQLite_and_on_to_PostgreSQL_into_other_numbers_of_shards_unchanged()
    {
        var house = await Filled();
        using var directory = new TemporaryDirectory();
        await using var sqlite = SqliteStore.Open(directory.File("journal.db"), new SqliteStoreOptions { ShardCount = 3 }, house.Time);
        var middle = new CopyEnd("middle", sqlite, house.Blobs);
        var report = await Copy(house, middle).Run(None);
        Assert.Equal((7, 35L, 4, 3), (report.Entities, report.Events, report.FromShards, report.ToShards));
        await using var postgres = await PostgresStore.Open(
            new PostgresStoreOptions { Connection = await SharedPostgres.NewDatabase(), ShardCount = 8, Migrate = MigrateMode.Auto },
            TimeProvider.System);
        var end = new CopyEnd("end", postgres, house.Blobs);
        await new JournalCopy(middle, end, JournalHouse.Deciders, JournalHouse.Codec, new CopyOptions()).Run(None);
        foreach (var (store, shards) in (ImmutableArray<(IStore, int)>)[(sqlite, 3), (postgres, 8)])
        {
            Assert.Empty(await store.Verify(None).ToListAsync());
            Assert.False(await ((IJournalStore)store).IsCopying(None));
            foreach (var entity in house.Entities)
            {
                var (was, now) = (await house.Store.ReadEntity(entity, true, None), await store.ReadEntity(entity, true, None));
                Assert.Equal(was.Events.Select(Line), now.Events.Select(Line));
                Assert.Equal(ShardOf.Address(entity, shards), now.Head!.Shard);
            }
        }

        static string Line(JournalRow r) => $"{r.EntityNumber} {r.Time:O} {r.Principal} {Convert.ToHexString(r.Hash.Span)}";
    }

    [Fact]
    public async Task Blobs_that_cannot_be_listed_are_no_blobs_to_leave_behind()
    {
        var house = await Filled();
        var target = new MemoryStore(3, house.Time);
        var copy = new JournalCopy(
            new CopyEnd("source", house.Store, new BrokenBlobs()), new CopyEnd("target", target, new Hosting.Tests.Stores.MemoryBlobs()),
            JournalHouse.Deciders, JournalHouse.Codec, new CopyOptions());
        var refused = await Assert.ThrowsAsync<StoreException>(() => copy.Run(None));
        Assert.Contains("source: its blobs (BrokenBlobs) cannot be listed", refused.Message, StringComparison.Ordinal);
        Assert.False(await target.IsCopying(None));
    }

    [Fact]
    public async Task A_copy_that_broke_off_after_its_transaction_is_only_verified_and_one_before_it_left_nothing()
    {
        var house = await Filled();
        var target = new MemoryStore(3, house.Time);
        var cut = new CopyEnd("target", target, new BrokenBlobs());
        house.Blobs.Listed = true;
        await Assert.ThrowsAsync<IOException>(() => Copy(house, cut).Run(None));
        Assert.True(await target.IsCopying(None));
        Assert.Empty(await target.ListAllEntities(None));
        await Assert.ThrowsAsync<StoreException>(() => JoinRules.Check(target, Hosting.Tests.Slots.SlotMain.Messages, None));

        var whole = new CopyEnd("target", target, new Hosting.Tests.Stores.MemoryBlobs());
        Assert.False((await Copy(house, whole).Run(None)).Resumed);
        await target.MarkCopying(true, None);
        Assert.True((await Copy(house, whole).Run(None)).Resumed);
        var taken = await Assert.ThrowsAsync<StoreException>(() => Copy(house, whole).Run(None));
        Assert.Contains("already holds entities of the tenant default", taken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_reads_everything_and_writes_nothing()
    {
        var house = await Filled();
        var target = new MemoryStore(3, house.Time);
        var report = await Copy(house, new CopyEnd("target", target, house.Blobs), new CopyOptions { DryRun = true }).Run(None);
        Assert.Equal(7, report.Entities);
        Assert.Empty(await target.ListAllEntities(None));
        Assert.False(await target.IsCopying(None));
    }

    [Fact]
    public async Task Under_another_tenant_chains_are_hashed_anew_and_the_old_ones_can_still_be_checked()
    {
        var house = await Filled();
        var target = new MemoryStore(5, house.Time);
        target.UseBlobs(house.Blobs);
        await Copy(house, new CopyEnd("target", target, house.Blobs), new CopyOptions { AsTenant = "plant-a" }).Run(None);
        Assert.Empty(await target.Verify(None).ToListAsync());
        foreach (var entity in house.Entities)
        {
            var moved = entity with { Tenant = "plant-a" };
            var (was, now) = (await house.Store.ReadEntity(entity, true, None), await target.ReadEntity(moved, true, None));
            Assert.NotEqual(was.Events[^1].Hash.ToArray(), now.Events[^1].Hash.ToArray());
            Assert.Equal(was.Head!.Hash.ToArray(), (await target.ReadOrigin(moved, None))!.Hash.ToArray());
            Assert.True(await OriginCheck.Holds(target, JournalHouse.Codec, moved, None));
        }
        Assert.Null(await OriginCheck.Holds(house.Store, JournalHouse.Codec, JournalHouse.Counter(1), None));
        // Another tenant beside it is welcome, the same one is not.
        await Copy(house, new CopyEnd("target", target, house.Blobs), new CopyOptions { AsTenant = "plant-b" }).Run(None);
        await Assert.ThrowsAsync<StoreException>(
            () => Copy(house, new CopyEnd("target", target, house.Blobs), new CopyOptions { AsTenant = "plant-a" }).Run(None));
    }

    [Fact]
    public void Addresses_inside_messages_change_their_tenant_and_nothing_else_does()
    {
        var codec = new RegistryCodec(Families.Messages);
        var rewriter = new TenantRewriter("default", "plant-a", codec);
        var watch = codec.Encode(new WatchPeer(EntityAddress.Of("evolution", "default")));
        var moved = Assert.IsType<WatchPeer>(codec.Decode(rewriter.Message(watch)));
        Assert.Equal(new EntityAddress("plant-a", "evolution", "default"), moved.Watcher);
        Assert.Equal(watch.Body.ToArray(), rewriter.Back().Message(rewriter.Message(watch)).Body.ToArray());
        var other = codec.Encode(new Rejected("invalid", "default/twins/x"));
        Assert.Equal(other.Body.ToArray(), rewriter.Message(other).Body.ToArray());
    }

    [Fact]
    public async Task A_damaged_source_is_not_copied()
    {
        var house = await Filled();
        var segment = (await house.Years.ReadSegments(null, None))[0];
        house.Blobs.Remove(segment.Events);
        house.WithBlobs();
        await Assert.ThrowsAsync<DamageException>(
            () => Copy(house, new CopyEnd("target", new MemoryStore(3, house.Time), house.Blobs)).Run(None));
    }

    private sealed class BrokenBlobs : IBlobStore
    {
        public Task<string> Put(ReadOnlyMemory<byte> content, CancellationToken cancellation) => throw new IOException("the disk is full");

        public Task<byte[]> Get(string hash, CancellationToken cancellation) => throw new KeyNotFoundException();

        public Task<bool> Exists(string hash, CancellationToken cancellation) => Task.FromResult(false);
    }
}
