using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Athanor.Compute.Torch;

/// <summary>A tensor of libtorch; freed when disposed or collected.</summary>
internal sealed class TensorHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public TensorHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        Native.Free(handle);
        return true;
    }
}

/// <summary>A stream of a CUDA device.</summary>
internal sealed class StreamHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public StreamHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        Native.StreamFree(handle);
        return true;
    }
}

/// <summary>Operations of a CUDA device that were kept to be run again.</summary>
internal sealed class GraphHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public GraphHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        Native.GraphFree(handle);
        return true;
    }
}

internal sealed class AdamHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public AdamHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        Native.AdamFree(handle);
        return true;
    }
}

/// <summary>The C functions of compute/native. Each returns 0, or 1 with the reason in athanor_torch_error of the same thread.</summary>
internal static unsafe partial class Native
{
    public const string Library = "athanor_torch";
    private const string Prefix = "athanor_torch_";
    private const int OutOfMemory = 2;

    /// <exception cref="TorchException">The call failed.</exception>
    /// <exception cref="TorchMemoryException">The device's memory ran out.</exception>
    public static void Check(int result)
    {
        if (result == 0) return;
        var message = Marshal.PtrToStringUTF8(Error()) ?? "";
        throw result == OutOfMemory ? new TorchMemoryException(message) : new TorchException(message);
    }

    // The library is found before the first import of it is bound.
#pragma warning disable CA2255 // The assembly is no library of others; it is the room of this binding.
    [ModuleInitializer]
    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, TorchRuntime.Resolve);
#pragma warning restore CA2255

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport(Library, EntryPoint = Prefix + "error")]
    private static partial nint Error();

    [LibraryImport(Library, EntryPoint = Prefix + "manual_seed")]
    public static partial int ManualSeed(ulong seed);

    [LibraryImport(Library, EntryPoint = Prefix + "set_num_threads")]
    public static partial int SetNumThreads(int threads);

    [LibraryImport(Library, EntryPoint = Prefix + "get_num_threads")]
    public static partial int GetNumThreads();

    [LibraryImport(Library, EntryPoint = Prefix + "set_num_interop_threads")]
    public static partial int SetNumInteropThreads(int threads);

    [LibraryImport(Library, EntryPoint = Prefix + "get_num_interop_threads")]
    public static partial int GetNumInteropThreads();

    [LibraryImport(Library, EntryPoint = Prefix + "get_num_blas_threads")]
    public static partial int GetNumBlasThreads();

    [LibraryImport(Library, EntryPoint = Prefix + "has_cuda")]
    public static partial int HasCuda();

    [LibraryImport(Library, EntryPoint = Prefix + "cuda_count")]
    public static partial int CudaCount();

    [LibraryImport(Library, EntryPoint = Prefix + "set_memory_limit", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetMemoryLimit(string device, long bytes);

    [LibraryImport(Library, EntryPoint = Prefix + "host_memory")]
    public static partial long HostMemory();

    [LibraryImport(Library, EntryPoint = Prefix + "empty_cache")]
    public static partial int EmptyCache();

    [LibraryImport(Library, EntryPoint = Prefix + "autocast")]
    public static partial int Autocast(int cuda, int enabled, int type);

    [LibraryImport(Library, EntryPoint = Prefix + "stream_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int StreamNew(string device, out StreamHandle stream);

    [LibraryImport(Library, EntryPoint = Prefix + "stream_free")]
    public static partial void StreamFree(nint stream);

    [LibraryImport(Library, EntryPoint = Prefix + "stream_use")]
    public static partial int StreamUse(StreamHandle stream);

    [LibraryImport(Library, EntryPoint = Prefix + "stream_use")]
    public static partial int StreamUse(nint none);

    [LibraryImport(Library, EntryPoint = Prefix + "stream_wait")]
    public static partial int StreamWait(StreamHandle stream);

    [LibraryImport(Library, EntryPoint = Prefix + "stream_after")]
    public static partial int StreamAfter(StreamHandle stream, StreamHandle other);

    [LibraryImport(Library, EntryPoint = Prefix + "graph_begin")]
    public static partial int GraphBegin(out GraphHandle graph);

    [LibraryImport(Library, EntryPoint = Prefix + "graph_end")]
    public static partial int GraphEnd(GraphHandle graph);

    [LibraryImport(Library, EntryPoint = Prefix + "graph_replay")]
    public static partial int GraphReplay(GraphHandle graph);

    [LibraryImport(Library, EntryPoint = Prefix + "graph_free")]
    public static partial void GraphFree(nint graph);

    [LibraryImport(Library, EntryPoint = Prefix + "set_grad_enabled")]
    public static partial int SetGradEnabled(int enabled);

    [LibraryImport(Library, EntryPoint = Prefix + "from", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int From(void* data, long* shape, int rank, int type, string device, out TensorHandle tensor);

    [LibraryImport(Library, EntryPoint = Prefix + "empty", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Empty(long* shape, int rank, int type, string device, int pinned, out TensorHandle tensor);

    [LibraryImport(Library, EntryPoint = Prefix + "data")]
    public static partial int Data(TensorHandle tensor, out nint data, out long bytes);

    [LibraryImport(Library, EntryPoint = Prefix + "free")]
    public static partial void Free(nint tensor);

    [LibraryImport(Library, EntryPoint = Prefix + "copy_out")]
    public static partial int CopyOut(TensorHandle tensor, void* data, long bytes);

    [LibraryImport(Library, EntryPoint = Prefix + "rank")]
    public static partial int Rank(TensorHandle tensor, out int rank);

    [LibraryImport(Library, EntryPoint = Prefix + "shape")]
    public static partial int Shape(TensorHandle tensor, long* shape);

    [LibraryImport(Library, EntryPoint = Prefix + "type")]
    public static partial int Type(TensorHandle tensor, out int type);

    [LibraryImport(Library, EntryPoint = Prefix + "device")]
    public static partial int Device(TensorHandle tensor, byte* text, int capacity);

    [LibraryImport(Library, EntryPoint = Prefix + "requires_grad")]
    public static partial int RequiresGrad(TensorHandle tensor);

    [LibraryImport(Library, EntryPoint = Prefix + "set_requires_grad")]
    public static partial int SetRequiresGrad(TensorHandle tensor, int value);

    [LibraryImport(Library, EntryPoint = Prefix + "backward")]
    public static partial int Backward(TensorHandle tensor);

    [LibraryImport(Library, EntryPoint = Prefix + "grad")]
    public static partial int Grad(TensorHandle tensor, out TensorHandle gradient);

    [LibraryImport(Library, EntryPoint = Prefix + "clear_grad")]
    public static partial int ClearGrad(TensorHandle tensor);

    [LibraryImport(Library, EntryPoint = Prefix + "assign")]
    public static partial int Assign(TensorHandle tensor, TensorHandle values);

    [LibraryImport(Library, EntryPoint = Prefix + "uniform")]
    public static partial int Uniform(TensorHandle tensor, double low, double high);

    [LibraryImport(Library, EntryPoint = Prefix + "tanh")]
    public static partial int Tanh(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "relu")]
    public static partial int Relu(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "silu")]
    public static partial int Silu(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "softplus")]
    public static partial int Softplus(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "abs")]
    public static partial int Abs(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "mean")]
    public static partial int Mean(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "sum")]
    public static partial int Sum(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "transpose")]
    public static partial int Transpose(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "detach")]
    public static partial int Detach(TensorHandle tensor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "add")]
    public static partial int Add(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "sub")]
    public static partial int Sub(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "mul")]
    public static partial int Mul(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "matmul")]
    public static partial int MatMul(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "bmm")]
    public static partial int Bmm(TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "baddbmm")]
    public static partial int Baddbmm(TensorHandle bias, TensorHandle left, TensorHandle right, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "cross_entropy")]
    public static partial int CrossEntropy(TensorHandle logits, TensorHandle classes, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "hits")]
    public static partial int Hits(TensorHandle logits, TensorHandle classes, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "split")]
    public static partial int Split(TensorHandle tensor, long* sizes, int count, nint* parts);

    [LibraryImport(Library, EntryPoint = Prefix + "cast")]
    public static partial int Cast(TensorHandle tensor, int type, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "rows")]
    public static partial int Rows(TensorHandle tensor, TensorHandle indices, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "pow")]
    public static partial int Pow(TensorHandle tensor, double exponent, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "scale")]
    public static partial int Scale(TensorHandle tensor, double factor, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "linear")]
    public static partial int Linear(TensorHandle input, TensorHandle weight, TensorHandle bias, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "to", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int To(TensorHandle tensor, string device, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "reshape")]
    public static partial int Reshape(TensorHandle tensor, long* shape, int rank, out TensorHandle result);

    [LibraryImport(Library, EntryPoint = Prefix + "adam_new")]
    public static partial int AdamNew(
        nint* parameters, int count, double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
        out AdamHandle adam);

    [LibraryImport(Library, EntryPoint = Prefix + "adam_free")]
    public static partial void AdamFree(nint adam);

    [LibraryImport(Library, EntryPoint = Prefix + "adam_step")]
    public static partial int AdamStep(AdamHandle adam);

    [LibraryImport(Library, EntryPoint = Prefix + "adam_zero_grad")]
    public static partial int AdamZeroGrad(AdamHandle adam);

    [LibraryImport(Library, EntryPoint = Prefix + "adam_set_learning_rate")]
    public static partial int AdamSetLearningRate(AdamHandle adam, double learningRate);

    [LibraryImport(Library, EntryPoint = Prefix + "group_available")]
    public static partial int GroupAvailable();

    [LibraryImport(Library, EntryPoint = Prefix + "group_store", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GroupStore(string host, int port, int server, int size, long timeoutMs, out GroupHandle group, out int bound);

    [LibraryImport(Library, EntryPoint = Prefix + "group_join", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GroupJoin(GroupHandle group, string address, int rank, int size, string device);

    [LibraryImport(Library, EntryPoint = Prefix + "group_free")]
    public static partial void GroupFree(nint group);

    [LibraryImport(Library, EntryPoint = Prefix + "group_exchange")]
    public static partial int GroupExchange(
        GroupHandle group, void* send, long sendCount, int to, void* receive, long receiveCount, int from, int type, int tag);

    [LibraryImport(Library, EntryPoint = Prefix + "group_all_reduce")]
    public static partial int GroupAllReduce(GroupHandle group, void* data, long count, int type);
}
