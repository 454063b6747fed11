using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <content>Sums over the rows of a block: gradients of weights and biases.</content>
internal static unsafe partial class NetKernel<TVector, T, TLanes>
{
    /// <summary>G[o, i] += sum over rows, one fused multiply-add after another from row 0, of D[o, row] A[row, i].</summary>
    /// <param name="d">[outputs, stride], the rows that are summed first.</param>
    /// <param name="a">[rows, padded inputs]: inputs along the lanes.</param>
    /// <param name="g">[outputs, padded inputs].</param>
    private static void OuterSum(T* d, nint stride, int rows, int outputs, T* a, nint padded, T* g)
    {
        nint tile = 4 * TLanes.Count, pair = 2 * TLanes.Count;
        var o = 0;
        for (; o + 4 <= outputs; o += 4)
        {
            nint i = 0;
            if (ManyRegisters)
            {
                for (; i + tile <= padded; i += tile) Outer4x4(d + (o * stride), stride, rows, a + i, padded, g + (o * padded) + i);
            }
            for (; i + pair <= padded; i += pair) Outer4x2(d + (o * stride), stride, rows, a + i, padded, g + (o * padded) + i);
            for (; i < padded; i += TLanes.Count) Outer4x1(d + (o * stride), stride, rows, a + i, padded, g + (o * padded) + i);
        }
        for (; o < outputs; o++)
        {
            nint i = 0;
            for (; i + tile <= padded; i += tile) Outer1x4(d + (o * stride), stride, rows, a + i, padded, g + (o * padded) + i);
            for (; i < padded; i += TLanes.Count) Outer1x1(d + (o * stride), stride, rows, a + i, padded, g + (o * padded) + i);
        }
    }

    /// <summary>G[o, i, lane] += D[o, lane] A[i, lane] and B[o, lane] += D[o, lane] for the sixteen rows of a share.</summary>
    private static void LaneSums(T* d, int outputs, T* a, int inputs, nint stride, T* g, T* b)
    {
        for (var o = 0; o < outputs; o++, d += stride, g += inputs * NetLayout.Share, b += NetLayout.Share)
        {
            for (var r = 0; r < NetLayout.Share; r += TLanes.Count)
            {
                var delta = TLanes.Load(d + r);
                TLanes.Store(TLanes.Add(TLanes.Load(b + r), delta), b + r);
                T* sum = g + r, from = a + r;
                for (var i = 0; i < inputs; i++, sum += NetLayout.Share, from += stride)
                    TLanes.Store(TLanes.Fma(delta, TLanes.Load(from), TLanes.Load(sum)), sum);
            }
        }
    }

    /// <summary>4 outputs, four vectors of inputs.</summary>
    private static void Outer4x4(T* d, nint stride, int rows, T* a, nint padded, T* g)
    {
        var s00 = TLanes.Load(g);
        var s01 = TLanes.Load(g + TLanes.Count);
        var s02 = TLanes.Load(g + (2 * TLanes.Count));
        var s03 = TLanes.Load(g + (3 * TLanes.Count));
        var s10 = TLanes.Load(g + padded);
        var s11 = TLanes.Load(g + padded + TLanes.Count);
        var s12 = TLanes.Load(g + padded + (2 * TLanes.Count));
        var s13 = TLanes.Load(g + padded + (3 * TLanes.Count));
        var s20 = TLanes.Load(g + (2 * padded));
        var s21 = TLanes.Load(g + (2 * padded) + TLanes.Count);
        var s22 = TLanes.Load(g + (2 * padded) + (2 * TLanes.Count));
        var s23 = TLanes.Load(g + (2 * padded) + (3 * TLanes.Count));
        var s30 = TLanes.Load(g + (3 * padded));
        var s31 = TLanes.Load(g + (3 * padded) + TLanes.Count);
        var s32 = TLanes.Load(g + (3 * padded) + (2 * TLanes.Count));
        var s33 = TLanes.Load(g + (3 * padded) + (3 * TLanes.Count));
        for (var r = 0; r < rows; r++, a += padded)
        {
            var x0 = TLanes.Load(a);
            var x1 = TLanes.Load(a + TLanes.Count);
            var x2 = TLanes.Load(a + (2 * TLanes.Count));
            var x3 = TLanes.Load(a + (3 * TLanes.Count));
            var c = TLanes.Create(d[r]);
            s00 = TLanes.Fma(c, x0, s00);
            s01 = TLanes.Fma(c, x1, s01);
            s02 = TLanes.Fma(c, x2, s02);
            s03 = TLanes.Fma(c, x3, s03);
            c = TLanes.Create(d[stride + r]);
            s10 = TLanes.Fma(c, x0, s10);
            s11 = TLanes.Fma(c, x1, s11);
            s12 = TLanes.Fma(c, x2, s12);
            s13 = TLanes.Fma(c, x3, s13);
            c = TLanes.Create(d[(2 * stride) + r]);
            s20 = TLanes.Fma(c, x0, s20);
            s21 = TLanes.Fma(c, x1, s21);
            s22 = TLanes.Fma(c, x2, s22);
            s23 = TLanes.Fma(c, x3, s23);
            c = TLanes.Create(d[(3 * stride) + r]);
            s30 = TLanes.Fma(c, x0, s30);
            s31 = TLanes.Fma(c, x1, s31);
            s32 = TLanes.Fma(c, x2, s32);
            s33 = TLanes.Fma(c, x3, s33);
        }
        TLanes.Store(s00, g);
        TLanes.Store(s01, g + TLanes.Count);
        TLanes.Store(s02, g + (2 * TLanes.Count));
        TLanes.Store(s03, g + (3 * TLanes.Count));
        TLanes.Store(s10, g + padded);
        TLanes.Store(s11, g + padded + TLanes.Count);
        TLanes.Store(s12, g + padded + (2 * TLanes.Count));
        TLanes.Store(s13, g + padded + (3 * TLanes.Count));
        TLanes.Store(s20, g + (2 * padded));
        TLanes.Store(s21, g + (2 * padded) + TLanes.Count);
        TLanes.Store(s22, g + (2 * padded) + (2 * TLanes.Count));
        TLanes.Store(s23, g + (2 * padded) + (3 * TLanes.Count));
        TLanes.Store(s30, g + (3 * padded));
        TLanes.Store(s31, g + (3 * padded) + TLanes.Count);
        TLanes.Store(s32, g + (3 * padded) + (2 * TLanes.Count));
        TLanes.Store(s33, g + (3 * padded) + (3 * TLanes.Count));
    }

    /// <summary>4 outputs, two vectors of inputs.</summary>
    private static void Outer4x2(T* d, nint stride, int rows, T* a, nint padded, T* g)
    {
        var s00 = TLanes.Load(g);
        var s01 = TLanes.Load(g + TLanes.Count);
        var s10 = TLanes.Load(g + padded);
        var s11 = TLanes.Load(g + padded + TLanes.Count);
        var s20 = TLanes.Load(g + (2 * padded));
        var s21 = TLanes.Load(g + (2 * padded) + TLanes.Count);
        var s30 = TLanes.Load(g + (3 * padded));
        var s31 = TLanes.Load(g + (3 * padded) + TLanes.Count);
        for (var r = 0; r < rows; r++, a += padded)
        {
            var x0 = TLanes.Load(a);
            var x1 = TLanes.Load(a + TLanes.Count);
            var c = TLanes.Create(d[r]);
            s00 = TLanes.Fma(c, x0, s00);
            s01 = TLanes.Fma(c, x1, s01);
            c = TLanes.Create(d[stride + r]);
            s10 = TLanes.Fma(c, x0, s10);
            s11 = TLanes.Fma(c, x1, s11);
            c = TLanes.Create(d[(2 * stride) + r]);
            s20 = TLanes.Fma(c, x0, s20);
            s21 = TLanes.Fma(c, x1, s21);
            c = TLanes.Create(d[(3 * stride) + r]);
            s30 = TLanes.Fma(c, x0, s30);
            s31 = TLanes.Fma(c, x1, s31);
        }
        TLanes.Store(s00, g);
        TLanes.Store(s01, g + TLanes.Count);
        TLanes.Store(s10, g + padded);
        TLanes.Store(s11, g + padded + TLanes.Count);
        TLanes.Store(s20, g + (2 * padded));
        TLanes.Store(s21, g + (2 * padded) + TLanes.Count);
        TLanes.Store(s30, g + (3 * padded));
        TLanes.Store(s31, g + (3 * padded) + TLanes.Count);
    }

    /// <summary>4 outputs, one vector of inputs.</summary>
    private static void Outer4x1(T* d, nint stride, int rows, T* a, nint padded, T* g)
    {
        var s00 = TLanes.Load(g);
        var s10 = TLanes.Load(g + padded);
        var s20 = TLanes.Load(g + (2 * padded));
        var s30 = TLanes.Load(g + (3 * padded));
        for (var r = 0; r < rows; r++, a += padded)
        {
            var x0 = TLanes.Load(a);
            var c = TLanes.Create(d[r]);
            s00 = TLanes.Fma(c, x0, s00);
            c = TLanes.Create(d[stride + r]);
            s10 = TLanes.Fma(c, x0, s10);
            c = TLanes.Create(d[(2 * stride) + r]);
            s20 = TLanes.Fma(c, x0, s20);
            c = TLanes.Create(d[(3 * stride) + r]);
            s30 = TLanes.Fma(c, x0, s30);
        }
        TLanes.Store(s00, g);
        TLanes.Store(s10, g + padded);
        TLanes.Store(s20, g + (2 * padded));
        TLanes.Store(s30, g + (3 * padded));
    }

    /// <summary>1 output, four vectors of inputs.</summary>
    private static void Outer1x4(T* d, nint stride, int rows, T* a, nint padded, T* g)
    {
        var s00 = TLanes.Load(g);
        var s01 = TLanes.Load(g + TLanes.Count);
        var s02 = TLanes.Load(g + (2 * TLanes.Count));
        var s03 = TLanes.Load(g + (3 * TLanes.Count));
        for (var r = 0; r < rows; r++, a += padded)
        {
            var x0 = TLanes.Load(a);
            var x1 = TLanes.Load(a + TLanes.Count);
            var x2 = TLanes.Load(a + (2 * TLanes.Count));
            var x3 = TLanes.Load(a + (3 * TLanes.Count));
            var c = TLanes.Create(d[r]);
            s00 = TLanes.Fma(c, x0, s00);
            s01 = TLanes.Fma(c, x1, s01);
            s02 = TLanes.Fma(c, x2, s02);
            s03 = TLanes.Fma(c, x3, s03);
        }
        TLanes.Store(s00, g);
        TLanes.Store(s01, g + TLanes.Count);
        TLanes.Store(s02, g + (2 * TLanes.Count));
        TLanes.Store(s03, g + (3 * TLanes.Count));
    }

    /// <summary>1 output, one vector of inputs.</summary>
    private static void Outer1x1(T* d, nint stride, int rows, T* a, nint padded, T* g)
    {
        var s00 = TLanes.Load(g);
        for (var r = 0; r < rows; r++, a += padded)
        {
            var x0 = TLanes.Load(a);
            var c = TLanes.Create(d[r]);
            s00 = TLanes.Fma(c, x0, s00);
        }
        TLanes.Store(s00, g);
    }
}
