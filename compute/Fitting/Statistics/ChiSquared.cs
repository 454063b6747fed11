using Athanor.Compute.Numerics;

namespace Athanor.Compute.Fitting;

/// <summary>The χ² distribution.</summary>
public static class ChiSquared
{
    /// <summary>P(X > x) under ν degrees of freedom: the regularised incomplete gamma function Q(ν/2, x/2), by its series below ν/2 + 1 and
    /// Lentz's continued fraction above (DLMF 8.7.1 and 8.9.2).</summary>
    public static double Above(double x, double freedom)
    {
        if (!(freedom > 0.0) || double.IsNaN(x)) return double.NaN;
        if (x <= 0.0) return 1.0;
        double a = 0.5 * freedom, z = 0.5 * x;
        var front = DetMath.Exp((a * DetMath.Log(z)) - z - StudentT.LogGamma(a));
        if (z < a + 1.0)
        {
            double term = 1.0 / a, sum = term;
            for (var n = 1; n < 10_000 && term > 1e-17 * sum; n++)
            {
                term *= z / (a + n);
                sum += term;
            }
            return Math.Max(0.0, 1.0 - (front * sum));
        }
        var b = z + 1.0 - a;
        double c = 1e300, d = 1.0 / b, fraction = d;
        for (var n = 1; n < 10_000; n++)
        {
            var k = -n * (n - a);
            b += 2.0;
            d = 1.0 / Safe((k * d) + b);
            c = Safe(b + (k / c));
            fraction *= c * d;
            if (Math.Abs((c * d) - 1.0) < 1e-15) break;
        }
        return front * fraction;
    }

    /// <summary>The x with P(X ≤ x) = p, by bisection.</summary>
    public static double Quantile(double p, double freedom)
    {
        if (!(p is > 0.0 and < 1.0) || !(freedom > 0.0)) return double.NaN;
        double low = 0.0, high = freedom;
        while (Above(high, freedom) > 1.0 - p) high *= 2.0;
        for (var i = 0; i < 200 && high - low > 1e-14 * high; i++)
        {
            var middle = 0.5 * (low + high);
            if (Above(middle, freedom) > 1.0 - p) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }

    private static double Safe(double value) => Math.Abs(value) < 1e-300 ? 1e-300 : value;
}
