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

    /// <summary>Null, with a line that says so, where there are no baselines.</summary>
    public static Baselines? Build(string? folder) => Baselines.Build("control", "headroom_mpc.cpp", folder);

    /// <summary>Microseconds by name.</summary>
    public static Dictionary<string, double> Run(string? folder)
    {
        var result = new Dictionary<string, double>();
        if (Build(folder) is not { } baselines) return result;
        foreach (var program in new[] { "mpc_ipopt", "headroom_mpc" })
        {
            foreach (var line in baselines.Output(program).Split('\n'))
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

    [GeneratedRegex(@": ([0-9.]+) (us|ms)\b")]
    private static partial Regex Figure();
}
