using System.Text.RegularExpressions;

namespace Athanor.Bench.Ode;

/// <summary>Builds and runs the programs of the baselines folder and reads their lines "name: figure unit # notes".</summary>
internal sealed partial class Peers(Baselines baselines, bool scipy)
{
    // Lines of headroom_ode, cvode, sweep_cvode and of the SciPy scripts by row.
    private static readonly (string Prefix, string Row, Column Column)[] Lines =
    [
        ("headroom cstr Tsit5 scalar", Rows.Cstr, Column.Headroom), ("headroom cstr Tsit5 8-lane", Rows.CstrLanes, Column.Headroom),
        ("headroom vdv_isothermal Tsit5 scalar", Rows.VanDeVusse, Column.Headroom),
        ("headroom vdv_isothermal Tsit5 8-lane", Rows.VanDeVusseLanes, Column.Headroom),
        ("headroom klatt_engell Tsit5 scalar", Rows.KlattEngell, Column.Headroom),
        ("headroom klatt_engell Tsit5 8-lane", Rows.KlattEngellLanes, Column.Headroom),
        ("headroom pfr50 Tsit5 scalar", Rows.PlugFlow, Column.Headroom), ("headroom robertson ROS4 scalar", Rows.Robertson, Column.Headroom),
        ("sweep10k headroom Tsit5 8-lane AVX-512 1 thread", Rows.SweepOne, Column.Headroom),
        ("sweep10k headroom Tsit5 8-lane AVX-512 2 thread", Rows.Sweep, Column.Headroom),
        ("cvode cstr", Rows.Cstr, Column.Cvode), ("cvode vdv_isothermal", Rows.VanDeVusse, Column.Cvode),
        ("cvode klatt_engell", Rows.KlattEngell, Column.Cvode), ("cvode pfr50", Rows.PlugFlow, Column.Cvode),
        ("cvode robertson", Rows.Robertson, Column.Cvode),
        ("scipy cstr LSODA:", Rows.Cstr, Column.Scipy), ("scipy vdv_isothermal LSODA:", Rows.VanDeVusse, Column.Scipy),
        ("scipy klatt_engell LSODA:", Rows.KlattEngell, Column.Scipy), ("scipy pfr50 LSODA:", Rows.PlugFlow, Column.Scipy),
        ("scipy robertson LSODA:", Rows.Robertson, Column.Scipy),
        // odeint is LSODA too, and the only one that SciPy's script runs on two cores.
        ("sweep10k scipy solve_ivp LSODA 1 process", Rows.SweepOne, Column.Scipy), ("sweep10k scipy odeint 2 processes", Rows.Sweep, Column.Scipy),
    ];

    /// <summary>Null where there are no baselines.</summary>
    public static Peers? Find(string? folder) => Baselines.Build("ode", "headroom_ode.cpp", folder) is { } baselines
        ? new Peers(baselines, Baselines.Run("/usr/bin/python3", "-c", "import scipy").Code == 0)
        : null;

    public string Describe()
    {
        var version = Path.Combine(baselines.Bin, "VERSION");
        var cvode = File.Exists(version) ? $"CVODE of sundials {File.ReadAllText(version).Trim()}, -O3 -march=native, no logging" : "no CVODE";
        return $"{cvode}; {(scipy ? "SciPy of python3-scipy, in the first round" : "no SciPy (python3-scipy is not installed)")}";
    }

    public IEnumerable<(string Row, Column Column, double Microseconds, string Error)> Measure(bool first)
    {
        foreach (var program in new[] { "headroom_ode", "cvode", "sweep_cvode" })
        {
            foreach (var line in Read(baselines.Output(program))) yield return line;
        }
        if (!scipy || !first) yield break;
        foreach (var script in new[] { "peer01_scipy_ode.py", "peer03_sweep_scipy.py" })
        {
            foreach (var line in Read(baselines.Script(script))) yield return line;
        }
    }

    /// <summary>Of several lines of one row and column (the variants of CVODE) the quickest.</summary>
    private static IEnumerable<(string Row, Column Column, double Microseconds, string Error)> Read(string output)
    {
        var best = new Dictionary<(string, Column), (double, string)>();
        foreach (var line in output.Split('\n'))
        {
            var match = Figure().Match(line);
            if (!match.Success || Target(line) is not { } target) continue;
            var unit = match.Groups[2].Value switch { "us" => 1.0, "ms" => 1e3, _ => 1e6 };
            var value = double.Parse(match.Groups[1].Value) * unit;
            var error = Error().Match(line) is { Success: true } e ? e.Groups[1].Value : Check().Match(line).Value;
            if (Final().Match(line) is { Success: true } final)
            {
                var end = final.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(double.Parse).ToArray();
                error = Ours.Error(target.Item1, end) ?? error;
            }
            if (!best.TryGetValue(target, out var other) || value < other.Item1) best[target] = (value, error);
        }
        foreach (var ((row, column), (value, error)) in best) yield return (row, column, value, error);
    }

    private static (string, Column)? Target(string line)
    {
        foreach (var (prefix, row, column) in Lines)
        {
            if (line.StartsWith(prefix, StringComparison.Ordinal)) return (row, column);
        }
        if (line.StartsWith("sweep10k cvode", StringComparison.Ordinal))
            return (line.Contains(" 1 thread", StringComparison.Ordinal) ? Rows.SweepOne : Rows.Sweep, Column.Cvode);
        return null;
    }

    [GeneratedRegex(@": ([0-9.]+) (us|ms|s)\b")]
    private static partial Regex Figure();

    [GeneratedRegex("max rel err ([0-9.e+-]+)")]
    private static partial Regex Error();

    [GeneratedRegex("checksum of 200: [0-9.]+")]
    private static partial Regex Check();

    [GeneratedRegex("final ([0-9.e+ -]+)$")]
    private static partial Regex Final();
}
