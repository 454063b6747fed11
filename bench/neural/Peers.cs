using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Athanor.Bench.Neural;

/// <summary>Builds and runs the programs of the baselines folder and reads their lines "name: figure unit".</summary>
internal sealed partial class Peers(string bin)
{
    private static readonly (string Program, string Prefix, Row Row, Column Column)[] Lines =
    [
        ("node_torch", "node-step libtorch batch 32 1 thread(s):", Row.StepOne, Column.Torch),
        ("node_torch", "node-step libtorch batch 32 2 thread(s):", Row.StepTwo, Column.Torch),
        ("node_torch", "node-step libtorch batch 32 forward only 1 thread(s):", Row.SolveOne, Column.Torch),
        ("mlp_torch", "mlp2-64-64-10 libtorch addmm batch 10000 1 thread(s):", Row.BatchOne, Column.Torch),
        ("mlp_torch", "mlp2-64-64-10 libtorch addmm batch 10000 2 thread(s):", Row.BatchTwo, Column.Torch),
        ("mlp_torch", "mlp2-64-64-10 libtorch addmm batch 100 1 thread(s):", Row.Hundred, Column.Torch),
        ("mlp_torch", "mlp2-64-64-10 libtorch addmm batch 1 1 thread(s):", Row.Single, Column.Torch),
        ("mlp_torch", "mlp2-64-64-10 libtorch bmm 100 nets x batch 100 1 thread(s):", Row.NetsOne, Column.Torch),
        ("mlp_torch", "mlp2-64-64-10 libtorch bmm 100 nets x batch 100 2 thread(s):", Row.NetsTwo, Column.Torch),
        ("headroom_node", "node-step hand-fused batch 32 1 thread:", Row.StepOne, Column.Cpp),
        ("headroom_node", "node-step hand-fused batch 2x16 2 threads:", Row.StepTwo, Column.Cpp),
        ("headroom_node", "node-step hand-fused forward only 1 thread:", Row.SolveOne, Column.Cpp),
    ];

    /// <summary>Finds the baselines folder (named, or ../shared/baselines beside the repository) and builds what is missing; null, with a
    /// line that says so, where it is not there.</summary>
    public static Peers? Find(string? folder)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Cluster.sln"))) root = root.Parent;
        if (root is null) throw new DirectoryNotFoundException("run this from within the repository");
        folder ??= Path.Combine(root.FullName, "..", "shared", "baselines");
        if (!File.Exists(Path.Combine(folder, "headroom_node.cpp")))
        {
            Console.WriteLine($"no baselines in {folder}: ours alone");
            return null;
        }
        var bin = Path.Combine(root.FullName, "artifacts", "baselines");
        var (built, output) = Run("bash", Path.Combine(root.FullName, "bench", "neural", "baselines.sh"), bin, folder);
        if (built != 0) Console.WriteLine($"baselines.sh ended with {built}; what it could not build is left out:\n{output}");
        return new Peers(bin);
    }

    public IEnumerable<(Row Row, Column Column, double Seconds)> Measure()
    {
        foreach (var program in Lines.Select(static line => line.Program).Distinct())
        {
            var path = Path.Combine(bin, program);
            if (!File.Exists(path)) continue;
            var (_, output) = Run(path);
            foreach (var line in output.Split('\n'))
            {
                foreach (var (_, prefix, row, column) in Lines.Where(l => l.Program == program))
                {
                    if (!line.StartsWith(prefix, StringComparison.Ordinal) || Figure().Match(line) is not { Success: true } match) continue;
                    var value = double.Parse(match.Groups[1].Value);
                    yield return (row, column, match.Groups[2].Value == "ms" ? value * 1e-3 : row.Calls / value);
                }
            }
        }
    }

    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // OpenBLAS's own pool would take the second core behind libtorch's setting.
            Environment = { ["OPENBLAS_NUM_THREADS"] = "1" },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    [GeneratedRegex(@": ([0-9.]+) (ms|configs/s)")]
    private static partial Regex Figure();
}
