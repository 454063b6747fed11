using System.Collections.Immutable;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Journal.Care;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using FsCheck;
using FsCheck.Fluent;
using Hosting.Tests.Core;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Journal;

/// <summary>Sealing takes nothing away that anybody can see.</summary>
public sealed class SealTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public void Random_histories_seals_and_crashes_read_as_if_nothing_had_ever_been_sealed_in_memory() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(
            Gen.Choose(0, int.MaxValue - 1).ToArbitrary(),
            seed => Random(JournalHouse.OnMemory(), new Random(seed), turns: 25).GetAwaiter().GetResult()));

    [Fact]
    public void Random_histories_seals_and_crashes_read_as_if_nothing_had_ever_been_sealed_on_SQLite() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(6), Prop.ForAll(
            Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed => OnSqlite(seed).GetAwaiter().GetResult()));

    private static async Task OnSqlite(int seed)
    {
        using var directory = new TemporaryDirectory();
        var time = new VirtualTime();
        await using var store = SqliteStore.Open(directory.File("journal.db"), new SqliteStoreOptions { ShardCount = 2 }, time);
        await Random(new JournalHouse(store, time).WithBlobs(), new Random(seed), turns: 15);
    }

    private static async Task Random(JournalHouse house, Random random, int turns)
    {
        var twin = JournalHouse.OnMemory(house.Store.ShardCount);
        twin.Time.Now = house.Time.Now;
        for (var turn = 0; turn < turns; turn++)
        {
            var entity = JournalHouse.Counter(random.Next(5));
            var amounts = Enumerable.Range(0, random.Next(1, 6)).Select(_ => (long)random.Next(1, 50)).ToArray();
            var snapshot = random.Next(3) == 0;
            await house.Add(entity, snapshot, amounts);
            await twin.Add(entity, snapshot, amounts);
            house.Time.Now += TimeSpan.FromHours(random.Next(1, 20));
            twin.Time.Now = house.Time.Now;
            if (random.Next(3) != 0) continue;
            var shard = random.Next(house.Store.ShardCount);
            var options = new RetentionOptions { SegmentEvents = random.Next(1, 8), MaxEvents = random.Next(1, 40) };
            // A run that was cut off after its blobs were put leaves them about and nothing else.
            if (random.Next(4) == 0) await Assert.ThrowsAsync<StoreException>(() => Broken(house, shard, options));
            else await house.Sealer(options).Run(await house.FenceOf(shard), house.Time.Now - TimeSpan.FromHours(5), false, None);
        }

        for (var shard = 0; shard < house.Store.ShardCount; shard++) Assert.Equal(await twin.Feed(shard), await house.Feed(shard));
        foreach (var entity in twin.Entities)
        {
            Assert.Equal(await twin.StateOf(entity, true), await house.StateOf(entity, true));
            Assert.Equal(await twin.StateOf(entity, true), await house.StateOf(entity, false));
        }
        Assert.Empty(await house.Store.Verify(None).ToListAsync());
        Assert.Empty(await new JournalVerifier(house.Store, house.Blobs, JournalHouse.Deciders, JournalHouse.Codec).Segments(None));
    }

    /// <summary>A sealer whose fence is gone when it comes to the transaction: blobs were put, nothing was deleted.</summary>
    private static async Task Broken(JournalHouse house, int shard, RetentionOptions options)
    {
        var fence = await house.FenceOf(shard);
        var report = await house.Sealer(options).Run(
            fence with { Epoch = new Epoch(fence.Epoch.Incarnation, fence.Epoch.Counter - 1) }, house.Time.Now, false, None);
        // There may have been nothing to seal.
        if (report.Events == 0) throw new StoreException("nothing to seal");
    }

    [Fact]
    public async Task An_event_that_a_projection_has_not_passed_or_no_snapshot_covers_stays()
    {
        var house = JournalHouse.OnMemory(1);
        await house.Add(JournalHouse.Counter(1), false, 1, 2, 3);
        await house.Add(JournalHouse.Counter(2), true, 1, 2, 3);
        await house.Add(JournalHouse.Counter(2), false, 4);
        house.Time.Now += TimeSpan.FromDays(1);
        var fence = await house.FenceOf(0);

        var blocked = await house.Sealer(null, "list").Run(fence, house.Time.Now, false, None);
        Assert.Equal((0L, 7L), (blocked.Events, blocked.Held["projection list has not passed them"]));
        await house.Years.Project(new ProjectionStep("list", 1, 0, 0, 5, 0, [], []), None);
        var report = await house.Sealer(null, "list").Run(fence, house.Time.Now, false, None);
        Assert.Equal((2L, 3L), (report.Events, report.Held["no snapshot covers them"]));
        await house.Years.Project(new ProjectionStep("list", 1, 0, 5, 7, 0, [], []), None);
        report = await house.Sealer(null, "list").Run(fence, house.Time.Now, false, None);
        Assert.Equal(1, report.Events);
        Assert.Equal(7, (await house.Feed(0)).Count);
        Assert.Equal(4, (await house.Years.ReadUnsealed(0, 0, 100, None)).Count);
    }

    [Fact]
    public async Task A_snapshot_that_replay_does_not_give_seals_nothing()
    {
        var house = JournalHouse.OnMemory(1);
        var entity = JournalHouse.Counter(1);
        await house.Add(entity, false, 1, 2, 3);
        var row = await house.Own(0);
        var history = await house.Store.ReadEntity(entity, true, None);
        var wrong = JournalHouse.Codec.Encode(new Runtime.CounterState(999, ImmutableSortedDictionary<string, string>.Empty, null, []));
        Assert.True((await house.Store.Commit(
            [new ShardCommit(0, row.Owner!, row.Epoch, row.LastNumber) { Snapshots = [new SnapshotRow(entity, 2, wrong, history.Events[1].Hash)] }],
            None)).Single().Accepted);
        house.Time.Now += TimeSpan.FromDays(1);
        var report = await house.Sealer().Run(await house.FenceOf(0), house.Time.Now, false, None);
        Assert.Equal(0, report.Events);
        Assert.Contains(report.Held.Keys, static why => why.Contains("replay gives another state", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Retention_thins_and_drops_from_the_beginning_and_history_says_where_it_begins()
    {
        var house = JournalHouse.OnMemory(1);
        var entity = JournalHouse.Counter(1);
        var rules = new FamilyRetention { Full = TimeSpan.FromDays(10), Thin = TimeSpan.FromDays(30), Drop = TimeSpan.FromDays(60) };
        var options = new RetentionOptions { Families = ImmutableSortedDictionary<string, FamilyRetention>.Empty.Add("counters", rules) };
        for (var month = 0; month < 4; month++)
        {
            await house.Add(entity, true, 1, 2, 3);
            house.Time.Now += TimeSpan.FromDays(25);
            await house.Sealer(options).Run(await house.FenceOf(0), null, false, None);
        }
        // On day 100 they are 100, 75, 50 and 25 days old.
        Assert.Equal(
            [SegmentState.Dropped, SegmentState.Dropped, SegmentState.Thinned, SegmentState.Whole],
            (await house.Years.ReadSegments(0, None)).Select(static s => s.State));
        var history = await house.Store.ReadEntity(entity, true, None);
        Assert.True(history.Begins > 1);
        Assert.Equal(history.Begins - 1, history.Snapshot!.EntityNumber);
        Assert.Equal(await house.StateOf(entity, false), await house.StateOf(entity, true));
        Assert.Empty(await house.Store.Verify(None).ToListAsync());
    }

    [Fact]
    public void Sets_of_numbers_come_back_as_they_were_and_refuse_what_is_none() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(
            Gen.Choose(1, 100_000).ListOf().ToArbitrary(),
            list =>
            {
                var numbers = list.Select(static n => (long)n).Distinct().Order().ToList();
                Assert.Equal(numbers, NumberSet.Numbers(NumberSet.Write(numbers)).ToList());
            }));
}
