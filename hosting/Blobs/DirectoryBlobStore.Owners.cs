using System.Runtime.CompilerServices;
using Athanor.Hosting.Runtime;

namespace Athanor.Hosting.Blobs;

/// <summary>Owners as empty files <c>owners/ab/abcd…~TENANT</c>.</summary>
public sealed partial class DirectoryBlobStore : IBlobOwners
{
    private const string Owners = "owners";
    private const char OwnerMark = '~';

    public Task Own(string hash, string tenant, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        return Task.Run(
            () => Guard(hash, () =>
            {
                var directory = OwnersOf(hash);
                if (!Directory.Exists(directory))
                {
                    Directory.CreateDirectory(directory);
                    DurableFile.FlushDirectory(Path.GetDirectoryName(directory)!);
                    DurableFile.FlushDirectory(_root);
                }
                using (File.Open(Path.Combine(directory, $"{hash}{OwnerMark}{tenant}"), FileMode.OpenOrCreate))
                {
                    // Its name says all.
                }
                DurableFile.FlushDirectory(directory);
            }),
            cancellation);
    }

    public Task<bool> IsOwnedBy(string hash, string tenant, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        return Task.FromResult(File.Exists(Path.Combine(OwnersOf(hash), $"{hash}{OwnerMark}{tenant}")));
    }

    public Task<bool> IsOwned(string hash, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        return Task.FromResult(OwnerFiles(hash).Any());
    }

    public async IAsyncEnumerable<(string Hash, string Tenant)> ListOwners([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var root = Path.Combine(_root, Owners);
        if (!Directory.Exists(root)) yield break;
        foreach (var path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            cancellation.ThrowIfCancellationRequested();
            if (Path.GetFileName(path).Split(OwnerMark, 2) is [var hash, var tenant] && BlobNames.IsName(hash)) yield return (hash, tenant);
        }
    }

    private string OwnersOf(string hash) => Path.Combine(_root, Owners, hash[..2]);

    private IEnumerable<string> OwnerFiles(string hash) =>
        Directory.Exists(OwnersOf(hash)) ? Directory.EnumerateFiles(OwnersOf(hash), $"{hash}{OwnerMark}*") : [];

    /// <summary>After a file of the blob was removed for good: its owners go too, unless it was put anew meanwhile.</summary>
    private void Disown(string hash)
    {
        if (!BlobNames.IsName(hash) || File.Exists(FileOf(hash)) || File.Exists(FileOf(hash) + ManifestSuffix)) return;
        foreach (var path in OwnerFiles(hash).ToArray()) File.Delete(path);
    }
}
