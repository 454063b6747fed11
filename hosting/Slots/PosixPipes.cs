using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Athanor.Hosting.Slots;

/// <summary>Keeps a slot's frames apart from whatever its libraries print.</summary>
internal static class PosixPipes
{
    /// <summary>Takes standard output for frames: the caller gets the pipe, and everything else that writes to descriptor 1, native code
    /// included, goes to standard error from now on.</summary>
    public static Stream TakeStandardOutput()
    {
        if (OperatingSystem.IsWindows())
        {
            var taken = Console.OpenStandardOutput();
            Console.SetOut(Console.Error);
            return taken;
        }
        var pipe = Dup(1);
        if (pipe < 0 || Dup2(2, 1) < 0) throw new IOException($"standard output cannot be taken (errno {Marshal.GetLastPInvokeError()})");
        Console.SetOut(Console.Error);
        return new FileStream(new SafeFileHandle(pipe, ownsHandle: true), FileAccess.Write, bufferSize: 0, isAsync: false);
    }

    [DllImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static extern int Dup(int descriptor);

    [DllImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static extern int Dup2(int from, int to);
}
