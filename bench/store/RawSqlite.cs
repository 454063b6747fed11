using Athanor.Hosting.Stores;
using SQLitePCL;

namespace Athanor.Bench.Store;

/// <summary>The baseline: the same rows through SQLite's own calls, in the same mode, without CRCs, fences, queues or tasks.</summary>
internal sealed class RawSqlite : IDisposable
{
    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _begin, _commit, _event, _shard, _head;

    public RawSqlite(string path)
    {
        Batteries_V2.Init();
        Check(raw.sqlite3_open(path, out _db));
        foreach (var sql in (string[])
            [
                "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 4000", "PRAGMA cache_size = -16384",
                "CREATE TABLE journal(seq INTEGER PRIMARY KEY, entity TEXT NOT NULL, entity_number INTEGER NOT NULL, "
                    + "incarnation INTEGER NOT NULL, counter INTEGER NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, "
                    + "body BLOB NOT NULL, time INTEGER NOT NULL, principal TEXT NOT NULL, trace TEXT, "
                    + "previous BLOB NOT NULL, hash BLOB NOT NULL, crc INTEGER NOT NULL)",
                "CREATE UNIQUE INDEX journal_entity ON journal(entity, entity_number)",
                "CREATE TABLE shard(shard INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
                "CREATE TABLE head(entity TEXT PRIMARY KEY, entity_number INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID",
            ]) Check(raw.sqlite3_exec(_db, sql));
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
        _event = Prepare("INSERT INTO journal VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
        _shard = Prepare("INSERT OR REPLACE INTO shard VALUES(?,?)");
        _head = Prepare("INSERT OR REPLACE INTO head VALUES(?,?,?)");
    }

    public void Commit(ShardCommit part)
    {
        Run(_begin);
        foreach (var row in part.Events)
        {
            raw.sqlite3_bind_int64(_event, 1, ((long)row.Shard << 40) | row.Number);
            raw.sqlite3_bind_text(_event, 2, row.Entity.ToString());
            raw.sqlite3_bind_int64(_event, 3, row.EntityNumber);
            raw.sqlite3_bind_int64(_event, 4, row.Epoch.Incarnation);
            raw.sqlite3_bind_int64(_event, 5, row.Epoch.Counter);
            raw.sqlite3_bind_text(_event, 6, row.Event.Kind);
            raw.sqlite3_bind_int64(_event, 7, row.Event.Version);
            raw.sqlite3_bind_blob(_event, 8, row.Event.Body.Span);
            raw.sqlite3_bind_int64(_event, 9, row.Time.UtcTicks);
            raw.sqlite3_bind_text(_event, 10, row.Principal);
            raw.sqlite3_bind_null(_event, 11);
            raw.sqlite3_bind_blob(_event, 12, row.PreviousHash.Span);
            raw.sqlite3_bind_blob(_event, 13, row.Hash.Span);
            raw.sqlite3_bind_int64(_event, 14, uint.MaxValue);
            Run(_event);
        }
        raw.sqlite3_bind_int64(_shard, 1, part.Shard);
        raw.sqlite3_bind_int64(_shard, 2, part.NewLast);
        Run(_shard);
        foreach (var head in part.Heads)
        {
            raw.sqlite3_bind_text(_head, 1, head.Entity.ToString());
            raw.sqlite3_bind_int64(_head, 2, head.EntityNumber);
            raw.sqlite3_bind_blob(_head, 3, head.Hash.Span);
            Run(_head);
        }
        Run(_commit);
    }

    public void Dispose()
    {
        foreach (var statement in (sqlite3_stmt[])[_begin, _commit, _event, _shard, _head]) statement.Dispose();
        _db.Dispose();
    }

    private sqlite3_stmt Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_db, sql, out var statement));
        return statement;
    }

    private static void Run(sqlite3_stmt statement)
    {
        if (raw.sqlite3_step(statement) != raw.SQLITE_DONE) throw new InvalidOperationException("the statement did not end");
        Check(raw.sqlite3_reset(statement));
    }

    private static void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new InvalidOperationException($"SQLite code {code}");
    }
}
