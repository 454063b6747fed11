namespace Athanor.Compute.Uncertainty;

/// <summary>The number of successes in <paramref name="trials"/> draws whose common probability is itself Beta(a, b). The whole table
/// of probabilities is made at once, by the ratio of neighbours, so that no gamma function is needed.</summary>
public sealed class BetaBinomial
{
    private readonly double[] _probability;
    private readonly double[] _atMost;

    public BetaBinomial(int trials, double a, double b)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 0);
        if (!(a > 0.0) || !double.IsFinite(a)) throw new ArgumentOutOfRangeException(nameof(a), a, "a positive number would be right");
        if (!(b > 0.0) || !double.IsFinite(b)) throw new ArgumentOutOfRangeException(nameof(b), b, "a positive number would be right");
        Trials = trials;
        Mean = trials * a / (a + b);
        Variance = trials * a * b * (a + b + trials) / ((a + b) * (a + b) * (a + b + 1.0));

        // p(k + 1) / p(k) = (m - k)(a + k) / ((k + 1)(b + m - k - 1)), from the middle outwards, so that nothing overflows.
        _probability = new double[trials + 1];
        var middle = Math.Clamp((int)Mean, 0, trials);
        _probability[middle] = 1.0;
        for (var k = middle; k < trials; k++) _probability[k + 1] = _probability[k] * Ratio(k);
        for (var k = middle; k > 0; k--) _probability[k - 1] = _probability[k] / Ratio(k - 1);
        var total = _probability.Sum();
        _atMost = new double[trials + 1];
        var sum = 0.0;
        for (var k = 0; k <= trials; k++)
        {
            _probability[k] /= total;
            sum += _probability[k];
            _atMost[k] = Math.Min(sum, 1.0);
        }

        double Ratio(int k) => (trials - k) * (a + k) / ((k + 1) * (b + trials - k - 1));
    }

    public int Trials { get; }

    public double Mean { get; }

    public double Variance { get; }

    /// <summary>P(K = k).</summary>
    public double Probability(int k) => k < 0 || k > Trials ? 0.0 : _probability[k];

    /// <summary>P(K ≤ k).</summary>
    public double AtMost(int k) => k < 0 ? 0.0 : k >= Trials ? 1.0 : _atMost[k];

    /// <summary>The narrowest counts that leave at most half of 1 - <paramref name="level"/> on each side.</summary>
    public (int Low, int High) CentralInterval(double level)
    {
        var tail = 0.5 * (1.0 - level);
        var low = 0;
        while (low < Trials && AtMost(low) <= tail) low++;
        var high = Trials;
        while (high > low && 1.0 - AtMost(high - 1) <= tail) high--;
        return (low, high);
    }

    /// <summary>Twice the smaller tail that holds <paramref name="k"/>, at most 1.</summary>
    public double TwoSidedPValue(int k) => Math.Min(1.0, 2.0 * Math.Min(AtMost(k), 1.0 - AtMost(k - 1)));
}
