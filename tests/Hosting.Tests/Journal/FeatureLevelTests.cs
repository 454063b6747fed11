using System.Collections.Immutable;
using Athanor.Hosting;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using Hosting.Tests.Core;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Journal;

/// <summary>Since level 1 only.</summary>
[Message("tests.of-level-one", Since = 1)]
public sealed record OfLevelOne([property: Key(0)] int Value) : IEvent;

/// <summary>Nothing is written that a node which may still come back cannot read.</summary>
public sealed class FeatureLevelTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly MessageRegistry Messages = SlotMain.Messages;

    [Fact]
    public void A_kind_above_the_recorded_level_is_read_and_not_written()
    {
        var level = 0;
        var codec = new RegistryCodec(Messages, () => level);
        var refused = Assert.Throws<FeatureLevelException>(() => codec.Encode(new OfLevelOne(3)));
        Assert.Contains("tests.of-level-one exists since feature level 1", refused.Message, StringComparison.Ordinal);
        Assert.Equal(new OfLevelOne(3), codec.Decode(new RegistryCodec(Messages).Encode(new OfLevelOne(3))));
        level = 1;
        Assert.Equal("tests.of-level-one", codec.Encode(new OfLevelOne(3)).Kind);
    }

    [Fact]
    public async Task An_empty_store_takes_the_builds_level_and_one_with_history_keeps_its_own_until_it_is_raised()
    {
        var house = JournalHouse.OnMemory();
        await house.Add(JournalHouse.Counter(1), false, 1);
        Assert.Equal(0, await JoinRules.Check(house.Store, Messages, None, buildLevel: 1));
        await FeatureLevels.Raise(house.Store, Messages, 1, None, buildLevel: 1);
        Assert.Equal(1, await JoinRules.Check(house.Store, Messages, None, buildLevel: 1));
        Assert.Equal(1, await JoinRules.Check(new MemoryStore(1, new VirtualTime()), Messages, None, buildLevel: 1));
    }

    [Fact]
    public async Task A_build_that_does_not_know_every_kind_of_the_level_does_not_join_and_hears_which()
    {
        var store = new MemoryStore(1, new VirtualTime());
        await FeatureLevels.Raise(store, Messages, 1, None, buildLevel: 1);
        var older = MessageRegistry.Of(ProtocolMessages.AddTo);
        var refused = await Assert.ThrowsAsync<StoreException>(() => JoinRules.Check(store, older, None, buildLevel: 0));
        Assert.Contains("tests.of-level-one v1", refused.Message, StringComparison.Ordinal);
        // The level alone is enough: a build of it that was made from other sources is refused by the kinds.
        await Assert.ThrowsAsync<StoreException>(() => JoinRules.Check(store, older, None, buildLevel: 1));
        Assert.Equal(1, await JoinRules.Check(store, Messages, None, buildLevel: 1));
    }

    [Fact]
    public async Task Raising_is_refused_while_an_older_node_lives()
    {
        var time = new VirtualTime();
        var store = new MemoryStore(1, time);
        await store.RenewNode("old", "", ["shards"], TimeSpan.FromSeconds(5), None);
        await store.RenewNode("new", "", ["shards", FeatureLevels.Tag(1)], TimeSpan.FromSeconds(5), None);
        var refused = await Assert.ThrowsAsync<StoreException>(() => FeatureLevels.Raise(store, Messages, 1, None, buildLevel: 1));
        Assert.Contains("the node old", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await store.ReadCluster(None)).FeatureLevel);
        time.Now += TimeSpan.FromSeconds(6);
        await FeatureLevels.Raise(store, Messages, 1, None, buildLevel: 1);
        Assert.Equal(1, (await store.ReadCluster(None)).FeatureLevel);
        await Assert.ThrowsAsync<StoreException>(() => FeatureLevels.Raise(store, Messages, 2, None, buildLevel: 1));
    }

    [Fact]
    public async Task The_target_of_an_unfinished_copy_is_not_hosted()
    {
        var store = new MemoryStore(1, new VirtualTime());
        await store.MarkCopying(true, None);
        var refused = await Assert.ThrowsAsync<StoreException>(() => JoinRules.Check(store, Messages, None));
        Assert.Contains("was not finished", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Kinds of the first release are listed in a file; a kind that is not in it says since when it exists.</summary>
    [Fact]
    public void Every_kind_is_of_the_first_release_or_says_since_which_level_it_exists()
    {
        var first = File.ReadAllLines(Athanor.Tests.RepositoryFiles.Path("tests", "Hosting.Tests", "Journal", "kinds-of-level-0.txt"))
            .Where(static line => line is [not '#', ..]).ToHashSet(StringComparer.Ordinal);
        var wrong = Families.Messages.Kinds.Where(k => first.Contains(k.Name) == (FeatureLevels.SinceOf(k.Type) > 0))
            .Select(k => $"{k.Name}: Since = {FeatureLevels.SinceOf(k.Type)}").ToImmutableArray();
        Assert.True(wrong.IsEmpty, string.Join('\n', wrong)
            + "\nGive a new kind Since = FeatureLevels.Current in its [Message], or it would be written where an older node cannot read it.");
    }
}
