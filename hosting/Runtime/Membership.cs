using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// A node's right to act under its name in a cluster that others share.
///
/// Two things give it: the session lock of its name, and a clock that is not too far from the store's. It takes part while it has both.
///
/// The lock. Taken before anything else, so a second process of the name is refused before it does harm. When the session breaks, others
/// may take this node's shards at once, so the core is told at once (<see cref="CoreInput.LockLost"/>): it ends every term and sends clients
/// away. The lock is then asked for again and again, for the database may only have been restarted; with it the core claims anew
/// (<see cref="CoreInput.LockHeld"/>), under new epochs.
///
/// The clock. Leases are judged by the store's clock and counted here by a monotonic one, so a wrong wall clock breaks no promise of
/// ownership; but times of handling, ages of keys and logs come from it. Each reading of the tables compares it with the store's: beyond
/// <c>skew-warning</c> it is said, beyond <c>skew-limit</c> the node takes no part until it is right again. Half of the time that the
/// reading took is not held against the clock.
/// </summary>
internal sealed class Membership : IAsyncDisposable
{
    private readonly IStore _store;
    private readonly string _node;
    private readonly ShardOptions _options;
    private readonly TimeSpan _retry;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private Action<CoreInput> _post = static _ => { };
    private INodeLock? _lock;
    private CancellationTokenRegistration _watch;
    private Task _relocking = Task.CompletedTask;
    private bool _locked = true;
    private bool _wrong;
    private bool _takesPart = true;
    private bool _warned;
    private bool _inTable;
    private long _skewTicks;
    private long _notedTicks;

    private Membership(AthanorOptions options, IStore store, INodeLock held, TimeProvider time, ILogger log)
    {
        (_store, _node, _options, _retry) = (store, options.Node.Name, options.Shards, options.Store.RetryAfter);
        (_lock, _time, _log) = (held, time, log);
    }

    /// <summary>How far this node's clock is ahead of the store's.</summary>
    public TimeSpan Skew => new(Interlocked.Read(ref _skewTicks));

    /// <summary>Why this node takes no part, or null if it does.</summary>
    public string? Silence
    {
        get
        {
            lock (_gate)
            {
                return !_locked ? "the node's session lock is lost; asking for it again"
                    : _wrong ? $"this clock is {Text(Skew)} the database's; set it right" : null;
            }
        }
    }

    /// <summary>Takes the name and looks at the clock.</summary>
    /// <exception cref="StoreException">Another process lives under the name, or the clock is too far off.</exception>
    public static async Task<Membership> Join(
        AthanorOptions options, IStore store, TimeProvider time, ILogger log, CancellationToken cancellation)
    {
        var held = await store.LockNode(options.Node.Name, cancellation).ConfigureAwait(false);
        var membership = new Membership(options, store, held, time, log);
        try
        {
            var before = time.GetUtcNow();
            var now = await store.Now(cancellation).ConfigureAwait(false);
            membership.Saw(now, before, time.GetUtcNow());
            if (membership._wrong)
            {
                throw new StoreException(
                    $"the clock of node {options.Node.Name} is {Text(membership.Skew)} the database's, and up to "
                    + $"{options.Shards.SkewLimit.TotalSeconds:0.#} s is tolerated (shards.skew-limit): set the clock right, best with NTP");
            }
            await membership.ClearRequest(cancellation).ConfigureAwait(false);
            return membership;
        }
        catch
        {
            await membership.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A request to drain was meant for an earlier process of this name. With the row goes what the store knows of the lock, so
    /// the lock is taken again.</summary>
    private async Task ClearRequest(CancellationToken cancellation)
    {
        var nodes = await _store.ReadNodes(cancellation).ConfigureAwait(false);
        if (!nodes.Any(row => row.Node == _node && row.MustDrain)) return;
        await _store.RemoveNode(_node, cancellation).ConfigureAwait(false);
        await _lock!.DisposeAsync().ConfigureAwait(false);
        _lock = null;
        _lock = await _store.LockNode(_node, cancellation).ConfigureAwait(false);
    }

    /// <summary>From here on the core is told when this node may take part no more, and when it may again.</summary>
    public void Watch(Action<CoreInput> post)
    {
        _post = post;
        _inTable = true;
        WatchLock(_lock!);
    }

    /// <summary>The store's time was read between two moments of this node's clock.</summary>
    public void Saw(DateTimeOffset storeTime, DateTimeOffset before, DateTimeOffset after)
    {
        var half = (after - before) / 2;
        var skew = before + half - storeTime;
        var sure = skew.Duration() > half ? skew.Duration() - half : TimeSpan.Zero;
        Interlocked.Exchange(ref _skewTicks, skew.Ticks);
        if (sure > _options.SkewWarning != _warned)
        {
            _warned = !_warned;
            if (_warned) Log.Skewed(_log, Text(skew));
        }
        if (_inTable && (skew - new TimeSpan(_notedTicks)).Duration() > _options.SkewWarning / 10)
        {
            _notedTicks = skew.Ticks;
            _ = Note(skew);
        }
        lock (_gate) _wrong = sure > _options.SkewLimit;
        Tell($"the clock is {Text(skew)} the database's");
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _watch.DisposeAsync().ConfigureAwait(false);
        await _relocking.ConfigureAwait(false);
        if (_lock is not null) await _lock.DisposeAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    private static string Text(TimeSpan skew) =>
        FormattableString.Invariant($"{skew.Duration().TotalSeconds:0.0} s {(skew > TimeSpan.Zero ? "ahead of" : "behind")}");

    private void WatchLock(INodeLock held) => _watch = held.Lost.Register(() =>
    {
        lock (_gate) _locked = false;
        Tell("its session ended");
        _relocking = Task.Run(Relock);
    });

    /// <summary>Tells the core if what it was told last is no longer so.</summary>
    private void Tell(string reason)
    {
        lock (_gate)
        {
            var may = _locked && !_wrong;
            if (may == _takesPart) return;
            _takesPart = may;
            // Inside the lock, so that two changes reach the core in their order.
            _post(may ? new CoreInput.LockHeld() : new CoreInput.LockLost(reason));
        }
    }

    private async Task Relock()
    {
        var wait = _retry;
        if (_lock is not null) await _lock.DisposeAsync().ConfigureAwait(false);
        _lock = null;
        while (!_end.IsCancellationRequested)
        {
            try
            {
                _lock = await _store.LockNode(_node, _end.Token).ConfigureAwait(false);
                lock (_gate) _locked = true;
                Log.Rejoined(_log, _node);
                Tell("");
                WatchLock(_lock);
                return;
            }
            catch (StoreException e)
            {
                Log.NoLock(_log, _node, e.Message);
            }
            catch (OperationCanceledException) when (_end.IsCancellationRequested)
            {
                return;
            }
            try
            {
                await Task.Delay(wait, _time, _end.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            wait = wait * 2 < _retry * 8 ? wait * 2 : _retry * 8;
        }
    }

    private async Task Note(TimeSpan skew)
    {
        try
        {
            await _store.NoteSkew(_node, skew, _end.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreException or OperationCanceledException)
        {
            // Only people miss it, and the next change brings it.
            Interlocked.Exchange(ref _notedTicks, 0);
        }
    }
}
