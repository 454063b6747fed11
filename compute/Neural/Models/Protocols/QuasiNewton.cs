using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>
/// L-BFGS over all samples of a task (J. Nocedal, Math. Comp. 35, 1980; memory 20) with a backtracking line search by quadratic
/// interpolation: what is left to do when the data are free of noise and Adam crawls along a valley. The same bits for the same start.
/// </summary>
internal static class QuasiNewton
{
    private const int Memory = 20;

    /// <param name="told">Iterations done and mean loss, after each.</param>
    public static double[] Run(ITrainingTask<double> task, double[] start, int iterations, Action<int, double>? told = null)
    {
        var (p, scratch) = (start.ToArray(), task.NewScratch());
        var samples = Enumerable.Range(0, task.Samples).ToArray();
        double[] g = new double[p.Length], next = new double[p.Length], nextG = new double[p.Length], d = new double[p.Length];
        var loss = Value(p, g);
        var steps = new List<(double[] S, double[] Y, double Scale)>();
        for (var i = 0; i < iterations; i++)
        {
            Direction(g, steps, d);
            var slope = Dot(g, d);
            if (!(slope < 0.0))
            {
                steps.Clear();
                Direction(g, steps, d);
                slope = Dot(g, d);
                if (!(slope < 0.0)) break;
            }
            var length = steps.Count == 0 ? Math.Min(1.0, 0.1 / Math.Sqrt(-slope)) : 1.0;
            var after = double.NaN;
            for (var attempt = 0; attempt < 25; attempt++)
            {
                for (var k = 0; k < p.Length; k++) next[k] = p[k] + (length * d[k]);
                after = Value(next, nextG);
                if (after <= loss + (1e-4 * length * slope)) break;
                var ratio = double.IsFinite(after) ? -slope * length / (2.0 * (after - loss - (slope * length))) : 0.1;
                length *= Math.Clamp(ratio, 0.1, 0.5);
            }
            if (!(after < loss))
            {
                if (steps.Count == 0) break;
                steps.Clear();
                continue;
            }
            double[] s = new double[p.Length], y = new double[p.Length];
            for (var k = 0; k < p.Length; k++) (s[k], y[k]) = (next[k] - p[k], nextG[k] - g[k]);
            var curvature = Dot(s, y);
            if (curvature > 1e-12 * Math.Sqrt(Dot(s, s) * Dot(y, y)))
            {
                if (steps.Count == Memory) steps.RemoveAt(0);
                steps.Add((s, y, 1.0 / curvature));
            }
            (p, next) = (next, p);
            (g, nextG) = (nextG, g);
            loss = after;
            told?.Invoke(i + 1, loss);
        }
        return p;

        double Value(double[] at, double[] gradient)
        {
            Array.Clear(gradient);
            var sum = task.Gradient(at, samples, gradient, scratch) / samples.Length;
            for (var k = 0; k < gradient.Length; k++) gradient[k] /= samples.Length;
            return sum;
        }
    }

    private static void Direction(double[] g, List<(double[] S, double[] Y, double Scale)> steps, double[] d)
    {
        for (var k = 0; k < g.Length; k++) d[k] = -g[k];
        var alpha = new double[steps.Count];
        for (var i = steps.Count - 1; i >= 0; i--)
        {
            alpha[i] = steps[i].Scale * Dot(steps[i].S, d);
            for (var k = 0; k < d.Length; k++) d[k] -= alpha[i] * steps[i].Y[k];
        }
        if (steps.Count > 0)
        {
            var (s, y, _) = steps[^1];
            var scale = Dot(s, y) / Dot(y, y);
            for (var k = 0; k < d.Length; k++) d[k] *= scale;
        }
        for (var i = 0; i < steps.Count; i++)
        {
            var beta = steps[i].Scale * Dot(steps[i].Y, d);
            for (var k = 0; k < d.Length; k++) d[k] += (alpha[i] - beta) * steps[i].S[k];
        }
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
