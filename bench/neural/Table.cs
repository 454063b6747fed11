namespace Athanor.Bench.Neural;

internal enum Column
{
    Ours,
    Torch,
    Cpp,
}

/// <summary>A row: its name, what one call does, and what issue 5 asks.</summary>
/// <param name="Flops">Of a call.</param>
/// <param name="Calls">Evaluations of a network in a call; 0 where the time is the figure.</param>
/// <param name="Ratio">The baseline's time over ours, at least.</param>
internal sealed record Row(string Name, double Flops, int Calls, double Ratio)
{
    // Multiplications and additions of the weights alone: 3 products (forward, to the inputs, to the weights) of 4608 weights.
    private const double StepFlops = 6.0 * 4608 * 200 * 32, CallFlops = 2.0 * 4864;

    public static readonly Row StepOne = new("neural ODE step, 1 thread", StepFlops, 0, 6.8);
    public static readonly Row StepTwo = new("neural ODE step, 2 threads", StepFlops, 0, 11);
    public static readonly Row Checkpointed = new("the same, 1 thread, stages checkpointed", StepFlops, 0, 0);
    public static readonly Row SolveOne = new("neural ODE forward only, 1 thread", StepFlops / 3, 0, 0);
    public static readonly Row BatchOne = new("perceptron, batch 10,000, 1 thread", 10_000 * CallFlops, 10_000, 0);
    public static readonly Row BatchTwo = new("perceptron, batch 10,000, 2 threads", 10_000 * CallFlops, 10_000, 2.4);
    public static readonly Row Hundred = new("perceptron, batch 100, 1 thread", 100 * CallFlops, 100, 0);
    public static readonly Row Single = new("perceptron, single calls", CallFlops, 1, 17);
    public static readonly Row NetsOne = new("100 nets x 100 inputs, 1 thread", 10_000 * CallFlops, 10_000, 0);
    public static readonly Row NetsTwo = new("100 nets x 100 inputs, 2 threads", 10_000 * CallFlops, 10_000, 4);
    public static readonly Row LimitOne = new("fused multiply-adds in registers, 1 thread", 0, 0, 0);
    public static readonly Row LimitTwo = new("fused multiply-adds in registers, 2 threads", 0, 0, 0);

    public bool IsTwoThreads => Name.EndsWith("2 threads", StringComparison.Ordinal);
}

/// <summary>Medians over the rounds, and the medians of the rounds' ratios.</summary>
internal sealed class Table
{
    private readonly List<Row> _rows = [];
    private readonly Dictionary<(Row, Column), List<double>> _cells = [];

    public void Add(Row row, Column column, double seconds)
    {
        if (!_rows.Contains(row)) _rows.Add(row);
        if (!_cells.TryGetValue((row, column), out var cell)) _cells[(row, column)] = cell = [];
        cell.Add(seconds);
    }

    public void Print(TextWriter writer, IReadOnlyDictionary<Row, string> errors)
    {
        // The limit's time is that of one GFLOP.
        var (one, two) = (1 / Median(_cells[(Row.LimitOne, Column.Ours)]), 1 / Median(_cells[(Row.LimitTwo, Column.Ours)]));
        writer.WriteLine();
        writer.WriteLine($"limit (fused multiply-adds in registers, float): {one:F0} GFLOP/s on 1 thread, {two:F0} on 2");
        writer.WriteLine();
        writer.WriteLine(
            "| what | ours (least) | GFLOP/s, of the limit | error against float64 | libtorch C++ | libtorch / ours | C++ by hand "
            + "| ours / C++ |");
        writer.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var row in _rows)
        {
            if (row.Flops == 0) continue;
            var ours = _cells[(row, Column.Ours)];
            var rate = row.Flops / Median(ours) * 1e-9;
            writer.WriteLine(
                $"| {row.Name} | {Show(row, Median(ours))} ({Show(row, ours.Min())}) "
                + $"| {rate:F0}, {Share(rate, row.IsTwoThreads ? two : one)} | {errors.GetValueOrDefault(row, "-")} "
                + $"| {Cell(row, Column.Torch)} | {Ratio(row, Column.Torch, Column.Ours, row.Ratio)} "
                + $"| {Cell(row, Column.Cpp)} | {Ratio(row, Column.Ours, Column.Cpp, 0)} |");
        }
    }

    // The limit is measured with 512-bit vectors alone.
    private static string Share(double rate, double limit) => Ours.VectorBits == 512 ? $"{100 * rate / limit:F0} %" : "-";

    private string Cell(Row row, Column column) => _cells.TryGetValue((row, column), out var cell) ? Show(row, Median(cell)) : "-";

    private string Ratio(Row row, Column over, Column under, double wanted)
    {
        if (!_cells.TryGetValue((row, over), out var a) || !_cells.TryGetValue((row, under), out var b)) return "-";
        var ratio = Median([.. a.Zip(b, (x, y) => x / y)]);
        return wanted > 0 ? $"{ratio:F2} (≥ {wanted})" : $"{ratio:F2}";
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return 0.5 * (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]);
    }

    private static string Show(Row row, double seconds) =>
        row.Calls == 0 ? $"{1e3 * seconds:F2} ms" : $"{1e-6 * row.Calls / seconds:F2} M/s";
}
