using System.Numerics;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>
/// Follows a branch of steady states one way by pseudo-arclength steps.
/// A step is a move along the tangent and a correction in the plane across it. It is taken if Newton's method converges near the
/// prediction, if the tangent turns by less than <see cref="LargestTurn"/>, and if what happened to the eigenvalues is explained by the
/// test functions: a fold or a branch point changes the number of unstable ones by one, a Hopf point by two, nothing else by none. If not,
/// it is halved, so that two special points within one step are told apart and none is passed unseen (save at the shortest step).
/// Test functions: the tangent's parameter entry (folds), the sign of det(df/dX; tangent) (branch points), the sign of the product of
/// all λi + λj (Hopf points and neutral saddles). Where one changes sign the point is bracketed by halving the step and then handed to
/// its defining system.
/// </summary>
internal sealed class EquilibriumContinuation(ScaledField field, BifurcationRequest request)
{
    /// <summary>Cosine of about 8 degrees.</summary>
    private const double LargestTurn = 0.99;
    private const int Halvings = 14;

    private readonly int _n = field.Dimension;
    private readonly EquilibriumCurve _curve = new(field);
    private readonly double _low = Math.Min(field.FromParameter(request.From), field.FromParameter(request.To));
    private readonly double _high = Math.Max(field.FromParameter(request.From), field.FromParameter(request.To));

    /// <summary>One point of the curve with all that the tests need; scaled.</summary>
    internal sealed record Point(double[] X, double[] Tangent, int Sign, Complex[] Eigenvalues)
    {
        public int Unstable { get; } = Stability.UnstableCount(Eigenvalues);

        public int PairSign { get; } = Stability.PairSign(Eigenvalues);
    }

    internal readonly record struct Event(SpecialPointKind Kind, double[] X, HopfSystem.Point? Hopf, bool Located, double[] Tangent);

    internal sealed record Way(List<Point> Points, List<Event> Events, BranchEnd End);

    /// <summary>A point with its tangent along <paramref name="direction"/>; null if the curve has none there.</summary>
    public Point? At(double[] x, ReadOnlySpan<double> direction)
    {
        var tangent = new double[_n + 1];
        if (!_curve.Tangent(x, direction, tangent, out var sign)) return null;
        return new Point(x, tangent, sign, Stability.Eigenvalues(field, x.AsSpan(0, _n), x[_n]));
    }

    public EquilibriumCurve Curve => _curve;

    public Way Follow(Point start, Action<Point>? progress, CancellationToken cancellation)
    {
        var points = new List<Point> { start };
        var events = new List<Event>();
        var step = request.MaximumStep * 0.25;
        while (points.Count < request.MaximumPoints)
        {
            cancellation.ThrowIfCancellationRequested();
            var from = points[^1];
            var next = Step(from, step, out var easy);
            if (next is null || !Explained(from, next, out var several) || (several && step > 1e-5))
            {
                step *= 0.5;
                if (step >= request.MinimumStep) continue;
                if (next is null) return new Way(points, events, BranchEnd.StepTooSmall);
            }
            foreach (var kind in Met(from, next))
            {
                if (Locate(kind, from, next, step) is { } found) events.Add(found);
            }
            var p = next.X[_n];
            if (p < _low || p > _high)
            {
                if (AtBound(from, next, p < _low ? _low : _high) is { } last) points.Add(last);
                events.RemoveAll(e => e.X[_n] < _low - 1e-9 || e.X[_n] > _high + 1e-9);
                return new Way(points, events, BranchEnd.RangeEnd);
            }
            points.Add(next);
            progress?.Invoke(next);
            if (Outside(next.X)) return new Way(points, events, BranchEnd.LeftBox);
            if (points.Count > 5 && Passes(from, next, start)) return new Way(points, events, BranchEnd.Closed);
            if (easy) step = Math.Min(request.MaximumStep, step * 1.4);
        }
        return new Way(points, events, BranchEnd.PointLimit);
    }

    private Point? Step(Point from, double length, out bool easy)
    {
        easy = false;
        var x = Ahead(from, length, out var iterations);
        if (x is null) return null;
        var next = At(x, from.Tangent);
        if (next is null || Dot(next.Tangent, from.Tangent) < LargestTurn) return null;
        easy = iterations <= 4;
        return next;
    }

    private double[]? Ahead(Point from, double length, out int iterations)
    {
        var x = new double[_n + 1];
        for (var i = 0; i <= _n; i++) x[i] = from.X[i] + (length * from.Tangent[i]);
        iterations = _curve.Correct(x, from.Tangent);
        if (iterations < 0) return null;
        var distance = 0.0;
        for (var i = 0; i <= _n; i++) distance += (x[i] - from.X[i]) * (x[i] - from.X[i]);
        return Math.Sqrt(distance) > 2.0 * length ? null : x;
    }

    private static bool Explained(Point from, Point next, out bool several)
    {
        int real = 0, pairs = 0;
        foreach (var kind in Changes(from, next))
        {
            if (kind == SpecialPointKind.Hopf) pairs++;
            else real++;
        }
        several = real + pairs > 1;
        var change = Math.Abs(next.Unstable - from.Unstable);
        if (several) return true;
        if (real == 1) return change == 1;
        if (pairs == 1) return change is 0 or 2;
        return change == 0;
    }

    /// <summary>The test functions that change sign; Hopf stands for the pairs' product, which may turn out to be a neutral
    /// saddle.</summary>
    private static IEnumerable<SpecialPointKind> Changes(Point from, Point next)
    {
        if (from.Tangent[^1] * next.Tangent[^1] < 0) yield return SpecialPointKind.Fold;
        if (from.Sign * next.Sign < 0) yield return SpecialPointKind.BranchPoint;
        if (from.PairSign * next.PairSign < 0) yield return SpecialPointKind.Hopf;
    }

    /// <summary>What a step met. At a pitchfork the curve that turns has both a branch point and a turning tangent: no fold of its
    /// own.</summary>
    private static IEnumerable<SpecialPointKind> Met(Point from, Point next)
    {
        var kinds = Changes(from, next).ToList();
        if (kinds.Contains(SpecialPointKind.BranchPoint)) kinds.Remove(SpecialPointKind.Fold);
        return kinds;
    }

    private Event? Locate(SpecialPointKind kind, Point from, Point next, double length)
    {
        double low = 0.0, high = length;
        var best = next;
        var halvings = kind == SpecialPointKind.BranchPoint ? 26 : Halvings;
        for (var k = 0; k < halvings; k++)
        {
            var middle = 0.5 * (low + high);
            var x = Ahead(from, middle, out _);
            var point = x is null ? null : At(x, from.Tangent);
            if (point is null) break;
            if (Changes(from, point).Contains(kind))
            {
                high = middle;
                best = point;
            }
            else
            {
                low = middle;
            }
        }
        return kind switch
        {
            SpecialPointKind.Fold => Fold(best, length),
            SpecialPointKind.Hopf => Pair(best, length, from, low),
            _ => new Event(kind, best.X, null, high - low < 1e-7, best.Tangent),
        };
    }

    private Event Fold(Point near, double length)
    {
        var x = (double[])near.X.Clone();
        var located = FoldSystem.Solve(field, x, near.Tangent) && Distance(x, near.X) < length;
        return new Event(SpecialPointKind.Fold, located ? x : near.X, null, located, near.Tangent);
    }

    private Event? Pair(Point near, double length, Point from, double low)
    {
        var frequency = Stability.NearestPairFrequency(near.Eigenvalues);
        if (frequency == 0.0)
        {
            // Halved on to full accuracy: a neutral saddle needs no defining system, as nothing follows from it.
            var best = near;
            double high = length;
            for (var k = 0; k < 40; k++)
            {
                var middle = 0.5 * (low + high);
                var x = Ahead(from, middle, out _);
                var point = x is null ? null : At(x, from.Tangent);
                if (point is null) break;
                if (point.PairSign != from.PairSign)
                {
                    high = middle;
                    best = point;
                }
                else
                {
                    low = middle;
                }
            }
            return new Event(SpecialPointKind.NeutralSaddle, best.X, null, true, best.Tangent);
        }
        var hopf = HopfSystem.Solve(field, near.X, frequency);
        if (hopf is { } found && Distance(found.X, near.X) < length)
            return new Event(SpecialPointKind.Hopf, found.X, found, true, near.Tangent);
        return new Event(SpecialPointKind.Hopf, near.X, null, false, near.Tangent);
    }

    /// <summary>The point of the step where p is at a bound.</summary>
    private Point? AtBound(Point from, Point next, double bound)
    {
        var share = (bound - from.X[_n]) / (next.X[_n] - from.X[_n]);
        var x = new double[_n + 1];
        for (var i = 0; i < _n; i++) x[i] = from.X[i] + (share * (next.X[i] - from.X[i]));
        x[_n] = bound;
        return _curve.CorrectAtParameter(x) > 0 ? At(x, from.Tangent) : null;
    }

    private bool Outside(double[] x)
    {
        for (var i = 0; i < _n; i++)
        {
            var value = x[i] * field.Scale[i];
            var slack = 1e-6 * (request.Upper[i] - request.Lower[i]);
            if (value < request.Lower[i] - slack || value > request.Upper[i] + slack) return true;
        }
        return false;
    }

    /// <summary>Whether the step from one point to the next goes past the start, the same way.</summary>
    private bool Passes(Point from, Point next, Point start)
    {
        double before = 0.0, after = 0.0;
        for (var i = 0; i <= _n; i++)
        {
            before += (from.X[i] - start.X[i]) * start.Tangent[i];
            after += (next.X[i] - start.X[i]) * start.Tangent[i];
        }
        if (!(before < 0 && after >= 0)) return false;
        var share = before / (before - after);
        var length = Distance(from.X, next.X);
        var miss = 0.0;
        for (var i = 0; i <= _n; i++)
        {
            var d = from.X[i] + (share * (next.X[i] - from.X[i])) - start.X[i];
            miss += d * d;
        }
        return Math.Sqrt(miss) < 0.2 * length;
    }

    private static double Distance(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return Math.Sqrt(sum);
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
