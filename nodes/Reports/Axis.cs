using System.Globalization;

namespace Athanor.Nodes.Reports;

/// <summary>One axis of a plot: its range, its scale and the ticks a person would choose.</summary>
internal sealed class Axis
{
    private readonly double _low;
    private readonly double _high;
    private readonly bool _log;

    private Axis(double low, double high, bool log, double[] ticks)
    {
        _low = low;
        _high = high;
        _log = log;
        Ticks = ticks;
    }

    public double[] Ticks { get; }

    /// <summary>An axis that holds all values; NaN and infinities are left out, as are values that are not positive on a log axis.</summary>
    public static Axis Over(IEnumerable<double> values, bool log)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach (var v in values)
        {
            if (!double.IsFinite(v) || (log && v <= 0)) continue;
            low = Math.Min(low, v);
            high = Math.Max(high, v);
        }
        if (low > high) (low, high) = log ? (0.1, 10) : (0, 1);
        return log ? Logarithmic(low, high) : Linear(low, high);
    }

    private static Axis Linear(double low, double high)
    {
        if (high - low <= 1e-12 * Math.Max(Math.Abs(low), Math.Abs(high)))
        {
            var half = low == 0 ? 1 : 0.05 * Math.Abs(low);
            (low, high) = (low - half, high + half);
        }
        var margin = 0.03 * (high - low);
        // A range that starts at zero keeps its foot there.
        var foot = low >= 0 && low - margin < 0 ? 0 : low - margin;
        var step = NiceStep((high - foot) / 6);
        var ticks = new List<double>();
        for (var k = Math.Ceiling(foot / step); k * step <= high + margin; k++) ticks.Add(k * step);
        return new Axis(foot, high + margin, false, [.. ticks]);
    }

    private static Axis Logarithmic(double low, double high)
    {
        double a = Math.Log10(low), b = Math.Log10(high);
        if (b - a < 0.3) (a, b) = (a - 0.15, b + 0.15);
        var ticks = new List<double>();
        var stride = Math.Max(1, (int)Math.Ceiling((b - a) / 8));
        for (var d = (int)Math.Floor(a); d <= (int)Math.Ceiling(b); d++)
        {
            if (d % stride != 0) continue;
            foreach (var m in b - a < 1.6 ? new[] { 1.0, 2, 5 } : [1.0])
            {
                var t = Math.Log10(m) + d;
                if (t >= a - 0.02 && t <= b + 0.02) ticks.Add(Math.Pow(10, t));
            }
        }
        return new Axis(a - 0.03 * (b - a), b + 0.03 * (b - a), true, [.. ticks]);
    }

    /// <summary>Where a value lies, 0 at the low end and 1 at the high end; NaN for a value that cannot be shown.</summary>
    public double Place(double value)
    {
        if (_log) value = value > 0 ? Math.Log10(value) : double.NaN;
        return (value - _low) / (_high - _low);
    }

    public string Label(double tick)
    {
        if (tick == 0) return "0";
        var size = Math.Abs(tick);
        if (size != 0 && (size >= 1e5 || size < 1e-3)) return tick.ToString("0.##e+0", CultureInfo.InvariantCulture);
        return tick.ToString("G6", CultureInfo.InvariantCulture);
    }

    private static double NiceStep(double raw)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var m = raw / power;
        return power * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
    }
}
