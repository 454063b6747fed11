using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Blobs;

/// <summary>
/// Collects blobs from time to time, on one node of a cluster: the one that owns shard 0. Should two do it at once, while that shard moves,
/// both judge by the same rows and the same grace, and look at each object again just before it goes. A run that fails is told and tried
/// again at the next time; a damaged row or manifest stops it before anything is set aside, because a mark may be missing then.
/// </summary>
public sealed class BlobCollector : IAsyncDisposable
{
    private readonly IStore _store;
    private readonly IBlobStore _blobs;
    private readonly BlobOptions _options;
    private readonly string _node;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public BlobCollector(IStore store, IBlobStore blobs, BlobOptions options, string node, ILogger log, TimeProvider time)
    {
        (_store, _blobs, _options, _node, _log) = (store, blobs, options, node, log);
        _running = Task.Run(() => Run(time));
    }

    /// <summary>Marks and sweeps once.</summary>
    public static async Task<BlobCollection> Once(IStore store, IBlobStore blobs, TimeSpan grace, bool dryRun, CancellationToken cancellation)
    {
        if (blobs is not IBlobCare care) throw new StoreException("blobs of this kind cannot be collected");
        // A row that cannot be read may be the only one that names a blob.
        await foreach (var damage in store.Verify(cancellation).ConfigureAwait(false))
            return new BlobCollection(0, 0, 0, 0, 0, [damage]);
        var marks = await BlobMarks.Read(store, blobs, cancellation).ConfigureAwait(false);
        return await care.Collect(marks, grace, dryRun, cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task Run(TimeProvider time)
    {
        using var timer = new PeriodicTimer(_options.CollectEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                try
                {
                    var first = (await _store.ReadShards(_stop.Token).ConfigureAwait(false)).FirstOrDefault(static row => row.Shard == 0);
                    if (first?.Owner != _node) continue;
                    Log.Collected(_log, await Once(_store, _blobs, _options.Grace, dryRun: false, _stop.Token).ConfigureAwait(false));
                }
                catch (Exception e) when (e is StoreException or KeyNotFoundException or NotSupportedException)
                {
                    Log.CollectingFailed(_log, e);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
