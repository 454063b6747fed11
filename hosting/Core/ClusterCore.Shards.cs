using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Core;

/// <summary>
/// A shard's term from its claim to its end. All ways out of a term go through <see cref="Drop"/>, which forgets everything: what was
/// committed is in the store, and what was not never happened.
/// </summary>
internal sealed partial class ClusterCore
{
    private void Open(Shard shard)
    {
        shard.Phase = ShardPhase.Opening;
        Do(new CoreAction.OpenShard(Expect(outcome =>
        {
            if (shard.Dropped) return;
            if (outcome is not CoreInput.ShardOpened { Contents: var contents })
            {
                var reason = ((CoreInput.StoreFailed)outcome).Reason;
                shard.Failures++;
                Note(NoteLevel.Warning, $"shard {shard.Number} could not be opened: {reason}");
                After(Backoff(_options.StoreRetry, shard.Failures), () =>
                {
                    if (!shard.Dropped) Open(shard);
                });
            }
            else if (contents.Row.Owner != _options.Node || contents.Row.Epoch != shard.Epoch)
            {
                Lose(shard, $"it is owned by {contents.Row.Owner ?? "nobody"} in epoch {contents.Row.Epoch}");
            }
            else
            {
                Fill(shard, contents);
            }
        }), shard.Number));
    }

    private void Fill(Shard shard, ShardContents contents)
    {
        shard.Last = contents.Row.LastNumber;
        shard.LastEvent = contents.Row.LastEvent;
        foreach (var row in contents.Timers) Arm(shard, row);
        foreach (var head in contents.Faulted)
        {
            var entity = EntityIn(shard, head.Entity);
            entity.Phase = EntityPhase.Faulted;
            entity.FaultReason = head.Fault;
        }
        if (shard.MustSettle)
        {
            shard.Phase = ShardPhase.Settling;
            Gather(shard).Forced = true;
        }
        else Opened(shard);
        if (!_options.Wakes) return;
        foreach (var head in contents.Wake) Recover(EntityIn(shard, head.Entity));
    }

    /// <summary>Nothing of an earlier term can land any more; messages are handled from here on.</summary>
    private void Opened(Shard shard)
    {
        shard.Phase = ShardPhase.Open;
        shard.OpenedAt = shard.DirtyAt = _step;
        shard.WantsMail = true;
        Settle(shard);
        ServeWaiting(shard.Number);
        foreach (var entity in shard.Entities.Values) Wake(entity);
        if (_draining) Stop(shard);
    }

    /// <summary>Hand-over, first step: no more messages; what is gathered is committed, then the shard is released.</summary>
    private void Stop(Shard shard)
    {
        shard.Phase = ShardPhase.Stopping;
        ReleaseIfFlushed(shard);
    }

    private void ReleaseIfFlushed(Shard shard)
    {
        if (shard.Dropped || shard.Phase != ShardPhase.Stopping || shard.InFlight is not null
            || shard.Gathering is { HasRows: true }) return;
        Abandon(shard, Refusal.NotOwner, "the shard is being handed over");
        Release(shard);
    }

    private void Lose(Shard shard, string reason)
    {
        Note(NoteLevel.Warning, $"shard {shard.Number} (epoch {shard.Epoch}) is lost: {reason}");
        Drop(shard, Refusal.NotOwner, reason);
        ServeWaiting(shard.Number);
        RequestView();
    }

    /// <summary>Ends a term. Clients are sent away to ask again; a commit in flight still answers its own when it is confirmed.</summary>
    private void Drop(Shard shard, Refusal why, string reason)
    {
        if (shard.Dropped) return;
        shard.Dropped = true;
        if (ReferenceEquals(_shards[shard.Number], shard)) _shards[shard.Number] = null;
        Abandon(shard, why, reason);
        UpdateSafeUntil();
    }

    /// <summary>Begins anew within the same epoch, from what the store holds.</summary>
    /// <param name="settle">Whether a commit of unknown outcome may still land.</param>
    private void Reopen(Shard shard, bool settle, string reason)
    {
        var wasStopping = shard.Phase == ShardPhase.Stopping;
        var failures = shard.Failures + 1;
        var unsettled = shard.Unsettled.ToList();
        shard.Unsettled.Clear();
        Drop(shard, Refusal.Unavailable, reason);
        var anew = new Shard(shard.Number)
        {
            Phase = ShardPhase.Opening,
            Epoch = shard.Epoch,
            SafeUntil = shard.SafeUntil,
            MustSettle = settle || shard.MustSettle,
            Failures = failures,
        };
        anew.Unsettled.AddRange(unsettled);
        _shards[shard.Number] = anew;
        UpdateSafeUntil();
        if (wasStopping)
        {
            // Released without settling: who asks again under a key asks the next owner, whose epoch fences what is still under way.
            Abandon(anew, Refusal.NotOwner, reason);
            Release(anew);
        }
        else if (settle && failures == 1) Open(anew);
        else
        {
            After(Backoff(_options.StoreRetry, failures), () =>
            {
                if (!anew.Dropped) Open(anew);
            });
        }
    }

    /// <summary>Sends away everybody who waits for something of this term that is not in a commit under way.</summary>
    private void Abandon(Shard shard, Refusal why, string reason)
    {
        var owner = why == Refusal.NotOwner ? OtherOwnerOf(shard.Number) : null;
        if (shard.Gathering is { } gathering)
        {
            foreach (var (item, _) in gathering.Waiters) RefuseItem(item, why, reason, owner);
            foreach (var (ask, _) in gathering.Others) Refuse(ask, why, reason, owner);
            shard.Gathering = null;
        }
        foreach (var item in shard.Unsettled) RefuseItem(item, why, reason, owner);
        shard.Unsettled.Clear();
        foreach (var entity in shard.Entities.Values)
        {
            CancelComputes(entity);
            foreach (var item in entity.AllItems().OfType<ClientItem>()) RefuseItem(item, why, reason, owner);
            foreach (var (ask, _) in entity.Queries ?? []) Refuse(ask, why, reason, owner);
            if (entity.Repair is { } repair) Refuse(repair, why, reason, owner);
            Unlist(entity);
            if (entity.Phase == EntityPhase.Reading) ReadingEnded(entity);
        }
        shard.Entities.Clear();
        shard.Timers.Clear();
        shard.Known.Clear();
        shard.Blocked.Clear();
    }

    private void RefuseItem(ClientItem item, Refusal why, string reason, string? owner = null)
    {
        GiveUp(item);
        foreach (var ask in item.Asks) Refuse(ask, why, reason, owner);
    }
}
