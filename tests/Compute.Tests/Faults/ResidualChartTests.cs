using Athanor.Compute.Faults;
using Athanor.Compute.Numerics;
using Xunit.Abstractions;

namespace Compute.Tests.Faults;

public sealed class ResidualChartTests(ITestOutputHelper output)
{
    private const int Runs = 20_000;
    private const ulong Seed = 20260;

    [Fact]
    public void The_two_sided_cusum_runs_465_samples_in_control_and_10_after_a_shift_by_one()
    {
        // 465 and 10.4: Montgomery, table 9.3; the standard error of 20,000 runs is 0.7 %.
        var inControl = MeanRun(0.0, Cusum);
        var shifted = MeanRun(1.0, Cusum);
        output.WriteLine($"seed {Seed}, {Runs} runs: {inControl:0.0} in control, {shifted:0.00} after a shift by one deviation");
        Assert.InRange(inControl, 0.97 * 465, 1.03 * 465);
        Assert.InRange(shifted, 0.97 * 10.4, 1.03 * 10.4);
    }

    [Fact]
    public void The_moving_average_runs_as_long_in_control_as_the_integral_equation_says()
    {
        // Lucas and Saccucci (1990), table of chart designs: 500 at λ = 0.1 and L = 2.814. The design λ = 0.1, L = 2.7 of some textbooks is
        // quoted as about 500 too; the integral equation says 369, and the simulation agrees.
        Assert.Equal(500.0, RunLength(0.1, 2.814), 2.0);
        var expected = RunLength(0.1, 2.7);
        var measured = MeanRun(0.0, Ewma);
        var shifted = MeanRun(1.0, Ewma);
        output.WriteLine($"seed {Seed}, {Runs} runs at L = 2.7: {measured:0.0} in control, {expected:0.0} by the integral equation; "
            + $"{shifted:0.00} after a shift by one deviation");
        Assert.InRange(measured, 0.97 * expected, 1.03 * expected);
        Assert.InRange(shifted, 9.0, 11.0);
    }

    /// <summary>The run length from 0 by L(u) = 1 + (1/λ) ∫ L(y) φ((y - (1 - λ) u) / λ) dy over the limits (Crowder, Technometrics 29:401,
    /// 1987), by the midpoint rule on 800 points.</summary>
    private static double RunLength(double lambda, double width)
    {
        const int n = 801;
        var limit = ResidualCharts.EwmaLimit(lambda, width);
        var h = 2.0 * limit / n;
        var y = Enumerable.Range(0, n).Select(i => -limit + ((i + 0.5) * h)).ToArray();
        var kernel = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var z = (y[j] - ((1.0 - lambda) * y[i])) / lambda;
                kernel[(i * n) + j] = h / lambda * Math.Exp(-0.5 * z * z) / Math.Sqrt(2.0 * Math.PI);
            }
        }
        // Most of the answer is the largest eigenvalue's, found by the ratio of late terms of the Neumann series.
        var (sum, term) = (new double[n], new double[n]);
        Array.Fill(term, 1.0);
        var middle = n / 2;
        var previous = 1.0;
        for (var round = 0; round < 60; round++)
        {
            for (var i = 0; i < n; i++) sum[i] += term[i];
            previous = term[middle];
            var next = new double[n];
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++) next[i] += kernel[(i * n) + j] * term[j];
            }
            term = next;
        }
        return sum[middle] + (term[middle] / (1.0 - (term[middle] / previous)));
    }

    [Fact]
    public void A_cusum_tells_how_large_a_shift_is_and_when_it_began()
    {
        var random = new Philox(7);
        var (shifts, lengths) = (0.0, 0.0);
        for (var run = 0; run < 200; run++)
        {
            var chart = new double[4];
            for (var t = 0; t < 140; t++) ResidualCharts.Cusum(chart, random.NextNormal() - (t < 100 ? 0.0 : 2.0), 0.5, 1e9);
            var (shift, samples) = ResidualCharts.CusumShift(chart, 0.5);
            (shifts, lengths) = (shifts + (shift / 200), lengths + (samples / 200));
        }
        Assert.Equal(-2.0, shifts, 0.1);
        Assert.Equal(40.0, lengths, 1.5);
    }

    [Fact]
    public void A_cusum_that_reached_its_ceiling_comes_back_in_bounded_time()
    {
        var chart = new double[4];
        for (var t = 0; t < 10_000; t++) ResidualCharts.Cusum(chart, 3.0, 0.5, 10.0);
        Assert.Equal(10.0, ResidualCharts.CusumStatistic(chart));
        for (var t = 0; t < 20; t++) ResidualCharts.Cusum(chart, 0.0, 0.5, 10.0);
        Assert.Equal(0.0, ResidualCharts.CusumStatistic(chart));
    }

    private static double MeanRun(double shift, Func<double[], double, bool> step)
    {
        var samples = 0L;
        for (var run = 0; run < Runs; run++)
        {
            var random = new Philox(Seed, (ulong)run);
            var memory = new double[4];
            do samples++;
            while (!step(memory, random.NextNormal() + shift));
        }
        return (double)samples / Runs;
    }

    private static bool Cusum(double[] memory, double residual)
    {
        ResidualCharts.Cusum(memory, residual, 0.5, double.PositiveInfinity);
        return ResidualCharts.CusumStatistic(memory) > 5.0;
    }

    private static bool Ewma(double[] memory, double residual)
    {
        memory[0] = ResidualCharts.Ewma(memory[0], residual, 0.1);
        return Math.Abs(memory[0]) > ResidualCharts.EwmaLimit(0.1, 2.7);
    }
}
