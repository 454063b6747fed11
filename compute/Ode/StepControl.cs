using System.Runtime.CompilerServices;

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

    private readonly double _now = -0.7 / order;
    private readonly double _before = 0.4 / order;
    private readonly double _plain = -1.0 / order;
    private double _last = 1.0;
    private bool _rejected;

    /// <summary>Factor for the next step after an accepted step of this error.</summary>
    public double Accepted(double error)
    {
        error = Math.Max(error, SmallestError);
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
        return error < double.PositiveInfinity ? Math.Clamp(Safety * Power(error, _plain), Shrink, 1.0) : Shrink;
    }

    /// <summary>x^e for positive normal x and |e| up to about 1, to 1e-5 relative, by additions, multiplications and a division
    /// alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Power(double x, double e)
    {
        // log2 x = exponent + log2 m, m in [0.75, 1.5): atanh series in (m - 1) / (m + 1).
        var bits = BitConverter.DoubleToInt64Bits(x);
        var shifted = bits - 0x3FE8000000000000;
        var exponent = shifted >> 52;
        var m = BitConverter.Int64BitsToDouble(bits - (exponent << 52));
        var s = (m - 1.0) / (m + 1.0);
        var q = s * s;
        var series = 0.5770780163555854 + (q * 0.4121985831111324);
        var log2 = exponent + (s * (2.885390081777927 + (q * (0.9617966939259757 + (q * series)))));
        // 2^y = 2^n * e^(r ln 2), r in [-0.5, 0.5].
        var y = log2 * e;
        var n = Math.Floor(y + 0.5);
        var r = (y - n) * 0.6931471805599453;
        var p = 1.0 + (r * (1.0 + (r * (0.5 + (r * ((1.0 / 6.0) + (r * ((1.0 / 24.0) + (r * (1.0 / 120.0))))))))));
        return p * BitConverter.Int64BitsToDouble(((long)n + 1023) << 52);
    }
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
