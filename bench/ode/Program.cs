using System.Diagnostics;
using System.Globalization;
using Athanor.Bench.Ode;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;

// Times of the solvers on the reference set, with the error beside the time, since the same tolerance does not give the same error.
// The median and the least of 31 rounds; on a machine with other work only the least means anything. Arguments: [ROUNDS].
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var rounds = args.Length > 0 ? int.Parse(args[0]) : 31;
var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-9 };
double[] y2 = new double[2], y3 = new double[3], y4 = new double[4];
Console.WriteLine($"rtol 1e-6, atol 1e-9; {rounds} rounds, one thread");
Console.WriteLine($"{"problem",-34}{"least us",12}{"median us",12}{"largest relative error",26}");
Trajectory("CSTR limit cycle, Tsit5", () => Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], [10], y2, options), y2, [0.08137497337, 383.8460676]);
Trajectory("CSTR limit cycle, Rodas4", () => Rodas4.Solve(new Cstr(305, 350), 0, [0.5, 350], [10], y2, options), y2, [0.08137497337, 383.8460676]);
Trajectory("Van de Vusse, Tsit5", () => Tsit5.Solve(new VanDeVusse(), 0, [10, 0], [10], y2, options), y2, [3, 1.11702128]);
double[] klattEngell = [2.140209157, 1.090303894, 114.1910974, 112.9066083];
Trajectory("Klatt-Engell, Tsit5", () => Tsit5.Solve(new KlattEngell(), 0, [5.1, 0, 104.9, 104.9], [1], y4, options), y4, klattEngell);
Trajectory(
    "Robertson to 1e5, Rodas4", () => Rodas4.Solve(new Robertson(), 0, [1, 0, 0], [1e5], y3, options), y3,
    [0.01786592114, 7.274751469e-08, 0.9821340061]);

const int Side = 100;
double[] coolant = new double[Side * Side], feed = new double[Side * Side], peaks = new double[Side * Side];
var regimes = new ReactorRegime[Side * Side];
for (var i = 0; i < coolant.Length; i++)
{
    coolant[i] = 300 + (8.0 * (i / Side) / (Side - 1));
    feed[i] = 346 + (8.0 * (i % Side) / (Side - 1));
}
foreach (var tolerance in (double[])[1e-6, CstrSweep.Options.RelativeTolerance])
{
    var (least, median) = Time(
        () => CstrSweep.Run(coolant, feed, 0.8776, 324.5, 60, options with { RelativeTolerance = tolerance }, regimes, peaks), 1, Math.Min(rounds, 9));
    Console.WriteLine($"10,000 CSTRs x 60 min in lanes, rtol {tolerance:E0}: {least / 1e3:F1} ms least, {median / 1e3:F1} ms median");
}

void Trajectory(string name, Action solve, double[] end, double[] reference)
{
    var (least, median) = Time(solve, 100, rounds);
    var error = end.Select((value, i) => Math.Abs((value / reference[i]) - 1)).Max();
    Console.WriteLine($"{name,-34}{least,12:F1}{median,12:F1}{error,26:E1}");
}

static (double Least, double Median) Time(Action action, int repeats, int rounds)
{
    // Enough calls for the JIT's last tier.
    for (var i = 0; i < 3 * repeats; i++) action();
    var times = new double[rounds];
    for (var round = 0; round < rounds; round++)
    {
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < repeats; i++) action();
        times[round] = watch.Elapsed.TotalMicroseconds / repeats;
    }
    Array.Sort(times);
    return (times[0], times[rounds / 2]);
}
