using Athanor.Compute.Linear;

namespace Athanor.Compute.Fitting;

/// <summary>
/// Linear dependencies among responses after G. E. P. Box, W. G. Hunter, J. F. MacGregor and J. Erjavec, "Some problems associated with
/// the analysis of multiresponse data", Technometrics 15 (1973) 33-51. A response that was calculated from others, or a balance that was
/// closed, makes a linear combination of the responses constant: the scatter matrix of the responses about their means then has an
/// eigenvalue that holds nothing but the rounding of the table. Such a combination was not measured, and its residuals are no
/// information.
/// </summary>
/// <param name="Eigenvalues">Ascending, in squared units of the responses.</param>
/// <param name="Eigenvectors">Shape (n, n) row-major, row i belongs to eigenvalue i.</param>
/// <param name="Count">How many combinations are constant, from the smallest eigenvalue on.</param>
public sealed record ResponseDependencies(double[] Eigenvalues, double[] Eigenvectors, int Count)
{
    /// <summary>The independent combinations: orthonormal rows, shape (n - Count, n).</summary>
    public double[] Independent
    {
        get
        {
            var n = Eigenvalues.Length;
            return Eigenvectors[(Count * n)..];
        }
    }

    /// <param name="threshold">A combination whose values have a standard deviation below this counts as constant; a few times the
    /// table's rounding error, in units of the responses.</param>
    public static ResponseDependencies Find(KineticTable table, double threshold)
    {
        int n = table.Species, m = table.Measured;
        var means = new double[n];
        for (var row = 1; row <= m; row++)
        {
            for (var i = 0; i < n; i++) means[i] += table.Row(row)[i];
        }
        for (var i = 0; i < n; i++) means[i] /= m;
        var scatter = new double[n * n];
        for (var row = 1; row <= m; row++)
        {
            var values = table.Row(row);
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++) scatter[(i * n) + j] += (values[i] - means[i]) * (values[j] - means[j]);
            }
        }
        var (eigenvalues, eigenvectors) = SymmetricEigen.Solve(scatter, n);
        var limit = threshold * threshold * Math.Max(m - 1, 1);
        var count = eigenvalues.TakeWhile(value => value < limit).Count();
        return new ResponseDependencies(eigenvalues, eigenvectors, Math.Min(count, n - 1));
    }
}
