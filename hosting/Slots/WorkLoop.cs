using System.Collections.Concurrent;
using System.Diagnostics;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Telemetry;
using Athanor.Protocol;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Slots;

/// <summary>
/// Keeps the slots busy: leases rows for free slots, runs them, and settles each lease exactly one way.
///
/// Guarantees. The store counts the attempt before the slot sees the work. Output blobs are stored durably before the result is, and
/// the result is stored once by work id, so a second completion changes nothing. A lease that is not renewed in time may be given to
/// another node; both may then finish, and the first counts.
///
/// A member of a gang is leased, renewed and settled like other work; the store sees to it that all run or none does.
///
/// Failures. The slot dies (crash, memory, silence, exception): the work goes back with a death, and after three in a row the desk parks
/// it. The handler refuses, or the deadline passes: the work fails. Cancelled (its token is missing from a renewal): the slot is
/// stopped and nothing is written. Drain: slots are stopped and work goes back without a death. The store cannot be reached: the
/// settlement is tried again until the lease is lost, then the work belongs to whoever leases it next. The node is killed: its slots
/// end with their pipes, and its leases are returned at the next start or end by themselves.
/// </summary>
internal sealed class WorkLoop : IProgressView, IAsyncDisposable
{
    private static readonly TimeSpan RetrySettling = TimeSpan.FromMilliseconds(250);

    private readonly ILogger _log;
    private readonly IWorkDesk _desk;
    private readonly IBlobStore _blobs;
    private readonly MessageRegistry _registry;
    private readonly string _holder;
    private readonly SlotOptions _options;
    private readonly TimeProvider _time;
    private readonly WorkPolicy _policy;
    private readonly string _address;
    private readonly IReadOnlyList<SlotPool> _pools;
    private readonly ConcurrentDictionary<long, RunningWork> _running = new();
    private readonly CancellationTokenSource _drain = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Task _leasing;
    private readonly Task _renewing;
    private long _lookedAt;

    /// <param name="address">Where members of a gang on other nodes reach this one; empty for nowhere.</param>
    public WorkLoop(
        IWorkDesk desk, IBlobStore blobs, MessageRegistry registry, string holder, SlotOptions options, SlotLaunch launch, ILogger log,
        TimeProvider time, WorkPolicy? policy = null, string address = "")
    {
        _policy = policy ?? WorkPolicy.Default;
        _address = address;
        _log = log;
        _desk = desk;
        _blobs = blobs;
        _registry = registry;
        _holder = holder;
        _options = options;
        _time = time;
        _pools = [.. options.Pools.Select(p => MakePool(p.Key, p.Value, options, launch, time))];
        _leasing = Task.Run(LeaseLoop);
        _renewing = Task.Run(RenewLoop);
    }

    /// <summary>Says that there may be work, so that nobody waits for the next poll.</summary>
    public void Nudge() => _wake.Release();

    /// <summary>Stops the slots that run work of these ids; their rows are cancelled already.</summary>
    public void Cancel(IReadOnlyCollection<string> workIds)
    {
        foreach (var running in _running.Values)
        {
            if (workIds.Contains(running.Lease.Work.Id)) Cancel(running.Lease.Token);
        }
    }

    /// <summary>Slots that run work now.</summary>
    public int Busy => _running.Count;

    public int Slots => _pools.Sum(p => p.Size);

    public Task<IReadOnlyList<WorkProgress>> Running(CancellationToken cancellation = default) => Task.FromResult<IReadOnlyList<WorkProgress>>(
        [.. _running.Values.Select(r => r.Progress).OrderBy(p => p.WorkId, StringComparer.Ordinal)]);

    /// <summary>Drains: leases no more, stops what runs, gives it back, ends the slots.</summary>
    public async ValueTask DisposeAsync()
    {
        await _drain.CancelAsync().ConfigureAwait(false);
        await _leasing.ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        await Task.WhenAll(_running.Values.Select(r => r.Task)).ConfigureAwait(false);
        foreach (var pool in _pools) await pool.DisposeAsync().ConfigureAwait(false);
        _drain.Dispose();
    }

    private static SlotPool MakePool(string name, PoolOptions pool, SlotOptions options, SlotLaunch launch, TimeProvider time)
    {
        var limits = SlotLimits.Default with
        {
            MemoryBytes = pool.MemoryLimitBytes,
            // A driver maps far more memory for a device than it uses of this machine's.
            HardBytes = name.StartsWith("cuda", StringComparison.Ordinal) ? 0 : SlotLimits.HardAbove(pool.MemoryLimitBytes),
            Silence = options.SilenceLimit,
            Grace = options.StopTimeout,
        };
        return new SlotPool(name, pool.Count > 0 ? pool.Count : Environment.ProcessorCount, launch with { Threads = pool.Threads }, limits, time);
    }

    private async Task LeaseLoop()
    {
        while (!_drain.IsCancellationRequested)
        {
            try
            {
                foreach (var pool in _pools) await Fill(pool).ConfigureAwait(false);
                await FailOverdue().ConfigureAwait(false);
                await Woken(_options.PollEvery).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_drain.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is, work must not stand still for good because of one bad call.
                Log.LeasingFailed(_log, e);
                await Woken(_options.PollEvery, onlyTime: true).ConfigureAwait(false);
            }
        }
    }

    private async Task Fill(SlotPool pool)
    {
        var free = pool.Free;
        if (free == 0) return;
        // The drain does not cancel this call: a lease that was taken but not seen would block its work until it ends.
        var request = new WorkRequest(_holder, pool.Name, free, _options.Lease)
        {
            MemoryBytes = pool.MemoryBytes,
            Address = _address,
            Policy = _policy,
        };
        var leases = await _desk.Lease(request, CancellationToken.None).ConfigureAwait(false);
        foreach (var lease in leases)
        {
            var running = new RunningWork(lease, pool, _time.GetUtcNow());
            _running[lease.Token] = running;
            running.Task = Task.Run(() => Carry(running));
        }
        // The tasks take their slots themselves; until they have, Free would count them twice.
        await Task.WhenAll(leases.Select(l => _running.TryGetValue(l.Token, out var r) ? r.Taken.Task : Task.CompletedTask))
            .ConfigureAwait(false);
    }

    /// <summary>Looked at as often as slots look for work, and not with every nudge.</summary>
    private async Task FailOverdue()
    {
        var now = _time.GetTimestamp();
        if (_lookedAt != 0 && _time.GetElapsedTime(_lookedAt, now) < _options.PollEvery) return;
        _lookedAt = now;
        await _desk.FailOverdue(_holder, _options.Lease, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task Woken(TimeSpan atLatest, bool onlyTime = false)
    {
        // Its own timer may ring while it is disposed of; a timer of ours that cancels it would then throw, and end the node.
        using var late = new CancellationTokenSource(atLatest, _time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_drain.Token, late.Token);
        try
        {
            if (onlyTime) await Task.Delay(Timeout.InfiniteTimeSpan, _time, patience.Token).ConfigureAwait(false);
            await _wake.WaitAsync(patience.Token).ConfigureAwait(false);
            // Many nudges are one.
            while (_wake.Wait(0))
            {
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task Carry(RunningWork running)
    {
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(_drain.Token, running.Cancelled.Token);
            using var span = AthanorTelemetry.Start(
                "work", ActivityKind.Consumer, running.Lease.Work.TraceParent, running.Lease.Work.Spec.Kind);
            var outcome = await RunInSlot(running, span?.Id, stop.Token).ConfigureAwait(false);
            AthanorTelemetry.WorkEnded(running.Lease.Work.Spec.Kind, outcome.GetType().Name);
            if (outcome is SlotOutcome.Died { Reason: var reason }) Log.SlotDied(_log, running.Lease.Work.Id, running.Lease.Attempt, reason);
            if (outcome is SlotOutcome.NodeFailed { Reason: var problem }) Log.NodeFailed(_log, running.Lease.Work.Id, problem);
            await Settle(running, outcome).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Its lease is renewed no more, so the work is done again when it ends.
            Log.CarryingFailed(_log, running.Lease.Work.Id, e);
        }
        finally
        {
            running.Taken.TrySetResult();
            _running.TryRemove(running.Lease.Token, out _);
            running.Cancelled.Dispose();
            Nudge();
        }
    }

    private async Task<SlotOutcome> RunInSlot(RunningWork running, string? trace, CancellationToken stop)
    {
        SlotProcess slot;
        try
        {
            slot = await running.Pool.Take().ConfigureAwait(false);
        }
        catch (IOException e)
        {
            return new SlotOutcome.NodeFailed(e.Message);
        }
        finally
        {
            running.Taken.TrySetResult();
        }
        try
        {
            var work = running.Lease.Work;
            var job = new SlotJob(work.Spec, work.Seed, work.Inputs, work.Deadline, trace ?? work.TraceParent)
            {
                Tenant = work.Entity.Tenant,
                Checkpoint = running.Lease.Checkpoint,
                Gang = running.Lease.Gang,
            };
            return await slot.Run(job, _blobs, running.Report, stop, new DeskRow(_desk, running.Lease)).ConfigureAwait(false);
        }
        finally
        {
            await running.Pool.GiveBack(slot).ConfigureAwait(false);
        }
    }

    private async Task Settle(RunningWork running, SlotOutcome outcome)
    {
        // Lost or cancelled: the row is no longer ours to write, and a result that comes late is nobody's.
        if (running.Cancelled.IsCancellationRequested && outcome is not SlotOutcome.Completed) return;
        while (true)
        {
            try
            {
                await SettleOnce(running.Lease, outcome).ConfigureAwait(false);
                return;
            }
            catch (StoreException) when (!running.Cancelled.IsCancellationRequested && !_drain.IsCancellationRequested)
            {
                await Woken(RetrySettling, onlyTime: true).ConfigureAwait(false);
            }
            catch (StoreException)
            {
                return;
            }
        }
    }

    private async Task SettleOnce(WorkLease lease, SlotOutcome outcome)
    {
        var none = CancellationToken.None;
        switch (outcome)
        {
            case SlotOutcome.Completed done:
                if (TryDecode(done.Result, out var result, out var problem))
                    await _desk.Complete(lease, result, done.Blobs, none).ConfigureAwait(false);
                else
                    await _desk.Return(lease, problem, none).ConfigureAwait(false);
                break;
            case SlotOutcome.Refused refused:
                await _desk.Fail(lease, refused.Reason, none).ConfigureAwait(false);
                break;
            case SlotOutcome.DeadlinePassed:
                await _desk.Fail(lease, $"the deadline of {lease.Work.Deadline} passed in attempt {lease.Attempt}", none).ConfigureAwait(false);
                break;
            case SlotOutcome.Died died:
                await _desk.Return(lease, died.Reason, none).ConfigureAwait(false);
                break;
            case SlotOutcome.NodeFailed:
                // At once it would fail the same way again.
                await Woken(_options.PollEvery, onlyTime: true).ConfigureAwait(false);
                await _desk.Return(lease, null, none).ConfigureAwait(false);
                break;
            case SlotOutcome.Stopped:
                await _desk.Return(lease, null, none).ConfigureAwait(false);
                break;
        }
    }

    private bool TryDecode(StoredMessage stored, out IWorkResult result, out string problem)
    {
        try
        {
            result = (IWorkResult)_registry.Decode(stored.Kind, stored.Version, stored.Body.Span);
            problem = "";
            return true;
        }
        catch (Exception e) when (e is MessageFormatException or UnknownKindException or InvalidCastException)
        {
            result = null!;
            problem = $"the result cannot be read: {e.Message}";
            return false;
        }
    }

    private async Task RenewLoop()
    {
        using var timer = new PeriodicTimer(_options.RenewEvery, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_drain.Token).ConfigureAwait(false))
            {
                var tokens = _running.Keys.ToArray();
                if (tokens.Length == 0) continue;
                try
                {
                    var held = await _desk.Renew(_holder, tokens, _options.Lease, _drain.Token).ConfigureAwait(false);
                    foreach (var lost in tokens.Except(held)) Cancel(lost);
                }
                catch (StoreException e)
                {
                    Log.LeasingFailed(_log, e);
                    // The next tick tries again; if the lease ends first, another node may do the work as well, without harm.
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Cancel(long token)
    {
        if (!_running.TryGetValue(token, out var running)) return;
        try
        {
            running.Cancelled.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended between the two lines.
        }
    }

    private sealed class DeskRow(IWorkDesk desk, WorkLease lease) : ISlotRow
    {
        public Task<bool> Checkpoint(WorkCheckpoint checkpoint) => desk.Checkpoint(lease, checkpoint, CancellationToken.None);

        public Task<bool> PutKey(string key, ReadOnlyMemory<byte> value) => desk.PutKey(lease, key, value, CancellationToken.None);

        public Task<IReadOnlyDictionary<string, byte[]>?> Keys() => desk.Keys(lease, CancellationToken.None);
    }

    private sealed class RunningWork(WorkLease lease, SlotPool pool, DateTimeOffset started)
    {
        public WorkLease Lease { get; } = lease;

        public SlotPool Pool { get; } = pool;

        public Task Task { get; set; } = Task.CompletedTask;

        public TaskCompletionSource Taken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationTokenSource Cancelled { get; } = new();

        public WorkProgress Progress { get; private set; } =
            new(lease.Work.Id, lease.Work.Spec.Kind, lease.Attempt, 0, "", started);

        public void Report(double done, string note) => Progress = Progress with { Done = done, Note = note };
    }
}
