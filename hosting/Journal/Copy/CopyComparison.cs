using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Copy;

/// <summary>
/// What a copy is compared by, entity by entity: number and hash of the last event, every link of both chains, and the hash of the state
/// that each journal gives by replay; then mailboxes, timers, work and parked messages as counts, and the target's own check of everything.
/// </summary>
internal sealed class CopyComparison(
    CopyEnd from, CopyEnd to, IReadOnlyList<IDecider> deciders, IMessageCodec codec, TenantRewriter? rewriter, bool dryRun,
    Action<CopyProgress>? progress)
{
    private readonly Dictionary<string, IDecider> _deciders = deciders.ToDictionary(static d => d.Family);
    private readonly List<string> _notReplayed = [];

    /// <summary>Entities whose chain was compared and whose state was not, with why.</summary>
    public IReadOnlyList<string> NotReplayed => _notReplayed;

    /// <exception cref="StoreException">The target holds other numbers of rows.</exception>
    /// <exception cref="DamageException">An entity is not in the target what it is in the source.</exception>
    public async Task Run(IReadOnlyList<HeadRow> heads, IReadOnlyList<ShardExport> exports, CancellationToken cancellation)
    {
        var done = 0;
        foreach (var head in heads)
        {
            await VerifyEntity(head.Entity, cancellation).ConfigureAwait(false);
            progress?.Invoke(new CopyProgress("verify", ++done, heads.Count));
        }
        if (dryRun) return;
        // A message may wait for an entity that has no head yet, so tenants tell what is of this copy.
        var tenants = heads.Select(static h => h.Entity)
            .Concat(exports.SelectMany(static e => e.Mail).Select(static m => m.To))
            .Concat(exports.SelectMany(static e => e.Parked).Select(static p => p.Mail.To))
            .Select(e => Moved(e).Tenant).ToHashSet(StringComparer.Ordinal);
        var counted = new int[4];
        for (var shard = 0; shard < to.Store.ShardCount; shard++)
        {
            var there = await to.Journal.ExportShard(shard, cancellation).ConfigureAwait(false);
            counted[0] += there.Mail.Count(m => tenants.Contains(m.To.Tenant));
            counted[1] += there.Timers.Count(t => tenants.Contains(t.Entity.Tenant));
            counted[2] += there.Parked.Count(p => tenants.Contains(p.Mail.To.Tenant));
            counted[3] += there.Work.Count(w => tenants.Contains(w.Work.Entity.Tenant));
        }
        int[] expected =
        [
            exports.Sum(static e => e.Mail.Count), exports.Sum(static e => e.Timers.Count), exports.Sum(static e => e.Parked.Count),
            exports.Sum(static e => e.Work.Count),
        ];
        if (!counted.SequenceEqual(expected))
        {
            throw new StoreException(
                $"{to.Name} holds {string.Join("/", counted)} messages/timers/parked/work items where the source holds "
                + $"{string.Join("/", expected)}; the copy stays marked as unfinished");
        }
        if (await to.Store.Verify(cancellation).FirstOrDefaultAsync(cancellation).ConfigureAwait(false) is { } damage)
            throw new DamageException(damage.Where, damage.What);
    }

    private async Task VerifyEntity(EntityAddress entity, CancellationToken cancellation)
    {
        var there = await from.Store.ReadEntity(entity, fromStart: true, cancellation).ConfigureAwait(false);
        var here = dryRun ? null : await to.Store.ReadEntity(Moved(entity), fromStart: true, cancellation).ConfigureAwait(false);
        if (here is not null) Compare(entity, there, here);
        if (!_deciders.TryGetValue(entity.Family, out var decider))
        {
            _notReplayed.Add($"{entity}: no rules are known for the family '{entity.Family}'");
            return;
        }
        Replayed old;
        try
        {
            old = Core.Replay.FromJournal(decider, codec, entity, there);
        }
        catch (DamageException e)
        {
            _notReplayed.Add($"{entity}: {e.Message}");
            return;
        }
        if (here is null) return;
        var now = Core.Replay.FromJournal(decider, codec, Moved(entity), here);
        var expected = rewriter is null ? old.StateHash : HashOf(rewriter.Message(codec.Encode(old.State)));
        if (now.StateHash != expected)
            throw new DamageException($"copy, {entity}", $"replay gives the state {now.StateHash} in the target and {expected} in the source");
    }

    private static string HashOf(in StoredMessage state) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(state.Body.Span));

    /// <summary>Link by link: what the target gives back is what the source holds, moved.</summary>
    private void Compare(EntityAddress entity, EntityHistory there, EntityHistory here)
    {
        var events = here.Events.ToDictionary(static e => e.EntityNumber);
        var first = here.Events.Count > 0 ? here.Events[0].EntityNumber : long.MaxValue;
        foreach (var old in there.Events)
        {
            if (!events.TryGetValue(old.EntityNumber, out var now))
            {
                if (old.EntityNumber < first && here.Begins > 1) continue;
                throw new DamageException($"copy, {entity} event {old.EntityNumber}", "it is missing in the target");
            }
            var message = rewriter?.Message(old.Event) ?? old.Event;
            var same = now.Event.Kind == message.Kind && now.Event.Version == message.Version
                && now.Event.Body.Span.SequenceEqual(message.Body.Span) && now.Time == old.Time && now.Principal == old.Principal
                && now.TraceParent == old.TraceParent && (rewriter is not null || now.Hash.Span.SequenceEqual(old.Hash.Span));
            if (!same) throw new DamageException($"copy, {entity} event {old.EntityNumber}", "it is another event in the target");
        }
        if (there.Head?.EntityNumber != here.Head?.EntityNumber || there.Head?.Fault != here.Head?.Fault
            || there.Head?.Awaits != here.Head?.Awaits)
        {
            throw new DamageException($"copy, {entity}", $"its head is {here.Head} in the target and {there.Head} in the source");
        }
    }

    private EntityAddress Moved(EntityAddress entity) => rewriter?.Address(entity) ?? entity;
}
