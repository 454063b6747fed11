using Athanor.Compute.Kinetics;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Hosting.Configuration.Hocon;
using static Athanor.Hosting.Specifications.PlantQuantities;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// Reads <c>profile { inlet, temperature, pressure, length, area, ... }</c> of a HOCON file beside its kinetics: a gas that flows through a
/// packed or empty tube, at rest, along the length. docs/guides/simulate.md has every key.
/// </summary>
public static class ProfileFile
{
    private static readonly string[] Keys =
    [
        "title", "gas", "gases", "inlet", "temperature", "pressure", "length", "area", "isothermal", "heat-transfer", "coolant", "particle",
        "voidage", "viscosity",
    ];

    public static bool IsProfile(HoconObject root) => root.At("profile") is HoconObject;

    /// <exception cref="HoconException">The file is wrong; the message names file, line and key.</exception>
    public static OdeProblem Load(string path)
    {
        var root = HoconFile.Load(path);
        if (root.At("profile") is not HoconObject hocon)
            throw SpecificationReader.Error(root.Origin, "profile", "the file has no section profile { inlet { ... } }");
        var reader = new SpecificationReader(hocon, "profile", Keys);
        var network = SpecificationFile.Load(path).Network();
        string[] species = [.. network.Species.Select(s => s.Name)];
        var gas = GasSection.Read(reader, "profile", species, network) ?? throw reader.Wrong("gas", "true, or there are gases { ... }: a profile is of gases");
        var inlet = new SpecificationReader(reader.Object("inlet") ?? throw reader.Missing("inlet"), "profile.inlet", species);
        var name = System.IO.Path.GetFileNameWithoutExtension(path);
        // Productions are per species, and one row of heat, which gases have from their enthalpies.
        var identity = new double[(species.Length + 1) * species.Length];
        for (var i = 0; i < species.Length; i++) identity[(i * species.Length) + i] = 1.0;
        var spec = new TubeProfileSpec
        {
            Name = name,
            Title = reader.Text("title") ?? name,
            Gas = gas,
            Stoichiometry = [.. identity],
            Inlet = [.. species.Select(s => inlet.Has(s) ? Quantity(inlet, s, MolarFlow, 1.0)!.Value : 0.0)],
            Temperature = Required("temperature", Kelvin),
            Pressure = Required("pressure", PlantQuantities.Pressure),
            Length = Required("length", PlantQuantities.Length),
            Area = Required("area", Area),
            Isothermal = Flag(reader, "isothermal"),
            Transfer = Quantity(reader, "heat-transfer", TransferPerVolume, 1.0) ?? 0.0,
            Coolant = Quantity(reader, "coolant", Kelvin, 1.0) ?? (reader.Has("heat-transfer") ? throw reader.Missing("coolant") : 298.15),
            Particle = Quantity(reader, "particle", PlantQuantities.Length, 1.0) ?? 0.0,
            Voidage = reader.Number("voidage") ?? 0.4,
            Viscosity = Quantity(reader, "viscosity", PlantQuantities.Viscosity, 1.0) ?? 3e-5,
        };
        try
        {
            return TubeProfile.Problem(
                spec, network.Productions(network.Units), [.. network.Parameters.Select(p => new OdeParameter(p.Name, p.Unit?.Text ?? "", p.Value, p.Lower, p.Upper))]);
        }
        catch (ArgumentException error)
        {
            throw new HoconException(hocon.Origin, $"profile: {error.Message}", error);
        }

        double Required(string key, Compute.Units.Dimension dimension) => Quantity(reader, key, dimension, 1.0) ?? throw reader.Missing(key);
    }
}
