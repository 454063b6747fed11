using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>
/// The PI step-size controller of Gustafsson (ACM TOMS 17, 1991): h_new = h * 0.9 err^(-0.7/k) err_last^(0.4/k), k the order of the error
/// estimate plus one, limited to [0.2, 5] and to 1 right after a rejection. Its powers are computed by <see cref="Power"/>, so that the
/// steps, and with them the results, are the same bits on every machine.
/// </summary>
internal struct StepControl(int order)
{
    public const double Shrink = 0.2;
    public const double Grow = 5.0;
    public const double Safety = 0.9;

    /// <summary>Smaller errors are treated as this one.</summary>
    public const double SmallestError = 1e-8;

    /// <summary>Larger errors, and NaN, shorten the step most.</summary>
    public const double LargestError = 1e100;

    private readonly double _now = -0.7 / order;
    private readonly double _before = 0.4 / order;
    private readonly double _plain = -1.0 / order;
    private double _last = 1.0;
    private bool _rejected;

    /// <summary>Factor for the next step after an accepted step of this error.</summary>
    public double Accepted(double error)
    {
        error = error > SmallestError ? error : SmallestError;
        var factor = Safety * Power(error, _now) * Power(_last, _before);
        _last = error;
        factor = Math.Clamp(factor, Shrink, _rejected ? 1.0 : Grow);
        _rejected = false;
        return factor;
    }

    /// <summary>Factor for the next try after a rejected step of this error; NaN shortens it most.</summary>
    public double Rejected(double error)
    {
        _rejected = true;
        return error < LargestError ? Math.Clamp(Safety * Power(error, _plain), Shrink, 1.0) : Shrink;
    }

    /// <summary>Steps below this no longer move the time: a solve that asks for them has failed.</summary>
    public static double SmallestStep(double t) => Math.FusedMultiplyAdd(Math.Abs(t), 1.8e-15, 1e-290);

    /// <summary>x^e for positive normal x and |e| up to about 1, to 1e-5 relative, by additions, multiplications and a division alone; the
    /// same bits as <see cref="Power(Vector512{double}, double)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Power(double x, double e)
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
        // 2^y = 2^n * e^(r ln 2), r in [-0.5, 0.5].
        var y = Math.FusedMultiplyAdd(s, series, exponent) * e;
        var n = Math.Floor(y + 0.5);
        var r = (y - n) * Ln2;
        var p = Math.FusedMultiplyAdd(r, 1.0 / 120.0, 1.0 / 24.0);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 6.0);
        p = Math.FusedMultiplyAdd(p, r, 0.5);
        p = Math.FusedMultiplyAdd(p, r, 1.0);
        p = Math.FusedMultiplyAdd(p, r, 1.0);
        return p * BitConverter.Int64BitsToDouble(((long)n + 1023) << 52);
    }

    /// <summary><see cref="Power(double, double)"/> in lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Power(Vector512<double> x, double e)
    {
        var bits = x.AsInt64();
        var exponent = Vector512.ShiftRightArithmetic(bits - Vector512.Create(LogOrigin), 52);
        var m = (bits - Vector512.ShiftLeft(exponent, 52)).AsDouble();
        var s = (m - Vector512<double>.One) / (m + Vector512<double>.One);
        var q = s * s;
        var series = Vector512.FusedMultiplyAdd(q, Vector512.Create(A7), Vector512.Create(A5));
        series = Vector512.FusedMultiplyAdd(q, series, Vector512.Create(A3));
        series = Vector512.FusedMultiplyAdd(q, series, Vector512.Create(A1));
        var y = Vector512.FusedMultiplyAdd(s, series, Vector512.ConvertToDouble(exponent)) * e;
        var n = Vector512.Floor(y + Vector512.Create(0.5));
        var r = (y - n) * Ln2;
        var p = Vector512.FusedMultiplyAdd(r, Vector512.Create(1.0 / 120.0), Vector512.Create(1.0 / 24.0));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.0 / 6.0));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<double>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<double>.One);
        return p * Vector512.ShiftLeft(Vector512.ConvertToInt64(n) + Vector512.Create(1023L), 52).AsDouble();
    }

    private const long LogOrigin = 0x3FE8000000000000;
    private const double A1 = 2.885390081777927, A3 = 0.9617966939259757, A5 = 0.5770780163555854, A7 = 0.4121985831111324;
    private const double Ln2 = 0.6931471805599453;
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

    /// <summary>As <see cref="Of"/> with fused multiply-add, and for a single block of eight components or more in eight partial sums by the
    /// components' position modulo 8, added as a tree: the order of the lanes of a vector.</summary>
    public static double Wide(
        ReadOnlySpan<double> error, ReadOnlySpan<double> y, ReadOnlySpan<double> next, double rtol, ReadOnlySpan<double> atol, int block)
    {
        var largest = 0.0;
        for (var start = 0; start < error.Length; start += block)
        {
            var sums = Vector512<double>.Zero;
            var i = 0;
            for (; i + 8 <= block; i += 8)
            {
                Vector512<double> before = Vector512.Abs(Vector512.Create(y[(start + i)..])), after = Vector512.Abs(Vector512.Create(next[(start + i)..]));
                var size = Vector512.ConditionalSelect(Vector512.GreaterThan(after, before), after, before);
                var scaled = Vector512.Create(error[(start + i)..])
                    / Vector512.FusedMultiplyAdd(size, Vector512.Create(rtol), Vector512.Create(atol[i..]));
                sums += scaled * scaled;
            }
            for (var lane = 0; i < block; i++, lane++)
            {
                double before = Math.Abs(y[start + i]), after = Math.Abs(next[start + i]);
                var scaled = error[start + i] / Math.FusedMultiplyAdd(after > before ? after : before, rtol, atol[i]);
                sums = sums.WithElement(lane, sums[lane] + (scaled * scaled));
            }
            var sum = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
            if (!(sum <= largest)) largest = sum;
            if (double.IsNaN(largest)) return double.NaN;
        }
        return Math.Sqrt(largest * (1.0 / block));
    }

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
