using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Blobs;

/// <summary>What a sweep removed, and what it could not judge.</summary>
/// <param name="Files">Files removed.</param>
/// <param name="Bytes">Their size.</param>
/// <param name="Damage">Live manifests that could not be read. While there is one, nothing is removed: its chunks cannot be told from
/// waste.</param>
public sealed record BlobSweep(int Files, long Bytes, IReadOnlyList<Damage> Damage);

/// <summary>
/// Blobs as files: <c>ab/abcd…</c> holds the content whose SHA-256 is <c>abcd…</c>; content above one chunk lies as a manifest
/// <c>ab/abcd….manifest</c> over chunks that are such files themselves. <c>tmp/</c> holds what is being written.
///
/// A file appears under its name only when it is whole and flushed, and <see cref="Put"/> returns after its name is durable too. What is
/// read is hashed, and content that is not what its name says is never returned. A put of content that is there already verifies it and
/// writes it anew if it is damaged; either way it makes the blob young again, so a sweep between the put and the commit that names the
/// blob cannot take it (sweeps spare what is younger than their minimum age).
/// </summary>
public sealed partial class DirectoryBlobStore : IBlobStore, IBlobList, IBlobCare
{
    /// <summary>Bytes in a chunk; smaller content is one file.</summary>
    public const int ChunkSize = 1 << 20;

    /// <summary>How many files there are, and their size in bytes.</summary>
    public (int Files, long Bytes) Measure() => Guard("", () =>
        Files().Aggregate((Files: 0, Bytes: 0L), (sum, path) => (sum.Files + 1, sum.Bytes + new FileInfo(path).Length)));

    private const string ManifestSuffix = ".manifest";

    // A sweep looks at a file's age and removes it; a put looks at a file and makes it young. Neither may happen inside the other.
    private readonly Lock _ages = new();
    private readonly string _root;
    private readonly TimeProvider _time;
    private readonly int _chunkSize;
    private long _temporaries;

    public DirectoryBlobStore(string directory, TimeProvider time)
        : this(directory, time, ChunkSize)
    {
    }

    internal DirectoryBlobStore(string directory, TimeProvider time, int chunkSize)
    {
        _root = Path.GetFullPath(directory);
        _time = time;
        _chunkSize = chunkSize;
    }

    public Task<string> Put(ReadOnlyMemory<byte> content, CancellationToken cancellation) => Task.Run(
        () =>
        {
            var hash = HashOf(content.Span);
            Guard(hash, () => Write(hash, content, cancellation));
            return hash;
        },
        cancellation);

    public Task<byte[]> Get(string hash, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        return Task.Run(() => Guard(hash, () => Read(hash)), cancellation);
    }

    public Task<bool> Exists(string hash, CancellationToken cancellation)
    {
        BlobNames.Check(hash);
        string[] files = [FileOf(hash), FileOf(hash) + ManifestSuffix];
        return Task.FromResult(files.Any(path => File.Exists(path) || File.Exists(TrashOf(path))));
    }

    /// <summary>Mark and sweep: removes every file that is neither a live blob nor a chunk of one and was last put longer than
    /// <paramref name="minimumAge"/> ago.</summary>
    /// <param name="live">Hashes of the blobs that states, work and journal still name.</param>
    public Task<BlobSweep> Collect(IReadOnlySet<string> live, TimeSpan minimumAge, CancellationToken cancellation) =>
        Task.Run(() => Guard("", () => Sweep(live, minimumAge, cancellation)), cancellation);

    /// <summary>Reads every file and reports what is not what its name says, and chunks that are missing.</summary>
    public async IAsyncEnumerable<Damage> Verify([EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var path in Files())
        {
            cancellation.ThrowIfCancellationRequested();
            if (await Task.Run(() => Check(path), cancellation) is { } damage) yield return damage;
        }
    }

    public async IAsyncEnumerable<string> List([EnumeratorCancellation] CancellationToken cancellation)
    {
        var chunks = new HashSet<string>(StringComparer.Ordinal);
        var whole = new List<string>();
        foreach (var path in Files())
        {
            cancellation.ThrowIfCancellationRequested();
            if (!path.EndsWith(ManifestSuffix, StringComparison.Ordinal)) whole.Add(NameOf(path));
            else if (await Task.Run(() => Guard("", () => TryRead(path)), cancellation) is { } bytes)
            {
                chunks.UnionWith(BlobManifest.Parse(NameOf(path), bytes).Chunks);
                yield return NameOf(path);
            }
        }
        foreach (var name in whole.Where(name => !chunks.Contains(name))) yield return name;
    }

    private void Write(string hash, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        if (content.Length <= _chunkSize)
        {
            WriteFile(FileOf(hash), content.Span);
            return;
        }

        var chunks = new List<string>();
        for (var at = 0; at < content.Length; at += _chunkSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var chunk = content.Slice(at, Math.Min(_chunkSize, content.Length - at)).Span;
            var name = HashOf(chunk);
            WriteFile(FileOf(name), chunk);
            chunks.Add(name);
        }
        WriteFile(FileOf(hash) + ManifestSuffix, new BlobManifest(content.Length, chunks).ToBytes());
    }

    private void WriteFile(string path, ReadOnlySpan<byte> content)
    {
        var directory = Path.GetDirectoryName(path)!;
        if (Rejuvenate(path, content))
        {
            // Whoever wrote it may have died between its rename and the flush of the directory.
            DurableFile.FlushDirectory(directory);
            return;
        }

        if (!Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory);
            DurableFile.FlushDirectory(_root);
        }
        Directory.CreateDirectory(Path.Combine(_root, "tmp"));
        var temporary = Path.Combine(_root, "tmp", $"{Environment.ProcessId}-{Interlocked.Increment(ref _temporaries)}");
        DurableFile.Write(path, temporary, content, _time.GetUtcNow());
    }

    private bool Rejuvenate(string path, ReadOnlySpan<byte> content)
    {
        lock (_ages)
        {
            try
            {
                if (!File.Exists(path) || !File.ReadAllBytes(path).AsSpan().SequenceEqual(content)) return false;
                File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
                return true;
            }
            catch (FileNotFoundException)
            {
                // Another node's sweep was faster; it is written anew.
                return false;
            }
        }
    }

    private byte[] Read(string hash)
    {
        if (TryReadOrRestore(FileOf(hash)) is { } whole)
        {
            if (HashOf(whole) == hash) return whole;
            throw new DamageException($"blob {hash}", "its content has another SHA-256; put the same content again to replace it");
        }

        if (TryReadOrRestore(FileOf(hash) + ManifestSuffix) is not { } manifestBytes) throw new KeyNotFoundException($"There is no blob {hash}.");
        var manifest = BlobManifest.Parse(hash, manifestBytes);
        var content = new byte[manifest.Length];
        var at = 0;
        for (var i = 0; i < manifest.Chunks.Count; i++)
        {
            var where = $"blob {hash}, chunk {i} ({manifest.Chunks[i]})";
            var chunk = TryReadOrRestore(FileOf(manifest.Chunks[i])) ?? throw new DamageException(where, "the chunk is missing");
            if (HashOf(chunk) != manifest.Chunks[i]) throw new DamageException(where, "its content has another SHA-256");
            if (chunk.Length > content.Length - at) throw new DamageException(where, "the chunks are longer than the manifest says");
            chunk.CopyTo(content, at);
            at += chunk.Length;
        }
        if (at != content.Length || HashOf(content) != hash)
            throw new DamageException($"blob {hash}", "its chunks together have another SHA-256");
        return content;
    }

    private BlobSweep Sweep(IReadOnlySet<string> live, TimeSpan minimumAge, CancellationToken cancellation)
    {
        var (kept, damage) = Kept(live);
        if (damage.Count > 0) return new BlobSweep(0, 0, damage);

        var (files, size) = (0, 0L);
        var before = (_time.GetUtcNow() - minimumAge).UtcDateTime;
        foreach (var path in Files().Concat(Files("tmp")).ToArray())
        {
            cancellation.ThrowIfCancellationRequested();
            if (kept.Contains(NameOf(path))) continue;
            lock (_ages)
            {
                var file = new FileInfo(path);
                if (!file.Exists || file.LastWriteTimeUtc > before) continue;
                (files, size) = (files + 1, size + file.Length);
                file.Delete();
                Disown(NameOf(path));
            }
        }
        return new BlobSweep(files, size, []);
    }

    private Damage? Check(string path)
    {
        var name = NameOf(path);
        try
        {
            if (!BlobNames.IsName(name)) return new Damage("blob", Path.GetRelativePath(_root, path), "no blob has such a name");
            if (TryRead(path) is not { } bytes) return null;
            if (path.EndsWith(ManifestSuffix, StringComparison.Ordinal)) _ = Read(name);
            else if (HashOf(bytes) != name) return new Damage("blob", name, "its content has another SHA-256");
            return null;
        }
        catch (StoreException e)
        {
            return new Damage("blob", name, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Damage("blob", name, $"cannot be read ({e.Message})");
        }
    }

    private IEnumerable<string> Files() => !Directory.Exists(_root)
        ? []
        : Directory.EnumerateDirectories(_root).Select(d => Path.GetFileName(d)!).Where(d => d is not ("tmp" or "trash" or Owners)).Order(StringComparer.Ordinal)
            .SelectMany(Files);

    private IEnumerable<string> Files(string directory) => Directory.Exists(Path.Combine(_root, directory))
        ? Directory.EnumerateFiles(Path.Combine(_root, directory)).Order(StringComparer.Ordinal)
        : [];

    private string FileOf(string hash) => Path.Combine(_root, hash[..2], hash);

    private static string NameOf(string path)
    {
        var name = Path.GetFileName(path);
        return name.EndsWith(ManifestSuffix, StringComparison.Ordinal) ? name[..^ManifestSuffix.Length] : name;
    }

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static string HashOf(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private void Guard(string hash, Action action) => Guard(hash, () =>
    {
        action();
        return 0;
    });

    private T Guard<T>(string hash, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new StoreException($"{_root}{(hash == "" ? "" : $", blob {hash}")}: {e.Message}", e);
        }
    }
}
