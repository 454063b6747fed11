using Athanor.Compute.Kinetics;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>What signals are on one stretch of time between two breaks: value + slope (t - origin) for each.</summary>
internal sealed class Stretch
{
    public Stretch(IReadOnlyList<Signal> signals, double from)
    {
        Pieces = [.. signals.Select(s => s.Piece(from))];
        IsConstant = Pieces.All(p => p.Slope == 0.0);
    }

    public (double Origin, double Value, double Slope)[] Pieces { get; }

    public bool IsConstant { get; }
}

/// <summary>
/// The balances of a flowsheet, written once over the kind of number (<see cref="IReal{TSelf}"/>).
/// <code>
/// tank    d(c V)/dt = Σ Q_in c_in - Q_out c + V νᵀ r                      dV/dt = Σ Q_in - Q_out
///         rho cp V dT/dt = rho cp Σ Q_in (T_in - T) + V Σ (-dH_j) r_j + UA (Tc - T) + heat
/// tube    dc/dt = -d(u c)/dz + D d²c/dz² + νᵀ r,  u c - D dc/dz = u c_in at the inlet, dc/dz = 0 at the outlet (Danckwerts)
///         dT/dt = -d(u T)/dz + D d²T/dz² + (Σ (-dH_j) r_j + Ua (Tc - T) + heat) / rho cp
/// </code>
/// (R. Aris, Elementary Chemical Reactor Analysis, 1969; H. Rhee, R. Aris, N. Amundson for the tube.) The tube is cut into finite volumes;
/// the flux through a face takes the upwind cell's value and half its limited slope: of second order where the profile is smooth and
/// monotone, and no new extremum. Gases are in <see cref="GasBalances"/>, coolants in <see cref="HeatExchange"/>.
/// </summary>
internal static class Balances
{
    /// <summary>Writes dy/dt.</summary>
    /// <param name="rates">With the kinetic parameters set.</param>
    /// <param name="p">All parameters, the kinetic ones first.</param>
    public static void Write<TReal, TRates>(
        Plant plant, Stretch stretch, in TRates rates, TReal t, ReadOnlySpan<TReal> y, ReadOnlySpan<TReal> p, Span<TReal> dy)
        where TReal : unmanaged, IReal<TReal>
        where TRates : struct, IRateSet<TRates>
    {
        var context = new BalanceContext<TReal>(stretch, t, p);
        if (plant.Spec.Gas is not null)
        {
            GasBalances.Write(plant, context, rates, y, dy);
            return;
        }
        int n = plant.Species, sources = plant.Feeds.Length + plant.OutflowUnits.Length;
        Span<TReal> source = stackalloc TReal[sources];
        for (var f = 0; f < plant.Feeds.Length; f++) source[f] = context.Get(plant.Feeds[f].Flow);
        for (var o = 0; o < plant.Outflows.Length; o++) source[plant.Feeds.Length + o] = context.Get(plant.Outflows[o]);
        Span<TReal> inflow = stackalloc TReal[n + 2];
        Span<TReal> scratch = stackalloc TReal[(4 * (n + 1)) + plant.Reactions];
        foreach (var unit in plant.Units)
        {
            Collect(plant, context, source, y, unit, inflow);
            if (unit.Spec is TubeSpec) Tube(plant, context, rates, y, dy, unit, inflow, scratch);
            else Tank(plant, context, source, rates, y, dy, unit, inflow, scratch);
        }
    }

    /// <summary>The streams into a unit: Σ Q c by species, Σ Q T, Σ Q.</summary>
    private static void Collect<TReal>(
        Plant plant, BalanceContext<TReal> context, ReadOnlySpan<TReal> source, ReadOnlySpan<TReal> y, UnitPlace unit, Span<TReal> inflow)
        where TReal : unmanaged, IReal<TReal>
    {
        var n = plant.Species;
        inflow.Clear();
        for (var f = 0; f < plant.Feeds.Length; f++)
        {
            var feed = plant.Feeds[f];
            if (!ReferenceEquals(plant.Units[feed.Unit], unit)) continue;
            for (var i = 0; i < n; i++) inflow[i] += source[f] * context.Get(feed.Concentrations[i]);
            inflow[n] += source[f] * context.Get(feed.Temperature);
            inflow[n + 1] += source[f];
        }
        foreach (var link in plant.Links)
        {
            if (!ReferenceEquals(plant.Units[link.To], unit)) continue;
            var from = plant.Units[link.From];
            var flow = Outflow(plant, link.From, source) * TReal.Of(link.Share);
            for (var i = 0; i < n; i++) inflow[i] += flow * y[from.Outlet + i];
            inflow[n] += flow * (from.TemperatureState < 0 ? context.Get(from.Temperature) : y[from.Outlet + n]);
            inflow[n + 1] += flow;
        }
    }

    private static TReal Outflow<TReal>(Plant plant, int unit, ReadOnlySpan<TReal> source)
        where TReal : unmanaged, IReal<TReal>
    {
        var sum = TReal.Of(0.0);
        for (var s = 0; s < source.Length; s++)
        {
            var share = plant.FlowShares[unit, s];
            if (share != 0.0) sum += source[s] * TReal.Of(share);
        }
        return sum;
    }

    private static void Tank<TReal, TRates>(
        Plant plant, BalanceContext<TReal> context, ReadOnlySpan<TReal> source, in TRates rates, ReadOnlySpan<TReal> y, Span<TReal> dy,
        UnitPlace unit, ReadOnlySpan<TReal> inflow, Span<TReal> scratch)
        where TReal : unmanaged, IReal<TReal>
        where TRates : struct, IRateSet<TRates>
    {
        var n = plant.Species;
        var c = y.Slice(unit.Offset, n);
        var d = dy.Slice(unit.Offset, n);
        var r = scratch[..plant.Reactions];
        var kelvin = unit.TemperatureState < 0 ? context.Get(unit.Temperature) : y[unit.TemperatureState];
        var volume = unit.VolumeState < 0 ? context.Get(unit.Size) : y[unit.VolumeState];
        TReal.Rates(rates, kelvin, c, context.Parameters[..plant.KineticParameters], r);
        Sources(plant, r, d);
        // Q_out + dV/dt is what comes in, whether the vessel overflows or fills.
        for (var i = 0; i < n; i++) d[i] += (inflow[i] - (c[i] * inflow[n + 1])) / volume;
        if (unit.VolumeState >= 0)
            dy[unit.VolumeState] = inflow[n + 1] - Outflow(plant, Array.IndexOf(plant.Units, unit), source);
        if (unit.TemperatureState < 0) return;
        var exchanged = HeatExchange.Write(context, y, dy, unit, kelvin);
        dy[unit.TemperatureState] = ((inflow[n] - (kelvin * inflow[n + 1])) / volume)
            + ((Heat(plant, context, r) + (exchanged / volume)) / context.Parameters[plant.HeatCapacity]);
    }

    private static void Tube<TReal, TRates>(
        Plant plant, BalanceContext<TReal> context, in TRates rates, ReadOnlySpan<TReal> y, Span<TReal> dy, UnitPlace unit,
        ReadOnlySpan<TReal> inflow, Span<TReal> scratch)
        where TReal : unmanaged, IReal<TReal>
        where TRates : struct, IRateSet<TRates>
    {
        int n = plant.Species, w = unit.Width, moved = unit.TemperatureState < 0 ? n : n + 1, last = unit.Cells - 1;
        var limited = !((TubeSpec)unit.Spec).FirstOrder;
        Span<TReal> entering = scratch[..moved], rest = scratch[moved..];
        var source = rest[..n];
        var r = rest.Slice(n, plant.Reactions);
        var area = context.Get(unit.Area);
        var perCell = TReal.Of(unit.Cells) / context.Get(unit.Size);
        var spread = context.Get(unit.Dispersion) * perCell;
        var speed = inflow[n + 1] / area;
        var isothermal = unit.TemperatureState < 0;
        var fixedKelvin = isothermal ? context.Get(unit.Temperature) : TReal.Of(0.0);
        var perCapacity = isothermal ? fixedKelvin : TReal.Of(1.0) / context.Parameters[plant.HeatCapacity];
        for (var i = 0; i < moved; i++) entering[i] = inflow[i] / area;
        for (var cell = 0; cell <= last; cell++)
        {
            var at = unit.Offset + (cell * w);
            var kelvin = isothermal ? fixedKelvin : y[at + n];
            TReal.Rates(rates, kelvin, y.Slice(at, n), context.Parameters[..plant.KineticParameters], r);
            Sources(plant, r, source);
            for (var i = 0; i < moved; i++)
            {
                var here = y[at + i];
                var leaving = speed * here;
                if (cell < last)
                {
                    var step = y[at + w + i] - here;
                    if (limited)
                    {
                        // The slope is limited as a flux, so that a tube without flow needs no inlet concentration. The inlet face is
                        // half a cell away, hence the factor 2.
                        var before = cell == 0 ? TReal.Of(2.0) * (leaving - entering[i]) : speed * (here - y[at - w + i]);
                        leaving += TReal.Of(0.5) * TReal.Slope(before, speed * step);
                    }
                    leaving -= spread * step;
                }
                dy[at + i] = (entering[i] - leaving) * perCell;
                entering[i] = leaving;
            }
            for (var i = 0; i < n; i++) dy[at + i] += source[i];
            if (!isothermal) dy[at + n] += (Heat(plant, context, r) + HeatExchange.Write(context, y, dy, unit, kelvin, cell)) * perCapacity;
        }
    }

    /// <summary>νᵀ r.</summary>
    public static void Sources<TReal>(Plant plant, ReadOnlySpan<TReal> rates, Span<TReal> sources)
        where TReal : unmanaged, IReal<TReal>
    {
        int n = plant.Species;
        var nu = plant.Spec.Stoichiometry.AsSpan();
        for (var i = 0; i < n; i++)
        {
            var sum = TReal.Of(0.0);
            for (var j = 0; j < rates.Length; j++)
            {
                var coefficient = nu[(j * n) + i];
                if (coefficient == 1.0) sum += rates[j];
                else if (coefficient == -1.0) sum -= rates[j];
                else if (coefficient != 0.0) sum += rates[j] * TReal.Of(coefficient);
            }
            sources[i] = sum;
        }
    }

    /// <summary>Σ (-dH_j) r_j.</summary>
    private static TReal Heat<TReal>(Plant plant, BalanceContext<TReal> context, ReadOnlySpan<TReal> rates)
        where TReal : unmanaged, IReal<TReal>
    {
        if (plant.Spec.HeatIsRate) return rates[^1];
        var sum = TReal.Of(0.0);
        for (var j = 0; j < rates.Length; j++) sum -= context.Parameters[plant.FirstEnthalpy + j] * rates[j];
        return sum;
    }
}
