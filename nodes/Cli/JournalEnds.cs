using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Journal.Copy;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;

namespace Athanor.Nodes.Cli;

/// <summary>A journal that a command opens by itself, without hosting it: the configured one, <c>sqlite:DIR</c> or
/// <c>postgres:CONNECTION</c>. A directory that is not only looked at is locked as long as it is open, so that no node runs on it.</summary>
internal sealed class JournalEnd : IAsyncDisposable
{
    private const string Sqlite = "sqlite:";
    private const string Postgres = "postgres:";

    private readonly StateDirectory? _directory;

    private JournalEnd(string name, IStore store, IBlobStore blobs, StateDirectory? directory)
    {
        (Name, Store, Blobs, _directory) = (name, store, blobs, directory);
        ((IJournalStore)store).UseBlobs(blobs);
    }

    /// <summary>Where it is: a directory, or user@host:port/database.</summary>
    public string Name { get; }

    public IStore Store { get; }

    public IBlobStore Blobs { get; }

    /// <summary>The file of a journal in a directory; null in a database.</summary>
    public string? File => _directory?.JournalPath;

    public CopyEnd CopyEnd => new(Name, Store, Blobs);

    /// <summary>The journal that the common options name, for writing.</summary>
    public static Task<JournalEnd> OpenOwn(AthanorOptions options, CancellationToken cancellation) => options.Store.Kind == "postgres"
        ? OpenDatabase(PostgresStoreOptions.Of(options), options, cancellation)
        : Task.FromResult(OpenDirectory(options.StateDirectory, write: true, null, options));

    /// <summary>The journal that the common options name, to look at beside the nodes that may run on it.</summary>
    public static async Task<JournalEnd> OpenToRead(AthanorOptions options, CancellationToken cancellation)
    {
        if (options.Store.Kind == "postgres")
            return await OpenDatabase(PostgresStoreOptions.Of(options) with { Migrate = MigrateMode.Check }, options, cancellation);
        var directory = StateDirectory.OpenForReading(options.StateDirectory);
        var store = SqliteStore.OpenForReading(
            directory.JournalPath, new SqliteStoreOptions { OnDamage = static d => Warn($"damaged and left out: {d.Where}: {d.What}") },
            TimeProvider.System);
        return new JournalEnd(directory.Root, store, BlobStores.Open(options.Blobs, directory.BlobsPath, null, TimeProvider.System), directory);
    }

    /// <summary>The blobs that the common options name, without their journal.</summary>
    public static IBlobStore OpenBlobs(AthanorOptions options)
    {
        if (options.Store.Kind == "postgres")
            return BlobStores.Open(options.Blobs, BlobsIn(options), PostgresStoreOptions.Of(options), TimeProvider.System);
        using var directory = StateDirectory.OpenForReading(options.StateDirectory);
        return BlobStores.Open(options.Blobs, directory.BlobsPath, null, TimeProvider.System);
    }

    /// <param name="shards">Number of shards of a store that is made now.</param>
    public static async Task<JournalEnd> Open(
        string end, bool write, int? shards, AthanorOptions options, CancellationToken cancellation)
    {
        if (end.StartsWith(Sqlite, StringComparison.Ordinal) && end.Length > Sqlite.Length)
            return OpenDirectory(end[Sqlite.Length..], write, shards, options);
        if (end.StartsWith(Postgres, StringComparison.Ordinal) && end.Length > Postgres.Length)
        {
            var settings = new PostgresStoreOptions
            {
                Connection = end[Postgres.Length..],
                ShardCount = shards,
                Migrate = write ? MigrateMode.Auto : MigrateMode.Check,
            };
            return await OpenDatabase(settings, options, cancellation);
        }
        throw new UserException($"'{end}' is no journal; expected sqlite:DIRECTORY or postgres:CONNECTION, "
            + "such as postgres:Host=db.example;Database=athanor;Username=athanor");
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (Blobs is IAsyncDisposable blobs) await blobs.DisposeAsync();
        _directory?.Dispose();
    }

    private static async Task<JournalEnd> OpenDatabase(
        PostgresStoreOptions settings, AthanorOptions options, CancellationToken cancellation)
    {
        settings = settings with { OnDamage = static d => Warn($"damaged and left out: {d.Where}: {d.What}"), OnWarning = Warn };
        var store = await PostgresStore.Open(settings, TimeProvider.System, cancellation);
        try
        {
            return new JournalEnd(
                store.Target, store, BlobStores.Open(options.Blobs, BlobsIn(options), settings, TimeProvider.System), null);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    private static JournalEnd OpenDirectory(string path, bool write, int? shards, AthanorOptions options)
    {
        if (!write)
        {
            using var look = StateDirectory.OpenForReading(path);
        }
        var directory = StateDirectory.Open(path);
        try
        {
            var settings = new SqliteStoreOptions { ShardCount = shards, MaxPages = options.Store.MaxSizeBytes / 4096 };
            var store = write
                ? SqliteStore.Open(directory.JournalPath, settings, TimeProvider.System)
                : SqliteStore.OpenForReading(directory.JournalPath, settings with { ShardCount = null }, TimeProvider.System);
            return new JournalEnd(directory.Root, store, BlobsOf(directory, write, options), directory);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private static string BlobsIn(AthanorOptions options) => Path.Combine(options.StateDirectory, "blobs");

    /// <summary>The configured ones. But the settings of a copy may be those of its target alone: a source whose blobs lie in its own
    /// directory has them there.</summary>
    private static IBlobStore BlobsOf(StateDirectory directory, bool write, AthanorOptions options)
    {
        var own = new DirectoryBlobStore(directory.BlobsPath, TimeProvider.System);
        return !write && Directory.Exists(directory.BlobsPath) && own.Measure().Files > 0
            ? own
            : BlobStores.Open(options.Blobs, directory.BlobsPath, null, TimeProvider.System);
    }

    private static void Warn(string text) => Console.Error.WriteLine($"athanor: {text}");
}
