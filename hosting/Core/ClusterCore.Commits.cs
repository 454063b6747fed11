using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Core;

/// <summary>
/// Group commit. A shard has one commit in flight and one batch gathering; a writer has one call in flight, with the batches of all its
/// shards. While a call is under way the next batches fill, so the number of messages in a commit follows the store's latency.
/// </summary>
internal sealed partial class ClusterCore
{
    private readonly bool[] _writerBusy;
    private readonly SortedSet<int>[] _dirty;

    private int WriterOf(Shard shard) => shard.Number % _options.Writers;

    /// <summary>The batch that takes rows now.</summary>
    private Batch Gather(Shard shard)
    {
        _dirty[WriterOf(shard)].Add(shard.Number);
        return shard.Gathering ??= new Batch(shard, shard.Last + (shard.InFlight is null ? 1 : 2));
    }

    private static void Join(Batch batch, Entity entity)
    {
        if (!batch.Members.Add(entity)) return;
        batch.Entities.Add(entity);
        entity.Uncommitted++;
    }

    private void FlushCommits()
    {
        for (var writer = 0; writer < _options.Writers; writer++)
        {
            if (_writerBusy[writer] || _dirty[writer].Count == 0) continue;
            var batches = new List<Batch>();
            foreach (var number in _dirty[writer])
            {
                if (_shards[number] is not { Gathering: { HasRows: true } batch, InFlight: null } shard || !shard.IsHeld) continue;
                batches.Add(batch);
            }
            _dirty[writer].Clear();
            if (batches.Count > 0) Send(writer, batches);
        }
    }

    private void Send(int writer, List<Batch> batches)
    {
        _writerBusy[writer] = true;
        var parts = System.Collections.Immutable.ImmutableArray.CreateBuilder<ShardCommit>(batches.Count);
        foreach (var batch in batches)
        {
            batch.Shard.Gathering = null;
            batch.Shard.InFlight = batch;
            batch.SentAt = _step;
            parts.Add(Seal(batch));
        }
        Do(new CoreAction.Commit(Expect(outcome =>
        {
            _writerBusy[writer] = false;
            foreach (var batch in batches)
            {
                batch.Shard.InFlight = null;
                Conclude(batch, outcome);
                // What was gathered meanwhile goes with the next call.
                if (_shards[batch.Shard.Number] is { Gathering: not null } shard) _dirty[WriterOf(shard)].Add(shard.Number);
            }
        }), writer, parts.MoveToImmutable()));
    }

    private ShardCommit Seal(Batch batch)
    {
        var shard = batch.Shard;
        var heads = System.Collections.Immutable.ImmutableArray.CreateBuilder<HeadRow>();
        foreach (var entity in batch.Entities)
        {
            batch.Sealed.Add((entity.State, entity.Number));
            if (batch.WithEvents.Contains(entity))
                heads.Add(new HeadRow(shard.Number, entity.Address, entity.Number, entity.Hash, entity.Awaits.Count > 0, null,
                    entity.Time));
        }
        return new ShardCommit(shard.Number, _options.Node, shard.Epoch, batch.Number - 1)
        {
            Events = [.. batch.Events],
            Mail = [.. batch.Mail],
            Handled = [.. batch.Handled],
            Parked = [.. batch.Parked],
            Unparked = [.. batch.Unparked],
            TimersSet = [.. batch.Timers.Values.OfType<TimerRow>()],
            TimersRemoved = [.. batch.Timers.Where(static timer => timer.Value is null).Select(static timer => timer.Key)],
            Work = [.. batch.Work],
            WorkCancelled = [.. batch.WorkCancelled],
            Replies = [.. batch.Replies],
            Heads = heads.DrainToImmutable(),
            Faults = [.. batch.Faults.Select(static fault => new FaultRow(fault.Key, fault.Value))],
            Snapshots = [.. batch.Snapshots.Values],
        };
    }

    private void Conclude(Batch batch, CoreInput outcome)
    {
        var shard = batch.Shard;
        switch (outcome)
        {
            case CoreInput.CommitDone done:
                var result = done.Results.FirstOrDefault(result => result.Shard == shard.Number);
                if (result is { Accepted: true }) Accepted(batch);
                else if (result is { Failure: { } reason }) Failed(batch, reason);
                else Rejected(batch, result?.Actual);
                break;
            case CoreInput.CommitFailed failed:
                Failed(batch, failed.Reason);
                break;
            case CoreInput.CommitUnknown unknown:
                Note(NoteLevel.Warning, $"the outcome of a commit of shard {shard.Number} is not known: {unknown.Reason}");
                if (shard.Dropped) RefuseBatch(batch, Refusal.Unavailable, unknown.Reason);
                else
                {
                    foreach (var (item, _) in batch.Waiters) shard.Unsettled.Add(item);
                    foreach (var (ask, _) in batch.Others) Refuse(ask, Refusal.Unavailable, unknown.Reason);
                    Reopen(shard, settle: _options.Bug != CoreBug.AnsweredUnsettled, unknown.Reason);
                }
                break;
        }
    }

    private void Failed(Batch batch, string reason)
    {
        Note(NoteLevel.Error, $"a commit of shard {batch.Shard.Number} failed: {reason}");
        RefuseBatch(batch, Refusal.Unavailable, reason);
        if (!batch.Shard.Dropped) Reopen(batch.Shard, settle: false, reason);
    }

    private void Rejected(Batch batch, ShardRow? actual)
    {
        var shard = batch.Shard;
        var reason = actual is null
            ? "the commit was rejected"
            : $"the commit was rejected: the shard is at {actual.LastNumber} in epoch {actual.Epoch}, owned by {actual.Owner ?? "nobody"}";
        var ours = actual is not null && actual.Owner == _options.Node && actual.Epoch == shard.Epoch;
        // The fence was passed. What this term knows of its mailbox was taken back by a fail-over of the store, so it ends and reads again;
        // the messages that are there no more were never told, or are told anew by their senders.
        if (ours && actual!.LastNumber == batch.Number - 1)
        {
            reason = $"the commit was rejected: the mailbox of shard {shard.Number} does not hold a message any more that was handled in it";
            Note(NoteLevel.Warning, reason);
        }
        RefuseBatch(batch, ours ? Refusal.Unavailable : Refusal.NotOwner, reason);
        if (shard.Dropped) return;
        if (ours) Reopen(shard, settle: true, reason);
        else Lose(shard, reason);
    }

    private void RefuseBatch(Batch batch, Refusal why, string reason)
    {
        foreach (var (item, _) in batch.Waiters) RefuseItem(item, why, reason);
        foreach (var (ask, _) in batch.Others) Refuse(ask, why, reason);
    }

    /// <summary>Confirmed: now, and only now, what the batch holds is told to anybody. Replies are true even if the term is over.</summary>
    private void Accepted(Batch batch)
    {
        foreach (var (item, reply) in batch.Waiters) AnswerItem(item, reply);
        foreach (var (ask, _) in batch.Others) Answer(ask, new Protocol.Done());
        if (batch.Work.Count > 0)
            Do(new CoreAction.WorkOffered([.. batch.Work.Select(static work => work.Pool).Distinct().Order(StringComparer.Ordinal)]));
        if (batch.WorkCancelled.Count > 0) Do(new CoreAction.WorkCancelled([.. batch.WorkCancelled]));
        var shard = batch.Shard;
        if (!shard.Dropped) Confirm(shard, batch);
        foreach (var (to, signal) in batch.Signals ?? []) Send(to, signal);
        Deliver(batch);
        ReleaseIfFlushed(shard);
    }

    private void Confirm(Shard shard, Batch batch)
    {
        shard.Last = batch.Number;
        shard.Failures = 0;
        Forget(shard, batch.Handled);
        if (batch.Parked.Count > 0) Forget(shard, batch.Parked.Select(static parked => parked.Mail.Id));
        for (var i = 0; i < batch.Entities.Count; i++)
        {
            var entity = batch.Entities[i];
            entity.Uncommitted--;
            if (entity.Phase is not (EntityPhase.Faulted or EntityPhase.Reading)
                && batch.Sealed[i] is { State: { } state, Number: var number })
                (entity.Committed, entity.CommittedNumber) = (state, number);
            if (entity.Uncommitted > 0) continue;
            if (entity.RebuildWhenCommitted) Rebuild(entity);
            else if (entity.PassivateWhenCommitted && entity.IsIdle) Unload(entity);
        }
        foreach (var (_, repaired) in batch.Others)
        {
            if (repaired is not null) Repaired(repaired);
        }
        if (shard.Phase == ShardPhase.Settling) Opened(shard);
        foreach (var entity in shard.Blocked) Wake(entity);
        shard.Blocked.Clear();
    }
}
