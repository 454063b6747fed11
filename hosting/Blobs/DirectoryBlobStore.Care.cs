using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Blobs;

/// <summary>Collection through a trash (see <see cref="IBlobCare"/>), which several nodes may run on one directory: a file is moved by a
/// rename, and looked at again where nobody else renews it any more.</summary>
public sealed partial class DirectoryBlobStore
{
    public Task<BlobCollection> Collect(IReadOnlySet<string> live, TimeSpan grace, bool dryRun, CancellationToken cancellation) =>
        Task.Run(() => Guard("", () => SetAside(live, grace, dryRun, cancellation)), cancellation);

    private string TrashOf(string path) => Path.Combine(_root, "trash", Path.GetFileName(path));

    private byte[]? TryReadOrRestore(string path)
    {
        if (TryRead(path) is { } content) return content;
        return TryMove(TrashOf(path), path) || File.Exists(path) ? TryRead(path) : null;
    }

    private (HashSet<string> Kept, List<Damage> Damage) Kept(IReadOnlySet<string> live)
    {
        var kept = new HashSet<string>(live, StringComparer.Ordinal);
        var damage = new List<Damage>();
        foreach (var hash in live)
        {
            var path = FileOf(hash) + ManifestSuffix;
            if ((TryRead(path) ?? TryRead(TrashOf(path))) is not { } bytes) continue;
            try
            {
                kept.UnionWith(BlobManifest.Parse(hash, bytes).Chunks);
            }
            catch (DamageException e)
            {
                damage.Add(new Damage("blob", hash, e.Message));
            }
        }
        return (kept, damage);
    }

    private BlobCollection SetAside(IReadOnlySet<string> live, TimeSpan grace, bool dryRun, CancellationToken cancellation)
    {
        var (kept, damage) = Kept(live);
        if (damage.Count > 0) return new BlobCollection(0, 0, 0, 0, 0, damage);
        var before = (_time.GetUtcNow() - grace).UtcDateTime;
        var result = new BlobCollection(0, 0, 0, 0, 0, []);
        foreach (var path in Files("trash").ToArray())
        {
            cancellation.ThrowIfCancellationRequested();
            var file = new FileInfo(path);
            if (kept.Contains(NameOf(path)))
            {
                result = result with { Restored = result.Restored + 1 };
                if (!dryRun) TryMove(path, PlaceOf(path));
            }
            else if (file.Exists && file.LastWriteTimeUtc <= before)
            {
                result = result with { Removed = result.Removed + 1, RemovedBytes = result.RemovedBytes + file.Length };
                if (dryRun) continue;
                file.Delete();
                Disown(NameOf(path));
            }
        }
        foreach (var path in Files().ToArray())
        {
            cancellation.ThrowIfCancellationRequested();
            var file = new FileInfo(path);
            if (kept.Contains(NameOf(path)) || !file.Exists || file.LastWriteTimeUtc > before) continue;
            var bytes = file.Length;
            if (!dryRun && !Condemn(path, before)) continue;
            result = result with { Condemned = result.Condemned + 1, CondemnedBytes = result.CondemnedBytes + bytes };
        }
        if (!dryRun) DropLeftovers(before);
        return result;
    }

    /// <summary>What is written now is young: this is what a process left that died while it wrote.</summary>
    private void DropLeftovers(DateTime before)
    {
        foreach (var path in Files("tmp").Where(path => File.GetLastWriteTimeUtc(path) <= before).ToArray()) File.Delete(path);
    }

    private bool Condemn(string path, DateTime before)
    {
        var trash = TrashOf(path);
        Directory.CreateDirectory(Path.GetDirectoryName(trash)!);
        lock (_ages)
        {
            if (!TryMove(path, trash)) return false;
            // Whoever renewed it before the rename did so for good; whoever comes later finds nothing and writes it anew.
            if (File.GetLastWriteTimeUtc(trash) > before)
            {
                TryMove(trash, path);
                return false;
            }
            File.SetLastWriteTimeUtc(trash, _time.GetUtcNow().UtcDateTime);
            return true;
        }
    }

    private string PlaceOf(string trashed) => Path.Combine(_root, NameOf(trashed)[..2], Path.GetFileName(trashed));

    private static bool TryMove(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: true);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }
}
