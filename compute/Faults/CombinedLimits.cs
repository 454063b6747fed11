namespace Athanor.Compute.Faults;

/// <summary>Limits of several statistics such that the rate of samples in which any of them is above its own is a wanted one.</summary>
public static class CombinedLimits
{
    /// <summary>Each statistic gets its own quantile at one common level; the level is the lowest that keeps the combined rate at or below
    /// the wanted one. So no assumption is made of distributions or of how the statistics go together.</summary>
    /// <param name="statistics">Shape (statistics, samples), of normal operation.</param>
    /// <param name="rate">Part of samples, above 0 and below 1.</param>
    /// <exception cref="ArgumentException">There are too few samples for the rate: below it not one alarm would be expected.</exception>
    public static double[] Set(double[][] statistics, double rate)
    {
        var samples = statistics[0].Length;
        if (!(rate > 0.0 && rate < 1.0))
            throw new ArgumentException($"a false-alarm rate of {rate} was wanted; above 0 and below 1 would be right");
        if (samples * rate < 1.0)
            throw new ArgumentException($"{samples} samples cannot set limits for a false-alarm rate of {rate}; at least {Math.Ceiling(1.0 / rate)} are needed");
        var sorted = statistics.Select(s => s.Order().ToArray()).ToArray();
        double low = 0.0, high = rate;
        for (var i = 0; i < 50; i++)
        {
            var middle = 0.5 * (low + high);
            if (Rate(statistics, Limits(sorted, middle)) <= rate) low = middle;
            else high = middle;
        }
        return Limits(sorted, low);
    }

    /// <summary>Part of samples in which any statistic is above its limit.</summary>
    public static double Rate(double[][] statistics, double[] limits)
    {
        var above = 0;
        for (var t = 0; t < statistics[0].Length; t++)
        {
            for (var c = 0; c < limits.Length; c++)
            {
                if (!(statistics[c][t] > limits[c])) continue;
                above++;
                break;
            }
        }
        return (double)above / statistics[0].Length;
    }

    /// <summary>The quantile at <paramref name="level"/> of ascending values, linear between them (type 7 of Hyndman and Fan).</summary>
    public static double Quantile(double[] ascending, double level)
    {
        var at = level * (ascending.Length - 1);
        var below = (int)Math.Clamp(Math.Floor(at), 0.0, ascending.Length - 1.0);
        var above = Math.Min(below + 1, ascending.Length - 1);
        return ascending[below] + ((at - below) * (ascending[above] - ascending[below]));
    }

    private static double[] Limits(double[][] sorted, double level) => [.. sorted.Select(s => Quantile(s, 1.0 - level))];
}
