using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Control.Qp;

internal sealed unsafe partial class StageQp
{
    /// <summary>The backward recursion over matrices: gains, pivots and P b of each stage. False: a pivot is not positive.</summary>
    [SkipLocalsInit]
    private bool Factor<TWidth>()
        where TWidth : struct, IRowWidth
    {
        var chunks = TWidth.Chunks > 0 ? TWidth.Chunks : _chunks;
        int n = States, m = Inputs, width = Width, stride = chunks * 8;
        double* p = _p0, next = _p1;
        Copy(_hEff + (Stages * width * stride), p, width * stride);
        for (var k = Stages - 1; k >= 0; k--)
        {
            double* g = _g + (k * n * stride), b = _gap + (k * stride) + m;
            double* h = _hEff + (k * width * stride), gains = _gains + (k * m * stride);
            for (var c = 0; c < chunks; c++)
            {
                var pb = Vector512<double>.Zero;
                for (var j = 0; j < n; j++) pb = Fma(b[j], Vector512.LoadAligned(p + ((m + j) * stride) + (8 * c)), pb);
                pb.StoreAligned(_pb + (k * stride) + (8 * c));
                for (var i = 0; i < n; i++)
                {
                    // Entries on and above the diagonal alone are read: an antisymmetric rounding error would grow with the open loop.
                    var sum = Vector512<double>.Zero;
                    var entry = p + (m * stride) + m + i;
                    for (var j = 0; j < i; j++, entry += stride) sum = Fma(*entry, Vector512.LoadAligned(g + (j * stride) + (8 * c)), sum);
                    for (var j = i; j < n; j++, entry++) sum = Fma(*entry, Vector512.LoadAligned(g + (j * stride) + (8 * c)), sum);
                    sum.StoreAligned(_m + (i * stride) + (8 * c));
                }
                for (var r = 0; r < width; r++)
                {
                    var sum = Vector512.LoadAligned(h + (r * stride) + (8 * c));
                    for (var i = 0; i < n; i++) sum = Fma(g[(i * stride) + r], Vector512.LoadAligned(_m + (i * stride) + (8 * c)), sum);
                    sum.StoreAligned(next + (r * stride) + (8 * c));
                }
            }
            for (var i = 0; i < m; i++)
            {
                var pivot = next[(i * stride) + i];
                if (!(pivot > 0.0)) return false;
                var inverse = 1.0 / pivot;
                _pivots[(k * m) + i] = inverse;
                for (var c = 0; c < chunks; c++)
                {
                    var gain = Vector512.LoadAligned(next + (i * stride) + (8 * c)) * Vector512.LoadAligned(_masks + (i * stride) + (8 * c));
                    gain *= Vector512.Create(inverse);
                    gain.StoreAligned(gains + (i * stride) + (8 * c));
                    for (var r = i + 1; r < width; r++)
                    {
                        var at = next + (r * stride) + (8 * c);
                        Fma(-next[(i * stride) + r], gain, Vector512.LoadAligned(at)).StoreAligned(at);
                    }
                }
            }
            var done = next;
            next = p;
            p = done;
        }
        return true;
    }

    /// <summary>The backward recursion over vectors: feed-forwards for the gradients in <see cref="_gradEff"/>.</summary>
    [SkipLocalsInit]
    private void Backward<TWidth>()
        where TWidth : struct, IRowWidth
    {
        var chunks = TWidth.Chunks > 0 ? TWidth.Chunks : _chunks;
        int n = States, m = Inputs, stride = chunks * 8;
        var v = _row;
        Copy(_gradEff + (Stages * stride), v, stride);
        for (var k = Stages - 1; k >= 0; k--)
        {
            double* g = _g + (k * n * stride), gains = _gains + (k * m * stride);
            double* gradient = _gradEff + (k * stride), pb = _pb + (k * stride);
            if (TWidth.Chunks == 1)
            {
                (Vector512.LoadAligned(pb) + Vector512.LoadAligned(v)).StoreAligned(v);
                var h = Vector512.LoadAligned(gradient);
                for (var i = 0; i < n; i++) h = Fma(v[m + i], Vector512.LoadAligned(g + (i * stride)), h);
                for (var i = 0; i < m; i++)
                {
                    h.StoreAligned(v);
                    var value = v[i];
                    _feed[(k * m) + i] = value * _pivots[(k * m) + i];
                    h = Fma(-value, Vector512.LoadAligned(gains + (i * stride)), h);
                }
                h.StoreAligned(v);
                continue;
            }
            for (var i = 0; i < n; i++) _m[i] = pb[m + i] + v[m + i];
            for (var c = 0; c < chunks; c++)
            {
                var h = Vector512.LoadAligned(gradient + (8 * c));
                for (var i = 0; i < n; i++) h = Fma(_m[i], Vector512.LoadAligned(g + (i * stride) + (8 * c)), h);
                h.StoreAligned(v + (8 * c));
            }
            for (var i = 0; i < m; i++)
            {
                var value = v[i];
                _feed[(k * m) + i] = value * _pivots[(k * m) + i];
                for (var c = 0; c < chunks; c++)
                {
                    var at = v + (8 * c);
                    Fma(-value, Vector512.LoadAligned(gains + (i * stride) + (8 * c)), Vector512.LoadAligned(at)).StoreAligned(at);
                }
            }
        }
    }

    /// <summary>Rolls the policy out from the z_0 in <see cref="_dw"/>.</summary>
    [SkipLocalsInit]
    private void Forward<TWidth>()
        where TWidth : struct, IRowWidth
    {
        var chunks = TWidth.Chunks > 0 ? TWidth.Chunks : _chunks;
        int n = States, m = Inputs, width = Width, stride = chunks * 8;
        var w = _dw;
        for (var i = 0; i < m; i++) w[i] = 0.0;
        for (var k = 0; k < Stages; k++)
        {
            double* gT = _gT + (k * width * stride), gains = _gains + (k * m * stride), after = w + stride;
            for (var i = m - 1; i >= 0; i--)
            {
                double* gain = gains + (i * stride);
                double sum = _feed[(k * m) + i], other = 0.0;
                var c = m;
                for (; c + 1 < width; c += 2)
                {
                    sum = Math.FusedMultiplyAdd(gain[c], w[c], sum);
                    other = Math.FusedMultiplyAdd(gain[c + 1], w[c + 1], other);
                }
                if (c < width) sum = Math.FusedMultiplyAdd(gain[c], w[c], sum);
                sum += other;
                for (c = i + 1; c < m; c++) sum = Math.FusedMultiplyAdd(gain[c], w[c], sum);
                w[i] = -sum;
            }
            for (var c = 0; c < chunks; c++)
            {
                var sum = Vector512.LoadAligned(_gap + (k * stride) + (8 * c));
                for (var j = m; j < width; j++) sum = Fma(w[j], Vector512.LoadAligned(gT + (j * stride) + (8 * c)), sum);
                for (var j = 0; j < m; j++) sum = Fma(w[j], Vector512.LoadAligned(gT + (j * stride) + (8 * c)), sum);
                sum.StoreAligned(after + (8 * c));
            }
            w = after;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(double a, Vector512<double> b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(Vector512.Create(a), b, c);

    private static void Copy(double* from, double* to, int count) =>
        new ReadOnlySpan<double>(from, count).CopyTo(new Span<double>(to, count));
}
