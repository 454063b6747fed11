using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Athanor.Hosting.Slots;

internal static class ProcessMemory
{
    /// <summary>RLIMIT_DATA: private writable mappings, which since Linux 4.7 include those of mmap.</summary>
    private const int DataLimit = 2;

    /// <summary>Has the system refuse a running process more private memory than this. Best effort: elsewhere than on Linux, and if it
    /// ended meanwhile, nothing happens.</summary>
    public static void Limit(Process process, long bytes)
    {
        if (bytes <= 0 || !OperatingSystem.IsLinux()) return;
        var limit = new ResourceLimit((ulong)bytes, (ulong)bytes);
        _ = SetLimit(process.Id, DataLimit, ref limit, IntPtr.Zero);
    }

    /// <summary>Resident memory in bytes, or 0 if the process is gone.</summary>
    public static long Resident(Process process)
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                process.Refresh();
                return process.WorkingSet64;
            }
            // One short read; Process.Refresh parses much more than the one figure.
            var fields = File.ReadAllText($"/proc/{process.Id}/statm").Split(' ');
            return long.Parse(fields[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    [DllImport("libc", EntryPoint = "prlimit64")]
    private static extern int SetLimit(int process, int resource, ref ResourceLimit limit, IntPtr old);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct ResourceLimit(ulong soft, ulong hard)
    {
        private readonly ulong _soft = soft;
        private readonly ulong _hard = hard;
    }
}
