using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;

namespace Athanor.Bench.Protocol;

/// <summary>Prints the tables of the reactor protocol.</summary>
internal static class Reactors
{
    private const double Held = 1e-3, CycleHeld = 0.02;

    public static void Run(Options options)
    {
        var (seeds, steps, only) = (options.Number("seeds", 5), options.Number("steps", 1000), options.Text("case") ?? "");
        var cases = ReactorCase.All.Where(c => c.Key.Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        if (cases.Length == 0)
            throw new ArgumentException($"no case holds '{only}'; there are {string.Join(", ", ReactorCase.All.Select(c => c.Key))}");
        Console.WriteLine($"{seeds} seeds (data and weights), {steps} steps of Adam, then L-BFGS; mean ± deviation over seeds\n");
        var bar = new ProgressBar(cases.Length * seeds * 2 * ReactorProtocol.Iterations(steps));
        foreach (var reactor in cases)
        {
            var protocol = new ReactorProtocol(reactor, steps, 1e-2, (_, loss) => bar.Step(loss));
            var results = new List<IReadOnlyList<ReactorResult>>();
            for (var seed = 42ul; seed < 42ul + (ulong)seeds; seed++)
            {
                bar.Begin($"{reactor.Key}, seed {seed}");
                results.Add(protocol.Run(seed));
            }
            bar.End();
            Print(reactor, protocol.Cycles, results);
        }
    }

    private static void Print(ReactorCase reactor, bool cycles, List<IReadOnlyList<ReactorResult>> results)
    {
        Console.WriteLine($"**{reactor.Name}**, {reactor.End:G} {reactor.Problem.TimeUnit}\n");
        Console.WriteLine(cycles
            ? "| model | NMSE, first 5 min | period | amplitude | negative | mass | energy |\n|---|---|---|---|---|---|---|"
            : "| model | NMSE, whole | NMSE, last half | negative | mass | energy |\n|---|---|---|---|---|---|");
        var constant = results.Select(r => r[0]).ToArray();
        for (var m = 0; m < results[0].Count; m++)
        {
            var rows = results.Select(r => r[m]).ToArray();
            var broken = rows.Aggregate(Violations.None, (sum, r) => sum.Plus(r.Violations));
            var mean = cycles
                ? $"{Spread(rows.Select(r => r.Whole))} | {Percent(rows.Select(r => r.Period))} | {Percent(rows.Select(r => r.Amplitude))}"
                : $"{Spread(rows.Select(r => r.Whole))} | {Spread(rows.Select(r => r.LastHalf))}";
            Console.WriteLine($"| {rows[0].Model} | {mean} | {(broken.States == 0 ? "-" : $"{broken.Negative} of {broken.States}")} | "
                + $"{Drift(broken.MassDrift)} | {Drift(broken.EnergyDrift)} |");
        }
        var hybrid = results.Select(r => r[2]).ToArray();
        Console.WriteLine();
        Verdict(cycles ? "first 5 min" : "whole record", hybrid.Max(r => r.Whole), constant.Max(r => r.Whole), Held);
        if (!cycles) Verdict("last half", hybrid.Max(r => r.LastHalf), constant.Max(r => r.LastHalf), Held);
        if (cycles)
        {
            Verdict("period", hybrid.Max(r => r.Period), double.NaN, CycleHeld);
            Verdict("amplitude", hybrid.Max(r => r.Amplitude), double.NaN, CycleHeld);
        }
        if (reactor.Rises.Length > 0)
        {
            string[] names = [.. Enumerable.Range(1, reactor.Rises.Length).Select(j => $"rise-{j}"), "exchange"];
            double[] truth = [.. reactor.Rises, reactor.Exchange];
            Console.WriteLine("Learned (true): " + string.Join(", ", names.Select(
                (n, i) => $"{n} {Spread(hybrid.Select(r => r.Constants[n]), "G4")} ({truth[i]:G4})")));
        }
        Console.WriteLine();
    }

    private static void Verdict(string what, double worst, double constant, double held)
    {
        var verdict = constant < held ? "not tested, the constant passes too" : worst < held ? "passed" : "FELL SHORT";
        Console.WriteLine($"{what}: worst seed {worst:E1}, held to {held:G}: {verdict}  ");
    }

    private static string Spread(IEnumerable<double> values, string format = "E1")
    {
        var all = values.ToArray();
        var mean = all.Average();
        var deviation = all.Length < 2 ? 0.0 : Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1));
        return $"{mean.ToString(format)} ± {deviation.ToString(format)}";
    }

    private static string Percent(IEnumerable<double> values) => values.Any(double.IsNaN) ? "-"
        : $"{100.0 * values.Average():0.00} % (worst {100.0 * values.Max():0.00} %)";

    private static string Drift(double value) => double.IsNaN(value) ? "-" : value.ToString("E0");
}
