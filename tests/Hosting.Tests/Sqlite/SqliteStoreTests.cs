using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;

namespace Hosting.Tests.Sqlite;

public sealed class SqliteStoreTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTime _time = new();

    private string File => _directory.File("journal.db");

    public void Dispose() => _directory.Dispose();

    private SqliteStore Open(SqliteStoreOptions? options = null) => SqliteStore.Open(File, options ?? new SqliteStoreOptions(), _time);

    [Fact]
    public async Task What_was_committed_is_there_after_a_reopening()
    {
        var entity = Driver.Entity(1);
        EntityHistory before;
        await using (var store = Open())
        {
            var driver = new Driver(store);
            await driver.Append(entity, "one", "two");
            await driver.Append(entity, "three");
            before = await store.ReadEntity(entity, false, None);
        }
        await using (var store = Open())
        {
            var after = await store.ReadEntity(entity, false, None);
            Assert.Equal(["one", "two", "three"], after.Events.Select(e => System.Text.Encoding.UTF8.GetString(e.Event.Body.Span)));
            Assert.Equal(before.Events.Select(e => Convert.ToHexString(e.Hash.Span)),
                after.Events.Select(e => Convert.ToHexString(e.Hash.Span)));
            Assert.Equal(3, after.Head!.EntityNumber);
            Assert.Equal(_time.GetUtcNow(), after.Events[0].Time);
            Assert.Empty(await store.Verify(None).ToListAsync());
        }
        Assert.False(System.IO.File.Exists(File + "-wal"));
    }

    [Fact]
    public async Task Each_opening_takes_every_shard_into_a_new_epoch_without_waiting_for_leases()
    {
        await using (var store = Open())
        {
            await new Driver(store).Append(Driver.Entity(1), "one");
            await store.RenewNode("node-a", "here", ["shards"], TimeSpan.FromHours(1), None);
            Assert.Equal(1, store.Opening);
        }
        await using (var store = Open())
        {
            Assert.Equal(2, store.Opening);
            Assert.Empty(await store.ReadNodes(None));
            Assert.All(await store.ReadShards(None), row => Assert.Null(row.Owner));
            await using var again = SqliteStore.OpenForReading(File, new SqliteStoreOptions(), _time);
            var driver = new Driver(store, "node-b");
            await driver.Recover(Driver.Entity(1));
            await driver.Append(Driver.Entity(1), "two");
            Assert.Equal(2, (await again.ReadEntity(Driver.Entity(1), true, None)).Events.Count);
        }
    }

    [Fact]
    public async Task A_commit_of_an_earlier_opening_is_rejected()
    {
        ShardCommit stale;
        await using (var store = Open()) stale = await new Driver(store).Part(Driver.Entity(1), "late");
        await using (var store = Open())
        {
            var result = Assert.Single(await store.Commit([stale], None));
            Assert.False(result.Accepted);
            Assert.True(result.Actual!.Epoch.CompareTo(stale.Epoch) > 0);
            Assert.Empty((await store.ReadEntity(Driver.Entity(1), true, None)).Events);
        }
    }

    [Fact]
    public async Task Work_that_was_leased_when_the_process_died_can_be_leased_at_once()
    {
        await using (var store = Open())
        {
            var driver = new Driver(store);
            await driver.Commit(await driver.Part(Driver.Entity(1), "begin") with { Work = [Work(driver, "segment-1")] });
            Assert.Equal(1, Assert.Single(await store.LeaseWork("node-a", ["cpu"], 5, TimeSpan.FromHours(1), None)).Attempt);
            Assert.Empty(await store.LeaseWork("node-a", ["cpu"], 5, TimeSpan.FromHours(1), None));
        }
        await using (var store = Open())
        {
            var lease = Assert.Single(await store.LeaseWork("node-b", ["cpu"], 5, TimeSpan.FromHours(1), None));
            Assert.Equal(2, lease.Attempt);
            Assert.Equal(0, Assert.Single(await store.ListWork(null, None)).Deaths);
        }
    }

    [Fact]
    public async Task Another_number_of_shards_is_refused()
    {
        await using (Open(new SqliteStoreOptions { ShardCount = 8 }))
        {
        }
        var e = Assert.Throws<StoreException>(() => Open(new SqliteStoreOptions { ShardCount = 16 }));
        Assert.Contains("made with 8 shards, and 16 are asked for", e.Message, StringComparison.Ordinal);
        await using var store = Open();
        Assert.Equal(8, store.ShardCount);
    }

    [Theory]
    [InlineData("normal")]
    [InlineData("off")]
    public void A_store_that_would_lose_commits_with_the_power_is_refused(string synchronous)
    {
        var e = Assert.Throws<StoreException>(() => Open(new SqliteStoreOptions { Synchronous = synchronous }));
        Assert.Contains($"synchronous={synchronous}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_on_which_synchronous_is_not_full_is_refused()
    {
        await using (Open())
        {
        }
        using var connection = SqliteConnection.Open(File, true, TimeSpan.FromSeconds(1));
        connection.Execute("PRAGMA synchronous = NORMAL");
        Assert.Contains("synchronous=1", Assert.Throws<StoreException>(() => SqliteStore.CheckDurability(connection)).Message,
            StringComparison.Ordinal);
        connection.Execute("PRAGMA synchronous = FULL");
        SqliteStore.CheckDurability(connection);
        connection.Execute("PRAGMA journal_mode = DELETE");
        Assert.Contains("journal_mode=delete", Assert.Throws<StoreException>(() => SqliteStore.CheckDurability(connection)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_foreign_database_is_refused_and_left_as_it_is()
    {
        using (var connection = SqliteConnection.Open(File, true, TimeSpan.FromSeconds(1)))
            connection.Execute("CREATE TABLE recipes(name TEXT)");
        Assert.Contains("not a journal of this program", Assert.Throws<StoreException>(() => Open()).Message, StringComparison.Ordinal);
        using var after = SqliteConnection.Open(File, true, TimeSpan.FromSeconds(1));
        Assert.Equal(1, after.ReadLong("SELECT count(*) FROM sqlite_master"));
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused()
    {
        System.IO.File.WriteAllText(File, new string('x', 8192));
        Assert.Contains("journal.db", Assert.ThrowsAny<StoreException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_directory_is_named()
    {
        var e = Assert.Throws<SqliteException>(() =>
            SqliteStore.Open(_directory.File("missing/journal.db"), new SqliteStoreOptions(), _time));
        Assert.Contains("missing/journal.db: it cannot be opened", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_a_later_version_is_refused()
    {
        await using (Open())
        {
        }
        using (var connection = SqliteConnection.Open(File, true, TimeSpan.FromSeconds(1))) connection.Execute("PRAGMA user_version = 99");
        Assert.Contains("version 99", Assert.Throws<StoreException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_the_first_build_is_left_as_that_build_reads_it_until_the_feature_level_is_raised()
    {
        await using (var store = Open(new SqliteStoreOptions { SchemaVersion = 1 }))
        {
            await new Driver(store).Append(Driver.Entity(1), "one");
            var refused = await Assert.ThrowsAsync<StoreException>(() => store.Import(Batches(), None));
            Assert.Contains("feature-level --raise", refused.Message, StringComparison.Ordinal);
            Assert.Equal(0, (await store.ReadCluster(None)).FeatureLevel);
            Assert.True(await store.Project(new ProjectionStep("list", 1, 0, 0, 1, 0, [new ProjectionRow("k", new byte[1])], []), None));
        }
        Assert.Equal(1, SchemaOf());
        await using (var reader = SqliteStore.OpenForReading(File, new SqliteStoreOptions(), _time))
        {
            Assert.Single((await reader.ReadEntity(Driver.Entity(1), true, None)).Events);
            Assert.Empty(await reader.ReadOffsets(None));
            Assert.Empty(await reader.ListWork(null, None));
            Assert.Empty(await reader.Verify(None).ToListAsync());
        }
        await using (var store = Open())
        {
            await store.RaiseFeatureLevel(1, None);
            await store.Import(Batches(), None);
            Assert.Empty(await store.Verify(None).ToListAsync());
        }
        Assert.Equal(SqliteSchema.Version, SchemaOf());
        await using (var again = Open()) Assert.NotNull(await again.ReadOrigin(Driver.Entity(1), None));

        long SchemaOf()
        {
            using var connection = SqliteConnection.Open(File, false, TimeSpan.FromSeconds(1));
            return connection.ReadLong("PRAGMA user_version");
        }

        static async IAsyncEnumerable<ImportBatch> Batches()
        {
            await Task.CompletedTask;
            yield return new ImportBatch { Origins = [new OriginRow(Driver.Entity(1), Driver.Entity(2), 1, new byte[32])] };
        }
    }

    [Fact]
    public async Task A_reader_beside_the_writer_is_refused_when_it_writes()
    {
        await using var store = Open();
        await using var reader = SqliteStore.OpenForReading(File, new SqliteStoreOptions(), _time);
        var e = await Assert.ThrowsAsync<StoreException>(() => reader.RemoveNode("node-a", None));
        Assert.Contains("open for reading only", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_database_refuses_the_commit_loses_nothing_and_goes_on_once_there_is_space()
    {
        await using var store = Open(new SqliteStoreOptions { ShardCount = 1 });
        var driver = new Driver(store);
        var entity = Driver.Entity(1);
        await store.SetMaxPages(100);
        var written = 0;
        SqliteException full;
        while (true)
        {
            try
            {
                await driver.Append(entity, new string('x', 5000));
                written++;
            }
            catch (SqliteException e)
            {
                full = e;
                break;
            }
        }
        Assert.InRange(written, 10, 100);
        Assert.Contains("no space is left", full.Message, StringComparison.Ordinal);
        Assert.Contains(File, full.Message, StringComparison.Ordinal);

        Assert.Equal(written, (await store.ReadEntity(entity, true, None)).Events.Count);
        await Assert.ThrowsAsync<SqliteException>(() => driver.Append(entity, new string('y', 5000)));
        await store.SetMaxPages(200);
        await driver.Append(entity, new string('z', 5000));
        Assert.Equal(written + 1, (await store.ReadEntity(entity, true, None)).Events.Count);
        Assert.Empty(await store.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task One_bad_commit_in_a_group_does_not_fail_its_neighbours()
    {
        await using var store = Open(new SqliteStoreOptions { ShardCount = 32 });
        var driver = new Driver(store);
        var entities = Enumerable.Range(0, 200).Select(Driver.Entity).DistinctBy(driver.ShardOf).Take(20).ToList();
        await driver.Append(entities[0], "one");
        var doubled = await driver.Part(entities[0], "two");
        // The fence lets it through, but its event has the entity's number 1 again.
        doubled = doubled with { Events = [doubled.Events[0] with { EntityNumber = 1 }] };
        var parts = new List<ShardCommit> { doubled };
        foreach (var entity in entities.Skip(1)) parts.Add(await driver.Part(entity, "one"));
        var tasks = parts.Select(part => store.Commit([part], None)).ToList();
        await Assert.ThrowsAsync<StoreException>(() => tasks[0]);
        foreach (var task in tasks.Skip(1)) Assert.True(Assert.Single(await task).Accepted);
        Assert.Single((await store.ReadEntity(entities[0], true, None)).Events);
        Assert.Empty(await store.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task Calls_after_the_end_are_refused()
    {
        var store = Open();
        await store.DisposeAsync();
        await store.DisposeAsync();
        await Assert.ThrowsAsync<StoreException>(() => store.ReadShards(None));
        await Assert.ThrowsAsync<StoreException>(() => store.RemoveNode("node-a", None));
    }

    private static WorkRow Work(Driver driver, string name) => new(
        driver.ShardOf(Driver.Entity(1)), Driver.Entity(1), name, new StoredMessage("test.work", 1, new byte[] { 1 }), ulong.MaxValue,
        ["aa", "bb"], "cpu", 0, TimeSpan.FromMinutes(1), null);
}
