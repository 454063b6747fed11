using Athanor.Compute.Kinetics;
using Athanor.Compute.Thermo;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>
/// The balances of ideal gases, P = Σ c R T. SI throughout; N are molar flows, H = Σ N_i h_i(T) what they carry.
/// <code>
/// vessel  V dc_i/dt = N_i - Q c_i + V (νᵀ r)_i
///         V Σ c_i cv_i dT/dt = H - Q Σ c_i h_i + UA (Tc - T) + heat - V Σ u_i dc_i/dt,  u = h - RT, cv = cp - R
///         Q is given (0 of a closed one), or what a valve lets out: Q0 + V (P/P0 - 1)/1 s, not below 0, where Q0 keeps the pressure
/// batch at constant pressure: Σ c_i cp_i dT/dt = Σ (-dH_j) r_j + (UA (Tc - T) + heat)/V,  V'/V = Σ_i (νᵀ r)_i/c + T'/T
/// tube    e dc_i/dt = -d(u c_i)/dz + d(D c dx_i/dz)/dz + (νᵀ r)_i,  u from the pressure (<see cref="GasPathSpec"/>)
///         (e Σ c_i cv_i + Cs) dT/dt = -dH/dz + d(D Σ c cp dT/dz)/dz + Ua (Tc - T) + heat - e Σ u_i dc_i/dt
/// </code>
/// A tube's inlet is what comes in, its outlet meets a given pressure. Fluxes through faces are counted once, so amounts and energy are kept
/// to rounding. Concentrations and temperatures at faces are those of the upwind cell with half its limited slope, where a gas flows back
/// without. The first cell has no slope; that costs no order, its error being one cell long.
/// </summary>
internal static class GasBalances
{
    private const double R = NasaSpecies.GasConstant;

    /// <summary>In this time the valve of a vessel brings its pressure back to where it shall be. It lets nothing in.</summary>
    private const double ValveSeconds = 1.0;

    public static void Write<TReal, TRates>(
        Plant plant, BalanceContext<TReal> context, in TRates rates, ReadOnlySpan<TReal> y, Span<TReal> dy)
        where TReal : unmanaged, IReal<TReal>
        where TRates : struct, IRateSet<TRates>
    {
        var n = plant.Species;
        Span<TReal> outflow = stackalloc TReal[plant.Units.Length], inflow = stackalloc TReal[n + 1];
        Span<TReal> scratch = stackalloc TReal[(3 * n) + 1 + plant.Reactions];
        // What leaves a tube follows from its last cell alone; what leaves a vessel may depend on what enters it.
        for (var u = 0; u < plant.Units.Length; u++)
        {
            if (plant.Units[u].Spec is TubeSpec) outflow[u] = new Path<TReal>(plant, context, plant.Units[u]).Outflow(context, y);
        }
        foreach (var u in plant.GasOrder)
        {
            var unit = plant.Units[u];
            Collect(plant, context, outflow, y, unit, inflow);
            if (unit.Spec is TubeSpec) Tube(plant, context, rates, y, dy, unit, inflow, scratch);
            else outflow[u] = Vessel(plant, context, rates, y, dy, unit, inflow, scratch);
        }
    }

    /// <summary>The molar flows into a unit, and the enthalpy they carry if it has an energy balance.</summary>
    private static void Collect<TReal>(
        Plant plant, BalanceContext<TReal> context, ReadOnlySpan<TReal> outflow, ReadOnlySpan<TReal> y, UnitPlace unit, Span<TReal> inflow)
        where TReal : unmanaged, IReal<TReal>
    {
        var n = plant.Species;
        var warm = unit.TemperatureState >= 0;
        inflow.Clear();
        foreach (var feed in plant.Feeds)
        {
            if (!ReferenceEquals(plant.Units[feed.Unit], unit)) continue;
            TReal flow = context.Get(feed.Flow), kelvin = context.Get(feed.Temperature);
            for (var i = 0; i < n; i++) Add(plant, inflow, i, flow * context.Get(feed.Concentrations[i]), kelvin, warm);
        }
        foreach (var link in plant.Links)
        {
            if (!ReferenceEquals(plant.Units[link.To], unit)) continue;
            var from = plant.Units[link.From];
            var flow = outflow[link.From] * TReal.Of(link.Share);
            var kelvin = from.TemperatureState < 0 ? context.Get(from.Temperature) : y[from.Outlet + n];
            for (var i = 0; i < n; i++) Add(plant, inflow, i, flow * y[from.Outlet + i], kelvin, warm);
        }
    }

    private static void Add<TReal>(Plant plant, Span<TReal> inflow, int species, TReal flow, TReal kelvin, bool warm)
        where TReal : unmanaged, IReal<TReal>
    {
        inflow[species] += flow;
        if (warm) inflow[^1] += flow * Properties(plant.Spec.Gas!.Value[species], kelvin).Enthalpy;
    }

    /// <summary>Writes the balances of a vessel.</summary>
    /// <returns>What leaves it, volume per time.</returns>
    private static TReal Vessel<TReal, TRates>(
        Plant plant, BalanceContext<TReal> context, in TRates rates, ReadOnlySpan<TReal> y, Span<TReal> dy, UnitPlace unit,
        ReadOnlySpan<TReal> inflow, Span<TReal> scratch)
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
        Balances.Sources(plant, r, d);
        TReal total = TReal.Of(0.0), gained = TReal.Of(0.0), leaves = TReal.Of(0.0);
        for (var i = 0; i < n; i++)
        {
            // What comes in and is made, per volume and time.
            d[i] += inflow[i] / volume;
            (total, gained) = (total + c[i], gained + d[i]);
        }
        if (unit.Outflow is not { Parameter: -1, Signal: -1 }) leaves = context.Get(unit.Outflow);
        TReal gasT = TReal.Of(R) * kelvin, rise = context.Slope(unit.Temperature);
        TReal atPressure = TReal.Of(0.0), atVolume = atPressure, released = atPressure;
        var warm = unit.TemperatureState >= 0;
        if (warm)
        {
            released = (HeatExchange.Write(context, y, dy, unit, kelvin) + inflow[n]) / volume;
            for (var i = 0; i < n; i++)
            {
                var (heat, enthalpy) = Properties(plant.Spec.Gas!.Value[i], kelvin);
                atPressure += c[i] * heat;
                released -= d[i] * enthalpy;
            }
            rise = released / atPressure;
            // At constant volume energy counts, not enthalpy: cv = cp - R, u = h - RT.
            atVolume = atPressure - (total * TReal.Of(R));
        }
        var expansion = (rise / kelvin) + (gained / total);
        if (unit.Pressure is not { Parameter: -1, Signal: -1 })
        {
            var excess = (total * gasT / context.Get(unit.Pressure)) - TReal.Of(1.0);
            leaves = volume * (expansion + (excess / TReal.Of(ValveSeconds)));
            leaves = TReal.Choose(leaves, 0.0, TReal.Of(0.0), leaves);
        }
        // What leaves takes h along and leaves u missing: the difference is P Q.
        if (warm && unit.VolumeState < 0) rise = (released + (gained * gasT) - (leaves / volume * (total * gasT))) / atVolume;
        if (warm) dy[unit.TemperatureState] = rise;
        if (unit.VolumeState >= 0) dy[unit.VolumeState] = volume * expansion;
        var dilution = unit.VolumeState >= 0 ? expansion : leaves / volume;
        for (var i = 0; i < n; i++) d[i] -= c[i] * dilution;
        return leaves;
    }

    private static void Tube<TReal, TRates>(
        Plant plant, BalanceContext<TReal> context, in TRates rates, ReadOnlySpan<TReal> y, Span<TReal> dy, UnitPlace unit,
        ReadOnlySpan<TReal> inflow, Span<TReal> scratch)
        where TReal : unmanaged, IReal<TReal>
        where TRates : struct, IRateSet<TRates>
    {
        int n = plant.Species, last = unit.Cells - 1;
        var spec = (TubeSpec)unit.Spec;
        var gas = plant.Spec.Gas!.Value;
        Span<TReal> entering = scratch[..(n + 1)], flux = scratch.Slice(n + 1, n), source = scratch.Slice((2 * n) + 1, n);
        var r = scratch[((3 * n) + 1)..];
        var path = new Path<TReal>(plant, context, unit);
        TReal area = context.Get(unit.Area), spread = context.Get(unit.Dispersion), gasConstant = TReal.Of(R), half = TReal.Of(0.5);
        var isothermal = unit.TemperatureState < 0;
        for (var i = 0; i <= n; i++) entering[i] = inflow[i] / area;
        for (var cell = 0; cell <= last; cell++)
        {
            var at = unit.Offset + (cell * unit.Width);
            var next = cell == last ? at : at + unit.Width;
            TReal kelvin = path.Kelvin(y, at), ahead = path.Kelvin(y, next), total = path.Total(y, at), totalAhead = path.Total(y, next);
            var limited = cell > 0 && cell < last && !spec.FirstOrder;
            var speed = path.Speed(y, at, next, cell == last);
            var step = ahead - kelvin;
            var faceKelvin = kelvin;
            if (limited) faceKelvin += half * TReal.Slope(kelvin - path.Kelvin(y, at - unit.Width), step);
            faceKelvin = TReal.Choose(speed, 0.0, ahead, faceKelvin);
            TReal leaving = TReal.Of(0.0), capacity = TReal.Of(0.0), stored = TReal.Of(0.0);
            for (var i = 0; i < n; i++)
            {
                TReal here = y[at + i], there = y[next + i], face = here;
                if (limited) face += half * TReal.Slope(here - y[at - unit.Width + i], there - here);
                flux[i] = speed * TReal.Choose(speed, 0.0, there, face);
                if (spec.Dispersion > 0.0 && cell < last)
                    flux[i] -= spread * path.PerCell * half * (total + totalAhead) * ((there / totalAhead) - (here / total));
            }
            TReal.Rates(rates, kelvin, y.Slice(at, n), context.Parameters[..plant.KineticParameters], r);
            Balances.Sources(plant, r, source);
            for (var i = 0; i < n; i++)
            {
                var gained = ((entering[i] - flux[i]) * path.PerCell) + source[i];
                dy[at + i] = gained / path.Voidage;
                entering[i] = flux[i];
                if (isothermal) continue;
                var (heat, enthalpy) = Properties(gas[i], kelvin);
                capacity += y[at + i] * heat;
                stored += gained * (enthalpy - (gasConstant * kelvin));
                leaving += flux[i] * Properties(gas[i], faceKelvin).Enthalpy;
            }
            if (isothermal) continue;
            if (spec.Dispersion > 0.0 && cell < last) leaving -= spread * path.PerCell * capacity * step;
            var held = (path.Voidage * (capacity - (gasConstant * total))) + path.SolidHeat;
            dy[at + n] = (((entering[n] - leaving) * path.PerCell) + HeatExchange.Write(context, y, dy, unit, kelvin, cell) - stored) / held;
            entering[n] = leaving;
        }
    }

    /// <summary>cp and h of a gas; beyond its range its polynomials go on.</summary>
    internal static (TReal Capacity, TReal Enthalpy) Properties<TReal>(NasaSpecies gas, TReal t)
        where TReal : unmanaged, IReal<TReal>
    {
        var (low, high) = (Properties(gas.Low.AsSpan(), t), Properties(gas.High.AsSpan(), t));
        return (TReal.Choose(t, gas.Middle, low.Capacity, high.Capacity), TReal.Choose(t, gas.Middle, low.Enthalpy, high.Enthalpy));
    }

    private static (TReal Capacity, TReal Enthalpy) Properties<TReal>(ReadOnlySpan<double> a, TReal t)
        where TReal : unmanaged, IReal<TReal>
    {
        const double R = NasaSpecies.GasConstant;
        var capacity = TReal.Of(R * a[4]);
        var enthalpy = TReal.Of(R * a[4] / 5.0);
        for (var k = 3; k >= 0; k--)
        {
            capacity = (capacity * t) + TReal.Of(R * a[k]);
            enthalpy = (enthalpy * t) + TReal.Of(R * a[k] / (k + 1));
        }
        return (capacity, (enthalpy * t) + TReal.Of(R * a[5]));
    }

    /// <summary>The flow of a gas along a tube.</summary>
    private readonly ref struct Path<TReal>
        where TReal : unmanaged, IReal<TReal>
    {
        private readonly Plant _plant;
        private readonly UnitPlace _unit;
        private readonly TReal _viscous, _inertial, _outlet, _kelvin;

        public Path(Plant plant, BalanceContext<TReal> context, UnitPlace unit)
        {
            (_plant, _unit) = (plant, unit);
            PerCell = TReal.Of(unit.Cells) / context.Get(unit.Size);
            _outlet = context.Get(unit.OutletPressure);
            _kelvin = unit.TemperatureState < 0 ? context.Get(unit.Temperature) : TReal.Of(0.0);
            SolidHeat = context.Get(unit.SolidHeat);
            TReal viscosity = context.Get(unit.Viscosity), one = TReal.Of(1.0);
            if (unit.Particle.Parameter < 0)
            {
                Voidage = one;
                var square = TReal.Of(4.0 / Math.PI) * context.Get(unit.Area);
                _viscous = TReal.Of(32.0) * viscosity / square;
                _inertial = TReal.Of(0.5) * context.Get(unit.Friction) / TReal.Sqrt(square);
                return;
            }
            Voidage = context.Get(unit.Voidage);
            TReal d = context.Get(unit.Particle), solid = one - Voidage, cube = Voidage * Voidage * Voidage;
            _viscous = TReal.Of(150.0) * viscosity * solid * solid / (cube * d * d);
            _inertial = TReal.Of(1.75) * solid / (cube * d);
        }

        public TReal PerCell { get; }

        public TReal Voidage { get; }

        public TReal SolidHeat { get; }

        public TReal Kelvin(ReadOnlySpan<TReal> y, int at) => _unit.TemperatureState < 0 ? _kelvin : y[at + _plant.Species];

        public TReal Total(ReadOnlySpan<TReal> y, int at)
        {
            var sum = y[at];
            for (var i = 1; i < _plant.Species; i++) sum += y[at + i];
            return sum;
        }

        /// <summary>u between two cells, or at the outlet, half a cell behind the last: the root of g = a u + b rho u |u|.</summary>
        public TReal Speed(ReadOnlySpan<TReal> y, int at, int next, bool outlet)
        {
            TReal here = Pressure(y, at), zero = TReal.Of(0.0);
            var fall = outlet ? TReal.Of(2.0) * PerCell * (here - _outlet) : PerCell * (here - Pressure(y, next));
            var density = TReal.Of(0.5) * (Density(y, at) + Density(y, next));
            var size = TReal.Choose(fall, 0.0, zero - fall, fall);
            return TReal.Of(2.0) * fall / (_viscous + TReal.Sqrt((_viscous * _viscous) + (TReal.Of(4.0) * _inertial * density * size)));
        }

        public TReal Outflow(BalanceContext<TReal> context, ReadOnlySpan<TReal> y) =>
            context.Get(_unit.Area) * Speed(y, _unit.Outlet, _unit.Outlet, true);

        private TReal Pressure(ReadOnlySpan<TReal> y, int at) => Total(y, at) * (TReal.Of(R) * Kelvin(y, at));

        private TReal Density(ReadOnlySpan<TReal> y, int at)
        {
            var sum = TReal.Of(0.0);
            for (var i = 0; i < _plant.Species; i++) sum += y[at + i] * TReal.Of(_plant.Spec.Gas!.Value[i].MolarMass);
            return sum;
        }
    }
}
