using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Stores;
using Npgsql;

namespace Hosting.Tests.Postgres;

/// <summary>The roles of deploy/postgres/roles.sql: each does its part, and no more.</summary>
public sealed class RoleTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_node_works_under_the_nodes_role_alone_and_cannot_change_the_schema_or_the_incarnation()
    {
        var admin = await SharedPostgres.NewDatabase();
        var (deploy, node, read) = await MakeUsers(admin);
        var options = Databases.Options(deploy) with { Migrate = MigrateMode.Check };
        Assert.NotEmpty(await PostgresStore.Migrate(options, contract: false, dryRun: false, None));
        Assert.Equal("athanor_owner", await Databases.Ask(admin, "SELECT tableowner FROM pg_tables WHERE tablename = 'journal'"));

        await using (var store = await PostgresStore.Open(options with { Connection = node }, TimeProvider.System))
        {
            await using var held = await store.LockNode("node-a", None);
            await store.RenewNode("node-a", "here", ["shards"], TimeSpan.FromMinutes(1), None);
            await store.NoteSkew("node-a", TimeSpan.FromSeconds(1), None);
            var driver = new StoreDriver(store);
            var (a, b) = (StoreDriver.Entity(1), StoreDriver.Entity(2));
            await driver.Append(a, "one", "two");
            var told = await driver.Tell(a, b, "first", "second", "third");
            var shard = driver.ShardOf(b);
            Assert.True(await driver.Commit(await driver.Empty(shard) with
            {
                Handled = [told[0].Id],
                Parked = [new ParkedRow(told[1], "it threw", await store.Now(None))],
                TimersSet = [new TimerRow(shard, b, "t", await store.Now(None), StoreDriver.Message("due"))],
                TimersRemoved = [(b, "never")],
                Replies = [new ReplyRow("default", Guid.CreateVersion7(), new byte[] { 1 }, StoreDriver.Message("answer"), shard)],
                Faults = [new FaultRow(b, "damaged")],
                Snapshots = [new SnapshotRow(b, 0, StoreDriver.Message("state"), new byte[32])],
                Work = [driver.Work(b, "w")],
                WorkCancelled = ["never"],
            }));
            Assert.True(await driver.Commit(await driver.Empty(shard) with { Faults = [new FaultRow(b, null)], Unparked = [told[1].Id] }));
            var lease = (await store.LeaseWork("slot", ["cpu"], 1, TimeSpan.FromMinutes(1), None)).Single();
            Assert.True(await store.CompleteWork(lease.Work.Id, lease.Token, StoreDriver.Message("result"), None));
            Assert.Equal(["third", "result"], await driver.Mailbox(b));
            await store.RaiseFeatureLevel(1, None);
            Assert.Empty(await store.Verify(None).ToListAsync());
            await store.Release(shard, "node-a", (await driver.Row(shard)).Epoch, None);

            var refused = await Assert.ThrowsAnyAsync<StoreException>(() => store.RaiseIncarnation(None));
            Assert.Contains("lacks a right", refused.Message);
            await store.RemoveNode("node-a", None);
        }
        Assert.True(await OfOwner(options, deploy) > 1);

        foreach (var forbidden in (string[])[
            "UPDATE cluster SET shards = 1", "UPDATE journal SET body = ''", "DELETE FROM shard", "DROP TABLE journal", "CREATE TABLE athanor.mine (a int)",
            "CREATE TABLE public.mine (a int)", "TRUNCATE mail", "DELETE FROM schema_migration"])
            await Forbidden(node, forbidden);
        foreach (var forbidden in (string[])["INSERT INTO fault VALUES('a', 1, 'b', 1)", "UPDATE shard SET last = 0", "DELETE FROM mail"])
            await Forbidden(read, forbidden);
        Assert.Equal(2L, await Databases.Ask(read, "SELECT count(*) FROM journal"));
    }

    private static async Task<long> OfOwner(PostgresStoreOptions options, string deploy)
    {
        await using var store = await PostgresStore.Open(options with { Connection = deploy }, TimeProvider.System);
        return await store.RaiseIncarnation(None);
    }

    private static async Task Forbidden(string connection, string sql)
    {
        var refused = await Assert.ThrowsAnyAsync<PostgresException>(() => Databases.Ask(connection, sql));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    /// <summary>As the head of roles.sql says.</summary>
    private static async Task<(string Deploy, string Node, string Read)> MakeUsers(string admin)
    {
        var script = await File.ReadAllTextAsync(Path.Combine(RepositoryFiles.Root, "deploy", "postgres", "roles.sql"));
        await Databases.Ask(admin, script);
        await Databases.Ask(admin, script);
        await Databases.Ask(
            admin,
            """
            CREATE ROLE test_deploy LOGIN PASSWORD 'only-for-tests' IN ROLE athanor_owner;
            ALTER ROLE test_deploy SET role = athanor_owner;
            CREATE ROLE test_node LOGIN PASSWORD 'only-for-tests' IN ROLE athanor_node;
            CREATE ROLE test_read LOGIN PASSWORD 'only-for-tests' IN ROLE athanor_read;
            """);
        return (As("test_deploy"), As("test_node"), As("test_read"));

        string As(string user) => new NpgsqlConnectionStringBuilder(admin) { Username = user, Password = "only-for-tests" }.ConnectionString;
    }
}
