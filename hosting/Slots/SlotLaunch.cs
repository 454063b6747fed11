using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Athanor.Compute.Torch;
using Athanor.Hosting.Configuration;

namespace Athanor.Hosting.Slots;

/// <summary>How a slot's process is started.</summary>
/// <param name="File">The executable.</param>
public sealed record SlotLaunch(string File, IReadOnlyList<string> Arguments)
{
    /// <summary>Threads for the numerics of one slot; the numeric libraries read them from the environment when they load.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Limit of the managed heap; 0 for none.</summary>
    internal long MemoryBytes { get; init; }

    /// <summary>Where the slot sends its spans by OTLP; empty for nowhere.</summary>
    public TelemetryOptions Telemetry { get; init; } = new();

    /// <summary>Where libtorch computes, and its shim's file; empty for what the slot finds itself.</summary>
    public TorchOptions Torch { get; init; } = new();

    /// <summary>The running program with the one argument <c>slot</c>; under <c>dotnet athanor.dll</c> the same way.</summary>
    public static SlotLaunch ThisProgram()
    {
        var file = Environment.ProcessPath
            ?? throw new InvalidOperationException("the path of the running program is unknown, so no slot can be started");
        if (!Path.GetFileNameWithoutExtension(file).Equals("dotnet", StringComparison.OrdinalIgnoreCase)) return new(file, ["slot"]);
        var entry = Assembly.GetEntryAssembly()?.Location;
        return string.IsNullOrEmpty(entry)
            ? throw new InvalidOperationException("the program that dotnet runs is unknown, so no slot can be started")
            : new(file, [entry, "slot"]);
    }

    internal ProcessStartInfo ToStartInfo()
    {
        var info = new ProcessStartInfo(File)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in Arguments) info.ArgumentList.Add(argument);
        var threads = Threads.ToString(CultureInfo.InvariantCulture);
        foreach (var name in (string[])["ATHANOR_SLOT_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]) info.Environment[name] = threads;
        // OpenBLAS has a pool of its own, which fights with OpenMP's for the same processors (4 to 7 times slower); MKL shares OpenMP's.
        info.Environment["OPENBLAS_NUM_THREADS"] = "1";
        // In hexadecimal, as the runtime reads it. A heap that is refused memory ends in an exception that says so.
        if (MemoryBytes > 0) info.Environment["DOTNET_GCHeapHardLimit"] = MemoryBytes.ToString("x", CultureInfo.InvariantCulture);
        info.Environment[SlotProgram.OtlpVariable] = Telemetry.OtlpEndpoint;
        info.Environment[SlotProgram.SampleVariable] = Telemetry.SampleShare.ToString("R", CultureInfo.InvariantCulture);
        info.Environment[TorchRuntime.DeviceVariable] = Torch.Device;
        if (Torch.MemoryLimitBytes > 0)
            info.Environment[TorchRuntime.MemoryVariable] = Torch.MemoryLimitBytes.ToString(CultureInfo.InvariantCulture);
        if (Torch.Library != "") info.Environment[TorchRuntime.LibraryVariable] = Path.GetFullPath(Torch.Library);
        return info;
    }
}
