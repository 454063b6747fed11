using System.Globalization;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Kinetics;

/// <summary>How values between the points of a table are made.</summary>
public enum TableInterpolation
{
    /// <summary>Straight lines.</summary>
    Linear,

    /// <summary>Cubic Hermite pieces with the slopes of F. N. Fritsch and J. Butland (SIAM J. Sci. Stat. Comput. 5, 1984): continuous slope,
    /// and monotone wherever the points are.</summary>
    MonotoneCubic,
}

/// <summary>A function given by points. Outside of them it keeps the value of the nearest one.</summary>
public sealed class RateTable
{
    private readonly double[] _x, _y, _slopes;
    private readonly TableInterpolation _interpolation;

    /// <param name="x">Rising; at least two.</param>
    /// <exception cref="ArgumentException">The points are not such; the message says which.</exception>
    public RateTable(string name, ReadOnlySpan<double> x, ReadOnlySpan<double> y, TableInterpolation interpolation)
    {
        if (Problem(x, y) is { } problem) throw new ArgumentException($"table '{name}': {problem}");
        Name = name;
        _x = x.ToArray();
        _y = y.ToArray();
        _interpolation = interpolation;
        _slopes = interpolation == TableInterpolation.Linear ? Secants(_x, _y) : Slopes(_x, _y);
    }

    public string Name { get; }

    internal static string? Problem(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        if (x.Length != y.Length || x.Length < 2)
            return $"it has {x.Length} arguments and {y.Length} values; it needs as many of both, and at least two";
        for (var i = 0; i < x.Length; i++)
        {
            if (!double.IsFinite(x[i]) || !double.IsFinite(y[i]))
                return string.Create(CultureInfo.InvariantCulture, $"point {i + 1} is ({x[i]}, {y[i]}); both must be finite");
            if (i > 0 && x[i] <= x[i - 1])
                return string.Create(CultureInfo.InvariantCulture, $"argument {i + 1} is {x[i]} after {x[i - 1]}; arguments must rise");
        }
        return null;
    }

    public double At(double x)
    {
        if (!(x > _x[0])) return double.IsNaN(x) ? x : _y[0];
        if (x >= _x[^1]) return _y[^1];
        var i = Piece(x);
        var h = x - _x[i];
        if (_interpolation == TableInterpolation.Linear) return Math.FusedMultiplyAdd(_slopes[i], h, _y[i]);
        var (c2, c3) = Cubic(i);
        return Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(c3, h, c2), h, _slopes[i]), h, _y[i]);
    }

    public double SlopeAt(double x)
    {
        if (!(x > _x[0])) return double.IsNaN(x) ? x : 0.0;
        if (x >= _x[^1]) return 0.0;
        var i = Piece(x);
        if (_interpolation == TableInterpolation.Linear) return _slopes[i];
        var (c2, c3) = Cubic(i);
        var h = x - _x[i];
        return Math.FusedMultiplyAdd(Math.FusedMultiplyAdd(3.0 * c3, h, 2.0 * c2), h, _slopes[i]);
    }

    public Vector512<double> At(Vector512<double> x)
    {
        for (var lane = 0; lane < Vector512<double>.Count; lane++) x = x.WithElement(lane, At(x[lane]));
        return x;
    }

    public Vector512<double> SlopeAt(Vector512<double> x)
    {
        for (var lane = 0; lane < Vector512<double>.Count; lane++) x = x.WithElement(lane, SlopeAt(x[lane]));
        return x;
    }

    private int Piece(double x)
    {
        int low = 0, high = _x.Length - 1;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (_x[middle] <= x) low = middle;
            else high = middle;
        }
        return low;
    }

    private (double Second, double Third) Cubic(int i)
    {
        var h = _x[i + 1] - _x[i];
        var secant = (_y[i + 1] - _y[i]) / h;
        var second = ((3.0 * secant) - (2.0 * _slopes[i]) - _slopes[i + 1]) / h;
        return (second, (_slopes[i] + _slopes[i + 1] - (2.0 * secant)) / (h * h));
    }

    private static double[] Secants(double[] x, double[] y) =>
        [.. Enumerable.Range(0, x.Length - 1).Select(i => (y[i + 1] - y[i]) / (x[i + 1] - x[i]))];

    private static double[] Slopes(double[] x, double[] y)
    {
        var secants = Secants(x, y);
        var slopes = new double[x.Length];
        for (var i = 1; i < x.Length - 1; i++)
        {
            double before = secants[i - 1], after = secants[i];
            if (!(before * after > 0.0)) continue;
            double left = x[i] - x[i - 1], right = x[i + 1] - x[i];
            double w1 = (2.0 * right) + left, w2 = right + (2.0 * left);
            slopes[i] = (w1 + w2) / ((w1 / before) + (w2 / after));
        }
        slopes[0] = x.Length == 2 ? secants[0] : EndSlope(x[1] - x[0], x[2] - x[1], secants[0], secants[1]);
        slopes[^1] = x.Length == 2 ? secants[0] : EndSlope(x[^1] - x[^2], x[^2] - x[^3], secants[^1], secants[^2]);
        return slopes;
    }

    // The parabola through three points, kept monotone.
    private static double EndSlope(double h0, double h1, double s0, double s1)
    {
        var slope = ((((2.0 * h0) + h1) * s0) - (h0 * s1)) / (h0 + h1);
        if (Math.Sign(slope) != Math.Sign(s0)) return 0.0;
        return Math.Sign(s0) != Math.Sign(s1) && Math.Abs(slope) > 3.0 * Math.Abs(s0) ? 3.0 * s0 : slope;
    }
}
