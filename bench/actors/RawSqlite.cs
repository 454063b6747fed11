using SQLitePCL;

namespace Athanor.Bench.Actors;

/// <summary>The baseline of a persisted command: the rows that one leads to, through SQLite's own calls, in the same mode, without CRCs,
/// hashes, fences, entities, queues or tasks.</summary>
internal sealed class RawSqlite : IDisposable
{
    private readonly Random _random = new(1);
    private readonly byte[] _payload = new byte[CommandBench.Payload + 5];
    private readonly byte[] _hash = new byte[32];
    private readonly long[] _numbers = new long[CommandBench.Entities];
    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _begin, _commit, _event, _shard, _head, _mail, _handled, _reply;
    private readonly HashSet<int> _touched = [];
    private readonly List<(int Source, long Number, int N)> _told = [];
    private long _number;

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
                "CREATE TABLE shard(shard INTEGER PRIMARY KEY, last INTEGER NOT NULL, last_event INTEGER NOT NULL)",
                "CREATE TABLE head(entity TEXT PRIMARY KEY, shard INTEGER NOT NULL, entity_number INTEGER NOT NULL, hash BLOB NOT NULL, "
                    + "awaits INTEGER NOT NULL, fault TEXT, time INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID",
                "CREATE TABLE mail(seq INTEGER PRIMARY KEY, source_shard INTEGER NOT NULL, source_number INTEGER NOT NULL, "
                    + "n INTEGER NOT NULL, entity TEXT NOT NULL, sender TEXT, kind TEXT NOT NULL, version INTEGER NOT NULL, "
                    + "body BLOB NOT NULL, trace TEXT, crc INTEGER NOT NULL)",
                "CREATE UNIQUE INDEX mail_identity ON mail(source_shard, source_number, n)",
                "CREATE TABLE reply(tenant TEXT NOT NULL, key BLOB NOT NULL, request BLOB NOT NULL, kind TEXT NOT NULL, "
                    + "version INTEGER NOT NULL, body BLOB NOT NULL, shard INTEGER NOT NULL, time INTEGER NOT NULL, crc INTEGER NOT NULL, "
                    + "PRIMARY KEY(tenant, key))",
                "CREATE INDEX reply_time ON reply(time)",
            ]) Check(raw.sqlite3_exec(_db, sql));
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
        _event = Prepare("INSERT INTO journal VALUES(?,?,?,1,1,'bench.stored',1,?,?,'bench',NULL,?,?,?)");
        _shard = Prepare("INSERT OR REPLACE INTO shard VALUES(?,?,?)");
        _head = Prepare("INSERT OR REPLACE INTO head VALUES(?,?,?,?,0,NULL,?,?)");
        _mail = Prepare("INSERT INTO mail VALUES(?,?,?,?,?,?,'bench.note',1,?,NULL,?)");
        _handled = Prepare("DELETE FROM mail WHERE source_shard = ? AND source_number = ? AND n = ?");
        _reply = Prepare("INSERT INTO reply VALUES('default',?,?,'std.done',1,?,?,?,?) ON CONFLICT(tenant, key) DO NOTHING");
    }

    /// <summary>One transaction with the rows of so many commands; it also deletes the mailbox rows of the one before.</summary>
    public void Commit(int commands)
    {
        var time = TimeProvider.System.GetUtcNow();
        _number++;
        _touched.Clear();
        Run(_begin);
        foreach (var (source, number, n) in _told)
        {
            raw.sqlite3_bind_int64(_handled, 1, source);
            raw.sqlite3_bind_int64(_handled, 2, number);
            raw.sqlite3_bind_int64(_handled, 3, n);
            Run(_handled);
        }
        _told.Clear();
        for (var i = 0; i < commands; i++) Command(i, time);
        foreach (var entity in _touched)
        {
            raw.sqlite3_bind_text(_head, 1, Text(entity));
            raw.sqlite3_bind_int64(_head, 2, entity % 16);
            raw.sqlite3_bind_int64(_head, 3, _numbers[entity]);
            raw.sqlite3_bind_blob(_head, 4, _hash);
            raw.sqlite3_bind_int64(_head, 5, time.UtcTicks);
            raw.sqlite3_bind_int64(_head, 6, uint.MaxValue);
            Run(_head);
        }
        for (var shard = 0; shard < Math.Min(16, commands); shard++)
        {
            raw.sqlite3_bind_int64(_shard, 1, shard);
            raw.sqlite3_bind_int64(_shard, 2, _number);
            raw.sqlite3_bind_int64(_shard, 3, _number);
            Run(_shard);
        }
        Run(_commit);
    }

    public void Dispose()
    {
        foreach (var statement in (sqlite3_stmt[])[_begin, _commit, _event, _shard, _head, _mail, _handled, _reply]) statement.Dispose();
        _db.Dispose();
    }

    private void Command(int i, DateTimeOffset time)
    {
        var (entity, to) = (_random.Next(CommandBench.Entities), _random.Next(CommandBench.Entities));
        _touched.Add(entity);
        raw.sqlite3_bind_int64(_event, 1, ((entity % 16L) << 40) | ((_number << 12) + i));
        raw.sqlite3_bind_text(_event, 2, Text(entity));
        raw.sqlite3_bind_int64(_event, 3, ++_numbers[entity]);
        raw.sqlite3_bind_blob(_event, 4, _payload);
        raw.sqlite3_bind_int64(_event, 5, time.UtcTicks);
        raw.sqlite3_bind_blob(_event, 6, _hash);
        raw.sqlite3_bind_blob(_event, 7, _hash);
        raw.sqlite3_bind_int64(_event, 8, uint.MaxValue);
        Run(_event);

        _told.Add((entity % 16, _number, i));
        raw.sqlite3_bind_int64(_mail, 1, ((to % 16L) << 40) | ((_number << 12) + i));
        raw.sqlite3_bind_int64(_mail, 2, entity % 16);
        raw.sqlite3_bind_int64(_mail, 3, _number);
        raw.sqlite3_bind_int64(_mail, 4, i);
        raw.sqlite3_bind_text(_mail, 5, Text(to));
        raw.sqlite3_bind_text(_mail, 6, Text(entity));
        raw.sqlite3_bind_blob(_mail, 7, _hash.AsSpan(0, 3));
        raw.sqlite3_bind_int64(_mail, 8, uint.MaxValue);
        Run(_mail);

        raw.sqlite3_bind_blob(_reply, 1, Guid.CreateVersion7(time).ToByteArray(bigEndian: true));
        raw.sqlite3_bind_blob(_reply, 2, _hash);
        raw.sqlite3_bind_blob(_reply, 3, _hash.AsSpan(0, 1));
        raw.sqlite3_bind_int64(_reply, 4, entity % 16);
        raw.sqlite3_bind_int64(_reply, 5, time.UtcTicks);
        raw.sqlite3_bind_int64(_reply, 6, uint.MaxValue);
        Run(_reply);
    }

    private static string Text(int entity) => $"default/bench/unit-{entity}";

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
