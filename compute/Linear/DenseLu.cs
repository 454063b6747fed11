using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Linear;

/// <summary>
/// LU factors with partial pivoting of a dense matrix, specialised by size: written out up to 4 rows (<see cref="UnrolledLu"/>); above, a
/// row is eliminated eight columns at a time. Every entry of the result is computed by the same operations in the same order whatever the
/// machine's vector width, so its bits are the same everywhere.
/// </summary>
/// <remarks>For up to 4 rows layout and stride are those of <see cref="UnrolledLu"/>. Above, rows are padded with zeros to the
/// <see cref="Stride"/>. Up to 16 rows the substitutions go row by row with scalars, whose latency decides there; above, the factors'
/// transpose is kept too and they run down columns, eight rows at a time.</remarks>
internal static class DenseLu
{
    private const int Width = 8;

    /// <summary>Numbers from one row to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Stride(int n) => n <= UnrolledLu.Largest ? n : (n + Width - 1) / Width * Width;

    /// <summary>Numbers that the factors need.</summary>
    public static int Storage(int n) => n <= UnrolledLu.Largest ? n * n : n <= 2 * Width ? n * Stride(n) : 2 * n * Stride(n);

    /// <summary>Factors the matrix in the first n rows of <paramref name="a"/> (row-major, with <see cref="Stride"/>, padding zero), in
    /// place.</summary>
    /// <param name="a">Length <see cref="Storage"/>.</param>
    /// <param name="order">Length n: the matrix's row that became row i.</param>
    /// <returns>False if a pivot is zero or not finite.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Factor(Span<double> a, Span<int> order, int n)
    {
        ref var first = ref MemoryMarshal.GetReference(a);
        ref var rows = ref MemoryMarshal.GetReference(order);
        return n switch
        {
            1 => UnrolledLu.Factor1(ref first, ref rows),
            2 => UnrolledLu.Factor2(ref first, ref rows),
            3 => UnrolledLu.Factor3(ref first, ref rows),
            4 => UnrolledLu.Factor4(ref first, ref rows),
            _ => FactorRows(a, order, n),
        };
    }

    /// <summary>Solves A x = b in place; <paramref name="b"/> has at least n numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Solve(Span<double> factors, Span<int> order, Span<double> b, int n)
    {
        ref var first = ref MemoryMarshal.GetReference(factors);
        ref var rows = ref MemoryMarshal.GetReference(order);
        ref var x = ref MemoryMarshal.GetReference(b);
        switch (n)
        {
            case 1:
                UnrolledLu.Solve1(ref first, ref x);
                break;
            case 2:
                UnrolledLu.Solve2(ref first, ref rows, ref x);
                break;
            case 3:
                UnrolledLu.Solve3(ref first, ref rows, ref x);
                break;
            case 4:
                UnrolledLu.Solve4(ref first, ref rows, ref x);
                break;
            case <= 2 * Width:
                SolveRows(ref first, ref rows, ref x, n);
                break;
            default:
                SolveMany(factors, order, b, n);
                break;
        }
    }

    private static bool FactorRows(Span<double> a, Span<int> order, int n)
    {
        var stride = Stride(n);
        ref var first = ref MemoryMarshal.GetReference(a);
        for (var i = 0; i < n; i++) order[i] = i;
        for (var k = 0; k < n; k++)
        {
            ref var upper = ref Unsafe.Add(ref first, k * stride);
            var pivot = k;
            var largest = Math.Abs(Unsafe.Add(ref upper, k));
            for (var row = k + 1; row < n; row++)
            {
                var size = Math.Abs(Unsafe.Add(ref first, (row * stride) + k));
                if (!(size > largest)) continue;
                largest = size;
                pivot = row;
            }
            var d = 1.0 / Unsafe.Add(ref upper, (pivot - k) * stride + k);
            if (!double.IsFinite(d)) return false;
            if (pivot != k)
            {
                (order[k], order[pivot]) = (order[pivot], order[k]);
                ref var other = ref Unsafe.Add(ref first, pivot * stride);
                for (var j = 0; j < stride; j += Width)
                {
                    Vector512<double> p = Load(ref upper, j), q = Load(ref other, j);
                    q.StoreUnsafe(ref upper, (nuint)j);
                    p.StoreUnsafe(ref other, (nuint)j);
                }
            }
            Unsafe.Add(ref upper, k) = d;
            // From the block of column k on; entries of that block left of it are saved and put back.
            var start = (k + 1) / Width * Width;
            for (var row = k + 1; row < n; row++)
            {
                ref var lower = ref Unsafe.Add(ref first, row * stride);
                var entry = Unsafe.Add(ref lower, k);
                if (entry == 0.0) continue;
                var l = entry * d;
                if (start < stride)
                {
                    var mask = Vector512.GreaterThan(Vector512.Create(0.0, 1, 2, 3, 4, 5, 6, 7), Vector512.Create((double)(k - start)));
                    var old = Load(ref lower, start);
                    var changed = Vector512.FusedMultiplyAdd(Vector512.Create(-l), Load(ref upper, start), old);
                    Vector512.ConditionalSelect(mask, changed, old).StoreUnsafe(ref lower, (nuint)start);
                    for (var j = start + Width; j < stride; j += Width)
                    {
                        Vector512.FusedMultiplyAdd(Vector512.Create(-l), Load(ref upper, j), Load(ref lower, j))
                            .StoreUnsafe(ref lower, (nuint)j);
                    }
                }
                Unsafe.Add(ref lower, k) = l;
            }
        }
        if (n > 2 * Width) Transpose(ref first, n, stride);
        return true;
    }

    /// <summary>Writes column j of the factors as row j of the second half.</summary>
    private static void Transpose(ref double first, int n, int stride)
    {
        ref var columns = ref Unsafe.Add(ref first, n * stride);
        for (var j = 0; j < n; j++)
        {
            for (var i = 0; i < n; i++) Unsafe.Add(ref columns, (j * stride) + i) = Unsafe.Add(ref first, (i * stride) + j);
        }
    }

    /// <summary>Row by row; each sum ends with the newest unknown, so that rows overlap in the processor.</summary>
    private static void SolveRows(ref double factors, ref int order, ref double b, int n)
    {
        var stride = Stride(n);
        Span<double> permuted = stackalloc double[2 * Width];
        ref var x = ref MemoryMarshal.GetReference(permuted);
        for (var i = 0; i < n; i++)
        {
            ref var row = ref Unsafe.Add(ref factors, i * stride);
            var sum = Unsafe.Add(ref b, Unsafe.Add(ref order, i));
            for (var j = 0; j < i; j++) sum = Math.FusedMultiplyAdd(-Unsafe.Add(ref row, j), Unsafe.Add(ref x, j), sum);
            Unsafe.Add(ref x, i) = sum;
        }
        for (var i = n - 1; i >= 0; i--)
        {
            ref var row = ref Unsafe.Add(ref factors, i * stride);
            var sum = Unsafe.Add(ref x, i);
            for (var j = n - 1; j > i; j--) sum = Math.FusedMultiplyAdd(-Unsafe.Add(ref row, j), Unsafe.Add(ref b, j), sum);
            Unsafe.Add(ref b, i) = sum * Unsafe.Add(ref row, i);
        }
    }

    private static void SolveMany(Span<double> factors, Span<int> order, Span<double> b, int n)
    {
        var stride = Stride(n);
        var permuted = System.Buffers.ArrayPool<double>.Shared.Rent(n);
        var x = permuted.AsSpan(0, n);
        for (var i = 0; i < n; i++) x[i] = b[order[i]];
        for (var j = 0; j < n - 1; j++) Subtract(x[j], factors.Slice((n * stride) + (j * stride) + j + 1, n - j - 1), x[(j + 1)..]);
        for (var j = n - 1; j >= 0; j--)
        {
            var column = factors.Slice((n * stride) + (j * stride), n);
            x[j] *= column[j];
            Subtract(x[j], column[..j], x[..j]);
        }
        x.CopyTo(b);
        System.Buffers.ArrayPool<double>.Shared.Return(permuted);
    }

    /// <summary>y -= factor x.</summary>
    private static void Subtract(double factor, ReadOnlySpan<double> x, Span<double> y)
    {
        ref var from = ref MemoryMarshal.GetReference(x);
        ref var to = ref MemoryMarshal.GetReference(y);
        var i = 0;
        var f = Vector512.Create(-factor);
        for (; i <= y.Length - Width; i += Width)
            Vector512.FusedMultiplyAdd(f, Load(ref from, i), Load(ref to, i)).StoreUnsafe(ref to, (nuint)i);
        for (; i < y.Length; i++)
            Unsafe.Add(ref to, i) = Math.FusedMultiplyAdd(-factor, Unsafe.Add(ref from, i), Unsafe.Add(ref to, i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Load(ref double from, int at) => Vector512.LoadUnsafe(ref from, (nuint)at);
}
