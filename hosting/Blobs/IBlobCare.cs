using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Blobs;

/// <summary>What a collection did, or would do.</summary>
/// <param name="Condemned">Objects that nothing names any more, set aside now.</param>
/// <param name="Restored">Objects set aside earlier that something names after all.</param>
/// <param name="Removed">Objects set aside a whole grace ago, gone for good now.</param>
/// <param name="Damage">What kept the collection from judging; then nothing was condemned or removed.</param>
public sealed record BlobCollection(
    int Condemned, long CondemnedBytes, int Restored, int Removed, long RemovedBytes, IReadOnlyList<Damage> Damage);

/// <summary>
/// The care of blobs: mark and sweep, and verification.
///
/// A sweep sets aside (moves into a trash) what is not live and was not touched within the grace, and removes what has lain in the trash
/// for another grace. Whoever reads a blob that lies there gets it, and it is back in its place; the next sweep puts back what became
/// live. So an upload that meets a sweep loses nothing: a new upload is young; one of content that was there already touches it; and
/// where these two cross a sweep, the content is in the trash for a whole grace, in which the next mark finds it.
/// </summary>
public interface IBlobCare
{
    /// <param name="live">Hashes of the blobs that something names.</param>
    /// <param name="grace">Nothing younger is touched.</param>
    /// <param name="dryRun">Only says what would be done.</param>
    Task<BlobCollection> Collect(IReadOnlySet<string> live, TimeSpan grace, bool dryRun, CancellationToken cancellation);

    /// <summary>Reads everything and reports what is not what its name says, and chunks that are missing.</summary>
    IAsyncEnumerable<Damage> Verify(CancellationToken cancellation);
}
