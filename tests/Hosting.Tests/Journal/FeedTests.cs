using Athanor.Hosting.Journal.Care;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Journal;

/// <summary>Read models follow feeds, once each event, and say what they were not given.</summary>
public sealed class FeedTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private static ProjectionRunner Runner(JournalHouse house, List<string>? errors = null) =>
        new(house.Store, Projections.All, SlotMain.Messages, errors is null ? null : errors.Add);

    private static async Task<int> Turns(ProjectionRunner runner)
    {
        var turns = 0;
        while (await runner.Step([0, 1], None) > 0) turns++;
        return turns;
    }

    [Fact]
    public async Task The_list_of_entities_is_what_the_journal_says_and_two_runners_do_not_count_twice()
    {
        var house = JournalHouse.OnMemory();
        for (var i = 0; i < 6; i++) await house.Add(JournalHouse.Counter(i), false, 1, 2, 3);
        house.Time.Now += TimeSpan.FromHours(1);
        await house.Add(JournalHouse.Counter(2), false, 7);
        var (one, other) = (Runner(house), Runner(house));
        await Task.WhenAll(Turns(one), Turns(other));
        await Turns(one);
        var lines = await EntityList.Read(one, "default", "counters", 100, None);
        Assert.Equal(6, lines.Count);
        var second = lines.Single(static l => l.Entity == JournalHouse.Counter(2));
        Assert.Equal((4L, "tests.ended", house.Time.Now), (second.Events, second.LastKind, second.Last));
        Assert.True(second.First < second.Last);
        Assert.All(await one.Lag(None), static l => Assert.Equal((0L, 0L), (l.Lag, l.Skipped)));
        Assert.Empty(await EntityList.Read(one, "other", null, 100, None));
    }

    [Fact]
    public async Task A_rebuild_goes_on_beside_the_live_one_and_takes_its_place()
    {
        var house = JournalHouse.OnMemory();
        for (var i = 0; i < 4; i++) await house.Add(JournalHouse.Counter(i), true, 1, 2, 3);
        var runner = Runner(house);
        await Turns(runner);
        house.Time.Now += TimeSpan.FromDays(1);
        // Rebuilding reads across the seal.
        for (var shard = 0; shard < 2; shard++) await house.Sealer().Run(await house.FenceOf(shard), house.Time.Now, false, None);
        Assert.NotEmpty(await house.Years.ReadSegments(null, None));
        var before = await EntityList.Read(runner, "default", null, 100, None);
        await runner.Rebuild(EntityList.ModelName, null, None);
        Assert.Equal(before, await EntityList.Read(runner, "default", null, 100, None));
        var lag = Assert.Single(await runner.Lag(None), static l => l.Name == EntityList.ModelName);
        Assert.Equal((2, true, 0L), (lag.Generation, lag.Live, lag.Lag));
        await Assert.ThrowsAsync<StoreException>(() => runner.Rebuild("nothing", null, None));
    }

    [Fact]
    public async Task What_cannot_be_read_is_counted_and_said_and_what_is_behind_it_is_projected()
    {
        var house = JournalHouse.OnMemory(2);
        await house.Add(JournalHouse.Counter(1), true, 1, 2, 3, 4);
        house.Time.Now += TimeSpan.FromDays(1);
        var fence = await house.FenceOf(Athanor.Hosting.Stores.ShardOf.Address(JournalHouse.Counter(1), 2));
        await house.Sealer().Run(fence, house.Time.Now, false, None);
        Assert.True(await house.Years.Thin(fence, 1, SegmentState.Thinned, None));
        var errors = new List<string>();
        var runner = Runner(house, errors);
        await Turns(runner);
        Assert.Contains(errors, static e => e.Contains("events 1 to 3", StringComparison.Ordinal));
        Assert.Equal(3, (await runner.Lag(None)).Single(static l => l.Name == EntityList.ModelName).Skipped);
        Assert.Equal(4, Assert.Single(await EntityList.Read(runner, "default", null, 10, None)).Events);
    }

    [Fact]
    public async Task Alarms_are_listed_with_when_they_were_raised_and_cleared()
    {
        var page = new ProjectionPage(JournalHouse.OnMemory().Years, AlarmHistory.ModelName, 1, Athanor.Hosting.Families.Messages);
        var twin = EntityAddress.Of("twins", "heater");
        var time = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var codec = new Athanor.Hosting.Runtime.RegistryCodec(Athanor.Hosting.Families.Messages);
        JournalRow Row(long number, IEvent happened) => new(
            0, number, new Epoch(1, 1), twin, number, codec.Encode(happened), time.AddMinutes(number), "p", null, default, default);
        var projection = new AlarmHistory();
        await projection.Apply(Row(1, new AlarmRaised(5, 9.5, 6)), page, None);
        await projection.Apply(Row(2, new AlarmCleared(8, 1)), page, None);
        await projection.Apply(Row(3, new AlarmRaised(9, 7, 6)), page, None);
        var rows = page.Written.Where(static r => !r.Key.EndsWith("/open", StringComparison.Ordinal))
            .Select(static r => AlarmLine.Parse(r.Key, r.Body)).ToList();
        Assert.Equal(
            [new AlarmLine(twin, 1, time.AddMinutes(1), 9.5, 6, time.AddMinutes(2)), new AlarmLine(twin, 3, time.AddMinutes(3), 7, 6, null)], rows);
    }

    [Fact]
    public async Task Background_verification_goes_round_in_bounded_pieces_and_names_damage()
    {
        var house = JournalHouse.OnMemory();
        for (var i = 0; i < 5; i++) await house.Add(JournalHouse.Counter(i), true, 1, 2, 3);
        var verifier = new JournalVerifier(house.Store, house.Blobs, JournalHouse.Deciders, JournalHouse.Codec);
        for (var i = 0; i < 3; i++) Assert.Empty(await verifier.Next(2, None));
        Assert.Equal(1, verifier.Rounds);
        house.Time.Now += TimeSpan.FromDays(1);
        for (var shard = 0; shard < 2; shard++) await house.Sealer().Run(await house.FenceOf(shard), house.Time.Now, false, None);
        var segment = (await house.Years.ReadSegments(null, None))[0];
        house.Blobs.Remove(segment.Ends);
        var found = new List<Damage>();
        for (var i = 0; i < 4; i++) found.AddRange(await verifier.Next(2, None));
        Assert.Contains(found, d => d.What.Contains(segment.Ends, StringComparison.Ordinal));
    }
}
