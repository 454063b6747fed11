using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Athanor.Hosting.Runtime;

/// <summary>Files that are whole or not there, whatever happens: written beside, flushed to disk, renamed, and the rename
/// flushed.</summary>
internal static class DurableFile
{
    /// <summary>Writes <paramref name="content"/> under <paramref name="temporary"/> and renames it to <paramref name="path"/>, replacing
    /// what is there. Both must lie on one file system. After the return the file survives a loss of power.</summary>
    public static void Write(string path, string temporary, ReadOnlySpan<byte> content, DateTimeOffset time)
    {
        try
        {
            using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None))
            {
                RandomAccess.Write(handle, content, 0);
                File.SetLastWriteTimeUtc(handle, time.UtcDateTime);
                RandomAccess.FlushToDisk(handle);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        FlushDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Makes renames and new entries of a directory durable. The runtime opens no directories, so this asks the system.</summary>
    public static void FlushDirectory(string directory)
    {
        // Windows has no such call: NTFS journals its directories by itself.
        if (OperatingSystem.IsWindows()) return;
        var handle = Open(directory, 0);
        if (handle < 0) throw new IOException($"{directory}: cannot be opened to flush it ({LastError()})");
        try
        {
            if (Flush(handle) != 0) throw new IOException($"{directory}: cannot be flushed ({LastError()})");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    private static string LastError() => new Win32Exception(Marshal.GetLastPInvokeError()).Message;

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Flush(int handle);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int handle);
}
