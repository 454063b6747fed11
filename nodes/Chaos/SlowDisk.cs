using System.Globalization;
using System.Reflection;

namespace Athanor.Nodes.Chaos;

/// <summary>
/// Makes a server's disk slow: a few lines of C (slow-disk.c), compiled when a run starts and loaded into the server, let each fsync and
/// fdatasync wait as long as a file says. What the server then does (commits that queue, checkpoints that take minutes) is its own.
/// </summary>
internal sealed class SlowDisk
{
    private readonly string _control;

    private SlowDisk(string library, string control)
    {
        _control = control;
        Environment = new Dictionary<string, string> { ["LD_PRELOAD"] = library, ["ATHANOR_SLOW_DISK"] = control };
    }

    /// <summary>For the server that shall be slowed.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <returns>The disk, or why it cannot be slowed here.</returns>
    public static async Task<(SlowDisk? Disk, string? Missing)> Compile(string folder)
    {
        var (source, library) = (Path.Combine(folder, "slow-disk.c"), Path.Combine(folder, "slow-disk.so"));
        await using (var text = Assembly.GetExecutingAssembly().GetManifestResourceStream("chaos/slow-disk.c")
            ?? throw new InvalidOperationException("slow-disk.c is not in the assembly"))
        {
            await using var file = File.Create(source);
            await text.CopyToAsync(file);
        }
        if (!Shell.Exists("cc")) return (null, "needs a C compiler (cc)");
        var (code, words) = await Shell.Run("cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl");
        return code == 0 ? (new SlowDisk(library, Path.Combine(folder, "slow-disk.ms")), null) : (null, $"cc says: {Shell.FirstLine(words)}");
    }

    public void Slow(TimeSpan each) =>
        File.WriteAllText(_control, ((long)each.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));

    public void Heal() => File.Delete(_control);
}
