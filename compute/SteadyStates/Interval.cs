using System.Globalization;

namespace Athanor.Compute.SteadyStates;

/// <summary>What a model's right-hand side is written in when it is to be evaluated in intervals and differentiated: numbers with the
/// four operations and exp.</summary>
public interface IEnclosure<T>
    where T : struct, IEnclosure<T>
{
    static abstract T operator +(T a, T b);

    static abstract T operator -(T a, T b);

    static abstract T operator *(T a, T b);

    static abstract T operator /(T a, T b);

    static abstract T operator -(T a);

    /// <summary>The point interval of a number.</summary>
    static abstract implicit operator T(double value);

    static abstract T Exp(T a);

    /// <summary>a², tighter than a a.</summary>
    static abstract T Square(T a);
}

/// <summary>
/// A closed interval of real numbers; operations are rounded outwards, so that the result holds every value that operands within can
/// give (Moore, Kearfott and Cloud, Introduction to Interval Analysis, 2009). Division by an interval that holds zero gives the whole
/// line. Bounds may be infinite, never NaN.
/// </summary>
public readonly struct Interval(double low, double high) : IEnclosure<Interval>, IEquatable<Interval>
{
    public static readonly Interval Whole = new(double.NegativeInfinity, double.PositiveInfinity);

    public double Low { get; } = low;

    public double High { get; } = high;

    public double Width => High - Low;

    public double Middle => double.IsInfinity(Low) || double.IsInfinity(High) ? double.NaN : Low + (0.5 * (High - Low));

    public bool Contains(double value) => Low <= value && value <= High;

    public bool Contains(Interval other) => Low <= other.Low && other.High <= High;

    /// <summary>Whether the other lies within, touching neither end.</summary>
    public bool ContainsInside(Interval other) => Low < other.Low && other.High < High;

    /// <summary>The common part, or false if there is none.</summary>
    public bool TryIntersect(Interval other, out Interval common)
    {
        common = new Interval(Math.Max(Low, other.Low), Math.Min(High, other.High));
        return common.Low <= common.High;
    }

    public static implicit operator Interval(double value) => new(value, value);

    public static Interval operator +(Interval a, Interval b) => Outward(a.Low + b.Low, a.High + b.High);

    public static Interval operator -(Interval a, Interval b) => Outward(a.Low - b.High, a.High - b.Low);

    public static Interval operator -(Interval a) => new(-a.High, -a.Low);

    public static Interval operator *(Interval a, Interval b)
    {
        double p = Product(a.Low, b.Low), q = Product(a.Low, b.High), r = Product(a.High, b.Low), s = Product(a.High, b.High);
        return Outward(Math.Min(Math.Min(p, q), Math.Min(r, s)), Math.Max(Math.Max(p, q), Math.Max(r, s)));
    }

    public static Interval operator /(Interval a, Interval b)
    {
        if (b.Low <= 0 && b.High >= 0) return Whole;
        double p = a.Low / b.Low, q = a.Low / b.High, r = a.High / b.Low, s = a.High / b.High;
        return Outward(Math.Min(Math.Min(p, q), Math.Min(r, s)), Math.Max(Math.Max(p, q), Math.Max(r, s)));
    }

    public static Interval Square(Interval a)
    {
        double low = a.Low * a.Low, high = a.High * a.High;
        var largest = Math.BitIncrement(Math.Max(low, high));
        return a.Contains(0.0) ? new Interval(0.0, largest) : new Interval(Math.Max(0.0, Math.BitDecrement(Math.Min(low, high))), largest);
    }

    /// <summary>exp is monotone; the library's last digit is not trusted, so four more units in the last place are added at each
    /// end.</summary>
    public static Interval Exp(Interval a)
    {
        var wide = Widen(Math.Exp(a.Low), Math.Exp(a.High));
        return new Interval(Math.Max(0.0, wide.Low), wide.High);
    }

    /// <summary>ln is monotone, bounded as <see cref="Exp"/> is; unbounded below where the operand reaches zero or less.</summary>
    public static Interval Log(Interval a)
    {
        if (a.High <= 0.0) return Whole;
        return Widen(a.Low > 0.0 ? Math.Log(a.Low) : double.NegativeInfinity, Math.Log(a.High));
    }

    public static Interval Tanh(Interval a)
    {
        var wide = Widen(Math.Tanh(a.Low), Math.Tanh(a.High));
        return new Interval(Math.Max(-1.0, wide.Low), Math.Min(1.0, wide.High));
    }

    /// <summary>√a; 0 for a ≤ 0.</summary>
    public static Interval Root(Interval a) => new(
        a.Low <= 0.0 ? 0.0 : Math.BitDecrement(Math.Sqrt(a.Low)), a.High <= 0.0 ? 0.0 : Math.BitIncrement(Math.Sqrt(a.High)));

    public bool Equals(Interval other) => Low == other.Low && High == other.High;

    public override bool Equals(object? obj) => obj is Interval other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Low, High);

    public static bool operator ==(Interval a, Interval b) => a.Equals(b);

    public static bool operator !=(Interval a, Interval b) => !a.Equals(b);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"[{Low:g17}, {High:g17}]");

    /// <summary>0 times infinity is 0 here: the infinite end stands for "as large as may be", never for a value.</summary>
    private static double Product(double a, double b) => a == 0 || b == 0 ? 0.0 : a * b;

    private static Interval Widen(double low, double high)
    {
        for (var i = 0; i < 4; i++)
        {
            low = Math.BitDecrement(low);
            high = Math.BitIncrement(high);
        }
        return new Interval(low, high);
    }

    private static Interval Outward(double low, double high) => double.IsNaN(low) || double.IsNaN(high)
        ? Whole
        : new Interval(
            double.IsPositiveInfinity(low) ? double.MaxValue : Math.BitDecrement(low),
            double.IsNegativeInfinity(high) ? double.MinValue : Math.BitIncrement(high));
}

/// <summary>An interval with the intervals of its derivatives to up to <see cref="MaximumDirections"/> variables: forward
/// differentiation.</summary>
public readonly struct IntervalGradient : IEnclosure<IntervalGradient>
{
    public const int MaximumDirections = 8;

    private readonly Interval[]? _gradient;

    private IntervalGradient(Interval value, Interval[]? gradient)
    {
        Value = value;
        _gradient = gradient;
    }

    public Interval Value { get; }

    public Interval Derivative(int direction) => _gradient is null ? 0.0 : _gradient[direction];

    /// <summary>Variable number <paramref name="direction"/> of <paramref name="directions"/>.</summary>
    public static IntervalGradient Variable(Interval value, int direction, int directions)
    {
        var gradient = new Interval[directions];
        gradient[direction] = 1.0;
        return new IntervalGradient(value, gradient);
    }

    public static implicit operator IntervalGradient(double value) => new(value, null);

    public static IntervalGradient operator +(IntervalGradient a, IntervalGradient b) =>
        new(a.Value + b.Value, Combine(a, b, static (x, y, _, _) => x + y));

    public static IntervalGradient operator -(IntervalGradient a, IntervalGradient b) =>
        new(a.Value - b.Value, Combine(a, b, static (x, y, _, _) => x - y));

    public static IntervalGradient operator -(IntervalGradient a) => new(-a.Value, Scale(a, -1.0));

    public static IntervalGradient operator *(IntervalGradient a, IntervalGradient b) =>
        new(a.Value * b.Value, Combine(a, b, static (x, y, u, v) => (x * v) + (u * y)));

    public static IntervalGradient operator /(IntervalGradient a, IntervalGradient b) =>
        new(a.Value / b.Value, Combine(a, b, static (x, y, u, v) => (x - (u / v * y)) / v));

    public static IntervalGradient Exp(IntervalGradient a)
    {
        var value = Interval.Exp(a.Value);
        return new IntervalGradient(value, Scale(a, value));
    }

    public static IntervalGradient Square(IntervalGradient a) => new(Interval.Square(a.Value), Scale(a, 2.0 * a.Value));

    private static Interval[]? Scale(IntervalGradient a, Interval factor) =>
        a._gradient is null ? null : Array.ConvertAll(a._gradient, g => g * factor);

    private static Interval[]? Combine(
        IntervalGradient a, IntervalGradient b, Func<Interval, Interval, Interval, Interval, Interval> rule)
    {
        if (a._gradient is null && b._gradient is null) return null;
        var result = new Interval[(a._gradient ?? b._gradient)!.Length];
        for (var i = 0; i < result.Length; i++) result[i] = rule(a.Derivative(i), b.Derivative(i), a.Value, b.Value);
        return result;
    }
}
