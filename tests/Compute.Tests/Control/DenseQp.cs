namespace Athanor.Compute.Tests.Control;

/// <summary>
/// The reference: states eliminated into a dense problem in the inputs and slacks, solved by Hildreth's dual coordinate ascent (Naval
/// Research Logistics Quarterly 4 (1957) 79) and polished by solving the equations of the active set. Nothing of it is shared with the
/// stage-wise solver.
/// </summary>
internal static class DenseQp
{
    /// <returns>Inputs (stages, m) and the number of active bounds.</returns>
    public static (double[] Inputs, int Active) Solve(RandomQp problem)
    {
        int n = problem.N, m = problem.M, stages = problem.Stages, inputs = stages * m, slacks = 2 * stages * problem.Soft, v = inputs + slacks;
        var h = new double[v, v];
        var g = new double[v];
        // x_k = S v + s, stage by stage.
        var s = new double[n, inputs];
        var at = (double[])problem.Start.Clone();
        List<(double[] Row, double Limit)> bounds = [];
        for (var k = 0; k < stages; k++)
        {
            var next = new double[n, inputs];
            var point = new double[n];
            for (var i = 0; i < n; i++)
            {
                point[i] = problem.Offset[k][i];
                for (var j = 0; j < n; j++)
                {
                    point[i] += problem.A[k][(i * n) + j] * at[j];
                    for (var c = 0; c < inputs; c++) next[i, c] += problem.A[k][(i * n) + j] * s[j, c];
                }
                for (var j = 0; j < m; j++) next[i, (k * m) + j] += problem.B[k][(i * m) + j];
            }
            (s, at) = (next, point);
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    var q = k == stages - 1 ? problem.Terminal[(i * n) + j] : i == j ? problem.Q[i] : 0.0;
                    for (var c = 0; c < inputs; c++)
                    {
                        g[c] += q * s[i, c] * at[j];
                        for (var d = 0; d < inputs; d++) h[c, d] += q * s[i, c] * s[j, d];
                    }
                }
            }
            for (var i = 0; i < m; i++)
            {
                var one = new double[v];
                one[(k * m) + i] = 1.0;
                h[(k * m) + i, (k * m) + i] += problem.R[i];
                Both(one, 0.0, problem.Bound);
                if (!problem.Rates) continue;
                var rate = (double[])one.Clone();
                if (k > 0) rate[((k - 1) * m) + i] = -1.0;
                Both(rate, k > 0 ? 0.0 : problem.Previous[i], problem.RateBound);
            }
            for (var i = 0; i < problem.Soft; i++)
            {
                for (var side = 0; side < 2; side++)
                {
                    var slack = inputs + (2 * ((k * problem.Soft) + i)) + side;
                    h[slack, slack] += RandomQp.Quadratic;
                    g[slack] += RandomQp.Linear;
                    var sign = side == 0 ? 1.0 : -1.0;
                    var row = new double[v];
                    for (var c = 0; c < inputs; c++) row[c] = sign * s[i, c];
                    row[slack] = -1.0;
                    bounds.Add((row, problem.SoftBound - (sign * at[i])));
                    var positive = new double[v];
                    positive[slack] = -1.0;
                    bounds.Add((positive, 0.0));
                }
            }
        }
        return Dual(h, g, bounds, inputs);

        void Both(double[] row, double centre, double limit)
        {
            bounds.Add((row, centre + limit));
            bounds.Add(([.. row.Select(static x => -x)], limit - centre));
        }
    }

    private static (double[] Inputs, int Active) Dual(double[,] h, double[] g, List<(double[] Row, double Limit)> bounds, int inputs)
    {
        int v = g.Length, count = bounds.Count;
        // P = C H^-1 C', d = limit + C H^-1 g; minimise ½ λ'Pλ + d'λ over λ ≥ 0.
        var solved = bounds.Select(b => Gauss(h, b.Row)).ToArray();
        var free = Gauss(h, g);
        var p = new double[count, count];
        var d = new double[count];
        for (var i = 0; i < count; i++)
        {
            d[i] = bounds[i].Limit + Dot(bounds[i].Row, free);
            for (var j = 0; j < count; j++) p[i, j] = Dot(bounds[i].Row, solved[j]);
        }
        var lambda = new double[count];
        for (var sweep = 0; sweep < 200000; sweep++)
        {
            var most = 0.0;
            for (var i = 0; i < count; i++)
            {
                var sum = d[i];
                for (var j = 0; j < count; j++) sum += p[i, j] * lambda[j];
                var next = Math.Max(0.0, lambda[i] - (sum / p[i, i]));
                most = Math.Max(most, Math.Abs(next - lambda[i]));
                lambda[i] = next;
            }
            if (most < 1e-13) break;
        }
        var x = new double[v];
        for (var i = 0; i < v; i++)
        {
            x[i] = -free[i];
            for (var j = 0; j < count; j++) x[i] -= solved[j][i] * lambda[j];
        }
        for (var j = 0; j < count; j++) Assert.True(Dot(bounds[j].Row, x) <= bounds[j].Limit + 1e-9, "the reference is not feasible");
        return (x[..inputs], lambda.Count(static l => l > 1e-6));
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, static (x, y) => x * y).Sum();

    private static double[] Gauss(double[,] matrix, double[] right)
    {
        var a = (double[,])matrix.Clone();
        var b = (double[])right.Clone();
        var n = b.Length;
        for (var c = 0; c < n; c++)
        {
            var best = c;
            for (var r = c + 1; r < n; r++) best = Math.Abs(a[r, c]) > Math.Abs(a[best, c]) ? r : best;
            for (var j = 0; j < n; j++) (a[c, j], a[best, j]) = (a[best, j], a[c, j]);
            (b[c], b[best]) = (b[best], b[c]);
            for (var r = c + 1; r < n; r++)
            {
                var factor = a[r, c] / a[c, c];
                for (var j = c; j < n; j++) a[r, j] -= factor * a[c, j];
                b[r] -= factor * b[c];
            }
        }
        for (var c = n - 1; c >= 0; c--)
        {
            for (var j = c + 1; j < n; j++) b[c] -= a[c, j] * b[j];
            b[c] /= a[c, c];
        }
        return b;
    }
}

/// <summary>The discrete algebraic Riccati equation by value iteration, in plain loops.</summary>
internal static class DiscreteRiccati
{
    public static (double[] Gain, double[] Cost) Solve(double[] a, double[] b, double[] q, double[] r, int n, int m)
    {
        var p = new double[n, n];
        for (var i = 0; i < n; i++) p[i, i] = q[i];
        var gain = new double[m, n];
        for (var round = 0; round < 5000; round++)
        {
            double[,] pa = new double[n, n], pb = new double[n, m], bpb = new double[m, m], bpa = new double[m, n], next = new double[n, n];
            for (var i = 0; i < n; i++)
            {
                for (var l = 0; l < n; l++)
                {
                    for (var j = 0; j < n; j++) pa[i, j] += p[i, l] * a[(l * n) + j];
                    for (var j = 0; j < m; j++) pb[i, j] += p[i, l] * b[(l * m) + j];
                }
            }
            for (var i = 0; i < m; i++)
            {
                bpb[i, i] = r[i];
                for (var l = 0; l < n; l++)
                {
                    for (var j = 0; j < m; j++) bpb[i, j] += b[(l * m) + i] * pb[l, j];
                    for (var j = 0; j < n; j++) bpa[i, j] += b[(l * m) + i] * pa[l, j];
                }
            }
            gain = Divide(bpb, bpa, m, n);
            var change = 0.0;
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    next[i, j] = i == j ? q[i] : 0.0;
                    for (var l = 0; l < n; l++) next[i, j] += a[(l * n) + i] * pa[l, j];
                    for (var l = 0; l < m; l++) next[i, j] -= bpa[l, i] * gain[l, j];
                    change = Math.Max(change, Math.Abs(next[i, j] - p[i, j]));
                }
            }
            // Rounding makes it unsymmetric, and with an unstable plant that part would grow.
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++) p[i, j] = 0.5 * (next[i, j] + next[j, i]);
            }
            if (change < 1e-14) break;
        }
        return ([.. gain.Cast<double>()], [.. p.Cast<double>()]);
    }

    private static double[,] Divide(double[,] matrix, double[,] right, int m, int n)
    {
        double[,] a = (double[,])matrix.Clone(), b = (double[,])right.Clone();
        for (var c = 0; c < m; c++)
        {
            for (var r = 0; r < m; r++)
            {
                if (r == c) continue;
                var factor = a[r, c] / a[c, c];
                for (var j = 0; j < m; j++) a[r, j] -= factor * a[c, j];
                for (var j = 0; j < n; j++) b[r, j] -= factor * b[c, j];
            }
        }
        for (var c = 0; c < m; c++)
        {
            for (var j = 0; j < n; j++) b[c, j] /= a[c, c];
        }
        return b;
    }
}
