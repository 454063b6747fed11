using System.Text;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Hosting.Tests.Sqlite;

/// <summary>Drives a store as the core would, for one shard owner: numbers events, keeps chains and heads.</summary>
internal sealed class Driver(IStore store, string node = "node-a")
{
    private readonly Dictionary<EntityAddress, (long Number, byte[] Hash)> _entities = [];
    private readonly Dictionary<int, ShardRow> _shards = [];

    public static CancellationToken None => CancellationToken.None;

    public static StoredMessage Message(string text) => new("test.said", 1, Encoding.UTF8.GetBytes(text));

    public static EntityAddress Entity(int i) => EntityAddress.Of("twins", $"unit-{i:000}");

    public int ShardOf(EntityAddress entity) => Athanor.Hosting.Stores.ShardOf.Address(entity, store.ShardCount);

    public async Task<ShardRow> Own(int shard)
    {
        if (_shards.TryGetValue(shard, out var row)) return row;
        var seen = (await store.ReadShards(None)).Single(r => r.Shard == shard);
        row = await store.Claim(shard, node, seen.Epoch, TimeSpan.FromHours(1), None)
            ?? throw new InvalidOperationException($"shard {shard} is held");
        return _shards[shard] = row;
    }

    /// <summary>Learns where an entity's chain ends from the store.</summary>
    public async Task Recover(EntityAddress entity)
    {
        var history = await store.ReadEntity(entity, true, None);
        _entities[entity] = history.Events.Count == 0 ? default : (history.Events[^1].EntityNumber, history.Events[^1].Hash.ToArray());
    }

    /// <summary>A part that appends one event a text to the entity, with its head.</summary>
    public async Task<ShardCommit> Part(EntityAddress entity, params string[] texts)
    {
        var row = await Own(ShardOf(entity));
        var (number, hash) = _entities.GetValueOrDefault(entity);
        hash ??= EventHash.None.ToArray();
        var events = new List<JournalRow>();
        foreach (var text in texts)
        {
            var next = EventHash.Compute(entity, ++number, Message(text), hash);
            events.Add(new JournalRow(
                row.Shard, row.LastEvent + events.Count + 1, row.Epoch, entity, number, Message(text), await store.Now(None), "tester",
                null, hash, next));
            hash = next;
        }
        return new ShardCommit(row.Shard, row.Owner!, row.Epoch, row.LastNumber)
        {
            Events = [.. events],
            Heads = [new HeadRow(row.Shard, entity, number, hash, false, null)],
        };
    }

    /// <summary>Commits and remembers what the store accepted.</summary>
    public async Task<ShardCommitResult> Commit(ShardCommit part)
    {
        var result = Assert.Single(await store.Commit([part], None));
        if (!result.Accepted) return result;
        var row = _shards[part.Shard];
        _shards[part.Shard] = row with { LastNumber = part.NewLast, LastEvent = row.LastEvent + part.Events.Length };
        foreach (var e in part.Events) _entities[e.Entity] = (e.EntityNumber, e.Hash.ToArray());
        return result;
    }

    public async Task Append(EntityAddress entity, params string[] texts) =>
        Assert.True((await Commit(await Part(entity, texts))).Accepted);
}
