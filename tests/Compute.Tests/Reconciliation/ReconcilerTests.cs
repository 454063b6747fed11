using System.Collections.Immutable;
using Athanor.Compute.Fitting;
using Athanor.Compute.Numerics;
using Athanor.Compute.Reconciliation;
using Xunit.Abstractions;

namespace Compute.Tests.Reconciliation;

public sealed class ReconcilerTests(ITestOutputHelper output)
{
    // The heat exchanger with bypass of Narasimhan and Jordache (2000), chapter 1: streams 1 to 6.
    private static readonly double[] Bypass = [101.91, 64.45, 34.65, 64.20, 36.44, 98.88];

    [Fact]
    public void The_exchanger_with_bypass_is_reconciled_as_in_the_book()
    {
        var result = Reconciler.Solve(Exchanger(Bypass));
        double[] book = [100.22, 64.50, 35.72, 64.50, 35.72, 100.22];
        for (var i = 0; i < 6; i++) Assert.Equal(book[i], result.Variables[i].Value, 0.005);
        Assert.Equal(4, result.Redundancy);
        Assert.True(result.Consistent);
        Assert.Empty(result.Errors);
        Assert.All(result.Variables, v => Assert.Equal(VariableClass.Redundant, v.Class));
        // The mean of n flows that must be equal has 1/n of the variance, and more is known of each: hence less than that.
        Assert.All(result.Variables, v => Assert.InRange(v.Deviation, 0.3, Math.Sqrt(0.5)));
    }

    [Fact]
    public void Unmeasured_flows_follow_from_the_others_or_are_named_as_unknown()
    {
        // Streams 1 and 2 measured alone, as one case of the book: the rest is fixed but nothing is checked.
        var two = Reconciler.Solve(Exchanger([101.91, 64.45, null, null, null, null]));
        Assert.Equal((0, true), (two.Redundancy, two.Consistent));
        Assert.Equal([101.91, 64.45, 37.46, 64.45, 37.46, 101.91], two.Variables.Select(v => Math.Round(v.Value, 9)));
        Assert.Equal([VariableClass.NonRedundant, VariableClass.NonRedundant, .. Enumerable.Repeat(VariableClass.Observable, 4)],
            two.Variables.Select(v => v.Class));
        Assert.Equal(Math.Sqrt(2.0), two["F3"].Deviation, 1e-9);
        // Streams 1 and 6 check each other, and say nothing of how the stream is split.
        var ends = Reconciler.Solve(Exchanger([101.91, null, null, null, null, 98.88]), 0.99);
        Assert.Equal(1, ends.Redundancy);
        Assert.Equal(0.5 * (101.91 + 98.88), ends["F1"].Value, 1e-9);
        Assert.Equal(["F2", "F3", "F4", "F5"], ends.Variables.Where(v => v.Class == VariableClass.Unobservable).Select(v => v.Name));
        Assert.All(ends.Variables.Where(v => v.Class == VariableClass.Unobservable), v => Assert.True(double.IsNaN(v.Value)));
    }

    [Fact]
    public void A_meter_that_reads_too_much_is_found_and_its_bias_estimated()
    {
        // Stream 2 reads 4 too much: global test 16.674 against 9.488 in the book's chapter 7.
        var result = Reconciler.Solve(Exchanger([101.91, 68.45, 34.65, 64.20, 36.44, 98.88]));
        output.WriteLine($"global {result.Global:F4} of {result.GlobalLimit:F4}; {string.Join("; ", result.Variables.Select(v => $"{v.Name} {v.Test:F4}"))}");
        Assert.Equal(16.674, result.Global, 0.001);
        Assert.Equal(9.488, result.GlobalLimit, 0.001);
        var error = Assert.Single(result.Errors);
        Assert.Equal("F2", error.Name);
        Assert.InRange(error.Size, 4.0 - (2 * error.Deviation), 4.0 + (2 * error.Deviation));
        Assert.True(result["F2"].Rejected);
        Assert.True(result.GlobalAfter <= result.GlobalLimitAfter);
        // The test of maximum power points to the same measurement, and is the root of the likelihood ratio.
        Assert.Equal("F2", result.Variables.MaxBy(v => v.Test)!.Name);
        Assert.Equal(error.Statistic, Math.Pow(result["F2"].Test, 2), 1e-9);
        Assert.True(result["F2"].Test > result.TestLimit);
    }

    [Fact]
    public void The_gross_error_in_the_reactor_of_Ripps_is_found()
    {
        // Balances, variances and values of D. L. Ripps, Chem. Eng. Progr. Symp. Ser. 61(55), 8 (1965), where the second of four
        // measurements is too low by 0.25. The statistic is recomputed here from the formula; it is not quoted.
        double[][] a = [[0.1, 0.6, -0.2, -0.7], [0.8, 0.1, -0.2, -0.1], [0.1, 0.3, -0.6, -0.2]];
        double[] truth = [0.1739, 5.0435, 1.2175, 4.0], y = [0.1858, 4.7935, 1.2295, 3.8800], variance = [0.000289, 0.0025, 0.000576, 0.04];
        Assert.All(a, row => Assert.Equal(0.0, row.Zip(truth, (c, t) => c * t).Sum(), 1e-4));
        var problem = new BalanceProblem(
            [.. y.Select((v, i) => new BalanceVariable($"x{i + 1}", "-", v, Math.Sqrt(variance[i]), 0))],
            [.. a.Select((row, e) => new BalanceEquation($"balance {e + 1}", [.. row.Select((c, j) => new BalanceTerm(c, j))]))], []);
        var result = Reconciler.Solve(problem);
        output.WriteLine($"global {result.Global:F4} of {result.GlobalLimit:F4}; {string.Join(", ", result.Errors.Select(e => $"{e.Name} {e.Size:F4} ± {e.Deviation:F4}"))}");
        Assert.Equal(Global(a, y, variance), result.Global, 1e-6);
        Assert.True(result.Global > result.GlobalLimit);
        var error = Assert.Single(result.Errors);
        Assert.Equal("x2", error.Name);
        Assert.InRange(error.Size, -0.25 - error.Deviation, -0.25 + error.Deviation);
        for (var i = 0; i < 4; i++) Assert.InRange(result.Variables[i].Value, truth[i] - (2 * result.Variables[i].Deviation), truth[i]
            + (2 * result.Variables[i].Deviation));
    }

    /// <summary>yᵀ Aᵀ (A V Aᵀ)⁻¹ A y for three balances, by Cramer's rule.</summary>
    private static double Global(double[][] a, double[] y, double[] variance)
    {
        var r = a.Select(row => row.Zip(y, (c, v) => c * v).Sum()).ToArray();
        var s = a.Select(row => a.Select(other => Enumerable.Range(0, 4).Sum(j => row[j] * variance[j] * other[j])).ToArray()).ToArray();
        var whole = Determinant(s);
        return Enumerable.Range(0, 3)
            .Sum(k => r[k] * Determinant([.. s.Select((row, i) => row.Select((v, j) => j == k ? r[i] : v).ToArray())]) / whole);

        static double Determinant(double[][] m) =>
            (m[0][0] * ((m[1][1] * m[2][2]) - (m[1][2] * m[2][1]))) - (m[0][1] * ((m[1][0] * m[2][2]) - (m[1][2] * m[2][0])))
            + (m[0][2] * ((m[1][0] * m[2][1]) - (m[1][1] * m[2][0])));
    }

    [Fact]
    public void A_leak_is_told_from_a_bias_where_the_balances_can_tell()
    {
        var leaking = Exchanger([100.0, 64.0, 36.0, 56.0, 36.0, 92.0], 0.2, leaks: true);
        var error = Assert.Single(Reconciler.Solve(leaking).Errors);
        Assert.Equal("leak of exchanger", error.Name);
        Assert.Equal(8.0, error.Size, 3 * error.Deviation);
        // A single measured stream through one unit: a leak and both biases look alike.
        var pipe = new BalanceProblem(
            [new("in", "kg/s", 10.0, 0.1, 0), new("out", "kg/s", 9.0, 0.1, 0)], [new("pipe", [new(1, 0), new(-1, 1)])],
            [new BalanceLeak("leak of pipe", "kg/s", [(0, -1.0)])]);
        var unclear = Assert.Single(Reconciler.Solve(pipe).Errors);
        Assert.Equal(new SortedSet<string>(["in", "out", "leak of pipe"]), new SortedSet<string>([unclear.Name, .. unclear.Alike]));
    }

    [Fact]
    public void Two_biases_are_found_one_after_another_and_estimated_together()
    {
        var result = Reconciler.Solve(Exchanger([100.0, 64.0, 42.0, 64.0, 36.0, 110.0], 0.5));
        Assert.Equal(["F6", "F3"], result.Errors.Select(e => e.Name));
        Assert.Equal(10.0, result.Errors[0].Size, 1.0);
        Assert.Equal(6.0, result.Errors[1].Size, 1.0);
        Assert.Equal(2, result.RedundancyAfter);
    }

    [Fact]
    public void Tests_keep_their_level_on_measurements_without_gross_errors()
    {
        var random = new Philox(17);
        double[] truth = [100, 64, 36, 64, 36, 100];
        const int runs = 4_000;
        var (global, measured, nodal, sum) = (0, 0, 0, 0.0);
        for (var run = 0; run < runs; run++)
        {
            var result = Reconciler.Solve(Exchanger([.. truth.Select(t => (double?)(t + random.NextNormal()))]));
            sum += result.Global;
            if (!result.Consistent) global++;
            if (result.Variables.Any(v => v.Test > result.TestLimit)) measured++;
            if (result.Nodes.Any(n => n.Test > result.NodalLimit)) nodal++;
        }
        output.WriteLine($"seed 17, {runs} runs at 5 %: global {global / (double)runs:P1}, measurement {measured / (double)runs:P1}, nodal {nodal / (double)runs:P1}");
        Assert.Equal(4.0, sum / runs, 0.15);
        Assert.InRange(global / (double)runs, 0.035, 0.065);
        // Šidák's limits are exact for independent tests and safe for dependent ones.
        Assert.InRange(measured / (double)runs, 0.015, 0.06);
        Assert.InRange(nodal / (double)runs, 0.03, 0.06);
    }

    [Fact]
    public void Reconciled_deviations_are_the_spread_of_reconciled_values()
    {
        var random = new Philox(5);
        double[] truth = [100, 64, 36, 64, 36, 100];
        var values = new List<double>();
        Reconciled? last = null;
        for (var run = 0; run < 2_000; run++)
        {
            last = Reconciler.Solve(Exchanger([.. truth.Select((t, i) => i is 1 or 4 ? null : (double?)(t + random.NextNormal()))]),
                0.999999);
            values.Add(last["F2"].Value);
        }
        var mean = values.Average();
        Assert.Equal(64.0, mean, 0.1);
        Assert.Equal(last!["F2"].Deviation, Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)), 0.03);
    }

    [Fact]
    public void Balances_that_repeat_each_other_change_nothing_and_contradictions_are_named()
    {
        var problem = Exchanger(Bypass);
        var whole = new BalanceEquation("whole plant", [new(1, 0), new(-1, 5)]);
        var twice = Reconciler.Solve(problem with { Equations = problem.Equations.Add(whole) });
        Assert.Equal(4, twice.Redundancy);
        Assert.Equal(64.50, twice["F2"].Value, 0.005);
        Assert.Contains("nothing is measured", Refused(Exchanger([null, null, null, null, null, null])));
        Assert.Contains("standard deviation of F1 is 0", Refused(Exchanger(Bypass, 0.0)));
        Assert.Contains("F2 was measured as NaN", Refused(Exchanger([1, double.NaN, 1, 1, 1, 1])));

        static string Refused(BalanceProblem wrong) => Assert.Throws<ReconciliationException>(() => Reconciler.Solve(wrong)).Message;
    }

    [Theory]
    [InlineData(0.95, 1, 3.841459)]
    [InlineData(0.95, 3, 7.814728)]
    [InlineData(0.95, 4, 9.487729)]
    [InlineData(0.99, 10, 23.209251)]
    [InlineData(0.5, 100, 99.334129)]
    public void Quantiles_of_chi_squared_are_those_of_the_tables(double p, int freedom, double expected)
    {
        Assert.Equal(expected, ChiSquared.Quantile(p, freedom), 1e-6 * expected);
        Assert.Equal(1.0 - p, ChiSquared.Above(expected, freedom), 1e-6);
    }

    private static BalanceProblem Exchanger(double[] y, double deviation = 1.0, bool leaks = false) =>
        Exchanger([.. y.Select(v => (double?)v)], deviation, leaks);

    private static BalanceProblem Exchanger(double?[] y, double deviation = 1.0, bool leaks = false) => new(
        [.. y.Select((v, i) => new BalanceVariable($"F{i + 1}", "kg/s", v, deviation, 50.0))],
        [
            new("splitter", [new(1, 0), new(-1, 1), new(-1, 2)]), new("exchanger", [new(1, 1), new(-1, 3)]),
            new("valve", [new(1, 2), new(-1, 4)]), new("mixer", [new(1, 3), new(1, 4), new(-1, 5)]),
        ],
        leaks ? [new("leak of exchanger", "kg/s", [(1, -1.0)]), new("leak of valve", "kg/s", [(2, -1.0)])] : []);
}
