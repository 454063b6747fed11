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

    [Fact]
    public async Task A_blob_is_that_of_the_tenants_that_have_put_it_and_without_any_the_default_tenant_s()
    {
        if (await CreateStore() is not { } store) return;
        var content = Content(2 * Chunk);
        var hash = await store.Put(content, None);
        Assert.Equal((true, false), (await store.BelongsTo(hash, "default", None), await store.BelongsTo(hash, "plant-a", None)));
        // Whoever had it keeps it.
        Assert.Equal(hash, await store.PutFor("plant-a", content, None));
        Assert.Equal((true, true), (await store.BelongsTo(hash, "default", None), await store.BelongsTo(hash, "plant-a", None)));

        var own = await store.PutFor("plant-a", Content(30, 2), None);
        Assert.Equal((false, true), (await store.BelongsTo(own, "default", None), await store.BelongsTo(own, "plant-a", None)));
        Assert.False(await store.BelongsTo(own, "plant", None));
        await store.PutFor("plant-b", Content(30, 2), None);
        await store.PutFor("default", Content(30, 2), None);
        Assert.True(await store.BelongsTo(own, "plant-b", None) && await store.BelongsTo(own, "default", None));
        var sealedOne = await store.PutFor(BlobOwnership.TheCluster, Content(30, 3), None);
        Assert.False(await store.BelongsTo(sealedOne, "default", None));
        Assert.False(await store.BelongsTo(new string('0', 64), "default", None));

        // Owners are no blobs: neither lists nor care take them for some.
        Assert.Equal(new[] { hash, own, sealedOne }.Order(), (await ((IBlobList)store).List(None).ToListAsync()).Order());
        Assert.Empty(await ((IBlobCare)store).Verify(None).ToListAsync());
        Assert.Equal(
            [(hash, "default"), (hash, "plant-a"), (own, "default"), (own, "plant-a"), (own, "plant-b"), (sealedOne, "@cluster")],
            (await ((IBlobOwners)store).ListOwners(None).ToListAsync()).OrderBy(o => o.Hash == hash ? 0 : o.Hash == own ? 1 : 2)
                .ThenBy(static o => o.Tenant, StringComparer.Ordinal));
        Assert.Equal(2, (await store.ForeignIn(System.Text.Encoding.ASCII.GetBytes($"{own} {hash}"), "plant-c", None)).Count);
        Assert.Empty(await store.ForeignIn(System.Text.Encoding.ASCII.GetBytes($"{own} {hash} {new string('1', 64)}"), "plant-a", None));
        await Close(store);
    }

    [Fact]
    public async Task Owners_go_with_their_blob_and_stay_with_one_that_comes_back()
    {
        if (await CreateStore() is not { } store) return;
        var (care, owners) = ((IBlobCare)store, (IBlobOwners)store);
        var (kept, waste) = (await store.PutFor("plant-a", Content(3 * Chunk), None), await store.PutFor("plant-a", Content(2 * Chunk, 2), None));
        var marks = new HashSet<string> { kept };
        await care.Collect(marks, TimeSpan.Zero, false, None);
        Assert.True(await store.BelongsTo(waste, "plant-a", None));
        await store.Get(waste, None);
        Assert.True(await store.BelongsTo(waste, "plant-a", None));
        await care.Collect(marks, TimeSpan.Zero, false, None);
        await care.Collect(marks, TimeSpan.Zero, false, None);
        Assert.False(await store.Exists(waste, None));
        Assert.Equal([(kept, "plant-a")], await owners.ListOwners(None).ToListAsync());
        await Close(store);
    }

    private static async Task Close(IBlobStore store)
    {
        if (store is IAsyncDisposable open) await open.DisposeAsync();
    }
}
