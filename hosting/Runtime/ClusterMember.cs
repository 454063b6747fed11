using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// A member of a cluster without roles, for the time of a command: it is in no table, holds no lock, owns and leases nothing. It reads who
/// owns what from the database, and asks owners as one node asks another.
/// </summary>
public sealed class ClusterMember : IAsyncDisposable
{
    private readonly IStore _store;
    private readonly INodeLink _link;
    private readonly OwnerTable _owners = new();
    private readonly SemaphoreSlim _reading = new(1);
    private readonly TimeProvider _time;
    private readonly TimeSpan _viewEvery;
    private long _readAt;
    private volatile bool _stale = true;

    private ClusterMember(AthanorOptions options, IStore store, IBlobStore blobs, INodeLink link, MessageRegistry messages, TimeProvider time)
    {
        (_store, _link, _time, _viewEvery) = (store, link, time, options.Shards.ViewEvery);
        Blobs = blobs;
        // No node has this name, so that no shard seems to be this member's own.
        var route = new OwnerRoute("", store.ShardCount, null, _owners, link, messages, Fresh, _ => _stale = true);
        Client = new RoutedClient(
            route, store, blobs, messages, new ClientTimes(options.Entities.AskTimeout, options.Entities.AskTimeout), static () => null,
            static () => "asked from a command", "local", time);
    }

    public IClusterClient Client { get; }

    public IStore Store => _store;

    public IBlobStore Blobs { get; }

    /// <exception cref="StoreException">The database cannot be reached or used; the message says what to do.</exception>
    public static async Task<ClusterMember> Open(AthanorOptions options, TimeProvider time, CancellationToken cancellation = default)
    {
        var store = await PostgresStore.Open(PostgresStoreOptions.Of(options), time, cancellation).ConfigureAwait(false);
        try
        {
            var identities = TransportIdentities.Open(options.Transport, options.Node.Name, time, NullLogger.Instance);
            var link = new NodeLink(options.Transport, options.Node.Name, identities, time, NullLogger.Instance);
            var blobs = BlobStores.Open(
                options.Blobs, Path.Combine(options.StateDirectory, "blobs"), PostgresStoreOptions.Of(options), time);
            return new ClusterMember(options, store, blobs, link, Families.Messages, time);
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
        if (Blobs is IAsyncDisposable blobs) await blobs.DisposeAsync().ConfigureAwait(false);
        _reading.Dispose();
    }

    /// <summary>Reads the tables when they were read too long ago, or when an answer showed that they have changed.</summary>
    private async Task Fresh(CancellationToken cancellation)
    {
        if (!_stale && _time.GetElapsedTime(Volatile.Read(ref _readAt)) < _viewEvery) return;
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (!_stale && _time.GetElapsedTime(Volatile.Read(ref _readAt)) < _viewEvery) return;
            _stale = false;
            var now = await _store.Now(cancellation).ConfigureAwait(false);
            _owners.Read(
                now, await _store.ReadNodes(cancellation).ConfigureAwait(false), await _store.ReadShards(cancellation).ConfigureAwait(false));
            Volatile.Write(ref _readAt, _time.GetTimestamp());
        }
        catch
        {
            _stale = true;
            throw;
        }
        finally
        {
            _reading.Release();
        }
    }
}
