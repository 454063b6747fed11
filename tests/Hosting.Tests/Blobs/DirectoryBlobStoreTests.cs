using System.Security.Cryptography;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Blobs;

public sealed class DirectoryBlobStoreTests : IDisposable
{
    private const int Chunk = 1000;
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTime _time = new();
    private readonly DirectoryBlobStore _blobs;

    public DirectoryBlobStoreTests() => _blobs = new DirectoryBlobStore(_directory.File("blobs"), _time, Chunk);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 1)]
    [InlineData(3 * Chunk)]
    [InlineData(3 * Chunk + 17)]
    public async Task What_is_put_is_got_under_its_SHA_256(int length)
    {
        var content = Content(length);
        var hash = await _blobs.Put(content, None);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), hash);
        Assert.True(await _blobs.Exists(hash, None));
        Assert.Equal(content, await _blobs.Get(hash, None));
        Assert.Empty(Directory.GetFiles(_directory.File("blobs/tmp")));
    }

    [Fact]
    public async Task A_second_put_of_the_same_content_changes_nothing()
    {
        var hash = await _blobs.Put(Content(2500), None);
        var files = AllFiles();
        Assert.Equal(hash, await _blobs.Put(Content(2500), None));
        Assert.Equal(files, AllFiles());
    }

    [Fact]
    public async Task Puts_of_one_content_at_once_leave_one_whole_blob()
    {
        var hashes = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => _blobs.Put(Content(5000), None)));
        Assert.Single(hashes.Distinct());
        Assert.Equal(Content(5000), await _blobs.Get(hashes[0], None));
        Assert.Empty(await Damage());
    }

    [Fact]
    public async Task A_blob_that_was_never_put_is_not_found() =>
        await Assert.ThrowsAsync<KeyNotFoundException>(() => _blobs.Get(new string('a', 64), None));

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD")]
    public async Task A_name_that_is_no_hash_is_refused(string name)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => _blobs.Get(name, None));
        await Assert.ThrowsAsync<ArgumentException>(() => _blobs.Exists(name, None));
    }

    [Theory]
    [InlineData(700)]
    [InlineData(2500)]
    public async Task One_flipped_byte_in_any_file_of_a_blob_is_reported_and_a_new_put_replaces_it(int length)
    {
        var hash = await _blobs.Put(Content(length), None);
        var bystander = await _blobs.Put(new byte[] { 1, 2, 3 }, None);
        var random = new Random(20260101);
        foreach (var path in AllFiles().Where(p => !p.EndsWith(bystander, StringComparison.Ordinal)))
        {
            for (var i = 0; i < 25; i++)
            {
                Flip(path, random);
                var e = await Assert.ThrowsAsync<DamageException>(() => _blobs.Get(hash, None));
                Assert.Contains(hash, e.Where, StringComparison.Ordinal);
                Assert.NotEmpty(await Damage());
                Assert.Equal(new byte[] { 1, 2, 3 }, await _blobs.Get(bystander, None));

                Assert.Equal(hash, await _blobs.Put(Content(length), None));
                Assert.Equal(Content(length), await _blobs.Get(hash, None));
                Assert.Empty(await Damage());
            }
        }
    }

    [Fact]
    public async Task A_missing_chunk_is_damage_that_names_it()
    {
        var hash = await _blobs.Put(Content(2500), None);
        var chunk = Convert.ToHexStringLower(SHA256.HashData(Content(2500).AsSpan(Chunk, Chunk)));
        File.Delete(_directory.File($"blobs/{chunk[..2]}/{chunk}"));
        var e = await Assert.ThrowsAsync<DamageException>(() => _blobs.Get(hash, None));
        Assert.Contains($"chunk 1 ({chunk})", e.Where, StringComparison.Ordinal);
        Assert.Equal(hash, Assert.Single(await Damage()).Where);
    }

    [Fact]
    public async Task A_sweep_takes_what_is_neither_live_nor_young()
    {
        var live = await _blobs.Put(Content(2500), None);
        var waste = await _blobs.Put(Content(1700), None);
        var renewed = await _blobs.Put(Content(30), None);
        File.WriteAllText(_directory.File("blobs/tmp/of-a-killed-process"), "half");
        File.SetLastWriteTimeUtc(_directory.File("blobs/tmp/of-a-killed-process"), _time.GetUtcNow().UtcDateTime);
        _time.Advance(TimeSpan.FromHours(2));
        await _blobs.Put(Content(30), None);
        var young = await _blobs.Put(Content(40), None);

        // The chunk 0 of both large blobs has the same content, so it is live; chunk 1 and the manifest of the second are waste.
        var sweep = await _blobs.Collect(new HashSet<string> { live }, TimeSpan.FromHours(1), None);
        Assert.Equal(3, sweep.Files);
        Assert.Empty(Directory.GetFiles(_directory.File("blobs/tmp")));
        Assert.False(await _blobs.Exists(waste, None));
        Assert.Equal(Content(2500), await _blobs.Get(live, None));
        Assert.Equal(Content(30), await _blobs.Get(renewed, None));
        Assert.Equal(Content(40), await _blobs.Get(young, None));
    }

    [Fact]
    public async Task A_sweep_removes_nothing_while_a_live_manifest_cannot_be_read()
    {
        var live = await _blobs.Put(Content(2500), None);
        var waste = await _blobs.Put(Content(30), None);
        Flip(_directory.File($"blobs/{live[..2]}/{live}.manifest"), new Random(7));
        _time.Advance(TimeSpan.FromHours(2));
        var sweep = await _blobs.Collect(new HashSet<string> { live }, TimeSpan.FromHours(1), None);
        Assert.Equal(0, sweep.Files);
        Assert.Equal(live, Assert.Single(sweep.Damage).Where);
        Assert.True(await _blobs.Exists(waste, None));
    }

    private static byte[] Content(int length)
    {
        var content = new byte[length];
        new Random(42).NextBytes(content);
        return content;
    }

    private static void Flip(string path, Random random)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[random.Next(bytes.Length)] ^= (byte)random.Next(1, 256);
        File.WriteAllBytes(path, bytes);
    }

    private string[] AllFiles() => Directory.GetFiles(_directory.Path, "*", SearchOption.AllDirectories).Order().ToArray();

    private async Task<List<Damage>> Damage()
    {
        var found = new List<Damage>();
        await foreach (var damage in _blobs.Verify(None)) found.Add(damage);
        return found;
    }
}
