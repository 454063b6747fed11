using System.Security.Cryptography;
using Athanor.Protocol;

namespace Athanor.Hosting.Blobs;

/// <summary>
/// Whose a blob is. Content is kept once, whoever puts it; each tenant that has put it is an owner. A blob without any owner is the tenant
/// <c>default</c>'s: so are those of embedded clusters and of builds that did not know owners. An owner lives as long as the blob: a collection
/// that removes the one for good removes the other.
/// </summary>
public interface IBlobOwners
{
    /// <summary>Makes a tenant an owner; durable when it returns. The blob need not be there yet.</summary>
    Task Own(string hash, string tenant, CancellationToken cancellation);

    Task<bool> IsOwnedBy(string hash, string tenant, CancellationToken cancellation);

    /// <summary>Whether it has any owner.</summary>
    Task<bool> IsOwned(string hash, CancellationToken cancellation);

    /// <summary>Every owner of every blob, for copies.</summary>
    IAsyncEnumerable<(string Hash, string Tenant)> ListOwners(CancellationToken cancellation);
}

/// <summary>Blobs on behalf of tenants.</summary>
public static class BlobOwnership
{
    /// <summary>The owner of blobs that hold rows of many tenants, as sealed segments do: no name of a tenant, so nobody reaches them.</summary>
    public const string TheCluster = "@cluster";

    /// <summary>Puts a blob that is a tenant's. The owner is recorded first: a crash between the two leaves an owner of nothing, and never a
    /// blob that is open to another tenant.</summary>
    public static async Task<string> PutFor(
        this IBlobStore blobs, string tenant, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        if (blobs is not IBlobOwners owners) return await blobs.Put(content, cancellation).ConfigureAwait(false);
        var hash = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        await Own(blobs, owners, hash, tenant, cancellation).ConfigureAwait(false);
        await blobs.Put(content, cancellation).ConfigureAwait(false);
        // A collection may have removed an old blob of this content with its owners in between.
        if (tenant != EntityAddress.DefaultTenant && !await owners.IsOwnedBy(hash, tenant, cancellation).ConfigureAwait(false))
            await owners.Own(hash, tenant, cancellation).ConfigureAwait(false);
        return hash;
    }

    /// <summary>Whether there is such a blob and it is the tenant's.</summary>
    public static async Task<bool> BelongsTo(this IBlobStore blobs, string hash, string tenant, CancellationToken cancellation)
    {
        if (!await blobs.Exists(hash, cancellation).ConfigureAwait(false)) return false;
        if (blobs is not IBlobOwners owners) return tenant == EntityAddress.DefaultTenant;
        return await owners.IsOwnedBy(hash, tenant, cancellation).ConfigureAwait(false)
            || (tenant == EntityAddress.DefaultTenant && !await owners.IsOwned(hash, cancellation).ConfigureAwait(false));
    }

    /// <summary>The hashes in a message that name blobs of others than the tenant. By the rule that collections go by: 64 lower-case
    /// hexadecimal digits anywhere in its bytes.</summary>
    public static async Task<IReadOnlyList<string>> ForeignIn(
        this IBlobStore blobs, ReadOnlyMemory<byte> message, string tenant, CancellationToken cancellation)
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        BlobMarks.Add(named, message);
        var foreign = new List<string>();
        foreach (var hash in named)
        {
            if (await blobs.Exists(hash, cancellation).ConfigureAwait(false) && !await blobs.BelongsTo(hash, tenant, cancellation).ConfigureAwait(false))
                foreign.Add(hash);
        }
        return foreign;
    }

    private static async Task Own(IBlobStore blobs, IBlobOwners owners, string hash, string tenant, CancellationToken cancellation)
    {
        if (tenant == EntityAddress.DefaultTenant)
        {
            // Without any owner it is the default tenant's already, and embedded clusters write no owners at all.
            if (!await owners.IsOwned(hash, cancellation).ConfigureAwait(false)) return;
        }
        else if (tenant != TheCluster && !await owners.IsOwned(hash, cancellation).ConfigureAwait(false)
            && await blobs.Exists(hash, cancellation).ConfigureAwait(false))
        {
            // It stays that of whoever put it before.
            await owners.Own(hash, EntityAddress.DefaultTenant, cancellation).ConfigureAwait(false);
        }
        if (!await owners.IsOwnedBy(hash, tenant, cancellation).ConfigureAwait(false))
            await owners.Own(hash, tenant, cancellation).ConfigureAwait(false);
    }
}
