using Athanor.Compute.Estimation;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;

namespace Athanor.Bench.Estimation;

/// <summary>One experiment: a plant, what is true of its noise, and what the filter takes for true.</summary>
/// <param name="WrongNoise">Factor on the variance of the sensors' noise that the filter is told.</param>
internal sealed record ConsistencyCase(
    string Name, string Model, string Estimator, double[] Start, double PeriodS, int Steps, double WrongNoise = 1.0, string? Kind = null);

/// <summary>What came out, over all runs.</summary>
internal sealed class ConsistencyResult
{
    public required string Name { get; init; }

    /// <summary>Normalised estimation error squared over the size of the joint state: mean over runs and steps.</summary>
    public double Nees { get; init; }

    /// <summary>The 99.9 % band of that mean from the spread of the runs' own means, which are independent of each other where the errors
    /// of one run are not.</summary>
    public double NeesBand { get; init; }

    /// <summary>Part of the steps whose mean over the runs is inside its 95 % band.</summary>
    public double NeesInside { get; init; }

    public double Nis { get; init; }

    /// <summary>Half-width of the 99.9 % band of χ² with as many degrees of freedom as samples.</summary>
    public (double Low, double High) NisBand { get; init; }

    public double NisInside { get; init; }

    /// <summary>Part of all steps after the first hundred updates where the live check said that the filter is consistent.</summary>
    public double LiveConsistent { get; init; }

    /// <summary>Root mean squared error by state.</summary>
    public required double[] Rmse { get; init; }

    public bool NeesConsistent => Math.Abs(Nees - 1.0) <= NeesBand;

    public bool NisConsistent => Nis >= NisBand.Low && Nis <= NisBand.High;
}

/// <summary>Monte Carlo runs of a filter against a plant with the very noise that the filter is told of.</summary>
internal static class Consistency
{
    public const ulong Seed = 20261121;

    public static ConsistencyResult Run(ConsistencyCase experiment, int runs, ulong seed = Seed)
    {
        var model = PlantModels.Create(experiment.Model);
        var settings = EstimatorJson.Parse(experiment.Estimator);
        if (experiment.Kind is { } kind) settings = settings with { Kind = Enum.Parse<EstimatorKind>(kind, true) };
        var told = settings with
        {
            Sensors = [.. settings.Sensors.Select(s => s with { Noise = s.Noise * Math.Sqrt(experiment.WrongNoise) })],
        };
        var estimator = Estimator.Create(model, told);
        var truth = new JointModel(model, settings);
        int size = truth.Size, steps = experiment.Steps, n = truth.States;
        double[] nees = new double[steps], nis = new double[steps], freedom = new double[steps], runNees = new double[runs];
        double[] squares = new double[n];
        double live = 0, consistent = 0;
        for (var run = 0; run < runs; run++)
        {
            var random = new Philox(seed, (ulong)run);
            double[] z = (double[])truth.Start.Clone(), p = new double[truth.NominalParameters.Length], next = new double[n];
            experiment.Start.CopyTo(z, 0);
            for (var i = 0; i < size; i++) z[i] = Inside(truth, i, z[i], truth.InitialSd[i], ref random);
            var memory = estimator.Start(0.0, experiment.Start);
            var u = model.NominalInputs;
            for (var step = 0; step < steps; step++)
            {
                var time = (step + 1) * experiment.PeriodS;
                truth.Parameters(z, p);
                model.Advance(z.AsSpan(0, n), u, p, experiment.PeriodS, next);
                next.CopyTo(z, 0);
                for (var i = 0; i < size; i++) z[i] = Inside(truth, i, z[i], truth.Noise[i] * Math.Sqrt(experiment.PeriodS), ref random);
                var samples = new List<Sample>();
                for (var s = 0; s < truth.Sensors.Length; s++)
                {
                    var period = settings.Sensors[s].PeriodS;
                    if (period > 0 && (step + 1) % (int)Math.Round(period / experiment.PeriodS) != 0) continue;
                    var sensor = truth.Sensors[s];
                    samples.Add(new Sample(s, time, truth.Expected(sensor, z) + (Math.Sqrt(sensor.Variance) * random.NextNormal())));
                }
                var output = estimator.Step(ref memory, new EstimatorInput(time, u, [.. samples]));
                nis[step] += output.Nis;
                freedom[step] += output.NisSamples;
                var (_, mean, covariance) = estimator.Joint(memory);
                var error = Normalised(z, mean, covariance, size);
                nees[step] += error / size;
                runNees[run] += error / size / steps;
                for (var i = 0; i < n; i++) squares[i] += (z[i] - mean[i]) * (z[i] - mean[i]) / (runs * steps);
                if (step < 100) continue;
                live++;
                if (output.Consistent) consistent++;
            }
        }
        double pooled = runNees.Average(), spread = Math.Sqrt(runNees.Sum(v => (v - pooled) * (v - pooled)) / (runs - 1) / runs);
        var (low, high) = ChiSquared.Band((double)runs * size, ChiSquared.Of95);
        int inside = 0, nisInside = 0, nisSteps = 0;
        for (var step = 0; step < steps; step++)
        {
            if (nees[step] / runs >= low && nees[step] / runs <= high) inside++;
            if (freedom[step] == 0) continue;
            nisSteps++;
            var (nisLow, nisHigh) = ChiSquared.Band(freedom[step], ChiSquared.Of95);
            if (nis[step] / freedom[step] >= nisLow && nis[step] / freedom[step] <= nisHigh) nisInside++;
        }
        return new ConsistencyResult
        {
            Name = experiment.Name,
            Nees = pooled,
            // Student's t with 49 degrees of freedom: 3.50 for a two-sided 99.9 %.
            NeesBand = 3.50 * spread,
            NeesInside = (double)inside / steps,
            Nis = nis.Sum() / freedom.Sum(),
            NisBand = ChiSquared.Band(freedom.Sum(), ChiSquared.Of999),
            NisInside = (double)nisInside / nisSteps,
            LiveConsistent = live > 0 ? consistent / live : 1.0,
            Rmse = [.. squares.Select(Math.Sqrt)],
        };
    }

    /// <summary>A draw about a value, within the entry's hard bounds: drawn again if it is not.</summary>
    private static double Inside(JointModel joint, int entry, double value, double sd, ref Philox random)
    {
        if (!(sd > 0)) return value;
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var draw = value + (sd * random.NextNormal());
            if (draw >= joint.Low[entry] && draw <= joint.High[entry]) return draw;
        }
        throw new InvalidOperationException($"the plant's {joint.Names[entry]} is {value}, outside of its bounds");
    }

    private static double Normalised(double[] truth, double[] mean, double[] covariance, int size)
    {
        // By the Cholesky factor, column by column.
        double[] l = (double[])covariance.Clone(), w = new double[size];
        var total = 0.0;
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = l[(i * size) + j];
                for (var k = 0; k < j; k++) sum -= l[(i * size) + k] * l[(j * size) + k];
                l[(i * size) + j] = i == j ? Math.Sqrt(sum) : sum / l[(j * size) + j];
            }
            var rest = truth[i] - mean[i];
            for (var j = 0; j < i; j++) rest -= l[(i * size) + j] * w[j];
            w[i] = rest / l[(i * size) + i];
            total += w[i] * w[i];
        }
        return total;
    }
}

/// <summary>The experiments.</summary>
internal static class ConsistencyCases
{
    private const string Cstr = """{"benchmark":"exothermic-cstr","inputs":["Tc"],"parameters":["UA"],"substep-s":0.5}""";
    private const string Cool =
        """{"benchmark":"exothermic-cstr","inputs":["Tc"],"parameters":["UA"],"substep-s":1.5,"constants":{"Tc":300}}""";

    private const string Klatt = """{"benchmark":"klatt-engell","inputs":["q","Qk"],"parameters":["k10"],"substep-s":5}""";

    /// <summary>The rows of the table.</summary>
    public static IEnumerable<ConsistencyCase> All =>
    [
        Reactor("ekf"), Reactor("iekf"), Reactor("ukf"), Reactor("mhe"), Reactor("enkf"), Drift("ekf"), Drift("ukf"), KlattEngell("ekf"),
        KlattEngell("ukf"), Reactor("ekf", noise: 3.0), Reactor("iekf", noise: 3.0), Reactor("ukf", noise: 3.0), Reactor("ekf", 2.0),
        Reactor("ekf", 0.5), Reactor("ukf", 2.0), Reactor("ukf", 0.5), KlattEngell("ekf", 2.0), KlattEngell("ekf", 0.5),
    ];

    /// <summary>The unstable reactor through ignition and limit cycle, T measured every 6 s.</summary>
    public static ConsistencyCase Reactor(string kind, double wrong = 1.0, double noise = 1.0, int steps = 300) => new(
        $"CSTR {kind}" + (noise == 1.0 ? "" : $", {noise:0}x noise") + (wrong == 1.0 ? "" : $", R wrong {wrong:0.#}x"), Cstr,
        FormattableString.Invariant(
            $$"""
            {"process-noise":{"Ca":{{0.0004 * noise}},"T":{{0.04 * noise}} },"initial-sd":{"Ca":{{0.02 * noise}},"T":{{1.0 * noise}} },
             "sensors":{"T":{"noise":{{0.5 * noise}},"frozen-after":0} },"gate":0,"iterations":4,"horizon":5,"members":64 }
            """),
        [0.5, 350.0], 6.0, steps, wrong, kind);

    /// <summary>The reactor with a drifting heat transfer and a biased analyser of concentration that comes every minute.</summary>
    public static ConsistencyCase Drift(string kind, double wrong = 1.0) => new(
        $"CSTR, UA and bias, {kind}" + (wrong == 1.0 ? "" : $", R wrong {wrong:0.#}x"), Cool,
        """
        {"process-noise":{"Ca":0.0004,"T":0.04},"initial-sd":{"Ca":0.02,"T":1},"estimate":{"UA":{"sd":1500,"walk":20}},
         "sensors":{"T":{"noise":0.3,"frozen-after":0,"bias":{"sd":0.5,"walk":0.002}},"Ca":{"noise":0.01,"period-s":60,"frozen-after":0}},
         "gate":0,"iterations":4,"horizon":5 }
        """,
        [0.8773, 324.5], 6.0, 300, wrong, kind);

    /// <summary>Klatt and Engell's reactor, temperatures every 20 s, B from the laboratory every 10 minutes, k10 drifting.</summary>
    public static ConsistencyCase KlattEngell(string kind, double wrong = 1.0) => new(
        $"Klatt-Engell, k10, {kind}" + (wrong == 1.0 ? "" : $", R wrong {wrong:0.#}x"), Klatt,
        """
        {"process-noise":{"A":0.001,"B":0.001,"T":0.01,"Tk":0.01},"initial-sd":{"A":0.1,"B":0.05,"T":1,"Tk":1},
         "estimate":{"k10":{"sd":6e10,"walk":5e8}},
         "sensors":{"T":{"noise":0.1,"frozen-after":0},"Tk":{"noise":0.1,"frozen-after":0},"B":{"noise":0.02,"period-s":600,"frozen-after":0}},
         "gate":0,"iterations":4,"horizon":5 }
        """,
        [2.14, 1.09, 114.2, 112.9], 20.0, 300, wrong, kind);
}
