using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Athanor.Hosting.Stores.Postgres;

/// <summary>A change of the schema: its number, whether it adds (<c>expand</c>) or takes away (<c>contract</c>), and its text.</summary>
public sealed record PostgresMigration(int Number, bool Contracts, string Name, string Sql)
{
    internal string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));

    public override string ToString() => $"{Number:D4} {(Contracts ? "contract" : "expand")} {Name}";
}

/// <summary>
/// The schema and its changes: the numbered files in <c>Migrations</c>, embedded in the program and recorded in
/// <c>athanor.schema_migration</c> when they were run, each in one transaction.
///
/// The rule that lets two neighbouring releases work on one database. A release that needs something new brings an <i>expand</i>: it adds
/// (tables, columns with a default, indexes), and nothing that the release before does stops working. What is of no more use is taken away
/// by a <i>contract</i>, one release later at the earliest, run when no node of the older release is left. Hence:
/// a program lacks an expand that it knows: it is refused (or runs it, in development);
/// the database has expands that the program does not know: it runs, it was written to live with them;
/// the database has a contract that the program does not know: it is refused, because what it needs may be gone.
/// Two that migrate at once wait for each other by an advisory lock.
/// </summary>
public sealed class PostgresMigrations
{
    public const int DefaultShards = 16;

    private const long LockKey = 0x4154_484e_4d49_4752; // "ATHNMIGR"
    private const string Prefix = "Athanor.Migrations.";

    private readonly NpgsqlDataSource _source;
    private readonly string _target;
    private readonly IReadOnlyList<PostgresMigration> _known;

    internal PostgresMigrations(NpgsqlDataSource source, string target, IReadOnlyList<PostgresMigration>? known = null) =>
        (_source, _target, _known) = (source, target, known ?? Known);

    /// <summary>The migrations of this program, in order.</summary>
    public static IReadOnlyList<PostgresMigration> Known { get; } = Load();

    /// <summary>Number of the newest of them.</summary>
    public static int Newest => Known[^1].Number;

    /// <summary>Refuses a database that this program cannot work on.</summary>
    /// <exception cref="StoreException">With what to do.</exception>
    public Task Check(CancellationToken cancellation) => On(
        "checking the schema",
        async connection =>
        {
            var done = await Done(connection, cancellation).ConfigureAwait(false);
            CheckKnown(done);
            var missing = _known.Where(m => !m.Contracts && !done.ContainsKey(m.Number)).ToList();
            if (missing.Count > 0)
            {
                throw new StoreException(
                    $"{_target}: its schema lacks what this program needs ({string.Join(", ", missing)}); run 'athanor journal migrate', as a "
                    + "user who owns the schema");
            }
            return true;
        },
        cancellation);

    /// <summary>Runs what is missing.</summary>
    /// <param name="shards">Number of shards, recorded if the schema is made now.</param>
    /// <param name="contract">Also what takes away; refused while a node lives that does not know it.</param>
    /// <param name="dryRun">Only says what would be run.</param>
    /// <returns>What was run, or would be.</returns>
    public Task<IReadOnlyList<PostgresMigration>> Run(
        int shards, bool contract, CancellationToken cancellation, bool dryRun = false) => On<IReadOnlyList<PostgresMigration>>(
        "migrating the schema",
        async connection =>
        {
            if (!dryRun)
            {
                await Execute(connection, $"SET lock_timeout = 0; SELECT pg_advisory_lock({LockKey})", cancellation).ConfigureAwait(false);
                // Asking for a schema that is there takes a right that its owner need not have.
                await Execute(
                    connection,
                    """
                    DO $$ BEGIN IF to_regnamespace('athanor') IS NULL THEN CREATE SCHEMA athanor; END IF; END $$;
                    CREATE TABLE IF NOT EXISTS athanor.schema_migration (
                        number integer PRIMARY KEY, contracts boolean NOT NULL, name text NOT NULL, hash text NOT NULL,
                        run timestamptz NOT NULL DEFAULT now())
                    """,
                    cancellation).ConfigureAwait(false);
            }
            var done = await Done(connection, cancellation).ConfigureAwait(false);
            CheckKnown(done);
            var missing = _known.Where(m => (contract || !m.Contracts) && !done.ContainsKey(m.Number)).ToList();
            if (dryRun) return missing;
            foreach (var migration in missing) await Run(connection, migration, cancellation).ConfigureAwait(false);
            await Create(connection, shards, cancellation).ConfigureAwait(false);
            await Execute(connection, Text("grants.sql"), cancellation).ConfigureAwait(false);
            return missing;
        },
        cancellation);

    private static async Task Run(NpgsqlConnection connection, PostgresMigration migration, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        if (migration.Contracts) await CheckNodes(connection, migration, cancellation).ConfigureAwait(false);
        await Execute(connection, migration.Sql, cancellation).ConfigureAwait(false);
        await using var record = new NpgsqlCommand(
            "INSERT INTO athanor.schema_migration(number, contracts, name, hash) VALUES($1, $2, $3, $4)", connection)
        {
            Parameters =
            {
                new() { Value = migration.Number }, new() { Value = migration.Contracts }, new() { Value = migration.Name },
                new() { Value = migration.Hash },
            },
        };
        await record.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
    }

    private static async Task CheckNodes(NpgsqlConnection connection, PostgresMigration migration, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            "SELECT string_agg(node, ', ' ORDER BY node) FROM athanor.node WHERE schema_known < $1 AND lease > clock()", connection)
        {
            Parameters = { new() { Value = migration.Number } },
        };
        if (await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is string nodes)
        {
            throw new StoreException(
                $"{migration} takes away what older programs need, and these nodes run one: {nodes}; bring them up to date first");
        }
    }

    /// <summary>The rows of the cluster and of its shards, if there are none.</summary>
    private static async Task Create(NpgsqlConnection connection, int shards, CancellationToken cancellation)
    {
        if (shards is < 1 or >= 1 << 16) throw new StoreException($"a database has 1 to {(1 << 16) - 1} shards, not {shards}");
        await using var command = new NpgsqlCommand(
            """
            WITH made AS (INSERT INTO cluster(shards, incarnation, feature_level) VALUES($1, 1, 0) ON CONFLICT DO NOTHING RETURNING shards)
            INSERT INTO shard(shard, owner, incarnation, counter, last, lease, last_event)
            SELECT n, NULL, 1, 0, 0, 0, 0 FROM made, generate_series(0, made.shards - 1) AS n
            """,
            connection)
        {
            Parameters = { new() { Value = shards } },
        };
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    private void CheckKnown(Dictionary<int, (bool Contracts, string Name, string Hash)> done)
    {
        foreach (var (number, (contracts, name, hash)) in done.OrderBy(static d => d.Key))
        {
            if (_known.FirstOrDefault(m => m.Number == number) is { } mine)
            {
                if (mine.Hash != hash)
                    throw new StoreException($"{_target}: its migration {number:D4} {name} is not this program's; they come from different sources");
            }
            else if (contracts)
            {
                throw new StoreException(
                    $"{_target}: a newer program has taken away what this one may need (migration {number:D4} {name}; this program knows up to "
                    + $"{_known[^1].Number:D4}); use that program or a later one");
            }
        }
    }

    private static async Task<Dictionary<int, (bool Contracts, string Name, string Hash)>> Done(
        NpgsqlConnection connection, CancellationToken cancellation)
    {
        var done = new Dictionary<int, (bool, string, string)>();
        await using (var exists = new NpgsqlCommand("SELECT to_regclass('athanor.schema_migration') IS NOT NULL", connection))
        {
            if (!(bool)(await exists.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!) return done;
        }
        await using var command = new NpgsqlCommand("SELECT number, contracts, name, hash FROM athanor.schema_migration", connection);
        await using var row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        while (await row.ReadAsync(cancellation).ConfigureAwait(false))
            done.Add(row.GetInt32(0), (row.GetBoolean(1), row.GetString(2), row.GetString(3)));
        return done;
    }

    private async Task<T> On<T>(string doing, Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellation)
    {
        try
        {
            // Not pooled: closing it gives the advisory lock back.
            await using var connection = await _source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            return await action(connection).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw PostgresErrors.Make(_target, e, doing);
        }
    }

    private static async Task Execute(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        // A migration of a large database takes as long as it takes.
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    private static PostgresMigration[] Load() => [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal) && char.IsAsciiDigit(name[Prefix.Length]))
        .Select(static name =>
        {
            var words = name[Prefix.Length..].Split('.');
            return new PostgresMigration(
                int.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture), words[1] == "contract", words[2],
                Text(name[Prefix.Length..]));
        }).OrderBy(static m => m.Number)];

    private static string Text(string file)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + file)
            ?? throw new InvalidOperationException($"the migration {file} is not in the program");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
