using System.ComponentModel;
using System.Diagnostics;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Slots;

/// <summary>
/// The node's side of one slot: starts the process, gives it jobs one after the other, and decides when it must die.
///
/// Memory is limited twice. The limit itself is polled, and the kill says why. Between two polls a process can take gigabytes, so the
/// system refuses it more than a little above the limit (<see cref="SlotLimits.HardBytes"/>): it then ends by its own failure.
/// A job is stopped by order (cancel, drain) or by its deadline in two moves: a frame that asks, and a kill after the grace. Memory
/// over the limit and silence kill at once. Whoever kills first says why (<see cref="_verdict"/>); the end of the pipe then ends the
/// job with that verdict. A death that nobody ordered is the item's own, and its last words on standard error go with the reason.
/// A slot that was killed is done for; the pool starts another.
/// </summary>
internal sealed class SlotProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly FramePipe _pipe;
    private readonly SlotLimits _limits;
    private readonly TimeProvider _time;
    private readonly LastWords _words;
    private readonly Task _reading;

    /// <summary>One wait for all: two waits for one process's Exited event at a time may lose each other's handlers.</summary>
    private readonly Task _exit;
    private readonly CancellationTokenSource _ended = new();

    private volatile Assignment? _current;
    private SlotOutcome? _verdict;
    private long _heard;
    private volatile bool _busy;
    private long _jobs;

    private SlotProcess(Process process, SlotLimits limits, TimeProvider time)
    {
        _process = process;
        _limits = limits;
        _time = time;
        _pipe = new FramePipe(process.StandardOutput.BaseStream, process.StandardInput.BaseStream);
        _words = new LastWords(process);
        _heard = time.GetTimestamp();
        _exit = process.WaitForExitAsync(CancellationToken.None);
        _reading = Task.Run(ReadFrames);
    }

    /// <summary>Whether it can be given another job.</summary>
    public bool Usable => !_ended.IsCancellationRequested && Volatile.Read(ref _verdict) is null;

    public int Id => _process.Id;

    /// <exception cref="IOException">The process cannot be started.</exception>
    public static SlotProcess Start(SlotLaunch launch, SlotLimits limits, TimeProvider time)
    {
        try
        {
            var process = Process.Start((launch with { MemoryBytes = limits.HardBytes }).ToStartInfo())
                ?? throw new IOException($"the slot {launch.File} did not start");
            ProcessMemory.Limit(process, limits.HardBytes);
            return new SlotProcess(process, limits, time);
        }
        catch (Win32Exception e)
        {
            throw new IOException($"the slot {launch.File} cannot be started: {e.Message}", e);
        }
    }

    /// <summary>Does one job and returns when the slot is free again or dead.</summary>
    /// <param name="stop">By order: the outcome is then <see cref="SlotOutcome.Stopped"/>, unless the job ended first.</param>
    /// <param name="row">Null for a job that has no row: it keeps no checkpoint, and its gang is over at once.</param>
    public async Task<SlotOutcome> Run(
        SlotJob job, IBlobStore blobs, Action<double, string> progress, CancellationToken stop, ISlotRow? row = null)
    {
        var assignment = new Assignment(++_jobs, job, blobs, progress, row);
        _current = assignment;
        try
        {
            // A dead pipe is found by the reader, which knows more of why.
            await TryWrite(new SlotFrame.Job(assignment.Number, job.Work, job.Seed, job.Inputs, job.TraceParent)
            {
                Checkpoint = job.Checkpoint,
                Gang = job.Gang,
            }).ConfigureAwait(false);
            if (_ended.IsCancellationRequested) assignment.Done.TrySetResult(Death());
            return await Watch(assignment, stop).ConfigureAwait(false);
        }
        finally
        {
            _current = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The end of its standard input ends the slot; the kill is for one that cannot read.
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
        }
        using var patience = new CancellationTokenSource(_limits.Grace, _time);
        try
        {
            await _exit.WaitAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Kill();
            await _exit.ConfigureAwait(false);
        }
        await _reading.ConfigureAwait(false);
        _pipe.Dispose();
        _process.Dispose();
        _ended.Dispose();
    }

    private async Task<SlotOutcome> Watch(Assignment assignment, CancellationToken stop)
    {
        using var poll = new PeriodicTimer(_limits.Poll, _time);
        var begun = _time.GetTimestamp();
        var tick = poll.WaitForNextTickAsync(CancellationToken.None).AsTask();
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, _time, stop);
        SlotOutcome? ordered = null;
        long orderedAt = 0;
        while (true)
        {
            var first = await Task.WhenAny(assignment.Done.Task, ordered is null ? stopped : tick, tick).ConfigureAwait(false);
            if (assignment.Done.Task.IsCompleted)
            {
                var outcome = await assignment.Done.Task.ConfigureAwait(false);
                return outcome is SlotOutcome.Stopped && ordered is not null ? ordered : outcome;
            }
            if (ordered is null && (stop.IsCancellationRequested || _time.GetElapsedTime(begun) > assignment.Job.Deadline))
            {
                ordered = stop.IsCancellationRequested ? new SlotOutcome.Stopped() : new SlotOutcome.DeadlinePassed();
                orderedAt = _time.GetTimestamp();
                await TryWrite(new SlotFrame.Cancel(assignment.Number)).ConfigureAwait(false);
            }
            if (ordered is not null && _time.GetElapsedTime(orderedAt) > _limits.Grace) Condemn(ordered);
            else Inspect();
            if (first == tick) tick = poll.WaitForNextTickAsync(CancellationToken.None).AsTask();
        }
    }

    private void Inspect()
    {
        var silent = _time.GetElapsedTime(Volatile.Read(ref _heard));
        var limit = _current?.Job.Gang is { Size: > 1 } && _limits.GangSilence < _limits.Silence ? _limits.GangSilence : _limits.Silence;
        if (!_busy && silent > limit)
        {
            Condemn(new SlotOutcome.Died(
                $"the slot was killed: no heartbeat for {silent.TotalSeconds:F1} s (limit {limit.TotalSeconds:F1} s)"));
            return;
        }
        if (_limits.MemoryBytes <= 0) return;
        var resident = ProcessMemory.Resident(_process);
        if (resident > _limits.MemoryBytes)
        {
            Condemn(new SlotOutcome.Died(
                $"the slot was killed: {resident >> 20} MiB of memory in use (limit {_limits.MemoryBytes >> 20} MiB)"));
        }
    }

    private void Condemn(SlotOutcome verdict)
    {
        if (Interlocked.CompareExchange(ref _verdict, verdict, null) is null) Kill();
    }

    private void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It was faster.
        }
    }

    private async Task ReadFrames()
    {
        string? torn = null;
        try
        {
            while (await _pipe.Read(CancellationToken.None).ConfigureAwait(false) is { } frame)
            {
                _busy = true;
                await Handle(frame).ConfigureAwait(false);
                Volatile.Write(ref _heard, _time.GetTimestamp());
                _busy = false;
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            torn = e.Message;
            Condemn(new SlotOutcome.Died($"the slot was killed: its pipe carried no frames of ours: {torn}"));
        }
        await _exit.ConfigureAwait(false);
        await _words.Complete.ConfigureAwait(false);
        await _ended.CancelAsync().ConfigureAwait(false);
        _current?.Done.TrySetResult(Death());
    }

    private async Task Handle(SlotFrame frame)
    {
        if (_current is not { } current) return;
        switch (frame)
        {
            case SlotFrame.Progress f when f.Number == current.Number:
                current.Progress(f.Done, f.Note);
                break;
            case SlotFrame.WantBlob f:
                await TryWrite(await Fetch(current, f.Hash).ConfigureAwait(false)).ConfigureAwait(false);
                break;
            case SlotFrame.PutBlob f when f.Number == current.Number:
                await Keep(current, f).ConfigureAwait(false);
                break;
            case SlotFrame.Saved f when f.Number == current.Number:
                await Keep(current, f).ConfigureAwait(false);
                break;
            case SlotFrame.WantKeys f when f.Number == current.Number:
                // Not awaited: a gang that waits for the store must not keep its slot's heartbeats from being heard.
                _ = Task.Run(() => Tell(current, f));
                break;
            case SlotFrame.Result f when f.Number == current.Number:
                current.Done.TrySetResult(
                    current.Problem is { } problem ? new SlotOutcome.NodeFailed(problem) : new SlotOutcome.Completed(f.Message, f.Blobs));
                break;
            case SlotFrame.Failure f when f.Number == current.Number:
                current.Done.TrySetResult(f.Refused ? new SlotOutcome.Refused(f.Reason) : new SlotOutcome.Died($"the handler threw {f.Reason}"));
                break;
            case SlotFrame.Stopped f when f.Number == current.Number:
                current.Done.TrySetResult(new SlotOutcome.Stopped());
                break;
        }
    }

    private static async Task<SlotFrame> Fetch(Assignment current, string hash)
    {
        if (!current.Job.MayRead(hash)) return new SlotFrame.Blob(hash, null, "the work was not dispatched with it");
        try
        {
            return new SlotFrame.Blob(hash, await current.Blobs.Get(hash, CancellationToken.None).ConfigureAwait(false), "");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return new SlotFrame.Blob(hash, null, e.Message);
        }
    }

    private static async Task Keep(Assignment current, SlotFrame.PutBlob blob)
    {
        try
        {
            var stored = await current.Blobs.PutFor(current.Job.Tenant, blob.Content, CancellationToken.None).ConfigureAwait(false);
            if (stored != blob.Hash) current.Problem ??= $"output blob {blob.Hash} was damaged on its way from the slot";
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            current.Problem ??= $"output blob {blob.Hash} cannot be stored: {e.Message}";
        }
    }

    private static async Task Keep(Assignment current, SlotFrame.Saved checkpoint)
    {
        // Its blob came before it and is stored, or is the problem that the job will end with.
        if (current.Row is not { } row || current.Problem is not null) return;
        try
        {
            await row.Checkpoint(new WorkCheckpoint(checkpoint.Step, checkpoint.Hash)).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // A checkpoint that is not kept costs time if the slot dies, and nothing else.
        }
    }

    private async Task Tell(Assignment current, SlotFrame.WantKeys want)
    {
        while (!_ended.IsCancellationRequested && _current == current)
        {
            try
            {
                var lives = current.Row is { } row && (want.Key == "" || await row.PutKey(want.Key, want.Value).ConfigureAwait(false));
                var keys = lives ? await current.Row!.Keys().ConfigureAwait(false) : null;
                await TryWrite(new SlotFrame.Keys(
                    want.Number, keys is not null, keys ?? new Dictionary<string, byte[]>())).ConfigureAwait(false);
                return;
            }
            catch (StoreException)
            {
                // The store is away. Its lease ends meanwhile, or it comes back and says what became of the generation.
                await Task.Delay(_limits.Poll, _time).ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task TryWrite(SlotFrame frame)
    {
        try
        {
            await _pipe.Write(frame, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The reader sees the same end and says why.
        }
    }

    private SlotOutcome Death() => Volatile.Read(ref _verdict) ?? new SlotOutcome.Died(
        $"the slot died with exit code {_process.ExitCode}{(_words.Text is { Length: > 0 } words ? $"; its last words: {words}" : "")}");

    private sealed record Assignment(long Number, SlotJob Job, IBlobStore Blobs, Action<double, string> Progress, ISlotRow? Row)
    {
        public TaskCompletionSource<SlotOutcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>What the node failed to do for this job.</summary>
        public string? Problem { get; set; }
    }
}
