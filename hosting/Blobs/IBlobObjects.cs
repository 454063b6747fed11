namespace Athanor.Hosting.Blobs;

/// <summary>An object as a list shows it.</summary>
/// <param name="Touched">When it was last put or moved, by the clock of where it lies.</param>
internal sealed record BlobObject(string Name, long Bytes, DateTimeOffset Touched);

/// <summary>Named bytes somewhere else: a bucket, a table. <see cref="ObjectBlobStore"/> makes blobs of them.</summary>
internal interface IBlobObjects : IAsyncDisposable
{
    /// <summary>For messages; holds no secret.</summary>
    string Where { get; }

    Task<DateTimeOffset> Now(CancellationToken cancellation);

    /// <returns>Null if there is none.</returns>
    Task<byte[]?> Get(string name, CancellationToken cancellation);

    /// <summary>Puts an object, in place of an earlier one; durable when it returns.</summary>
    Task Put(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <summary>When an object was touched, if just this content lies under the name; null if not.</summary>
    Task<DateTimeOffset?> FindSame(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <returns>When it was last put or moved; null if there is none.</returns>
    Task<DateTimeOffset?> Touched(string name, CancellationToken cancellation);

    /// <summary>Gives an object another name and touches it. Where this is no single step, the new name is there before the old one
    /// is gone.</summary>
    /// <returns>False if there is none.</returns>
    Task<bool> Move(string from, string to, CancellationToken cancellation);

    Task Delete(string name, CancellationToken cancellation);

    /// <summary>All objects, in no order.</summary>
    IAsyncEnumerable<BlobObject> List(CancellationToken cancellation);
}
