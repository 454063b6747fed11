namespace Athanor.Compute.Faults;

/// <summary>Control charts of one normalised residual r (mean 0 and variance 1 in control): single steps, without allocation.</summary>
public static class ResidualCharts
{
    /// <summary>Exponentially weighted moving average z ← z + λ (r - z); in control its variance tends to λ / (2 - λ).</summary>
    public static double Ewma(double z, double residual, double lambda) => z + (lambda * (residual - z));

    /// <summary>The limit of |z|, L asymptotic standard deviations (Lucas and Saccucci, Technometrics 32:1, 1990): with λ = 0.1 the
    /// in-control run length is 500 at L = 2.814. L = 2.7, often quoted for it, gives 369.</summary>
    public static double EwmaLimit(double lambda, double width) => width * Math.Sqrt(lambda / (2.0 - lambda));

    /// <summary>Two-sided tabular CUSUM (Page, Biometrika 41:100, 1954): C+ ← max(0, C+ + r - k), C- ← max(0, C- - r - k), and for each how
    /// many samples ago it was last 0. With k = 0.5 and h = 5 the in-control run length is 465, and 10.4 after a shift by 1.</summary>
    /// <param name="chart">Shape (4): C+, its samples since 0, C-, its samples since 0.</param>
    /// <param name="ceiling">Neither sum grows beyond it, so that after a long fault the chart comes back in reasonable time.</param>
    public static void Cusum(Span<double> chart, double residual, double slack, double ceiling)
    {
        Side(chart[..2], residual, slack, ceiling);
        Side(chart[2..4], -residual, slack, ceiling);
    }

    /// <summary>The statistic that is tested: the larger of both sums.</summary>
    public static double CusumStatistic(ReadOnlySpan<double> chart) => Math.Max(chart[0], chart[2]);

    /// <summary>The shift that the chart speaks of, in standard deviations, signed: k + C / N (Montgomery, Statistical Quality Control,
    /// 9.1.3), too small once a sum is at its ceiling.</summary>
    /// <returns>And how many samples ago it began.</returns>
    public static (double Shift, double Samples) CusumShift(ReadOnlySpan<double> chart, double slack)
    {
        var side = chart[0] >= chart[2] ? 0 : 2;
        if (!(chart[side + 1] > 0.0)) return (0.0, 0.0);
        var shift = slack + (chart[side] / chart[side + 1]);
        return (side == 0 ? shift : -shift, chart[side + 1]);
    }

    private static void Side(Span<double> side, double residual, double slack, double ceiling)
    {
        side[0] = Math.Min(Math.Max(0.0, side[0] + residual - slack), ceiling);
        side[1] = side[0] > 0.0 ? side[1] + 1.0 : 0.0;
    }
}
