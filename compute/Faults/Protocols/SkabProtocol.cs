namespace Athanor.Compute.Faults.Protocols;

/// <summary>Counts of rows.</summary>
internal readonly record struct SkabScore(int Hits, int FalseAlarms, int Misses, int Quiet)
{
    public double F1 => 2.0 * Hits / ((2.0 * Hits) + FalseAlarms + Misses);

    public double FalseAlarmRate => (double)FalseAlarms / (FalseAlarms + Quiet);

    public double MissRate => (double)Misses / (Misses + Hits);

    public static SkabScore operator +(SkabScore a, SkabScore b) =>
        new(a.Hits + b.Hits, a.FalseAlarms + b.FalseAlarms, a.Misses + b.Misses, a.Quiet + b.Quiet);
}

/// <summary>What was chosen for one run, by the others alone.</summary>
internal sealed record SkabChoice(string Run, int Window, double Ridge, double Threshold, SkabScore Score);

/// <summary>
/// Methods on the runs of SKAB. As on its leaderboard, the first 400 rows of each run may set the scale, the rest is scored, all runs
/// together. The method with labels never sees the run that it is scored on: windows, ridge and threshold are chosen for each run by
/// leaving out each of the other runs in turn.
///
/// Features are window means and variances of six signals against the first 400 rows of the same run. Windows are at most
/// 40 rows long, and the two temperatures, which rise through each run like a clock, are left out.
/// </summary>
internal sealed class SkabProtocol(SkabRun[] runs)
{
    public const int Training = 400;

    private const double MostFalseAlarms = 0.12;

    private static readonly int[] Signals = [0, 1, 2, 3, 6, 7], Windows = [5, 10, 20, 40];
    private static readonly double[] Ridges = [0.1, 1.0, 10.0];

    public static int FeatureCount => 3 * Signals.Length;

    public static IEnumerable<string> FeatureNames =>
        Signals.SelectMany(j => new[] { "mean of ", "size of mean of ", "variance of " }.Select(what => what + SkabData.Signals[j]));

    /// <summary>T² and Q of a PCA of each run's own first rows, 85 % of variance, limits at three times the 99 % quantile, median of
    /// five.</summary>
    public SkabScore T2AndQ() => Sum(runs.Select(run =>
    {
        var train = run.Values[..Training];
        var model = MonitorTraining.Pca(SkabData.Signals, [train], MonitorTraining.ComponentsFor([train], 0.85));
        var scores = ProcessMonitor.Run(model, run.Values);
        var first = 3.0 * CombinedLimits.Quantile([.. scores[..Training].Select(s => s.First).Order()], 0.99);
        var second = 3.0 * CombinedLimits.Quantile([.. scores[..Training].Select(s => s.Second).Order()], 0.99);
        var above = scores.Select(s => s.First > first || s.Second > second).ToArray();
        return Score(run, t => t >= Training + 4 && Enumerable.Range(t - 4, 5).Count(u => above[u]) >= 3);
    }));

    public SkabScore Always() => Sum(runs.Select(run => Score(run, _ => true)));

    /// <summary>An alarm in a fixed window of rows: what a method that knows the row number alone reaches.</summary>
    public SkabScore Clock(int from, int to) => Sum(runs.Select(run => Score(run, t => t >= from && t < to)));

    /// <summary>The method with labels. Each run is scored with what the other runs say.</summary>
    /// <param name="together">Which runs are left out together with a run; null for itself alone.</param>
    public SkabChoice[] LeaveOut(Func<string, string>? together = null)
    {
        var key = together ?? (name => name);
        var settings = Windows.SelectMany(w => Ridges.Select(r => (Window: w, Ridge: r))).ToArray();
        var tables = Windows.ToDictionary(w => w, w => runs.Select(run => new Table(run, Features(run, w))).ToArray());
        return [.. runs.Select((held, h) =>
        {
            var others = Enumerable.Range(0, runs.Length).Where(i => key(runs[i].Name) != key(held.Name)).ToArray();
            var (setting, threshold) = settings.Select(s => (s, Best: BestThreshold(tables[s.Window], others, s.Ridge)))
                .MaxBy(x => x.Best.F1) is var best ? (best.s, best.Best.Threshold) : default;
            var table = tables[setting.Window];
            var margins = Margins(table, others, setting.Ridge, h);
            return new SkabChoice(
                held.Name, setting.Window, setting.Ridge, threshold, Score(held, t => margins[t - Training] > threshold));
        })];
    }

    public static SkabScore Sum(IEnumerable<SkabScore> scores) => scores.Aggregate((a, b) => a + b);

    /// <summary>The largest correlation of any feature with the row number in normal rows of one run, as a mean over runs: what of a clock
    /// is in the features.</summary>
    public (string Feature, double Correlation) ClockInFeatures(int window)
    {
        var names = FeatureNames.ToArray();
        var sums = new double[names.Length];
        foreach (var run in runs)
        {
            var features = Features(run, window);
            var rows = Enumerable.Range(Training, run.Values.Length - Training).Where(t => !run.Anomaly[t]).ToArray();
            for (var f = 0; f < names.Length; f++) sums[f] += Correlation(rows, t => features[t][f]) / runs.Length;
        }
        var worst = Enumerable.Range(0, names.Length).MaxBy(f => Math.Abs(sums[f]));
        return (names[worst], sums[worst]);
    }

    private static double Correlation(int[] rows, Func<int, double> value)
    {
        double meanT = rows.Average(), mean = rows.Average(value);
        double tt = 0.0, vv = 0.0, tv = 0.0;
        foreach (var t in rows)
        {
            double a = t - meanT, b = value(t) - mean;
            (tt, vv, tv) = (tt + (a * a), vv + (b * b), tv + (a * b));
        }
        return vv == 0.0 ? 0.0 : tv / Math.Sqrt(tt * vv);
    }

    private sealed class Table
    {
        public Table(SkabRun run, double[][] features)
        {
            (Run, Features, Sums) = (run, features, new ClassSums(2, FeatureCount));
            for (var t = Training; t < features.Length; t++) Sums.Add(run.Anomaly[t] ? 1 : 0, features[t]);
        }

        public SkabRun Run { get; }

        public double[][] Features { get; }

        public ClassSums Sums { get; }
    }

    private static double[] Margins(Table[] tables, IEnumerable<int> training, double ridge, int scored)
    {
        var sums = new ClassSums(2, FeatureCount);
        foreach (var i in training) sums.Add(tables[i].Sums);
        var classifier = sums.Fit(["normal", "anomaly"], ridge);
        var n = FeatureCount;
        var weights = Enumerable.Range(0, n).Select(i => classifier.Weights[n + i] - classifier.Weights[i]).ToArray();
        var offset = classifier.Offsets[1] - classifier.Offsets[0];
        return [.. tables[scored].Features[Training..].Select(f => offset + ProcessMonitor.Dot(weights, f))];
    }

    /// <summary>The threshold of the best F1 within the false alarms allowed, each of the runs scored by the others of them.</summary>
    private static (double F1, double Threshold) BestThreshold(Table[] tables, int[] runs, double ridge)
    {
        var scored = runs.SelectMany(i => Margins(tables, runs.Where(j => j != i), ridge, i)
            .Select((margin, t) => (margin, Anomaly: tables[i].Run.Anomaly[Training + t]))).OrderByDescending(x => x.margin).ToArray();
        var anomalies = scored.Count(x => x.Anomaly);
        var (hits, alarms, best) = (0, 0, (F1: 0.0, Threshold: double.PositiveInfinity));
        foreach (var (margin, anomaly) in scored)
        {
            if (anomaly) hits++;
            else alarms++;
            if (alarms > MostFalseAlarms * (scored.Length - anomalies)) break;
            var f1 = 2.0 * hits / (hits + alarms + anomalies);
            if (f1 > best.F1) best = (f1, margin);
        }
        return best;
    }

    private static double[][] Features(SkabRun run, int window)
    {
        var features = run.Values.Select(_ => new double[FeatureCount]).ToArray();
        for (var s = 0; s < Signals.Length; s++)
        {
            var x = run.Values.Select(v => v[Signals[s]]).ToArray();
            var (mean, variance) = Moments(x, 0, Training);
            // Variances are against those of windows, not of all 400 rows: slow drift is no noise.
            var usual = Enumerable.Range(window - 1, Training - window + 1)
                .Average(t => Moments(x, t - window + 1, window).Variance) + 1e-12;
            for (var t = 0; t < x.Length; t++)
            {
                var from = Math.Max(0, t - window + 1);
                var (m, v) = Moments(x, from, t - from + 1);
                var z = Math.Asinh((m - mean) / (Math.Sqrt(variance) + 1e-9));
                (features[t][3 * s], features[t][(3 * s) + 1]) = (z, Math.Abs(z));
                features[t][(3 * s) + 2] = Math.Log((v + (1e-3 * usual)) / usual);
            }
        }
        return features;
    }

    private static (double Mean, double Variance) Moments(double[] x, int from, int count)
    {
        double mean = 0.0, variance = 0.0;
        for (var t = from; t < from + count; t++) mean += x[t] / count;
        for (var t = from; t < from + count; t++) variance += (x[t] - mean) * (x[t] - mean);
        return (mean, variance / Math.Max(1, count - 1));
    }

    private static SkabScore Score(SkabRun run, Func<int, bool> alarm)
    {
        var score = default(SkabScore);
        for (var t = Training; t < run.Anomaly.Length; t++)
        {
            score += (alarm(t), run.Anomaly[t]) switch
            {
                (true, true) => new SkabScore(1, 0, 0, 0),
                (true, false) => new SkabScore(0, 1, 0, 0),
                (false, true) => new SkabScore(0, 0, 1, 0),
                (false, false) => new SkabScore(0, 0, 0, 1),
            };
        }
        return score;
    }
}
