using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Blobs;

/// <summary>
/// Blobs in a bucket or a table: an object under its SHA-256, or for larger content a manifest (<c>HASH.manifest</c>, see
/// <see cref="BlobManifest"/>) over chunks that are such objects. The manifest is put last, so a blob is there whole or not at all.
///
/// What is read is hashed. An upload that was interrupted goes on where it stopped: chunks that are there already are not sent again. One
/// that is older than half a grace is, so that it is young when a collection looks at it.
/// </summary>
internal sealed class ObjectBlobStore(IBlobObjects objects, int chunkBytes, long maxBytes, TimeSpan grace)
    : IBlobStore, IBlobList, IBlobCare, IBlobOwners, IAsyncDisposable
{
    private const string Manifest = ".manifest";
    private const string Trash = "trash/";

    /// <summary>Owners are objects <c>owners/HASH/TENANT</c>; the one of the name below is there where there is any.</summary>
    private const string Owners = "owners/";
    private const string Any = "@any";

    public async Task<string> Put(ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        if (content.Length > maxBytes)
            throw new StoreException($"a blob of {content.Length} bytes is larger than the largest, {maxBytes} (athanor.blobs.max)");
        var hash = HashOf(content.Span);
        var now = await objects.Now(cancellation).ConfigureAwait(false);
        if (content.Length <= chunkBytes)
        {
            await PutObject(hash, content, now, cancellation).ConfigureAwait(false);
            return hash;
        }
        var chunks = new List<string>();
        for (var at = 0; at < content.Length; at += chunkBytes)
        {
            var chunk = content.Slice(at, Math.Min(chunkBytes, content.Length - at));
            var name = HashOf(chunk.Span);
            await PutObject(name, chunk, now, cancellation).ConfigureAwait(false);
            chunks.Add(name);
        }
        var manifest = new BlobManifest(content.Length, chunks).ToBytes();
        await PutObject(hash + Manifest, manifest, now, cancellation).ConfigureAwait(false);
        return hash;
    }

    public async Task<byte[]> Get(string hash, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        if (await GetObject(hash, cancellation).ConfigureAwait(false) is { } whole)
        {
            return HashOf(whole) == hash ? whole : throw new DamageException(
                $"blob {hash}", $"its content in {objects.Where} has another SHA-256; put the same content again to replace it");
        }
        if (await GetObject(hash + Manifest, cancellation).ConfigureAwait(false) is not { } bytes)
            throw new KeyNotFoundException($"There is no blob {hash}.");
        var manifest = BlobManifest.Parse(hash, bytes);
        if (manifest.Length > Math.Min(maxBytes, Array.MaxLength))
            throw new StoreException($"blob {hash} of {manifest.Length} bytes is larger than the largest, {maxBytes} (athanor.blobs.max)");
        var content = new byte[manifest.Length];
        var at = 0;
        for (var i = 0; i < manifest.Chunks.Count; i++)
        {
            var where = $"blob {hash}, chunk {i} ({manifest.Chunks[i]})";
            var chunk = await GetObject(manifest.Chunks[i], cancellation).ConfigureAwait(false)
                ?? throw new DamageException(where, "the chunk is missing");
            if (HashOf(chunk) != manifest.Chunks[i]) throw new DamageException(where, "its content has another SHA-256");
            if (chunk.Length > content.Length - at) throw new DamageException(where, "the chunks are longer than the manifest says");
            chunk.CopyTo(content, at);
            at += chunk.Length;
        }
        return at == content.Length && HashOf(content) == hash
            ? content
            : throw new DamageException($"blob {hash}", "its chunks together have another SHA-256");
    }

    public async Task<bool> Exists(string hash, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        foreach (var name in (string[])[hash, hash + Manifest, Trash + hash, Trash + hash + Manifest])
        {
            if (await objects.Touched(name, cancellation).ConfigureAwait(false) is not null) return true;
        }
        return false;
    }

    public async Task<BlobCollection> Collect(IReadOnlySet<string> live, TimeSpan grace, bool dryRun, CancellationToken cancellation)
    {
        var all = await objects.List(cancellation).ToDictionaryAsync(static o => o.Name, StringComparer.Ordinal, cancellation)
            .ConfigureAwait(false);
        var (kept, damage) = await Kept(live, all, cancellation).ConfigureAwait(false);
        if (damage.Count > 0) return new BlobCollection(0, 0, 0, 0, 0, damage);
        var before = await objects.Now(cancellation).ConfigureAwait(false) - grace;
        var result = new BlobCollection(0, 0, 0, 0, 0, []);
        var owners = all.Keys.Where(static n => n.StartsWith(Owners, StringComparison.Ordinal)).ToLookup(HashOfOwner, StringComparer.Ordinal);
        // The trash first: what is set aside now must not be taken for what lay there before.
        foreach (var (name, found) in all.OrderBy(static o => !o.Key.StartsWith(Trash, StringComparison.Ordinal)))
        {
            cancellation.ThrowIfCancellationRequested();
            if (name.StartsWith(Owners, StringComparison.Ordinal)) continue;
            var trashed = name.StartsWith(Trash, StringComparison.Ordinal);
            var place = trashed ? name[Trash.Length..] : name;
            var isKept = kept.Contains(BlobNames.HashIn(place));
            if (trashed && isKept)
            {
                result = result with { Restored = result.Restored + 1 };
                if (!dryRun) await objects.Move(name, place, cancellation).ConfigureAwait(false);
            }
            else if (isKept || found.Touched > before || !await IsOld(name, before, cancellation).ConfigureAwait(false)) continue;
            else if (trashed)
            {
                result = result with { Removed = result.Removed + 1, RemovedBytes = result.RemovedBytes + found.Bytes };
                if (dryRun) continue;
                await objects.Delete(name, cancellation).ConfigureAwait(false);
                await Disown(BlobNames.HashIn(place), owners, cancellation).ConfigureAwait(false);
            }
            else
            {
                result = result with { Condemned = result.Condemned + 1, CondemnedBytes = result.CondemnedBytes + found.Bytes };
                if (!dryRun) await objects.Move(name, Trash + name, cancellation).ConfigureAwait(false);
            }
        }
        return result;
    }

    public async IAsyncEnumerable<Damage> Verify([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var found in objects.List(cancellation).ConfigureAwait(false))
        {
            if (IsApart(found.Name)) continue;
            var name = BlobNames.HashIn(found.Name);
            if (!BlobNames.IsName(name))
            {
                yield return new Damage("blob", found.Name, $"no blob in {objects.Where} has such a name");
                continue;
            }
            string? problem = null;
            try
            {
                if (found.Name != name) await Get(name, cancellation).ConfigureAwait(false);
                else if (await objects.Get(name, cancellation).ConfigureAwait(false) is { } bytes && HashOf(bytes) != name)
                    problem = "its content has another SHA-256";
            }
            catch (StoreException e)
            {
                problem = e.Message;
            }
            if (problem is not null) yield return new Damage("blob", name, problem);
        }
    }

    public async IAsyncEnumerable<string> List([EnumeratorCancellation] CancellationToken cancellation)
    {
        var chunks = new HashSet<string>(StringComparer.Ordinal);
        var whole = new List<string>();
        await foreach (var found in objects.List(cancellation).ConfigureAwait(false))
        {
            if (IsApart(found.Name)) continue;
            var hash = BlobNames.HashIn(found.Name);
            if (hash == found.Name) whole.Add(hash);
            else if (await objects.Get(found.Name, cancellation).ConfigureAwait(false) is { } bytes)
            {
                chunks.UnionWith(BlobManifest.Parse(hash, bytes).Chunks);
                yield return hash;
            }
        }
        foreach (var name in whole.Where(name => !chunks.Contains(name))) yield return name;
    }

    public async Task Own(string hash, string tenant, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        // Who owns it first: whoever finds that there is an owner must find this one.
        foreach (var name in (string[])[tenant, Any])
            await objects.Put($"{Owners}{hash}/{name}", System.Text.Encoding.UTF8.GetBytes(name), cancellation).ConfigureAwait(false);
    }

    public async Task<bool> IsOwnedBy(string hash, string tenant, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        return await objects.Touched($"{Owners}{hash}/{tenant}", cancellation).ConfigureAwait(false) is not null;
    }

    public Task<bool> IsOwned(string hash, CancellationToken cancellation) => IsOwnedBy(hash, Any, cancellation);

    public async IAsyncEnumerable<(string Hash, string Tenant)> ListOwners([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var found in objects.List(cancellation).ConfigureAwait(false))
        {
            if (!found.Name.StartsWith(Owners, StringComparison.Ordinal)) continue;
            var tenant = found.Name[(found.Name.LastIndexOf('/') + 1)..];
            if (tenant != Any) yield return (HashOfOwner(found.Name), tenant);
        }
    }

    public ValueTask DisposeAsync() => objects.DisposeAsync();

    private static string HashOfOwner(string name) => name[Owners.Length..name.LastIndexOf('/')];

    /// <summary>No blob, or one that is on its way out.</summary>
    private static bool IsApart(string name) => name.StartsWith(Trash, StringComparison.Ordinal) || name.StartsWith(Owners, StringComparison.Ordinal);

    /// <summary>After an object of the blob was removed for good: its owners go too, unless it was put anew meanwhile.</summary>
    private async Task Disown(string hash, ILookup<string, string> owners, CancellationToken cancellation)
    {
        if (!owners[hash].Any()) return;
        foreach (var name in (string[])[hash, hash + Manifest])
        {
            if (await objects.Touched(name, cancellation).ConfigureAwait(false) is not null) return;
        }
        foreach (var name in owners[hash]) await objects.Delete(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Looked at again just before it goes: somebody may have put or moved it since it was listed.</summary>
    private async Task<bool> IsOld(string name, DateTimeOffset before, CancellationToken cancellation) =>
        await objects.Touched(name, cancellation).ConfigureAwait(false) <= before;

    /// <summary>The live blobs and all chunks of theirs.</summary>
    private async Task<(HashSet<string> Kept, List<Damage> Damage)> Kept(
        IReadOnlySet<string> live, Dictionary<string, BlobObject> all, CancellationToken cancellation)
    {
        var kept = new HashSet<string>(live, StringComparer.Ordinal);
        var damage = new List<Damage>();
        foreach (var hash in live)
        {
            var name = hash + Manifest;
            if (!all.ContainsKey(name) && !all.ContainsKey(Trash + name)) continue;
            try
            {
                if (await GetObject(name, cancellation).ConfigureAwait(false) is { } bytes)
                    kept.UnionWith(BlobManifest.Parse(hash, bytes).Chunks);
            }
            catch (DamageException e)
            {
                // Its chunks cannot be told from waste.
                damage.Add(new Damage("blob", hash, e.Message));
            }
        }
        return (kept, damage);
    }

    private async Task PutObject(string name, ReadOnlyMemory<byte> content, DateTimeOffset now, CancellationToken cancellation)
    {
        if (await objects.FindSame(name, content, cancellation).ConfigureAwait(false) is { } touched && touched > now - grace / 2) return;
        await objects.Put(name, content, cancellation).ConfigureAwait(false);
    }

    private async Task<byte[]?> GetObject(string name, CancellationToken cancellation)
    {
        if (await objects.Get(name, cancellation).ConfigureAwait(false) is { } content) return content;
        return await objects.Move(Trash + name, name, cancellation).ConfigureAwait(false)
            ? await objects.Get(name, cancellation).ConfigureAwait(false)
            : null;
    }

    private static string HashOf(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));
}

/// <summary>Names of blobs: a SHA-256 in 64 lower-case hexadecimal digits.</summary>
internal static class BlobNames
{
    public const int Length = 64;

    public static bool IsName(string hash) => hash.Length == Length && hash.AsSpan().IndexOfAnyExcept("0123456789abcdef") < 0;

    public static void Check(string hash)
    {
        if (!IsName(hash))
            throw new ArgumentException($"\"{hash}\" names no blob: a blob's name is a SHA-256 in 64 lower-case hex digits.");
    }

    /// <summary>The hash in an object's name, or the name if there is none.</summary>
    public static string HashIn(string name) => name.EndsWith(".manifest", StringComparison.Ordinal) ? name[..^".manifest".Length] : name;
}
