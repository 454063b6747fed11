using Athanor.Compute.Estimation;

namespace Athanor.Compute.Twins;

/// <summary>The estimate after a row.</summary>
/// <param name="Row">Rows seen so far; 0 before the first, when the arrays are empty.</param>
/// <param name="TimeS">Time of the last row, s.</param>
/// <param name="Power">Heater power that acts since, %.</param>
/// <param name="State">Shape (n).</param>
/// <param name="Covariance">Shape (n, n), row-major.</param>
/// <param name="Nis">Forgetting mean of the normalised innovation squared.</param>
public sealed record HeaterEstimate(long Row, double TimeS, double Power, double[] State, double[] Covariance, double Nis)
{
    /// <summary>Before the first row.</summary>
    public static HeaterEstimate None { get; } = new(0, 0, 0, [], [], 1.0);

    public double StandardDeviation(int state) => Math.Sqrt(Covariance[(state * State.Length) + state]);
}

/// <summary>Filters rows of a heater, and runs its model free. A twin, its trainer and its score all call these, so that a twin's numbers are
/// the score's numbers bit for bit, however its rows were cut into batches.</summary>
public static class HeaterFilter
{
    /// <summary>Filters rows from an estimate on.</summary>
    /// <param name="maxGap">A longer step, s, starts the filter anew at its row.</param>
    /// <param name="nisWindow">Rows of the forgetting mean.</param>
    /// <param name="predicted">Receives the prediction of each reading before it was seen, shape (rows).</param>
    /// <param name="variance">Receives the variance of each innovation, shape (rows).</param>
    /// <exception cref="ArithmeticException">The filter diverged: a state is no longer a finite number. Names the row.</exception>
    public static HeaterEstimate Run(
        in HeaterModel model, HeaterEstimate from, ReadOnlySpan<double> times, ReadOnlySpan<double> power, ReadOnlySpan<double> measured,
        double maxGap, int nisWindow, Span<double> predicted, Span<double> variance)
    {
        ArgumentNullException.ThrowIfNull(from);
        var n = model.States;
        if (from.Row > 0 && (from.State.Length != n || from.Covariance.Length != n * n))
            throw new ArgumentException($"the estimate has {from.State.Length} states, the model {n}", nameof(from));
        var x = from.Row > 0 ? (double[])from.State.Clone() : new double[n];
        var p = from.Row > 0 ? (double[])from.Covariance.Clone() : new double[n * n];
        var (row, time, acting, nis) = (from.Row, from.TimeS, from.Power, from.Nis);
        Span<double> input = stackalloc double[1];
        for (var k = 0; k < times.Length; k++)
        {
            var dt = times[k] - time;
            if (row == 0 || dt > maxGap)
            {
                model.Start(measured[k], x, p);
                predicted[k] = measured[k];
                variance[k] = p[n + 1] + (model.Parameters.MeasurementNoise * model.Parameters.MeasurementNoise);
            }
            else
            {
                input[0] = acting;
                ExtendedKalmanFilter.Predict(model, x, p, input, dt);
                var innovation = ExtendedKalmanFilter.Update(model, x, p, measured[k]);
                predicted[k] = innovation.Predicted;
                variance[k] = innovation.Variance;
                nis += (innovation.Nis - nis) / nisWindow;
            }
            row++;
            (time, acting) = (times[k], power[k]);
            if (!AllFinite(x)) throw new ArithmeticException($"the filter diverged at row {row}: {string.Join(", ", x)}");
        }
        return new HeaterEstimate(row, time, acting, x, p, nis);
    }

    /// <summary>Runs the model free from an estimate: no reading is used.</summary>
    /// <param name="times">Times of the rows to predict, after the estimate's; shape (rows).</param>
    /// <param name="power">Power at those rows (the last acts no more); shape (rows).</param>
    /// <returns>The expected readings, shape (rows).</returns>
    public static double[] FreeRun(in HeaterModel model, HeaterEstimate from, ReadOnlySpan<double> times, ReadOnlySpan<double> power)
    {
        ArgumentNullException.ThrowIfNull(from);
        var x = (double[])from.State.Clone();
        var run = new double[times.Length];
        var (time, acting) = (from.TimeS, from.Power);
        for (var k = 0; k < run.Length; k++)
        {
            model.Step(x, acting, times[k] - time);
            run[k] = x[HeaterModel.Ts];
            (time, acting) = (times[k], power[k]);
        }
        return run;
    }

    /// <summary>As <see cref="FreeRun"/> with the standard deviation of each reading by the filter's own prediction step.</summary>
    public static (double[] Mean, double[] Deviation) FreeRunWithBand(
        in HeaterModel model, HeaterEstimate from, ReadOnlySpan<double> times, ReadOnlySpan<double> power)
    {
        ArgumentNullException.ThrowIfNull(from);
        var x = (double[])from.State.Clone();
        var p = (double[])from.Covariance.Clone();
        var n = model.States;
        var (mean, deviation) = (new double[times.Length], new double[times.Length]);
        var (time, acting) = (from.TimeS, from.Power);
        Span<double> input = stackalloc double[1];
        for (var k = 0; k < mean.Length; k++)
        {
            input[0] = acting;
            ExtendedKalmanFilter.Predict(model, x, p, input, times[k] - time);
            mean[k] = x[HeaterModel.Ts];
            deviation[k] = Math.Sqrt(p[(HeaterModel.Ts * n) + HeaterModel.Ts]
                + (model.Parameters.MeasurementNoise * model.Parameters.MeasurementNoise));
            (time, acting) = (times[k], power[k]);
        }
        return (mean, deviation);
    }

    /// <summary>The estimates after every <paramref name="every"/>-th row, from the first row on.</summary>
    public static HeaterEstimate[] Estimates(in HeaterModel model, HeaterRecord record, int rows, int every, double maxGap = 30.0)
    {
        ArgumentNullException.ThrowIfNull(record);
        var estimates = new HeaterEstimate[rows / every];
        var estimate = HeaterEstimate.None;
        var (predicted, variance) = (new double[every], new double[every]);
        for (var i = 0; i < estimates.Length; i++)
        {
            var range = (i * every)..((i + 1) * every);
            estimate = Run(
                model, estimate, record.TimeS.AsSpan()[range], record.Power.AsSpan()[range], record.MeasuredC.AsSpan()[range], maxGap, 60,
                predicted, variance);
            estimates[i] = estimate;
        }
        return estimates;
    }

    /// <summary>The filter's gain at every row but the first (which starts it), shape (rows, n).</summary>
    internal static double[] Gains(in HeaterModel model, HeaterRecord record, int rows)
    {
        var n = model.States;
        var gains = new double[rows * n];
        Span<double> x = stackalloc double[n];
        Span<double> p = stackalloc double[n * n];
        Span<double> input = stackalloc double[1];
        model.Start(record.MeasuredC[0], x, p);
        for (var k = 1; k < rows; k++)
        {
            input[0] = record.Power[k - 1];
            ExtendedKalmanFilter.Predict(model, x, p, input, record.TimeS[k] - record.TimeS[k - 1]);
            ExtendedKalmanFilter.Update(model, x, p, record.MeasuredC[k], gains.AsSpan(k * n, n));
        }
        return gains;
    }

    private static bool AllFinite(ReadOnlySpan<double> x)
    {
        foreach (var v in x)
        {
            if (!double.IsFinite(v)) return false;
        }
        return true;
    }
}
