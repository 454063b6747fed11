using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Estimation;

/// <summary>
/// Covariances by their Cholesky factors P = L Lᵀ, L lower, packed by rows: entry (i, j) at i (i + 1) / 2 + j. Written once for one
/// filter and for eight in lanes: both have the same bits.
/// </summary>
internal static class SquareRoot<TVector, TLanes>
    where TVector : unmanaged
    where TLanes : struct, ILanes<TVector, double>
{
    /// <summary>
    /// The lower factor of M Mᵀ, from the rows of M by modified Gram-Schmidt: as accurate in L as Householder's reflections
    /// (Björck, BIT 7 (1967) 1), and M Mᵀ is never formed. M is overwritten.
    /// </summary>
    /// <param name="m">Shape (n, width) row-major.</param>
    public static void Triangularise(Span<TVector> m, int n, int width, Span<TVector> factor)
    {
        var zero = TLanes.Create(0.0);
        var one = TLanes.Create(1.0);
        for (var i = 0; i < n; i++)
        {
            var row = m.Slice(i * width, width);
            var at = i * (i + 1) / 2;
            for (var j = 0; j < i; j++)
            {
                var other = m.Slice(j * width, width);
                var dot = TLanes.Multiply(row[0], other[0]);
                for (var c = 1; c < row.Length; c++) dot = TLanes.Fma(row[c], other[c], dot);
                factor[at + j] = dot;
                for (var c = 0; c < row.Length; c++) row[c] = TLanes.FmaNegated(dot, other[c], row[c]);
            }
            var square = TLanes.Multiply(row[0], row[0]);
            for (var c = 1; c < row.Length; c++) square = TLanes.Fma(row[c], row[c], square);
            var norm = Root(square);
            factor[at + i] = norm;
            // A row of zeros (no uncertainty at all) has no direction.
            var inverse = TLanes.IfLess(zero, norm, TLanes.Divide(one, norm), zero);
            for (var c = 0; c < row.Length; c++) row[c] = TLanes.Multiply(row[c], inverse);
        }
    }

    /// <summary>
    /// Takes in one scalar measurement of h z with noise variance r: Carlson's square-root update (AIAA Journal 11 (1973) 1259), columns
    /// taken from the last to the first, so that a lower factor stays lower.
    /// </summary>
    /// <param name="h">Length n.</param>
    /// <param name="gain">Receives P h (not yet over the variance), length n.</param>
    /// <param name="updated">Receives the new factor; may not be <paramref name="factor"/>.</param>
    /// <returns>Variance of the innovation, h P hᵀ + r.</returns>
    public static TVector Update(
        ReadOnlySpan<TVector> factor, int n, ReadOnlySpan<TVector> h, TVector r, Span<TVector> gain, Span<TVector> updated)
    {
        var variance = r;
        for (var i = 0; i < n; i++) gain[i] = TLanes.Create(0.0);
        var rootBefore = Root(variance);
        for (var j = n - 1; j >= 0; j--)
        {
            var f = Projection(factor, n, h, j);
            variance = TLanes.Fma(f, f, variance);
            var root = Root(variance);
            var keep = TLanes.Divide(rootBefore, root);
            var take = TLanes.Divide(f, TLanes.Multiply(rootBefore, root));
            for (var i = j; i < n; i++)
            {
                var at = (i * (i + 1) / 2) + j;
                var old = factor[at];
                updated[at] = TLanes.FmaNegated(take, gain[i], TLanes.Multiply(keep, old));
                gain[i] = TLanes.Fma(f, old, gain[i]);
            }
            rootBefore = root;
        }
        return variance;
    }

    /// <summary>h P hᵀ + r.</summary>
    public static TVector Variance(ReadOnlySpan<TVector> factor, int n, ReadOnlySpan<TVector> h, TVector r)
    {
        var variance = r;
        for (var j = n - 1; j >= 0; j--)
        {
            var f = Projection(factor, n, h, j);
            variance = TLanes.Fma(f, f, variance);
        }
        return variance;
    }

    /// <summary>Entry j of Lᵀ h.</summary>
    private static TVector Projection(ReadOnlySpan<TVector> factor, int n, ReadOnlySpan<TVector> h, int j)
    {
        var f = TLanes.Multiply(factor[(j * (j + 1) / 2) + j], h[j]);
        for (var i = j + 1; i < n; i++) f = TLanes.Fma(factor[(i * (i + 1) / 2) + j], h[i], f);
        return f;
    }

    /// <summary>Square root, rounded once everywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Root(TVector a) => typeof(TVector) == typeof(double)
        ? Unsafe.BitCast<double, TVector>(Math.Sqrt(Unsafe.BitCast<TVector, double>(a)))
        : Unsafe.BitCast<Vector512<double>, TVector>(Vector512.Sqrt(Unsafe.BitCast<TVector, Vector512<double>>(a)));
}
