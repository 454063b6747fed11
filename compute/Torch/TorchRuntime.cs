using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace Athanor.Compute.Torch;

/// <summary>libtorch said no; the message is its own.</summary>
public class TorchException(string message) : Exception(message);

/// <summary>The device's memory ran out; less at once may do.</summary>
public sealed class TorchMemoryException(string message) : TorchException(message);

/// <summary>
/// Loads libathanor_torch (compute/native) and holds what is of the whole process or thread: seed, threads, devices, whether operations
/// are recorded. Only slots load it: a crash in native code must not take entities with it.
/// </summary>
public static class TorchRuntime
{
    /// <summary>Environment variables by which a node tells its slots what <c>athanor.torch</c> says.</summary>
    public const string LibraryVariable = "ATHANOR_TORCH_LIBRARY";

    /// <inheritdoc cref="LibraryVariable"/>
    public const string DeviceVariable = "ATHANOR_TORCH_DEVICE";

    /// <inheritdoc cref="LibraryVariable"/>
    public const string MemoryVariable = "ATHANOR_TORCH_MEMORY";

    private const int Version = 3;
    private static readonly Lazy<(nint Handle, string? Problem)> Loaded = new(Load);

    /// <summary>Whether the library is there and fits this build.</summary>
    public static bool IsAvailable => Loaded.Value.Problem is null;

    /// <summary>Why it is not available, and what would help; null if it is.</summary>
    public static string? Problem => Loaded.Value.Problem;

    /// <summary>The device that the configuration chose for this process.</summary>
    public static string Device { get; } = Environment.GetEnvironmentVariable(DeviceVariable) is { Length: > 0 } device ? device : "cpu";

    /// <summary>Seeds libtorch's generators of all devices.</summary>
    public static void ManualSeed(ulong seed) => Native.Check(Native.ManualSeed(seed));

    /// <summary>Threads within one operation, of this process.</summary>
    public static int NumThreads
    {
        get => Native.GetNumThreads();
        set => Native.Check(Native.SetNumThreads(value));
    }

    /// <summary>Threads that run operations beside each other. It can be set once, before the first is needed.</summary>
    public static int NumInteropThreads
    {
        get => Native.GetNumInteropThreads();
        set => Native.Check(Native.SetNumInteropThreads(value));
    }

    /// <summary>Threads of OpenBLAS's own pool; 0 where libtorch has another BLAS.</summary>
    public static int NumBlasThreads => Native.GetNumBlasThreads();

    public static bool CudaIsAvailable => Native.CudaCount() > 0;

    /// <summary>Why a device cannot be computed on, and what would be right; null if it can.</summary>
    /// <param name="device"><c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</param>
    public static string? ProblemOf(string device)
    {
        if (device == "cpu") return null;
        var number = device == "cuda" ? 0 : -1;
        if (device.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(device.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var given)) number = given;
        if (number < 0) return $"there is no device '{device}'; cpu, cuda or cuda:N would be right";
        if (Native.HasCuda() == 0)
        {
            return $"this libtorch has no CUDA: device = {device} needs one that was built for it (ATHANOR_LIBTORCH=DIR compute/native/build.sh); "
                + "device = cpu would be right here";
        }
        var count = Native.CudaCount();
        if (count == 0) return $"device = {device}: this machine has no CUDA device that its driver shows; device = cpu would be right here";
        return number < count ? null : $"device = {device}: this machine has {count} CUDA devices; cuda:0 to cuda:{count - 1} would be right";
    }

    /// <summary>Most bytes of a device's memory that this process's tensors may hold together; 0 for any.</summary>
    public static void LimitMemory(string device, long bytes) => Native.Check(Native.SetMemoryLimit(device, bytes));

    /// <summary>Bytes of the host's memory that this process's tensors hold; counted from the first limit on.</summary>
    public static long HostMemory => Native.HostMemory();

    /// <summary>Gives device memory that is only kept for reuse back.</summary>
    public static void EmptyCache() => Native.Check(Native.EmptyCache());

    /// <summary>Until it is disposed, this thread's matrix products on a device of this kind are in a smaller type; what would suffer from
    /// it, and all weights, stay in float32.</summary>
    /// <param name="type"><see cref="DType.BFloat16"/> or <see cref="DType.Float16"/>.</param>
    public static IDisposable Autocast(string device, DType type) => new AutocastMode(device != "cpu", type);

    /// <summary>Until it is disposed, this thread's operations are not recorded for <see cref="Tensor.Backward"/>.</summary>
    public static IDisposable NoGrad() => new GradMode(Native.SetGradEnabled(0));

    internal static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search)
    {
        if (name != Native.Library) return 0;
        var (handle, problem) = Loaded.Value;
        return problem is null ? handle : throw new DllNotFoundException(problem);
    }

    private static (nint Handle, string? Problem) Load()
    {
        const string Help = "build it with compute/native/build.sh";
        // Its threads would fight with libtorch's own. Only before the library is loaded does it look there.
        if (OperatingSystem.IsLinux()) Native.SetEnvironment("OPENBLAS_NUM_THREADS", "1", overwrite: 0);
        List<string> candidates = Environment.GetEnvironmentVariable(LibraryVariable) is { Length: > 0 } chosen
            ? [chosen]
            : [.. Candidates()];
        var path = candidates.FirstOrDefault(File.Exists);
        if (path is null) return (0, $"libathanor_torch.so is not at {string.Join(", ", candidates.Take(3))}; {Help}");
        if (!NativeLibrary.TryLoad(path, out var handle))
        {
            // The second attempt tells why.
            try
            {
                handle = NativeLibrary.Load(path);
            }
            catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
            {
                return (0, $"{path} cannot be loaded: {error.Message}; {Help}");
            }
        }
        var version = ReadVersion(handle);
        if (version == Version) Settle(handle);
        return version == Version ? (handle, null) : (0, $"{path} is of version {version} and this build needs {Version}; {Help}");
    }

    /// <summary>What is of the whole process, before the first operation: no pool beside the one that a slot's share of the machine is for
    /// (OpenMP's, by its variable), and the configured limit of memory.</summary>
    private static unsafe void Settle(nint handle)
    {
        var interop = NativeLibrary.GetExport(handle, "athanor_torch_set_num_interop_threads");
        _ = ((delegate* unmanaged<int, int>)interop)(1);
        if (!long.TryParse(Environment.GetEnvironmentVariable(MemoryVariable), CultureInfo.InvariantCulture, out var bytes) || bytes <= 0) return;
        var limit = NativeLibrary.GetExport(handle, "athanor_torch_set_memory_limit");
        // A device that is not there is told by whoever asks for it.
        fixed (byte* device = Encoding.UTF8.GetBytes(Device + '\0')) _ = ((delegate* unmanaged<byte*, long, int>)limit)(device, bytes);
    }

    private static unsafe int ReadVersion(nint handle) =>
        NativeLibrary.TryGetExport(handle, "athanor_torch_version", out var function) ? ((delegate* unmanaged<int>)function)() : 0;

    private static IEnumerable<string> Candidates()
    {
        const string Name = "libathanor_torch.so";
        yield return Path.Combine(AppContext.BaseDirectory, Name);
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Cluster.sln")))
                yield return Path.Combine(directory.FullName, "artifacts", "native", Name);
        }
    }

    private sealed class AutocastMode : IDisposable
    {
        private readonly int _cuda;

        public AutocastMode(bool cuda, DType type)
        {
            _cuda = cuda ? 1 : 0;
            Native.Check(Native.Autocast(_cuda, 1, (int)type));
        }

        public void Dispose() => Native.Check(Native.Autocast(_cuda, 0, 0));
    }

    private sealed class GradMode(int before) : IDisposable
    {
        public void Dispose() => Native.SetGradEnabled(before);
    }
}
