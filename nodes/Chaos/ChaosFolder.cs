using System.Globalization;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Chaos;

/// <summary>A run's folder: databases, nodes, logs. A file in it says which process runs, so that the next run can tell what was left behind
/// by one that was killed from what is kept on purpose.</summary>
internal static class ChaosFolder
{
    private const string Prefix = "athanor-chaos-";
    private const string Mark = "running";
    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead
        | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes the folder and deletes what killed runs left beside the default ones.</summary>
    /// <param name="wished">The folder that the user named, or null for one under the temporary folder; if that is held in memory,
    /// under /var/tmp, because a disk that is none would make every fsync a lie.</param>
    public static string Make(string? wished, int seed)
    {
        var root = Format(Path.GetTempPath()) == "tmpfs" && Directory.Exists("/var/tmp") ? "/var/tmp" : Path.GetTempPath();
        foreach (var old in Directory.EnumerateDirectories(root, Prefix + "*").Where(Abandoned).ToList()) Delete(old);
        var folder = Path.GetFullPath(wished ?? Path.Combine(root, $"{Prefix}{seed}-{Environment.ProcessId}"));
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !Abandoned(folder))
            throw new UserException($"--folder {folder} is not empty: the run deletes its folder at the end, so it takes one of its own");
        if (Directory.Exists(folder)) Delete(folder);
        Directory.CreateDirectory(folder);
        if (Environment.IsPrivilegedProcess && Closed(folder) is { } closed)
            throw new UserException($"--folder {folder}: {closed} is closed to others, and the database runs as user postgres; name a folder it can reach");
        File.WriteAllText(Path.Combine(folder, Mark), $"{Environment.ProcessId} {StartOf(Environment.ProcessId)}\n");
        // The server's user makes files there, too.
        var temporary = Directory.CreateDirectory(Temporary(folder));
        if (!OperatingSystem.IsWindows()) temporary.UnixFileMode = UnixFileMode.StickyBit | Everybody;
        return folder;
    }

    /// <summary>The temporary folder of all that belongs to a run.</summary>
    public static string Temporary(string folder) => Path.Combine(folder, "tmp");

    /// <summary>Whether nobody said yet that it is to be kept.</summary>
    public static bool IsRunning(string folder) => File.Exists(Path.Combine(folder, Mark));

    /// <summary>What lies in it is kept.</summary>
    public static void Keep(string folder)
    {
        File.Delete(Path.Combine(folder, Mark));
        Delete(Temporary(folder));
    }

    /// <summary>Type of the file system under a path, as the kernel names it.</summary>
    public static string Format(string path) => new DriveInfo(path).DriveFormat;

    public static void Delete(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    private static bool Abandoned(string folder)
    {
        try
        {
            var words = File.ReadAllText(Path.Combine(folder, Mark)).Split(' ', StringSplitOptions.TrimEntries);
            return words.Length == 2 && int.TryParse(words[0], CultureInfo.InvariantCulture, out var id) && StartOf(id) != words[1];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>A process's start in clock ticks since the machine's, empty if there is none.</summary>
    private static string StartOf(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19];
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string? Closed(string folder)
    {
        for (var d = new DirectoryInfo(folder); d is not null; d = d.Parent)
            if (!OperatingSystem.IsWindows() && !d.UnixFileMode.HasFlag(UnixFileMode.OtherExecute)) return d.FullName;
        return null;
    }
}
