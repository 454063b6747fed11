using System.Security.Cryptography;
using System.Text;

namespace Athanor.Nodes.Local;

/// <summary>Where a state directory's socket lies.</summary>
internal static class SocketPath
{
    /// <summary>A socket's path has at most 107 bytes on Linux and 103 on macOS.</summary>
    private const int Longest = 103;

    /// <param name="create">Makes the directory for it; for the listening side.</param>
    public static string Of(string stateDirectory, bool create = false)
    {
        var path = Path.Combine(Path.GetFullPath(stateDirectory), "node.sock");
        if (Encoding.UTF8.GetByteCount(path) <= Longest) return path;
        // Deep directories: a short name that both sides derive from the long one, in a directory of the user's own.
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..16];
        var directory = Path.Combine(Path.GetTempPath(), $"athanor-{Environment.UserName}-{hash}");
        if (create)
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(directory);
            else Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        return Path.Combine(directory, "node.sock");
    }
}
