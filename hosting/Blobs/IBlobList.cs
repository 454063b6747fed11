namespace Athanor.Hosting.Blobs;

/// <summary>A blob store that can name what it holds, for copies.</summary>
public interface IBlobList
{
    /// <summary>Every blob that was put, each once; chunks of a larger blob are not named.</summary>
    IAsyncEnumerable<string> List(CancellationToken cancellation);
}
