using Athanor.Compute.Linear;

namespace Athanor.Compute.Ode;

/// <summary>
/// Consistent starts of M y' = f with a singular M of index 1. Rows of f that no derivative reaches (left null space of M) are algebraic;
/// the algebraic unknowns are the directions that M does not see (right null space). Newton's method moves the unknowns along those
/// directions alone until the algebraic equations hold; the differential unknowns stay as given.
/// </summary>
internal static class ConsistentStart
{
    private const int MaxIterations = 50;

    /// <summary>Makes a state and its sensitivities consistent: the algebraic parts of s satisfy (dg/dy) s + dg/dq = 0.</summary>
    /// <param name="z">The state, then a block of n for each sensitivity.</param>
    public static void Find<TSystem, TSensitivities>(
        in TSystem system, in TSensitivities sensitivities, double t, Span<double> z, in OdeOptions options)
        where TSystem : struct, IImplicitSystem
        where TSensitivities : struct, ISensitivities
    {
        var n = system.Dimension;
        Find(system, t, z[..n], options).CopyTo(z);
        var (left, right, _) = NullSpaces(system);
        var m = left.Length;
        if (m == 0) return;
        double[] column = new double[n], matrix = new double[Math.Max(DenseLu.Storage(m), m * m)], step = new double[m];
        var derivatives = new double[sensitivities.Count * n];
        var order = new int[m];
        system.UpdateJacobian(t, z[..n]);
        Fill(system, left, right, column, matrix);
        DenseLu.Factor(matrix, order, m);
        sensitivities.Derivatives(t, z[..n], derivatives);
        for (var k = 0; k < sensitivities.Count; k++)
        {
            var s = z.Slice((1 + k) * n, n);
            system.MultiplyJacobian(s, column);
            for (var i = 0; i < n; i++) column[i] += derivatives[(k * n) + i];
            for (var i = 0; i < m; i++) step[i] = Dot(left[i], column);
            DenseLu.Solve(matrix, order, step, m);
            for (var j = 0; j < m; j++)
            {
                for (var i = 0; i < n; i++) s[i] -= right[j][i] * step[j];
            }
        }
    }

    /// <exception cref="HighIndexException">The algebraic equations do not determine the algebraic unknowns.</exception>
    /// <exception cref="InconsistentStartException">Newton's method finds no solution near the given unknowns.</exception>
    public static double[] Find<TSystem>(in TSystem system, double t, ReadOnlySpan<double> y0, in OdeOptions options)
        where TSystem : struct, IImplicitSystem
    {
        var y = y0.ToArray();
        var n = y.Length;
        var (left, right, equations) = NullSpaces(system);
        var m = left.Length;
        if (m == 0) return y;
        double[] f = new double[n], residual = new double[m], column = new double[n], atol = new double[n];
        options.AbsoluteTo(atol);
        var matrix = new double[Math.Max(DenseLu.Storage(m), m * m)];
        var order = new int[m];
        var before = double.PositiveInfinity;
        for (var iteration = 0; ; iteration++)
        {
            system.Rhs(t, y, f);
            if (ErrorNorm.NonFinite(f) is >= 0 and var bad) throw new NonFiniteException(t, bad);
            var worst = 0;
            for (var i = 0; i < m; i++)
            {
                residual[i] = Dot(left[i], f);
                if (Math.Abs(residual[i]) > Math.Abs(residual[worst])) worst = i;
            }
            system.UpdateJacobian(t, y);
            if (system.NonFiniteJacobian() is { Row: >= 0 } entry) throw new NonFiniteJacobianException(t, entry.Row, entry.Column);
            Fill(system, left, right, column, matrix);
            if (Deficient(matrix, m) is >= 0 and var row) throw new HighIndexException(t, equations[row]);
            DenseLu.Factor(matrix, order, m);
            var step = residual.ToArray();
            DenseLu.Solve(matrix, order, step, m);
            var size = 0.0;
            for (var i = 0; i < n; i++)
            {
                var change = 0.0;
                for (var j = 0; j < m; j++) change += right[j][i] * step[j];
                y[i] -= change;
                size = Math.Max(size, Math.Abs(change) / (atol[i] + (options.RelativeTolerance * Math.Abs(y[i]))));
            }
            // Quadratic convergence has ended at rounding, or within a thousandth of the tolerance.
            if (size <= 1e-3 || (iteration > 2 && size <= 1.0 && size >= before)) return y;
            if (iteration == MaxIterations || !double.IsFinite(size)) throw new InconsistentStartException(t, equations[worst], residual[worst]);
            before = size;
        }
    }

    /// <summary>left^T J right, in the layout of <see cref="DenseLu"/>.</summary>
    private static void Fill<TSystem>(in TSystem system, double[][] left, double[][] right, double[] column, double[] matrix)
        where TSystem : struct, IImplicitSystem
    {
        var stride = DenseLu.Stride(left.Length);
        Array.Clear(matrix);
        for (var j = 0; j < right.Length; j++)
        {
            system.MultiplyJacobian(right[j], column);
            for (var i = 0; i < left.Length; i++) matrix[(i * stride) + j] = Dot(left[i], column);
        }
    }

    /// <summary>Gaussian elimination with the rows scaled: the first row without a pivot, or -1.</summary>
    private static int Deficient(double[] matrix, int m)
    {
        var stride = DenseLu.Stride(m);
        var a = new double[m * m];
        var rows = Enumerable.Range(0, m).ToArray();
        for (var i = 0; i < m; i++)
        {
            var largest = 0.0;
            for (var j = 0; j < m; j++) largest = Math.Max(largest, Math.Abs(matrix[(i * stride) + j]));
            if (largest == 0.0) return i;
            for (var j = 0; j < m; j++) a[(i * m) + j] = matrix[(i * stride) + j] / largest;
        }
        for (var k = 0; k < m; k++)
        {
            var pivot = k;
            for (var i = k + 1; i < m; i++)
            {
                if (Math.Abs(a[(i * m) + k]) > Math.Abs(a[(pivot * m) + k])) pivot = i;
            }
            if (Math.Abs(a[(pivot * m) + k]) < 1e-13) return rows[k];
            a.AsSpan(k * m, m).Swap(a.AsSpan(pivot * m, m));
            (rows[k], rows[pivot]) = (rows[pivot], rows[k]);
            for (var i = k + 1; i < m; i++)
            {
                var l = a[(i * m) + k] / a[(k * m) + k];
                for (var j = k; j < m; j++) a[(i * m) + j] -= l * a[(k * m) + j];
            }
        }
        return -1;
    }

    /// <summary>Bases of the rows and directions that M does not reach, and for each the equation that it is named by: unit vectors where M
    /// is diagonal, else by elimination with complete pivoting.</summary>
    private static (double[][] Left, double[][] Right, int[] Equations) NullSpaces<TSystem>(in TSystem system)
        where TSystem : struct, IImplicitSystem
    {
        var n = system.Dimension;
        if (system.MassDiagonal is { } diagonal)
        {
            var zeros = Enumerable.Range(0, diagonal.Length).Where(i => diagonal[i] == 0.0).ToArray();
            var units = zeros.Select(i => Unit(n, i)).ToArray();
            return (units, units, zeros);
        }
        // Rows [M | I]: eliminating with complete pivoting leaves, below the rank, the combinations of rows that vanish.
        var a = new double[n * n];
        var combined = new double[n * n];
        var column = new double[n];
        var rows = Enumerable.Range(0, n).ToArray();
        var columns = Enumerable.Range(0, n).ToArray();
        for (var j = 0; j < n; j++)
        {
            system.MultiplyMass(Unit(n, j), column);
            for (var i = 0; i < n; i++) a[(i * n) + j] = column[i];
            combined[(j * n) + j] = 1.0;
        }
        var largest = a.Max(Math.Abs);
        var rank = 0;
        for (; rank < n; rank++)
        {
            var (at, size) = (-1, 1e-13 * largest);
            for (var i = rank; i < n; i++)
            {
                for (var j = rank; j < n; j++)
                {
                    if (!(Math.Abs(a[(i * n) + j]) > size)) continue;
                    size = Math.Abs(a[(i * n) + j]);
                    at = (i * n) + j;
                }
            }
            if (at < 0) break;
            a.AsSpan(rank * n, n).Swap(a.AsSpan(at / n * n, n));
            combined.AsSpan(rank * n, n).Swap(combined.AsSpan(at / n * n, n));
            (rows[rank], rows[at / n]) = (rows[at / n], rows[rank]);
            var c = at % n;
            for (var i = 0; i < n; i++) (a[(i * n) + rank], a[(i * n) + c]) = (a[(i * n) + c], a[(i * n) + rank]);
            (columns[rank], columns[c]) = (columns[c], columns[rank]);
            for (var i = 0; i < n; i++)
            {
                if (i == rank) continue;
                var l = a[(i * n) + rank] / a[(rank * n) + rank];
                for (var j = 0; j < n; j++)
                {
                    a[(i * n) + j] -= l * a[(rank * n) + j];
                    combined[(i * n) + j] -= l * combined[(rank * n) + j];
                }
                a[(i * n) + rank] = 0.0;
            }
        }
        var left = Enumerable.Range(rank, n - rank).Select(i => combined.AsSpan(i * n, n).ToArray()).ToArray();
        var right = new double[n - rank][];
        for (var f = rank; f < n; f++)
        {
            right[f - rank] = Unit(n, columns[f]);
            for (var i = 0; i < rank; i++) right[f - rank][columns[i]] = -a[(i * n) + f] / a[(i * n) + i];
        }
        return (left, right, rows[rank..]);
    }

    private static double[] Unit(int n, int i)
    {
        var unit = new double[n];
        unit[i] = 1.0;
        return unit;
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
