using Athanor.Actors;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Seal;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using Hosting.Tests.Core;
using Hosting.Tests.Runtime;
using Hosting.Tests.Slots;
using Hosting.Tests.Stores;
using Added = Hosting.Tests.Runtime.Added;
using CounterDecider = Hosting.Tests.Runtime.CounterDecider;
using CounterState = Hosting.Tests.Runtime.CounterState;
using Ended = Hosting.Tests.Runtime.Ended;

namespace Hosting.Tests.Journal;

/// <summary>A store with counters whose events are real ones: they replay, and their snapshots are the replayed states.</summary>
internal sealed class JournalHouse(IStore store, VirtualTime time)
{
    public static readonly IMessageCodec Codec = new RegistryCodec(SlotMain.Messages);

    public static readonly IReadOnlyList<IDecider> Deciders = [new CounterDecider()];

    private const string Node = "node-a";

    private readonly Dictionary<EntityAddress, (CounterState State, long Number, ReadOnlyMemory<byte> Hash)> _ends = [];

    public static CancellationToken None => CancellationToken.None;

    public IStore Store { get; } = store;

    public IJournalStore Years { get; } = (IJournalStore)store;

    public MemoryBlobs Blobs { get; } = new();

    public VirtualTime Time { get; } = time;

    public IReadOnlyCollection<EntityAddress> Entities => _ends.Keys;

    public static JournalHouse OnMemory(int shards = 2)
    {
        var time = new VirtualTime();
        return new JournalHouse(new MemoryStore(shards, time), time).WithBlobs();
    }

    public JournalHouse WithBlobs()
    {
        Years.UseBlobs(Blobs);
        return this;
    }

    public static EntityAddress Counter(int i) => EntityAddress.Of("counters", $"c-{i:00}");

    public async Task<ShardRow> Own(int shard)
    {
        var row = (await Store.ReadShards(None)).Single(r => r.Shard == shard);
        return row.Owner == Node ? row : (await Store.Claim(shard, Node, row.Epoch, TimeSpan.FromDays(10_000), None))!;
    }

    public async Task<Fence> FenceOf(int shard)
    {
        var row = await Own(shard);
        return new Fence(shard, row.Owner!, row.Epoch);
    }

    /// <summary>Adds to a counter, an event each, at this moment's time; with a snapshot after the last on request.</summary>
    public async Task Add(EntityAddress entity, bool snapshot, params long[] amounts)
    {
        var decider = new CounterDecider();
        var row = await Own(ShardOf.Address(entity, Store.ShardCount));
        var (state, number, hash) = _ends.TryGetValue(entity, out var end) ? end : (decider.Initial(entity), 0, EventHash.None);
        var events = new List<JournalRow>();
        foreach (var amount in amounts)
        {
            IEvent happened = amount % 7 == 0 ? new Ended($"e{amount}", "done") : new Added(amount);
            var stored = Codec.Encode(happened);
            var next = EventHash.Compute(entity, ++number, stored, hash.Span);
            events.Add(new JournalRow(
                row.Shard, row.LastEvent + events.Count + 1, row.Epoch, entity, number, stored, await Store.Now(None), "tester", null, hash,
                next));
            (hash, state) = (next, (CounterState)decider.Apply(state, happened));
        }
        var part = new ShardCommit(row.Shard, Node, row.Epoch, row.LastNumber)
        {
            Events = [.. events],
            Heads = [new HeadRow(row.Shard, entity, number, hash, false, null, await Store.Now(None))],
            Snapshots = snapshot ? [new SnapshotRow(entity, number, Codec.Encode(state), hash)] : [],
        };
        Assert.True((await Store.Commit([part], None)).Single().Accepted);
        _ends[entity] = (state, number, hash);
    }

    public async Task<string> StateOf(EntityAddress entity, bool fromStart) => fromStart
        ? Athanor.Hosting.Core.Replay.FromJournal(
            new CounterDecider(), Codec, entity, await Store.ReadEntity(entity, fromStart: true, None)).StateHash
        : Athanor.Hosting.Core.Replay.HashOf(
            Codec, Athanor.Hosting.Core.Replay.Rebuild(
                new CounterDecider(), Codec, entity, await Store.ReadEntity(entity, fromStart: false, None)).State);

    public Sealer Sealer(RetentionOptions? options = null, params string[] projections) =>
        new(Store, Blobs, Deciders, Codec, options ?? new RetentionOptions(), projections);

    public async Task<List<string>> Feed(int shard, int page = 7)
    {
        var (lines, after) = (new List<string>(), 0L);
        while (true)
        {
            var rows = await Store.ReadFeed(shard, after, page, None);
            if (rows.Count == 0) return lines;
            lines.AddRange(rows.Select(static r => $"{r.Number} {r.Entity} {r.EntityNumber} {Convert.ToHexString(r.Hash.Span)}"));
            after = rows[^1].Number;
        }
    }
}
