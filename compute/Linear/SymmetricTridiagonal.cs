namespace Athanor.Compute.Linear;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix of some hundreds of rows: Householder reduction to tridiagonal form and
/// implicit QL steps (EISPACK tred2 and tql2; Golub and Van Loan, 8.3), in a fixed order. For small ones <see cref="SymmetricEigen"/>
/// is the more exact.</summary>
public static class SymmetricTridiagonal
{
    /// <param name="matrix">Shape (n, n) row-major, symmetric; not changed.</param>
    /// <returns>Eigenvalues ascending, and eigenvectors as rows, each with its entry of largest size positive.</returns>
    /// <exception cref="ArithmeticException">An eigenvalue did not converge: the matrix is not finite.</exception>
    public static (double[] Values, double[] Vectors) Solve(ReadOnlySpan<double> matrix, int n)
    {
        var z = matrix.ToArray();
        double[] d = new double[n], e = new double[n];
        Reduce(z, d, e, n);
        // From here on rows are vectors: the QL steps then run along memory.
        var rows = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) rows[(i * n) + j] = z[(j * n) + i];
        }
        Iterate(rows, d, e, n);
        var order = Enumerable.Range(0, n).OrderBy(i => d[i]).ToArray();
        var vectors = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            var row = rows.AsSpan(order[i] * n, n);
            var largest = 0;
            for (var j = 1; j < n; j++)
            {
                if (Math.Abs(row[j]) > Math.Abs(row[largest])) largest = j;
            }
            var sign = row[largest] < 0 ? -1.0 : 1.0;
            for (var j = 0; j < n; j++) vectors[(i * n) + j] = sign * row[j];
        }
        return ([.. order.Select(i => d[i])], vectors);
    }

    private static void Reduce(double[] z, double[] d, double[] e, int n)
    {
        for (var i = n - 1; i > 0; i--)
        {
            double scale = 0.0, h = 0.0;
            for (var k = 0; k < i; k++) scale += Math.Abs(z[(i * n) + k]);
            if (i == 1 || scale == 0.0)
            {
                e[i] = z[(i * n) + i - 1];
                d[i] = 0.0;
                continue;
            }
            for (var k = 0; k < i; k++)
            {
                z[(i * n) + k] /= scale;
                h += z[(i * n) + k] * z[(i * n) + k];
            }
            var f = z[(i * n) + i - 1];
            var g = f >= 0.0 ? -Math.Sqrt(h) : Math.Sqrt(h);
            e[i] = scale * g;
            h -= f * g;
            z[(i * n) + i - 1] = f - g;
            f = 0.0;
            for (var j = 0; j < i; j++)
            {
                z[(j * n) + i] = z[(i * n) + j] / h;
                g = 0.0;
                for (var k = 0; k <= j; k++) g += z[(j * n) + k] * z[(i * n) + k];
                for (var k = j + 1; k < i; k++) g += z[(k * n) + j] * z[(i * n) + k];
                e[j] = g / h;
                f += e[j] * z[(i * n) + j];
            }
            var half = f / (h + h);
            for (var j = 0; j < i; j++)
            {
                f = z[(i * n) + j];
                e[j] = g = e[j] - (half * f);
                for (var k = 0; k <= j; k++) z[(j * n) + k] -= (f * e[k]) + (g * z[(i * n) + k]);
            }
            d[i] = h;
        }
        d[0] = 0.0;
        e[0] = 0.0;
        for (var i = 0; i < n; i++)
        {
            if (d[i] != 0.0)
            {
                for (var j = 0; j < i; j++)
                {
                    var g = 0.0;
                    for (var k = 0; k < i; k++) g += z[(i * n) + k] * z[(k * n) + j];
                    for (var k = 0; k < i; k++) z[(k * n) + j] -= g * z[(k * n) + i];
                }
            }
            d[i] = z[(i * n) + i];
            z[(i * n) + i] = 1.0;
            for (var j = 0; j < i; j++)
            {
                z[(j * n) + i] = 0.0;
                z[(i * n) + j] = 0.0;
            }
        }
    }

    private static void Iterate(double[] rows, double[] d, double[] e, int n)
    {
        for (var i = 1; i < n; i++) e[i - 1] = e[i];
        e[n - 1] = 0.0;
        for (var l = 0; l < n; l++)
        {
            for (var round = 0; ; round++)
            {
                var m = l;
                while (m < n - 1 && Math.Abs(e[m]) > 1.1e-16 * (Math.Abs(d[m]) + Math.Abs(d[m + 1]))) m++;
                if (m == l) break;
                if (round == 60) throw new ArithmeticException($"eigenvalue {l + 1} of {n} did not converge: is the matrix finite?");
                Chase(rows, d, e, n, l, m);
            }
        }
    }

    /// <summary>One implicit QL step on rows l to m.</summary>
    private static void Chase(double[] rows, double[] d, double[] e, int n, int l, int m)
    {
        var g = (d[l + 1] - d[l]) / (2.0 * e[l]);
        var r = Math.Sqrt((g * g) + 1.0);
        g = d[m] - d[l] + (e[l] / (g + (g >= 0.0 ? r : -r)));
        double s = 1.0, c = 1.0, p = 0.0;
        for (var i = m - 1; i >= l; i--)
        {
            var f = s * e[i];
            var b = c * e[i];
            r = Math.Sqrt((f * f) + (g * g));
            e[i + 1] = r;
            if (r == 0.0)
            {
                d[i + 1] -= p;
                e[m] = 0.0;
                return;
            }
            s = f / r;
            c = g / r;
            g = d[i + 1] - p;
            r = ((d[i] - g) * s) + (2.0 * c * b);
            p = s * r;
            d[i + 1] = g + p;
            g = (c * r) - b;
            Span<double> upper = rows.AsSpan(i * n, n), lower = rows.AsSpan((i + 1) * n, n);
            for (var k = 0; k < n; k++)
            {
                var t = lower[k];
                lower[k] = (s * upper[k]) + (c * t);
                upper[k] = (c * upper[k]) - (s * t);
            }
        }
        d[l] -= p;
        e[l] = g;
        e[m] = 0.0;
    }
}
