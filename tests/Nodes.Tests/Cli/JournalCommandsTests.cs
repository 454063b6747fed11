using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Nodes.Cli;
using Athanor.Protocol;

namespace Nodes.Tests.Cli;

[Collection("console")]
public sealed class JournalCommandsTests : IDisposable
{
    private readonly string _state = Path.Combine(Directory.CreateTempSubdirectory("athanor-test-").FullName, "state");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_state)!, recursive: true);

    [Fact]
    public async Task A_whole_journal_verifies_beside_its_holder_and_a_damaged_one_gives_exit_code_1()
    {
        using (var state = StateDirectory.Open(_state))
        {
            await using (var store = SqliteStore.Open(state.JournalPath, new SqliteStoreOptions { ShardCount = 1 }, TimeProvider.System))
            {
                await OneEventJournal.Append(store);
                Assert.Equal(ExitCodes.Success, await Run("verify"));
            }
            Assert.Equal(ExitCodes.Success, await Run("verify", "--json"));
        }
        Assert.Equal(ExitCodes.Success, await Run("stats"));
        Assert.Equal(ExitCodes.Success, await Run("list", "twins/heater"));
        Assert.Equal(ExitCodes.Success, await Run("show", "default/twins/heater", "--json"));

        var path = Path.Combine(_state, "journal.db");
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[bytes.AsSpan().IndexOf("a body to find"u8)] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        Assert.Equal(ExitCodes.Failure, await Run("verify"));
        var e = await Assert.ThrowsAsync<DamageException>(() => Run("show", "twins/heater"));
        Assert.Contains("journal, default/twins/heater event 1", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("show", "heater")]
    [InlineData("show", "twins/heater/valve/x")]
    [InlineData("list", "--limit", "0")]
    [InlineData("list", "--shard", "1")]
    [InlineData("show", "twins/other")]
    public async Task What_is_not_there_or_not_understood_is_said(params string[] arguments)
    {
        using (var state = StateDirectory.Open(_state))
        await using (var store = SqliteStore.Open(state.JournalPath, new SqliteStoreOptions { ShardCount = 1 }, TimeProvider.System))
            await OneEventJournal.Append(store);
        Assert.NotEmpty((await Assert.ThrowsAsync<UserException>(() => Run(arguments))).Message);
    }

    [Fact]
    public async Task A_missing_state_directory_is_named_and_not_made()
    {
        var e = await Assert.ThrowsAsync<StoreException>(() => Run("verify"));
        Assert.Contains(_state, e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_state));
    }

    [Fact]
    public async Task A_journal_is_copied_into_another_directory_and_looked_at_there()
    {
        using (var state = StateDirectory.Open(_state))
        await using (var store = SqliteStore.Open(state.JournalPath, new SqliteStoreOptions { ShardCount = 1 }, TimeProvider.System))
            await OneEventJournal.Append(store);
        var before = await File.ReadAllBytesAsync(Path.Combine(_state, "journal.db"));
        var target = Path.Combine(Path.GetDirectoryName(_state)!, "copy");
        string[] copy = ["copy", "--from", $"sqlite:{_state}", "--to", $"sqlite:{target}", "--shards", "3", "--json"];
        Assert.Equal(ExitCodes.Success, await Run([.. copy, "--dry-run"]));
        Assert.Equal(ExitCodes.Success, await Run(copy));
        Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(_state, "journal.db")));
        Assert.Contains("already holds", (await Assert.ThrowsAsync<StoreException>(() => Run(copy))).Message, StringComparison.Ordinal);

        foreach (var arguments in (string[][])[["verify"], ["show", "twins/heater"], ["seal", "--dry-run"], ["projections", "lag"],
            ["projections", "rebuild", "entities"], ["projections", "show", "entities"]])
        {
            Assert.Equal(ExitCodes.Success, await Root.Create().Parse(["journal", .. arguments, "--state", target])
                .InvokeAsync(new() { EnableDefaultExceptionHandler = false }));
        }
        await Assert.ThrowsAsync<UserException>(() => Run("copy", "--from", "oracle:x", "--to", $"sqlite:{target}"));
    }

    [Fact]
    public async Task A_state_directory_that_was_put_back_takes_nothing_from_before_it()
    {
        var journal = Path.Combine(_state, "journal.db");
        ShardRow before;
        ShardCommit late;
        using (var state = StateDirectory.Open(_state))
        await using (var store = SqliteStore.Open(journal, new SqliteStoreOptions { ShardCount = 1 }, TimeProvider.System))
        {
            await OneEventJournal.Append(store);
            before = (await store.ReadShards(default)).Single();
            // Of an owner that goes on as if nothing had been put back.
            late = new ShardCommit(0, "node", before.Epoch, before.LastNumber);
        }
        var backup = await File.ReadAllBytesAsync(journal);
        var incarnations = new List<long>();
        for (var restored = 0; restored < 2; restored++)
        {
            await File.WriteAllBytesAsync(journal, backup);
            using (StateDirectory.Open(_state))
                await Assert.ThrowsAnyAsync<Exception>(() => Run("restored"));
            Assert.Equal(ExitCodes.Success, await Run("restored", "--json"));
            using var state = StateDirectory.Open(_state);
            await using var store = SqliteStore.Open(journal, new SqliteStoreOptions(), TimeProvider.System);
            incarnations.Add((await store.ReadCluster(default)).Incarnation);
            var row = (await store.ReadShards(default)).Single();
            Assert.Equal((incarnations[^1], before.LastNumber, before.LastEvent), (row.Epoch.Incarnation, row.LastNumber, row.LastEvent));
            Assert.False((await store.Commit([late], default)).Single().Accepted);
        }
        Assert.True(before.Epoch.Incarnation < incarnations[0] && incarnations[0] < incarnations[1], string.Join(", ", incarnations));
        Assert.Equal(ExitCodes.Success, await Run("verify"));
    }

    [Fact]
    public async Task A_state_directory_that_is_not_there_was_not_put_back()
    {
        Assert.Contains(_state, (await Assert.ThrowsAsync<StoreException>(() => Run("restored"))).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_state));
    }

    private Task<int> Run(params string[] arguments) => Root.Create().Parse(["journal", .. arguments, "--state", _state])
        .InvokeAsync(new() { EnableDefaultExceptionHandler = false });
}
