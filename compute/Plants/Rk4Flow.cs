using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Plants;

/// <summary>A right-hand side with the derivatives that forward sensitivities need, for one plant or for eight in lanes.</summary>
internal interface ITangentField<TVector>
    where TVector : unmanaged
{
    /// <summary>n.</summary>
    int States { get; }

    /// <summary>Parameters that derivatives are wanted to.</summary>
    int Columns { get; }

    void Rhs(scoped ReadOnlySpan<TVector> y, scoped Span<TVector> dy);

    /// <summary>Also df/dy, (n, n) row-major, and df/dq, (columns, n) row-major.</summary>
    void Tangent(
        scoped ReadOnlySpan<TVector> y, scoped Span<TVector> dy, scoped Span<TVector> jacobian, scoped Span<TVector> derivatives);
}

/// <summary>
/// The classical Runge-Kutta method of order four with a fixed number of substeps, and its exact derivatives: the method applied to
/// the variational equation S' = J S + df/dq is the derivative of the method (Hairer, Nørsett and Wanner, I.14, theorem 14.1 applied to the
/// discrete flow). Columns of S are independent of each other once the four Jacobians of a substep are there.
/// </summary>
internal static class Rk4Flow<TVector, TLanes, TField>
    where TVector : unmanaged
    where TLanes : struct, ILanes<TVector, double>
    where TField : struct, ITangentField<TVector>, allows ref struct
{
    private const int OnStack = 640;

    [SkipLocalsInit]
    public static void Advance(ref TField field, ReadOnlySpan<TVector> x, TVector h, int substeps, Span<TVector> next)
    {
        var n = field.States;
        Span<TVector> work = 6 * n <= OnStack ? stackalloc TVector[6 * n] : new TVector[6 * n];
        Span<TVector> y = work[..n], k1 = work.Slice(n, n), k2 = work.Slice(2 * n, n), k3 = work.Slice(3 * n, n), k4 = work.Slice(4 * n, n);
        var at = work[(5 * n)..];
        TVector half = TLanes.Multiply(TLanes.Create(0.5), h), sixth = TLanes.Divide(h, TLanes.Create(6.0));
        x.CopyTo(y);
        for (var step = 0; step < substeps; step++)
        {
            field.Rhs(y, k1);
            Shift(y, half, k1, at);
            field.Rhs(at, k2);
            Shift(y, half, k2, at);
            field.Rhs(at, k3);
            Shift(y, h, k3, at);
            field.Rhs(at, k4);
            Sum(y, sixth, k1, k2, k3, k4);
        }
        y.CopyTo(next);
    }

    /// <param name="a">(n, n) row-major.</param>
    /// <param name="b">(n, m) row-major: the field's first columns; empty if there are none.</param>
    /// <param name="e">(n, k) row-major: the rest.</param>
    [SkipLocalsInit]
    public static void Linearise(
        ref TField field, ReadOnlySpan<TVector> x, TVector h, int substeps, Span<TVector> next, Span<TVector> a, Span<TVector> b,
        Span<TVector> e)
    {
        int n = field.States, q = field.Columns, columns = n + q;
        int square = n * n, size = (10 * n) + (4 * (square + (q * n))) + (columns * n);
        Span<TVector> work = size <= OnStack ? stackalloc TVector[size] : new TVector[size];
        var taken = 0;
        Span<TVector> y = work[..n], k1 = Next(work, n), k2 = Next(work, n), k3 = Next(work, n), k4 = Next(work, n), at = Next(work, n);
        Span<TVector> j1 = Next(work, square), j2 = Next(work, square), j3 = Next(work, square), j4 = Next(work, square);
        Span<TVector> d1 = Next(work, q * n), d2 = Next(work, q * n), d3 = Next(work, q * n), d4 = Next(work, q * n);
        var s = Next(work, columns * n);
        s.Clear();
        for (var i = 0; i < n; i++) s[(i * n) + i] = TLanes.Create(1.0);
        TVector half = TLanes.Multiply(TLanes.Create(0.5), h), sixth = TLanes.Divide(h, TLanes.Create(6.0));
        x.CopyTo(y);
        for (var step = 0; step < substeps; step++)
        {
            field.Tangent(y, k1, j1, d1);
            Shift(y, half, k1, at);
            field.Tangent(at, k2, j2, d2);
            Shift(y, half, k2, at);
            field.Tangent(at, k3, j3, d3);
            Shift(y, h, k3, at);
            field.Tangent(at, k4, j4, d4);
            Sum(y, sixth, k1, k2, k3, k4);
            for (var c = 0; c < columns; c++)
            {
                var column = s.Slice(c * n, n);
                var force = c - n;
                Slope(j1, column, Forcing(d1, force, n), k1);
                Shift(column, half, k1, at);
                Slope(j2, at, Forcing(d2, force, n), k2);
                Shift(column, half, k2, at);
                Slope(j3, at, Forcing(d3, force, n), k3);
                Shift(column, h, k3, at);
                Slope(j4, at, Forcing(d4, force, n), k4);
                Sum(column, sixth, k1, k2, k3, k4);
            }
        }
        y.CopyTo(next);
        Transpose(s, n, 0, n, a);
        var m = b.Length / n;
        Transpose(s, n, n, m, b);
        Transpose(s, n, n + m, q - m, e);

        Span<TVector> Next(Span<TVector> of, int count)
        {
            taken += taken == 0 ? n : 0;
            var part = of.Slice(taken, count);
            taken += count;
            return part;
        }
    }

    private static ReadOnlySpan<TVector> Forcing(Span<TVector> d, int column, int n) => column < 0 ? default : d.Slice(column * n, n);

    private static void Transpose(ReadOnlySpan<TVector> s, int n, int first, int count, Span<TVector> to)
    {
        for (var c = 0; c < count; c++)
        {
            for (var i = 0; i < n; i++) to[(i * count) + c] = s[((first + c) * n) + i];
        }
    }

    /// <summary>J s + d.</summary>
    private static void Slope(ReadOnlySpan<TVector> j, ReadOnlySpan<TVector> s, ReadOnlySpan<TVector> d, Span<TVector> slope)
    {
        var n = s.Length;
        for (var i = 0; i < n; i++)
        {
            var row = j.Slice(i * n, n);
            var sum = d.IsEmpty ? TLanes.Multiply(row[0], s[0]) : TLanes.Fma(row[0], s[0], d[i]);
            for (var l = 1; l < row.Length; l++) sum = TLanes.Fma(row[l], s[l], sum);
            slope[i] = sum;
        }
    }

    private static void Shift(ReadOnlySpan<TVector> y, TVector h, ReadOnlySpan<TVector> k, Span<TVector> at)
    {
        for (var i = 0; i < y.Length; i++) at[i] = TLanes.Fma(h, k[i], y[i]);
    }

    private static void Sum(
        Span<TVector> y, TVector sixth, ReadOnlySpan<TVector> k1, ReadOnlySpan<TVector> k2, ReadOnlySpan<TVector> k3,
        ReadOnlySpan<TVector> k4)
    {
        var two = TLanes.Create(2.0);
        for (var i = 0; i < y.Length; i++)
        {
            var sum = TLanes.Add(TLanes.Fma(two, k3[i], TLanes.Fma(two, k2[i], k1[i])), k4[i]);
            y[i] = TLanes.Fma(sixth, sum, y[i]);
        }
    }
}
