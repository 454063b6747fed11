namespace Athanor.Compute.SteadyStates;

/// <summary>
/// All zeros of f in a box by subdivision with Krawczyk's operator (Neumaier, Interval Methods for Systems of Equations, 1990, 5.2):
/// <code>
/// K(X) = m - Y f(m) + (I - Y J(X)) (X - m)        m the middle of X, Y an approximate inverse of J's middle
/// </code>
/// Every zero in X lies in K(X): if X and K(X) have nothing in common, X holds none, and if K(X) lies inside X, X holds exactly one. A
/// box that is neither is narrowed to the common part or cut in two. Zeros on the cut itself are caught by testing a slightly larger box
/// around a zero found by Newton's method; a box that lies within one whose single zero is proven needs no more work.
/// </summary>
internal sealed class IntervalSearch
{
    /// <summary>Boxes looked at, at most: some seconds for three states.</summary>
    private const int MaximumBoxes = 200_000;

    /// <summary>Boxes narrower than this share of the whole are given up as undecided.</summary>
    private const double Narrowest = 1e-11;

    private readonly IIntervalField _intervals;
    private readonly IVectorField _field;
    private readonly double _p;
    private readonly Interval[] _whole;
    private readonly int _n;
    private readonly DenseLu _lu;
    private readonly Interval[] _f, _jacobian;
    private readonly double[] _inverse;
    private readonly List<Interval[]> _proven = [];
    private readonly List<double[]> _roots = [];

    internal readonly record struct Proof(List<double[]> Roots, int Boxes, int Undecided);

    public IntervalSearch(IIntervalField intervals, IVectorField field, double p, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper)
    {
        (_intervals, _field, _p, _n) = (intervals, field, p, field.Dimension);
        _whole = new Interval[_n];
        for (var i = 0; i < _n; i++) _whole[i] = new Interval(lower[i], upper[i]);
        _lu = new DenseLu(_n);
        _f = new Interval[_n];
        _jacobian = new Interval[_n * _n];
        _inverse = new double[_n * _n];
    }

    public Proof Run(CancellationToken cancellation)
    {
        var open = new Stack<Interval[]>();
        open.Push((Interval[])_whole.Clone());
        int boxes = 0, undecided = 0;
        while (open.TryPop(out var box))
        {
            cancellation.ThrowIfCancellationRequested();
            if (++boxes > MaximumBoxes) return new Proof(Inside(), boxes, undecided + open.Count + 1);
            if (_proven.Any(proven => Covers(proven, box))) continue;
            if (!MayHoldZero(box)) continue;
            switch (Narrow(box))
            {
                case Outcome.Empty or Outcome.Unique:
                    continue;
                case Outcome.Narrowed:
                    open.Push(box);
                    continue;
            }
            if (TryProveAround(box) && _proven.Any(proven => Covers(proven, box))) continue;
            var widest = Widest(box);
            if (box[widest].Width <= Narrowest * Math.Max(_whole[widest].Width, 1e-300))
            {
                undecided++;
                continue;
            }
            // Not in the middle: zeros like to sit on symmetric cuts.
            var cut = box[widest].Low + (0.4921 * box[widest].Width);
            var upper = (Interval[])box.Clone();
            upper[widest] = new Interval(cut, box[widest].High);
            box[widest] = new Interval(box[widest].Low, cut);
            open.Push(upper);
            open.Push(box);
        }
        return new Proof(Inside(), boxes, undecided);
    }

    private enum Outcome
    {
        Empty,
        Unique,
        Narrowed,
        Undecided,
    }

    private bool MayHoldZero(Interval[] box)
    {
        _intervals.Rhs(box, _p, _f);
        foreach (var f in _f)
        {
            if (!f.Contains(0.0)) return false;
        }
        return true;
    }

    private Outcome Narrow(Interval[] box)
    {
        if (Krawczyk(box) is not { } image) return Outcome.Undecided;
        var inside = true;
        var shrunk = false;
        var common = new Interval[_n];
        for (var i = 0; i < _n; i++)
        {
            inside &= box[i].ContainsInside(image[i]);
            if (!box[i].TryIntersect(image[i], out common[i])) return Outcome.Empty;
            shrunk |= common[i].Width < 0.7 * box[i].Width;
        }
        if (inside)
        {
            Add((Interval[])box.Clone(), common);
            return Outcome.Unique;
        }
        if (!shrunk) return Outcome.Undecided;
        common.CopyTo(box, 0);
        return Outcome.Narrowed;
    }

    /// <summary>K(X), or null where the Jacobian's middle is singular or its enclosure unbounded.</summary>
    private Interval[]? Krawczyk(Interval[] box)
    {
        _intervals.Jacobian(box, _p, _jacobian);
        for (var k = 0; k < _jacobian.Length; k++)
        {
            var middle = _jacobian[k].Middle;
            if (!double.IsFinite(middle)) return null;
            _lu.Matrix[k] = middle;
        }
        if (!_lu.Factor()) return null;
        Span<double> column = stackalloc double[_n];
        for (var j = 0; j < _n; j++)
        {
            column.Clear();
            column[j] = 1.0;
            _lu.Solve(column);
            for (var i = 0; i < _n; i++) _inverse[(i * _n) + j] = column[i];
        }
        var centre = new Interval[_n];
        for (var i = 0; i < _n; i++) centre[i] = box[i].Middle;
        _intervals.Rhs(centre, _p, _f);
        var image = new Interval[_n];
        for (var i = 0; i < _n; i++)
        {
            var sum = centre[i];
            for (var j = 0; j < _n; j++) sum -= _inverse[(i * _n) + j] * _f[j];
            for (var j = 0; j < _n; j++)
            {
                Interval entry = i == j ? 1.0 : 0.0;
                for (var k = 0; k < _n; k++) entry -= _inverse[(i * _n) + k] * _jacobian[(k * _n) + j];
                sum += entry * (box[j] - centre[j]);
            }
            image[i] = sum;
        }
        return image;
    }

    /// <summary>Newton's method from the middle of a small box, and the proof of a single zero in a box around what it finds.</summary>
    private bool TryProveAround(Interval[] box)
    {
        var x = Array.ConvertAll(box, b => b.Middle);
        if (!Newton(x)) return false;
        for (var i = 0; i < _n; i++)
        {
            if (Math.Abs(x[i] - box[i].Middle) > Math.Max(box[i].Width, 1e-9 * _whole[i].Width)) return false;
        }
        var around = new Interval[_n];
        for (var i = 0; i < _n; i++)
        {
            var radius = (1.5 * box[i].Width) + (1e-12 * Math.Max(Math.Abs(x[i]), _whole[i].Width));
            around[i] = new Interval(x[i] - radius, x[i] + radius);
        }
        if (_proven.Any(proven => Covers(proven, around))) return true;
        if (Krawczyk(around) is not { } image) return false;
        for (var i = 0; i < _n; i++)
        {
            if (!around[i].ContainsInside(image[i])) return false;
        }
        Add(around, image);
        return true;
    }

    private void Add(Interval[] region, Interval[] enclosure)
    {
        _proven.Add(region);
        var x = Array.ConvertAll(enclosure, e => e.Middle);
        Newton(x);
        // The same zero may have been proven in overlapping boxes: both hold the other's approximation.
        foreach (var root in _roots)
        {
            var same = true;
            for (var i = 0; i < _n; i++) same &= Math.Abs(root[i] - x[i]) <= 1e-9 * Math.Max(_whole[i].Width, Math.Abs(x[i]));
            if (same) return;
        }
        _roots.Add(x);
    }

    private bool Newton(double[] x)
    {
        var step = new double[_n];
        for (var iteration = 0; iteration < 20; iteration++)
        {
            _field.Rhs(x, _p, step);
            _field.Jacobian(x, _p, _lu.Matrix);
            if (!_lu.Factor()) return false;
            _lu.Solve(step);
            var size = 0.0;
            for (var i = 0; i < _n; i++)
            {
                x[i] -= step[i];
                size = Math.Max(size, Math.Abs(step[i]) / Math.Max(Math.Abs(x[i]), Math.Max(_whole[i].Width, 1e-300)));
            }
            if (!double.IsFinite(size)) return false;
            if (size < 1e-14) return true;
            if (iteration > 4 && size < 1e-12) return true;
        }
        return false;
    }

    /// <summary>The zeros that lie in the box itself: a proof near its edge may have found one just outside.</summary>
    private List<double[]> Inside() => [.. _roots.Where(r =>
    {
        for (var i = 0; i < _n; i++)
        {
            var slack = 1e-12 * _whole[i].Width;
            if (r[i] < _whole[i].Low - slack || r[i] > _whole[i].High + slack) return false;
        }
        return true;
    })];

    private int Widest(Interval[] box)
    {
        var widest = 0;
        var share = -1.0;
        for (var i = 0; i < _n; i++)
        {
            var width = _whole[i].Width > 0 ? box[i].Width / _whole[i].Width : 0.0;
            if (width <= share) continue;
            share = width;
            widest = i;
        }
        return widest;
    }

    private static bool Covers(Interval[] outer, Interval[] inner)
    {
        for (var i = 0; i < outer.Length; i++)
        {
            if (!outer[i].Contains(inner[i])) return false;
        }
        return true;
    }
}
