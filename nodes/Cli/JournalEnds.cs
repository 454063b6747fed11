using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Journal.Copy;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;

namespace Athanor.Nodes.Cli;

/// <summary>A journal that a command opens by itself, without hosting it: <c>sqlite:DIR</c> or <c>postgres:CONNECTION</c>. A directory is
/// locked as long as it is open, so that no node runs on it.</summary>
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

    public string Name { get; }

    public IStore Store { get; }

    public IBlobStore Blobs { get; }

    public CopyEnd CopyEnd => new(Name, Store, Blobs);

    /// <summary>The journal that the common options name, for writing.</summary>
    public static Task<JournalEnd> OpenOwn(AthanorOptions options, CancellationToken cancellation) => options.Store.Kind == "postgres"
        ? OpenDatabase(PostgresStoreOptions.Of(options), options, cancellation)
        : Task.FromResult(OpenDirectory(options.StateDirectory, write: true, null, options));

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
        _directory?.Dispose();
    }

    private static async Task<JournalEnd> OpenDatabase(
        PostgresStoreOptions settings, AthanorOptions options, CancellationToken cancellation)
    {
        var store = await PostgresStore.Open(settings, TimeProvider.System, cancellation);
        // The blobs of a database lie in the state directory that the command is given.
        return new JournalEnd(
            store.Target, store, new DirectoryBlobStore(Path.Combine(options.StateDirectory, "blobs"), TimeProvider.System), null);
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
            return new JournalEnd(directory.Root, store, new DirectoryBlobStore(directory.BlobsPath, TimeProvider.System), directory);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }
}
