namespace Athanor.Compute.Training.Distributed;

/// <summary>Where processes of one host share memory.</summary>
public static class SharedMemory
{
    private const string Folder = "/dev/shm";

    /// <summary>Processes for which this is the same can share memory: the kernel's boot and the file system that is mounted there (a
    /// container has its own); elsewhere the machine's name.</summary>
    public static string Place { get; } = Find();

    /// <param name="name">Unique to this generation of this gang.</param>
    public static string Path(string name) =>
        System.IO.Path.Combine(Directory.Exists(Folder) ? Folder : System.IO.Path.GetTempPath(), $"athanor-{name}");

    private static string Find()
    {
        const string Boot = "/proc/sys/kernel/random/boot_id";
        const string Mounts = "/proc/self/mountinfo";
        if (!File.Exists(Boot) || !File.Exists(Mounts) || !Directory.Exists(Folder)) return Environment.MachineName;
        // Fields: mount id, parent id, device as major:minor, root, mount point.
        var mount = File.ReadLines(Mounts).Select(static line => line.Split(' ')).LastOrDefault(static fields => fields.Length > 4 && fields[4] == Folder);
        return $"{File.ReadAllText(Boot).Trim()} {(mount is null ? Environment.MachineName : mount[2])}";
    }
}
