using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Faults;

/// <summary>Trains monitors on data of normal operation. Runs are never joined: a window lies within one.</summary>
public static class MonitorTraining
{
    /// <summary>Principal components; with <paramref name="lags"/> above 0 of the sample and as many before it.</summary>
    /// <param name="runs">Each a list of samples of the variables.</param>
    /// <param name="components">Kept, at least 1 and fewer than window × variables.</param>
    public static MonitorModel Pca(string[] variables, IReadOnlyList<double[][]> runs, int components, int lags = 0)
    {
        var (mean, deviation) = Scale(variables, runs);
        var (window, m) = (lags + 1, variables.Length);
        var d = window * m;
        if (components < 1 || components >= d) throw new ArgumentException($"{components} components of {d}; 1 to {d - 1} would be right");
        var covariance = Covariance(Windows(runs, mean, deviation, window, 0), d, out _);
        var (values, vectors) = SymmetricTridiagonal.Solve(covariance, d);
        var (projection, weights) = (new double[components * d], new double[components]);
        for (var i = 0; i < components; i++)
        {
            var from = d - 1 - i;
            if (!(values[from] > 1e-12))
                throw new ArgumentException($"the data have only {i} independent directions; fewer components would be right");
            Array.Copy(vectors, from * d, projection, i * d, d);
            weights[i] = 1.0 / values[from];
        }
        return new MonitorModel(lags == 0 ? MonitorKind.Pca : MonitorKind.DynamicPca, variables, window, mean, deviation, [], projection,
            weights,
            [double.PositiveInfinity, double.PositiveInfinity], [1.0, 1.0], 0.0, Hash(runs));
    }

    /// <summary>Components that explain a share of the variance of single samples.</summary>
    public static int ComponentsFor(IReadOnlyList<double[][]> runs, double share)
    {
        var m = runs[0][0].Length;
        var (mean, deviation) = Scale([.. Enumerable.Range(1, m).Select(i => $"column {i}")], runs);
        var (values, _) = SymmetricTridiagonal.Solve(Covariance(Windows(runs, mean, deviation, 1, 0), m, out _), m);
        var (sum, total) = (0.0, values.Sum());
        for (var i = 1; i < m; i++)
        {
            sum += values[m - i];
            if (sum >= share * total) return i;
        }
        return m - 1;
    }

    /// <summary>Canonical variates between the past (the last <paramref name="past"/> samples, the present one among them) and the
    /// <paramref name="future"/> samples after it: the states are the combinations of the past that predict the future best.</summary>
    /// <param name="ridge">Added to the diagonals of the covariances of the scaled variables: with few samples the past's is
    /// singular.</param>
    public static MonitorModel Cva(string[] variables, IReadOnlyList<double[][]> runs, int past, int future, int states, double ridge)
    {
        var (mean, deviation) = Scale(variables, runs);
        var m = variables.Length;
        var (d, df) = (past * m, future * m);
        if (states < 1 || states >= Math.Min(d, df))
            throw new ArgumentException($"{states} states of {d}; 1 to {Math.Min(d, df) - 1} would be right");
        var pasts = Windows(runs, mean, deviation, past, future);
        var futures = Futures(runs, mean, deviation, past, future);
        var pp = Factor(Covariance(pasts, d, out var pastMean), d, ridge);
        var ff = Factor(Covariance(futures, df, out var futureMean), df, ridge);
        // H = Lf^-1 Sfp Lp^-T, from the whitened samples; its right singular vectors are eigenvectors of H^T H.
        var (wp, wf) = (Whiten(pasts, pastMean, pp, d), Whiten(futures, futureMean, ff, df));
        var cross = Cross(wf, df, wp, d);
        var (_, vectors) = SymmetricTridiagonal.Solve(Gram(cross, df, d), d);
        var projection = new double[states * d];
        for (var i = 0; i < states; i++) Array.Copy(vectors, (d - 1 - i) * d, projection, i * d, d);
        var weights = new double[states];
        Array.Fill(weights, 1.0);
        return new MonitorModel(MonitorKind.Cva, variables, past, mean, deviation, InverseLower(pp, d), projection, weights,
            [double.PositiveInfinity, double.PositiveInfinity], [1.0, 1.0], 0.0, Hash(runs));
    }

    /// <summary>Sets both limits so that the part of samples with either statistic above its own is <paramref name="rate"/> on these runs
    /// of normal operation, each stepped from an empty memory. They must not be the runs that the model was trained on: on those it fits
    /// too well.</summary>
    public static MonitorModel Calibrate(MonitorModel model, IReadOnlyList<double[][]> runs, double rate) =>
        Calibrate(model, [.. runs.SelectMany(run => ProcessMonitor.Run(model, run))], rate);

    /// <summary>The same from scores; those before the window was full do not count.</summary>
    public static MonitorModel Calibrate(MonitorModel model, IReadOnlyList<MonitorScore> scores, double rate)
    {
        var ready = scores.Where(s => s.Ready).ToArray();
        return model with
        {
            Limits = CombinedLimits.Set([[.. ready.Select(s => s.First)], [.. ready.Select(s => s.Second)]], rate),
            FalseAlarmRate = rate,
        };
    }

    /// <summary>SHA-256 of all values, row by row, as little-endian doubles, with each run's length before it.</summary>
    public static string Hash(IReadOnlyList<double[][]> runs)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var run in runs)
        {
            hash.AppendData(BitConverter.GetBytes(run.Length));
            foreach (var row in run) hash.AppendData(MemoryMarshal.AsBytes(row.AsSpan()));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static (double[] Mean, double[] Deviation) Scale(string[] variables, IReadOnlyList<double[][]> runs)
    {
        var m = variables.Length;
        var rows = runs.SelectMany(r => r).ToArray();
        if (rows.Length < 3) throw new ArgumentException($"a monitor is trained on {rows.Length} samples; hundreds would be right");
        var (mean, deviation) = (new double[m], new double[m]);
        for (var j = 0; j < m; j++)
        {
            foreach (var row in rows)
            {
                if (row.Length != m) throw new ArgumentException($"a sample has {row.Length} values; {m} would be right");
                if (!double.IsFinite(row[j]))
                    throw new ArgumentException($"{variables[j]} holds {row[j]}; a monitor is trained on finite values");
                mean[j] += row[j];
            }
            mean[j] /= rows.Length;
            foreach (var row in rows) deviation[j] += (row[j] - mean[j]) * (row[j] - mean[j]);
            deviation[j] = Math.Sqrt(deviation[j] / (rows.Length - 1));
            if (!(deviation[j] > 1e-12 * Math.Abs(mean[j])) || deviation[j] == 0.0)
                throw new ArgumentException($"{variables[j]} never changes in the data: leave it out, or give data in which it moves");
        }
        return (mean, deviation);
    }

    /// <summary>Window vectors, newest sample first, that have <paramref name="future"/> samples after them in their run.</summary>
    private static double[][] Windows(IReadOnlyList<double[][]> runs, double[] mean, double[] deviation, int window, int future) =>
        [.. runs.SelectMany(run => Enumerable.Range(window - 1, Math.Max(0, run.Length - future - window + 1))
            .Select(t => Stack(run, mean, deviation, Enumerable.Range(0, window).Select(k => t - k))))];

    private static double[][] Futures(IReadOnlyList<double[][]> runs, double[] mean, double[] deviation, int past, int future) =>
        [.. runs.SelectMany(run => Enumerable.Range(past - 1, Math.Max(0, run.Length - future - past + 1))
            .Select(t => Stack(run, mean, deviation, Enumerable.Range(1, future).Select(k => t + k))))];

    private static double[] Stack(double[][] run, double[] mean, double[] deviation, IEnumerable<int> rows) =>
        [.. rows.SelectMany(t => run[t].Select((v, j) => (v - mean[j]) / deviation[j]))];

    private static double[] Covariance(double[][] samples, int d, out double[] mean)
    {
        if (samples.Length < 3) throw new ArgumentException($"the runs have {samples.Length} whole windows; hundreds would be right");
        mean = new double[d];
        foreach (var sample in samples)
        {
            for (var i = 0; i < d; i++) mean[i] += sample[i] / samples.Length;
        }
        var (sum, centred) = (new double[d * d], new double[d]);
        foreach (var sample in samples)
        {
            for (var i = 0; i < d; i++) centred[i] = sample[i] - mean[i];
            for (var i = 0; i < d; i++)
            {
                var row = sum.AsSpan(i * d, i + 1);
                var c = centred[i];
                for (var j = 0; j <= i; j++) row[j] += c * centred[j];
            }
        }
        for (var i = 0; i < d; i++)
        {
            for (var j = 0; j <= i; j++) sum[(j * d) + i] = sum[(i * d) + j] /= samples.Length - 1;
        }
        return sum;
    }

    private static double[] Factor(double[] covariance, int d, double ridge)
    {
        for (var i = 0; i < d; i++) covariance[(i * d) + i] += ridge;
        if (SmallCholesky.Factor(covariance, d)) return covariance;
        throw new ArgumentException($"the covariance of {d} lagged values is singular: give more samples, fewer lags, or a larger ridge than {ridge}");
    }

    private static double[][] Whiten(double[][] samples, double[] mean, double[] factor, int d) => [.. samples.Select(sample =>
    {
        var w = new double[d];
        for (var i = 0; i < d; i++)
        {
            var sum = sample[i] - mean[i];
            var row = factor.AsSpan(i * d, d);
            for (var k = 0; k < i; k++) sum -= row[k] * w[k];
            w[i] = sum / row[i];
        }
        return w;
    })];

    private static double[] Cross(double[][] f, int df, double[][] p, int d)
    {
        var cross = new double[df * d];
        for (var s = 0; s < f.Length; s++)
        {
            for (var i = 0; i < df; i++)
            {
                var c = f[s][i] / (f.Length - 1);
                var past = p[s];
                var row = cross.AsSpan(i * d, d);
                for (var j = 0; j < d; j++) row[j] += c * past[j];
            }
        }
        return cross;
    }

    /// <summary>A^T A of A, shape (rows, d).</summary>
    private static double[] Gram(double[] a, int rows, int d)
    {
        var gram = new double[d * d];
        for (var r = 0; r < rows; r++)
        {
            var row = a.AsSpan(r * d, d);
            for (var i = 0; i < d; i++)
            {
                var c = row[i];
                var target = gram.AsSpan(i * d, d);
                for (var j = 0; j < d; j++) target[j] += c * row[j];
            }
        }
        return gram;
    }

    internal static double[] InverseLower(double[] factor, int d)
    {
        var inverse = new double[d * d];
        for (var i = 0; i < d; i++)
        {
            var target = inverse.AsSpan(i * d, d);
            target[i] = 1.0;
            for (var k = 0; k < i; k++)
            {
                var c = factor[(i * d) + k];
                var row = inverse.AsSpan(k * d, d);
                for (var j = 0; j <= k; j++) target[j] -= c * row[j];
            }
            var pivot = factor[(i * d) + i];
            for (var j = 0; j <= i; j++) target[j] /= pivot;
        }
        return inverse;
    }
}
