namespace Athanor.Hosting.Blobs;

/// <summary>Content by its SHA-256. What is put is durable when the call returns; what is got is verified.</summary>
public interface IBlobStore
{
    Task<string> Put(ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <exception cref="Stores.DamageException">The content is not what its name says.</exception>
    /// <exception cref="KeyNotFoundException">There is no such blob.</exception>
    Task<byte[]> Get(string hash, CancellationToken cancellation);

    Task<bool> Exists(string hash, CancellationToken cancellation);
}
