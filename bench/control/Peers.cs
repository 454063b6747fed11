using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Athanor.Bench.Control;

/// <summary>Builds and runs the baselines' programs and reads their lines "name: figure unit # notes".</summary>
internal static partial class Peers
{
    private static readonly (string Line, string Name)[] Lines =
    [
        ("mpc-cstr ipopt multiple shooting Gauss-Newton Hessian cold", "Ipopt, cold"),
        ("mpc-cstr ipopt multiple shooting Gauss-Newton Hessian warm", "Ipopt, warm, a sample"),
        ("mpc-cstr hand-written GN-SQP multiple shooting cold", "hand-written C++, cold"),
        ("mpc-cstr hand-written RTI closed loop per sample", "hand-written C++, real-time iteration"),
    ];

    /// <summary>The folder with the programs; null, with a line that says so, where there are no baselines.</summary>
    public static string? Build(string? folder)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Cluster.sln"))) root = root.Parent;
        if (root is null) throw new DirectoryNotFoundException("run this from within the repository");
        folder ??= Path.Combine(root.FullName, "..", "shared", "baselines");
        if (!File.Exists(Path.Combine(folder, "headroom_mpc.cpp")))
        {
            Console.WriteLine($"no baselines in {folder}: ours alone");
            return null;
        }
        var bin = Path.Combine(root.FullName, "artifacts", "baselines");
        var (code, output) = Run("bash", Path.Combine(root.FullName, "bench", "control", "baselines.sh"), bin, folder);
        if (code != 0) Console.WriteLine($"baselines.sh ended with {code}; what it could not build is left out:\n{output}");
        return bin;
    }

    /// <summary>Microseconds by name.</summary>
    public static Dictionary<string, double> Run(string? folder)
    {
        var result = new Dictionary<string, double>();
        if (Build(folder) is not { } bin) return result;
        foreach (var program in new[] { "mpc_ipopt", "headroom_mpc" })
        {
            var path = Path.Combine(bin, program);
            if (!File.Exists(path)) continue;
            foreach (var line in Run(path, []).Output.Split('\n'))
            {
                foreach (var (start, name) in Lines)
                {
                    if (!line.StartsWith(start, StringComparison.Ordinal) || Figure().Match(line) is not { Success: true } figure) continue;
                    result[name] = double.Parse(figure.Groups[1].Value) * (figure.Groups[2].Value == "ms" ? 1e3 : 1.0);
                }
            }
        }
        return result;
    }

    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    [GeneratedRegex(@": ([0-9.]+) (us|ms)\b")]
    private static partial Regex Figure();
}
