using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>A candidate among models of a measured record; which one is taken is decided inside the training rows.</summary>
/// <param name="Json">The model; scales are taken from the training rows.</param>
/// <param name="Steps">Of Adam.</param>
/// <param name="Decay">Weight decay of Adam.</param>
/// <param name="Residual">How much the residual is spared, see <see cref="ShootingOptions"/>.</param>
/// <param name="Window">Intervals of a window; each has a start of its own.</param>
internal sealed record Candidate(string Name, string Json, int Steps, double Decay, double Residual, int Window);

/// <summary>What a free run over held-out rows missed.</summary>
internal sealed record MeasuredResult(double Rmse, IReadOnlyDictionary<string, double> Constants, Prediction Run);

/// <summary>
/// A measured record with one control and one output: a model is fitted to some rows and runs freely over others, its start fitted to their
/// first 20 rows; from there on it sees the control alone. The error is counted over all rows of the free run, the first 20 included.
/// </summary>
internal sealed class MeasuredProtocol(ProcessRecord record)
{
    public const int StartRows = 20;

    private const int Substeps = 1;

    /// <param name="training">Stretches (first row from 0, rows) that are fitted.</param>
    public (NeuralModel<double> Model, double[] Parameters) Fit(
        Candidate candidate, IReadOnlyList<(int First, int Rows)> training, ulong seed, Action<int, double>? told = null)
    {
        ProcessRecord[] records = [.. training.Select(part => record.Slice(part.First, part.Rows))];
        var model = NeuralModel<double>.Of(ModelJson.Normalised(ModelJson.Read(candidate.Json), records));
        var options = new ShootingOptions(
            candidate.Window, candidate.Window, Substeps, Substeps, StartRows, Residual: candidate.Residual);
        var task = model.Task(records, [], options);
        var p = ProtocolFit.Adam(task, candidate.Steps, task.Samples, 1e-2, seed, told, candidate.Decay);
        return (model, p[..model.ParameterCount]);
    }

    public MeasuredResult Score(NeuralModel<double> model, double[] p, int first, int rows)
    {
        var part = record.Slice(first, rows);
        var run = model.Predict(p, model.StartOf(p, part, StartRows, Substeps), part, Substeps);
        var observed = Enumerable.Range(0, model.Specification.States.Length).First(i => model.Specification.States[i].Observed);
        var square = 0.0;
        for (var k = 0; k < rows; k++)
        {
            var error = run[k, observed] - part.Outputs[k];
            square += error * error;
        }
        return new MeasuredResult(Math.Sqrt(square / rows), model.Constants(p), run);
    }

    /// <summary>Free runs over each of some contiguous folds of the first <paramref name="rows"/> rows, by a model of the rows before and
    /// after it.</summary>
    public IReadOnlyList<double> Folds(Candidate candidate, int rows, int folds, ulong seed, Action<int, double>? told = null) =>
    [
        .. Enumerable.Range(0, folds).Select(fold =>
        {
            var (first, end) = new SplitRequest(folds, fold).Part(rows);
            (int First, int Rows)[] training = [(0, first), (end, rows - end)];
            var (model, p) = Fit(candidate, [.. training.Where(part => part.Rows > StartRows)], seed, told);
            return Score(model, p, first, end - first).Rmse;
        }),
    ];
}

/// <summary>A measured record as it is to be split.</summary>
/// <param name="Training">Rows that are fitted, from the first.</param>
/// <param name="Test">Rows after them.</param>
/// <param name="Held">Largest error of the free run over the test rows.</param>
internal sealed record MeasuredCase(string Unit, int Training, int Test, double Held, IReadOnlyList<Candidate> Candidates)
{
    /// <summary>Contiguous folds of the training rows by which a candidate is chosen.</summary>
    public const int Folds = 4;

    /// <summary>The cascaded tanks (M. Schoukens, P. Mattsson, T. Wigren, J.-P. Noël, 2016): pump voltage, level of the lower tank;
    /// 4 s.</summary>
    public static MeasuredCase Tanks { get; } = new(
        "V", 768, 256, 0.45,
        [
            new("two tanks, no residual", TankJson("[]"), 750, 0.0, 1e3, 95),
            new("two tanks, linear residual", TankJson("[]"), 750, 0.0, 0.0, 95),
            new("two tanks, net 8", TankJson("[8]"), 750, 0.0, 0.0, 95),
            new("two tanks, net 8, spared", TankJson("[8]"), 750, 0.0, 1e-3, 95),
            new("two tanks, net 8, spared, long windows", TankJson("[8]"), 750, 0.0, 1e-3, 191),
            new("two tanks, net 8, much spared, long windows", TankJson("[8]"), 750, 0.0, 1e-2, 191),
        ]);

    /// <summary>The liquid-saturated steam heat exchanger of DaISy (97-002): liquid flow, outlet temperature; 1 s.</summary>
    public static MeasuredCase Exchanger { get; } = new(
        "degC", 1500, 1500, 0.50,
        [
            new("two lags, net 8", LagJson("[8]", 2), 750, 1e-3, 0.0, 124),
            new("three lags, net 8", LagJson("[8]", 3), 750, 1e-3, 0.0, 124),
            new("three lags, net 16-16", LagJson("[16,16]", 3), 750, 1e-3, 0.0, 124),
        ]);

    private static string TankJson(string hidden) =>
        """
        {"kind":"hybrid","known":"cascaded-tanks","time-scale":100,"controls":["u_pump_V"],
         "states":[{"name":"upper","positive":true,"observed":false,"start":"learned","offset":6,"scale":2},
          {"name":"y_level_V","positive":true,"start":"learned"}],"hidden":
        """ + hidden + "}";

    private static string LagJson(string hidden, int states)
    {
        string[] names =
        [
            """{"name":"th_outlet_temp_C","start":"learned"}""", """{"name":"wall","observed":false,"start":"learned"}""",
            """{"name":"sensor","observed":false,"start":"learned"}""",
        ];
        string[] lags = ["10", "60", "5"];
        return $$"""
            {"kind":"hybrid","known":"lags","time-scale":10,"controls":["q_liquid_flow"],"hidden":{{hidden}},
             "lags":[{{string.Join(",", lags[..states])}}],"states":[{{string.Join(",", names[..states])}}]}
            """;
    }
}
