namespace Athanor.Compute.Linear;

/// <summary>Cholesky factors of a small symmetric positive definite matrix, lower triangle, row-major.</summary>
public static class SmallCholesky
{
    /// <summary>Replaces the lower triangle of <paramref name="a"/>, shape (n, n), by its factor L, A = L L^T.</summary>
    /// <returns>False if A is not positive definite to rounding: a pivot fell below 1e-14 of its diagonal entry.</returns>
    public static bool Factor(Span<double> a, int n)
    {
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = a[(i * n) + j];
                for (var k = 0; k < j; k++) sum -= a[(i * n) + k] * a[(j * n) + k];
                if (i != j)
                {
                    a[(i * n) + j] = sum / a[(j * n) + j];
                    continue;
                }
                if (!(sum > 1e-14 * Math.Abs(a[(i * n) + i]))) return false;
                a[(i * n) + i] = Math.Sqrt(sum);
            }
        }
        return true;
    }

    /// <summary>Solves A x = b with the factor of A, in place.</summary>
    public static void Solve(ReadOnlySpan<double> factor, int n, Span<double> b)
    {
        for (var i = 0; i < n; i++)
        {
            var sum = b[i];
            for (var j = 0; j < i; j++) sum -= factor[(i * n) + j] * b[j];
            b[i] = sum / factor[(i * n) + i];
        }
        for (var i = n - 1; i >= 0; i--)
        {
            var sum = b[i];
            for (var j = i + 1; j < n; j++) sum -= factor[(j * n) + i] * b[j];
            b[i] = sum / factor[(i * n) + i];
        }
    }

    /// <summary>Writes the inverse of A, shape (n, n), from its factor.</summary>
    public static void Invert(ReadOnlySpan<double> factor, int n, Span<double> inverse)
    {
        Span<double> column = stackalloc double[n];
        for (var j = 0; j < n; j++)
        {
            column.Clear();
            column[j] = 1.0;
            Solve(factor, n, column);
            for (var i = 0; i < n; i++) inverse[(i * n) + j] = column[i];
        }
    }
}
