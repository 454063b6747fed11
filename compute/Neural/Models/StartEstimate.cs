using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>The start of a free run where a state cannot be read off: fitted to the first rows by Gauss and Newton, with a weak pull to the
/// states' means that decides what the rows leave open.</summary>
internal static class StartEstimate
{
    private const double Pull = 0.02, Difference = 1e-3;

    public static double[] Of<T>(NeuralModel<T> model, ReadOnlySpan<T> parameters, ProcessRecord record, int rows, int substeps, FixedStepMethod method)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var states = model.Specification.States;
        var observed = Enumerable.Range(0, states.Length).Where(i => states[i].Observed).ToArray();
        var free = Enumerable.Range(0, states.Length).Where(i => states[i].Start == StateStart.Learned).ToArray();
        var start = new double[states.Length];
        for (var i = 0; i < start.Length; i++)
        {
            var column = Array.IndexOf(observed, i);
            start[i] = states[i].Start == StateStart.Given ? states[i].StartValue : column >= 0 ? record.Outputs[column] : states[i].Offset;
        }
        if (free.Length == 0) return start;
        var p = parameters.ToArray();
        var first = record.Slice(0, Math.Min(rows, record.Rows));
        // From several sides: what is not seen may have more than one value that nearly fits.
        var hidden = free.Where(i => !states[i].Observed).ToArray();
        var trials = hidden.Length switch { 0 => 1, 1 => 3, 2 => 9, _ => 1 };
        var found = start;
        var least = double.PositiveInfinity;
        for (var trial = 0; trial < trials; trial++)
        {
            var from = start.ToArray();
            for (var (i, rest) = (0, trial); i < hidden.Length; i++, rest /= 3)
                from[hidden[i]] += (rest % 3) switch { 1 => 1.5, 2 => -1.5, _ => 0.0 } * states[hidden[i]].Scale;
            var reached = Descend(from);
            var error = Square(Residuals(reached));
            if (error < least) (found, least) = (reached, error);
        }
        return found;

        double[] Descend(double[] from)
        {
            var (best, residual) = (from, Residuals(from));
            var damping = 1e-3;
            for (var round = 0; round < 40; round++)
            {
                var columns = free.Select(i =>
                {
                    var moved = best.ToArray();
                    moved[i] += Difference * states[i].Scale;
                    var after = Residuals(moved);
                    return after.Select((value, k) => (value - residual[k]) / Difference).ToArray();
                }).ToArray();
                var improved = false;
                for (var attempt = 0; attempt < 8 && !improved; attempt++)
                {
                    var step = Solve(columns, residual, damping);
                    var moved = best.ToArray();
                    for (var i = 0; i < free.Length; i++) moved[free[i]] -= step[i] * states[free[i]].Scale;
                    var after = Residuals(moved);
                    improved = Square(after) < Square(residual);
                    damping *= improved ? 0.3 : 5.0;
                    if (!improved) continue;
                    var gained = 1.0 - (Square(after) / Square(residual));
                    (best, residual) = (moved, after);
                    if (gained < 1e-9) return best;
                }
                if (!improved) break;
            }
            return best;
        }

        double[] Residuals(double[] x)
        {
            var prediction = model.Predict(p, x, first, substeps, method);
            var result = new double[(first.Rows * observed.Length) + free.Length];
            for (var k = 0; k < first.Rows; k++)
            {
                for (var o = 0; o < observed.Length; o++)
                {
                    var error = (prediction[k, observed[o]] - first.Outputs[(k * observed.Length) + o]) / states[observed[o]].Scale;
                    result[(k * observed.Length) + o] = double.IsFinite(error) ? error : 1e6;
                }
            }
            for (var i = 0; i < free.Length; i++)
                result[(first.Rows * observed.Length) + i] = Pull * (x[free[i]] - states[free[i]].Offset) / states[free[i]].Scale;
            return result;
        }
    }

    private static double Square(double[] values) => values.Sum(v => v * v);

    private static double[] Solve(double[][] columns, double[] residual, double damping)
    {
        var n = columns.Length;
        var a = new double[n, n + 1];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) a[i, j] = Dot(columns[i], columns[j]);
            a[i, n] = Dot(columns[i], residual);
            a[i, i] *= 1.0 + damping;
            a[i, i] += 1e-12;
        }
        for (var i = 0; i < n; i++)
        {
            for (var r = i + 1; r < n; r++)
            {
                var factor = a[r, i] / a[i, i];
                for (var c = i; c <= n; c++) a[r, c] -= factor * a[i, c];
            }
        }
        var x = new double[n];
        for (var i = n - 1; i >= 0; i--)
        {
            x[i] = a[i, n];
            for (var j = i + 1; j < n; j++) x[i] -= a[i, j] * x[j];
            x[i] /= a[i, i];
        }
        return x;
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
