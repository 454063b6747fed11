using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>
/// The embedded store: one SQLite database in WAL mode with <c>synchronous=FULL</c>, one writer, a few readers.
///
/// Who may open it. One process at a time for writing; the lock of the state directory sees to that, and the store trusts it. So an
/// opening for writing knows that all earlier owners are gone: it takes every shard into a new epoch without an owner, empties the node
/// table and gives leased work back (which counts no death). Any number of processes may open it for reading beside the writer.
///
/// Durability. A commit returns after SQLite has flushed the log. A database on which <c>synchronous</c> cannot be FULL is refused.
/// The log is moved into the database when it has grown to <see cref="SqliteStoreOptions.CheckpointPages"/>, and when the store closes.
///
/// Damage. The log is looked at before SQLite takes it over (<see cref="LogCheck"/>). Every row carries a CRC over its columns and its
/// table's name, checked whenever it is read; an entity's history is checked against its hash chain and its head as well. Damaged pages
/// that SQLite notices become <see cref="DamageException"/>. A damaged row of
/// <c>shard</c> is made anew at the next opening for writing: its numbers are taken from the rows that are there, and the incarnation is
/// raised, so nothing of the old epochs is accepted afterwards.
/// </summary>
public sealed partial class SqliteStore : IStore
{
    private const int DefaultShards = 16;

    private readonly SqliteStoreOptions _options;
    private readonly StoreClock _clock;
    private readonly DamageReports _reports;
    private readonly SqliteReaders _readers;
    private readonly SqliteWriter? _writer;
    private long _incarnation;

    private SqliteStore(string path, SqliteStoreOptions options, TimeProvider time, bool write)
    {
        FilePath = Path.GetFullPath(path);
        _options = options;
        _clock = new StoreClock(time);
        _reports = new DamageReports(options.OnDamage);
        if (write && LogCheck.Check(FilePath) is { } cutShort) _reports.Add(cutShort);
        var connection = Connect(write);
        try
        {
            if (write)
            {
                SqliteSchema.Prepare(connection, options.ShardCount ?? DefaultShards, options.SchemaVersion);
                // An older process may have died with the first page only in the log.
                connection.Checkpoint(raw.SQLITE_CHECKPOINT_PASSIVE);
            }
            else
            {
                SqliteSchema.Check(connection);
            }
            SqliteSchema.CheckFile(FilePath);
            ShardCount = (int)ReadMeta(connection, MetaTable.Shards, CountShards);
            if (options.ShardCount is { } wanted && wanted != ShardCount)
            {
                throw new StoreException(
                    $"{FilePath}: was made with {ShardCount} shards, and {wanted} are asked for; "
                    + $"the number is fixed for the life of a store: ask for {ShardCount}, or copy the journal into a new store");
            }
            if (write) TakeOver(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        if (write) _writer = new SqliteWriter(connection, () => Connect(true));
        else connection.Dispose();
        _readers = new SqliteReaders(() => Connect(false), options.Readers);
    }

    /// <summary>Full path of the database.</summary>
    public string FilePath { get; }

    public int ShardCount { get; }

    /// <summary>How often this database was opened for writing, this opening included; 0 when it is open for reading.</summary>
    public long Opening { get; private set; }

    /// <summary>Opens for writing, and makes the database if there is none. The caller holds the directory's lock.</summary>
    /// <exception cref="StoreException">It cannot be opened or written, is no journal, has another number of shards, or is not
    /// durable.</exception>
    /// <exception cref="DamageException">Its schema or the rows that say what it is are damaged.</exception>
    public static SqliteStore Open(string path, SqliteStoreOptions options, TimeProvider time)
    {
        if (options.ShardCount is { } shards && (shards < 1 || shards >= SqliteColumns.MaxShards))
            throw new StoreException($"{path}: a store has 1 to {SqliteColumns.MaxShards - 1} shards, not {shards}");
        return new SqliteStore(path, options, time, write: true);
    }

    /// <summary>Opens an existing database for reading, beside whoever may be writing. Calls that write are refused.</summary>
    /// <exception cref="StoreException">There is none, or it is no journal that this build reads.</exception>
    public static SqliteStore OpenForReading(string path, SqliteStoreOptions options, TimeProvider time)
    {
        if (!File.Exists(path)) throw new StoreException($"{path}: there is no journal");
        return new SqliteStore(path, options, time, write: false);
    }

    public Task<DateTimeOffset> Now(CancellationToken cancellation) => Task.FromResult(_clock.Now());

    public IAsyncEnumerable<Damage> Verify(CancellationToken cancellation) =>
        new SqliteVerifier(FilePath, _options.BusyTimeout, ShardCount).Run(cancellation);

    /// <summary>Waits for what was begun, moves the log into the database and closes it.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.Run(() =>
        {
            _readers.Dispose();
            _writer?.Dispose();
        }).ConfigureAwait(false);
    }

    /// <exception cref="StoreException"><c>synchronous</c> or the log are not what was asked for.</exception>
    internal static void CheckDurability(SqliteConnection connection)
    {
        var (synchronous, log) = (connection.ReadLong("PRAGMA synchronous"), connection.ReadText("PRAGMA journal_mode"));
        if (synchronous < 2 || log != "wal")
        {
            throw new StoreException(
                $"{connection.File}: commits would not be durable (synchronous={synchronous}, journal_mode={log}; "
                + "needed are 2 or 3 and wal); the file system must support shared memory and flushing; "
                + "network file systems often do not");
        }
    }

    /// <summary>Changes the limit of <see cref="SqliteStoreOptions.MaxPages"/> while the store is open.</summary>
    internal Task SetMaxPages(long pages) => Write(c => c.ReadLong($"PRAGMA max_page_count = {pages}"), CancellationToken.None);

    private SqliteConnection Connect(bool write)
    {
        if (_options.Synchronous.ToLowerInvariant() is not ("full" or "extra"))
        {
            throw new StoreException(
                $"{FilePath}: synchronous={_options.Synchronous} would lose acknowledged commits with the power; "
                + "allowed are full and extra");
        }
        var connection = SqliteConnection.Open(FilePath, write, _options.BusyTimeout);
        try
        {
            // This build of SQLite switches foreign keys on; the journal has none. Page sizes and sanity come before the first read.
            connection.Execute("PRAGMA foreign_keys = OFF");
            connection.Execute("PRAGMA cell_size_check = ON");
            connection.Execute("PRAGMA trusted_schema = OFF");
            connection.Execute("PRAGMA cache_size = -16384");
            if (!write)
            {
                connection.Execute("PRAGMA query_only = ON");
                return connection;
            }
            connection.Execute("PRAGMA page_size = 4096");
            connection.Execute("PRAGMA journal_mode = WAL");
            connection.Execute($"PRAGMA synchronous = {_options.Synchronous}");
            CheckDurability(connection);
            connection.Execute($"PRAGMA wal_autocheckpoint = {_options.CheckpointPages}");
            connection.Execute("PRAGMA journal_size_limit = 67108864");
            if (_options.MaxPages is { } pages) connection.Execute($"PRAGMA max_page_count = {pages}");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void TakeOver(SqliteConnection connection)
    {
        connection.Execute("BEGIN IMMEDIATE");
        try
        {
            MetaTable.Put(connection, MetaTable.Shards, ShardCount);
            Opening = ReadMeta(connection, MetaTable.Openings, _ => 0) + 1;
            MetaTable.Put(connection, MetaTable.Openings, Opening);
            _incarnation = ReadMeta(connection, MetaTable.Incarnation, c => c.ReadLong("SELECT max(incarnation) FROM shard") + 1);
            TakeShards(connection);
            MetaTable.Put(connection, MetaTable.Incarnation, _incarnation);
            connection.Execute("DELETE FROM node");
            TakeWork(connection);
            _arrivals = connection.ReadLong($"SELECT coalesce(max(seq & {SqliteColumns.NumberOf(-1)}), 0) FROM mail");
            connection.Execute("COMMIT");
        }
        catch
        {
            connection.Rollback();
            throw;
        }
    }

    private void TakeShards(SqliteConnection connection)
    {
        var damaged = false;
        for (var shard = 0; shard < ShardCount; shard++)
        {
            ShardRow row;
            try
            {
                row = ShardTable.Read(connection, shard);
            }
            catch (DamageException e)
            {
                _reports.Add(e);
                if (!damaged) _incarnation++;
                damaged = true;
                row = Remake(connection, shard, _incarnation);
            }
            ShardTable.Put(connection, row with
            {
                Owner = null,
                Epoch = new Epoch(Math.Max(row.Epoch.Incarnation, _incarnation), row.Epoch.Counter + 1),
                LeaseUntil = DateTimeOffset.MinValue,
            });
        }
    }

    /// <summary>What the database says of itself can be learned from its other rows when it is damaged; this opening then writes it
    /// anew.</summary>
    private long ReadMeta(SqliteConnection connection, string name, Func<SqliteConnection, long> otherwise)
    {
        try
        {
            return MetaTable.Read(connection, name);
        }
        catch (DamageException e)
        {
            _reports.Add(e);
            return otherwise(connection);
        }
    }

    private long CountShards(SqliteConnection connection)
    {
        if (_options.ShardCount is { } said) return said;
        var (count, highest) = (connection.ReadLong("SELECT count(*) FROM shard"), connection.ReadLong("SELECT max(shard) FROM shard"));
        return count > 0 && count == highest + 1
            ? count
            : throw new DamageException("meta, shards", "the number of shards is lost; open the store with the number it was made with");
    }

    /// <summary>A row in place of one that is lost. The number of the last commit only has to lie beyond those by which messages still
    /// there are known, and the raised incarnation fences whoever knew the old one.</summary>
    private static ShardRow Remake(SqliteConnection connection, int shard, long incarnation)
    {
        var (from, to) = (SqliteColumns.Sequence(shard, 0), SqliteColumns.Sequence(shard + 1, 0) - 1);
        var last = Math.Max(
            connection.ReadLong($"SELECT coalesce(max(source_number), 0) FROM mail WHERE source_shard = {shard}"),
            connection.ReadLong($"SELECT coalesce(max(source_number), 0) FROM parked WHERE source_shard = {shard}"));
        var events = connection.ReadLong($"SELECT coalesce(max(seq), {from}) - {from} FROM journal WHERE seq BETWEEN {from} AND {to}");
        return new ShardRow(shard, null, new Epoch(incarnation, 0), last, DateTimeOffset.MinValue, events);
    }

    private Task<T> Read<T>(Func<SqliteConnection, T> action, CancellationToken cancellation) => _readers.Read(action, cancellation);

    private Task<T> Write<T>(Func<SqliteConnection, T> action, CancellationToken cancellation) => _writer is null
        ? throw new StoreException($"{FilePath}: is open for reading only")
        : _writer.Do(action, cancellation);
}
