using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Core;

/// <summary>
/// Who should own what, and leases. Level-triggered: each reading of the tables is judged by itself, and what is not as it should be is
/// moved one step nearer; a lost or late outcome costs one more reading.
///
/// A shard belongs to the live node with the highest SHA-256(node, shard) that is not full (rendezvous hashing with bounded loads: a node
/// that comes or goes moves little more than its own share, and none has over a quarter more than an equal part). That node claims it when it is free or its lease has ended; an owner that is not that node hands it over, a few at a time, and
/// only once the set of live nodes has been the same for a while.
///
/// Leases end by the store's clock. This node counts from the moment at which it asked, by its own clock, less a margin; past that it acts
/// no more for the shard, whatever the store may say later, and comes back under a new epoch. A shard that the table gives to this node
/// but that it does not hold (a claim whose outcome was lost, a restart) is given back and claimed anew: epochs are never reused.
/// </summary>
internal sealed partial class ClusterCore
{
    private readonly Dictionary<(string Node, int Shard), ulong> _scores = [];
    private ImmutableArray<string> _roles;
    private ImmutableArray<string> _live = [];
    private readonly string?[] _placement;
    private ImmutableArray<string> _placed = [];
    private bool _placedWithout;
    private ShardRow?[] _rows = [];
    private TimeSpan? _viewAt;
    private TimeSpan _liveSince;
    private TimeSpan _nextRenew;
    private TimeSpan _nextView = TimeSpan.MaxValue;
    private TimeSpan _nextMoves;
    private TimeSpan _safeUntil = TimeSpan.MaxValue;
    private bool _renewing;
    private bool _renewingNode;
    private int _nodeFailures;
    private int _shardFailures;
    private ulong _jitter;
    private bool _viewing;
    private TimeSpan _viewAskedAt;
    private bool _draining;
    private bool _drained;
    private bool _lockless;

    private string? OwnerOf(int number) => number < _rows.Length ? _rows[number]?.Owner : null;

    private string? OtherOwnerOf(int number) => OwnerOf(number) is { } owner && owner != _options.Node ? owner : null;

    /// <summary>The node that should own the shard, of those that were live when the tables were last read.</summary>
    private string? Desired(int number)
    {
        // The tables may still show this node as one that takes shards when it takes none any more.
        var takesNone = _draining || _lockless;
        if (!_placed.Equals(_live) || _placedWithout != takesNone) Place(takesNone);
        return _placement[number];
    }

    private void Place(bool withoutThis)
    {
        (_placed, _placedWithout) = (_live, withoutThis);
        var nodes = withoutThis ? _live.Remove(_options.Node) : _live;
        Array.Clear(_placement);
        if (nodes.IsEmpty) return;
        var most = (int)Math.Ceiling(1.25 * _options.ShardCount / nodes.Length);
        var loads = new int[nodes.Length];
        for (var number = 0; number < _placement.Length; number++)
        {
            var best = -1;
            var highest = 0UL;
            for (var i = 0; i < nodes.Length; i++)
            {
                if (loads[i] >= most) continue;
                var score = Score(nodes[i], number);
                if (best < 0 || score > highest) (best, highest) = (i, score);
            }
            loads[best]++;
            _placement[number] = nodes[best];
        }
    }

    private ulong Score(string node, int number)
    {
        if (_scores.TryGetValue((node, number), out var score)) return score;
        score = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{node}\n{number}")));
        _scores.Add((node, number), score);
        return score;
    }

    private TimeSpan SafeFrom(TimeSpan asked) => asked + _options.Lease - _options.LeaseMargin;

    /// <summary>Ends the terms whose lease was not renewed in time by this node's own clock, before anything else is done.</summary>
    private void FallSilentIfLate()
    {
        if (_now < _safeUntil) return;
        foreach (var shard in _shards)
        {
            if (shard is null || shard.Phase == ShardPhase.Claiming || _now < shard.SafeUntil) continue;
            Note(NoteLevel.Warning, $"the lease of shard {shard.Number} (epoch {shard.Epoch}) was not renewed in time; falling silent");
            Drop(shard, Refusal.Unavailable, "the node's lease was not renewed in time");
            RequestView();
        }
        UpdateSafeUntil();
    }

    /// <summary>Others may take this node's shards from now on, whatever their leases say.</summary>
    private void LoseLock(string reason)
    {
        if (_lockless) return;
        _lockless = true;
        Note(NoteLevel.Warning, $"the node's session lock is lost: {reason}; falling silent");
        foreach (var shard in _shards)
        {
            if (shard is not null) Drop(shard, Refusal.Unavailable, "the node's session lock is lost");
        }
        for (var number = 0; number < _waiting.Length; number++) ServeWaiting(number);
        // Others take the shards the sooner, the sooner they see that this node takes none.
        _nextRenew = _now;
    }

    private void RegainLock()
    {
        if (!_lockless) return;
        _lockless = false;
        _nextRenew = _now;
        RequestView();
    }

    private void UpdateSafeUntil()
    {
        _safeUntil = TimeSpan.MaxValue;
        foreach (var shard in _shards)
        {
            if (shard is not null && shard.Phase != ShardPhase.Claiming && shard.SafeUntil < _safeUntil) _safeUntil = shard.SafeUntil;
        }
    }

    private void RequestView() => _nextView = _now;

    /// <summary>Somebody saw what this node's reading does not show. Not more often than ten times in a usual wait: a storm of hints must
    /// not become a storm of readings.</summary>
    private void LookAgain()
    {
        var next = _viewAskedAt + (_options.ViewEvery / 10);
        if (next < _now) next = _now;
        if (next < _nextView) _nextView = next;
    }

    /// <summary>Renews leases and reads the tables when it is time to.</summary>
    private void KeepOwnership()
    {
        if (_drained) return;
        if (_now >= _nextRenew)
        {
            _nextRenew = _now + _options.RenewEvery;
            RenewNode();
            RenewShards();
        }
        if (_now >= _nextView && !_viewing) ReadView();
        FinishDrain();
    }

    private void RenewNode()
    {
        if (_renewingNode) return;
        _renewingNode = true;
        var first = _viewAt is null;
        Do(new CoreAction.RenewNode(Expect(outcome =>
        {
            _renewingNode = false;
            if (outcome is CoreInput.StoreFailed failed) RetryRenewal("the node's lease", failed.Reason, ++_nodeFailures);
            else
            {
                _nodeFailures = 0;
                if (first && _viewAt is null) RequestView();
            }
        }), _lockless ? _roles.Remove(CoreOptions.ShardsRole) : _roles, _options.Lease));
    }

    private void RenewShards()
    {
        if (_renewing) return;
        var asked = _now;
        var held = new List<Shard>();
        foreach (var shard in _shards)
        {
            if (shard is { IsHeld: true }) held.Add(shard);
        }
        if (held.Count == 0) return;
        _renewing = true;
        Do(new CoreAction.RenewShards(Expect(outcome =>
        {
            _renewing = false;
            if (outcome is CoreInput.StoreFailed failed) RetryRenewal("the shards' leases", failed.Reason, ++_shardFailures);
            else if (outcome is CoreInput.ShardsRenewed renewed)
            {
                _shardFailures = 0;
                Renewed(held, renewed.Shards, asked);
            }
        }), [.. held.Select(static shard => (shard.Number, shard.Epoch))], _options.Lease));
    }

    /// <summary>
    /// The wait doubles up to the usual time between renewals. As long as there is a lease to be saved it is no longer than a quarter of
    /// what is left of it, and so becomes shorter again towards its end: a store that comes back in time finds its owners trying. Half of
    /// each wait is drawn, so that nodes which lost the store together do not come back to it together.
    /// </summary>
    private void RetryRenewal(string what, string reason, int failures)
    {
        Note(NoteLevel.Warning, $"{what} could not be renewed: {reason}");
        var wait = Backoff(_options.StoreRetry, failures);
        if (wait > _options.RenewEvery) wait = _options.RenewEvery;
        if (_safeUntil != TimeSpan.MaxValue && (_safeUntil - _now) / 4 is var quick && quick < wait)
            wait = quick > _options.StoreRetry ? quick : _options.StoreRetry;
        var next = _now + wait * (0.5 + 0.5 * Jitter());
        if (next < _nextRenew) _nextRenew = next;
    }

    /// <summary>The next of a node's own series of numbers from 0 to below 1 (SplitMix64).</summary>
    private double Jitter()
    {
        unchecked
        {
            var x = _options.JitterSeed + (++_jitter * 0x9E3779B97F4A7C15UL);
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
            return ((x ^ (x >> 31)) >> 11) * (1.0 / (1UL << 53));
        }
    }

    private void Renewed(List<Shard> asked, ImmutableArray<int> renewed, TimeSpan askedAt)
    {
        foreach (var shard in asked)
        {
            if (CurrentTerm(shard) is not { IsHeld: true } current) continue;
            if (renewed.Contains(shard.Number)) current.SafeUntil = SafeFrom(askedAt);
            else Lose(current, "its lease was not renewed: another node has it");
        }
        UpdateSafeUntil();
    }

    /// <summary>The shard as it is now, if it still is in the epoch of <paramref name="then"/> (it may have been read anew
    /// since).</summary>
    private Shard? CurrentTerm(Shard then) => _shards[then.Number] is { } now && now.Epoch == then.Epoch ? now : null;

    private void ReadView()
    {
        _viewing = true;
        _viewAskedAt = _now;
        _nextView = TimeSpan.MaxValue;
        var asked = _now;
        Do(new CoreAction.ReadOwnership(Expect(outcome =>
        {
            _viewing = false;
            var next = _now + _options.ViewEvery;
            if (outcome is CoreInput.OwnershipRead view) Judge(view, asked);
            else Note(NoteLevel.Warning, $"ownership could not be read: {((CoreInput.StoreFailed)outcome).Reason}");
            if (next < _nextView) _nextView = next;
        })));
    }

    private void Judge(CoreInput.OwnershipRead view, TimeSpan asked)
    {
        (_storeTimeRead, _storeTimeReadAt, _storeTimeAskedAt) = (view.StoreTime, _now, asked);
        var live = view.Nodes
            .Where(node => node.LeaseUntil > view.StoreTime && node.Roles.Contains(CoreOptions.ShardsRole))
            .Select(static node => node.Node).Order(StringComparer.Ordinal).ToImmutableArray();
        if (_viewAt is null || !live.SequenceEqual(_live)) (_live, _liveSince) = (live, _now);
        _viewAt = _now;
        _rows = new ShardRow?[_options.ShardCount];
        foreach (var row in view.Shards) _rows[row.Shard] = row;
        foreach (var row in view.Shards) Judge(row, view.StoreTime);
        HandOverSome();
    }

    private void Judge(ShardRow row, DateTimeOffset storeTime)
    {
        var shard = _shards[row.Shard];
        if (shard is null)
        {
            if (row.Owner == _options.Node) GiveBack(row);
            else if (!_draining && !_lockless && Desired(row.Shard) == _options.Node && (row.Owner is null || row.LeaseUntil <= storeTime)) Claim(row);
            if (_shards[row.Shard] is null) ServeWaiting(row.Shard);
        }
        else if (shard.Phase != ShardPhase.Claiming)
        {
            // An older epoch in the table is an older reading; ours at another's name is not possible but by our own giving back.
            if (row.Epoch.CompareTo(shard.Epoch) > 0) Lose(shard, $"it is in epoch {row.Epoch} now, owned by {row.Owner ?? "nobody"}");
        }
    }

    private void Claim(ShardRow row)
    {
        var asked = _now;
        var shard = new Shard(row.Shard) { Phase = ShardPhase.Claiming };
        _shards[row.Shard] = shard;
        Do(new CoreAction.Claim(Expect(outcome =>
        {
            if (shard.Dropped) return;
            if (outcome is CoreInput.Claimed { Row: { } won } && won.Owner == _options.Node && SafeFrom(asked) > _now)
            {
                (shard.Epoch, shard.SafeUntil) = (won.Epoch, SafeFrom(asked));
                _rows[row.Shard] = won;
                Open(shard);
                UpdateSafeUntil();
            }
            else
            {
                // Lost, or not known, or known too late: the next reading shows what became of it.
                Drop(shard, Refusal.NotOwner, "another node was first");
                RequestView();
            }
        }), row.Shard, row.Epoch, _options.Lease));
    }

    /// <summary>The table says this node, which does not hold it: an earlier process of this name, or a claim whose outcome was
    /// lost.</summary>
    private void GiveBack(ShardRow row)
    {
        var shard = new Shard(row.Shard) { Phase = ShardPhase.Releasing, Epoch = row.Epoch, SafeUntil = TimeSpan.MaxValue };
        _shards[row.Shard] = shard;
        Release(shard);
    }

    private void Release(Shard shard)
    {
        shard.Phase = ShardPhase.Releasing;
        Do(new CoreAction.Release(Expect(outcome =>
        {
            if (shard.Dropped) return;
            Drop(shard, Refusal.NotOwner, "it was handed over");
            if (outcome is CoreInput.Released && !_draining && !_lockless && Desired(shard.Number) == _options.Node)
                Claim(new ShardRow(shard.Number, null, shard.Epoch, 0, default));
            else
            {
                // A hint for a shard that is not held makes the next owner look at the tables now.
                if (Desired(shard.Number) is { } next && next != _options.Node) HintTo(next, shard.Number);
                RequestView();
            }
        }), shard.Number, shard.Epoch));
    }

    private void HandOverSome()
    {
        if (_draining)
        {
            foreach (var shard in _shards)
            {
                if (shard is { Phase: ShardPhase.Open }) Stop(shard);
            }
            return;
        }
        if (_now - _liveSince < _options.MoveDelay || _now < _nextMoves) return;
        _nextMoves = _now + _options.ViewEvery;
        var budget = Math.Max(1, (int)(_options.ShardCount * _options.MoveShare));
        foreach (var shard in _shards)
        {
            if (shard is { Phase: ShardPhase.Stopping or ShardPhase.Releasing }) budget--;
        }
        foreach (var shard in _shards)
        {
            if (budget <= 0) return;
            if (shard is not { Phase: ShardPhase.Open } || Desired(shard.Number) is not { } node || node == _options.Node) continue;
            Note(NoteLevel.Information, $"handing shard {shard.Number} over to {node}");
            Stop(shard);
            budget--;
        }
    }

    private void StartDrain()
    {
        if (_draining) return;
        _draining = true;
        _roles = _roles.Remove(CoreOptions.ShardsRole);
        _nextRenew = _now;
        for (var number = 0; number < _waiting.Length; number++)
        {
            if (_shards[number] is null or { Phase: ShardPhase.Claiming }) ServeWaiting(number);
        }
        HandOverSome();
    }

    private void FinishDrain()
    {
        if (!_draining || _drained || _renewingNode || Array.Exists(_shards, static shard => shard is not null)) return;
        if (Array.Exists(_writerBusy, static busy => busy)) return;
        _drained = true;
        Do(new CoreAction.RemoveNode(Expect(_ => Do(new CoreAction.Drained()))));
    }
}
