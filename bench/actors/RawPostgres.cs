using Npgsql;
using NpgsqlTypes;

namespace Athanor.Bench.Actors;

/// <summary>The baseline of a persisted command in a cluster: the rows that one leads to, in tables of the same columns and indexes, written
/// in the fastest way that PostgreSQL knows for them (arrays, one prepared statement a transaction), without fences, seals, CRCs, hashes or
/// entities. Each writer has shards of its own, as a node's writers have.</summary>
internal sealed class RawPostgres : IAsyncDisposable
{
    private const string Tables = """
        CREATE TABLE raw_shard (shard integer PRIMARY KEY, last bigint NOT NULL, last_event bigint NOT NULL) WITH (fillfactor = 20);
        INSERT INTO raw_shard SELECT i, 0, 0 FROM generate_series(0, 15) i;
        CREATE TABLE raw_journal (
            shard integer NOT NULL, number bigint NOT NULL, entity text COLLATE "C" NOT NULL, entity_number bigint NOT NULL,
            incarnation bigint NOT NULL, counter bigint NOT NULL, kind text COLLATE "C" NOT NULL, version integer NOT NULL,
            body bytea NOT NULL, time bigint NOT NULL, principal text NOT NULL, trace text, previous bytea NOT NULL, hash bytea NOT NULL,
            crc integer NOT NULL, PRIMARY KEY (shard, number), UNIQUE (shard, entity, entity_number));
        CREATE TABLE raw_head (
            entity text COLLATE "C" PRIMARY KEY, shard integer NOT NULL, entity_number bigint NOT NULL, hash bytea NOT NULL,
            awaits boolean NOT NULL, time bigint NOT NULL, crc integer NOT NULL) WITH (fillfactor = 70);
        CREATE TABLE raw_mail (
            shard integer NOT NULL, source_shard integer NOT NULL, source_number bigint NOT NULL, n integer NOT NULL,
            entity text COLLATE "C" NOT NULL, sender text COLLATE "C", kind text COLLATE "C" NOT NULL, version integer NOT NULL,
            body bytea NOT NULL, trace text, crc integer NOT NULL, told timestamptz NOT NULL DEFAULT now(),
            seq bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (shard, source_shard, source_number, n));
        CREATE INDEX raw_mail_arrival ON raw_mail (shard, seq);
        CREATE TABLE raw_reply (
            tenant text COLLATE "C" NOT NULL, key uuid NOT NULL, request_hash bytea NOT NULL, kind text COLLATE "C" NOT NULL,
            version integer NOT NULL, body bytea NOT NULL, shard integer NOT NULL, crc integer NOT NULL, time bigint NOT NULL,
            PRIMARY KEY (tenant, key));
        CREATE INDEX raw_reply_time ON raw_reply USING brin (time);
        """;

    private const string Commit = """
        WITH event AS (
            INSERT INTO raw_journal SELECT shard, number, entity, entity_number, 1, 1, 'bench.stored', 1, body, $9, 'bench', NULL, hash, hash, 7
            FROM unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[]) AS e(shard, number, entity, entity_number, body, hash)),
        head AS (
            INSERT INTO raw_head SELECT entity, shard, entity_number, hash, false, $9, 7
            FROM unnest($10::int[], $11::text[], $12::bigint[], $13::bytea[]) AS h(shard, entity, entity_number, hash)
            ON CONFLICT (entity) DO UPDATE SET entity_number = EXCLUDED.entity_number, hash = EXCLUDED.hash, time = EXCLUDED.time),
        handled AS (
            DELETE FROM raw_mail m USING unnest($14::int[], $15::int[], $16::bigint[], $17::int[]) AS o(shard, source, number, n)
            WHERE m.shard = o.shard AND m.source_shard = o.source AND m.source_number = o.number AND m.n = o.n),
        told AS (
            INSERT INTO raw_mail(shard, source_shard, source_number, n, entity, sender, kind, version, body, crc)
            SELECT target, shard, $18, n, receiver, entity, 'bench.note', 1, '\x8100', 7
            FROM unnest($1::int[], $3::text[], $7::text[], $19::int[], $20::int[]) AS t(shard, entity, receiver, n, target)),
        reply AS (
            INSERT INTO raw_reply SELECT 'default', key, hash, 'std.done', 1, '\x80', shard, 7, $9
            FROM unnest($1::int[], $6::bytea[], $8::uuid[]) AS r(shard, hash, key) ON CONFLICT (tenant, key) DO NOTHING)
        UPDATE raw_shard SET last = last + 1, last_event = last_event + 1 WHERE shard = ANY($1)
        """;

    private readonly List<Writer> _writers = [];

    public static async Task<RawPostgres> Open(string connection, int writers)
    {
        var raw = new RawPostgres();
        await using (var setup = new NpgsqlConnection(connection))
        {
            await setup.OpenAsync();
            await using var command = new NpgsqlCommand("DROP TABLE IF EXISTS raw_shard, raw_journal, raw_head, raw_mail, raw_reply; " + Tables, setup);
            await command.ExecuteNonQueryAsync();
        }
        for (var i = 0; i < writers; i++)
        {
            var writer = new Writer(new NpgsqlConnection(connection), i, writers);
            await writer.Open(Commit);
            raw._writers.Add(writer);
        }
        return raw;
    }

    /// <summary>Each writer commits so many commands at a time until the time is up.</summary>
    public async Task<(long Count, List<double> Milliseconds)> Run(int commands, double seconds)
    {
        var all = await Task.WhenAll(_writers.Select(writer => Task.Run(() => writer.Run(commands, seconds))));
        return (all.Sum(static times => (long)times.Count) * commands, [.. all.SelectMany(static times => times)]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var writer in _writers) await writer.DisposeAsync();
    }

    private sealed class Writer(NpgsqlConnection connection, int own, int writers) : IAsyncDisposable
    {
        private readonly Random _random = new(own);
        private readonly Dictionary<int, long> _numbers = [];
        private readonly byte[] _payload = new byte[CommandBench.Payload + 5];
        private readonly byte[] _hash = new byte[32];
        private List<(int Shard, int Source, long Number, int N)> _told = [];
        private NpgsqlCommand _command = null!;
        private long _commits;
        private long _events;

        public async Task Open(string text)
        {
            await connection.OpenAsync();
            _command = new NpgsqlCommand(text, connection);
            NpgsqlDbType[] types =
            [
                NpgsqlDbType.Integer, NpgsqlDbType.Bigint, NpgsqlDbType.Text, NpgsqlDbType.Bigint, NpgsqlDbType.Bytea, NpgsqlDbType.Bytea,
                NpgsqlDbType.Text, NpgsqlDbType.Uuid, 0, NpgsqlDbType.Integer, NpgsqlDbType.Text, NpgsqlDbType.Bigint, NpgsqlDbType.Bytea,
                NpgsqlDbType.Integer, NpgsqlDbType.Integer, NpgsqlDbType.Bigint, NpgsqlDbType.Integer, 0, NpgsqlDbType.Integer,
                NpgsqlDbType.Integer,
            ];
            foreach (var type in types)
                _command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type == 0 ? NpgsqlDbType.Bigint : NpgsqlDbType.Array | type });
            await _command.PrepareAsync();
        }

        public async Task<List<double>> Run(int commands, double seconds)
        {
            var (times, began) = (new List<double>(), System.Diagnostics.Stopwatch.GetTimestamp());
            while (System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
            {
                var from = System.Diagnostics.Stopwatch.GetTimestamp();
                Fill(commands);
                await _command.ExecuteNonQueryAsync();
                times.Add(System.Diagnostics.Stopwatch.GetElapsedTime(from).TotalMilliseconds);
            }
            return times;
        }

        public async ValueTask DisposeAsync()
        {
            await _command.DisposeAsync();
            await connection.DisposeAsync();
        }

        private void Fill(int commands)
        {
            var time = TimeProvider.System.GetUtcNow();
            var entities = new int[commands];
            // This writer's shards only: two writers never wait for each other's row.
            for (var i = 0; i < commands; i++) entities[i] = _random.Next(CommandBench.Entities / writers) * writers + own;
            var receivers = Enumerable.Range(0, commands).Select(_ => _random.Next(CommandBench.Entities / writers) * writers + own).ToArray();
            var touched = entities.Distinct().ToArray();
            var numbers = entities.Select(entity => _numbers[entity] = _numbers.GetValueOrDefault(entity) + 1).ToArray();
            _commits++;
            var told = Enumerable.Range(0, commands).Select(i => (receivers[i] % 16, entities[i] % 16, _commits, i)).ToList();
            Set(
                entities.Select(static e => e % 16).ToArray(), entities.Select(_ => ++_events).ToArray(), entities.Select(Text).ToArray(),
                numbers, Enumerable.Repeat(_payload, commands).ToArray(), Enumerable.Repeat(_hash, commands).ToArray(),
                receivers.Select(Text).ToArray(), entities.Select(_ => Guid.CreateVersion7(time)).ToArray(), time.UtcTicks,
                touched.Select(static e => e % 16).ToArray(), touched.Select(Text).ToArray(), touched.Select(e => _numbers[e]).ToArray(),
                touched.Select(_ => _hash).ToArray(), _told.Select(static t => t.Shard).ToArray(), _told.Select(static t => t.Source).ToArray(),
                _told.Select(static t => t.Number).ToArray(), _told.Select(static t => t.N).ToArray(), _commits,
                Enumerable.Range(0, commands).ToArray(), receivers.Select(static e => e % 16).ToArray());
            _told = told;
        }

        private void Set(params object[] values)
        {
            for (var i = 0; i < values.Length; i++) _command.Parameters[i].Value = values[i];
        }

        private static string Text(int entity) => $"default/bench/unit-{entity}";
    }
}
