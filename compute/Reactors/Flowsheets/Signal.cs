using System.Collections.Immutable;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>
/// A feed or control as a function of time, made of straight pieces: constant, steps, ramps or a table. Where pieces meet
/// (<see cref="Breaks"/>) a solve is ended and begun again, so no method steps across a jump or a kink unawares, and each side of a jump is
/// seen with its own value.
/// </summary>
public sealed class Signal
{
    private readonly ImmutableArray<(double From, double Value, double Slope)> _pieces;

    private Signal(ImmutableArray<(double From, double Value, double Slope)> pieces) => _pieces = pieces;

    /// <summary>Where the pieces meet, rising.</summary>
    public IEnumerable<double> Breaks => _pieces.Skip(1).Select(p => p.From);

    /// <summary>Whether it is one number for all time: then it is a parameter of the problem.</summary>
    public bool IsConstant => _pieces.Length == 1 && _pieces[0].Slope == 0.0;

    /// <summary>The value before anything changes.</summary>
    public double First => _pieces[0].Value;

    public static Signal Constant(double value) => new([(double.NegativeInfinity, Finite(value, "the value"), 0.0)]);

    /// <summary>Jumps to new values at given times.</summary>
    /// <param name="changes">Rising in time.</param>
    public static Signal Steps(double first, params (double Time, double Value)[] changes)
    {
        Rising(changes, strictly: true);
        return new([(double.NegativeInfinity, Finite(first, "the first value"), 0.0), .. changes.Select(c => (c.Time, c.Value, 0.0))]);
    }

    /// <summary>From one value to another in a straight line, and constant before and after.</summary>
    public static Signal Ramp(double from, double to, double start, double end)
    {
        if (!(end > start)) throw new ArgumentException(FormattableString.Invariant($"the ramp ends at {end:R}, not after its start at {start:R}"));
        return Table([(start, from), (end, to)]);
    }

    /// <summary>Straight lines between points, and constant before the first and after the last. Two points at one time are a jump.</summary>
    public static Signal Table(params (double Time, double Value)[] points)
    {
        if (points.Length == 0) throw new ArgumentException("a table needs at least one point");
        Rising(points, strictly: false);
        var pieces = ImmutableArray.CreateBuilder<(double, double, double)>();
        pieces.Add((double.NegativeInfinity, points[0].Value, 0.0));
        for (var i = 0; i + 1 < points.Length; i++)
        {
            var ((t0, v0), (t1, v1)) = (points[i], points[i + 1]);
            if (t1 > t0) pieces.Add((t0, v0, (v1 - v0) / (t1 - t0)));
        }
        pieces.Add((points[^1].Time, points[^1].Value, 0.0));
        return new(pieces.DrainToImmutable());
    }

    /// <summary>The value; at a jump that after it.</summary>
    public double At(double t)
    {
        var (origin, value, slope) = Piece(t);
        return value + (slope * (t - origin));
    }

    /// <summary>The piece that holds from <paramref name="t"/> on: value + slope (time - origin).</summary>
    internal (double Origin, double Value, double Slope) Piece(double t)
    {
        var i = _pieces.Length - 1;
        while (i > 0 && _pieces[i].From > t) i--;
        var piece = _pieces[i];
        return (double.IsNegativeInfinity(piece.From) ? 0.0 : piece.From, piece.Value, piece.Slope);
    }

    private static void Rising((double Time, double Value)[] points, bool strictly)
    {
        for (var i = 0; i < points.Length; i++)
        {
            Finite(points[i].Time, $"time {i + 1}");
            Finite(points[i].Value, $"value {i + 1}");
            if (i == 0) continue;
            double before = points[i - 1].Time, now = points[i].Time;
            if (strictly ? now <= before : now < before)
                throw new ArgumentException(FormattableString.Invariant($"time {i + 1} is {now:R} after {before:R}; times must rise"));
        }
    }

    private static double Finite(double value, string what) => double.IsFinite(value)
        ? value
        : throw new ArgumentException(FormattableString.Invariant($"{what} is {value:R}; it must be finite"));
}
