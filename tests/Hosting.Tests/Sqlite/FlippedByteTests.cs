using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;
using Xunit.Abstractions;

namespace Hosting.Tests.Sqlite;

/// <summary>One byte flipped in each of many random places of a closed journal and its blobs: each is reported, or has no effect; nothing
/// damaged is used, and what is undamaged goes on.</summary>
public sealed class FlippedByteTests(ITestOutputHelper output) : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTime _time = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task One_flipped_byte_in_each_of_100_places_of_journal_and_blobs_is_reported_or_without_effect()
    {
        var random = Seeded();
        var house = await FullHouse.Make(_directory.File("state"), _time, random);
        var tally = new Dictionary<string, int>();
        for (var i = 0; i < 80; i++)
        {
            // Anywhere in the file, but every fourth in the pages that hold schema and header, which are few.
            var length = (int)new FileInfo(house.Journal).Length;
            var outcome = await TryJournal(house, i % 4 == 0 ? random.Next(Math.Min(8192, length)) : random.Next(length), random);
            tally[outcome] = tally.GetValueOrDefault(outcome) + 1;
        }
        for (var i = 0; i < 20; i++) await TryBlob(house, random);
        output.WriteLine($"journal: {string.Join(", ", tally.OrderBy(t => t.Key).Select(t => $"{t.Value} {t.Key}"))}; blobs: 20 reported");
        Assert.True(tally.GetValueOrDefault("rows reported") >= 20, "most places should lie in rows");
    }

    [Fact]
    public async Task One_flipped_byte_in_the_head_of_a_page_of_any_tree_is_reported_or_without_effect()
    {
        var random = Seeded();
        var house = await FullHouse.Make(_directory.File("state"), _time, random);
        var pages = (int)(new FileInfo(house.Journal).Length / 4096);
        var tally = new Dictionary<string, int>();
        for (var i = 0; i < 50; i++)
        {
            // The first bytes of a page say of what kind it is, how many cells it has and where they are.
            var outcome = await TryJournal(house, random.Next(pages) * 4096 + random.Next(40), random);
            tally[outcome] = tally.GetValueOrDefault(outcome) + 1;
        }
        output.WriteLine(string.Join(", ", tally.OrderBy(t => t.Key).Select(t => $"{t.Value} {t.Key}")));
    }

    [Fact]
    public async Task One_flipped_byte_in_the_file_header_is_reported_or_without_effect()
    {
        var random = Seeded();
        var house = await FullHouse.Make(_directory.File("state"), _time, random);
        for (var at = 0; at < 100; at++) await TryJournal(house, at, random);
    }

    private Random Seeded()
    {
        var seed = int.Parse(Environment.GetEnvironmentVariable("ATHANOR_TEST_SEED") ?? "20261121");
        output.WriteLine($"seed {seed} (another: ATHANOR_TEST_SEED)");
        return new Random(seed);
    }

    /// <returns>What became of it.</returns>
    private async Task<string> TryJournal(FullHouse house, int at, Random random)
    {
        var path = _directory.File("flipped.db");
        var bytes = await File.ReadAllBytesAsync(house.Journal);
        var value = (byte)random.Next(1, 256);
        bytes[at] ^= value;
        await File.WriteAllBytesAsync(path, bytes);
        var place = $"byte {at} (page {at / 4096 + 1}, offset {at % 4096}) ^= 0x{value:x2}";

        var reported = new List<Damage>();
        var options = new SqliteStoreOptions { OnDamage = damage => { lock (reported) reported.Add(damage); } };
        SqliteStore store;
        try
        {
            store = SqliteStore.OpenForReading(path, options, _time);
        }
        catch (StoreException e)
        {
            Assert.NotEmpty(e.Message);
            return "refused at opening";
        }

        var whole = new List<EntityAddress>();
        await using (store)
        {
            var found = await store.Verify(None).ToListAsync();
            var dump = await StoreDump.Read(store, house.Keys);
            foreach (var line in dump) Assert.True(house.Dump.Contains(line), $"{place}: a row that was never written was read: {line}");
            foreach (var entity in house.Entities)
            {
                try
                {
                    foreach (var fromStart in (bool[])[true, false])
                    {
                        var history = await store.ReadEntity(entity, fromStart, None);
                        // A snapshot that cannot be found any more is none: the whole journal says the same.
                        var text = FullHouse.Text(history);
                        Assert.True(
                            house.Histories[(entity, fromStart)] == text || house.Histories[(entity, true)] == text,
                            $"{place}: {entity} has another history");
                    }
                    whole.Add(entity);
                }
                catch (DamageException e)
                {
                    Assert.Contains(entity.ToString(), e.Where, StringComparison.Ordinal);
                    Assert.True(
                        found.Any(d => d.Where.Contains(entity.ToString(), StringComparison.Ordinal)) || found.Any(IsPage),
                        $"{place}: {e.Message} was met and not found by the scan");
                }
            }

            if (found.Count == 0)
            {
                Assert.True(
                    house.Dump.SetEquals(dump) && dump.Count == house.Dump.Count, $"{place}: rows are missing and nothing is reported");
                Assert.True(house.Entities.Count == whole.Count, $"{place}: a history is damaged and nothing is reported");
                Assert.True(house.Raw.SequenceEqual(StoreDump.Raw(path)), $"{place}: columns differ and nothing is reported");
                Assert.Empty(reported);
                return "without effect";
            }
            // A row that a caller misses is one that the scan names, by its table at least; timers and heads to wake come with their shard.
            foreach (var line in house.Dump.Except(dump))
            {
                Assert.True(
                    found.Any(d => IsPage(d) || d.Table == Table(line)
                        || (d.Table == "shard" && line.Split(' ')[0] is "timer" or "wake" or "fault")),
                    $"{place}: this is missing: {line}; the scan found {found[0]}");
            }
            await GoOn(path, place, whole, pagesDamaged: found.Any(IsPage) || found.Any(d => d.Table is "meta" or "journal.db"));
            return found.Any(IsPage) ? "pages reported" : "rows reported";
        }

        static bool IsPage(Damage damage) => damage.Where.StartsWith("journal.db", StringComparison.Ordinal)
            || damage.What.Contains("SQLite", StringComparison.Ordinal) || damage.What.Contains("cannot be read", StringComparison.Ordinal);
        static string Table(string line) => line.Split(' ')[0] switch
        {
            "feed" => "journal",
            "wake" or "fault" => "head",
            var table => table,
        };
    }

    /// <summary>Undamaged entities take further events, unless pages that SQLite needs for it are damaged, which it then says.</summary>
    private async Task GoOn(string path, string place, IReadOnlyList<EntityAddress> whole, bool pagesDamaged)
    {
        try
        {
            await using var store = SqliteStore.Open(path, new SqliteStoreOptions(), _time);
            var driver = new Driver(store);
            foreach (var entity in whole)
            {
                await driver.Recover(entity);
                await driver.Append(entity, "after the damage");
                Assert.Equal("after the damage",
                    System.Text.Encoding.UTF8.GetString((await store.ReadEntity(entity, true, None)).Events[^1].Event.Body.Span));
            }
        }
        catch (StoreException e) when (pagesDamaged)
        {
            Assert.NotEmpty(e.Message);
        }
        catch (Exception e)
        {
            Assert.Fail($"{place}: an undamaged entity did not go on: {e}");
        }
    }

    private async Task TryBlob(FullHouse house, Random random)
    {
        var files = Directory.GetFiles(house.Blobs, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray();
        var path = files[random.Next(files.Length)];
        var bytes = await File.ReadAllBytesAsync(path);
        var damaged = (byte[])bytes.Clone();
        damaged[random.Next(damaged.Length)] ^= (byte)random.Next(1, 256);
        await File.WriteAllBytesAsync(path, damaged);

        var store = new DirectoryBlobStore(house.Blobs, _time);
        var found = await store.Verify(None).ToListAsync();
        Assert.Contains(found, d => d.Where == Path.GetFileName(path).Split('.')[0]);
        foreach (var (hash, content) in house.BlobContents)
        {
            try
            {
                Assert.Equal(content, await store.Get(hash, None));
            }
            catch (DamageException e)
            {
                Assert.Contains(hash, e.Where, StringComparison.Ordinal);
                Assert.Contains(found, d => d.Where == hash);
            }
        }
        await File.WriteAllBytesAsync(path, bytes);
    }
}
