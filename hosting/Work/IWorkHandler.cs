using Athanor.Protocol;

namespace Athanor.Hosting.Work;

/// <summary>Does one kind of work, in a slot (a child process) or in a peer. It opens no store: its blobs come and go through
/// <see cref="IWorkContext"/>. It must give the same result for the same spec, seed and inputs.</summary>
public interface IWorkHandler
{
    /// <summary>The type of <see cref="IWork"/> that this handles.</summary>
    Type Handles { get; }

    /// <exception cref="WorkRefusedException">The spec is wrong; trying again would not help.</exception>
    IWorkResult Run(IWork work, IWorkContext context);
}

/// <summary>What work sees of the world around it.</summary>
public interface IWorkContext
{
    ulong Seed { get; }

    /// <summary>Cancelled on cancel, deadline or drain; the process is killed if it does not end soon after.</summary>
    CancellationToken Cancellation { get; }

    /// <summary>Reads an input blob by its SHA-256 (hex).</summary>
    ReadOnlyMemory<byte> GetBlob(string hash);

    /// <summary>Puts an output blob, which the store keeps once the work is completed; returns its SHA-256 (hex).</summary>
    string PutBlob(ReadOnlyMemory<byte> content);

    /// <summary>Says how far the work is.</summary>
    /// <param name="done">Fraction in [0, 1].</param>
    /// <param name="note">A few words with the figure that matters, e.g. <c>loss 0.013</c>.</param>
    void Report(double done, string note);
}

/// <summary>The work's spec or inputs are wrong; the message says what would be right.</summary>
public sealed class WorkRefusedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Does one kind of <see cref="ICompute"/>, many at a time: calls of one kind from many entities come as one batch, so that
/// they can share SIMD lanes. Result i belongs to request i; a request's result must not depend on its neighbours in the batch.</summary>
public interface IComputeHandler
{
    Type Handles { get; }

    IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation);
}
