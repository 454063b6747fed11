namespace Athanor.Compute.Linear;

/// <summary>Householder QR factors with column pivoting, A P = Q R, of a small dense matrix of any rank (Golub and Van Loan, 5.4.2): what
/// tells which columns are independent.</summary>
public sealed class PivotedQr
{
    private readonly double[] _a;
    private readonly double[] _beta;

    /// <param name="matrix">Shape (rows, columns) row-major; not changed.</param>
    /// <param name="tolerance">A remaining column shorter than this part of the longest one is dependent.</param>
    public PivotedQr(ReadOnlySpan<double> matrix, int rows, int columns, double tolerance = 1e-10)
    {
        (Rows, Columns, _a) = (rows, columns, matrix.ToArray());
        Permutation = [.. Enumerable.Range(0, columns)];
        _beta = new double[Math.Min(rows, columns)];
        var first = 0.0;
        for (var k = 0; k < _beta.Length; k++)
        {
            var (pivot, longest) = (k, -1.0);
            for (var j = k; j < columns; j++)
            {
                var square = 0.0;
                for (var i = k; i < rows; i++) square += _a[(i * columns) + j] * _a[(i * columns) + j];
                if (square > longest) (pivot, longest) = (j, square);
            }
            if (k == 0) first = longest;
            if (!(longest > tolerance * tolerance * first) || longest == 0.0) break;
            Swap(k, pivot);
            Reflect(k, Math.Sqrt(longest));
            Rank++;
        }
    }

    public int Rows { get; }

    public int Columns { get; }

    public int Rank { get; private set; }

    /// <summary>Which column of A stands at each place; the first <see cref="Rank"/> are independent.</summary>
    public int[] Permutation { get; }

    /// <summary>Replaces b, shape (rows), by Qᵀ b.</summary>
    public void ApplyTranspose(Span<double> b)
    {
        for (var k = 0; k < Rank; k++)
        {
            var dot = b[k];
            for (var i = k + 1; i < Rows; i++) dot += _a[(i * Columns) + k] * b[i];
            dot *= _beta[k];
            b[k] -= dot;
            for (var i = k + 1; i < Rows; i++) b[i] -= dot * _a[(i * Columns) + k];
        }
    }

    /// <summary>A solution of A x = b in the least squares, with the dependent columns' unknowns at 0, from Qᵀ b.</summary>
    public double[] SolveTransposed(ReadOnlySpan<double> qtb)
    {
        var x = new double[Columns];
        var y = Back(qtb);
        for (var k = 0; k < Rank; k++) x[Permutation[k]] = y[k];
        return x;
    }

    /// <summary>A basis of the null space, one vector of shape (columns) for each dependent column, not orthogonal.</summary>
    public double[][] NullSpace()
    {
        var basis = new double[Columns - Rank][];
        for (var f = 0; f < basis.Length; f++)
        {
            var right = new double[Rank];
            for (var k = 0; k < Rank; k++) right[k] = -_a[(k * Columns) + Rank + f];
            var y = Back(right);
            basis[f] = new double[Columns];
            for (var k = 0; k < Rank; k++) basis[f][Permutation[k]] = y[k];
            basis[f][Permutation[Rank + f]] = 1.0;
        }
        return basis;
    }

    private double[] Back(ReadOnlySpan<double> right)
    {
        var y = new double[Rank];
        for (var k = Rank - 1; k >= 0; k--)
        {
            var sum = right[k];
            for (var j = k + 1; j < Rank; j++) sum -= _a[(k * Columns) + j] * y[j];
            y[k] = sum / _a[(k * Columns) + k];
        }
        return y;
    }

    private void Swap(int k, int pivot)
    {
        if (k == pivot) return;
        (Permutation[k], Permutation[pivot]) = (Permutation[pivot], Permutation[k]);
        for (var i = 0; i < Rows; i++)
            (_a[(i * Columns) + k], _a[(i * Columns) + pivot]) = (_a[(i * Columns) + pivot], _a[(i * Columns) + k]);
    }

    /// <summary>H = I - β v vᵀ with v[k] = 1; v lies below the diagonal.</summary>
    private void Reflect(int k, double norm)
    {
        var alpha = _a[(k * Columns) + k];
        var r = alpha >= 0.0 ? -norm : norm;
        var head = alpha - r;
        _beta[k] = -head / r;
        for (var i = k + 1; i < Rows; i++) _a[(i * Columns) + k] /= head;
        for (var j = k + 1; j < Columns; j++)
        {
            var dot = _a[(k * Columns) + j];
            for (var i = k + 1; i < Rows; i++) dot += _a[(i * Columns) + k] * _a[(i * Columns) + j];
            dot *= _beta[k];
            _a[(k * Columns) + j] -= dot;
            for (var i = k + 1; i < Rows; i++) _a[(i * Columns) + j] -= dot * _a[(i * Columns) + k];
        }
        _a[(k * Columns) + k] = r;
    }
}
