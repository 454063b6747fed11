using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Linear;

/// <summary>LU factors with partial pivoting of a band matrix (Golub and Van Loan, Matrix Computations, 4.3.5; LAPACK's gbtrf by rows).
/// Row i keeps columns i - lower to i + upper + lower, room for what pivoting fills in. Operations run in a fixed order.</summary>
internal sealed class BandLu : ISparseFactors
{
    private readonly SparsePattern _pattern;
    private readonly int _lower;
    private readonly int _upper;
    private readonly int _width;
    private readonly double[] _a;
    private readonly int[] _pivots;
    private readonly int[] _places;

    public BandLu(SparsePattern pattern)
    {
        _pattern = pattern;
        (_lower, _upper) = pattern.Bandwidth();
        _width = (2 * _lower) + _upper + 1;
        _a = new double[pattern.Size * _width];
        _pivots = new int[pattern.Size];
        _places = [.. pattern.Entries().Select(e => Place(e.Row, e.Column))];
    }

    public string Description => $"band {_lower} + {_upper}";

    private int Place(int row, int column) => (row * _width) + column - row + _lower;

    public bool Factor(ReadOnlySpan<double> jacobian, double c, ReadOnlySpan<double> mass)
    {
        var n = _pattern.Size;
        Array.Clear(_a);
        for (var k = 0; k < _places.Length; k++) _a[_places[k]] = -jacobian[k];
        for (var i = 0; i < n; i++) _a[Place(i, i)] += mass.Length == 0 ? c : c * mass[i];
        ref var a = ref MemoryMarshal.GetArrayDataReference(_a);
        for (var k = 0; k < n; k++)
        {
            var last = Math.Min(n - 1, k + _lower);
            var pivot = k;
            var largest = Math.Abs(_a[Place(k, k)]);
            for (var row = k + 1; row <= last; row++)
            {
                var size = Math.Abs(_a[Place(row, k)]);
                if (!(size > largest)) continue;
                largest = size;
                pivot = row;
            }
            _pivots[k] = pivot;
            var count = Math.Min(n - 1, k + _lower + _upper) - k;
            if (pivot != k) _a.AsSpan(Place(k, k), count + 1).Swap(_a.AsSpan(Place(pivot, k), count + 1));
            var d = 1.0 / _a[Place(k, k)];
            if (!double.IsFinite(d)) return false;
            _a[Place(k, k)] = d;
            for (var row = k + 1; row <= last; row++)
            {
                var at = Place(row, k);
                if (_a[at] == 0.0) continue;
                var l = _a[at] * d;
                _a[at] = l;
                Subtract(l, ref Unsafe.Add(ref a, Place(k, k) + 1), ref Unsafe.Add(ref a, at + 1), count);
            }
        }
        return true;
    }

    public void Solve(Span<double> b)
    {
        var n = _pattern.Size;
        for (var k = 0; k < n; k++)
        {
            var pivot = _pivots[k];
            if (pivot != k) (b[k], b[pivot]) = (b[pivot], b[k]);
            var x = b[k];
            var last = Math.Min(n - 1, k + _lower);
            for (var row = k + 1; row <= last; row++) b[row] = Math.FusedMultiplyAdd(-_a[Place(row, k)], x, b[row]);
        }
        for (var k = n - 1; k >= 0; k--)
        {
            var sum = b[k];
            var row = _a.AsSpan(Place(k, k), Math.Min(n - 1, k + _lower + _upper) - k + 1);
            for (var j = row.Length - 1; j > 0; j--) sum = Math.FusedMultiplyAdd(-row[j], b[k + j], sum);
            b[k] = sum * row[0];
        }
    }

    private static void Subtract(double factor, ref double x, ref double y, int count)
    {
        var i = 0;
        for (; i <= count - 8; i += 8)
        {
            Vector512.FusedMultiplyAdd(Vector512.Create(-factor), Vector512.LoadUnsafe(ref x, (nuint)i), Vector512.LoadUnsafe(ref y, (nuint)i))
                .StoreUnsafe(ref y, (nuint)i);
        }
        for (; i < count; i++) Unsafe.Add(ref y, i) = Math.FusedMultiplyAdd(-factor, Unsafe.Add(ref x, i), Unsafe.Add(ref y, i));
    }
}

internal static class SpanSwap
{
    /// <summary>Exchanges two spans of one length.</summary>
    public static void Swap(this Span<double> a, Span<double> b)
    {
        for (var i = 0; i < a.Length; i++) (a[i], b[i]) = (b[i], a[i]);
    }
}
