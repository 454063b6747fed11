namespace Athanor.Compute.Trust;

/// <summary>
/// How often a peer's claims are audited once it is known: q = clamp(1 - ε/u, q_min, 1), where u is the 95 % upper bound of its failure
/// rate under Beta(1 + failed, 1 + passed). It bounds the expected accepted error (1 - q) u by ε for a peer that does not change.
/// </summary>
public static class AuditRate
{
    /// <summary>The 95 % quantile of Beta(1 + failed, 1 + passed).</summary>
    public static double UpperBound(int passed, int failed)
    {
        // P(Beta(f+1, s+1) ≤ x) = P(Binomial(s+f+1, x) ≥ f+1); bisection over x to the last bit that matters.
        var (low, high) = (0.0, 1.0);
        for (var i = 0; i < 60; i++)
        {
            var middle = 0.5 * (low + high);
            if (AtLeast(failed + 1, passed + failed + 1, middle) < 0.95) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }

    /// <param name="accepted">ε: the share of wrong results that may be accepted.</param>
    /// <param name="floor">q_min: never below.</param>
    public static double Rate(int passed, int failed, double accepted = 0.01, double floor = 0.05) =>
        Math.Clamp(1 - accepted / UpperBound(passed, failed), floor, 1);

    private static double AtLeast(int k, int n, double p)
    {
        if (p <= 0) return 0;
        if (p >= 1) return 1;
        var below = 0.0;
        var log = n * Math.Log(1 - p);
        for (var i = 0; i < k; i++)
        {
            below += Math.Exp(log);
            log += Math.Log((double)(n - i) / (i + 1)) + Math.Log(p) - Math.Log(1 - p);
        }
        return 1 - below;
    }
}
