using System.Collections.Immutable;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;
using static Athanor.Hosting.Specifications.PlantQuantities;
using Signals = Athanor.Compute.Reactors.Flowsheets.Signal;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads what makes a plant one of ideal gases: <c>gas = true</c> for gases with polynomials, or <c>gases { A { molar-mass =
/// "30 g/mol" } }</c>; and pressures, packings and mole fractions of its units.</summary>
internal static class GasSection
{
    private const double Reference = 298.15;

    /// <summary>The gases in the order of the species; null for a liquid.</summary>
    public static ImmutableArray<NasaSpecies>? Read(SpecificationReader reader, string at, string[] species, KineticNetwork? network)
    {
        var own = reader.Object("gases") is { } hocon ? new SpecificationReader(hocon, $"{at}.gases", species) : null;
        if (reader.Has("gas") && !Flag(reader, "gas")) return null;
        if (!reader.Has("gas") && own is null) return null;
        var key = reader.Has("gas") ? "gas" : "gases";
        if (network is null) throw reader.Wrong(key, "left out where there are no kinetics { species { ... } }: they name the gases");
        if (network.Units.Concentration.Factor != 1.0 || network.Units.Time.Factor != 1.0 || network.Species.Any(s => s.Unit.Text != network.Units.Concentration.Text))
            throw reader.Wrong(key, "left out, or the kinetics in mol/m^3 and s");
        return [.. species.Select(name => own is not null && own.Object(name) is { } gas ? Own(name, new SpecificationReader(gas, own.At(name), Keys)) : Known(reader, key, name))];
    }

    /// <summary>What a gas flows against in a tube.</summary>
    public static GasPathSpec Path(SpecificationReader reader)
    {
        var standard = new GasPathSpec(Signals.Constant(1e5));
        return new GasPathSpec(Signal(reader, "pressure", Pressure, 1.0) ?? throw reader.Missing("pressure"))
        {
            Particle = Quantity(reader, "particle", Length, 1.0) ?? 0.0,
            Voidage = reader.Number("voidage") ?? standard.Voidage,
            Viscosity = Quantity(reader, "viscosity", Viscosity, 1.0) ?? standard.Viscosity,
            Friction = reader.Number("friction") ?? standard.Friction,
            SolidHeatCapacity = Quantity(reader, "solid-heat-capacity", Capacity, 1.0) ?? 0.0,
        };
    }

    /// <summary>Concentrations at the start, of mole fractions, pressure and temperature.</summary>
    public static ImmutableArray<double> Initial(SpecificationReader reader, string[] species)
    {
        var inner = new SpecificationReader(
            reader.Object("initial") ?? throw reader.Wrong("pressure", "beside initial { ... }, the mole fractions at the start"), reader.At("initial"), species);
        double[] shares = [.. species.Select(s => inner.Number(s) ?? 0.0)];
        if (Math.Abs(shares.Sum() - 1) > 1e-6 || shares.Any(x => x < 0))
            throw reader.Wrong("initial", FormattableString.Invariant($"mole fractions, 1 together; these are {shares.Sum():R}"));
        var (pressure, kelvin) = (Signal(reader, "pressure", Pressure, 1.0)!, Signal(reader, "temperature", Kelvin, 1.0));
        var total = IdealGas.Concentration(pressure.First, kelvin?.First ?? Reference);
        return [.. shares.Select(x => x * total)];
    }

    private static readonly string[] Keys = ["molar-mass", "heat-capacity", "enthalpy"];

    /// <summary>A gas of constant heat capacity: h = enthalpy + cp (T - 298.15 K).</summary>
    private static NasaSpecies Own(string name, SpecificationReader reader)
    {
        var mass = Quantity(reader, "molar-mass", MolarMass, 1.0) ?? throw reader.Missing("molar-mass");
        if (!(mass > 0)) throw reader.Wrong("molar-mass", "positive");
        var capacity = Quantity(reader, "heat-capacity", MolarHeatCapacity, 1.0) ?? 3.5 * NasaSpecies.GasConstant;
        if (!(capacity > NasaSpecies.GasConstant)) throw reader.Wrong("heat-capacity", "that at constant pressure, above R = 8.314 J/(mol K)");
        var enthalpy = Quantity(reader, "enthalpy", MolarEnthalpy, 1.0) ?? 0.0;
        ImmutableArray<double> a =
            [capacity / NasaSpecies.GasConstant, 0, 0, 0, 0, (enthalpy - (capacity * Reference)) / NasaSpecies.GasConstant, 0];
        return new NasaSpecies(name, mass, 1, 1000, 10_000, a, a);
    }

    private static NasaSpecies Known(SpecificationReader reader, string key, string name)
    {
        try
        {
            return NasaTable.Find(name);
        }
        catch (ArgumentException error)
        {
            throw reader.Wrong(key, $"completed: {error.Message}; others go into gases {{ {name} {{ molar-mass = \"30 g/mol\", heat-capacity = \"40 J/(mol K)\", enthalpy = \"0 kJ/mol\" }} }}");
        }
    }
}
