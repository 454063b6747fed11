using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Npgsql;

namespace Hosting.Tests.Postgres;

/// <summary>What a store refuses to work on, and what it says.</summary>
public sealed class OpeningTests
{
    private static async Task<string> Refused(PostgresStoreOptions options)
    {
        var refused = await Assert.ThrowsAnyAsync<StoreException>(() => PostgresStore.Open(options, TimeProvider.System));
        return refused.ToString();
    }

    [Fact]
    public async Task A_server_that_would_lose_acknowledged_commits_is_refused_but_for_benchmarks_which_says_so()
    {
        var connection = await SharedPostgres.NewDatabase();
        var weak = Databases.Options(connection + ";Options=-c synchronous_commit=off");
        var text = await Refused(weak);
        Assert.Contains("synchronous_commit=off", text);
        Assert.Contains("acknowledged commits could be lost", text);
        var warnings = new List<string>();
        await using var store = await PostgresStore.Open(weak with { AllowLoss = true, OnWarning = warnings.Add }, TimeProvider.System);
        Assert.Contains("FOR BENCHMARKS ONLY", Assert.Single(warnings));
    }

    [Fact]
    public async Task A_server_without_fsync_is_refused()
    {
        await using var server = await Athanor.Hosting.Services.PostgresService.Start(new() { Fsync = false });
        await server.CreateDatabase("journal");
        Assert.Contains("fsync=off", await Refused(Databases.Options(server.ConnectionString("journal"))));
    }

    [Fact]
    public async Task Another_number_of_shards_is_refused_with_both_numbers_and_what_to_do()
    {
        var (store, connection) = await Databases.Make();
        await store.DisposeAsync();
        var text = await Refused(Databases.Options(connection) with { ShardCount = 7 });
        Assert.Contains("was made with 4 shards, and 7 are asked for", text);
        Assert.Contains("journal copy", text);
        await using var any = await Databases.Open(connection, o => o with { ShardCount = null });
        Assert.Equal(4, any.ShardCount);
    }

    [Fact]
    public async Task A_database_of_another_encoding_is_refused()
    {
        var server = await SharedPostgres.Server;
        await server.Sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
        Assert.Contains("encoding is LATIN1, and UTF8 is needed", await Refused(Databases.Options(server.ConnectionString("latin"))));
    }

    [Fact]
    public async Task A_database_that_is_not_there_or_not_reached_is_named_without_the_password()
    {
        var connection = await SharedPostgres.NewDatabase();
        var parsed = new NpgsqlConnectionStringBuilder(connection);
        var password = parsed.Password!;
        var texts = new List<string>
        {
            await Refused(Databases.Options(new NpgsqlConnectionStringBuilder(connection) { Database = "nowhere" }.ConnectionString)),
            await Refused(Databases.Options(new NpgsqlConnectionStringBuilder(connection) { Port = 1 }.ConnectionString)),
            await Refused(Databases.Options(new NpgsqlConnectionStringBuilder(connection) { Password = password + "-wrong" }.ConnectionString)),
            await Refused(Databases.Options($"Host=db;Passwort={password};Database=x")),
            await Refused(Databases.Options($"Password={password}")),
            Databases.Options(connection).ToString(),
            new AthanorOptions { Store = new StoreOptions { Postgres = new PostgresOptions { Connection = connection } } }.ToString(),
        };
        Assert.Contains("there is no such database", texts[0]);
        Assert.Contains("127.0.0.1:1/", texts[1]);
        Assert.Contains("refused the user or the password", texts[2]);
        Assert.Contains("is not understood", texts[3]);
        Assert.Contains("names no Host", texts[4]);
        Assert.All(texts, text => Assert.DoesNotContain(password, text));
    }

    [Fact]
    public async Task The_password_may_come_from_a_file_and_a_wrong_file_is_named()
    {
        var connection = await SharedPostgres.NewDatabase();
        var parsed = new NpgsqlConnectionStringBuilder(connection);
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, parsed.Password + "\n");
            parsed.Password = null;
            var options = Databases.Options(parsed.ConnectionString) with { PasswordFile = file };
            await using (var store = await PostgresStore.Open(options, TimeProvider.System)) Assert.Equal(4, store.ShardCount);
            await File.WriteAllTextAsync(file, "\n");
            Assert.Contains($"{file}: its first line must be the database's password", await Refused(options));
            Assert.Contains("cannot be read", await Refused(options with { PasswordFile = file + ".none" }));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_configuration_names_the_database_and_its_encryption()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, """
                athanor { shards.count = 64, commit.writers = 3, store { kind = postgres, postgres {
                  connection = "Host=db.example;Database=plant;Username=athanor", ssl-mode = verify-full, root-certificate = "/etc/ca.pem" } } }
                """);
            var options = PostgresStoreOptions.Of(ClusterConfiguration.Load(file));
            var parsed = new NpgsqlConnectionStringBuilder(options.Connection);
            Assert.Equal((SslMode.VerifyFull, "/etc/ca.pem", "db.example"), (parsed.SslMode, parsed.RootCertificate, parsed.Host));
            Assert.Equal((64, 3, MigrateMode.Check), (options.ShardCount!.Value, options.Writers, options.Migrate));

            File.WriteAllText(file, "athanor.store.postgres.migrate = perhaps");
            Assert.Contains("athanor.store.postgres.migrate", Assert.ThrowsAny<Exception>(() => ClusterConfiguration.Load(file)).Message);
            File.WriteAllText(file, "athanor.store { kind = postgres, timeout = 4s, postgres { readers = 3, recovery-permits = 3 } }");
            var problems = Assert.ThrowsAny<Exception>(() => ClusterConfiguration.Load(file)).Message;
            foreach (var key in (string[])["connection", "recovery-permits", "statement-timeout"])
                Assert.Contains($"athanor.store.postgres.{key}", problems);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
