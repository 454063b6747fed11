using Microsoft.Win32.SafeHandles;

namespace Athanor.Compute.Torch;

internal sealed class GroupHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public GroupHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        Native.GroupFree(handle);
        return true;
    }
}

/// <summary>
/// A process group of c10d, as PyTorch's <c>torch.distributed</c> has it: float and double arrays in host memory, over Gloo; with a CUDA device
/// over NCCL, through that device's memory. Calls of one group come in the same order at every member. A call that waits longer than the
/// time-out fails, and the group is of no use afterwards.
/// </summary>
public sealed unsafe class ProcessGroup : IDisposable
{
    private readonly GroupHandle _group;

    private ProcessGroup(GroupHandle group, int rank, int size) => (_group, Rank, Size) = (group, rank, size);

    /// <summary>Whether the library was built with Gloo.</summary>
    public static bool IsAvailable => TorchRuntime.IsAvailable && (Native.GroupAvailable() & 1) != 0;

    /// <summary>Whether the library was built with NCCL.</summary>
    public static bool HasNccl => TorchRuntime.IsAvailable && (Native.GroupAvailable() & 2) != 0;

    public int Rank { get; }

    public int Size { get; }

    /// <summary>Opens the store at which the members meet, for rank 0.</summary>
    /// <param name="host">Address on which the others reach it.</param>
    /// <param name="tell">Called with the store's port, before the others are waited for.</param>
    /// <exception cref="TorchException">The group did not come about in time; the message is libtorch's.</exception>
    /// <param name="device"><c>cpu</c> for Gloo; a CUDA device for NCCL.</param>
    public static ProcessGroup Host(string host, int size, TimeSpan timeout, Action<int> tell, string device = "cpu")
    {
        var group = Store(host, 0, true, size, timeout, out var port);
        tell(port);
        return Join(group, host, 0, size, device);
    }

    /// <param name="host">Address of rank 0's store.</param>
    /// <param name="address">This member's own, on which the others reach it.</param>
    /// <inheritdoc cref="Host"/>
    public static ProcessGroup Join(
        string host, int port, string address, int rank, int size, TimeSpan timeout, string device = "cpu") =>
        Join(Store(host, port, false, size, timeout, out _), address, rank, size, device);

    /// <summary>Sends to one member while receiving from another. Nothing is sent (received) where the span is empty.</summary>
    public void Exchange<T>(ReadOnlySpan<T> send, int to, Span<T> receive, int from, int tag)
        where T : unmanaged
    {
        fixed (T* s = send)
        fixed (T* r = receive)
            Native.Check(Native.GroupExchange(_group, s, send.Length, to, r, receive.Length, from, TypeOf<T>(), tag));
    }

    /// <summary>Sums over all members in the library's own order, which promises no bits.</summary>
    public void AllReduce<T>(Span<T> values)
        where T : unmanaged
    {
        fixed (T* v = values) Native.Check(Native.GroupAllReduce(_group, v, values.Length, TypeOf<T>()));
    }

    public void Dispose() => _group.Dispose();

    private static GroupHandle Store(string host, int port, bool server, int size, TimeSpan timeout, out int bound)
    {
        Native.Check(Native.GroupStore(host, port, server ? 1 : 0, size, (long)timeout.TotalMilliseconds, out var group, out bound));
        return group;
    }

    private static ProcessGroup Join(GroupHandle group, string address, int rank, int size, string device)
    {
        try
        {
            Native.Check(Native.GroupJoin(group, address, rank, size, device));
            return new ProcessGroup(group, rank, size);
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    private static int TypeOf<T>() => typeof(T) == typeof(float) ? (int)DType.Float32
        : typeof(T) == typeof(double) ? (int)DType.Float64
        : throw new ArgumentException($"{typeof(T).Name} is not exchanged; float or double would be right");
}
