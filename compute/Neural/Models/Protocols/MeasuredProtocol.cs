using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>A candidate among models of a measured record; which one is taken is decided inside the training rows.</summary>
/// <param name="Json">The model; scales are taken from the training rows.</param>
/// <param name="Steps">Of Adam.</param>
/// <param name="Polish">Of the quasi-Newton method.</param>
/// <param name="Decay">Weight decay of Adam.</param>
internal sealed record Candidate(string Name, string Json, int Steps, int Polish, double Decay);

/// <summary>What a free run over held-out rows missed.</summary>
internal sealed record MeasuredResult(double Rmse, double TrainingRmse, IReadOnlyDictionary<string, double> Constants, Prediction Run);

/// <summary>
/// A measured record with one control and one output: a model is fitted to some rows and runs freely over others, its start fitted to their
/// first 20 rows; from there on it sees the control alone. The error is counted over all rows of the free run, the first 20 included.
/// </summary>
internal sealed class MeasuredProtocol(ProcessRecord record, int window, int substeps)
{
    public const int StartRows = 20;

    /// <param name="training">Stretches (first row from 0, rows) that are fitted.</param>
    public (NeuralModel<double> Model, double[] Parameters) Fit(
        Candidate candidate, IReadOnlyList<(int First, int Rows)> training, ulong seed, Action<int, double>? told = null)
    {
        ProcessRecord[] records = [.. training.Select(part => record.Slice(part.First, part.Rows))];
        var model = NeuralModel<double>.Of(ModelJson.Normalised(ModelJson.Read(candidate.Json), records));
        var task = model.Task(records, [], new ShootingOptions(window, window, substeps, substeps, StartRows));
        var p = ProtocolFit.Adam(task, candidate.Steps, task.Samples, 1e-2, seed, told, candidate.Decay);
        if (candidate.Polish > 0) p = QuasiNewton.Run(task, p, candidate.Polish, told);
        return (model, p[..model.ParameterCount]);
    }

    public MeasuredResult Score(NeuralModel<double> model, double[] p, int first, int rows)
    {
        var part = record.Slice(first, rows);
        var run = model.Predict(p, model.StartOf(p, part, StartRows, substeps), part, substeps);
        var observed = Enumerable.Range(0, model.Specification.States.Length).First(i => model.Specification.States[i].Observed);
        var square = 0.0;
        for (var k = 0; k < rows; k++)
        {
            var error = run[k, observed] - part.Outputs[k];
            square += error * error;
        }
        return new MeasuredResult(Math.Sqrt(square / rows), double.NaN, model.Constants(p), run);
    }

    /// <summary>Free runs over each of five contiguous folds by a model of the rows before and after it.</summary>
    public IReadOnlyList<double> Folds(Candidate candidate, ulong seed, Action<int, double>? told = null)
    {
        var split = new SplitRequest(5, 0);
        return [.. Enumerable.Range(0, split.Folds).Select(fold =>
        {
            var (first, end) = (split with { Fold = fold }).Part(record.Rows);
            (int, int)[] training = [(0, first), (end, record.Rows - end)];
            var (model, p) = Fit(candidate, [.. training.Where(part => part.Item2 > 2 * window)], seed, told);
            return Score(model, p, first, end - first).Rmse;
        })];
    }
}

/// <summary>The cascaded tanks (M. Schoukens, P. Mattsson, T. Wigren, J.-P. Noël, 2016): pump voltage, level of the lower tank; 4 s.</summary>
internal static class CascadedTanks
{
    public const int TrainingRows = 768, TestRows = 256, Window = 95, SelectRows = 576;

    public static IReadOnlyList<Candidate> Candidates { get; } =
    [
        new("two tanks, linear residual", Json("[]"), 1500, 150, 0.0),
        new("two tanks, net 8", Json("[8]"), 1500, 150, 0.0),
        new("two tanks, net 16-16", Json("[16,16]"), 1500, 150, 0.0),
    ];

    public static MeasuredProtocol Of(ProcessRecord record) => new(record, Window, 1);

    private static string Json(string hidden) =>
        """{"kind":"hybrid","known":"cascaded-tanks","time-scale":100,"states":[{"name":"upper","positive":true,"observed":false,"start":"learned","offset":6,"scale":2},{"name":"y_level_V","positive":true,"start":"learned"}],"controls":["u_pump_V"],"hidden":"""
        + hidden + "}";
}

/// <summary>The liquid-saturated steam heat exchanger of DaISy (97-002): liquid flow, outlet temperature; 1 s.</summary>
internal static class HeatExchanger
{
    public const int TrainingRows = 1500, TestRows = 1500, Window = 124, SelectRows = 1125;

    public static IReadOnlyList<Candidate> Candidates { get; } =
    [
        new("two lags, net 8", Json("[8]", 2), 1500, 0, 1e-3), new("three lags, net 8", Json("[8]", 3), 1500, 0, 1e-3),
        new("three lags, net 16-16", Json("[16,16]", 3), 1500, 0, 1e-3),
    ];

    public static MeasuredProtocol Of(ProcessRecord record) => new(record, Window, 1);

    private static string Json(string hidden, int states)
    {
        string[] names =
        [
            """{"name":"th_outlet_temp_C","start":"learned"}""", """{"name":"wall","observed":false,"start":"learned"}""",
            """{"name":"sensor","observed":false,"start":"learned"}""",
        ];
        string[] lags = ["10", "60", "5"];
        return $$"""{"kind":"hybrid","known":"lags","time-scale":10,"lags":[{{string.Join(",", lags[..states])}}],"states":[{{string.Join(",", names[..states])}}],"controls":["q_liquid_flow"],"hidden":{{hidden}}}""";
    }
}
