using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Feeds;

/// <summary>How far a generation of a projection is.</summary>
/// <param name="Lag">Events that it has not seen yet, over all shards.</param>
public sealed record ProjectionLag(string Name, int Generation, bool Live, long Events, long Lag, long Skipped);

/// <summary>
/// Runs projections over feeds. Each (projection, generation, shard) has a stored offset that moves with the rows in one transaction and only
/// from where it was read; so several runners do each other no harm, and one that dies loses nothing.
///
/// Nothing is left out in silence. A feed is gap-free by construction; where a number is missing all the same (a damaged row, history that
/// was given up) the runner counts it in the offset, in the metric <c>athanor.feed.skipped</c> and by an error, and goes on. What it cannot
/// read now but may read later (a blob that is away) holds it where it is.
///
/// A rebuild makes the next generation from zero beside the live one, which readers keep until the new one has caught up and is swapped in.
/// </summary>
public sealed class ProjectionRunner(IStore store, IReadOnlyList<IProjection> projections, MessageRegistry messages, Action<string>? error = null)
{
    private const int Page = 500;

    private readonly IJournalStore _journal = (IJournalStore)store;

    public IReadOnlyList<IProjection> Projections => projections;

    /// <summary>Takes the live generation of every projection one page further in the shards given.</summary>
    /// <returns>Events seen; 0 when all have caught up.</returns>
    public async Task<long> Step(IReadOnlyCollection<int> shards, CancellationToken cancellation)
    {
        var offsets = await _journal.ReadOffsets(cancellation).ConfigureAwait(false);
        var ends = (await store.ReadShards(cancellation).ConfigureAwait(false)).ToDictionary(static s => s.Shard, static s => s.LastEvent);
        var seen = 0L;
        foreach (var projection in projections)
        {
            var mine = offsets.Where(o => o.Name == projection.Name).ToList();
            var generation = mine.FirstOrDefault(static o => o.Live)?.Generation ?? 1;
            foreach (var shard in shards)
            {
                var offset = mine.FirstOrDefault(o => o.Generation == generation && o.Shard == shard)?.Offset ?? 0;
                if (ends.GetValueOrDefault(shard) > offset)
                    seen += await Step(projection, generation, shard, offset, ends[shard], cancellation).ConfigureAwait(false);
            }
        }
        return seen;
    }

    /// <summary>Makes the projection anew from zero and gives it to readers. One that broke off is begun again.</summary>
    /// <param name="progress">Takes (events seen, events in all).</param>
    public async Task Rebuild(string name, Action<long, long>? progress, CancellationToken cancellation)
    {
        var projection = projections.FirstOrDefault(p => p.Name == name)
            ?? throw new StoreException($"there is no projection {name}; there are {string.Join(", ", projections.Select(static p => p.Name))}");
        var mine = (await _journal.ReadOffsets(cancellation).ConfigureAwait(false)).Where(o => o.Name == name).ToList();
        foreach (var left in mine.Where(static o => !o.Live).Select(static o => o.Generation).Distinct())
            await _journal.DropProjection(name, left, cancellation).ConfigureAwait(false);
        var generation = mine.Count == 0 ? 1 : mine.Max(static o => o.Generation) + 1;
        var (seen, offsets) = (0L, new Dictionary<int, long>());
        while (true)
        {
            var rows = await store.ReadShards(cancellation).ConfigureAwait(false);
            var behind = rows.Where(r => r.LastEvent > offsets.GetValueOrDefault(r.Shard)).ToList();
            if (behind.Count == 0) break;
            foreach (var row in behind)
            {
                var from = offsets.GetValueOrDefault(row.Shard);
                offsets[row.Shard] = from + await Step(projection, generation, row.Shard, from, row.LastEvent, cancellation).ConfigureAwait(false);
                seen += offsets[row.Shard] - from;
                progress?.Invoke(seen, rows.Sum(static r => r.LastEvent));
            }
        }
        await _journal.SwapProjection(name, generation, cancellation).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<ProjectionLag>> Lag(CancellationToken cancellation)
    {
        var offsets = await _journal.ReadOffsets(cancellation).ConfigureAwait(false);
        var total = (await store.ReadShards(cancellation).ConfigureAwait(false)).Sum(static s => s.LastEvent);
        var lags = offsets.Where(static o => !o.Name.StartsWith("cluster.", StringComparison.Ordinal))
            .GroupBy(static o => (o.Name, o.Generation))
            .Select(g => new ProjectionLag(
                g.Key.Name, g.Key.Generation, g.First().Live, g.Sum(static o => o.Offset), total - g.Sum(static o => o.Offset),
                g.Sum(static o => o.Skipped))).ToList();
        lags.AddRange(projections.Where(p => lags.TrueForAll(l => l.Name != p.Name))
            .Select(p => new ProjectionLag(p.Name, 0, true, 0, total, 0)));
        return lags;
    }

    /// <summary>Rows of the live generation, by key.</summary>
    public async Task<IReadOnlyList<ProjectionRow>> Read(string name, string from, string to, int limit, CancellationToken cancellation)
    {
        var live = (await _journal.ReadOffsets(cancellation).ConfigureAwait(false)).FirstOrDefault(o => o.Name == name && o.Live);
        return live is null ? [] : await _journal.ReadRows(name, live.Generation, from, to, limit, cancellation).ConfigureAwait(false);
    }

    /// <returns>By how much the offset moved; 0 if somebody else moved it.</returns>
    private async Task<long> Step(
        IProjection projection, int generation, int shard, long offset, long end, CancellationToken cancellation)
    {
        var rows = await store.ReadFeed(shard, offset, Page, cancellation).ConfigureAwait(false);
        var page = new ProjectionPage(_journal, projection.Name, generation, messages);
        var (last, skipped) = (offset, 0L);
        foreach (var row in rows)
        {
            if (row.Number > last + 1) Skip(last + 1, row.Number - 1);
            await projection.Apply(row, page, cancellation).ConfigureAwait(false);
            last = row.Number;
        }
        // The end was read before the feed: what the feed does not have up to there it will never have.
        if (rows.Count < Page && last < end)
        {
            Skip(last + 1, end);
            last = end;
        }
        var step = new ProjectionStep(
            projection.Name, generation, shard, offset, last, skipped, [.. page.Written], [.. page.Removed]);
        if (!await _journal.Project(step, cancellation).ConfigureAwait(false)) return 0;
        JournalTelemetry.Events(projection.Name, rows.Count);
        return last - offset;

        void Skip(long from, long to)
        {
            skipped += to - from + 1;
            JournalTelemetry.Skipped(projection.Name, to - from + 1);
            error?.Invoke($"projection {projection.Name}: events {from} to {to} of shard {shard} are not in the feed and were left out");
        }
    }
}
