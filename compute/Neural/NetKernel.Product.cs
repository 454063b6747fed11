using System.Numerics;
using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <content>Products of a weight with a block of rows: accumulators in registers, rows along the lanes, one fused multiply-add after
/// another from the bias and index 0.</content>
internal static unsafe partial class NetKernel<TVector, T, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TLanes : struct, ILanes<TVector, T>
{
    /// <summary>y[m, rows] = bias[m] + sum over d of W[m, d] x[d, rows], with W[m, d] at w[m * rowStride + d * columnStride].</summary>
    /// <param name="bias">One per result, or null for 0.</param>
    /// <param name="rows">Rows of the block and stride of x and y: 16 or 32.</param>
    private static void Product(
        T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, int results, int rows)
    {
        if (TLanes.Count < rows)
        {
            for (var r = 0; r < rows; r += 2 * TLanes.Count)
            {
                for (var m = 0; m < results;)
                {
                    // The last block is moved back over results that are there already: the same numbers are written again.
                    if (ManyRegisters && (results - m >= 8 || (results - m > 4 && results >= 8)))
                    {
                        m = Math.Min(m, results - 8);
                        Product8x2(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x + r, y + (m * rows) + r, rows);
                        m += 8;
                    }
                    else if (results >= 4)
                    {
                        m = Math.Min(m, results - 4);
                        Product4x2(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x + r, y + (m * rows) + r, rows);
                        m += 4;
                    }
                    else
                    {
                        Product1x2(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x + r, y + (m * rows) + r, rows);
                        m++;
                    }
                }
            }
            return;
        }
        // One vector holds the rows: twice the results at a time.
        for (var m = 0; m < results;)
        {
            if (results - m >= 16 || (results - m > 8 && results >= 16))
            {
                m = Math.Min(m, results - 16);
                Product16x1(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x, y + (m * rows), rows);
                m += 16;
            }
            else if (results >= 8)
            {
                m = Math.Min(m, results - 8);
                Product8x1(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x, y + (m * rows), rows);
                m += 8;
            }
            else if (results >= 4)
            {
                m = Math.Min(m, results - 4);
                Product4x1(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x, y + (m * rows), rows);
                m += 4;
            }
            else
            {
                Product1x1(w + (m * rowStride), rowStride, columnStride, At(bias, m), depth, x, y + (m * rows), rows);
                m++;
            }
        }
    }

    /// <summary>512-bit vectors come with 32 registers; others with 16, which sixteen accumulators would not fit into.</summary>
    private static bool ManyRegisters
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TLanes.Count * sizeof(T) == 64;
    }

    private static T* At(T* bias, int m) => bias == null ? null : bias + m;

    /// <summary>8 results, two vectors of rows.</summary>
    private static void Product8x2(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        var s1 = TLanes.Create(bias == null ? T.Zero : bias[1]);
        var s2 = TLanes.Create(bias == null ? T.Zero : bias[2]);
        var s3 = TLanes.Create(bias == null ? T.Zero : bias[3]);
        var s4 = TLanes.Create(bias == null ? T.Zero : bias[4]);
        var s5 = TLanes.Create(bias == null ? T.Zero : bias[5]);
        var s6 = TLanes.Create(bias == null ? T.Zero : bias[6]);
        var s7 = TLanes.Create(bias == null ? T.Zero : bias[7]);
        var t0 = s0;
        var t1 = s1;
        var t2 = s2;
        var t3 = s3;
        var t4 = s4;
        var t5 = s5;
        var t6 = s6;
        var t7 = s7;
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            var b = TLanes.Load(x + TLanes.Count);
            var c = TLanes.Create(*w);
            s0 = TLanes.Fma(c, a, s0);
            t0 = TLanes.Fma(c, b, t0);
            c = TLanes.Create(w[rowStride]);
            s1 = TLanes.Fma(c, a, s1);
            t1 = TLanes.Fma(c, b, t1);
            c = TLanes.Create(w[2 * rowStride]);
            s2 = TLanes.Fma(c, a, s2);
            t2 = TLanes.Fma(c, b, t2);
            c = TLanes.Create(w[3 * rowStride]);
            s3 = TLanes.Fma(c, a, s3);
            t3 = TLanes.Fma(c, b, t3);
            c = TLanes.Create(w[4 * rowStride]);
            s4 = TLanes.Fma(c, a, s4);
            t4 = TLanes.Fma(c, b, t4);
            c = TLanes.Create(w[5 * rowStride]);
            s5 = TLanes.Fma(c, a, s5);
            t5 = TLanes.Fma(c, b, t5);
            c = TLanes.Create(w[6 * rowStride]);
            s6 = TLanes.Fma(c, a, s6);
            t6 = TLanes.Fma(c, b, t6);
            c = TLanes.Create(w[7 * rowStride]);
            s7 = TLanes.Fma(c, a, s7);
            t7 = TLanes.Fma(c, b, t7);
        }
        TLanes.Store(s0, y);
        TLanes.Store(t0, y + TLanes.Count);
        TLanes.Store(s1, y + stride);
        TLanes.Store(t1, y + stride + TLanes.Count);
        TLanes.Store(s2, y + (2 * stride));
        TLanes.Store(t2, y + (2 * stride) + TLanes.Count);
        TLanes.Store(s3, y + (3 * stride));
        TLanes.Store(t3, y + (3 * stride) + TLanes.Count);
        TLanes.Store(s4, y + (4 * stride));
        TLanes.Store(t4, y + (4 * stride) + TLanes.Count);
        TLanes.Store(s5, y + (5 * stride));
        TLanes.Store(t5, y + (5 * stride) + TLanes.Count);
        TLanes.Store(s6, y + (6 * stride));
        TLanes.Store(t6, y + (6 * stride) + TLanes.Count);
        TLanes.Store(s7, y + (7 * stride));
        TLanes.Store(t7, y + (7 * stride) + TLanes.Count);
    }

    /// <summary>4 results, two vectors of rows.</summary>
    private static void Product4x2(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        var s1 = TLanes.Create(bias == null ? T.Zero : bias[1]);
        var s2 = TLanes.Create(bias == null ? T.Zero : bias[2]);
        var s3 = TLanes.Create(bias == null ? T.Zero : bias[3]);
        var t0 = s0;
        var t1 = s1;
        var t2 = s2;
        var t3 = s3;
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            var b = TLanes.Load(x + TLanes.Count);
            var c = TLanes.Create(*w);
            s0 = TLanes.Fma(c, a, s0);
            t0 = TLanes.Fma(c, b, t0);
            c = TLanes.Create(w[rowStride]);
            s1 = TLanes.Fma(c, a, s1);
            t1 = TLanes.Fma(c, b, t1);
            c = TLanes.Create(w[2 * rowStride]);
            s2 = TLanes.Fma(c, a, s2);
            t2 = TLanes.Fma(c, b, t2);
            c = TLanes.Create(w[3 * rowStride]);
            s3 = TLanes.Fma(c, a, s3);
            t3 = TLanes.Fma(c, b, t3);
        }
        TLanes.Store(s0, y);
        TLanes.Store(t0, y + TLanes.Count);
        TLanes.Store(s1, y + stride);
        TLanes.Store(t1, y + stride + TLanes.Count);
        TLanes.Store(s2, y + (2 * stride));
        TLanes.Store(t2, y + (2 * stride) + TLanes.Count);
        TLanes.Store(s3, y + (3 * stride));
        TLanes.Store(t3, y + (3 * stride) + TLanes.Count);
    }

    /// <summary>1 result, two vectors of rows.</summary>
    private static void Product1x2(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        var t0 = s0;
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            var b = TLanes.Load(x + TLanes.Count);
            var c = TLanes.Create(*w);
            s0 = TLanes.Fma(c, a, s0);
            t0 = TLanes.Fma(c, b, t0);
        }
        TLanes.Store(s0, y);
        TLanes.Store(t0, y + TLanes.Count);
    }

    /// <summary>16 results, one vector of rows.</summary>
    private static void Product16x1(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        var s1 = TLanes.Create(bias == null ? T.Zero : bias[1]);
        var s2 = TLanes.Create(bias == null ? T.Zero : bias[2]);
        var s3 = TLanes.Create(bias == null ? T.Zero : bias[3]);
        var s4 = TLanes.Create(bias == null ? T.Zero : bias[4]);
        var s5 = TLanes.Create(bias == null ? T.Zero : bias[5]);
        var s6 = TLanes.Create(bias == null ? T.Zero : bias[6]);
        var s7 = TLanes.Create(bias == null ? T.Zero : bias[7]);
        var s8 = TLanes.Create(bias == null ? T.Zero : bias[8]);
        var s9 = TLanes.Create(bias == null ? T.Zero : bias[9]);
        var s10 = TLanes.Create(bias == null ? T.Zero : bias[10]);
        var s11 = TLanes.Create(bias == null ? T.Zero : bias[11]);
        var s12 = TLanes.Create(bias == null ? T.Zero : bias[12]);
        var s13 = TLanes.Create(bias == null ? T.Zero : bias[13]);
        var s14 = TLanes.Create(bias == null ? T.Zero : bias[14]);
        var s15 = TLanes.Create(bias == null ? T.Zero : bias[15]);
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            s0 = TLanes.Fma(TLanes.Create(*w), a, s0);
            s1 = TLanes.Fma(TLanes.Create(w[rowStride]), a, s1);
            s2 = TLanes.Fma(TLanes.Create(w[2 * rowStride]), a, s2);
            s3 = TLanes.Fma(TLanes.Create(w[3 * rowStride]), a, s3);
            s4 = TLanes.Fma(TLanes.Create(w[4 * rowStride]), a, s4);
            s5 = TLanes.Fma(TLanes.Create(w[5 * rowStride]), a, s5);
            s6 = TLanes.Fma(TLanes.Create(w[6 * rowStride]), a, s6);
            s7 = TLanes.Fma(TLanes.Create(w[7 * rowStride]), a, s7);
            s8 = TLanes.Fma(TLanes.Create(w[8 * rowStride]), a, s8);
            s9 = TLanes.Fma(TLanes.Create(w[9 * rowStride]), a, s9);
            s10 = TLanes.Fma(TLanes.Create(w[10 * rowStride]), a, s10);
            s11 = TLanes.Fma(TLanes.Create(w[11 * rowStride]), a, s11);
            s12 = TLanes.Fma(TLanes.Create(w[12 * rowStride]), a, s12);
            s13 = TLanes.Fma(TLanes.Create(w[13 * rowStride]), a, s13);
            s14 = TLanes.Fma(TLanes.Create(w[14 * rowStride]), a, s14);
            s15 = TLanes.Fma(TLanes.Create(w[15 * rowStride]), a, s15);
        }
        TLanes.Store(s0, y);
        TLanes.Store(s1, y + stride);
        TLanes.Store(s2, y + (2 * stride));
        TLanes.Store(s3, y + (3 * stride));
        TLanes.Store(s4, y + (4 * stride));
        TLanes.Store(s5, y + (5 * stride));
        TLanes.Store(s6, y + (6 * stride));
        TLanes.Store(s7, y + (7 * stride));
        TLanes.Store(s8, y + (8 * stride));
        TLanes.Store(s9, y + (9 * stride));
        TLanes.Store(s10, y + (10 * stride));
        TLanes.Store(s11, y + (11 * stride));
        TLanes.Store(s12, y + (12 * stride));
        TLanes.Store(s13, y + (13 * stride));
        TLanes.Store(s14, y + (14 * stride));
        TLanes.Store(s15, y + (15 * stride));
    }

    /// <summary>8 results, one vector of rows.</summary>
    private static void Product8x1(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        var s1 = TLanes.Create(bias == null ? T.Zero : bias[1]);
        var s2 = TLanes.Create(bias == null ? T.Zero : bias[2]);
        var s3 = TLanes.Create(bias == null ? T.Zero : bias[3]);
        var s4 = TLanes.Create(bias == null ? T.Zero : bias[4]);
        var s5 = TLanes.Create(bias == null ? T.Zero : bias[5]);
        var s6 = TLanes.Create(bias == null ? T.Zero : bias[6]);
        var s7 = TLanes.Create(bias == null ? T.Zero : bias[7]);
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            s0 = TLanes.Fma(TLanes.Create(*w), a, s0);
            s1 = TLanes.Fma(TLanes.Create(w[rowStride]), a, s1);
            s2 = TLanes.Fma(TLanes.Create(w[2 * rowStride]), a, s2);
            s3 = TLanes.Fma(TLanes.Create(w[3 * rowStride]), a, s3);
            s4 = TLanes.Fma(TLanes.Create(w[4 * rowStride]), a, s4);
            s5 = TLanes.Fma(TLanes.Create(w[5 * rowStride]), a, s5);
            s6 = TLanes.Fma(TLanes.Create(w[6 * rowStride]), a, s6);
            s7 = TLanes.Fma(TLanes.Create(w[7 * rowStride]), a, s7);
        }
        TLanes.Store(s0, y);
        TLanes.Store(s1, y + stride);
        TLanes.Store(s2, y + (2 * stride));
        TLanes.Store(s3, y + (3 * stride));
        TLanes.Store(s4, y + (4 * stride));
        TLanes.Store(s5, y + (5 * stride));
        TLanes.Store(s6, y + (6 * stride));
        TLanes.Store(s7, y + (7 * stride));
    }

    /// <summary>4 results, one vector of rows.</summary>
    private static void Product4x1(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        var s1 = TLanes.Create(bias == null ? T.Zero : bias[1]);
        var s2 = TLanes.Create(bias == null ? T.Zero : bias[2]);
        var s3 = TLanes.Create(bias == null ? T.Zero : bias[3]);
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            s0 = TLanes.Fma(TLanes.Create(*w), a, s0);
            s1 = TLanes.Fma(TLanes.Create(w[rowStride]), a, s1);
            s2 = TLanes.Fma(TLanes.Create(w[2 * rowStride]), a, s2);
            s3 = TLanes.Fma(TLanes.Create(w[3 * rowStride]), a, s3);
        }
        TLanes.Store(s0, y);
        TLanes.Store(s1, y + stride);
        TLanes.Store(s2, y + (2 * stride));
        TLanes.Store(s3, y + (3 * stride));
    }

    /// <summary>1 result, one vector of rows.</summary>
    private static void Product1x1(T* w, nint rowStride, nint columnStride, T* bias, int depth, T* x, T* y, nint stride)
    {
        var s0 = TLanes.Create(bias == null ? T.Zero : bias[0]);
        for (var d = 0; d < depth; d++, w += columnStride, x += stride)
        {
            var a = TLanes.Load(x);
            s0 = TLanes.Fma(TLanes.Create(*w), a, s0);
        }
        TLanes.Store(s0, y);
    }
}
