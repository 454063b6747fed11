using System.Numerics;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Continuation;

/// <summary>Floquet multipliers of a periodic orbit: the eigenvalues of the product of the transfer matrices over one period.</summary>
internal static class Floquet
{
    /// <param name="transfers">Shape (intervals, n, n).</param>
    /// <returns>The multipliers without the trivial one, largest size first, and how far that one is from 1.</returns>
    public static (Complex[] Multipliers, double TrivialError) Multipliers(ReadOnlySpan<double> transfers, int n)
    {
        double[] product = new double[n * n], next = new double[n * n];
        for (var i = 0; i < n; i++) product[(i * n) + i] = 1.0;
        var determinant = 1.0;
        for (var offset = 0; offset < transfers.Length; offset += n * n)
        {
            var g = transfers.Slice(offset, n * n);
            Array.Clear(next);
            for (var i = 0; i < n; i++)
            {
                for (var k = 0; k < n; k++)
                {
                    for (var j = 0; j < n; j++) next[(i * n) + j] += g[(i * n) + k] * product[(k * n) + j];
                }
            }
            (product, next) = (next, product);
            if (n == 2) determinant *= (g[0] * g[3]) - (g[1] * g[2]);
        }
        if (!Array.TrueForAll(product, double.IsFinite)) return ([], double.PositiveInfinity);
        var all = RealEigenvalues.Solve(product, n);
        var trivial = 0;
        for (var i = 1; i < n; i++)
        {
            if (Complex.Abs(all[i] - 1.0) < Complex.Abs(all[trivial] - 1.0)) trivial = i;
        }
        var error = Complex.Abs(all[trivial] - 1.0);
        // In the plane the other multiplier is the determinant (Liouville): exact where the eigenvalues of the product no longer are.
        if (n == 2) return ([determinant], error);
        var rest = all.Where((_, i) => i != trivial).OrderByDescending(Complex.Abs).ToArray();
        return (rest, error);
    }
}
