using System.Security.Cryptography;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;

namespace Hosting.Tests.Blobs;

/// <summary>What every kind of blob store keeps.</summary>
public abstract class BlobStoreContract
{
    private protected const int Chunk = 4096;
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly HashSet<string> Nothing = [];

    /// <summary>An empty store of chunks of <see cref="Chunk"/> bytes and blobs of at most 1 MiB; null where it cannot be had, after
    /// saying so.</summary>
    protected abstract Task<IBlobStore?> CreateStore();

    private protected static byte[] Content(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 1)]
    [InlineData(10 * Chunk + 7)]
    public async Task What_is_put_comes_back_under_its_sha_256(int length)
    {
        if (await CreateStore() is not { } store) return;
        var content = Content(length);
        var hash = await store.Put(content, None);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), hash);
        Assert.Equal(hash, await store.Put(content, None));
        Assert.True(await store.Exists(hash, None));
        Assert.Equal(content, await store.Get(hash, None));
        Assert.Empty(await ((IBlobCare)store).Verify(None).ToListAsync());
        Assert.Equal([hash], await ((IBlobList)store).List(None).ToListAsync());
        await Close(store);
    }

    [Fact]
    public async Task What_is_not_there_is_said_so_and_a_wrong_name_refused()
    {
        if (await CreateStore() is not { } store) return;
        var missing = new string('0', 64);
        Assert.False(await store.Exists(missing, None));
        await Assert.ThrowsAsync<KeyNotFoundException>(() => store.Get(missing, None));
        await Assert.ThrowsAsync<ArgumentException>(() => store.Get("../etc/passwd", None));
        await Close(store);
    }

    [Fact]
    public async Task What_is_live_or_young_is_left_alone_and_the_rest_goes_in_two_steps()
    {
        if (await CreateStore() is not { } store) return;
        var care = (IBlobCare)store;
        var (live, waste) = (Content(3 * Chunk, 1), Content(2 * Chunk + 5, 2));
        var (liveHash, wasteHash) = (await store.Put(live, None), await store.Put(waste, None));
        var marks = new HashSet<string> { liveHash };

        Assert.Equal(0, (await care.Collect(marks, TimeSpan.FromHours(1), false, None)).Condemned);
        // A manifest and three chunks; a dry run changes nothing.
        Assert.Equal(4, (await care.Collect(marks, TimeSpan.Zero, true, None)).Condemned);
        Assert.Equal(4, (await care.Collect(marks, TimeSpan.Zero, false, None)).Condemned);
        Assert.Equal(live, await store.Get(liveHash, None));

        // In the trash it is young again; whoever reads it has it back, whole.
        Assert.Equal(0, (await care.Collect(marks, TimeSpan.FromHours(1), false, None)).Removed);
        Assert.True(await store.Exists(wasteHash, None));
        Assert.Equal(waste, await store.Get(wasteHash, None));

        Assert.Equal(4, (await care.Collect(marks, TimeSpan.Zero, false, None)).Condemned);
        // Named after all: put back.
        Assert.Equal(4, (await care.Collect(new HashSet<string> { liveHash, wasteHash }, TimeSpan.Zero, false, None)).Restored);
        Assert.Equal(waste, await store.Get(wasteHash, None));

        Assert.Equal(4, (await care.Collect(marks, TimeSpan.Zero, false, None)).Condemned);
        Assert.Equal(4, (await care.Collect(marks, TimeSpan.Zero, false, None)).Removed);
        Assert.False(await store.Exists(wasteHash, None));
        await Assert.ThrowsAsync<KeyNotFoundException>(() => store.Get(wasteHash, None));
        Assert.Equal(live, await store.Get(liveHash, None));
        Assert.Empty(await care.Verify(None).ToListAsync());
        await Close(store);
    }

    [Fact]
    public async Task Content_that_lies_in_the_trash_is_put_again_as_new()
    {
        if (await CreateStore() is not { } store) return;
        var care = (IBlobCare)store;
        var content = Content(2 * Chunk);
        var hash = await store.Put(content, None);
        await care.Collect(Nothing, TimeSpan.Zero, false, None);
        Assert.Equal(hash, await store.Put(content, None));
        await care.Collect(Nothing, TimeSpan.FromHours(1), false, None);
        Assert.Equal(content, await store.Get(hash, None));
        await Close(store);
    }

    private static async Task Close(IBlobStore store)
    {
        if (store is IAsyncDisposable open) await open.DisposeAsync();
    }
}
