using SQLitePCL;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>One connection with its prepared statements. Used by one thread at a time; its user sees to that.</summary>
internal sealed class SqliteConnection : IDisposable
{
    private readonly Dictionary<string, SqliteStatement> _statements = [];
    private readonly sqlite3 _db;
    private SqliteStatement?[] _numbered = [];

    static SqliteConnection() => Batteries_V2.Init();

    private SqliteConnection(string file, sqlite3 db)
    {
        File = file;
        _db = db;
    }

    /// <summary>Path of the database.</summary>
    public string File { get; }

    public bool InTransaction => raw.sqlite3_get_autocommit(_db) == 0;

    public static SqliteConnection Open(string path, bool write, TimeSpan busyTimeout)
    {
        var flags = raw.SQLITE_OPEN_NOMUTEX | (write ? raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE : raw.SQLITE_OPEN_READONLY);
        var code = raw.sqlite3_open_v2(path, out var db, flags, null);
        if (code != raw.SQLITE_OK)
        {
            var error = SqliteErrors.Make(path, raw.sqlite3_extended_errcode(db), raw.sqlite3_errmsg(db).utf8_to_string(), "opening it");
            db.Dispose();
            throw error;
        }

        var connection = new SqliteConnection(path, db);
        raw.sqlite3_extended_result_codes(db, 1);
        raw.sqlite3_busy_timeout(db, (int)busyTimeout.TotalMilliseconds);
        return connection;
    }

    /// <summary>The statement for this text, prepared once a connection. Dispose it (which resets it) before it is asked for
    /// again.</summary>
    public SqliteStatement Prepare(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            var code = raw.sqlite3_prepare_v3(_db, sql, raw.SQLITE_PREPARE_PERSISTENT, out var prepared);
            if (code != raw.SQLITE_OK) throw Error(code, $"preparing \"{sql}\"");
            statement = new SqliteStatement(this, prepared, sql);
            _statements.Add(sql, statement);
        }
        return statement.Begin();
    }

    /// <inheritdoc cref="Prepare(string)"/>
    public SqliteStatement Prepare(SqliteText sql)
    {
        if (sql.Number < _numbered.Length && _numbered[sql.Number] is { } statement) return statement.Begin();
        statement = Prepare(sql.Text);
        if (sql.Number >= _numbered.Length) Array.Resize(ref _numbered, sql.Number + 16);
        return _numbered[sql.Number] = statement;
    }

    /// <summary>Runs a statement to its end and drops what rows it gives.</summary>
    public void Execute(string sql)
    {
        using var statement = Prepare(sql);
        while (statement.Step())
        {
            // A PRAGMA may answer with a row; who wants it asks for it.
        }
    }

    public long ReadLong(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Long(0) : 0;
    }

    public string ReadText(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Text(0) : "";
    }

    public void Rollback()
    {
        // After some errors (a full disk, an I/O error) SQLite has rolled back by itself.
        if (InTransaction) Execute("ROLLBACK");
    }

    /// <summary>Moves the log into the database file as far as readers allow.</summary>
    /// <param name="mode">One of SQLite's SQLITE_CHECKPOINT_ numbers.</param>
    /// <returns>Whether everything was moved.</returns>
    public bool Checkpoint(int mode)
    {
        var code = raw.sqlite3_wal_checkpoint_v2(_db, "main", mode, out var logged, out var moved);
        if (code is not (raw.SQLITE_OK or raw.SQLITE_BUSY)) throw Error(code, "moving the log into the database");
        return code == raw.SQLITE_OK && logged == moved;
    }

    public StoreException Error(int code, string doing) =>
        SqliteErrors.Make(File, code, raw.sqlite3_errmsg(_db).utf8_to_string(), doing);

    public void Dispose()
    {
        foreach (var statement in _statements.Values) statement.Finish();
        _statements.Clear();
        _numbered = [];
        _db.Dispose();
    }
}
