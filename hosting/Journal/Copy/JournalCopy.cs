using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Copy;

/// <summary>One end of a copy.</summary>
/// <param name="Name">For messages.</param>
public sealed record CopyEnd(string Name, IStore Store, IBlobStore Blobs)
{
    internal IJournalStore Journal => (IJournalStore)Store;
}

public sealed record CopyOptions
{
    /// <summary>The tenant under which everything is put; null leaves the tenants as they are.</summary>
    public string? AsTenant { get; init; }

    /// <summary>Only reads: counts, and verifies the source.</summary>
    public bool DryRun { get; init; }

    /// <summary>Events in one batch.</summary>
    public int Page { get; init; } = 1000;
}

/// <param name="Phase"><c>blobs</c>, <c>events</c> or <c>verify</c>.</param>
public readonly record struct CopyProgress(string Phase, long Done, long Total);

/// <param name="NotReplayed">Entities whose chain was compared and whose state was not, with why: their family or a kind is unknown.</param>
public sealed record CopyReport(
    int FromShards, int ToShards, int Entities, long Events, int Snapshots, int Mail, int Timers, int Work, int Parked, long Replies,
    int Faulted, int Blobs, long BlobBytes, IReadOnlyList<string> NotReplayed, bool Resumed);

/// <summary>
/// Moves a journal into another store. Everything goes: events with their chains, snapshots, mailboxes, timers, work, replies under their
/// keys, parked messages, faults, blobs. Rows go to the shards that the target's number of shards gives; feeds are numbered anew (so that
/// projections start from zero) and messages get identities of the target's.
///
/// Both ends are still. The source's shards must be where they were when the copy began, or it fails; the caller sees to it that no node
/// runs. The source is only read.
///
/// Whole or not at all. The target is marked first (<see cref="IJournalStore.MarkCopying"/>), and no node hosts a store so marked. Blobs go
/// first, then all rows in one transaction, then everything is read back and compared, and only then the mark goes. A copy that broke off
/// in between is begun again by the same command: before the transaction there is nothing, after it only the comparison is left.
///
/// <see cref="CopyComparison"/> says what is compared.
///
/// Under another tenant a chain's hashes change, because they cover the address. The events are hashed anew, and the last hash of the chain
/// as it was is recorded with the old address (<see cref="OriginRow"/>): <see cref="OriginCheck"/> puts the events back under it and
/// computes the old chain from the copy alone.
/// </summary>
public sealed class JournalCopy(
    CopyEnd from, CopyEnd to, IReadOnlyList<IDecider> deciders, IMessageCodec codec, CopyOptions options,
    Action<CopyProgress>? progress = null)
{
    private TenantRewriter? _rewriter;
    private long _replies;

    /// <exception cref="StoreException">The copy was not made; why, and what would be right.</exception>
    /// <exception cref="DamageException">The source holds damaged rows: a copy would lose them.</exception>
    public async Task<CopyReport> Run(CancellationToken cancellation)
    {
        if (from.Blobs is not IBlobList)
        {
            throw new StoreException(
                $"{from.Name}: its blobs ({from.Blobs.GetType().Name}) cannot be listed, so a copy would leave them behind; nothing was copied");
        }
        var before = await from.Store.ReadShards(cancellation).ConfigureAwait(false);
        var heads = await from.Store.ListAllEntities(cancellation).ConfigureAwait(false);
        _rewriter = RewriterOf(heads);
        var exports = new List<ShardExport>();
        for (var shard = 0; shard < from.Store.ShardCount; shard++)
            exports.Add(await from.Journal.ExportShard(shard, cancellation).ConfigureAwait(false));
        heads = exports.SelectMany(static e => e.Heads).ToList();
        var resumed = await CheckTarget(heads, cancellation).ConfigureAwait(false);

        var (blobs, blobBytes) = (0, 0L);
        if (!options.DryRun)
        {
            await to.Journal.MarkCopying(true, cancellation).ConfigureAwait(false);
            (blobs, blobBytes) = await CopyBlobs(cancellation).ConfigureAwait(false);
            if (!resumed) await to.Journal.Import(Batches(exports, before, cancellation), cancellation).ConfigureAwait(false);
        }
        var comparison = new CopyComparison(from, to, deciders, codec, _rewriter, options.DryRun, progress);
        await comparison.Run(heads, exports, cancellation).ConfigureAwait(false);
        await CheckUnmoved(before, cancellation).ConfigureAwait(false);
        if (!options.DryRun)
        {
            var level = (await from.Store.ReadCluster(cancellation).ConfigureAwait(false)).FeatureLevel;
            await to.Store.RaiseFeatureLevel(level, cancellation).ConfigureAwait(false);
            await to.Journal.MarkCopying(false, cancellation).ConfigureAwait(false);
        }
        return new CopyReport(
            from.Store.ShardCount, to.Store.ShardCount, heads.Count, before.Sum(static s => s.LastEvent),
            exports.Sum(static e => e.Snapshots.Count), exports.Sum(static e => e.Mail.Count), exports.Sum(static e => e.Timers.Count),
            exports.Sum(static e => e.Work.Count), exports.Sum(static e => e.Parked.Count), _replies,
            heads.Count(static h => h.Fault is not null), blobs, blobBytes, comparison.NotReplayed, resumed);
    }

    private EntityAddress Moved(EntityAddress entity) => _rewriter?.Address(entity) ?? entity;

    private StoredMessage Moved(in StoredMessage message) => _rewriter?.Message(message) ?? message;

    private TenantRewriter? RewriterOf(IReadOnlyList<HeadRow> heads)
    {
        if (options.AsTenant is not { } tenant) return null;
        var tenants = heads.Select(static h => h.Entity.Tenant).Distinct(StringComparer.Ordinal).ToList();
        if (tenants.Count > 1)
        {
            throw new StoreException(
                $"{from.Name} holds the tenants {string.Join(", ", tenants)}; only a journal of one tenant can be put under another name");
        }
        return tenants is [var only] && only != tenant ? new TenantRewriter(only, tenant, codec) : null;
    }

    /// <returns>Whether the rows are there already, from a copy that broke off after its transaction.</returns>
    private async Task<bool> CheckTarget(IReadOnlyList<HeadRow> heads, CancellationToken cancellation)
    {
        var nodes = await to.Store.ReadNodes(cancellation).ConfigureAwait(false);
        var now = await to.Store.Now(cancellation).ConfigureAwait(false);
        if (nodes.FirstOrDefault(n => n.LeaseUntil > now) is { } live)
            throw new StoreException($"{to.Name}: the node {live.Node} runs on it; stop all nodes, then copy");
        var there = (await to.Store.ListAllEntities(cancellation).ConfigureAwait(false)).Select(static h => h.Entity).ToHashSet();
        var marked = await to.Journal.IsCopying(cancellation).ConfigureAwait(false);
        if (marked && heads.Count > 0 && heads.All(h => there.Contains(Moved(h.Entity)))) return true;
        var tenants = heads.Select(h => Moved(h.Entity).Tenant).ToHashSet(StringComparer.Ordinal);
        if (there.FirstOrDefault(e => tenants.Contains(e.Tenant)) is { Tenant: not null } taken)
        {
            throw new StoreException(
                $"{to.Name} already holds entities of the tenant {taken.Tenant} ({taken}); copy into an empty store, or choose another "
                + "name with --as-tenant");
        }
        return false;
    }

    private async Task<(int Count, long Bytes)> CopyBlobs(CancellationToken cancellation)
    {
        var names = await ((IBlobList)from.Blobs).List(cancellation).ToListAsync(cancellation).ConfigureAwait(false);
        var (count, bytes) = (0, 0L);
        foreach (var name in names)
        {
            var content = await from.Blobs.Get(name, cancellation).ConfigureAwait(false);
            if (await to.Blobs.Put(content, cancellation).ConfigureAwait(false) != name)
                throw new DamageException($"blob {name}", "it has another SHA-256 in the target");
            bytes += content.Length;
            progress?.Invoke(new CopyProgress("blobs", ++count, names.Count));
        }
        await CopyOwners(names, cancellation).ConfigureAwait(false);
        return (count, bytes);
    }

    /// <summary>Blobs stay those of their tenants; under another name all of them, but for what is the cluster's own.</summary>
    private async Task CopyOwners(IReadOnlyList<string> names, CancellationToken cancellation)
    {
        if (to.Blobs is not IBlobOwners target) return;
        var owned = from.Blobs is IBlobOwners source ? await source.ListOwners(cancellation).ToListAsync(cancellation).ConfigureAwait(false) : [];
        foreach (var (hash, tenant) in owned)
        {
            var moved = tenant == BlobOwnership.TheCluster ? tenant : options.AsTenant ?? tenant;
            await target.Own(hash, moved, cancellation).ConfigureAwait(false);
        }
        if (options.AsTenant is not { } all || all == EntityAddress.DefaultTenant) return;
        var known = owned.Select(static o => o.Hash).ToHashSet(StringComparer.Ordinal);
        foreach (var hash in names.Where(n => !known.Contains(n))) await target.Own(hash, all, cancellation).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<ImportBatch> Batches(
        IReadOnlyList<ShardExport> exports, IReadOnlyList<ShardRow> shards, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var givenUp = await GivenUp(exports, cancellation).ConfigureAwait(false);
        yield return new ImportBatch
        {
            Anchors = [.. givenUp.Select(g => new AnchorRow(Moved(g.Key), 0, 1, g.Value.Number, g.Value.Hash))],
        };
        var ends = givenUp.ToDictionary(static g => g.Key, static g => g.Value.Hash);
        var (done, total) = (0L, shards.Sum(static s => s.LastEvent));
        var hashes = new Dictionary<(EntityAddress, long), ReadOnlyMemory<byte>>();
        var snapshots = exports.SelectMany(static e => e.Snapshots).ToDictionary(static s => s.Entity);
        var page = new List<JournalRow>(options.Page);
        await foreach (var row in Feeds(cancellation).ConfigureAwait(false))
        {
            done++;
            if (givenUp.TryGetValue(row.Entity, out var gone) && row.EntityNumber <= gone.Number) continue;
            var moved = Rehash(row, ends);
            if (_rewriter is not null && snapshots.TryGetValue(row.Entity, out var s) && s.EntityNumber == row.EntityNumber)
                hashes[(row.Entity, row.EntityNumber)] = moved.Hash;
            page.Add(moved);
            if (page.Count < options.Page) continue;
            yield return new ImportBatch { Events = [.. page] };
            page.Clear();
            progress?.Invoke(new CopyProgress("events", done, total));
        }
        yield return new ImportBatch { Events = [.. page] };
        progress?.Invoke(new CopyProgress("events", done, total));
        foreach (var export in exports) yield return Rest(export, ends, hashes);
        await foreach (var batch in Replies(cancellation).ConfigureAwait(false)) yield return batch;
    }

    /// <summary>All shards' feeds as one, by time, each in its own order: a reader of the new feeds sees the years in their order.</summary>
    private async IAsyncEnumerable<JournalRow> Feeds([EnumeratorCancellation] CancellationToken cancellation)
    {
        var next = new PriorityQueue<(IAsyncEnumerator<JournalRow> Feed, DateTimeOffset Time), (DateTimeOffset, int)>();
        var feeds = new List<IAsyncEnumerator<JournalRow>>();
        try
        {
            for (var shard = 0; shard < from.Store.ShardCount; shard++)
            {
                var feed = Feed(shard, cancellation).GetAsyncEnumerator(cancellation);
                feeds.Add(feed);
                if (await feed.MoveNextAsync().ConfigureAwait(false)) next.Enqueue((feed, feed.Current.Time), (feed.Current.Time, shard));
            }
            while (next.TryDequeue(out var first, out var order))
            {
                yield return first.Feed.Current;
                if (!await first.Feed.MoveNextAsync().ConfigureAwait(false)) continue;
                // A shard's order is its numbers', whatever its clock did.
                var time = first.Feed.Current.Time > first.Time ? first.Feed.Current.Time : first.Time;
                next.Enqueue((first.Feed, time), (time, order.Item2));
            }
        }
        finally
        {
            foreach (var feed in feeds) await feed.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<JournalRow> Feed(int shard, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var after = 0L;
        while (true)
        {
            var rows = await from.Store.ReadFeed(shard, after, options.Page, cancellation).ConfigureAwait(false);
            foreach (var row in rows) yield return row;
            if (rows.Count == 0) yield break;
            after = rows[^1].Number;
        }
    }

    private JournalRow Rehash(JournalRow row, Dictionary<EntityAddress, ReadOnlyMemory<byte>> ends)
    {
        if (_rewriter is null) return row;
        var (entity, message) = (Moved(row.Entity), Moved(row.Event));
        var previous = ends.GetValueOrDefault(row.Entity, EventHash.None);
        var hash = EventHash.Compute(entity, row.EntityNumber, message, previous.Span);
        ends[row.Entity] = hash;
        return row with { Entity = entity, Event = message, PreviousHash = previous, Hash = hash };
    }

    private ImportBatch Rest(
        ShardExport export, Dictionary<EntityAddress, ReadOnlyMemory<byte>> ends,
        Dictionary<(EntityAddress, long), ReadOnlyMemory<byte>> hashes)
    {
        if (_rewriter is null)
        {
            return new ImportBatch
            {
                Heads = [.. export.Heads],
                Snapshots = [.. export.Snapshots],
                Timers = [.. export.Timers],
                Mail = [.. export.Mail],
                Parked = [.. export.Parked],
                Work = [.. export.Work],
            };
        }
        return new ImportBatch
        {
            Heads = [.. export.Heads.Select(h => h with { Entity = Moved(h.Entity), Hash = ends.GetValueOrDefault(h.Entity, h.Hash) })],
            Snapshots = [.. export.Snapshots.Select(s => s with
            {
                Entity = Moved(s.Entity),
                State = Moved(s.State),
                EventHash = hashes.GetValueOrDefault((s.Entity, s.EntityNumber), s.EventHash),
            })],
            Timers = [.. export.Timers.Select(t => t with { Entity = Moved(t.Entity), Command = Moved(t.Command) })],
            Mail = [.. export.Mail.Select(Moved)],
            Parked = [.. export.Parked.Select(p => p with { Mail = Moved(p.Mail) })],
            Work = [.. export.Work.Select(w => w with { Work = w.Work with { Entity = Moved(w.Work.Entity), Spec = Moved(w.Work.Spec) } })],
            Origins = [.. export.Heads.Where(static h => h.EntityNumber > 0)
                .Select(h => new OriginRow(Moved(h.Entity), h.Entity, h.EntityNumber, h.Hash))],
        };
    }

    private MailRow Moved(MailRow row) => row with
    {
        To = Moved(row.To),
        Sender = row.Sender is { } sender ? Moved(sender) : null,
        Command = Moved(row.Command),
    };

    private async IAsyncEnumerable<ImportBatch> Replies([EnumeratorCancellation] CancellationToken cancellation)
    {
        KeptReply? last = null;
        while (true)
        {
            var page = await from.Journal.ExportReplies(last, options.Page, cancellation).ConfigureAwait(false);
            if (page.Count == 0) yield break;
            _replies += page.Count;
            yield return new ImportBatch
            {
                Replies = [.. page.Select(r => _rewriter is null ? r : r with
                {
                    Row = r.Row with { Tenant = _rewriter.Tenant(r.Row.Tenant), Reply = Moved(r.Row.Reply) },
                })],
            };
            last = page[^1];
        }
    }

    /// <summary>Where retention gave events up: the last one gone of each such entity.</summary>
    private async Task<Dictionary<EntityAddress, (long Number, ReadOnlyMemory<byte> Hash)>> GivenUp(
        IReadOnlyList<ShardExport> exports, CancellationToken cancellation)
    {
        var gone = new Dictionary<EntityAddress, (long, ReadOnlyMemory<byte>)>();
        var whole = (await from.Journal.ReadSegments(null, cancellation).ConfigureAwait(false)).ToDictionary(s => s.Id, s => s.State);
        foreach (var head in exports.SelectMany(static e => e.Heads))
        {
            var anchors = await from.Journal.ReadAnchors(head.Entity, cancellation).ConfigureAwait(false);
            if (anchors.LastOrDefault(a => whole.GetValueOrDefault(a.Segment, SegmentState.Dropped) != SegmentState.Whole) is { } end)
                gone[head.Entity] = (end.Last, end.Hash);
        }
        return gone;
    }

    private async Task CheckUnmoved(IReadOnlyList<ShardRow> before, CancellationToken cancellation)
    {
        var now = await from.Store.ReadShards(cancellation).ConfigureAwait(false);
        foreach (var (old, row) in before.Zip(now))
        {
            if (old.LastNumber != row.LastNumber || old.Epoch != row.Epoch)
            {
                throw new StoreException(
                    $"{from.Name}: shard {row.Shard} moved while it was copied; stop what writes to it and copy again into a fresh store");
            }
        }
    }
}
