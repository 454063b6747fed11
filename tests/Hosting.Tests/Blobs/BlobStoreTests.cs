using Athanor.Hosting.Blobs;
using Athanor.Hosting.Blobs.Database;
using Athanor.Hosting.Blobs.S3;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Hosting.Tests.Sqlite;
using Npgsql;
using Xunit.Abstractions;

namespace Hosting.Tests.Blobs;

public sealed class DirectoryBlobContractTests : BlobStoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    protected override Task<IBlobStore?> CreateStore() =>
        Task.FromResult<IBlobStore?>(new DirectoryBlobStore(_directory.File("blobs"), TimeProvider.System, Chunk));
}

public sealed class SqliteBlobContractTests : BlobStoreContract, IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    protected override Task<IBlobStore?> CreateStore() => Task.FromResult<IBlobStore?>(new ObjectBlobStore(
        new SqliteObjects(_directory.File("blobs.db"), TimeProvider.System), Chunk, 1 << 20, TimeSpan.FromHours(1)));
}

public sealed class PostgresBlobContractTests : BlobStoreContract
{
    protected override async Task<IBlobStore?> CreateStore()
    {
        var connection = await SharedPostgres.NewDatabase();
        await using (await PostgresStore.Open(
            new PostgresStoreOptions { Connection = connection, ShardCount = 1, Migrate = MigrateMode.Auto }, TimeProvider.System))
        {
        }
        return new ObjectBlobStore(
            new PostgresObjects(NpgsqlDataSource.Create(connection)), Chunk, 1 << 20, TimeSpan.FromHours(1));
    }
}

public sealed class S3BlobContractTests(S3Server server, ITestOutputHelper output) : BlobStoreContract, IClassFixture<S3Server>
{
    protected override async Task<IBlobStore?> CreateStore()
    {
        if (await server.Bucket() is not { } options)
        {
            output.WriteLine("skipped: there is no moto_server on the path (pip install 'moto[server]')");
            return null;
        }
        return new ObjectBlobStore(
            new S3Objects(options, S3Server.Credentials, TimeProvider.System), Chunk, 1 << 20, TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task A_bucket_that_is_not_there_and_a_server_that_is_away_are_named_without_a_secret()
    {
        if (await server.Bucket() is not { } options) return;
        foreach (var wrong in (S3Options[])[options with { Bucket = "no-such-bucket" }, options with { Endpoint = "http://127.0.0.1:9" }])
        {
            await using var objects = new S3Objects(wrong, S3Server.Credentials, TimeProvider.System);
            var e = await Assert.ThrowsAsync<StoreException>(() => objects.Put("a", new byte[] { 1 }, default));
            Assert.Contains(wrong.Bucket, e.Message);
            Assert.DoesNotContain(S3Server.Credentials.SecretKey, e.ToString());
        }
    }

    [Fact]
    public async Task A_prefix_keeps_the_rest_of_the_bucket_out_of_sight()
    {
        if (await server.Bucket() is not { } options) return;
        await using var other = new S3Objects(options, S3Server.Credentials, TimeProvider.System);
        await other.Put("somebody's file, with = & ü", new byte[] { 1 }, default);
        await using var objects = new S3Objects(options with { Prefix = "athanor/" }, S3Server.Credentials, TimeProvider.System);
        await objects.Put("mine", new byte[] { 2 }, default);
        Assert.Equal(["mine"], await objects.List(default).Select(o => o.Name).ToListAsync());
        Assert.Equal(2, await other.List(default).CountAsync());
        Assert.Equal([1], await other.Get("somebody's file, with = & ü", default));
    }
}
