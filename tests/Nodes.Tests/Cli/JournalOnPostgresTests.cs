using System.Globalization;
using System.Text;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Nodes.Cli;
using Athanor.Protocol;
using Npgsql;

namespace Nodes.Tests.Cli;

/// <summary>The commands on a journal in a cluster's database whose blobs lie in the database too: nothing of it is in a directory.</summary>
[Collection("console")]
public sealed class JournalOnPostgresTests : IDisposable
{
    private static readonly byte[] Content = [.. "a blob to copy"u8];
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_journal_goes_from_a_directory_to_a_database_with_its_blobs_and_back_and_is_looked_at_there()
    {
        var source = Path.Combine(_folder, "source");
        var hash = await Fill(source);
        var connection = await SharedPostgres.NewDatabase();
        var config = Path.Combine(_folder, "cluster.hocon");
        await File.WriteAllTextAsync(config, $$"""
            athanor {
              state-directory = "{{Path.Combine(_folder, "node")}}"
              shards.count = 4
              store { kind = postgres, postgres.connection = "{{connection}}" }
              blobs.kind = database
            }
            """);
        string[] cluster = ["--config", config];
        await CommandLine.Run(ExitCodes.Success, ["journal", "copy", "--from", $"sqlite:{source}", "--to", $"postgres:{connection}", "--shards", "4", .. cluster]);

        foreach (var command in (string[][])[["verify"], ["list"], ["list", "twins/heater"], ["projections", "lag"],
            ["projections", "rebuild", "entities"]])
        {
            await CommandLine.Run(ExitCodes.Success, ["journal", .. command, .. cluster]);
        }
        Assert.Contains("a body to find", Bytes(await CommandLine.Run(ExitCodes.Success, ["journal", "show", "twins/heater", "--json", .. cluster])));
        Assert.Contains("heater", await CommandLine.Run(ExitCodes.Success, ["journal", "projections", "show", "entities", "--json", .. cluster]));
        var stats = await CommandLine.Run(ExitCodes.Success, ["journal", "stats", "--json", .. cluster]);
        Assert.Contains("\"events\": 1", stats);
        Assert.Contains("\"blobs\": 1", stats);
        // The number of shards, and with it the connection, is that of the database: nothing was made in a directory.
        Assert.False(Directory.Exists(Path.Combine(_folder, "node", "blobs")));

        var back = Path.Combine(_folder, "back");
        await CommandLine.Run(ExitCodes.Success, ["journal", "copy", "--from", $"postgres:{connection}", "--to", $"sqlite:{back}", "--shards", "2", .. cluster]);
        await using (var blobs = BlobStores.Open(
            new BlobOptions { Kind = "database" }, Path.Combine(back, "blobs"), null, TimeProvider.System) as IAsyncDisposable)
            Assert.Equal(Content, await ((IBlobStore)blobs!).Get(hash, default));

        // A byte of the blob is another: found, though no directory holds it.
        Assert.Equal(ExitCodes.Success, (await CommandLine.Invoke("blobs", "verify", "--config", config)).Code);
        await using (var session = new NpgsqlConnection(connection + ";Pooling=false;Search Path=athanor"))
        {
            await session.OpenAsync();
            await using var damage = new NpgsqlCommand("UPDATE blob SET content = set_byte(content, 0, 0)", session);
            Assert.Equal(1, await damage.ExecuteNonQueryAsync());
        }
        Assert.Contains(hash, await CommandLine.Run(ExitCodes.Failure, ["journal", "verify", "--json", .. cluster]));
    }

    private static string Bytes(string json)
    {
        // The kind is unknown to this build, so its contents are shown as bytes.
        const string Begin = "\"bytes\": \"";
        var at = json.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        return Encoding.UTF8.GetString(Convert.FromHexString(json[at..json.IndexOf('"', at)]));
    }

    private static async Task<string> Fill(string path)
    {
        using var state = StateDirectory.Open(path);
        await using var store = SqliteStore.Open(state.JournalPath, new SqliteStoreOptions { ShardCount = 1 }, TimeProvider.System);
        await OneEventJournal.Append(store);
        return await new DirectoryBlobStore(state.BlobsPath, TimeProvider.System).Put(Content, default);
    }
}
