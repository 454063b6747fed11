using System.Runtime.Intrinsics;

namespace Athanor.Compute.Control.Qp;

/// <summary>
/// The bounds of one kind over all stages as flat arrays, and what an interior point does with them: slacks s, multipliers λ, their
/// condensed curvature and gradient, steps. A bound that is not there keeps s = 1, λ = 0 for ever.
/// </summary>
/// <remarks>
/// With Δy the step of the bounded quantity and r what a lower bound's slack s is wrong by, Δs = Δy + r and λ⁺ = m / s - (λ / s)(Δy + r),
/// m the complementarity wanted (less the corrector's Δs Δλ). A soft one also has ε ≥ 0 with multiplier κ and the price l ε + ½ q ε²: with
/// a = λ / s, c = q + κ / ε, D = a + c and v = m' / ε - l - q ε it is Δε = (m / s + v - a (Δy + r)) / D, and eliminated it looks like a
/// hard one with a c / D for a and (c m / s - a v) / D for m / s. The r are not recomputed but shrink as the steps say: their rounding
/// errors would be multiplied by λ / s.
/// </remarks>
internal sealed unsafe class BarrierBlock
{
    private const int Arrays = 30;

    private readonly bool _soft;
    private readonly Side _low, _high;

    public BarrierBlock(AlignedBlock block, int count, bool soft)
    {
        Count = count;
        Padded = AlignedBlock.RoundUp(count);
        _soft = soft;
        _low = new Side(block, count);
        _high = new Side(block, count);
        Value = block.Take(count);
        Curvature = block.Take(count);
        Slope = block.Take(count);
        for (var i = 0; i < Padded; i++)
        {
            _low.Clear(i);
            _high.Clear(i);
        }
    }

    public int Count { get; }

    public int Padded { get; }

    /// <summary>Bounds and slacks that are there.</summary>
    public int Active { get; private set; }

    /// <summary>The bounded quantity at the guess, and later its step.</summary>
    public double* Value { get; }

    /// <summary>Condensed second derivative.</summary>
    public double* Curvature { get; }

    /// <summary>Condensed gradient at the iterate.</summary>
    public double* Slope { get; }

    public static int Size(int count) => Arrays * (AlignedBlock.RoundUp(count) + 8);

    /// <summary>Infinite bounds are none.</summary>
    public void Set(int entry, double lower, double upper, double linear = 0.0, double quadratic = 1.0)
    {
        Active += _low.Set(entry, lower, linear, quadratic, _soft) + _high.Set(entry, upper, linear, quadratic, _soft);
    }

    public double Lower(int entry) => _low.On[entry] > 0.0 ? _low.Bound[entry] : double.NegativeInfinity;

    public double Upper(int entry) => _high.On[entry] > 0.0 ? _high.Bound[entry] : double.PositiveInfinity;

    public (double Lower, double Upper) Multipliers(int entry) => (_low.L[entry], _high.L[entry]);

    /// <summary>How far the bounds are broken, as far as the slacks tell.</summary>
    public (double Lower, double Upper) Slacks(int entry) => (_low.On[entry] * _low.E[entry], _high.On[entry] * _high.E[entry]);

    public void SetMultipliers(int entry, double lower, double upper)
    {
        _low.L[entry] = lower * _low.On[entry];
        _high.L[entry] = upper * _high.On[entry];
    }

    /// <summary>Slacks at the quantity's value, pushed inside; multipliers with products of <paramref name="mu"/>, or the ones that are
    /// there where these are larger.</summary>
    public void Start(double mu, double push, bool warm)
    {
        _low.Rest(Padded);
        _high.Rest(Padded);
        for (var i = 0; i < Count; i++)
        {
            double room = _low.On[i] * _high.On[i] > 0.0 ? _high.Bound[i] - _low.Bound[i] : 1.0, margin = push * Math.Max(room, 1e-9);
            StartSide(_low, i, Value[i] - _low.Bound[i], margin, mu, warm);
            StartSide(_high, i, _high.Bound[i] - Value[i], margin, mu, warm);
        }
    }

    private void StartSide(in Side side, int i, double distance, double margin, double mu, bool warm)
    {
        if (side.On[i] == 0.0) return;
        if (!_soft)
        {
            side.S[i] = Math.Max(distance, margin);
            side.L[i] = Math.Max(warm && double.IsFinite(side.L[i]) ? side.L[i] : 0.0, mu / side.S[i]);
            side.R[i] = distance - side.S[i];
            return;
        }
        side.E[i] = Math.Max(Math.Max(-distance, 0.0) + margin, mu / Math.Max(side.Linear[i], 1e-3));
        side.S[i] = Math.Max(distance + side.E[i], margin);
        var price = side.Linear[i] + (side.Quadratic[i] * side.E[i]);
        side.L[i] = Math.Min(Math.Max(warm && double.IsFinite(side.L[i]) ? side.L[i] : 0.0, mu / side.S[i]), 0.9 * price);
        side.K[i] = Math.Max(price - side.L[i], mu / side.E[i]);
        side.R[i] = distance + side.E[i] - side.S[i];
    }

    /// <summary>Curvature and slope for complementarity <paramref name="sigmaMu"/> - <paramref name="corrector"/> Δs Δλ.</summary>
    public void Condense(double sigmaMu, bool corrector)
    {
        Vector512<double> mu = Vector512.Create(sigmaMu), factor = Vector512.Create(corrector ? 1.0 : 0.0);
        for (var i = 0; i < Padded; i += 8)
        {
            var (a, low) = _low.Condense(i, mu, factor, _soft);
            var (b, high) = _high.Condense(i, mu, factor, _soft);
            (a + b).StoreAligned(Curvature + i);
            (high - low).StoreAligned(Slope + i);
        }
    }

    /// <summary>Steps for the quantities' steps in <see cref="Value"/>; returns the largest relative decrease of anything that must stay
    /// positive.</summary>
    public double Directions(double sigmaMu, bool corrector)
    {
        Vector512<double> mu = Vector512.Create(sigmaMu), factor = Vector512.Create(corrector ? 1.0 : 0.0), most = Vector512<double>.Zero;
        for (var i = 0; i < Padded; i += 8)
        {
            var dy = Vector512.LoadAligned(Value + i);
            most = _low.Direction(i, dy, mu, factor, _soft, most);
            most = _high.Direction(i, -dy, mu, factor, _soft, most);
        }
        var largest = 0.0;
        for (var l = 0; l < 8; l++) largest = Math.Max(largest, most[l]);
        return largest;
    }

    /// <summary>Σ s λ after a step of length <paramref name="alpha"/>.</summary>
    public double Products(double alpha)
    {
        var step = Vector512.Create(alpha);
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < Padded; i += 8) sum = _high.Products(i, step, _soft, _low.Products(i, step, _soft, sum));
        // A fixed order, whatever the machine's registers.
        var total = 0.0;
        for (var l = 0; l < 8; l++) total += sum[l];
        return total;
    }

    public void Step(double alpha)
    {
        var step = Vector512.Create(alpha);
        for (var i = 0; i < Padded; i += 8)
        {
            _low.Step(i, step, _soft);
            _high.Step(i, step, _soft);
        }
    }

    /// <summary>One side of the bounds.</summary>
    private readonly struct Side(AlignedBlock block, int count)
    {
        public readonly double* On = block.Take(count), Bound = block.Take(count), S = block.Take(count), L = block.Take(count);
        public readonly double* R = block.Take(count), E = block.Take(count), K = block.Take(count);
        public readonly double* Linear = block.Take(count), Quadratic = block.Take(count);
        private readonly double* _ds = block.Take(count), _dl = block.Take(count), _de = block.Take(count), _dk = block.Take(count);

        public void Clear(int i)
        {
            On[i] = Bound[i] = R[i] = L[i] = K[i] = Linear[i] = 0.0;
            S[i] = E[i] = Quadratic[i] = 1.0;
            _ds[i] = _dl[i] = _de[i] = _dk[i] = 0.0;
        }

        /// <summary>No steps: those of a solve that failed may be no numbers, and 0 times them would not be 0.</summary>
        public void Rest(int padded)
        {
            new Span<double>(_ds, padded).Clear();
            new Span<double>(_dl, padded).Clear();
            new Span<double>(_de, padded).Clear();
            new Span<double>(_dk, padded).Clear();
        }

        /// <summary>Change in the number of complementary pairs.</summary>
        public int Set(int i, double bound, double linear, double quadratic, bool soft)
        {
            int pairs = soft ? 2 : 1, before = On[i] > 0.0 ? pairs : 0;
            if (!double.IsFinite(bound))
            {
                Clear(i);
                return -before;
            }
            if (before == 0) Clear(i);
            On[i] = 1.0;
            Bound[i] = bound;
            Linear[i] = linear;
            Quadratic[i] = quadratic;
            return pairs - before;
        }

        /// <summary>λ / s, condensed, and λ at the step's end where the quantity does not move.</summary>
        public (Vector512<double> Curvature, Vector512<double> Slope) Condense(
            int i, Vector512<double> mu, Vector512<double> corrector, bool soft)
        {
            Vector512<double> on = Vector512.LoadAligned(On + i), inverse = Vector512<double>.One / Vector512.LoadAligned(S + i);
            var a = Vector512.LoadAligned(L + i) * inverse;
            var h = Wanted(mu, corrector, on, _ds + i, _dl + i) * inverse;
            if (soft)
            {
                var (c, v) = Slack(i, Wanted(mu, corrector, on, _de + i, _dk + i));
                var d = Vector512<double>.One / (a + c);
                h = ((c * h) - (a * v)) * d;
                a = a * c * d;
            }
            return (a, on * Vector512.FusedMultiplyAdd(-a, Vector512.LoadAligned(R + i), h));
        }

        public Vector512<double> Direction(
            int i, Vector512<double> dy, Vector512<double> mu, Vector512<double> corrector, bool soft, Vector512<double> most)
        {
            Vector512<double> l = Vector512.LoadAligned(L + i), on = Vector512.LoadAligned(On + i), off = Vector512<double>.One - on;
            var inverse = Vector512<double>.One / Vector512.LoadAligned(S + i);
            var a = l * inverse;
            var h = Wanted(mu, corrector, on, _ds + i, _dl + i) * inverse;
            var ds = dy + Vector512.LoadAligned(R + i);
            if (soft)
            {
                Vector512<double> e = Vector512.LoadAligned(E + i), k = Vector512.LoadAligned(K + i);
                var wanted = Wanted(mu, corrector, on, _de + i, _dk + i);
                var (c, v) = Slack(i, wanted);
                var de = on * (Vector512.FusedMultiplyAdd(-a, ds, h + v) / (a + c));
                var dk = on * ((Vector512.FusedMultiplyAdd(-k, de, wanted) / e) - k);
                ds += de;
                de.StoreAligned(_de + i);
                dk.StoreAligned(_dk + i);
                // κ = 0 where nothing is: 0 / 0 must not arise.
                most = Vector512.Max(most, -de / e);
                most = Vector512.Max(most, -dk / (k + off));
            }
            ds *= on;
            var dl = on * (Vector512.FusedMultiplyAdd(-a, ds, h) - l);
            ds.StoreAligned(_ds + i);
            dl.StoreAligned(_dl + i);
            most = Vector512.Max(most, -ds * inverse);
            return Vector512.Max(most, -dl / (l + off));
        }

        public Vector512<double> Products(int i, Vector512<double> alpha, bool soft, Vector512<double> sum)
        {
            sum = Vector512.FusedMultiplyAdd(After(S + i, _ds + i, alpha), After(L + i, _dl + i, alpha), sum);
            return soft ? Vector512.FusedMultiplyAdd(After(E + i, _de + i, alpha), After(K + i, _dk + i, alpha), sum) : sum;
        }

        public void Step(int i, Vector512<double> alpha, bool soft)
        {
            After(S + i, _ds + i, alpha).StoreAligned(S + i);
            After(L + i, _dl + i, alpha).StoreAligned(L + i);
            (Vector512.LoadAligned(R + i) * (Vector512<double>.One - alpha)).StoreAligned(R + i);
            if (!soft) return;
            After(E + i, _de + i, alpha).StoreAligned(E + i);
            After(K + i, _dk + i, alpha).StoreAligned(K + i);
        }

        /// <summary>c and v of the class's remarks.</summary>
        private (Vector512<double> C, Vector512<double> V) Slack(int i, Vector512<double> wanted)
        {
            Vector512<double> e = Vector512.LoadAligned(E + i), q = Vector512.LoadAligned(Quadratic + i);
            var inverse = Vector512<double>.One / e;
            var v = Vector512.FusedMultiplyAdd(wanted, inverse, -Vector512.LoadAligned(Linear + i)) - (q * e);
            return (Vector512.FusedMultiplyAdd(Vector512.LoadAligned(K + i), inverse, q), v);
        }

        private static Vector512<double> Wanted(
            Vector512<double> mu, Vector512<double> corrector, Vector512<double> on, double* ds, double* dl) =>
            on * Vector512.FusedMultiplyAdd(-corrector, Vector512.LoadAligned(ds) * Vector512.LoadAligned(dl), mu);

        private static Vector512<double> After(double* value, double* change, Vector512<double> alpha) =>
            Vector512.FusedMultiplyAdd(alpha, Vector512.LoadAligned(change), Vector512.LoadAligned(value));
    }
}
