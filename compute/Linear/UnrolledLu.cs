using System.Runtime.CompilerServices;

namespace Athanor.Compute.Linear;

/// <summary>
/// LU factors with partial pivoting of matrices of 1 to 4 rows, every operation written out: a factorisation of 3 x 3 is 3 divisions and 8
/// multiply-adds without a loop or a bounds check. Layout: row-major, the rows in the order of the pivots; multipliers below the diagonal,
/// the pivots' reciprocals on it. <c>order[i]</c> is the row of the matrix that became row i. Larger matrices: <see cref="DenseLu"/>.
/// </summary>
internal static class UnrolledLu
{
    public const int Largest = 4;

    public static bool Factor1(ref double a, ref int order)
    {
        order = 0;
        a = 1.0 / a;
        return double.IsFinite(a);
    }

    public static void Solve1(ref double a, ref double b) => b *= a;

    public static bool Factor2(ref double a, ref int order)
    {
        double a00 = a, a01 = At(ref a, 1), a10 = At(ref a, 2), a11 = At(ref a, 3);
        int o0 = 0, o1 = 1;
        if (Math.Abs(a10) > Math.Abs(a00))
        {
            (a00, a01, a10, a11) = (a10, a11, a00, a01);
            (o0, o1) = (1, 0);
        }
        var d0 = 1.0 / a00;
        var l10 = a10 * d0;
        var d1 = 1.0 / Fnma(l10, a01, a11);
        a = d0;
        At(ref a, 1) = a01;
        At(ref a, 2) = l10;
        At(ref a, 3) = d1;
        order = o0;
        Unsafe.Add(ref order, 1) = o1;
        return double.IsFinite(d0) && double.IsFinite(d1);
    }

    public static void Solve2(ref double a, ref int order, ref double b)
    {
        var x0 = At(ref b, order);
        var x1 = Fnma(At(ref a, 2), x0, At(ref b, Unsafe.Add(ref order, 1)));
        x1 *= At(ref a, 3);
        b = Fnma(At(ref a, 1), x1, x0) * a;
        At(ref b, 1) = x1;
    }

    public static bool Factor3(ref double a, ref int order)
    {
        double a00 = a, a01 = At(ref a, 1), a02 = At(ref a, 2), a10 = At(ref a, 3), a11 = At(ref a, 4), a12 = At(ref a, 5);
        double a20 = At(ref a, 6), a21 = At(ref a, 7), a22 = At(ref a, 8);
        int o0 = 0, o1 = 1, o2 = 2;
        double m0 = Math.Abs(a00), m1 = Math.Abs(a10), m2 = Math.Abs(a20);
        if (m2 > m0 && m2 > m1)
        {
            (a00, a01, a02, a20, a21, a22) = (a20, a21, a22, a00, a01, a02);
            (o0, o2) = (2, 0);
        }
        else if (m1 > m0)
        {
            (a00, a01, a02, a10, a11, a12) = (a10, a11, a12, a00, a01, a02);
            (o0, o1) = (1, 0);
        }
        var d0 = 1.0 / a00;
        double l10 = a10 * d0, l20 = a20 * d0;
        double b11 = Fnma(l10, a01, a11), b12 = Fnma(l10, a02, a12), b21 = Fnma(l20, a01, a21), b22 = Fnma(l20, a02, a22);
        if (Math.Abs(b21) > Math.Abs(b11))
        {
            (b11, b12, b21, b22) = (b21, b22, b11, b12);
            (l10, l20) = (l20, l10);
            (o1, o2) = (o2, o1);
        }
        var d1 = 1.0 / b11;
        var l21 = b21 * d1;
        var d2 = 1.0 / Fnma(l21, b12, b22);
        a = d0;
        At(ref a, 1) = a01;
        At(ref a, 2) = a02;
        At(ref a, 3) = l10;
        At(ref a, 4) = d1;
        At(ref a, 5) = b12;
        At(ref a, 6) = l20;
        At(ref a, 7) = l21;
        At(ref a, 8) = d2;
        order = o0;
        Unsafe.Add(ref order, 1) = o1;
        Unsafe.Add(ref order, 2) = o2;
        return double.IsFinite(d0) && double.IsFinite(d1) && double.IsFinite(d2);
    }

    public static void Solve3(ref double a, ref int order, ref double b)
    {
        var x0 = At(ref b, order);
        var x1 = Fnma(At(ref a, 3), x0, At(ref b, Unsafe.Add(ref order, 1)));
        var x2 = Fnma(At(ref a, 7), x1, Fnma(At(ref a, 6), x0, At(ref b, Unsafe.Add(ref order, 2))));
        x2 *= At(ref a, 8);
        x1 = Fnma(At(ref a, 5), x2, x1) * At(ref a, 4);
        b = Fnma(At(ref a, 1), x1, Fnma(At(ref a, 2), x2, x0)) * a;
        At(ref b, 1) = x1;
        At(ref b, 2) = x2;
    }

    public static bool Factor4(ref double a, ref int order)
    {
        for (var i = 0; i < 4; i++) Unsafe.Add(ref order, i) = i;
        var finite = true;
        for (var k = 0; k < 4; k++)
        {
            var pivot = k;
            var largest = Math.Abs(At(ref a, (4 * k) + k));
            for (var row = k + 1; row < 4; row++)
            {
                var size = Math.Abs(At(ref a, (4 * row) + k));
                if (!(size > largest)) continue;
                largest = size;
                pivot = row;
            }
            if (pivot != k)
            {
                ref double p = ref At(ref a, 4 * k), q = ref At(ref a, 4 * pivot);
                (p, q) = (q, p);
                (At(ref p, 1), At(ref q, 1)) = (At(ref q, 1), At(ref p, 1));
                (At(ref p, 2), At(ref q, 2)) = (At(ref q, 2), At(ref p, 2));
                (At(ref p, 3), At(ref q, 3)) = (At(ref q, 3), At(ref p, 3));
                (Unsafe.Add(ref order, k), Unsafe.Add(ref order, pivot)) = (Unsafe.Add(ref order, pivot), Unsafe.Add(ref order, k));
            }
            var d = 1.0 / At(ref a, (4 * k) + k);
            finite &= double.IsFinite(d);
            At(ref a, (4 * k) + k) = d;
            for (var row = k + 1; row < 4; row++)
            {
                ref var first = ref At(ref a, 4 * row);
                var l = At(ref first, k) * d;
                At(ref first, k) = l;
                for (var j = k + 1; j < 4; j++) At(ref first, j) = Fnma(l, At(ref a, (4 * k) + j), At(ref first, j));
            }
        }
        return finite;
    }

    public static void Solve4(ref double a, ref int order, ref double b)
    {
        var x0 = At(ref b, order);
        var x1 = Fnma(At(ref a, 4), x0, At(ref b, Unsafe.Add(ref order, 1)));
        var x2 = Fnma(At(ref a, 9), x1, Fnma(At(ref a, 8), x0, At(ref b, Unsafe.Add(ref order, 2))));
        var x3 = Fnma(At(ref a, 14), x2, Fnma(At(ref a, 13), x1, Fnma(At(ref a, 12), x0, At(ref b, Unsafe.Add(ref order, 3)))));
        x3 *= At(ref a, 15);
        x2 = Fnma(At(ref a, 11), x3, x2) * At(ref a, 10);
        x1 = Fnma(At(ref a, 6), x2, Fnma(At(ref a, 7), x3, x1)) * At(ref a, 5);
        b = Fnma(At(ref a, 1), x1, Fnma(At(ref a, 2), x2, Fnma(At(ref a, 3), x3, x0))) * a;
        At(ref b, 1) = x1;
        At(ref b, 2) = x2;
        At(ref b, 3) = x3;
    }

    /// <summary>c - a b, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Fnma(double a, double b, double c) => Math.FusedMultiplyAdd(-a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref double At(ref double first, int i) => ref Unsafe.Add(ref first, i);
}
