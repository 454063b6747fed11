namespace Athanor.Compute.Faults.Protocols;

/// <summary>A monitor with its settings, not yet trained.</summary>
/// <param name="Fast">Whether it watches the 33 fast variables, XMEAS(1..22) and the valves, or all 52 with the slow analysers.</param>
/// <param name="Lags">Samples before the present one; for CVA the past has one more, and the future as many as the past.</param>
/// <param name="Ridge">Of CVA's covariances.</param>
/// <param name="Forgetting">Of both statistics.</param>
internal sealed record TepCandidate(MonitorKind Kind, bool Fast, int Lags, int Components, double Ridge, double[] Forgetting)
{
    public string Name => FormattableString.Invariant(
        $"{Kind switch { MonitorKind.Pca => "PCA", MonitorKind.DynamicPca => "DPCA", _ => "CVA" }}, {(Fast ? 33 : 52)} variables, ")
        + FormattableString.Invariant($"{(Kind == MonitorKind.Pca ? "" : $"lags {Lags}, ")}{Components} components")
        + (Kind == MonitorKind.Cva ? FormattableString.Invariant($", ridge {Ridge}") : "")
        + FormattableString.Invariant($", forgetting {Forgetting[0]}/{Forgetting[1]}");

    public double[][] Take(double[][] rows) => Fast ? [.. rows.Select(r => (double[])[.. r[..22], .. r[41..]])] : rows;

    public MonitorModel Train(double[][] normal)
    {
        string[] names = Fast ? [.. TepData.Names[..22], .. TepData.Names[41..]] : TepData.Names;
        var model = Kind == MonitorKind.Cva
            ? MonitorTraining.Cva(names, [Take(normal)], Lags + 1, Lags + 1, Components, Ridge)
            : MonitorTraining.Pca(names, [Take(normal)], Components, Lags);
        return model with { Forgetting = Forgetting };
    }
}

/// <summary>Miss rates of both statistics of PCA over rows 161-960.</summary>
internal sealed record TepMiss(int Fault, double T2, double Spe);

/// <summary>One way: limits from one half of d00_te. All rates are parts of samples.</summary>
/// <param name="OtherHalf">False alarms on the other half.</param>
/// <param name="Before">False alarms on rows 1-160 of the test files.</param>
/// <param name="Detection">By test fault, rows 161-960.</param>
/// <param name="Delays">Rows from the fault to the first of three alarms in a row; null if there are none.</param>
/// <param name="Training">By test fault, on its training file: what candidates are chosen by.</param>
/// <param name="Hidden">Of faults 3, 9 and 15 on their training files: what nobody can detect.</param>
internal sealed record TepWay(
    string Limits, double OtherHalf, double Before, double[] Detection, int?[] Delays, double[] Training, double[] Hidden);

/// <summary>
/// How a monitor is judged on the Tennessee Eastman files. It is trained on d00; its limits are set on one half of d00_te to a combined
/// rate of 1 %; false alarms are counted on the other half and before each fault; then the halves change places. Settings are chosen by
/// the training files of the faults (dNN), never by the test files (dNN_te).
/// </summary>
internal sealed class TepProtocol(TepData data)
{
    public const double Rate = 0.01;

    private readonly double[][] _normal = data.Normal();
    private readonly double[][] _test = data.NormalTest();
    private readonly double[][][] _training = [.. TepData.TestFaults.Select(data.Training)];
    private readonly double[][][] _faults = [.. TepData.TestFaults.Select(data.Test)];

    private readonly Dictionary<int, double[][]> _hidden = Hidden.ToDictionary(f => f, data.Training);
    private Statistics? _last;

    private static readonly double[] Plain = [1.0, 1.0];

    public static int[] Hidden { get; } = [3, 9, 15];

    public static TepCandidate[] Candidates { get; } =
    [
        new(MonitorKind.Pca, false, 0, 11, 0, [1.0, 1.0]), new(MonitorKind.DynamicPca, false, 2, 25, 0, [1.0, 1.0]),
        new(MonitorKind.DynamicPca, true, 3, 25, 0, [1.0, 0.3]), new(MonitorKind.Cva, false, 3, 20, 0.02, [1.0, 1.0]),
        .. from lags in new[] { 2, 3, 4, 5 } from forgetting in new[] { 1.0, 0.3, 0.2 }
           select new TepCandidate(MonitorKind.Cva, true, lags, 20, 0.02, [1.0, forgetting]),
    ];

    /// <summary>The table of the data's README: 11 components, each statistic at its own 99 % limit on all of d00_te.</summary>
    public IReadOnlyList<TepMiss> PcaTable()
    {
        var model = MonitorTraining.Pca(TepData.Names, [_normal], 11);
        var normal = ProcessMonitor.Run(model, _test);
        var t2 = CombinedLimits.Quantile([.. normal.Select(s => s.First).Order()], 0.99);
        var spe = CombinedLimits.Quantile([.. normal.Select(s => s.Second).Order()], 0.99);
        return [.. TepData.TestFaults.Select((fault, i) =>
        {
            var scores = ProcessMonitor.Run(model, _faults[i])[TepData.FaultRow..];
            return new TepMiss(fault, (double)scores.Count(s => s.First <= t2) / scores.Length,
                (double)scores.Count(s => s.Second <= spe) / scores.Length);
        })];
    }

    public TepWay[] Evaluate(TepCandidate candidate)
    {
        // Candidates that differ in forgetting alone share the statistics, which are what takes the time.
        var plain = candidate with { Forgetting = Plain };
        if (_last?.Candidate != plain) _last = new Statistics(plain, this);
        var (model, normal) = (_last.Model, Smooth(_last.Normal));
        var half = normal.Length / 2;
        var (tests, training, hidden) =
            (_last.Tests.Select(Smooth).ToArray(), _last.Training.Select(Smooth).ToArray(), _last.Hidden.Select(Smooth).ToArray());
        return [.. new[] { ("rows 1-480", normal[..half], normal[half..]), ("rows 481-960", normal[half..], normal[..half]) }.Select(way =>
        {
            var limited = MonitorTraining.Calibrate(model, way.Item2, Rate);
            double Share(IEnumerable<MonitorScore> scores)
            {
                var ready = scores.Where(s => s.Ready).ToArray();
                return (double)ready.Count(s => ProcessMonitor.Alarms(limited, s)) / ready.Length;
            }
            return new TepWay(
                way.Item1, Share(way.Item3), Share(tests.SelectMany(t => t[..TepData.FaultRow])),
                [.. tests.Select(t => Share(t[TepData.FaultRow..]))],
                [.. tests.Select(t => Delay([.. t[TepData.FaultRow..].Select(s => ProcessMonitor.Alarms(limited, s))]))],
                [.. training.Select(Share)], [.. hidden.Select(Share)]);
        })];

        MonitorScore[] Smooth(MonitorScore[] scores)
        {
            var smoothed = (MonitorScore[])scores.Clone();
            for (var t = 1; t < smoothed.Length; t++)
            {
                if (!smoothed[t - 1].Ready) continue;
                smoothed[t] = new MonitorScore(
                    ResidualCharts.Ewma(smoothed[t - 1].First, scores[t].First, candidate.Forgetting[0]),
                    ResidualCharts.Ewma(smoothed[t - 1].Second, scores[t].Second, candidate.Forgetting[1]), true);
            }
            return smoothed;
        }
    }

    private sealed class Statistics(TepCandidate candidate, TepProtocol protocol)
    {
        public TepCandidate Candidate => candidate;

        public MonitorModel Model { get; } = candidate.Train(protocol._normal);

        public MonitorScore[] Normal => field ??= Run(protocol._test);

        public MonitorScore[][] Tests => field ??= [.. protocol._faults.Select(Run)];

        public MonitorScore[][] Training => field ??= [.. protocol._training.Select(Run)];

        public MonitorScore[][] Hidden => field ??= [.. TepProtocol.Hidden.Select(f => Run(protocol._hidden[f]))];

        private MonitorScore[] Run(double[][] rows) => ProcessMonitor.Run(Model, candidate.Take(rows));
    }

    /// <summary>The best mean detection on the training files, both ways.</summary>
    public TepCandidate Choose(Action<TepCandidate, TepWay[]>? tell = null)
    {
        TepCandidate? best = null;
        var most = 0.0;
        foreach (var candidate in Candidates)
        {
            var ways = Evaluate(candidate);
            tell?.Invoke(candidate, ways);
            var mean = ways.Average(w => w.Training.Average());
            if (mean > most) (best, most) = (candidate, mean);
        }
        return best!;
    }

    private static int? Delay(bool[] alarms)
    {
        for (var t = 0; t + 2 < alarms.Length; t++)
        {
            if (alarms[t] && alarms[t + 1] && alarms[t + 2]) return t + 1;
        }
        return null;
    }
}
