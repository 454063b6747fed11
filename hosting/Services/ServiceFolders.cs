using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Athanor.Hosting.Services;

/// <summary>Folders, ports and passwords of private servers.</summary>
internal static class ServiceFolders
{
    /// <summary>A new temporary folder that every user can traverse.</summary>
    public static string Temporary(string kind)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"athanor-{kind}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}");
        Create(folder);
        return folder;
    }

    /// <summary>
    /// <paramref name="wished"/>, or a folder under /var/tmp when a server that runs as another user could not reach it (a checkout may
    /// lie under a home that is closed to others). The place is named in <c>wished/.elsewhere</c>, so that every later call finds it.
    /// </summary>
    public static string Reachable(string wished, bool otherUser)
    {
        wished = Path.GetFullPath(wished);
        Directory.CreateDirectory(wished);
        if (!otherUser || OpenToOthers(wished)) return wished;
        var note = Path.Combine(wished, ".elsewhere");
        if (File.Exists(note) && File.ReadAllText(note).Trim() is { Length: > 0 } known)
        {
            Create(known);
            return known;
        }
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(wished)))[..12];
        var elsewhere = Path.Combine("/var/tmp", $"athanor-services-{hash}");
        Create(elsewhere);
        File.WriteAllText(note, elsewhere + "\n");
        return elsewhere;
    }

    /// <summary>A TCP port of the loopback address that is free now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Whether somebody listens on a TCP port of the loopback address.</summary>
    public static bool IsTaken(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>The password in a file that only this user can read, made at the first call.</summary>
    public static string Password(string file)
    {
        if (File.Exists(file)) return File.ReadAllText(file).Trim();
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        WriteSecret(file, password + "\n");
        return password;
    }

    /// <summary>Writes a new file that only this user can read.</summary>
    public static void WriteSecret(string file, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(file, options);
        stream.Write(Encoding.UTF8.GetBytes(text));
    }

    private static void Create(string folder)
    {
        Directory.CreateDirectory(folder);
        if (OperatingSystem.IsWindows()) return;
        // Traversable, not readable: the servers' users reach their own folders inside, others see no names.
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    private static bool OpenToOthers(string folder)
    {
        for (var d = new DirectoryInfo(folder); d is not null; d = d.Parent)
            if (!d.UnixFileMode.HasFlag(UnixFileMode.OtherExecute)) return false;
        return true;
    }
}
