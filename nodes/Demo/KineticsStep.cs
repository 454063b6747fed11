using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Ode;
using Athanor.Nodes.Data;
using Athanor.Nodes.Reports;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Athanor.Nodes.Demo;

/// <summary>Fits the rate constants of the isomerisation of α-pinene, measured in a batch reactor, from many starts, and says how well
/// the data determine them. All of it lives in the entity models/alpha-pinene: the commands have effect once, so a step begun again goes
/// on where it was.</summary>
internal sealed class KineticsStep : IDemoStep
{
    /// <summary>The published least sum of squares, recomputed by several independent codes.</summary>
    private const double PublishedSumOfSquares = 19.872167;

    private const ulong Seed = 1947;

    private static readonly EntityAddress Model = EntityAddress.Of("models", "alpha-pinene");

    private static readonly string[] Columns =
        ["t_min", "alpha_pinene_pct", "dipentene_pct", "alloocimene_pct", "pyronene_pct", "dimer_pct"];

    private static readonly string[] Species = ["α-pinene", "dipentene", "allo-ocimene", "pyronene", "dimer"];

    // α-pinene → dipentene, α-pinene → allo-ocimene, allo-ocimene → pyronene, allo-ocimene ⇄ dimer.
    private static readonly ReactionNetwork Network = new(
        [.. Species], ["p1", "p2", "p3", "p4", "p5"], [0, 0, 2, 2, 4], [1, 2, 3, 4, 2], [0, 1, 2, 3, 4]);

    private static readonly FitSettings Settings = new(
        Lower: 1e-8, Upper: 1e-1, StartLow: 1e-7, StartHigh: 1e-2, RelativeTolerance: 1e-8, AbsoluteTolerance: 1e-8, MaxIterations: 300);

    public string Title => "Batch reactor from measured kinetics";

    public async Task Run(DemoContext context, CancellationToken cancellation)
    {
        var (data, file) = Read(Path.Combine(context.DataDirectory, "kinetics", "alpha_pinene.csv"));
        await context.Cluster.PutBlob(file, cancellation);
        await context.Cluster.Command(
            Model, new RegisterModel("kinetics", "Thermal isomerisation of α-pinene at 189.5 °C, five first-order reactions"),
            cancellation);
        var (starts, parts) = context.Small ? (8, 2) : (200, 10);
        await context.Cluster.Command(
            Model, new FitKinetics("multi-start", Network, data, Settings, Seed, starts, parts), cancellation);
        var view = await context.Cluster.Await<FitView>(
            Model, new FitQuery("multi-start"),
            fit =>
            {
                if (fit.Summary.Failure.Length > 0)
                    throw new InvalidOperationException($"the fit of {Model} failed: {fit.Summary.Failure}");
                context.Progress.Advance("Starts fitted", (double)starts * fit.Summary.PartsDone / parts, starts);
                return fit.Summary.Version > 0;
            },
            cancellation);
        var best = view.Best!;
        context.Results.Add("kinetics.naive", best.Naive.Parameters);
        context.Results.Add("kinetics.independent", best.Independent.Parameters);
        context.Results.Add("kinetics.sums-of-squares", view.SumOfSquares);
        Write(context.Report.Section(Title), data, view, best, context.Small);
    }

    private static (KineticData Data, byte[] File) Read(string path)
    {
        var table = CsvTable.Read(path, Columns, new CsvOptions { Rising = "t_min", MinimumRows = 3 });
        var file = File.ReadAllBytes(path);
        var amounts = new double[table.Rows * Species.Length];
        for (var i = 0; i < Species.Length; i++)
        {
            var column = table[Columns[i + 1]];
            for (var row = 0; row < table.Rows; row++) amounts[(row * Species.Length) + i] = column[row];
        }
        return (new KineticData(table["t_min"], amounts, Convert.ToHexStringLower(SHA256.HashData(file))), file);
    }

    private static void Write(Section section, KineticData data, FitView view, FitKineticsWorkResult best, bool small)
    {
        var found = view.SumOfSquares.Count(sum => Math.Abs(sum - PublishedSumOfSquares) <= 1e-5);
        var share = (double)found / view.SumOfSquares.Length;
        section
            .Say("Fuguitt and Hawkins heated α-pinene to 189.5 °C and analysed eight samples (J. Am. Chem. Soc. 69, 1947). Five rate "
                + "constants of five first-order reactions are fitted by a bounded Levenberg-Marquardt search with exact forward "
                + "sensitivities, on a logarithmic scale, from starts drawn log-uniformly between 1e-7 and 1e-2 per minute.")
            .Add(new Figure(
                "Sum of squares", F(best.Naive.SumOfSquares, "F6"), "19.872167 ± 0.00001",
                Math.Abs(best.Naive.SumOfSquares - PublishedSumOfSquares) <= 1e-5))
            .Add(new Figure(
                "Starts that found it", $"{found} of {view.SumOfSquares.Length} ({F(100 * share, "F1")} %)", small ? "" : "at least 95 %",
                small ? null : share >= 0.95))
            .Add(new Figure("Relative standard errors of the five rates, naive (40 residuals)", Errors(best.Naive)))
            .Add(new Figure($"The same from independent responses ({best.Independent.Residuals} residuals)", Errors(best.Independent)))
            .Add(new Table(
                "Rate constants, 1/min, with relative standard errors",
                ["", "reaction", "all 40 residuals", "error, naive", "independent responses only", "error"],
                [.. Enumerable.Range(0, Network.Parameters.Length).Select(k => Row(k, best))]))
            .Say(Dependencies(best))
            .Add(Curves(data, best))
            .Add(Residuals(data, best));
    }

    private static string Errors(Interval fit) => string.Join(", ", fit.RelativeErrors.Select(Percent));

    private static IReadOnlyList<string> Row(int k, FitKineticsWorkResult best) =>
    [
        Network.Parameters[k], $"{Species[Network.From[k]]} → {Species[Network.To[k]]}",
        F(best.Naive.Parameters[k], "E4"), Percent(best.Naive.RelativeErrors[k]),
        F(best.Independent.Parameters[k], "E4"), Percent(best.Independent.RelativeErrors[k]),
    ];

    private static string Dependencies(FitKineticsWorkResult best)
    {
        var eigenvalues = string.Join(", ", best.Eigenvalues.Select(value => F(value, "G3")));
        var least = Enumerable.Range(0, Network.Parameters.Length).MaxBy(k => best.Independent.RelativeErrors[k]);
        return "The naive errors count five responses in eight samples as 40 independent measurements, and they are not: pyronene was not "
            + "measured but taken as 3 % of the α-pinene converted, and the balance was closed, so two linear combinations of the responses "
            + "are constants up to the rounding of the table. As Box, Hunter, MacGregor and Erjavec showed (Technometrics 15, 1973), the "
            + $"eigenvalues of the responses' scatter matrix reveal it: here {eigenvalues}; the first {best.Dependencies} hold nothing but "
            + $"rounding. The second fit therefore uses only the {Species.Length - best.Dependencies} combinations orthogonal to them, "
            + $"{best.Independent.Residuals} residuals in all (sum of squares {F(best.Independent.SumOfSquares, "F3")}). Its errors are the "
            + $"ones to believe: {Network.Parameters[least]} ({Species[Network.From[least]]} → {Species[Network.To[least]]}) rests on the "
            + "assumed values and is not determined by what was measured (relative standard error "
            + $"{Percent(best.Independent.RelativeErrors[least])}).";
    }

    private static Plot Curves(KineticData data, FitKineticsWorkResult best)
    {
        const int Points = 201;
        var end = data.Times[^1];
        var times = Enumerable.Range(0, Points).Select(i => data.Times[0] + ((end - data.Times[0]) * i / (Points - 1))).ToArray();
        var solution = Solve(data, best.Naive.Parameters, times);
        var series = new List<Series>();
        for (var i = 0; i < Species.Length; i++)
        {
            series.Add(new Series.Line(Species[i], times, Column(solution, i)) { Colour = i });
            series.Add(new Series.Points($"{Species[i]}, {(i == 3 ? "assumed" : "measured")}", data.Times, Column(data.Amounts, i)) { Colour = i });
        }
        return new Plot(
            "α-Pinene and its products", "time / min", "amount / % by weight", series, "Lines: the fit. Points: the table of 1947.");
    }

    private static Plot Residuals(KineticData data, FitKineticsWorkResult best)
    {
        var times = data.Times[1..];
        var solution = Solve(data, best.Naive.Parameters, times);
        var series = new List<Series> { new Series.Line("zero", [data.Times[0], data.Times[^1]], [0, 0], Dashed: true) { Colour = 7 } };
        for (var i = 0; i < Species.Length; i++)
        {
            var fitted = Column(solution, i);
            var measured = Column(data.Amounts, i)[1..];
            series.Add(new Series.Points(Species[i], times, [.. measured.Zip(fitted, (m, f) => m - f)]) { Colour = i });
        }
        return new Plot(
            "Residuals", "time / min", "measured - fitted / % by weight", series,
            "They are not independent: equal signs stand in rows, and dipentene's mirror α-pinene's, since the balance was closed.");
    }

    private static double[] Solve(KineticData data, double[] rates, double[] times)
    {
        var model = new FirstOrderNetwork(Species.Length, Network.From, Network.To, Network.Parameter, rates);
        var solution = new double[times.Length * Species.Length];
        var options = new OdeOptions { RelativeTolerance = 1e-8 };
        Tsit5.Solve(model, data.Times[0], data.Amounts.AsSpan(0, Species.Length), times, solution, options);
        return solution;
    }

    private static double[] Column(double[] rows, int species) =>
        [.. Enumerable.Range(0, rows.Length / Species.Length).Select(row => rows[(row * Species.Length) + species])];

    private static string Percent(double relative) =>
        relative < 0 ? "not determined" : F(100 * relative, relative < 0.1 ? "F2" : "F1") + " %";

    private static string F(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
