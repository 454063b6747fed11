using System.Collections.Immutable;
using System.Diagnostics;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Telemetry;

namespace Athanor.Hosting.Runtime;

/// <summary>Carries the core's store actions out and posts their one outcome each. Calls run on the thread pool; the core sees to it that
/// a writer has one commit at a time.</summary>
/// <param name="seen">Told what a reading of the tables showed, and between which moments of this node's clock.</param>
internal sealed class StoreActions(
    IStore store, string node, Func<string> address, TimeProvider time, Action<CoreInput> post,
    Action<CoreInput.OwnershipRead, DateTimeOffset, DateTimeOffset> seen)
{
    private const int MostLookUps = 256;

    private readonly List<CoreAction.FindReply> _lookUps = [];
    private bool _lookingUp;
    private int _inFlight;
    private string? _lastFailure;

    /// <summary>Store calls under way.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Why the last commit failed; null after one that did not.</summary>
    public string? LastFailure => Volatile.Read(ref _lastFailure);

    /// <returns>Whether the action was one of the store's.</returns>
    public bool TryExecute(CoreAction action)
    {
        switch (action)
        {
            case CoreAction.Commit a:
                Start(() => Commit(a));
                return true;
            case CoreAction.ReadOwnership a:
                Start(() => Outcome(a.Id, () => ReadOwnership(a.Id)));
                return true;
            case CoreAction.RenewNode a:
                Start(() => Outcome(a.Id, async () =>
                {
                    await store.RenewNode(node, address(), a.Roles, a.Lease, CancellationToken.None).ConfigureAwait(false);
                    return new CoreInput.NodeRenewed(a.Id);
                }));
                return true;
            case CoreAction.RemoveNode a:
                Start(() => Outcome(a.Id, async () =>
                {
                    await store.RemoveNode(node, CancellationToken.None).ConfigureAwait(false);
                    return new CoreInput.NodeRemoved(a.Id);
                }));
                return true;
            case CoreAction.Claim a:
                Start(() => Outcome(a.Id, async () => new CoreInput.Claimed(
                    a.Id, await store.Claim(a.Shard, node, a.Seen, a.Lease, CancellationToken.None).ConfigureAwait(false))));
                return true;
            case CoreAction.RenewShards a:
                Start(() => Outcome(a.Id, async () => new CoreInput.ShardsRenewed(
                    a.Id, [.. await store.RenewShards(node, a.Shards, a.Lease, CancellationToken.None).ConfigureAwait(false)])));
                return true;
            case CoreAction.Release a:
                Start(() => Outcome(a.Id, async () =>
                {
                    await store.Release(a.Shard, node, a.Epoch, CancellationToken.None).ConfigureAwait(false);
                    return new CoreInput.Released(a.Id);
                }));
                return true;
            case CoreAction.OpenShard a:
                Start(() => Outcome(a.Id, async () => new CoreInput.ShardOpened(
                    a.Id, await store.OpenShard(a.Shard, CancellationToken.None).ConfigureAwait(false))));
                return true;
            case CoreAction.CheckShard a:
                Start(() => Outcome(a.Id, async () => new CoreInput.ShardChecked(
                    a.Id, (await store.ReadShards(CancellationToken.None).ConfigureAwait(false)).Single(r => r.Shard == a.Shard))));
                return true;
            case CoreAction.ReadEntity a:
                Start(() => Outcome(a.Id, () => ReadEntity(a)));
                return true;
            case CoreAction.ReadMail a:
                Start(() => Outcome(a.Id, async () => new CoreInput.MailRead(
                    a.Id, [.. await store.ReadMail(a.Shards, a.Limit, CancellationToken.None).ConfigureAwait(false)])));
                return true;
            case CoreAction.FindReply a:
                LookUp(a);
                return true;
            case CoreAction.FindParked a:
                Start(() => Outcome(a.Id, async () => new CoreInput.ParkedFound(
                    a.Id, (await store.ReadParked(CancellationToken.None).ConfigureAwait(false))
                        .FirstOrDefault(row => row.Mail.Shard == a.Shard && row.Mail.Id == a.Row))));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Keys are looked up one call at a time: those that come while one is under way share the next.</summary>
    private void LookUp(CoreAction.FindReply action)
    {
        lock (_lookUps)
        {
            _lookUps.Add(action);
            if (_lookingUp) return;
            _lookingUp = true;
        }
        _ = Task.Run(LookUpAll);
    }

    private async Task LookUpAll()
    {
        while (true)
        {
            List<CoreAction.FindReply> wanted;
            lock (_lookUps)
            {
                _lookingUp = _lookUps.Count > 0;
                if (!_lookingUp) return;
                var count = Math.Min(_lookUps.Count, MostLookUps);
                wanted = _lookUps.GetRange(0, count);
                _lookUps.RemoveRange(0, count);
            }
            Interlocked.Increment(ref _inFlight);
            try
            {
                var rows = await store.FindReplies([.. wanted.Select(static a => (a.Tenant, a.Key))], CancellationToken.None)
                    .ConfigureAwait(false);
                for (var i = 0; i < wanted.Count; i++) post(new CoreInput.ReplyFound(wanted[i].Id, rows[i]));
            }
            catch (Exception e)
            {
                foreach (var action in wanted) post(new CoreInput.StoreFailed(action.Id, e.Message));
            }
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private void Start(Func<Task<CoreInput>> call)
    {
        Interlocked.Increment(ref _inFlight);
        _ = Task.Run(async () =>
        {
            var outcome = await call().ConfigureAwait(false);
            Interlocked.Decrement(ref _inFlight);
            post(outcome);
        });
    }

    private static async Task<CoreInput> Outcome(long id, Func<Task<CoreInput>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was, the core must hear of it: an action without an outcome would hold its shard for ever.
            return new CoreInput.StoreFailed(id, e.Message);
        }
    }

    private async Task<CoreInput> Commit(CoreAction.Commit commit)
    {
        var begun = time.GetTimestamp();
        using var span = AthanorTelemetry.Start("commit", ActivityKind.Client, TraceOf(commit.Parts), "commit");
        try
        {
            var results = await store.Commit(commit.Parts, CancellationToken.None).ConfigureAwait(false);
            AthanorTelemetry.Committed(results.Count, results.Count(r => !r.Accepted), time.GetElapsedTime(begun));
            Volatile.Write(ref _lastFailure, null);
            return new CoreInput.CommitDone(commit.Id, [.. results]);
        }
        catch (CommitUnknownException e)
        {
            return Failed(e, new CoreInput.CommitUnknown(commit.Id, e.Message));
        }
        catch (StoreException e)
        {
            return Failed(e, new CoreInput.CommitFailed(commit.Id, e.Message));
        }
        catch (Exception e)
        {
            // Not a failure that the store vouches for: it may have happened after the commit.
            return Failed(e, new CoreInput.CommitUnknown(commit.Id, e.Message));
        }

        CoreInput Failed(Exception e, CoreInput outcome)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            Volatile.Write(ref _lastFailure, e.Message);
            return outcome;
        }
    }

    private async Task<CoreInput> ReadOwnership(long id)
    {
        // In this order: a lease read later is at most longer than the time read first says.
        var before = time.GetUtcNow();
        var now = await store.Now(CancellationToken.None).ConfigureAwait(false);
        var after = time.GetUtcNow();
        var nodes = await store.ReadNodes(CancellationToken.None).ConfigureAwait(false);
        var shards = await store.ReadShards(CancellationToken.None).ConfigureAwait(false);
        var read = new CoreInput.OwnershipRead(id, now, [.. nodes], [.. shards]);
        seen(read, before, after);
        return read;
    }

    private async Task<CoreInput> ReadEntity(CoreAction.ReadEntity action)
    {
        try
        {
            return new CoreInput.EntityRead(
                action.Id, await store.ReadEntity(action.Entity, action.FromStart, CancellationToken.None).ConfigureAwait(false));
        }
        catch (DamageException e)
        {
            return new CoreInput.EntityDamaged(action.Id, e.Message);
        }
    }

    /// <summary>A commit serves many commands; its span hangs under the first that is traced.</summary>
    private static string? TraceOf(ImmutableArray<ShardCommit> parts)
    {
        foreach (var part in parts)
        {
            foreach (var row in part.Events)
            {
                if (row.TraceParent is { } trace) return trace;
            }
        }
        return null;
    }
}
