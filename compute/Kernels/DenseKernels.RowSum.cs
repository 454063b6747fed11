using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Athanor.Compute.Kernels;

/// <content>Sums over the rows of a batch: gradients of weights and biases.</content>
internal static unsafe partial class DenseKernels
{
    /// <summary>G[o, i] = sum over rows of D[o, row] A[i, row]; G is row-major [outputs, inputs].</summary>
    public static void OuterSum(float* d, int outputs, float* a, int inputs, nint rows, float* g)
    {
        var sums = stackalloc float[Lanes];
        var o = 0;
        for (; o + 4 <= outputs; o += 4)
        {
            var i = 0;
            for (; i + 4 <= inputs; i += 4)
            {
                Outer4x4(d + o * rows, a + i * rows, rows, sums);
                for (var k = 0; k < 4; k++) Vector128.Load(sums + 4 * k).Store(g + (o + k) * (nint)inputs + i);
            }
            for (; i < inputs; i++)
            {
                Outer4x1(d + o * rows, a + i * rows, rows, sums);
                for (var k = 0; k < 4; k++) g[(o + k) * (nint)inputs + i] = sums[k];
            }
        }
        for (; o < outputs; o++)
        {
            var i = 0;
            for (; i + 4 <= inputs; i += 4) Outer1x4(d + o * rows, a + i * rows, rows, g + o * (nint)inputs + i);
            for (; i < inputs; i++) Outer1x1(d + o * rows, a + i * rows, rows, g + o * (nint)inputs + i);
        }
    }

    /// <summary>The sum of each feature's values over the rows.</summary>
    public static void RowSum(float* d, int features, nint rows, float* sums)
    {
        for (var f = 0; f < features; f++, d += rows)
        {
            var s = Vector512<float>.Zero;
            for (nint r = 0; r < rows; r += Lanes) s += Vector512.Load(d + r);
            sums[f] = SumLanes(s);
        }
    }

    /// <summary>The sum of squares over <paramref name="count"/> elements, a multiple of 16.</summary>
    public static float SumOfSquares(float* d, nint count)
    {
        var s = Vector512<float>.Zero;
        for (nint r = 0; r < count; r += Lanes)
        {
            var v = Vector512.Load(d + r);
            s = Vector512.FusedMultiplyAdd(v, v, s);
        }
        return SumLanes(s);
    }

    /// <summary>The tree over sixteen lanes: l with l + 8, then + 4, + 2, + 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumLanes(Vector512<float> v)
    {
        var eight = v.GetLower() + v.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    /// <summary>The same tree for sixteen vectors at once: lane 4c + j of the result is the sum of argument 4j + c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> SumLanes16(
        Vector512<float> v0, Vector512<float> v1, Vector512<float> v2, Vector512<float> v3, Vector512<float> v4, Vector512<float> v5,
        Vector512<float> v6, Vector512<float> v7, Vector512<float> v8, Vector512<float> v9, Vector512<float> v10, Vector512<float> v11,
        Vector512<float> v12, Vector512<float> v13, Vector512<float> v14, Vector512<float> v15)
    {
        if (!Avx512F.IsSupported)
        {
            return Vector512.Create(
                SumLanes(v0), SumLanes(v4), SumLanes(v8), SumLanes(v12), SumLanes(v1), SumLanes(v5), SumLanes(v9), SumLanes(v13),
                SumLanes(v2), SumLanes(v6), SumLanes(v10), SumLanes(v14), SumLanes(v3), SumLanes(v7), SumLanes(v11), SumLanes(v15));
        }
        var a = Quarters(Halves(v0, v1), Halves(v2, v3));
        var b = Quarters(Halves(v4, v5), Halves(v6, v7));
        var c = Quarters(Halves(v8, v9), Halves(v10, v11));
        var e = Quarters(Halves(v12, v13), Halves(v14, v15));
        var ab = Avx512F.Shuffle(a, b, 0b01_00_01_00) + Avx512F.Shuffle(a, b, 0b11_10_11_10);
        var ce = Avx512F.Shuffle(c, e, 0b01_00_01_00) + Avx512F.Shuffle(c, e, 0b11_10_11_10);
        return Avx512F.Shuffle(ab, ce, 0b10_00_10_00) + Avx512F.Shuffle(ab, ce, 0b11_01_11_01);

        static Vector512<float> Halves(Vector512<float> x, Vector512<float> y) =>
            Avx512F.Shuffle4x128(x, y, 0b01_00_01_00) + Avx512F.Shuffle4x128(x, y, 0b11_10_11_10);

        static Vector512<float> Quarters(Vector512<float> x, Vector512<float> y) =>
            Avx512F.Shuffle4x128(x, y, 0b10_00_10_00) + Avx512F.Shuffle4x128(x, y, 0b11_01_11_01);
    }

    private static void Outer4x4(float* d, float* a, nint rows, float* sums)
    {
        var s00 = Vector512<float>.Zero;
        var s10 = Vector512<float>.Zero;
        var s20 = Vector512<float>.Zero;
        var s30 = Vector512<float>.Zero;
        var s01 = Vector512<float>.Zero;
        var s11 = Vector512<float>.Zero;
        var s21 = Vector512<float>.Zero;
        var s31 = Vector512<float>.Zero;
        var s02 = Vector512<float>.Zero;
        var s12 = Vector512<float>.Zero;
        var s22 = Vector512<float>.Zero;
        var s32 = Vector512<float>.Zero;
        var s03 = Vector512<float>.Zero;
        var s13 = Vector512<float>.Zero;
        var s23 = Vector512<float>.Zero;
        var s33 = Vector512<float>.Zero;
        for (nint r = 0; r < rows; r += Lanes)
        {
            var d0 = Vector512.Load(d + r);
            var d1 = Vector512.Load(d + rows + r);
            var d2 = Vector512.Load(d + 2 * rows + r);
            var d3 = Vector512.Load(d + 3 * rows + r);
            var x = Vector512.Load(a + r);
            s00 = Vector512.FusedMultiplyAdd(d0, x, s00);
            s10 = Vector512.FusedMultiplyAdd(d1, x, s10);
            s20 = Vector512.FusedMultiplyAdd(d2, x, s20);
            s30 = Vector512.FusedMultiplyAdd(d3, x, s30);
            x = Vector512.Load(a + rows + r);
            s01 = Vector512.FusedMultiplyAdd(d0, x, s01);
            s11 = Vector512.FusedMultiplyAdd(d1, x, s11);
            s21 = Vector512.FusedMultiplyAdd(d2, x, s21);
            s31 = Vector512.FusedMultiplyAdd(d3, x, s31);
            x = Vector512.Load(a + 2 * rows + r);
            s02 = Vector512.FusedMultiplyAdd(d0, x, s02);
            s12 = Vector512.FusedMultiplyAdd(d1, x, s12);
            s22 = Vector512.FusedMultiplyAdd(d2, x, s22);
            s32 = Vector512.FusedMultiplyAdd(d3, x, s32);
            x = Vector512.Load(a + 3 * rows + r);
            s03 = Vector512.FusedMultiplyAdd(d0, x, s03);
            s13 = Vector512.FusedMultiplyAdd(d1, x, s13);
            s23 = Vector512.FusedMultiplyAdd(d2, x, s23);
            s33 = Vector512.FusedMultiplyAdd(d3, x, s33);
        }
        SumLanes16(
            s00, s10, s20, s30, s01, s11, s21, s31,
            s02, s12, s22, s32, s03, s13, s23, s33).Store(sums);
    }

    private static void Outer4x1(float* d, float* a, nint rows, float* sums)
    {
        var s00 = Vector512<float>.Zero;
        var s10 = Vector512<float>.Zero;
        var s20 = Vector512<float>.Zero;
        var s30 = Vector512<float>.Zero;
        for (nint r = 0; r < rows; r += Lanes)
        {
            var d0 = Vector512.Load(d + r);
            var d1 = Vector512.Load(d + rows + r);
            var d2 = Vector512.Load(d + 2 * rows + r);
            var d3 = Vector512.Load(d + 3 * rows + r);
            var x = Vector512.Load(a + r);
            s00 = Vector512.FusedMultiplyAdd(d0, x, s00);
            s10 = Vector512.FusedMultiplyAdd(d1, x, s10);
            s20 = Vector512.FusedMultiplyAdd(d2, x, s20);
            s30 = Vector512.FusedMultiplyAdd(d3, x, s30);
        }
        *sums = SumLanes(s00);
        sums[1] = SumLanes(s10);
        sums[2] = SumLanes(s20);
        sums[3] = SumLanes(s30);
    }

    private static void Outer1x4(float* d, float* a, nint rows, float* sums)
    {
        var s00 = Vector512<float>.Zero;
        var s01 = Vector512<float>.Zero;
        var s02 = Vector512<float>.Zero;
        var s03 = Vector512<float>.Zero;
        for (nint r = 0; r < rows; r += Lanes)
        {
            var d0 = Vector512.Load(d + r);
            var x = Vector512.Load(a + r);
            s00 = Vector512.FusedMultiplyAdd(d0, x, s00);
            x = Vector512.Load(a + rows + r);
            s01 = Vector512.FusedMultiplyAdd(d0, x, s01);
            x = Vector512.Load(a + 2 * rows + r);
            s02 = Vector512.FusedMultiplyAdd(d0, x, s02);
            x = Vector512.Load(a + 3 * rows + r);
            s03 = Vector512.FusedMultiplyAdd(d0, x, s03);
        }
        *sums = SumLanes(s00);
        sums[1] = SumLanes(s01);
        sums[2] = SumLanes(s02);
        sums[3] = SumLanes(s03);
    }

    private static void Outer1x1(float* d, float* a, nint rows, float* sums)
    {
        var s00 = Vector512<float>.Zero;
        for (nint r = 0; r < rows; r += Lanes)
        {
            var d0 = Vector512.Load(d + r);
            var x = Vector512.Load(a + r);
            s00 = Vector512.FusedMultiplyAdd(d0, x, s00);
        }
        *sums = SumLanes(s00);
    }
}
