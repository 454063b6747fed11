using System.Globalization;
using Athanor.Bench.Estimation;

// Times of a filter's step beside numpy and hand-written C++ in the same run, and the consistency of all filters; see README.md.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var rounds = 5;
var runs = 50;
string? baselines = null;
bool own = false, step = false, filters = false;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "step":
            step = true;
            break;
        case "filters":
            filters = true;
            break;
        case "--rounds" when i + 1 < args.Length && int.TryParse(args[i + 1], out rounds) && rounds > 0:
            i++;
            break;
        case "--runs" when i + 1 < args.Length && int.TryParse(args[i + 1], out runs) && runs > 1:
            i++;
            break;
        case "--baselines" when i + 1 < args.Length:
            baselines = args[++i];
            break;
        case "--own":
            own = true;
            break;
        default:
            Console.Error.WriteLine(
                $"unknown or incomplete argument {args[i]}; there are step, filters, --rounds N, --runs N, --baselines FOLDER, --own");
            return 2;
    }
}

if (step || !filters) Steps();
if (filters || !step) Filters();
return 0;

void Steps()
{
    var peers = own ? null : Peers.Find(baselines);
    var figures = new Dictionary<string, List<double>>();
    var bench = new StepBench();
    for (var warm = 0; warm < 3; warm++) Ours(null);
    for (var round = 0; round < rounds; round++)
    {
        Ours(Add);
        foreach (var (name, microseconds) in peers?.Measure() ?? []) Add(name, microseconds);
    }
    Console.WriteLine("| step of the extended Kalman filter, CSTR | us a twin, median | least |");
    Console.WriteLine("|---|---|---|");
    foreach (var (name, values) in figures) Console.WriteLine($"| {name} | {Median(values):F4} | {values.Min():F4} |");
    if (peers is null) return;
    var batched = figures.Where(static f => f.Key.Contains("batched", StringComparison.Ordinal)).Min(static f => Median(f.Value));
    Console.WriteLine();
    Console.WriteLine(
        $"batched numpy over one twin: {batched / Median(figures["ours, one twin"]):F2} (wanted 1); over 1,024 in lanes: " +
        $"{batched / Median(figures["ours, 1,024 in lanes"]):F2} (wanted 5)");

    void Ours(Action<string, double>? add)
    {
        // Several short ones, the least of which saw the fewest interruptions.
        add?.Invoke("ours, one twin", Least(() => bench.One(20_000)));
        add?.Invoke("ours, 1,024 in lanes", Least(() => bench.Many(50)));
        add?.Invoke("ours, one twin, memory in and out", Least(() => bench.WholeOne(5_000)));
        add?.Invoke("ours, 1,024, memories in and out", Least(() => bench.WholeMany(5)));
        if (add is null) _ = bench.One(20_000) + bench.Many(50) + bench.WholeOne(5_000) + bench.WholeMany(5);
    }

    void Add(string name, double microseconds)
    {
        if (!figures.TryGetValue(name, out var values)) figures[name] = values = [];
        values.Add(microseconds);
    }

    static double Least(Func<double> measure) => Enumerable.Range(0, 7).Min(_ => measure()) / 1000.0;

    static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return 0.5 * (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]);
    }
}

void Filters()
{
    Console.WriteLine();
    Console.WriteLine($"{runs} runs, seed {Consistency.Seed}, streams 0 to {runs - 1}");
    Console.WriteLine();
    Console.WriteLine(
        "| case | NEES / N | 99.9 % band | steps inside 95 % | NIS / samples | 99.9 % band | steps inside 95 % | live check content | rmse |");
    Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
    foreach (var experiment in ConsistencyCases.All)
    {
        var result = Consistency.Run(experiment, runs);
        Console.WriteLine(
            $"| {result.Name} | {Mark(result.Nees, result.NeesConsistent)} | 1 ± {result.NeesBand:F3} | {result.NeesInside:P1} | " +
            $"{Mark(result.Nis, result.NisConsistent)} | {result.NisBand.Low:F3} to {result.NisBand.High:F3} | {result.NisInside:P1} | " +
            $"{result.LiveConsistent:P1} | {string.Join(", ", result.Rmse.Select(static v => v.ToString("G4")))} |");
    }

    static string Mark(double value, bool consistent) => $"{value:F4}{(consistent ? "" : " flagged")}";
}
