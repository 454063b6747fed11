namespace Athanor.Compute.Uncertainty;

/// <summary>
/// Split conformal prediction: intervals whose coverage holds for any model and any law of the data, as long as calibration and new rows
/// are exchangeable. References: Papadopoulos, Proedrou, Vovk and Gammerman, "Inductive confidence machines for regression" (ECML 2002);
/// Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-free predictive inference for regression" (JASA 113, 2018),
/// algorithm 2, and section 5.2 for scores divided by a spread.
/// </summary>
public static class SplitConformal
{
    /// <summary>Which of n sorted calibration scores bounds a new one with probability at least 1 - alpha: ceil((n + 1)(1 - alpha)).</summary>
    /// <returns>From 1; n + 1 when n is too small for this alpha, so that only an infinite interval is safe.</returns>
    public static int Rank(int calibration, double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(calibration, 1);
        if (!(alpha is > 0.0 and < 1.0))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "a miscoverage between 0 and 1 would be right");
        // (n + 1)(1 - alpha) is often meant to be whole, as 300 · 0.9; its rounding must not raise the rank.
        return (int)Math.Ceiling((calibration + 1) * (1.0 - alpha) - 1e-9);
    }

    /// <summary>The <see cref="Rank"/>-th smallest score, or infinity.</summary>
    /// <param name="scores">Of the calibration rows, e.g. |y - prediction|; not negative, not NaN.</param>
    public static double Quantile(ReadOnlySpan<double> scores, double alpha)
    {
        var rank = Rank(scores.Length, alpha);
        foreach (var score in scores)
        {
            if (!(score >= 0.0)) throw new ArgumentException($"a score is {score}; 0 or more would be right", nameof(scores));
        }
        if (rank > scores.Length) return double.PositiveInfinity;
        var sorted = scores.ToArray();
        Array.Sort(sorted);
        return sorted[rank - 1];
    }

    /// <summary>
    /// The law of the number of covered rows among <paramref name="test"/> new ones, over the draw of both them and the n calibration rows,
    /// when scores are exchangeable and without ties: Beta-binomial with parameters (rank, n + 1 - rank), since the coverage that a
    /// calibration set brings is itself Beta(rank, n + 1 - rank). Vovk, "Conditional validity of inductive conformal predictors" (ACML 2012), proposition 2a; Angelopoulos
    /// and Bates, "Conformal prediction: a gentle introduction" (2023), section 3.2 and appendix C.
    /// </summary>
    public static BetaBinomial CoverageLaw(int calibration, double alpha, int test)
    {
        var rank = Rank(calibration, alpha);
        if (rank > calibration) throw new ArgumentException($"{calibration} calibration rows are too few for a miscoverage of {alpha}");
        return new BetaBinomial(test, rank, calibration + 1 - rank);
    }
}
