using System.Text;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Hosting.Tests.Stores;

/// <summary>Writes to a store as an owner would: numbers events, keeps the chains of hashes, and heads.</summary>
internal sealed class StoreDriver(IStore store, string node = "node-a")
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    private readonly Dictionary<EntityAddress, (long Number, ReadOnlyMemory<byte> Hash)> _ends = [];

    public static CancellationToken None => CancellationToken.None;

    public static EntityAddress Entity(int i) => EntityAddress.Of("twins", $"unit-{i}");

    public static StoredMessage Message(string text) => new("tests.said", 1, Encoding.UTF8.GetBytes(text));

    public static string TextOf(StoredMessage message) => Encoding.UTF8.GetString(message.Body.Span);

    public int ShardOf(EntityAddress entity) => Athanor.Hosting.Stores.ShardOf.Address(entity, store.ShardCount);

    public async Task<ShardRow> Row(int shard) => (await store.ReadShards(None)).Single(row => row.Shard == shard);

    /// <summary>The shard's row, claimed by this driver's node if nobody holds it.</summary>
    public async Task<ShardRow> Own(int shard)
    {
        var row = await Row(shard);
        if (row.Owner == node) return row;
        return await store.Claim(shard, node, row.Epoch, Lease,
            None) ?? throw new InvalidOperationException($"shard {shard} is held by {row.Owner}");
    }

    public async Task<ShardCommit> Empty(int shard)
    {
        var row = await Own(shard);
        return new ShardCommit(shard, node, row.Epoch, row.LastNumber);
    }

    /// <summary>A part with an event a text, and the head after them.</summary>
    public async Task<ShardCommit> Events(EntityAddress entity, params string[] texts)
    {
        var row = await Own(ShardOf(entity));
        var (number, hash) = _ends.TryGetValue(entity, out var end) ? end : (0, EventHash.None);
        var events = new List<JournalRow>();
        foreach (var text in texts)
        {
            var next = EventHash.Compute(entity, ++number, Message(text), hash.Span);
            events.Add(new JournalRow(
                row.Shard, row.LastEvent + events.Count + 1, row.Epoch, entity, number, Message(text), await store.Now(None), "somebody",
                    "trace",
                hash, next));
            hash = next;
        }
        return new ShardCommit(row.Shard, node, row.Epoch, row.LastNumber)
        {
            Events = [.. events],
            Heads = [new HeadRow(row.Shard, entity, number, hash, false, null, await store.Now(None))],
        };
    }

    public async Task<bool> Commit(ShardCommit part)
    {
        var result = (await store.Commit([part], None)).Single();
        if (result.Accepted)
        {
            foreach (var e in part.Events) _ends[e.Entity] = (e.EntityNumber, e.Hash);
        }
        return result.Accepted;
    }

    /// <summary>Goes on behind a history that somebody else wrote.</summary>
    public void Follow(EntityHistory history)
    {
        if (history.Events is [.., var last]) _ends[last.Entity] = (last.EntityNumber, last.Hash);
    }

    public async Task Append(EntityAddress entity, params string[] texts) => Assert.True(await Commit(await Events(entity, texts)));

    /// <summary>A mailbox row told in the part.</summary>
    public MailRow Mail(ShardCommit part, int n, EntityAddress to, string text, EntityAddress? sender = null) =>
        new(new MailId(part.Shard, part.NewLast, n), ShardOf(to), to, sender, Message(text), null);

    /// <summary>Tells texts to an entity in one commit of the sender's shard.</summary>
    public async Task<IReadOnlyList<MailRow>> Tell(EntityAddress from, EntityAddress to, params string[] texts)
    {
        var part = await Empty(ShardOf(from));
        part = part with { Mail = [.. texts.Select((text, n) => Mail(part, n, to, text, from))] };
        Assert.True(await Commit(part));
        return part.Mail;
    }

    public async Task<IReadOnlyList<string>> Mailbox(EntityAddress to, int limit = 100) =>
        (await store.ReadMail([ShardOf(to)], limit, None)).Where(row => row.To == to).Select(row => TextOf(row.Command)).ToList();

    public WorkRow Work(EntityAddress entity, string name, int priority = 0, string pool = "cpu") =>
        new(ShardOf(entity), entity, name, Message($"spec of {name}"), 7, ["ab", "cd"], pool, priority, TimeSpan.FromMinutes(5), null);

    public async Task Dispatch(EntityAddress entity, params WorkRow[] rows) =>
        Assert.True(await Commit(await Empty(ShardOf(entity)) with { Work = [.. rows] }));
}
