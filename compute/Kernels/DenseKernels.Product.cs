using System.Runtime.Intrinsics;

namespace Athanor.Compute.Kernels;

/// <summary>
/// The matrix products under the perceptron. Matrices of activations are feature-major: feature f of row r of a batch lies at
/// [f * rows + r], and rows are padded to a multiple of <see cref="RowBlock"/>, so that SIMD lanes are always rows.
/// Order of every sum, whatever the SIMD width: over features and outputs, one fused multiply-add after another from index 0; over the rows
/// of a batch, sixteen virtual lanes (lane l takes rows l, l + 16, …, one fused multiply-add after another), then a binary tree
/// (l with l + 8, then + 4, + 2, + 1). A row's own results therefore do not depend on where in which batch it stands.
/// </summary>
internal static unsafe partial class DenseKernels
{
    public const int Lanes = 16;

    /// <summary>Rows of a batch are padded to a multiple of this: two vectors, so that eight outputs fill sixteen accumulators.</summary>
    public const int RowBlock = 2 * Lanes;

    /// <summary>C[m, rows] = bias[m] + sum over d of A[m, d] B[d, rows], with A[m, d] at a[m * rowStride + d * columnStride].</summary>
    /// <param name="bias">One per result row, or null for 0.</param>
    public static void Product(
        float* a, nint rowStride, nint columnStride, float* bias, int depth, float* b, float* c, int resultRows, nint rows)
    {
        var m = 0;
        for (; m + 8 <= resultRows; m += 8)
            Product8(a + m * rowStride, rowStride, columnStride, bias == null ? null : bias + m, depth, b, c + m * rows, rows);
        for (; m + 4 <= resultRows; m += 4)
            Product4(a + m * rowStride, rowStride, columnStride, bias == null ? null : bias + m, depth, b, c + m * rows, rows);
        for (; m < resultRows; m++)
            Product1(a + m * rowStride, rowStride, columnStride, bias == null ? null : bias + m, depth, b, c + m * rows, rows);
    }

    /// <summary>8 result rows.</summary>
    private static void Product8(
        float* a, nint rowStride, nint columnStride, float* bias, int depth, float* b, float* c, nint rows)
    {
        for (nint r = 0; r < rows; r += RowBlock)
        {
            var s0 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[0]);
            var s1 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[1]);
            var s2 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[2]);
            var s3 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[3]);
            var s4 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[4]);
            var s5 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[5]);
            var s6 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[6]);
            var s7 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[7]);
            var t0 = s0;
            var t1 = s1;
            var t2 = s2;
            var t3 = s3;
            var t4 = s4;
            var t5 = s5;
            var t6 = s6;
            var t7 = s7;
            var p = a;
            var q = b + r;
            for (var d = 0; d < depth; d++, p += columnStride, q += rows)
            {
                var x = Vector512.Load(q);
                var y = Vector512.Load(q + Lanes);
                var w = Vector512.Create(*p);
                s0 = Vector512.FusedMultiplyAdd(w, x, s0);
                t0 = Vector512.FusedMultiplyAdd(w, y, t0);
                w = Vector512.Create(p[rowStride]);
                s1 = Vector512.FusedMultiplyAdd(w, x, s1);
                t1 = Vector512.FusedMultiplyAdd(w, y, t1);
                w = Vector512.Create(p[2 * rowStride]);
                s2 = Vector512.FusedMultiplyAdd(w, x, s2);
                t2 = Vector512.FusedMultiplyAdd(w, y, t2);
                w = Vector512.Create(p[3 * rowStride]);
                s3 = Vector512.FusedMultiplyAdd(w, x, s3);
                t3 = Vector512.FusedMultiplyAdd(w, y, t3);
                w = Vector512.Create(p[4 * rowStride]);
                s4 = Vector512.FusedMultiplyAdd(w, x, s4);
                t4 = Vector512.FusedMultiplyAdd(w, y, t4);
                w = Vector512.Create(p[5 * rowStride]);
                s5 = Vector512.FusedMultiplyAdd(w, x, s5);
                t5 = Vector512.FusedMultiplyAdd(w, y, t5);
                w = Vector512.Create(p[6 * rowStride]);
                s6 = Vector512.FusedMultiplyAdd(w, x, s6);
                t6 = Vector512.FusedMultiplyAdd(w, y, t6);
                w = Vector512.Create(p[7 * rowStride]);
                s7 = Vector512.FusedMultiplyAdd(w, x, s7);
                t7 = Vector512.FusedMultiplyAdd(w, y, t7);
            }
            s0.Store(c + r);
            t0.Store(c + r + Lanes);
            s1.Store(c + rows + r);
            t1.Store(c + rows + r + Lanes);
            s2.Store(c + 2 * rows + r);
            t2.Store(c + 2 * rows + r + Lanes);
            s3.Store(c + 3 * rows + r);
            t3.Store(c + 3 * rows + r + Lanes);
            s4.Store(c + 4 * rows + r);
            t4.Store(c + 4 * rows + r + Lanes);
            s5.Store(c + 5 * rows + r);
            t5.Store(c + 5 * rows + r + Lanes);
            s6.Store(c + 6 * rows + r);
            t6.Store(c + 6 * rows + r + Lanes);
            s7.Store(c + 7 * rows + r);
            t7.Store(c + 7 * rows + r + Lanes);
        }
    }

    /// <summary>4 result rows.</summary>
    private static void Product4(
        float* a, nint rowStride, nint columnStride, float* bias, int depth, float* b, float* c, nint rows)
    {
        for (nint r = 0; r < rows; r += RowBlock)
        {
            var s0 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[0]);
            var s1 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[1]);
            var s2 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[2]);
            var s3 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[3]);
            var t0 = s0;
            var t1 = s1;
            var t2 = s2;
            var t3 = s3;
            var p = a;
            var q = b + r;
            for (var d = 0; d < depth; d++, p += columnStride, q += rows)
            {
                var x = Vector512.Load(q);
                var y = Vector512.Load(q + Lanes);
                var w = Vector512.Create(*p);
                s0 = Vector512.FusedMultiplyAdd(w, x, s0);
                t0 = Vector512.FusedMultiplyAdd(w, y, t0);
                w = Vector512.Create(p[rowStride]);
                s1 = Vector512.FusedMultiplyAdd(w, x, s1);
                t1 = Vector512.FusedMultiplyAdd(w, y, t1);
                w = Vector512.Create(p[2 * rowStride]);
                s2 = Vector512.FusedMultiplyAdd(w, x, s2);
                t2 = Vector512.FusedMultiplyAdd(w, y, t2);
                w = Vector512.Create(p[3 * rowStride]);
                s3 = Vector512.FusedMultiplyAdd(w, x, s3);
                t3 = Vector512.FusedMultiplyAdd(w, y, t3);
            }
            s0.Store(c + r);
            t0.Store(c + r + Lanes);
            s1.Store(c + rows + r);
            t1.Store(c + rows + r + Lanes);
            s2.Store(c + 2 * rows + r);
            t2.Store(c + 2 * rows + r + Lanes);
            s3.Store(c + 3 * rows + r);
            t3.Store(c + 3 * rows + r + Lanes);
        }
    }

    /// <summary>1 result row.</summary>
    private static void Product1(
        float* a, nint rowStride, nint columnStride, float* bias, int depth, float* b, float* c, nint rows)
    {
        for (nint r = 0; r < rows; r += RowBlock)
        {
            var s0 = bias == null ? Vector512<float>.Zero : Vector512.Create(bias[0]);
            var t0 = s0;
            var p = a;
            var q = b + r;
            for (var d = 0; d < depth; d++, p += columnStride, q += rows)
            {
                var x = Vector512.Load(q);
                var y = Vector512.Load(q + Lanes);
                var w = Vector512.Create(*p);
                s0 = Vector512.FusedMultiplyAdd(w, x, s0);
                t0 = Vector512.FusedMultiplyAdd(w, y, t0);
            }
            s0.Store(c + r);
            t0.Store(c + r + Lanes);
        }
    }
}
