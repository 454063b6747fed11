using System.Diagnostics;
using System.Security.Cryptography;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;
using Xunit.Abstractions;

namespace Hosting.Tests.Sqlite;

public sealed class KilledWriterTests(ITestOutputHelper output) : IDisposable
{
    private const int Rounds = 12;
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Nothing_acknowledged_is_missing_after_a_writer_is_killed_at_random_moments()
    {
        var seed = int.Parse(Environment.GetEnvironmentVariable("ATHANOR_TEST_SEED") ?? "20261121");
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var path = _directory.File("state");
        var acknowledged = new Dictionary<(string Entity, long Number), string>();
        var blobs = new HashSet<string>();
        for (var round = 0; round < Rounds; round++)
        {
            using var child = ChildProcess.Start("commit", path);
            var moment = random.Next(1, 400);
            for (var lines = 0; lines < moment; lines++) await Read(child);
            // Not at the end of a line that this process has seen: at any point of what comes after it.
            var spin = random.Next(0, 2000);
            for (var from = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(from).TotalMicroseconds < spin;) Thread.SpinWait(10);
            child.Kill();
            await child.WaitForExitAsync();
            while (await child.StandardOutput.ReadLineAsync() is { } rest && Take(rest))
            {
            }
            await Check(path, acknowledged, blobs, round);
        }
        Assert.True(acknowledged.Count > Rounds * 20, $"only {acknowledged.Count} commits in {Rounds} rounds");
        output.WriteLine($"{acknowledged.Count} events and {blobs.Count} blobs acknowledged over {Rounds} kills");

        async Task Read(Process child)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            var line = await child.StandardOutput.ReadLineAsync(patience.Token);
            if (line is null || !Take(line))
                Assert.Fail($"the child ended by itself: {line} {await child.StandardError.ReadToEndAsync(patience.Token)}");
        }

        // The last line of a killed process may be cut short; a whole one ends with a hash of 64 digits.
        bool Take(string line)
        {
            switch (line.Split(' '))
            {
                case ["event", var entity, var number, { Length: 64 } hash]:
                    acknowledged.Add((entity, long.Parse(number)), hash);
                    return true;
                case ["blob", { Length: 64 } hash]:
                    blobs.Add(hash);
                    return true;
                default:
                    return false;
            }
        }
    }

    private static async Task Check(
        string path, Dictionary<(string Entity, long Number), string> acknowledged, HashSet<string> blobs, int round)
    {
        using var state = StateDirectory.Open(path);
        await using var store = SqliteStore.Open(state.JournalPath, new SqliteStoreOptions { ShardCount = 4 }, TimeProvider.System);
        var stored = new Dictionary<(string Entity, long Number), string>();
        foreach (var head in await store.ListAllEntities(None))
        {
            // ReadEntity checks every hash and link of the chain.
            foreach (var row in (await store.ReadEntity(head.Entity, true, None)).Events)
                stored.Add((row.Entity.ToString(), row.EntityNumber), Convert.ToHexStringLower(row.Hash.Span));
        }
        foreach (var (key, hash) in acknowledged)
            Assert.True(stored.TryGetValue(key, out var found) && found == hash, $"round {round}: {key} was acknowledged and is not there");
        Assert.Empty(await store.Verify(None).ToListAsync());

        var files = new DirectoryBlobStore(state.BlobsPath, TimeProvider.System);
        foreach (var hash in blobs) Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(await files.Get(hash, None))));
        Assert.Empty(await files.Verify(None).ToListAsync());
    }

    [Fact]
    public async Task A_directory_that_cannot_be_written_is_refused_with_one_clear_message()
    {
        if (OperatingSystem.IsWindows()) return;
        var path = _directory.File("state");
        using (var state = StateDirectory.Open(path))
        await using (SqliteStore.Open(state.JournalPath, new SqliteStoreOptions(), TimeProvider.System))
        {
        }
        var before = Files();

        // Permissions do not bind root, so a child becomes somebody else; any other user is bound already.
        foreach (var directory in (string[])[_directory.Path, path, Path.Combine(path, "blobs")])
            File.SetUnixFileMode(directory, (UnixFileMode)Convert.ToInt32("555", 8));
        using var child = ChildProcess.Start("open-as", Environment.UserName == "root" ? "65534" : await UserId(), path);
        var text = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();
        foreach (var directory in (string[])[_directory.Path, path, Path.Combine(path, "blobs")])
            File.SetUnixFileMode(directory, (UnixFileMode)Convert.ToInt32("755", 8));

        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains($"{path}: the state directory cannot be written", lines[0], StringComparison.Ordinal);
        Assert.Contains($"{path}/journal.db: it cannot be", lines[1], StringComparison.Ordinal);
        Assert.Equal(before, Files());

        string[] Files() =>
            Directory.GetFiles(path).Select(f => $"{f} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}").Order().ToArray();
    }

    private static async Task<string> UserId()
    {
        using var process = Process.Start(new ProcessStartInfo("id", "-u") { RedirectStandardOutput = true })!;
        return (await process.StandardOutput.ReadToEndAsync()).Trim();
    }
}
