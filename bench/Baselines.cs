using System.Diagnostics;

namespace Athanor.Bench;

/// <summary>The folder of programs to measure against, and how they are built and run; compiled into each bench that has such programs.</summary>
/// <param name="Folder">Their sources: named on the command line, or ../shared/baselines beside the repository.</param>
/// <param name="Bin">What the bench's own <c>baselines.sh</c> built of them.</param>
internal sealed record Baselines(string Folder, string Bin)
{
    /// <summary>Builds what is missing; null, with a line that says so, where the folder is not there.</summary>
    /// <param name="bench">Folder of the bench, which has a <c>baselines.sh</c>.</param>
    /// <param name="source">A file by which the folder is known.</param>
    public static Baselines? Build(string bench, string source, string? folder)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Cluster.sln"))) root = root.Parent;
        if (root is null) throw new DirectoryNotFoundException("run this from within the repository");
        folder ??= Path.Combine(root.FullName, "..", "shared", "baselines");
        if (!File.Exists(Path.Combine(folder, source)))
        {
            Console.WriteLine($"no baselines in {folder}: ours alone");
            return null;
        }
        var bin = Path.Combine(root.FullName, "artifacts", "baselines");
        var (code, output) = Run("bash", Path.Combine(root.FullName, "bench", bench, "baselines.sh"), bin, folder);
        if (code != 0) Console.WriteLine($"baselines.sh ended with {code}; what it could not build is left out:\n{output}");
        return new Baselines(folder, bin);
    }

    /// <summary>What a built program prints; nothing if it could not be built.</summary>
    public string Output(string program) => Path.Combine(Bin, program) is var path && File.Exists(path) ? Run(path).Output : "";

    /// <summary>What a Python script of the folder prints.</summary>
    public string Script(string name) => Run("/usr/bin/python3", Path.Combine(Folder, name)).Output;

    public static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // OpenBLAS's own pool would take the second core behind a program's setting.
            Environment = { ["OPENBLAS_NUM_THREADS"] = "1" },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }
}
