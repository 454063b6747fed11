namespace Athanor.Nodes.Local;

/// <summary>
/// The configuration of the cluster whose node was last started by hand from a working directory, in <c>.athanor/cluster</c>. So that after
/// <c>athanor node --config F</c> an operator may write <c>athanor cluster status</c> alone. It is a convenience: a file that cannot be written or
/// that names what is gone is as good as none, and the commands of <c>athanor cluster</c> alone look at it.
/// </summary>
internal static class LastCluster
{
    public static string FileIn(string workingDirectory) => Path.Combine(workingDirectory, ".athanor", "cluster");

    public static void Remember(string workingDirectory, string config)
    {
        var file = FileIn(workingDirectory);
        // Two nodes may be started at one time: each writes a whole file.
        var whole = $"{file}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(whole, Path.GetFullPath(config, workingDirectory) + "\n");
            File.Move(whole, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A working directory in which nothing may be written, as that of a system's service.
        }
    }

    /// <summary>The configuration's path, or null.</summary>
    public static string? Find(string workingDirectory)
    {
        try
        {
            return File.ReadLines(FileIn(workingDirectory)).FirstOrDefault() is { } config && File.Exists(config) ? config : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
