namespace Athanor.Bench.Ode;

internal enum Column
{
    Ours,
    Headroom,
    Cvode,
    Scipy,
}

internal static class Rows
{
    public const string Cstr = "CSTR limit cycle, 10 min", CstrLanes = "the same in lanes, per trajectory";
    public const string VanDeVusse = "Van de Vusse, 10 min", VanDeVusseLanes = "Van de Vusse in lanes, per trajectory";
    public const string KlattEngell = "Klatt-Engell, 1 h", KlattEngellLanes = "Klatt-Engell in lanes, per trajectory";
    public const string PlugFlow = "PFR, 50 cells, upwind, 20 s", Robertson = "Robertson to 1e5, at LSODA's error";
    public const string RobertsonSame = "the same, same tolerance", RobertsonAuto = "the same, same tolerance, Auto";
    public const string RobertsonLanes = "the same tolerance in lanes, per trajectory", RobertsonLanesAuto = "the same by Auto";
    public const string SweepOne = "10,000 CSTRs, one thread", Sweep = "10,000 CSTRs, two threads";
}

/// <summary>Medians over the rounds, and the medians of the rounds' ratios.</summary>
internal sealed class Table
{
    // What issue 4 asks: CVODE's and SciPy's time over ours at least, ours over hand-written C++ at most.
    private static readonly Dictionary<string, (double Cvode, double Headroom, double Scipy)> Wanted = new()
    {
        [Rows.Cstr] = (3.7, 1.3, 100),
        [Rows.CstrLanes] = (0, 1.5, 0),
        [Rows.Robertson] = (6, 1.6, 100),
        [Rows.PlugFlow] = (7, 1.5, 100),
        [Rows.Sweep] = (15, 2.2, 200),
    };

    private readonly List<string> _rows = [];
    private readonly Dictionary<(string, Column), (List<double> Values, string Error)> _cells = [];

    public void Add(string row, Column column, double microseconds, string error)
    {
        if (!_rows.Contains(row)) _rows.Add(row);
        if (!_cells.TryGetValue((row, column), out var cell)) _cells[(row, column)] = cell = ([], error);
        cell.Values.Add(microseconds);
    }

    public void Print(TextWriter writer)
    {
        writer.WriteLine();
        writer.WriteLine("| what | ours (least) | our error | C++ | its error | ours / C++ | CVODE, best | its error | CVODE / ours | SciPy LSODA | SciPy / ours |");
        writer.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var row in _rows)
        {
            var wanted = Wanted.GetValueOrDefault(row);
            var least = _cells.TryGetValue((row, Column.Ours), out var ours) ? $" ({Show(ours.Values.Min())})" : "";
            writer.WriteLine(
                $"| {row} | {Median(row, Column.Ours)}{least} | {Error(row, Column.Ours)} | {Median(row, Column.Headroom)} | {Error(row, Column.Headroom)} "
                + $"| {Ratio(row, Column.Ours, Column.Headroom, wanted.Headroom, "≤")} | {Median(row, Column.Cvode)} "
                + $"| {Error(row, Column.Cvode)} "
                + $"| {Ratio(row, Column.Cvode, Column.Ours, wanted.Cvode, "≥")} | {Median(row, Column.Scipy)} "
                + $"| {Ratio(row, Column.Scipy, Column.Ours, wanted.Scipy, "≥")} |");
        }
    }

    private string Median(string row, Column column) => _cells.TryGetValue((row, column), out var cell) ? Show(Median(cell.Values)) : "-";

    private string Error(string row, Column column) => _cells.TryGetValue((row, column), out var cell) ? cell.Error : "-";

    private string Ratio(string row, Column over, Column under, double wanted, string sign)
    {
        if (!_cells.TryGetValue((row, over), out var a) || !_cells.TryGetValue((row, under), out var b)) return "-";
        // SciPy is run in the first round alone: then against the median.
        var ratio = a.Values.Count == b.Values.Count
            ? Median([.. a.Values.Zip(b.Values, (x, y) => x / y)])
            : Median(a.Values) / Median(b.Values);
        return wanted > 0 ? $"{ratio:F2} ({sign} {wanted})" : $"{ratio:F2}";
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return 0.5 * (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]);
    }

    private static string Show(double microseconds) => microseconds switch
    {
        < 100 => $"{microseconds:F2} µs",
        < 10_000 => $"{microseconds:F0} µs",
        _ => $"{microseconds / 1e3:F1} ms",
    };
}
