using System.Globalization;
using Athanor.Compute.Problems;
using Athanor.Nodes.Cli.Simulation;

namespace Athanor.Nodes.Cli.Bifurcation;

/// <summary>Where steady states are searched: the problem's bounds of its states, or what <c>--box</c> says. A state without an upper bound,
/// as in reactions from a file, may go to twice the largest start, feed or other value in its unit; a temperature in K from half of
/// the smallest to twice the largest.</summary>
internal static class SearchBox
{
    /// <exception cref="UserException">A box is no box, or a state has no bounds and nothing to guess them from.</exception>
    public static (double[] Lower, double[] Upper) Of(OdeProblem problem, double[] parameters, string[] given)
    {
        double[] lower = [.. problem.States.Select(s => s.Lower)], upper = [.. problem.States.Select(s => s.Upper)];
        foreach (var text in given)
        {
            var at = text.IndexOf('=');
            var parts = at > 0 ? text[(at + 1)..].Split(':') : [];
            if (parts.Length != 2 || !Number(parts[0], out var low) || !Number(parts[1], out var high) || !(low < high))
                throw new UserException($"--box {text}: STATE=LOW:HIGH with LOW below HIGH is needed, as in --box T=250:600");
            var state = Assignments.Index(problem.Name, "state", text[..at].Trim(), [.. problem.States.Select(s => s.Name)]);
            (lower[state], upper[state]) = (low, high);
        }
        for (var i = 0; i < lower.Length; i++)
        {
            var state = problem.States[i];
            if (double.IsFinite(lower[i]) && double.IsFinite(upper[i])) continue;
            var values = problem.States.Where(s => s.Unit == state.Unit).Select(s => s.Initial)
                .Concat(problem.Parameters.Select((p, k) => (p.Unit, Value: parameters[k])).Where(p => p.Unit == state.Unit).Select(p => p.Value))
                .Where(v => v > 0).ToArray();
            if (values.Length == 0 || !(lower[i] >= 0.0))
                throw new UserException($"{problem.Name} sets no bounds for {state.Name}; say where to search with --box {state.Name}=LOW:HIGH");
            upper[i] = 2.0 * values.Max();
            if (state.Unit == "K") lower[i] = Math.Max(lower[i], 0.5 * values.Min());
        }
        return (lower, upper);

        static bool Number(string text, out double value) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }

    /// <summary>"Box: Ca 0 … 1.5 mol/L, T 250 … 600 K."</summary>
    public static string Describe(OdeProblem problem, double[] lower, double[] upper)
    {
        var states = problem.States.Select((s, i) => string.Create(
            CultureInfo.InvariantCulture, $"{s.Name} {lower[i]:G6} … {upper[i]:G6}{(s.Unit.Length > 0 ? " " : "")}{s.Unit}"));
        return $"Box: {string.Join(", ", states)}.";
    }
}
