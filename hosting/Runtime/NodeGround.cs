using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Runtime;

/// <summary>What a hosted cluster stands on: where its rows, blobs and keys lie. Disposing lets go of all of it, the lock last.</summary>
internal sealed class NodeGround : IAsyncDisposable
{
    /// <summary>This process's own directory: lock, socket, and whatever is not shared with other nodes.</summary>
    public required StateDirectory Directory { get; init; }

    public required IStore Store { get; init; }

    public required IBlobStore Blobs { get; init; }

    /// <summary>Where keys and certificates lie.</summary>
    public required string KeysPath { get; init; }

    /// <summary>The way to the other nodes that stand on the same rows. Null where there are none: the directory's lock then says that no
    /// other process writes.</summary>
    public INodeLink? Link { get; init; }

    /// <summary>Opens the door to other nodes; gives the address at which it can be reached, and what closes it.</summary>
    public Func<INodeDoor, CancellationToken, Task<(string Address, IAsyncDisposable Door)>>? Listen { get; init; }

    /// <summary>The ground that the settings name.</summary>
    public static Task<NodeGround> Open(AthanorOptions options, TimeProvider time, ILogger log, CancellationToken cancellation) =>
        options.Store.Kind == "postgres" ? Clustered(options, time, log, cancellation) : Embedded(options, time, log, cancellation);

    /// <summary>A database that many nodes share, and the way to them. The state directory holds only what is this node's own.</summary>
    private static async Task<NodeGround> Clustered(AthanorOptions options, TimeProvider time, ILogger log, CancellationToken cancellation)
    {
        var directory = StateDirectory.Open(options.StateDirectory);
        PostgresStore? store = null;
        try
        {
            store = await PostgresStore.Open(
                PostgresStoreOptions.Of(options) with
                {
                    OnDamage = damage => Log.Damage(log, damage.Table, damage.Where, damage.What),
                    OnWarning = text => Log.Note(log, NoteLevel.Warning, text),
                },
                time, cancellation).ConfigureAwait(false);
            var identities = TransportIdentities.Open(options.Transport, options.Node.Name, time, log);
            return new NodeGround
            {
                Directory = directory,
                Store = store,
                Blobs = BlobStores.Open(options.Blobs, directory.BlobsPath, PostgresStoreOptions.Of(options), time),
                KeysPath = KeysPathOf(options, directory),
                Link = new NodeLink(options.Transport, options.Node.Name, identities, time, log),
                Listen = async (door, stop) =>
                {
                    var server = await NodeServer.Start(options.Transport, options.Node.Name, door, identities, time, log, stop).ConfigureAwait(false);
                    return (server.Address, server);
                },
            };
        }
        catch
        {
            if (store is not null) await store.DisposeAsync().ConfigureAwait(false);
            directory.Dispose();
            throw;
        }
    }

    private static string KeysPathOf(AthanorOptions options, StateDirectory own)
    {
        if (options.KeysDirectory == "") return own.KeysPath;
        var path = Path.GetFullPath(options.KeysDirectory);
        if (OperatingSystem.IsWindows()) System.IO.Directory.CreateDirectory(path);
        else System.IO.Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private int _featureLevel;

    /// <summary>The cluster's recorded feature level, as last read.</summary>
    public int FeatureLevel
    {
        get => Volatile.Read(ref _featureLevel);
        set => Volatile.Write(ref _featureLevel, value);
    }

    /// <summary>Checks that this build may host the store, and tells the store where sealed events lie.</summary>
    /// <exception cref="StoreException">It may not; says why.</exception>
    public async Task Join(MessageRegistry messages, int level, CancellationToken cancellation)
    {
        if (Store is IJournalStore journal) journal.UseBlobs(Blobs);
        FeatureLevel = await JoinRules.Check(Store, messages, cancellation, level).ConfigureAwait(false);
    }

    /// <summary>A locked state directory with everything in it.</summary>
    private static async Task<NodeGround> Embedded(AthanorOptions options, TimeProvider time, ILogger log, CancellationToken cancellation)
    {
        var directory = StateDirectory.Open(options.StateDirectory);
        try
        {
            var store = await Task.Run(() => SqliteStore.Open(directory.JournalPath, StoreOptionsOf(options, log), time), cancellation)
                .ConfigureAwait(false);
            return new NodeGround
            {
                Directory = directory,
                Store = store,
                Blobs = BlobStores.Open(options.Blobs, directory.BlobsPath, null, time),
                KeysPath = KeysPathOf(options, directory),
            };
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Link is not null) await Link.DisposeAsync().ConfigureAwait(false);
        await Store.DisposeAsync().ConfigureAwait(false);
        if (Blobs is IAsyncDisposable blobs) await blobs.DisposeAsync().ConfigureAwait(false);
        Directory.Dispose();
    }

    private static SqliteStoreOptions StoreOptionsOf(AthanorOptions o, ILogger log) => new()
    {
        ShardCount = o.Shards.Count,
        ReplyRetention = o.Idempotency.Retention,
        MaxPages = o.Store.MaxSizeBytes / 4096,
        OnDamage = damage => Log.Damage(log, damage.Table, damage.Where, damage.What),
    };
}
