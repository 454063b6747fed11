using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>Free runs of a model along records, scored.</summary>
internal static class FreeRuns
{
    /// <summary><c>loss</c>: mean squared error in units of the states' scales; <c>nmse</c>, <c>nmse-last-half</c>: see
    /// <see cref="Nmse"/>; <c>rmse-NAME</c> in the state's unit; <c>negative-states</c>, <c>mass-violation</c>, <c>energy-violation</c>:
    /// see <see cref="Violations"/>.</summary>
    public static SortedDictionary<string, double> Score<T>(
        NeuralModel<T> model, ReadOnlySpan<T> parameters, IReadOnlyList<ProcessRecord> records, ShootingOptions options)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var states = model.Specification.States;
        var observed = Enumerable.Range(0, states.Length).Where(i => states[i].Observed).ToArray();
        var squares = new double[observed.Length];
        var (rows, nmse, last, violations) = (0, 0.0, 0.0, Violations.None);
        foreach (var record in records)
        {
            var start = model.StartOf(parameters, record, options.StartRows, options.PredictSubsteps, options.Method);
            var run = model.Predict(parameters, start, record, options.PredictSubsteps, options.Method);
            violations = violations.Plus(run.Violations);
            for (var k = 0; k < record.Rows; k++)
            {
                for (var o = 0; o < observed.Length; o++)
                {
                    var error = run[k, observed[o]] - record.Outputs[(k * observed.Length) + o];
                    squares[o] += error * error;
                }
            }
            rows += record.Rows;
            nmse += Nmse(Observed(run, observed), record.Outputs, observed.Length, 0, record.Rows);
            last += Nmse(Observed(run, observed), record.Outputs, observed.Length, record.Rows / 2, record.Rows);
        }
        var result = new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["loss"] = Enumerable.Range(0, observed.Length)
                .Average(o => squares[o] / rows / (states[observed[o]].Scale * states[observed[o]].Scale)),
            ["nmse"] = nmse / records.Count,
            ["nmse-last-half"] = last / records.Count,
            ["negative-states"] = violations.Negative,
        };
        for (var o = 0; o < observed.Length; o++) result["rmse-" + states[observed[o]].Name] = Math.Sqrt(squares[o] / rows);
        if (!double.IsNaN(violations.MassDrift)) result["mass-violation"] = violations.MassDrift;
        if (!double.IsNaN(violations.EnergyDrift)) result["energy-violation"] = violations.EnergyDrift;
        return result;
    }

    /// <summary>Normalised mean squared error over rows [first, end): (1/d) Σ_i mean_t (x_i - z_i)² / max(mean_t |z_i|, 0.01)², z the data.
    /// Shapes (rows, d).</summary>
    public static double Nmse(ReadOnlySpan<double> predicted, ReadOnlySpan<double> data, int d, int first, int end)
    {
        var sum = 0.0;
        for (var i = 0; i < d; i++)
        {
            double square = 0.0, size = 0.0;
            for (var k = first; k < end; k++)
            {
                var error = predicted[(k * d) + i] - data[(k * d) + i];
                square += error * error;
                size += Math.Abs(data[(k * d) + i]);
            }
            size = Math.Max(size / (end - first), 0.01);
            sum += square / (end - first) / (size * size);
        }
        return sum / d;
    }

    public static double[] Observed(Prediction run, int[] observed)
    {
        var rows = run.Values.Length / run.States;
        var result = new double[rows * observed.Length];
        for (var k = 0; k < rows; k++)
        {
            for (var o = 0; o < observed.Length; o++) result[(k * observed.Length) + o] = run[k, observed[o]];
        }
        return result;
    }
}
