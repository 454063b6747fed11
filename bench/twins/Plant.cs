using System.Collections.Immutable;
using Athanor.Compute.Plants;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Bench.Twins;

/// <summary>
/// What the twins are fed with: the Klatt-Engell reactor at rest with a slow swing of its flow, measured each second with noise and
/// rounded as instruments round. A few hundred recordings of some minutes are made beforehand, so that feeding costs next to nothing; each
/// twin plays one of them from a place of its own.
/// </summary>
internal sealed class Plant
{
    public const int Seconds = 600;
    private const int Recordings = 64;

    private const string Model = """{"benchmark":"klatt-engell","inputs":["q","Qk"],"parameters":["k10"]}""";

    private const string Estimator =
        """
        {"kind":"ekf","period-s":1,"process-noise":{"A":0.0005,"B":0.0005,"T":0.005,"Tk":0.005},
         "initial-sd":{"A":0.2,"B":0.1,"T":0.5,"Tk":0.5},"estimate":{"k10":{"sd":1e11,"walk":1e8}},
         "sensors":{"T":{"noise":0.1,"low":0,"high":250},"Tk":{"noise":0.1,"low":0,"high":250},"B":{"noise":0.02,"low":0,"high":10}},
         "lag-window-s":0}
        """;

    private const string Detectors = """{"sensors":["T","Tk","B"],"values":[]}""";

    private readonly double[][] _recordings;

    public Plant()
    {
        var model = PlantModels.Create(Model);
        _recordings = [.. Enumerable.Range(0, Recordings).Select(i => Record(model, i))];
    }

    public static UnitSpec Spec(string unit) => new(
        unit, TimeSpan.FromSeconds(1),
        [new UnitSensor("T", "degC", null, 0, 250), new UnitSensor("Tk", "degC", null, 0, 250), new UnitSensor("B", "mol/L", null, 0, 10)],
        [new UnitInput("q", "1/h", 5, 35, 0, 14.19), new UnitInput("Qk", "kJ/h", -9000, 0, 0, -1113.5)],
        TimeSpan.Zero, new UnitModel(1, "bench/twins", Model, Estimator, Detectors, null), ControllerMode.Advisory, TimeSpan.Zero, TimeSpan.Zero,
        TimeSpan.Zero, ImmutableSortedDictionary<string, double>.Empty, [],
        ImmutableSortedDictionary<string, double>.Empty.Add("A", 2.14).Add("B", 1.09).Add("T", 114.2).Add("Tk", 112.9));

    /// <summary>Samples of one second of one twin: three sensors and the flow.</summary>
    public ImmutableArray<Sample> Samples(int twin, long second, DateTimeOffset time)
    {
        var recording = _recordings[twin % Recordings];
        var at = (int)((second + twin) % Seconds) * 4;
        return
        [
            new Sample("T", time, 0, recording[at]), new Sample("Tk", time, 0, recording[at + 1]), new Sample("B", time, 0, recording[at + 2]),
            new Sample("q", time, 0, recording[at + 3]),
        ];
    }

    private static double[] Record(PlantModel model, int seed)
    {
        var random = new Random(seed);
        double[] x = [2.14, 1.09, 114.2, 112.9], next = new double[4], u = [14.19, -1113.5];
        var recording = new double[Seconds * 4];
        for (var k = -7200; k < Seconds; k++)
        {
            // A whole number of swings in a recording, so that its end meets its beginning.
            u[0] = Math.Round(14.19 + (0.5 * Math.Sin(2 * Math.PI * k / 300.0)), 2);
            model.Advance(x, u, model.NominalParameters, 1.0, next);
            (x, next) = (next, x);
            if (k < 0) continue;
            var row = recording.AsSpan(k * 4, 4);
            row[0] = Math.Round(x[2] + (0.1 * Normal(random)), 2);
            row[1] = Math.Round(x[3] + (0.1 * Normal(random)), 2);
            row[2] = Math.Round(x[1] + (0.02 * Normal(random)), 3);
            row[3] = u[0];
        }
        return recording;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2.0 * Math.Log(1.0 - random.NextDouble())) * Math.Cos(2.0 * Math.PI * random.NextDouble());
}
