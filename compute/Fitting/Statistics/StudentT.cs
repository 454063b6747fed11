using Athanor.Compute.Numerics;

namespace Athanor.Compute.Fitting;

/// <summary>Quantiles of Student's t distribution.</summary>
public static class StudentT
{
    /// <summary>The t with P(T ≤ t) = p under ν degrees of freedom, by bisection on the distribution function to 1e-12; ν above 1e7 is the
    /// normal distribution.</summary>
    public static double Quantile(double p, double freedom)
    {
        if (!(p is > 0.0 and < 1.0) || !(freedom > 0)) return double.NaN;
        if (freedom > 1e7) return NormalDistribution.Quantile(p);
        if (p < 0.5) return -Quantile(1.0 - p, freedom);
        double low = 0.0, high = 1.0;
        while (Above(high, freedom) > 1.0 - p) high *= 2.0;
        for (var i = 0; i < 200 && high - low > 1e-13 * high; i++)
        {
            var middle = 0.5 * (low + high);
            if (Above(middle, freedom) > 1.0 - p) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }

    /// <summary>P(T &gt; t), t ≥ 0: half the regularised incomplete beta function I_x(ν/2, ½) at x = ν/(ν + t²).</summary>
    private static double Above(double t, double freedom) => 0.5 * Beta(freedom / (freedom + (t * t)), 0.5 * freedom, 0.5);

    /// <summary>I_x(a, b) by Lentz's continued fraction (DLMF 8.17.22).</summary>
    private static double Beta(double x, double a, double b)
    {
        if (x <= 0.0) return 0.0;
        if (x >= 1.0) return 1.0;
        if (x > (a + 1.0) / (a + b + 2.0)) return 1.0 - Beta(1.0 - x, b, a);
        var front = DetMath.Exp(
            LogGamma(a + b) - LogGamma(a) - LogGamma(b) + (a * DetMath.Log(x)) + (b * DetMath.Log(1.0 - x))) / a;
        double c = 1.0, d = 1.0 / Safe(1.0 - ((a + b) * x / (a + 1.0))), sum = d;
        for (var m = 1; m < 500; m++)
        {
            var even = m * (b - m) * x / ((a + (2 * m) - 1.0) * (a + (2 * m)));
            d = 1.0 / Safe(1.0 + (even * d));
            c = Safe(1.0 + (even / c));
            sum *= c * d;
            var odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1.0));
            d = 1.0 / Safe(1.0 + (odd * d));
            c = Safe(1.0 + (odd / c));
            sum *= c * d;
            if (Math.Abs((c * d) - 1.0) < 1e-15) break;
        }
        return front * sum;
    }

    private static double Safe(double value) => Math.Abs(value) < 1e-300 ? 1e-300 : value;

    /// <summary>ln Γ(x), x &gt; 0, by Stirling's series above 10 and the recurrence below (DLMF 5.11.1).</summary>
    internal static double LogGamma(double x)
    {
        var shift = 0.0;
        for (; x < 10.0; x += 1.0) shift += DetMath.Log(x);
        var r = 1.0 / (x * x);
        var series = (1.0 / 12.0) - (r * ((1.0 / 360.0) - (r * ((1.0 / 1260.0) - (r * ((1.0 / 1680.0) - (r / 1188.0)))))));
        return ((x - 0.5) * DetMath.Log(x)) - x + 0.918938533204672741780 + (series / x) - shift;
    }
}
