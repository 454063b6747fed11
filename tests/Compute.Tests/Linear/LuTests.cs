using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Linear;

public sealed class LuTests
{
    [Fact]
    public void Dense_factors_of_one_to_forty_rows_solve_to_rounding()
    {
        var random = new Philox(7);
        foreach (var n in Enumerable.Range(1, 20).Append(33).Append(40))
        {
            var matrix = Enumerable.Range(0, n * n).Select(_ => random.NextDouble(-1, 1)).ToArray();
            var x = Enumerable.Range(0, n).Select(i => 1.0 + i).ToArray();
            var b = Product(matrix, x);
            Assert.True(SolveDense(matrix, n, b));
            for (var i = 0; i < n; i++) Assert.True(Math.Abs(b[i] - x[i]) < 1e-10 * n, $"n = {n}: x[{i}] = {b[i]:R}");
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(9)]
    [InlineData(20)]
    public void Rows_whose_pivots_are_zero_are_exchanged_and_singular_matrices_refused(int n)
    {
        // A cyclic shift has zeros on its whole diagonal.
        var shift = new double[n * n];
        for (var i = 0; i < n; i++) shift[(i * n) + ((i + 1) % n)] = 1.0;
        var b = Enumerable.Range(0, n).Select(i => (double)i).ToArray();
        Assert.True(SolveDense(shift, n, b));
        for (var i = 0; i < n; i++) Assert.Equal((i + n - 1) % n, b[i]);
        var singular = Enumerable.Range(0, n * n).Select(k => 1.0 + (k % n)).ToArray();
        Assert.False(SolveDense(singular, n, b));
        shift[0] = double.NaN;
        Assert.False(SolveDense(shift, n, new double[n]));
    }

    [Fact]
    public void Band_and_sparse_factors_give_what_dense_ones_give()
    {
        var random = new Philox(11);
        foreach (var (n, lower, upper) in new[] { (30, 1, 1), (50, 2, 3), (41, 5, 0), (60, 9, 12) })
            Compare(SparsePattern.Banded(n, lower, upper), random, pattern => new BandLu(pattern));
        foreach (var n in new[] { 5, 40, 90 })
        {
            var entries = Enumerable.Range(0, 3 * n).Select(_ => ((int)random.NextDouble(0, n), (int)random.NextDouble(0, n)))
                .Concat(Enumerable.Range(0, n).Select(i => (i, (i + 1) % n)));
            Compare(SparsePattern.From(n, entries), random, pattern => new SparseLu(pattern));
        }
    }

    [Fact]
    public void Sparse_factors_keep_their_pivots_while_they_are_good_and_choose_again_when_not()
    {
        var pattern = SparsePattern.From(3, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (1, 2)]);
        var lu = new SparseLu(pattern);
        // Values by rows: (0,0) (0,1) (1,0) (1,1) (1,2) (2,2); factored is c M - J with c = 0.
        Assert.True(lu.Factor([-4, -1, -1, -3, -2, -5], 0.0, []));
        Assert.True(lu.Factor([-5, -1, -1, -4, -2, -5], 0.0, []));
        Assert.Equal(1, lu.Analyses);
        Assert.True(lu.Factor([-1e-9, -1, -1, -3, -2, -5], 0.0, []));
        Assert.Equal(2, lu.Analyses);
        // 1e-9 x + y = 2, x + 3 y + 2 z = 9, 5 z = 5.
        double[] b = [2, 9, 5];
        lu.Solve(b);
        Assert.Equal(1.0, b[0], 1e-8);
        Assert.Equal(2.0, b[1], 1e-8);
        Assert.Equal(1.0, b[2], 1e-15);
        Assert.False(lu.Factor([-1, -1, -1, -1, -2, -5], 0.0, []));
    }

    [Fact]
    public void Little_fills_in_in_an_arrow_whose_tip_comes_first()
    {
        const int N = 200;
        var arrow = SparsePattern.From(N, Enumerable.Range(0, N).SelectMany(i => new[] { (i, i), (0, i), (i, 0) }));
        // Eliminated in the given order the whole matrix fills in.
        Assert.Equal(N * N, MinimumDegree.Fill(arrow, [.. Enumerable.Range(0, N)]));
        Assert.Equal((3 * N) - 2, MinimumDegree.Fill(arrow, MinimumDegree.Order(arrow)));
    }

    [Fact]
    public void Patterns_that_make_no_sense_are_refused()
    {
        Assert.Contains("(3, 0)", Assert.Throws<ArgumentException>(() => SparsePattern.From(3, [(3, 0)])).Message, StringComparison.Ordinal);
        Assert.Contains(
            "columns of row 0", Assert.Throws<ArgumentException>(() => new SparsePattern(2, [0, 2, 2], [1, 0])).Message, StringComparison.Ordinal);
    }

    private static void Compare(SparsePattern pattern, Philox random, Func<SparsePattern, ISparseFactors> make)
    {
        var n = pattern.Size;
        var factors = make(pattern);
        for (var round = 0; round < 3; round++)
        {
            var jacobian = Enumerable.Range(0, pattern.Count).Select(_ => random.NextDouble(-1, 1)).ToArray();
            var mass = Enumerable.Range(0, n).Select(_ => random.NextDouble(0.5, 2)).ToArray();
            var c = random.NextDouble(0.5, 3);
            var full = new double[n * n];
            for (var i = 0; i < n; i++) full[(i * n) + i] = c * mass[i];
            foreach (var (row, column) in pattern.Entries()) full[(row * n) + column] -= jacobian[pattern.IndexOf(row, column)];
            double[] b = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble(-1, 1))], dense = [.. b];
            Assert.True(factors.Factor(jacobian, c, mass));
            factors.Solve(b);
            var residual = Product(full, b);
            var size = b.Max(Math.Abs);
            for (var i = 0; i < n; i++)
                Assert.True(Math.Abs(residual[i] - dense[i]) < 1e-11 * (1 + size), $"{factors.Description}: row {i} is off by {residual[i] - dense[i]:E2}");
        }
    }

    private static bool SolveDense(double[] matrix, int n, double[] b)
    {
        var stride = DenseLu.Stride(n);
        var factors = new double[DenseLu.Storage(n)];
        for (var i = 0; i < n; i++) matrix.AsSpan(i * n, n).CopyTo(factors.AsSpan(i * stride));
        var order = new int[n];
        if (!DenseLu.Factor(factors, order, n)) return false;
        DenseLu.Solve(factors, order, b, n);
        return b.All(double.IsFinite);
    }

    private static double[] Product(double[] matrix, double[] x)
    {
        var n = x.Length;
        return [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Sum(j => matrix[(i * n) + j] * x[j]))];
    }
}
