using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Npgsql;

namespace Hosting.Tests.Postgres;

/// <summary>The schema and its changes over releases.</summary>
public sealed class MigrationTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly PostgresMigration Adds = new(901, false, "adds", "ALTER TABLE athanor.node ADD COLUMN extra text");
    private static readonly PostgresMigration TakesAway = new(902, true, "takes-away", "ALTER TABLE athanor.node DROP COLUMN extra");

    [Fact]
    public async Task A_database_without_the_schema_is_refused_until_it_was_migrated_and_a_dry_run_changes_nothing()
    {
        var options = Databases.Options(await SharedPostgres.NewDatabase()) with { Migrate = MigrateMode.Check };
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => PostgresStore.Open(options, TimeProvider.System));
        Assert.Contains("run 'athanor journal migrate'", refused.Message);

        Assert.Equal(PostgresMigrations.Known, await PostgresStore.Migrate(options, contract: false, dryRun: true, None));
        Assert.Equal(false, await Databases.Ask(options.Connection, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'athanor')"));
        Assert.Equal(PostgresMigrations.Known, await PostgresStore.Migrate(options, contract: false, dryRun: false, None));
        Assert.Empty(await PostgresStore.Migrate(options, contract: false, dryRun: false, None));
        await using var store = await PostgresStore.Open(options, TimeProvider.System);
        Assert.Equal(Databases.Shards, (await store.ReadShards(None)).Count);
    }

    [Fact]
    public async Task Several_that_migrate_at_once_run_each_migration_once()
    {
        var options = Databases.Options(await SharedPostgres.NewDatabase());
        var runs = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostgresStore.Migrate(options, contract: false, dryRun: false, None)));
        Assert.Equal(PostgresMigrations.Known, runs.SelectMany(static r => r));
        Assert.Equal((long)Databases.Shards, await Databases.Ask(options.Connection, "SELECT count(*) FROM shard"));
    }

    [Fact]
    public async Task A_program_runs_on_a_schema_that_was_added_to_and_not_on_one_that_something_was_taken_from()
    {
        var connection = await SharedPostgres.NewDatabase();
        await using var source = Source(connection);
        var newer = new PostgresMigrations(source, "here", [.. PostgresMigrations.Known, Adds, TakesAway]);
        Assert.Equal([.. PostgresMigrations.Known, Adds], await newer.Run(Databases.Shards, contract: false, None));
        await newer.Check(None);

        // This build knows nothing of 901, and works; its nodes are seen to be older.
        await using (var store = await Databases.Open(connection, o => o with { Migrate = MigrateMode.Check }))
        {
            await store.RenewNode("old", "here", [], TimeSpan.FromMinutes(1), None);
            var early = await Assert.ThrowsAnyAsync<StoreException>(() => newer.Run(Databases.Shards, contract: true, None));
            Assert.Contains("these nodes run one: old", early.Message);
            await store.RemoveNode("old", None);
        }
        Assert.Equal([TakesAway], await newer.Run(Databases.Shards, contract: true, None));
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => Databases.Open(connection));
        Assert.Contains("a newer program has taken away what this one may need (migration 0902 takes-away", refused.Message);
    }

    [Fact]
    public async Task A_migration_of_another_source_is_told_apart()
    {
        var connection = await SharedPostgres.NewDatabase();
        await using var source = Source(connection);
        await new PostgresMigrations(source, "here").Run(Databases.Shards, contract: false, None);
        var other = PostgresMigrations.Known[0] with { Sql = "SELECT 1" };
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => new PostgresMigrations(source, "here", [other]).Check(None));
        Assert.Contains("different sources", refused.Message);
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_nothing_of_itself()
    {
        var connection = await SharedPostgres.NewDatabase();
        await using var source = Source(connection);
        var bad = Adds with { Sql = "CREATE TABLE athanor.half (a integer); SELECT 1 / 0" };
        await Assert.ThrowsAnyAsync<StoreException>(
            () => new PostgresMigrations(source, "here", [.. PostgresMigrations.Known, bad]).Run(Databases.Shards, contract: false, None));
        Assert.Equal(true, await Databases.Ask(connection, "SELECT to_regclass('athanor.half') IS NULL AND to_regclass('athanor.journal') IS NOT NULL"));
    }

    private static NpgsqlDataSource Source(string connection) => NpgsqlDataSource.Create(connection + ";Search Path=athanor;Pooling=false");
}
