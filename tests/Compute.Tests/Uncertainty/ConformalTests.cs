using Athanor.Compute.Numerics;
using Athanor.Compute.Uncertainty;

namespace Athanor.Compute.Tests.Uncertainty;

public sealed class ConformalTests
{
    [Theory]
    [InlineData(9, 0.1, 9)]
    [InlineData(8, 0.1, 9)]
    [InlineData(19, 0.1, 18)]
    [InlineData(299, 0.1, 270)]
    [InlineData(300, 0.1, 271)]
    [InlineData(99, 0.05, 95)]
    [InlineData(1, 0.5, 1)]
    public void The_rank_is_the_ceiling_of_n_plus_1_times_1_minus_alpha(int n, double alpha, int rank) =>
        Assert.Equal(rank, SplitConformal.Rank(n, alpha));

    [Fact]
    public void The_quantile_is_the_score_of_that_rank_and_infinite_when_there_are_too_few()
    {
        double[] scores = [5, 1, 4, 2, 3, 9, 8, 7, 6];
        Assert.Equal(9.0, SplitConformal.Quantile(scores, 0.1));
        Assert.Equal(5.0, SplitConformal.Quantile(scores, 0.5));
        Assert.Equal(double.PositiveInfinity, SplitConformal.Quantile(scores.AsSpan(0, 8), 0.1));
        Assert.Throws<ArgumentException>(() => SplitConformal.Quantile([1.0, double.NaN], 0.1));
    }

    [Fact]
    public void The_number_covered_follows_the_beta_binomial_law()
    {
        // Calibration and test scores are draws of one continuous law, so the simulated counts are draws of the exact law.
        const int calibration = 30, test = 12, draws = 200_000;
        const double alpha = 0.2;
        var law = SplitConformal.CoverageLaw(calibration, alpha, test);
        var random = new Philox(20261122);
        var counts = new int[test + 1];
        var scores = new double[calibration];
        for (var d = 0; d < draws; d++)
        {
            foreach (ref var s in scores.AsSpan()) s = random.NextDouble();
            var quantile = SplitConformal.Quantile(scores, alpha);
            var covered = 0;
            for (var i = 0; i < test; i++)
            {
                if (random.NextDouble() <= quantile) covered++;
            }
            counts[covered]++;
        }
        double chiSquared = 0.0, tail = 0.0;
        var cells = 0;
        var tailCount = 0;
        for (var k = test; k >= 0; k--)
        {
            // Cells of fewer than ten expected draws go into one.
            if (draws * law.Probability(k) < 10.0)
            {
                tail += draws * law.Probability(k);
                tailCount += counts[k];
                continue;
            }
            chiSquared += Math.Pow(counts[k] - draws * law.Probability(k), 2) / (draws * law.Probability(k));
            cells++;
        }
        if (tail > 0.0) chiSquared += Math.Pow(tailCount - tail, 2) / tail;
        // At most 12 degrees of freedom: 32.9 is the 0.999 quantile.
        Assert.InRange(chiSquared, 0.0, 32.9);
        Assert.InRange(cells, 9, 13);
    }

    [Fact]
    public void The_beta_binomial_has_its_textbook_values_and_moments()
    {
        // Beta(1, 1) mixes to the uniform law; Beta(2, 3) with 4 trials by hand: C(4,k) B(k+2, 7-k) / B(2, 3).
        var uniform = new BetaBinomial(10, 1, 1);
        for (var k = 0; k <= 10; k++) Assert.Equal(1.0 / 11.0, uniform.Probability(k), 1e-15);
        var small = new BetaBinomial(4, 2, 3);
        double[] expected = [15.0 / 70, 20.0 / 70, 18.0 / 70, 12.0 / 70, 5.0 / 70];
        for (var k = 0; k <= 4; k++) Assert.Equal(expected[k], small.Probability(k), 1e-15);

        var law = new BetaBinomial(302, 271, 30);
        var mean = Enumerable.Range(0, 303).Sum(k => k * law.Probability(k));
        var variance = Enumerable.Range(0, 303).Sum(k => (k - mean) * (k - mean) * law.Probability(k));
        Assert.Equal(law.Mean, mean, 1e-9);
        Assert.Equal(law.Variance, variance, 1e-7);
        var (low, high) = law.CentralInterval(0.95);
        Assert.True(law.AtMost(low - 1) <= 0.025 && law.AtMost(low) > 0.025);
        Assert.True(1 - law.AtMost(high) <= 0.025 && 1 - law.AtMost(high - 1) > 0.025);
        Assert.Equal(2 * law.AtMost(low - 1), law.TwoSidedPValue(low - 1), 1e-15);
    }

    [Fact]
    public void A_split_by_permutation_uses_each_row_once_and_the_seed_decides_it()
    {
        var split = RowSplit.ByPermutation(1503, 0.6, 0.2, 7);
        Assert.Equal((901, 300, 302), (split.Training.Length, split.Calibration.Length, split.Test.Length));
        Assert.Equal(Enumerable.Range(0, 1503), split.Training.Concat(split.Calibration).Concat(split.Test).Order());
        Assert.Equal(split.Test, RowSplit.ByPermutation(1503, 0.6, 0.2, 7).Test);
        Assert.NotEqual(split.Test, RowSplit.ByPermutation(1503, 0.6, 0.2, 8).Test);
    }

    [Fact]
    public void A_split_by_group_keeps_every_group_whole()
    {
        var random = new Philox(1);
        var group = new int[500];
        for (var i = 0; i < 500; i++) group[i] = i < 40 ? i : random.NextBelow(40);
        var split = RowSplit.ByGroup(group, 0.6, 0.2, 3);
        Assert.Equal(Enumerable.Range(0, 500), split.Training.Concat(split.Calibration).Concat(split.Test).Order());
        var parts = new[] { split.Training, split.Calibration, split.Test }.Select(p => p.Select(r => group[r]).ToHashSet()).ToArray();
        Assert.Equal([24, 8, 8], parts.Select(p => p.Count));
        Assert.Equal(40, parts.SelectMany(p => p).Distinct().Count());
    }

    [Fact]
    public void Rows_with_the_same_setting_are_one_group()
    {
        float[] x = [1, 10, 5, 2, 20, 6, 1, 10, 7, 1, 20, 8];
        Assert.Equal([0, 1, 0, 2], RowSplit.Groups(x, 3, [0, 1]));
    }

    [Fact]
    public void Standardisation_learns_from_the_rows_named_alone()
    {
        float[] x = [1, 100, 3, 300, 1000, -1000];
        var s = Standardization.Fit(x, 2, [0, 1], []);
        Assert.Equal([2.0, 200.0], s.Means);
        Assert.Equal([1.0, 100.0], s.Deviations);
        Assert.Equal([-1f, -1f, 1f, 1f, 998f, -12f], s.Apply(x, [0, 1, 2]));
        var thrown = Assert.Throws<ArgumentException>(() => Standardization.Fit(x, 2, [0, 1, 2], [new LogShift(1, 500)]));
        Assert.Contains("row 2, column 1", thrown.Message);
    }
}
