using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using Xunit.Abstractions;

namespace Hosting.Tests.Sqlite;

/// <summary>One byte flipped in the log that a killed process left behind.</summary>
public sealed class FlippedLogByteTests(ITestOutputHelper output) : IDisposable
{
    private const int Commits = 30;
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTime _time = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task One_flipped_byte_in_the_log_of_a_killed_process_loses_no_commit_in_silence()
    {
        var seed = int.Parse(Environment.GetEnvironmentVariable("ATHANOR_TEST_SEED") ?? "20261121");
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await LeaveLog();
        var log = await File.ReadAllBytesAsync(_directory.File("killed.db-wal"));
        var (refused, reported, whole) = (0, 0, 0);
        for (var i = 0; i < 60; i++)
        {
            // Every third in the last two commits, where damage and a write cut short look alike.
            var at = i % 3 == 0 ? log.Length - 1 - random.Next(8 * 4120) : random.Next(log.Length);
            var value = (byte)random.Next(1, 256);
            var bytes = (byte[])log.Clone();
            bytes[at] ^= value;
            var found = new List<Damage>();
            var path = await Copy(bytes);
            try
            {
                await using var store = SqliteStore.Open(path, new SqliteStoreOptions { OnDamage = found.Add }, _time);
                var events = (await store.ReadEntity(Driver.Entity(1), true, None)).Events.Count;
                Assert.Empty(await store.Verify(None).ToListAsync());
                Assert.True(
                    events == Commits || found.Count > 0,
                    $"byte {at} ^= {value:x2}: {Commits - events} commits are lost and nothing is reported");
                Assert.InRange(events, Commits - 2, Commits);
                if (found.Count > 0) reported++;
                else whole++;
            }
            catch (DamageException e)
            {
                Assert.StartsWith("flipped.db-wal, ", e.Where, StringComparison.Ordinal);
                Assert.Equal(bytes, await File.ReadAllBytesAsync(path + "-wal"));
                refused++;
            }
        }
        output.WriteLine($"{refused} refused and left as they are, {reported} reported, {whole} without effect");
        Assert.True(refused > 20 && reported > 2);
    }

    [Fact]
    public async Task A_log_that_was_cut_short_gives_all_commits_before_the_cut()
    {
        await LeaveLog();
        var log = await File.ReadAllBytesAsync(_directory.File("killed.db-wal"));
        var last = 0;
        for (var length = 0; length <= log.Length; length += 4120 / 2 + 7)
        {
            var path = await Copy(log[..length]);
            await using var store = SqliteStore.Open(path, new SqliteStoreOptions(), _time);
            var events = (await store.ReadEntity(Driver.Entity(1), true, None)).Events.Count;
            Assert.InRange(events, last, Commits);
            Assert.Empty(await store.Verify(None).ToListAsync());
            last = events;
        }
        Assert.InRange(last, Commits - 1, Commits);
    }

    /// <summary>Copies the files of an open store, which is what a killed process leaves behind.</summary>
    private async Task LeaveLog()
    {
        await using var store = SqliteStore.Open(_directory.File("live.db"), new SqliteStoreOptions { ShardCount = 1 }, _time);
        var driver = new Driver(store);
        for (var i = 0; i < Commits; i++) await driver.Append(Driver.Entity(1), $"text {i}");
        File.Copy(_directory.File("live.db"), _directory.File("killed.db"));
        File.Copy(_directory.File("live.db-wal"), _directory.File("killed.db-wal"));
    }

    private async Task<string> Copy(byte[] log)
    {
        var path = _directory.File("flipped.db");
        File.Delete(path + "-shm");
        File.Copy(_directory.File("killed.db"), path, overwrite: true);
        await File.WriteAllBytesAsync(path + "-wal", log);
        return path;
    }
}
