using System.Diagnostics;

namespace Cluster.Tests;

/// <summary>The program of the first release, built from the repository's own history and kept under <c>artifacts/upgrade</c>.</summary>
internal static class FirstBuild
{
    /// <summary>Where the tag <c>skeleton</c> stands, for clones that were made without tags.</summary>
    private const string Commit = "4b321d4";

    private static readonly TimeSpan LongestBuild = TimeSpan.FromMinutes(8);

    /// <summary>The built program, or null and why there is none.</summary>
    public static async Task<(string? Program, string Why)> Find()
    {
        var root = Athanor.Tests.RepositoryFiles.Root;
        if (!Path.Exists(Path.Combine(root, ".git"))) return (null, "this copy of the sources has no history (.git)");
        var (found, commit) = await Run("git", root, "rev-parse", "--short=7", "--verify", "--quiet", "skeleton^{commit}");
        if (found != 0) (found, commit) = await Run("git", root, "rev-parse", "--short=7", "--verify", "--quiet", $"{Commit}^{{commit}}");
        if (found != 0) return (null, $"the history does not reach back to {Commit} (a shallow clone?)");
        var folder = Path.Combine(root, "artifacts", "upgrade", commit.Trim());
        var program = Path.Combine(folder, "artifacts", "bin", "Athanor.Nodes", "release", "athanor.dll");
        if (File.Exists(program + ".built")) return (program, "");

        Directory.CreateDirectory(folder);
        var archive = Path.Combine(folder, "sources.tar");
        await Must("git", root, "archive", "--format=tar", "-o", archive, commit.Trim());
        await Must("tar", folder, "-xf", archive);
        File.Delete(archive);
        await Must("dotnet", folder, "build", "nodes", "-c", "Release", "--nologo", "-v", "quiet");
        // Only now it is whole: a build that was interrupted is made again.
        await File.WriteAllTextAsync(program + ".built", "");
        return (program, "");
    }

    private static async Task Must(string program, string folder, params string[] arguments)
    {
        var (exit, output) = await Run(program, folder, arguments);
        Assert.True(exit == 0, $"{program} {string.Join(' ', arguments)} in {folder} ended with {exit}: {output}");
    }

    private static async Task<(int Exit, string Output)> Run(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test run's own build system says to its children is not meant for another tree.
        foreach (var name in start.Environment.Keys.Where(static n => n.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(LongestBuild);
        return (process.ExitCode, await output + await error);
    }
}
