using System.Diagnostics;
using System.Globalization;

namespace Athanor.Hosting.Slots;

internal static class ProcessMemory
{
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
}
