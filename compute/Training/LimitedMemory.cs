using System.Collections.Immutable;
using System.Numerics;

namespace Athanor.Compute.Training;

/// <summary>What L-BFGS remembers: its last steps in the parameters and what the gradient changed by (J. Nocedal, Math. Comp. 35, 1980).
/// Immutable, so that a check-point keeps it by reference; a pair's arrays are never written again.</summary>
/// <param name="Pairs">Oldest first; S and Y [parameters], Curvature their product.</param>
internal sealed record LimitedMemory<T>(ImmutableArray<(T[] S, T[] Y, double Curvature)> Pairs)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static readonly LimitedMemory<T> Empty = new([]);

    public bool IsEmpty => Pairs.IsEmpty;

    /// <summary>With a pair more, without the oldest where there are <paramref name="most"/>; unchanged where the pair shows no positive
    /// curvature, which would spoil the metric.</summary>
    public LimitedMemory<T> With(T[] s, T[] y, int most)
    {
        var curvature = Dot(s, y);
        if (!(curvature > 1e-12 * Math.Sqrt(Dot(s, s) * Dot(y, y)))) return this;
        return new LimitedMemory<T>((Pairs.Length < most ? Pairs : Pairs.RemoveAt(0)).Add((s, y, curvature)));
    }

    /// <summary>d = -H g by the two loops, H the inverse Hessian that the pairs tell; -g without pairs.</summary>
    public void Direction(ReadOnlySpan<T> g, Span<T> d)
    {
        for (var k = 0; k < g.Length; k++) d[k] = -g[k];
        Span<double> alpha = stackalloc double[Pairs.Length];
        for (var i = Pairs.Length - 1; i >= 0; i--)
        {
            alpha[i] = Dot(Pairs[i].S, d) / Pairs[i].Curvature;
            Add(d, Pairs[i].Y, -alpha[i]);
        }
        if (Pairs.Length == 0) return;
        var scale = T.CreateChecked(Pairs[^1].Curvature / Dot(Pairs[^1].Y, Pairs[^1].Y));
        for (var k = 0; k < d.Length; k++) d[k] *= scale;
        for (var i = 0; i < Pairs.Length; i++)
        {
            var beta = Dot(Pairs[i].Y, d) / Pairs[i].Curvature;
            Add(d, Pairs[i].S, alpha[i] - beta);
        }
    }

    /// <summary>In double, from the first element to the last.</summary>
    public static double Dot(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += double.CreateChecked(a[i]) * double.CreateChecked(b[i]);
        return sum;
    }

    private static void Add(Span<T> to, ReadOnlySpan<T> more, double factor)
    {
        var f = T.CreateChecked(factor);
        for (var k = 0; k < to.Length; k++) to[k] += f * more[k];
    }
}
