using System.Collections.Immutable;
using System.Security.Cryptography;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Work;

namespace Athanor.Hosting.Slots;

/// <summary>What a handler sees of the world from within a slot.</summary>
internal sealed class SlotWorkContext(
    SlotFrame.Job job, FramePipe pipe, BlobExchange blobs, KeyExchange keys, CancellationToken cancellation) : IWorkContext
{
    private static readonly TimeSpan LeastBetweenReports = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private ImmutableArray<string> _put = [];
    private long _reported;

    public ulong Seed => job.Seed;

    public CancellationToken Cancellation => cancellation;

    /// <summary>Hashes put so far, in order.</summary>
    public ImmutableArray<string> Put
    {
        get
        {
            lock (_gate) return _put;
        }
    }

    public WorkCheckpoint? Checkpoint => job.Checkpoint;

    public IGang? Gang { get; } = job.Gang is { } place ? new SlotGang(place, job.Number, keys, cancellation) : null;

    public void SaveCheckpoint(long step, ReadOnlyMemory<byte> content)
    {
        // Not among the result's blobs: it is kept for as long as the row is open.
        var hash = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        pipe.WriteBlocking(new SlotFrame.PutBlob(job.Number, hash, content.ToArray()));
        pipe.WriteBlocking(new SlotFrame.Saved(job.Number, step, hash));
    }

    public ReadOnlyMemory<byte> GetBlob(string hash) => job.Inputs.Contains(hash) || job.Checkpoint?.Blob == hash
        ? blobs.Get(hash, cancellation)
        // Only what the row names is kept from the sweep, and only that makes the work the same wherever it is done.
        : throw new WorkRefusedException($"blob {hash} is not among the inputs that the work was dispatched with");

    public string PutBlob(ReadOnlyMemory<byte> content)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        pipe.WriteBlocking(new SlotFrame.PutBlob(job.Number, hash, content.ToArray()));
        lock (_gate) _put = _put.Add(hash);
        return hash;
    }

    public void Report(double done, string note)
    {
        if (!double.IsFinite(done)) throw new ArgumentOutOfRangeException(nameof(done), done, "the fraction done is a number in [0, 1]");
        // A handler may report every step; a reader of bars needs no more than some twenty a second.
        var now = TimeProvider.System.GetTimestamp();
        lock (_gate)
        {
            if (_reported != 0 && done < 1 && TimeProvider.System.GetElapsedTime(_reported, now) < LeastBetweenReports) return;
            var progress = new SlotFrame.Progress(job.Number, Math.Clamp(done, 0, 1), note);
            // While a checkpoint is on its way, work does not wait for it only to say how far it is.
            if (done >= 1) pipe.WriteBlocking(progress);
            else if (!pipe.TryWriteBlocking(progress)) return;
            _reported = now;
        }
    }
}
