using System.Globalization;
using System.Text.RegularExpressions;

namespace Athanor.Bench.Estimation;

/// <summary>Builds and runs the programs of the baselines folder and reads their lines "name: figure us/step".</summary>
internal sealed partial class Peers(Baselines baselines)
{
    /// <summary>Null where there are no baselines.</summary>
    public static Peers? Find(string? folder) =>
        Baselines.Build("estimation", "headroom_ekf.cpp", folder) is { } baselines ? new Peers(baselines) : null;

    /// <summary>Microseconds a step by the name of the line.</summary>
    public IEnumerable<(string Name, double Microseconds)> Measure()
    {
        string[] outputs = [baselines.Output("headroom_ekf"), baselines.Script("peer08_ekf_numpy.py")];
        foreach (var line in outputs.SelectMany(static o => o.Split('\n')))
        {
            if (Figure().Match(line) is { Success: true } match)
                yield return (match.Groups[1].Value, double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        }
    }

    [GeneratedRegex(@"^(ekf-cstr [^:]+): ([0-9.]+) us/step")]
    private static partial Regex Figure();
}
