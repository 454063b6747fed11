using System.Runtime.CompilerServices;

namespace Athanor.Compute.Linear;

/// <summary>LU factors of a small dense matrix with partial pivoting, in place (Golub and Van Loan, Matrix Computations, 3.4.1).
/// Sums run in a fixed order.</summary>
public static class SmallLu
{
    /// <summary>Replaces <paramref name="a"/>, shape (n, n) row-major, by its factors; the diagonal holds the pivots'
    /// reciprocals.</summary>
    /// <param name="pivots">Length n: the row that was swapped into row i.</param>
    /// <returns>False if a pivot is zero or not finite.</returns>
    public static bool Factor(Span<double> a, Span<int> pivots)
    {
        var n = pivots.Length;
        for (var column = 0; column < n; column++)
        {
            var pivot = column;
            var largest = Math.Abs(a[(column * n) + column]);
            for (var row = column + 1; row < n; row++)
            {
                var size = Math.Abs(a[(row * n) + column]);
                if (!(size > largest)) continue;
                largest = size;
                pivot = row;
            }
            pivots[column] = pivot;
            if (!(largest > 0) || !double.IsFinite(largest)) return false;
            if (pivot != column) Swap(a.Slice(column * n, n), a.Slice(pivot * n, n));
            var inverse = 1.0 / a[(column * n) + column];
            a[(column * n) + column] = inverse;
            var upper = a.Slice(column * n, n);
            for (var row = column + 1; row < n; row++)
            {
                var lower = a.Slice(row * n, n);
                var factor = lower[column] * inverse;
                lower[column] = factor;
                if (factor == 0.0) continue;
                for (var j = column + 1; j < n; j++) lower[j] -= factor * upper[j];
            }
        }
        return true;
    }

    /// <summary>Solves A x = b with the factors of A, in place.</summary>
    public static void Solve(ReadOnlySpan<double> factors, ReadOnlySpan<int> pivots, Span<double> b)
    {
        var n = pivots.Length;
        for (var i = 0; i < n; i++)
        {
            var pivot = pivots[i];
            if (pivot != i) (b[i], b[pivot]) = (b[pivot], b[i]);
        }
        for (var i = 1; i < n; i++)
        {
            var row = factors.Slice(i * n, n);
            var sum = b[i];
            for (var j = 0; j < i; j++) sum -= row[j] * b[j];
            b[i] = sum;
        }
        for (var i = n - 1; i >= 0; i--)
        {
            var row = factors.Slice(i * n, n);
            var sum = b[i];
            for (var j = i + 1; j < n; j++) sum -= row[j] * b[j];
            b[i] = sum * row[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Swap(Span<double> a, Span<double> b)
    {
        for (var i = 0; i < a.Length; i++) (a[i], b[i]) = (b[i], a[i]);
    }
}
