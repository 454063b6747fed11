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

    /// <summary>How far an earlier attempt came, to go on from; its content is read by <see cref="GetBlob"/>. Null at the beginning. The
    /// result must be the same from there as from the beginning.</summary>
    Stores.WorkCheckpoint? Checkpoint => null;

    /// <summary>Keeps a state to go on from after this process dies; a further one also forgets the deaths so far. Where nothing keeps
    /// it, the work begins anew.</summary>
    /// <param name="step">Higher is further.</param>
    void SaveCheckpoint(long step, ReadOnlyMemory<byte> content)
    {
    }

    /// <summary>The other members, when the work was dispatched for a gang; null if not.</summary>
    IGang? Gang => null;
}

/// <summary>
/// One generation of a gang as a member sees it. Members find each other through values under keys, which belong to this generation
/// alone: a later one sees nothing of them, and once the generation has ended every call throws <see cref="GangEndedException"/>.
/// A process group of another library (c10d) is set up the same way: rank 0 takes a port and puts its address under a key, the
/// others wait for it.
/// </summary>
public interface IGang
{
    /// <summary>From 0. The result of rank 0 is the work's, and ends it: it comes last.</summary>
    int Rank { get; }

    int Size { get; }

    /// <summary>From 1. Part of every name outside this process: files, store keys, groups.</summary>
    int Generation { get; }

    /// <summary>Where the members' nodes are reached, by rank; empty where a node has no address.</summary>
    IReadOnlyList<string> Addresses { get; }

    /// <summary>Puts a value of at most 64 KiB under a key, in place of an earlier one.</summary>
    void Set(string key, ReadOnlyMemory<byte> value);

    /// <summary>Waits for a value under a key.</summary>
    byte[] Wait(string key);

    /// <summary>Returns when all members have come here.</summary>
    /// <param name="name">Another at each barrier.</param>
    void Barrier(string name);
}

/// <summary>This generation of the gang has ended: another member died, or the work was cancelled. What it did counts no more.</summary>
public sealed class GangEndedException() : OperationCanceledException("this generation of the gang has ended");

/// <summary>The work's spec or inputs are wrong; the message says what would be right.</summary>
public sealed class WorkRefusedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Does one kind of <see cref="ICompute"/>, many at a time: calls of one kind from many entities come as one batch, so that
/// they can share SIMD lanes. Result i belongs to request i; a request's result must not depend on its neighbours in the batch.</summary>
public interface IComputeHandler
{
    Type Handles { get; }

    IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation);
}
