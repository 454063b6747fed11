using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Athanor.Bench.Estimation;

/// <summary>Builds and runs the programs of the baselines folder and reads their lines "name: figure us/step".</summary>
internal sealed partial class Peers(string folder, string bin)
{
    public static Peers? Find(string? folder)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Cluster.sln"))) root = root.Parent;
        if (root is null) throw new DirectoryNotFoundException("run this from within the repository");
        folder ??= Path.Combine(root.FullName, "..", "shared", "baselines");
        if (!File.Exists(Path.Combine(folder, "headroom_ekf.cpp")))
        {
            Console.WriteLine($"no baselines in {folder}: ours alone");
            return null;
        }
        var bin = Path.Combine(root.FullName, "artifacts", "baselines");
        var (built, output) = Run("bash", Path.Combine(root.FullName, "bench", "estimation", "baselines.sh"), bin, folder);
        if (built != 0) Console.WriteLine($"baselines.sh ended with {built}; what it could not build is left out:\n{output}");
        return new Peers(folder, bin);
    }

    /// <summary>Microseconds a step by the name of the line.</summary>
    public IEnumerable<(string Name, double Microseconds)> Measure()
    {
        var program = Path.Combine(bin, "headroom_ekf");
        var outputs = new List<string>();
        if (File.Exists(program)) outputs.Add(Run(program).Output);
        outputs.Add(Run("/usr/bin/python3", Path.Combine(folder, "peer08_ekf_numpy.py")).Output);
        foreach (var line in outputs.SelectMany(static o => o.Split('\n')))
        {
            if (Figure().Match(line) is { Success: true } match)
                yield return (match.Groups[1].Value, double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        }
    }

    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["OPENBLAS_NUM_THREADS"] = "1" },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    [GeneratedRegex(@"^(ekf-cstr [^:]+): ([0-9.]+) us/step")]
    private static partial Regex Figure();
}
