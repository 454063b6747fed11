using System.Reflection;
using System.Runtime.InteropServices;

namespace Athanor.Compute.Torch;

/// <summary>libtorch said no; the message is its own.</summary>
public sealed class TorchException(string message) : Exception(message);

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

    private const int Version = 2;
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

    public static bool CudaIsAvailable => Native.CudaIsAvailable() != 0;

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
        return version == Version ? (handle, null) : (0, $"{path} is of version {version} and this build needs {Version}; {Help}");
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

    private sealed class GradMode(int before) : IDisposable
    {
        public void Dispose() => Native.SetGradEnabled(before);
    }
}
