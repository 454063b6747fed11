using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Npgsql;

namespace Hosting.Tests.Postgres;

/// <summary>Databases of the shared server, and statements beside the store.</summary>
internal static class Databases
{
    public const int Shards = 4;

    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static PostgresStoreOptions Options(string connection) => new()
    {
        Connection = connection,
        ShardCount = Shards,
        Migrate = MigrateMode.Auto,
    };

    public static async Task<(PostgresStore Store, string Connection)> Make(Func<PostgresStoreOptions, PostgresStoreOptions>? change = null)
    {
        var connection = await SharedPostgres.NewDatabase();
        var options = Options(connection);
        return (await PostgresStore.Open(change?.Invoke(options) ?? options, TimeProvider.System), connection);
    }

    /// <summary>Takes everything out of a database that has the schema, as if it had just been made.</summary>
    public static Task<object?> Empty(string connection) => Ask(
        connection,
        """
        DO $$
        DECLARE
            name text;
        BEGIN
            IF to_regclass('athanor.cluster') IS NULL THEN RETURN; END IF;
            FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'athanor' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                    AND c.relname NOT IN ('cluster', 'shard', 'schema_migration')
            LOOP EXECUTE format('DELETE FROM athanor.%I', name); END LOOP;
            FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'athanor' AND c.relkind = 'S'
            LOOP EXECUTE format('ALTER SEQUENCE athanor.%I RESTART', name); END LOOP;
            UPDATE athanor.cluster SET incarnation = 1, feature_level = 0, copying = false;
            UPDATE athanor.shard SET owner = NULL, incarnation = 1, counter = 0, last = 0, lease = 0, last_event = 0;
        END $$
        """);

    /// <summary>Another node's store on the same database.</summary>
    public static Task<PostgresStore> Open(string connection, Func<PostgresStoreOptions, PostgresStoreOptions>? change = null) =>
        PostgresStore.Open(change?.Invoke(Options(connection)) ?? Options(connection), TimeProvider.System);

    /// <summary>A session of its own, outside the store.</summary>
    public static async Task<NpgsqlConnection> Session(string connection)
    {
        var session = new NpgsqlConnection(connection + ";Pooling=false;Search Path=athanor");
        await session.OpenAsync();
        return session;
    }

    public static async Task<object?> Ask(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        return await command.ExecuteScalarAsync();
    }

    public static async Task<object?> Ask(string connection, string sql)
    {
        await using var session = await Session(connection);
        return await Ask(session, sql);
    }

    /// <summary>Asks again and again until the answer is true: a state of the server is waited for, not a time.</summary>
    public static async Task Until(string connection, string sql)
    {
        await using var session = await Session(connection);
        var begun = TimeProvider.System.GetTimestamp();
        while (await Ask(session, sql) is not true)
        {
            if (TimeProvider.System.GetElapsedTime(begun) > Patience) throw new TimeoutException($"did not become true: {sql}");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>Ends the store's sessions whose name ends so.</summary>
    public static Task<object?> EndSessions(string connection, string purpose) => Ask(
        connection,
        $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%{purpose}'");
}
