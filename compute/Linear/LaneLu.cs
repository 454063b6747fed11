using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Linear;

/// <summary>
/// LU factors with partial pivoting of eight small matrices at a time, one in each lane. Every lane chooses its own pivots and exchanges
/// its own rows (by selecting lanes, and only where one of them asks for it), and does the operations of <see cref="DenseLu"/> in the same
/// order: the bits are those of the matrix alone.
/// </summary>
/// <remarks>Layout: row-major, the rows in the order of the pivots; multipliers below the diagonal, the pivots' reciprocals on
/// it.</remarks>
internal static class LaneLu
{
    /// <summary>Most rows: of larger matrices eight would not stay in the first cache beside the stages.</summary>
    public const int Largest = 12;

    /// <summary>Factors in place.</summary>
    /// <param name="a">n n vectors.</param>
    /// <param name="exchanges">n n vectors: at [k n + row] the lanes that exchange rows k and row; what is not in <paramref name="rows"/>
    /// is not written.</param>
    /// <param name="rows">n numbers: bit r of number k says that some lane exchanges rows k and r.</param>
    /// <returns>The lanes whose pivots are all finite and not zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Factor(ref Vector512<double> a, ref Vector512<double> exchanges, ref uint rows, int n)
    {
        var sound = Vector512<double>.AllBitsSet;
        var infinity = Vector512.Create(double.PositiveInfinity);
        for (var k = 0; k < n; k++)
        {
            ref var upper = ref At(ref a, k * n);
            Unsafe.Add(ref rows, k) = k < n - 1 ? Exchange(ref a, ref At(ref exchanges, k * n), k, n) : 0;
            var d = Vector512<double>.One / At(ref upper, k);
            sound &= Vector512.LessThan(Vector512.Abs(d), infinity);
            At(ref upper, k) = d;
            for (var row = k + 1; row < n; row++)
            {
                ref var lower = ref At(ref a, row * n);
                var entry = At(ref lower, k);
                var l = entry * d;
                if (n <= UnrolledLu.Largest)
                {
                    for (var j = k + 1; j < n; j++) At(ref lower, j) = Fnma(l, At(ref upper, j), At(ref lower, j));
                    At(ref lower, k) = l;
                    continue;
                }
                // Larger ones leave rows alone that have nothing to eliminate, which is seen in the signs of zeros.
                var none = Vector512.Equals(entry, Vector512<double>.Zero);
                if (Vector512.ExtractMostSignificantBits(none) == 0xFF) continue;
                for (var j = k + 1; j < n; j++)
                {
                    var old = At(ref lower, j);
                    At(ref lower, j) = Vector512.ConditionalSelect(none, old, Fnma(l, At(ref upper, j), old));
                }
                At(ref lower, k) = Vector512.ConditionalSelect(none, entry, l);
            }
        }
        return sound;
    }

    /// <summary>Solves A x = b in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Solve(ref Vector512<double> a, ref Vector512<double> exchanges, ref uint rows, ref Vector512<double> b, int n)
    {
        for (var k = 0; k < n - 1; k++)
        {
            var bits = Unsafe.Add(ref rows, k);
            for (var row = k + 1; bits != 0 && row < n; row++)
            {
                if ((bits & (1u << row)) == 0) continue;
                Swap(ref At(ref b, k), ref At(ref b, row), At(ref exchanges, (k * n) + row));
            }
        }
        for (var i = 1; i < n; i++)
        {
            ref var row = ref At(ref a, i * n);
            var sum = At(ref b, i);
            for (var j = 0; j < i; j++) sum = Fnma(At(ref row, j), At(ref b, j), sum);
            At(ref b, i) = sum;
        }
        for (var i = n - 1; i >= 0; i--)
        {
            ref var row = ref At(ref a, i * n);
            var sum = At(ref b, i);
            for (var j = n - 1; j > i; j--) sum = Fnma(At(ref row, j), At(ref b, j), sum);
            At(ref b, i) = sum * At(ref row, i);
        }
    }

    /// <summary>Brings each lane's pivot of column k into row k.</summary>
    private static uint Exchange(ref Vector512<double> a, ref Vector512<double> masks, int k, int n)
    {
        var own = Vector512.Create((double)k);
        var pivot = own;
        var largest = Vector512.Abs(At(ref a, (k * n) + k));
        for (var row = k + 1; row < n; row++)
        {
            var size = Vector512.Abs(At(ref a, (row * n) + k));
            var larger = Vector512.GreaterThan(size, largest);
            largest = Vector512.ConditionalSelect(larger, size, largest);
            pivot = Vector512.ConditionalSelect(larger, Vector512.Create((double)row), pivot);
        }
        if (Vector512.EqualsAll(pivot, own)) return 0;
        var bits = 0u;
        for (var row = k + 1; row < n; row++)
        {
            var mask = Vector512.Equals(pivot, Vector512.Create((double)row));
            if (Vector512.ExtractMostSignificantBits(mask) == 0) continue;
            bits |= 1u << row;
            At(ref masks, row) = mask;
            for (var j = 0; j < n; j++) Swap(ref At(ref a, (k * n) + j), ref At(ref a, (row * n) + j), mask);
        }
        return bits;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Swap(ref Vector512<double> p, ref Vector512<double> q, Vector512<double> mask)
    {
        Vector512<double> a = p, b = q;
        p = Vector512.ConditionalSelect(mask, b, a);
        q = Vector512.ConditionalSelect(mask, a, b);
    }

    /// <summary>c - a b, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fnma(Vector512<double> a, Vector512<double> b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(-a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector512<double> At(ref Vector512<double> first, int i) => ref Unsafe.Add(ref first, i);
}
