using System.Text.RegularExpressions;

namespace Athanor.Bench.Neural;

/// <summary>Builds and runs the programs of the baselines folder and reads their lines "name: figure unit".</summary>
internal sealed partial class Peers(Baselines baselines)
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

    /// <summary>Null where there are no baselines.</summary>
    public static Peers? Find(string? folder) =>
        Baselines.Build("neural", "headroom_node.cpp", folder) is { } baselines ? new Peers(baselines) : null;

    public IEnumerable<(Row Row, Column Column, double Seconds)> Measure()
    {
        foreach (var program in Lines.Select(static line => line.Program).Distinct())
        {
            foreach (var line in baselines.Output(program).Split('\n'))
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

    [GeneratedRegex(@": ([0-9.]+) (ms|configs/s)")]
    private static partial Regex Figure();
}
