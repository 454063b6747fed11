using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>
/// The PI step-size controller of Gustafsson (ACM TOMS 17, 1991): h_new = h * 0.9 err^(-now/k) err_last^(before/k), k the order of the error
/// estimate plus one, limited to [0.2, 5] and to 1 right after a rejection. Its powers are computed as powers of two from logarithms to base
/// 2, by arithmetic that gives the steps, and with them the results, the same bits on every machine.
/// </summary>
/// <param name="now">The exponent of the step's error, times k.</param>
/// <param name="before">The exponent of the last step's error, times k.</param>
internal struct StepControl(int order, double now = 0.7, double before = 0.4)
{
    /// <summary>The exponents of DOPRI5 (E. Hairer, S. Nørsett, G. Wanner, Solving Ordinary Differential Equations I, II.4: beta = 0.04): they
    /// rest nearer to the tolerance, with a sixth fewer steps.</summary>
    public const double ExplicitNow = 0.85, ExplicitBefore = 0.2;

    public const double Shrink = 0.2;
    public const double Grow = 5.0;
    public const double Safety = 0.9;

    /// <summary>Squares of errors: smaller ones are treated as this.</summary>
    public const double SmallestSquare = 1e-16;

    /// <summary>Squares of errors: larger ones, and NaN, shorten the step most.</summary>
    public const double LargestSquare = 1e200;

    private readonly double _now = -now / order;
    private readonly double _before = before / order;
    private readonly double _plain = -1.0 / order;

    // Logarithm to base 2 of the error of the last accepted step.
    private double _last;
    private bool _rejected;

    /// <summary>Factor for the next step after an accepted step of this error.</summary>
    public double Accepted(double error) => AcceptedSquare(error * error);

    /// <summary><see cref="Accepted"/> for the square of the error, which spares its root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double AcceptedSquare(double square)
    {
        var error = 0.5 * Log2(square > SmallestSquare ? square : SmallestSquare);
        var factor = Safety * Exp2(Math.FusedMultiplyAdd(error, _now, _last * _before));
        _last = error;
        factor = factor > Shrink ? factor : Shrink;
        var most = _rejected ? 1.0 : Grow;
        _rejected = false;
        return factor < most ? factor : most;
    }

    /// <summary>Factor for the next try after a rejected step of this error; NaN shortens it most.</summary>
    public double Rejected(double error) => RejectedSquare(error * error);

    /// <summary><see cref="Rejected"/> for the square of the error.</summary>
    public double RejectedSquare(double square)
    {
        _rejected = true;
        if (!(square < LargestSquare)) return Shrink;
        var factor = Safety * Exp2(0.5 * Log2(square) * _plain);
        return factor > Shrink ? factor < 1.0 ? factor : 1.0 : Shrink;
    }

    /// <summary>Steps below this no longer move the time: a solve that asks for them has failed.</summary>
    public static double SmallestStep(double t) => Math.FusedMultiplyAdd(Math.Abs(t), 1.8e-15, 1e-290);

    /// <summary>The logarithm to base 2 of a positive normal number, to 1e-5, by additions, multiplications and a division alone; the same
    /// bits as in lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Log2(double x)
    {
        // log2 x = exponent + log2 m, m in [0.75, 1.5): atanh series in (m - 1) / (m + 1).
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (bits - LogOrigin) >> 52;
        var m = BitConverter.Int64BitsToDouble(bits - (exponent << 52));
        var s = (m - 1.0) / (m + 1.0);
        var q = s * s;
        var series = Math.FusedMultiplyAdd(q, A7, A5);
        series = Math.FusedMultiplyAdd(q, series, A3);
        series = Math.FusedMultiplyAdd(q, series, A1);
        return Math.FusedMultiplyAdd(s, series, exponent);
    }

    /// <summary>2^x for |x| below 1000, to 1e-5 relative; the same bits as in lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Exp2(double x)
    {
        // 2^x = 2^n e^(r ln 2), r in [-0.5, 0.5]; adding 1.5 2^52 rounds to an integer that then stands in the low bits.
        var shifted = x + Rounding;
        var r = (x - (shifted - Rounding)) * Ln2;
        var p = Math.FusedMultiplyAdd(r, 1.0 / 120.0, 1.0 / 24.0);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 6.0);
        p = Math.FusedMultiplyAdd(p, r, 0.5);
        p = Math.FusedMultiplyAdd(p, r, 1.0);
        p = Math.FusedMultiplyAdd(p, r, 1.0);
        var n = BitConverter.DoubleToInt64Bits(shifted) - BitConverter.DoubleToInt64Bits(Rounding);
        return p * BitConverter.Int64BitsToDouble((n + 1023) << 52);
    }

    /// <summary><see cref="Log2(double)"/> per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Log2(Vector512<double> x)
    {
        var bits = x.AsInt64();
        var exponent = Vector512.ShiftRightArithmetic(bits - Vector512.Create(LogOrigin), 52);
        var m = (bits - Vector512.ShiftLeft(exponent, 52)).AsDouble();
        var s = (m - Vector512<double>.One) / (m + Vector512<double>.One);
        var q = s * s;
        var series = Vector512.FusedMultiplyAdd(q, Vector512.Create(A7), Vector512.Create(A5));
        series = Vector512.FusedMultiplyAdd(q, series, Vector512.Create(A3));
        series = Vector512.FusedMultiplyAdd(q, series, Vector512.Create(A1));
        // The exponent as a number, by the same addition: exact, and without an instruction that only some machines have.
        var rounding = Vector512.Create(Rounding);
        return Vector512.FusedMultiplyAdd(s, series, (exponent + rounding.AsInt64()).AsDouble() - rounding);
    }

    /// <summary><see cref="Exp2(double)"/> per lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Exp2(Vector512<double> x)
    {
        var rounding = Vector512.Create(Rounding);
        var shifted = x + rounding;
        var r = (x - (shifted - rounding)) * Ln2;
        var p = Vector512.FusedMultiplyAdd(r, Vector512.Create(1.0 / 120.0), Vector512.Create(1.0 / 24.0));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.0 / 6.0));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<double>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<double>.One);
        var n = shifted.AsInt64() - rounding.AsInt64();
        return p * Vector512.ShiftLeft(n + Vector512.Create(1023L), 52).AsDouble();
    }

    private const long LogOrigin = 0x3FE8000000000000;
    private const double A1 = 2.885390081777927, A3 = 0.9617966939259757, A5 = 0.5770780163555854, A7 = 0.4121985831111324;
    private const double Ln2 = 0.6931471805599453;
    private const double Rounding = 6755399441055744.0;
}

/// <summary>Error norms. Sums run in the order of the components.</summary>
internal static class ErrorNorm
{
    /// <param name="atol">Absolute tolerance by component of a block.</param>
    /// <summary>The largest over blocks of <paramref name="block"/> components of the root mean square of error over scale.</summary>
    public static double Of(
        ReadOnlySpan<double> error, ReadOnlySpan<double> y, ReadOnlySpan<double> next, double rtol, ReadOnlySpan<double> atol, int block)
    {
        var largest = 0.0;
        for (var start = 0; start < error.Length; start += block)
        {
            var sum = 0.0;
            for (var i = start; i < start + block; i++)
            {
                var scaled = error[i] / (atol[i - start] + (rtol * Math.Max(Math.Abs(y[i]), Math.Abs(next[i]))));
                sum += scaled * scaled;
            }
            if (!(sum <= largest)) largest = sum;
            if (double.IsNaN(largest)) return double.NaN;
        }
        return Math.Sqrt(largest / block);
    }

    /// <summary>Eight partial sums, by position modulo 8, as a tree: the order of sums over eight components or more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Tree(Vector512<double> sums) =>
        ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));

    /// <summary>The component with the largest scaled error, or the first that is not finite.</summary>
    public static int Worst(ReadOnlySpan<double> error, ReadOnlySpan<double> y, double rtol, ReadOnlySpan<double> atol)
    {
        var worst = 0;
        var largest = -1.0;
        for (var i = 0; i < error.Length; i++)
        {
            if (!double.IsFinite(error[i]) || !double.IsFinite(y[i])) return i;
            var scaled = Math.Abs(error[i]) / (atol[i % atol.Length] + (rtol * Math.Abs(y[i])));
            if (scaled <= largest) continue;
            largest = scaled;
            worst = i;
        }
        return worst;
    }

    /// <summary>The first component that is NaN or infinite, or -1.</summary>
    public static int NonFinite(ReadOnlySpan<double> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i])) return i;
        }
        return -1;
    }

    /// <summary>A first step after Hairer, Nørsett, Wanner, Solving ODEs I, II.4, without the trial step: 0.01 |y| / |f| in the scaled
    /// norm.</summary>
    public static double FirstStep(ReadOnlySpan<double> y, ReadOnlySpan<double> f, double rtol, ReadOnlySpan<double> atol, double span)
    {
        double sizes = 0.0, slopes = 0.0;
        for (var i = 0; i < y.Length; i++)
        {
            var scale = atol[i % atol.Length] + (rtol * Math.Abs(y[i]));
            sizes += y[i] / scale * (y[i] / scale);
            slopes += f[i] / scale * (f[i] / scale);
        }
        var step = sizes > 1e-10 && slopes > 1e-10 ? 0.01 * Math.Sqrt(sizes / slopes) : 1e-6 * span;
        return Math.Min(step, span);
    }
}
