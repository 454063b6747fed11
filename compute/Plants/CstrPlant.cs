using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Plants;

/// <summary>
/// <see cref="ExothermicCstr"/> as a plant, the same method as <see cref="OdePlant{TModel}"/> with one exponential for the slopes and all
/// their derivatives, and the two states and four sensitivities in registers.
/// </summary>
internal readonly struct CstrPlant(OdePlant<ExothermicCstr> plain) : IWidePlantMap
{
    private const int All = 8;

    private readonly OdePlant<ExothermicCstr> _plain = plain;

    public int States => 2;

    public int Inputs => _plain.Inputs;

    public int Parameters => _plain.Parameters;

    public bool HasLanes => true;

    [SkipLocalsInit]
    public void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next)
    {
        var (substeps, h) = _plain.Split(dtS);
        Span<double> values = stackalloc double[All];
        Fill<double, ScalarLanes<double>>(values, u, p);
        new CstrFlow<double, ScalarLanes<double>>(values).Advance(x, h, substeps, next);
    }

    [SkipLocalsInit]
    public void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e)
    {
        var (substeps, h) = _plain.Split(dtS);
        Span<double> values = stackalloc double[All];
        Fill<double, ScalarLanes<double>>(values, u, p);
        var flow = new CstrFlow<double, ScalarLanes<double>>(values);
        if (b.Length + e.Length == 0) flow.Linearise(x, h, substeps, next, a);
        else flow.Linearise(x, h, substeps, next, a, b, e, _plain.Columns(b.Length, e.Length), values);
    }

    [SkipLocalsInit]
    public void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next)
    {
        if (!Cut(dtS, out var substeps, out var h))
        {
            LaneByLane.Run(this, x, u, p, dtS, next, default, default, default);
            return;
        }
        Span<Vector512<double>> values = stackalloc Vector512<double>[All];
        Fill<Vector512<double>, Lanes512<double>>(values, u, p);
        new CstrFlow<Vector512<double>, Lanes512<double>>(values).Advance(x, h, substeps, next);
    }

    [SkipLocalsInit]
    public void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b, Span<Vector512<double>> e)
    {
        if (!Cut(dtS, out var substeps, out var h))
        {
            LaneByLane.Run(this, x, u, p, dtS, next, a, b, e);
            return;
        }
        Span<Vector512<double>> values = stackalloc Vector512<double>[All];
        Fill<Vector512<double>, Lanes512<double>>(values, u, p);
        var flow = new CstrFlow<Vector512<double>, Lanes512<double>>(values);
        if (b.Length + e.Length == 0) flow.Linearise(x, h, substeps, next, a);
        else flow.Linearise(x, h, substeps, next, a, b, e, _plain.Columns(b.Length, e.Length), values);
    }

    [SkipLocalsInit]
    public void LineariseWide(
        int groups, ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p,
        ReadOnlySpan<Vector512<double>> dtS, Span<Vector512<double>> next, Span<Vector512<double>> a)
    {
        int m = Inputs, k = Parameters, most = CstrWide.Groups;
        Span<Vector512<double>> values = stackalloc Vector512<double>[All];
        Span<CstrFlow<Vector512<double>, Lanes512<double>>> flows = stackalloc CstrFlow<Vector512<double>, Lanes512<double>>[most];
        Span<Vector512<double>> h = stackalloc Vector512<double>[most];
        for (var first = 0; first < groups; first += most)
        {
            var count = Math.Min(most, groups - first);
            var alike = Cut(dtS[first], out var substeps, out _);
            for (var g = 1; alike && g < count; g++)
                alike = Cut(dtS[first + g], out var other, out _) && other == substeps;
            if (!alike)
            {
                for (var g = first; g < first + count; g++)
                {
                    LineariseLanes(
                        x.Slice(2 * g, 2), u.Slice(m * g, m), p.Slice(k * g, k), dtS[g], next.Slice(2 * g, 2), a.Slice(4 * g, 4), default,
                        default);
                }
                continue;
            }
            for (var g = 0; g < count; g++)
            {
                Fill<Vector512<double>, Lanes512<double>>(values, u.Slice(m * (first + g), m), p.Slice(k * (first + g), k));
                flows[g] = new CstrFlow<Vector512<double>, Lanes512<double>>(values);
                h[g] = dtS[first + g] / Vector512.Create(_plain.TimeUnitS * substeps);
            }
            CstrWide.Linearise(flows[..count], h, substeps, x[(2 * first)..], next[(2 * first)..], a[(4 * first)..]);
        }
    }

    private bool Cut(Vector512<double> dtS, out int substeps, out Vector512<double> h)
    {
        (substeps, _) = _plain.Split(dtS[0]);
        h = dtS / Vector512.Create(_plain.TimeUnitS * substeps);
        return dtS == Vector512.Create(dtS[0]) || _plain.SameSplit(dtS, substeps);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Fill<TVector, TLanes>(Span<TVector> values, ReadOnlySpan<TVector> u, ReadOnlySpan<TVector> p)
        where TVector : unmanaged
        where TLanes : struct, ILanes<TVector, double>
    {
        var nominal = _plain.Nominal;
        for (var i = 0; i < All; i++) values[i] = TLanes.Create(nominal[i]);
        var inputs = _plain.InputPlaces;
        for (var i = 0; i < inputs.Length; i++) values[inputs[i]] = u[i];
        var parameters = _plain.ParameterPlaces;
        for (var i = 0; i < parameters.Length; i++) values[parameters[i]] = p[i];
    }
}

/// <summary>The method's arithmetic, once for one reactor and for eight.</summary>
internal readonly struct CstrFlow<TVector, TLanes>
    where TVector : unmanaged
    where TLanes : struct, ILanes<TVector, double>
{
    private const double PerVolume = 1.0 / 100.0, PerCapacity = 1.0 / 239.0, PerTankCapacity = 1.0 / (100.0 * 239.0);

    private readonly TVector _dilution, _feed, _frequency, _activation, _rise, _inflow, _loss;

    /// <param name="p">In the order of the model's parameters.</param>
    public CstrFlow(ReadOnlySpan<TVector> p)
    {
        _dilution = TLanes.Multiply(p[3], TLanes.Create(PerVolume));
        var exchange = TLanes.Multiply(p[7], TLanes.Create(PerTankCapacity));
        _feed = TLanes.Multiply(_dilution, p[2]);
        _frequency = p[4];
        _activation = p[5];
        _rise = TLanes.Multiply(p[6], TLanes.Create(-PerCapacity));
        // Heat that comes whatever the temperature, and what is lost per degree.
        _inflow = TLanes.Fma(exchange, p[0], TLanes.Multiply(_dilution, p[1]));
        _loss = TLanes.Add(_dilution, exchange);
    }

    public void Advance(ReadOnlySpan<TVector> x, TVector h, int substeps, Span<TVector> next)
    {
        TVector c = x[0], t = x[1], half = TLanes.Multiply(TLanes.Create(0.5), h), sixth = TLanes.Divide(h, TLanes.Create(6.0));
        var two = TLanes.Create(2.0);
        for (var step = 0; step < substeps; step++)
        {
            Slopes(c, t, out var kc, out var kt);
            TVector sumC = kc, sumT = kt;
            Slopes(TLanes.Fma(half, kc, c), TLanes.Fma(half, kt, t), out kc, out kt);
            (sumC, sumT) = (TLanes.Fma(two, kc, sumC), TLanes.Fma(two, kt, sumT));
            Slopes(TLanes.Fma(half, kc, c), TLanes.Fma(half, kt, t), out kc, out kt);
            (sumC, sumT) = (TLanes.Fma(two, kc, sumC), TLanes.Fma(two, kt, sumT));
            Slopes(TLanes.Fma(h, kc, c), TLanes.Fma(h, kt, t), out kc, out kt);
            c = TLanes.Fma(sixth, TLanes.Add(sumC, kc), c);
            t = TLanes.Fma(sixth, TLanes.Add(sumT, kt), t);
        }
        (next[0], next[1]) = (c, t);
    }

    public void Linearise(ReadOnlySpan<TVector> x, TVector h, int substeps, Span<TVector> next, Span<TVector> a)
    {
        TVector c = x[0], t = x[1], half = TLanes.Multiply(TLanes.Create(0.5), h), sixth = TLanes.Divide(h, TLanes.Create(6.0));
        TVector two = TLanes.Create(2.0), s00 = TLanes.Create(1.0), s01 = TLanes.Create(0.0), s10 = s01, s11 = s00;
        for (var step = 0; step < substeps; step++)
        {
            Slopes(c, t, s00, s01, s10, s11, out var kc, out var kt, out var k00, out var k01, out var k10, out var k11);
            TVector sumC = kc, sumT = kt, sum00 = k00, sum01 = k01, sum10 = k10, sum11 = k11;
            Slopes(
                TLanes.Fma(half, kc, c), TLanes.Fma(half, kt, t), TLanes.Fma(half, k00, s00), TLanes.Fma(half, k01, s01),
                TLanes.Fma(half, k10, s10), TLanes.Fma(half, k11, s11), out kc, out kt, out k00, out k01, out k10, out k11);
            sumC = TLanes.Fma(two, kc, sumC);
            sumT = TLanes.Fma(two, kt, sumT);
            sum00 = TLanes.Fma(two, k00, sum00);
            sum01 = TLanes.Fma(two, k01, sum01);
            sum10 = TLanes.Fma(two, k10, sum10);
            sum11 = TLanes.Fma(two, k11, sum11);
            Slopes(
                TLanes.Fma(half, kc, c), TLanes.Fma(half, kt, t), TLanes.Fma(half, k00, s00), TLanes.Fma(half, k01, s01),
                TLanes.Fma(half, k10, s10), TLanes.Fma(half, k11, s11), out kc, out kt, out k00, out k01, out k10, out k11);
            sumC = TLanes.Fma(two, kc, sumC);
            sumT = TLanes.Fma(two, kt, sumT);
            sum00 = TLanes.Fma(two, k00, sum00);
            sum01 = TLanes.Fma(two, k01, sum01);
            sum10 = TLanes.Fma(two, k10, sum10);
            sum11 = TLanes.Fma(two, k11, sum11);
            Slopes(
                TLanes.Fma(h, kc, c), TLanes.Fma(h, kt, t), TLanes.Fma(h, k00, s00), TLanes.Fma(h, k01, s01),
                TLanes.Fma(h, k10, s10), TLanes.Fma(h, k11, s11), out kc, out kt, out k00, out k01, out k10, out k11);
            c = TLanes.Fma(sixth, TLanes.Add(sumC, kc), c);
            t = TLanes.Fma(sixth, TLanes.Add(sumT, kt), t);
            s00 = TLanes.Fma(sixth, TLanes.Add(sum00, k00), s00);
            s01 = TLanes.Fma(sixth, TLanes.Add(sum01, k01), s01);
            s10 = TLanes.Fma(sixth, TLanes.Add(sum10, k10), s10);
            s11 = TLanes.Fma(sixth, TLanes.Add(sum11, k11), s11);
        }
        (next[0], next[1]) = (c, t);
        (a[0], a[1], a[2], a[3]) = (s00, s01, s10, s11);
    }

    /// <summary>With derivatives to inputs and parameters too.</summary>
    public void Linearise(
        ReadOnlySpan<TVector> x, TVector h, int substeps, Span<TVector> next, Span<TVector> a, Span<TVector> b, Span<TVector> e,
        int[] columns,
        ReadOnlySpan<TVector> p)
    {
        var field = new Field(this, columns, p);
        Rk4Flow<TVector, TLanes, Field>.Linearise(ref field, x, h, substeps, next, a, b, e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Exp(TVector x) => typeof(TVector) == typeof(double)
        ? Unsafe.BitCast<double, TVector>(DetMath.Exp(Unsafe.BitCast<TVector, double>(x)))
        : Unsafe.BitCast<Vector512<double>, TVector>(DetMath.Exp(Unsafe.BitCast<TVector, Vector512<double>>(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Slopes(TVector c, TVector t, out TVector dc, out TVector dt)
    {
        var inverse = TLanes.Divide(TLanes.Create(-1.0), t);
        var rate = TLanes.Multiply(TLanes.Multiply(_frequency, Exp(TLanes.Multiply(_activation, inverse))), c);
        dc = TLanes.Subtract(TLanes.FmaNegated(_dilution, c, _feed), rate);
        dt = TLanes.Fma(_rise, rate, TLanes.FmaNegated(_loss, t, _inflow));
    }

    /// <summary>Also J S for two columns of S.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Slopes(
        TVector c, TVector t, TVector s00, TVector s01, TVector s10, TVector s11, out TVector dc, out TVector dt, out TVector k00,
        out TVector k01, out TVector k10, out TVector k11)
    {
        Jacobian(c, t, out dc, out dt, out var j00, out var j01, out var j10, out var j11);
        k00 = TLanes.Fma(j01, s10, TLanes.Multiply(j00, s00));
        k01 = TLanes.Fma(j01, s11, TLanes.Multiply(j00, s01));
        k10 = TLanes.Fma(j11, s10, TLanes.Multiply(j10, s00));
        k11 = TLanes.Fma(j11, s11, TLanes.Multiply(j10, s01));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Jacobian(
        TVector c, TVector t, out TVector dc, out TVector dt, out TVector j00, out TVector j01, out TVector j10, out TVector j11)
    {
        var inverse = TLanes.Divide(TLanes.Create(-1.0), t);
        var exponent = TLanes.Multiply(_activation, inverse);
        var constant = TLanes.Multiply(_frequency, Exp(exponent));
        var rate = TLanes.Multiply(constant, c);
        dc = TLanes.Subtract(TLanes.FmaNegated(_dilution, c, _feed), rate);
        dt = TLanes.Fma(_rise, rate, TLanes.FmaNegated(_loss, t, _inflow));
        // ER / T² = (-ER / T) (-1 / T).
        var slope = TLanes.Multiply(rate, TLanes.Multiply(exponent, inverse));
        j00 = TLanes.Subtract(TLanes.Create(0.0), TLanes.Add(_dilution, constant));
        j01 = TLanes.Subtract(TLanes.Create(0.0), slope);
        j10 = TLanes.Multiply(_rise, constant);
        j11 = TLanes.Subtract(TLanes.Multiply(_rise, slope), _loss);
    }

    private readonly ref struct Field(CstrFlow<TVector, TLanes> flow, ReadOnlySpan<int> columns, ReadOnlySpan<TVector> p)
        : ITangentField<TVector>
    {
        private readonly CstrFlow<TVector, TLanes> _flow = flow;
        private readonly ReadOnlySpan<int> _columns = columns;
        private readonly ReadOnlySpan<TVector> _p = p;

        public int States => 2;

        public int Columns => _columns.Length;

        public void Rhs(scoped ReadOnlySpan<TVector> y, scoped Span<TVector> dy) => _flow.Slopes(y[0], y[1], out dy[0], out dy[1]);

        public void Tangent(
            scoped ReadOnlySpan<TVector> y, scoped Span<TVector> dy, scoped Span<TVector> jacobian, scoped Span<TVector> derivatives)
        {
            _flow.Jacobian(y[0], y[1], out dy[0], out dy[1], out jacobian[0], out jacobian[1], out jacobian[2], out jacobian[3]);
            TVector zero = TLanes.Create(0.0), perVolume = TLanes.Create(PerVolume);
            // k c = -(j01 T²) / ER would lose digits; from the slopes of concentration instead.
            var rate = TLanes.Subtract(TLanes.FmaNegated(_flow._dilution, y[0], _flow._feed), dy[0]);
            for (var i = 0; i < _columns.Length; i++)
            {
                var (first, second) = (zero, zero);
                switch (_columns[i])
                {
                    case 0:
                        second = TLanes.Multiply(_p[7], TLanes.Create(PerTankCapacity));
                        break;
                    case 1:
                        second = _flow._dilution;
                        break;
                    case 2:
                        first = _flow._dilution;
                        break;
                    case 3:
                        first = TLanes.Multiply(perVolume, TLanes.Subtract(_p[2], y[0]));
                        second = TLanes.Multiply(perVolume, TLanes.Subtract(_p[1], y[1]));
                        break;
                    case 4:
                        var unit = TLanes.Divide(rate, _p[4]);
                        first = TLanes.Subtract(zero, unit);
                        second = TLanes.Multiply(_flow._rise, unit);
                        break;
                    case 5:
                        first = TLanes.Divide(rate, y[1]);
                        second = TLanes.Subtract(zero, TLanes.Multiply(_flow._rise, first));
                        break;
                    case 6:
                        second = TLanes.Multiply(TLanes.Create(-PerCapacity), rate);
                        break;
                    default:
                        second = TLanes.Multiply(TLanes.Create(PerTankCapacity), TLanes.Subtract(_p[0], y[1]));
                        break;
                }
                (derivatives[2 * i], derivatives[(2 * i) + 1]) = (first, second);
            }
        }
    }
}
