using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Thermo;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>A gas that flows through a packed or empty tube, at rest: a profile along the length. SI: m, s, mol, K, Pa, J.</summary>
public sealed record TubeProfileSpec
{
    public required string Name { get; init; }

    public string Title { get; init; } = "";

    /// <summary>In the order of the kinetics, whose rates are mol/(m³ s) of tube.</summary>
    public required ImmutableArray<NasaSpecies> Gas { get; init; }

    /// <summary>Shape (rates, species); the rows of an identity where the rates are net productions.</summary>
    public required ImmutableArray<double> Stoichiometry { get; init; }

    /// <summary>Molar flows at the inlet, mol/s.</summary>
    public required ImmutableArray<double> Inlet { get; init; }

    /// <summary>K.</summary>
    public required double Temperature { get; init; }

    /// <summary>Pa.</summary>
    public required double Pressure { get; init; }

    /// <summary>m.</summary>
    public required double Length { get; init; }

    /// <summary>m².</summary>
    public required double Area { get; init; }

    /// <summary>Otherwise with the heat balance.</summary>
    public bool Isothermal { get; init; }

    /// <summary>Heat transfer coefficient times wall area per volume, W/(m³ K); 0 is adiabatic.</summary>
    public double Transfer { get; init; }

    /// <summary>Coolant temperature, K.</summary>
    public double Coolant { get; init; } = 298.15;

    /// <summary>Particle diameter of the packing, m; 0 for an empty tube without pressure drop.</summary>
    public double Particle { get; init; }

    /// <summary>Void fraction of the packing.</summary>
    public double Voidage { get; init; } = 0.4;

    /// <summary>Dynamic viscosity, Pa s.</summary>
    public double Viscosity { get; init; } = 3e-5;
}

/// <summary>Makes problems of tube profiles; the independent variable is the length.</summary>
public static class TubeProfile
{
    /// <exception cref="ArgumentException">The spec cannot be; the message names what is wrong.</exception>
    public static OdeProblem Problem(TubeProfileSpec spec, CompiledRates rates, IReadOnlyList<OdeParameter> kinetic) =>
        rates.Accept(new Maker(spec, kinetic));

    internal static OdeProblem Problem<TRates>(TubeProfileSpec spec, in TRates rates, IReadOnlyList<OdeParameter> kinetic)
        where TRates : struct, IRateSet<TRates>
    {
        Check(spec, rates.ReactionCount);
        OdeParameter[] own =
        [
            new("area", "m^2", spec.Area, 1e-12), new("UA", "W/(m^3 K)", spec.Transfer, 0.0), new("Tc", "K", spec.Coolant, 1.0),
            new("particle", "m", spec.Particle, 0.0), new("voidage", "", spec.Voidage, 0.01, 1.0),
            new("viscosity", "Pa s", spec.Viscosity, 0.0),
        ];
        OdeParameter[] all = [.. kinetic, .. own];
        return new OdeProblem<TubeProfileModel<TRates>>(new(spec, rates, kinetic.Count, [.. all.Select(p => p.Value)]))
        {
            Name = spec.Name,
            Title = spec.Title.Length > 0 ? spec.Title : spec.Name,
            Source = "S. Ergun, Chem. Eng. Progress 48 (1952) 89; balances of H. S. Fogler, Elements of Chemical Reaction Engineering",
            TimeUnit = "m",
            Variable = "z",
            End = spec.Length,
            States =
            [
                .. spec.Gas.Select((g, i) => new OdeState(g.Name, "mol/s", spec.Inlet[i], 1e-9 * spec.Inlet.Max(), 0.0)),
                new("T", "K", spec.Temperature, 1e-6, 200.0, 3500.0), new("P", "Pa", spec.Pressure, 1e-3, 0.0),
            ],
            Parameters = [.. all],
        };
    }

    private static void Check(TubeProfileSpec spec, int rates)
    {
        var n = spec.Gas.Length;
        if (spec.Inlet.Length != n) throw new ArgumentException($"tube '{spec.Name}' has {spec.Inlet.Length} inlet flows for {n} gases");
        if (spec.Stoichiometry.Length != n * rates) throw new ArgumentException($"tube '{spec.Name}': the stoichiometry is not {rates} rates x {n} gases");
        if (spec.Inlet.Any(f => !(f >= 0)) || !(spec.Inlet.Sum() > 0)) throw new ArgumentException($"tube '{spec.Name}': inlet flows must be 0 or more, and one positive");
        Positive(spec.Temperature, "temperature");
        Positive(spec.Pressure, "pressure");
        Positive(spec.Length, "length");
        Positive(spec.Area, "cross-section");
        Positive(spec.Viscosity, "viscosity");
        if (!(spec.Voidage is > 0 and <= 1)) throw new ArgumentException(FormattableString.Invariant($"tube '{spec.Name}': the voidage is {spec.Voidage:R}; it must be above 0 and at most 1"));
        if (!(spec.Particle >= 0)) throw new ArgumentException(FormattableString.Invariant($"tube '{spec.Name}': the particle diameter is {spec.Particle:R}; it must be 0 or more"));

        void Positive(double value, string what)
        {
            if (!(value > 0) || !double.IsFinite(value))
                throw new ArgumentException(FormattableString.Invariant($"tube '{spec.Name}': the {what} is {value:R}; it must be positive"));
        }
    }

    private sealed class Maker(TubeProfileSpec spec, IReadOnlyList<OdeParameter> kinetic) : IRateSetVisitor<OdeProblem>
    {
        public OdeProblem Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates> => Problem(spec, rates, kinetic);
    }
}

/// <summary>
/// y = (molar flows F, T, P) along z:
/// <code>
/// dF/dz = A νᵀ r,  c = F / ΣF · P / RT
/// dT/dz = A (-Σ (νᵀ r)_i h_i + UA (Tc - T)) / Σ F_i cp_i
/// dP/dz = -(150 mu (1-e)²/(e³ d²) + 1.75 (1-e)/(e³ d) G) u,  u = ΣF R T / (P A),  G = Σ F_i M_i / A       (Ergun 1952)
/// </code>
/// </summary>
internal readonly struct TubeProfileModel<TRates> : IOdeModel<TubeProfileModel<TRates>>
    where TRates : struct, IRateSet<TRates>
{
    private readonly TubeProfileSpec _spec;
    private readonly TRates _rates;
    private readonly int _kinetic;
    private readonly double[] _parameters;

    public TubeProfileModel(TubeProfileSpec spec, in TRates rates, int kinetic, double[] parameters)
    {
        _spec = spec;
        _rates = rates.With(parameters.AsSpan(0, kinetic));
        _kinetic = kinetic;
        _parameters = parameters;
    }

    public int Dimension => _spec.Gas.Length + 2;

    public bool IsAutonomous => true;

    public int ParameterCount => _parameters.Length;

    public double Parameter(int index) => _parameters[index];

    public TubeProfileModel<TRates> With(ReadOnlySpan<double> parameters) => new(_spec, _rates, _kinetic, parameters.ToArray());

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => Write(
        MemoryMarshal.Cast<double, Scalar>(y), MemoryMarshal.Cast<double, Scalar>(_parameters), MemoryMarshal.Cast<double, Scalar>(dy));

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy) => Write(
        MemoryMarshal.Cast<Vector512<double>, Lanes>(y), MemoryMarshal.Cast<Vector512<double>, Lanes>(parameters),
        MemoryMarshal.Cast<Vector512<double>, Lanes>(dy));

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        var n = Dimension;
        Dual[] states = Duals(y), parameters = Duals(_parameters), slopes = new Dual[n];
        for (var first = 0; first < n; first += 8)
        {
            var count = Math.Min(8, n - first);
            for (var j = 0; j < n; j++) states[j] = j >= first && j < first + 8 ? Dual.Seed(y[j], j - first) : Dual.Of(y[j]);
            Write<Dual>(states, parameters, slopes);
            for (var i = 0; i < n; i++)
            {
                for (var lane = 0; lane < count; lane++) jacobian[(i * n) + first + lane] = slopes[i].Slopes[lane];
            }
        }
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var n = Dimension;
        Dual[] states = Duals(y), slopes = new Dual[n];
        for (var k = 0; k < _parameters.Length; k++)
        {
            var parameters = Duals(_parameters);
            parameters[k] = Dual.Seed(_parameters[k], 0);
            Write<Dual>(states, parameters, slopes);
            for (var i = 0; i < n; i++) derivatives[(k * n) + i] = slopes[i].Slopes[0];
        }
    }

    private void Write<TReal>(ReadOnlySpan<TReal> y, ReadOnlySpan<TReal> p, Span<TReal> dy)
        where TReal : unmanaged, IReal<TReal>
    {
        var n = _spec.Gas.Length;
        TReal kelvin = y[n], pressure = y[n + 1], zero = TReal.Of(0.0), one = TReal.Of(1.0);
        TReal area = p[_kinetic], transfer = p[_kinetic + 1], coolant = p[_kinetic + 2];
        TReal total = zero, mass = zero, capacity = zero, released = transfer * (coolant - kelvin);
        for (var i = 0; i < n; i++)
        {
            total += y[i];
            mass += y[i] * TReal.Of(_spec.Gas[i].MolarMass);
        }
        var gasT = TReal.Of(NasaSpecies.GasConstant) * kelvin;
        Span<TReal> c = stackalloc TReal[n], r = stackalloc TReal[_rates.ReactionCount];
        for (var i = 0; i < n; i++) c[i] = y[i] / total * (pressure / gasT);
        TReal.Rates(_rates, kelvin, c, p[.._kinetic], r);
        for (var i = 0; i < n; i++)
        {
            var made = zero;
            for (var j = 0; j < r.Length; j++)
            {
                var coefficient = _spec.Stoichiometry[(j * n) + i];
                if (coefficient != 0.0) made += r[j] * TReal.Of(coefficient);
            }
            dy[i] = area * made;
            var (heat, enthalpy) = GasBalances.Properties(_spec.Gas[i], kelvin);
            capacity += y[i] * heat;
            released -= made * enthalpy;
        }
        dy[n] = _spec.Isothermal ? zero : area * released / capacity;
        dy[n + 1] = zero;
        if (_spec.Particle == 0.0) return;
        TReal d = p[_kinetic + 3], e = p[_kinetic + 4], viscosity = p[_kinetic + 5];
        TReal solid = one - e, cube = e * e * e, speed = total * gasT / (pressure * area);
        dy[n + 1] = -((TReal.Of(150.0) * viscosity * solid * solid / (cube * d * d)) + (TReal.Of(1.75) * solid / (cube * d) * (mass / area))) * speed;
    }

    private static Dual[] Duals(ReadOnlySpan<double> values)
    {
        var duals = new Dual[values.Length];
        for (var i = 0; i < values.Length; i++) duals[i] = Dual.Of(values[i]);
        return duals;
    }
}
