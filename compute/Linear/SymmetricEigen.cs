namespace Athanor.Compute.Linear;

/// <summary>Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, 8.5), in a fixed
/// order, so that the same matrix gives the same bits.</summary>
public static class SymmetricEigen
{
    /// <param name="matrix">Shape (n, n) row-major, symmetric; not changed.</param>
    /// <returns>Eigenvalues ascending, and eigenvectors as rows, each with its entry of largest size positive.</returns>
    public static (double[] Values, double[] Vectors) Solve(ReadOnlySpan<double> matrix, int n)
    {
        var a = matrix.ToArray();
        var v = new double[n * n];
        for (var i = 0; i < n; i++) v[(i * n) + i] = 1.0;
        for (var sweep = 0; sweep < 64 && OffDiagonal(a, n) > 0.0; sweep++)
        {
            for (var p = 0; p < n; p++)
            {
                for (var q = p + 1; q < n; q++) Rotate(a, v, n, p, q);
            }
        }
        var order = Enumerable.Range(0, n).OrderBy(i => a[(i * n) + i]).ToArray();
        var values = new double[n];
        var vectors = new double[n * n];
        for (var row = 0; row < n; row++)
        {
            var column = order[row];
            values[row] = a[(column * n) + column];
            var largest = 0;
            for (var i = 1; i < n; i++)
            {
                if (Math.Abs(v[(i * n) + column]) > Math.Abs(v[(largest * n) + column])) largest = i;
            }
            var sign = v[(largest * n) + column] < 0 ? -1.0 : 1.0;
            for (var i = 0; i < n; i++) vectors[(row * n) + i] = sign * v[(i * n) + column];
        }
        return (values, vectors);
    }

    private static double OffDiagonal(double[] a, int n)
    {
        double off = 0.0, all = 0.0;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var square = a[(i * n) + j] * a[(i * n) + j];
                all += square;
                if (i != j) off += square;
            }
        }
        return off <= 1e-32 * all ? 0.0 : off;
    }

    private static void Rotate(double[] a, double[] v, int n, int p, int q)
    {
        var apq = a[(p * n) + q];
        if (apq == 0.0) return;
        var tau = (a[(q * n) + q] - a[(p * n) + p]) / (2.0 * apq);
        var t = (tau >= 0 ? 1.0 : -1.0) / (Math.Abs(tau) + Math.Sqrt(1.0 + (tau * tau)));
        var c = 1.0 / Math.Sqrt(1.0 + (t * t));
        var s = t * c;
        for (var k = 0; k < n; k++)
        {
            double akp = a[(k * n) + p], akq = a[(k * n) + q];
            a[(k * n) + p] = (c * akp) - (s * akq);
            a[(k * n) + q] = (s * akp) + (c * akq);
        }
        for (var k = 0; k < n; k++)
        {
            double apk = a[(p * n) + k], aqk = a[(q * n) + k];
            a[(p * n) + k] = (c * apk) - (s * aqk);
            a[(q * n) + k] = (s * apk) + (c * aqk);
        }
        a[(p * n) + q] = 0.0;
        a[(q * n) + p] = 0.0;
        for (var k = 0; k < n; k++)
        {
            double vkp = v[(k * n) + p], vkq = v[(k * n) + q];
            v[(k * n) + p] = (c * vkp) - (s * vkq);
            v[(k * n) + q] = (s * vkp) + (c * vkq);
        }
    }
}
