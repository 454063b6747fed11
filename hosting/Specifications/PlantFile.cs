using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;
using Athanor.Compute.Units;
using Athanor.Hosting.Configuration.Hocon;
using static Athanor.Hosting.Specifications.PlantQuantities;
using Signals = Athanor.Compute.Reactors.Flowsheets.Signal;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// Reads <c>plant { units, feeds, links }</c> of a HOCON file, beside the kinetics that go on in it: units in series, parallel or recycle,
/// with feeds and controls as functions of time. docs/guides/simulate.md has every key. Whatever is wrong is one
/// <see cref="HoconException"/> that begins with file and line and names the key.
/// </summary>
public sealed class PlantFile
{
    private static readonly string[] Keys = ["title", "end", "heat-capacity", "gas", "gases", "units", "feeds", "links"];

    private readonly SpecificationReader _reader;
    private readonly KineticNetwork? _network;
    private readonly double _volume, _time, _energy;
    private readonly string[] _species;
    private readonly ImmutableArray<NasaSpecies>? _gas;

    private PlantFile(string path, HoconObject root)
    {
        if (root.At("plant") is not HoconObject plant)
            throw SpecificationReader.Error(root.Origin, "plant", "the file has no section plant { units { ... } feeds { ... } }");
        _reader = new SpecificationReader(plant, "plant", Keys);
        _network = SpecificationFile.IsKinetics(root) ? SpecificationFile.Of(path, root).Network() : null;
        _species = _network is null ? ["tracer"] : [.. _network.Species.Select(s => s.Name)];
        var concentration = (_network?.Units ?? UnitSystem.Si).Concentration;
        // The volume in which a concentration of 1 holds one mole, so that energies per mole and per volume fit.
        _volume = concentration.Dimension.Is(Dimension.Concentration) ? 1.0 / concentration.Factor
            : concentration.Text.EndsWith("/L", StringComparison.Ordinal) ? 1e-3 : 1.0;
        var units = _network?.Units ?? UnitSystem.Si;
        _time = units.Time.Factor;
        // The energy in which the network's heat per volume is counted: J for mol/L and mol/m^3, an odd one for g/L.
        _energy = units.Factor(new Dimension(1, -1, -2, 0, 0)) * _volume;
        if (Math.Abs(_energy - 1.0) < 1e-12) _energy = 1.0;
        _gas = GasSection.Read(_reader, "plant", _species, _network);
        try
        {
            Spec = Read(Path.GetFileNameWithoutExtension(path), plant);
            Problem = _network is null
                ? Flowsheet.Problem(Spec)
                : Flowsheet.Problem(Spec, _network.Productions(_network.Units), [.. _network.Parameters.Select(Parameter)]);
        }
        catch (ArgumentException error)
        {
            throw new HoconException(plant.Origin, $"plant: {error.Message}", error);
        }
    }

    public FlowsheetSpec Spec { get; }

    public UnitProblem Problem { get; }

    public static bool IsPlant(HoconObject root) => root.At("plant") is HoconObject;

    /// <exception cref="HoconException">The file is wrong.</exception>
    public static PlantFile Load(string path) => new(path, HoconFile.Load(path));

    /// <param name="name">What error messages call the text.</param>
    public static PlantFile Parse(string name, string text) => new(name, HoconFile.Parse(name, text));

    private static OdeParameter Parameter(NetworkParameter p) => new(p.Name, p.Unit?.Text ?? "", p.Value, p.Lower, p.Upper);

    private FlowsheetSpec Read(string name, HoconObject plant)
    {
        var n = _species.Length;
        var identity = new double[(n + 1) * n];
        for (var i = 0; i < n; i++) identity[(i * n) + i] = 1.0;
        var units = (_reader.Object("units") ?? throw _reader.Missing("units")).Fields
            .Select(f => Unit(f.Key, f.Value as HoconObject ?? throw SpecificationReader.Error(f.Value.Origin, $"plant.units.{f.Key}",
                "it must be an object { kind = tank, ... }")));
        var feeds = _reader.Object("feeds") is { } all
            ? all.Fields.Select(f => Feed(f.Key,
                f.Value as HoconObject ?? throw SpecificationReader.Error(f.Value.Origin, $"plant.feeds.{f.Key}",
                "it must be an object { to = tank, flow = \"1 L/min\" }")))
            : [];
        var label = (_network?.Units ?? UnitSystem.Si).Concentration.Text;
        return new FlowsheetSpec
        {
            Name = name,
            Title = _reader.Text("title") ?? name,
            Source = plant.Origin.ToString() ?? name,
            Species = [.. _species.Select((s, i) => new SpeciesSpec(s, label,
                _network is null ? 1e-9 : Own(i, _network.Species[i].AbsoluteTolerance)))],
            Stoichiometry = _network is null ? [] : [.. identity],
            HeatIsRate = _network is not null,
            HeatCapacity = Quantity(_reader, "heat-capacity", Capacity, _energy / _volume) ?? 0.0,
            Gas = _gas,
            Units = [.. units],
            Feeds = [.. feeds],
            Links = [.. Links()],
            End = _reader.Number("end") ?? 10.0,
            TimeUnit = (_network?.Units ?? UnitSystem.Si).Time.Text,
            Seconds = _time,
            CubicMetres = _volume,
            EnergyUnit = _energy == 1.0 ? "J" : string.Create(CultureInfo.InvariantCulture, $"({_energy:G6} J)"),
            VolumeUnit = _volume == 1.0 ? "m^3" : Math.Abs(_volume - 1e-3) < 1e-15 ? "L" : string.Create(CultureInfo.InvariantCulture,
                $"({_volume:G6} m^3)"),
        };
    }

    private UnitSpec Unit(string name, HoconObject hocon)
    {
        string[] shared = ["kind", "temperature", "heat-balance", "initial", "heat-transfer", "coolant", "jacket", "heat"];
        var kind = new SpecificationReader(hocon, $"plant.units.{name}", null).Text("kind");
        string[] own = kind switch
        {
            "tank" when _gas is null => ["volume", "outflow"],
            "tank" => ["volume", "outflow", "pressure", "constant-pressure"],
            "tube" when _gas is null =>
                ["length", "area", "cells", "dispersion", "first-order", "density", "particle", "voidage", "viscosity", "friction"],
            "tube" =>
                ["length", "area", "cells", "dispersion", "first-order", "pressure", "particle", "voidage", "viscosity", "friction", "solid-heat-capacity"],
            _ => throw SpecificationReader.Error(hocon.Origin, $"plant.units.{name}.kind", "it must be tank or tube"),
        };
        var reader = new SpecificationReader(hocon, $"plant.units.{name}", [.. shared, .. own]);
        UnitSpec unit = kind == "tank"
            ? new TankSpec(name, Quantity(reader, "volume", Volume, _volume) ?? throw reader.Missing("volume"))
            {
                Outflow = Signal(reader, "outflow", Flow, _volume / _time),
                ConstantPressure = Flag(reader, "constant-pressure"),
                Pressure = _gas is null ? null : Signal(reader, "pressure", Pressure, 1.0),
            }
            : new TubeSpec(
                name, Quantity(reader, "length", Length, 1.0) ?? throw reader.Missing("length"),
                Quantity(reader, "area", Area, _volume) ?? throw reader.Missing("area"))
            {
                Cells = Cells(reader),
                Dispersion = Quantity(reader, "dispersion", Spread, 1.0 / _time) ?? 0.0,
                FirstOrder = Flag(reader, "first-order"),
                Gas = _gas is null ? null : GasSection.Path(reader),
                Liquid = _gas is null ? Liquid(reader) : null,
            };
        return unit with
        {
            Isothermal = !Flag(reader, "heat-balance"),
            Temperature = Signal(reader, "temperature", Kelvin, 1.0) ?? Signals.Constant(298.15),
            Initial = _gas is not null && reader.Has("pressure") ? GasSection.Initial(reader, _species) : Initial(reader),
            Heat = kind == "tube" ? Signal(reader, "heat", PowerPerVolume, _energy / (_time * _volume)) : Signal(reader, "heat", Power, _energy / _time),
            Cooling = Cooling(reader, kind == "tube"),
        };
    }

    private static LiquidPathSpec? Liquid(SpecificationReader reader)
    {
        if (Quantity(reader, "density", Density, 1.0) is not { } density)
        {
            var alone = new[] { "particle", "voidage", "viscosity", "friction" }.FirstOrDefault(reader.Has);
            return alone is null ? null : throw reader.Wrong(alone, "beside the density, for the liquid's pressure drop");
        }
        var standard = new LiquidPathSpec(density);
        return standard with
        {
            Particle = Quantity(reader, "particle", Length, 1.0) ?? 0.0,
            Voidage = reader.Number("voidage") ?? standard.Voidage,
            Viscosity = Quantity(reader, "viscosity", Viscosity, 1.0) ?? standard.Viscosity,
            Friction = reader.Number("friction") ?? standard.Friction,
        };
    }

    private static int Cells(SpecificationReader reader)
    {
        var cells = reader.Number("cells") ?? 50;
        return cells is >= 3 and <= 100_000 && cells == Math.Floor(cells) ? (int)cells : throw reader.Wrong("cells", "a whole number from 3 to 100,000");
    }

    private CoolingSpec? Cooling(SpecificationReader reader, bool tube)
    {
        var transfer = tube
            ? Quantity(reader, "heat-transfer", TransferPerVolume, _energy / (_time * _volume))
            : Quantity(reader, "heat-transfer", Transfer, _energy / _time);
        if (transfer is null) return null;
        var coolant = Signal(reader, "coolant", Kelvin, 1.0) ?? throw reader.Missing("coolant");
        if (reader.Object("jacket") is not { } hocon) return new CoolingSpec(transfer.Value, coolant);
        var jacket = new SpecificationReader(hocon, reader.At("jacket"), tube ? ["capacity", "flow", "temperature", "counter-current"] : ["capacity", "flow", "temperature"]);
        return new CoolingSpec(transfer.Value, coolant, new JacketSpec(
            Quantity(jacket, "capacity", HeatCapacity, _energy) ?? throw jacket.Missing("capacity"),
            Signal(jacket, "flow", Transfer, _energy / _time) ?? throw jacket.Missing("flow"),
            Quantity(jacket, "temperature", Kelvin, 1.0) ?? coolant.First, tube && Flag(jacket, "counter-current")));
    }

    private ImmutableArray<double> Initial(SpecificationReader reader)
    {
        var start = new double[_species.Length];
        for (var i = 0; i < start.Length && _network is not null; i++) start[i] = Own(i, _network.Species[i].Initial);
        if (reader.Object("initial") is not { } hocon) return [.. start];
        var inner = new SpecificationReader(hocon, reader.At("initial"), _species);
        for (var i = 0; i < start.Length; i++) start[i] = inner.Number(_species[i]) is { } given ? Own(i, given) : 0.0;
        return [.. start];
    }

    private FeedSpec Feed(string name, HoconObject hocon)
    {
        var reader = new SpecificationReader(hocon, $"plant.feeds.{name}", ["to", "flow", "temperature", "contents"]);
        var contents = reader.Object("contents") is { } inner ? new SpecificationReader(inner, reader.At("contents"), _species) : null;
        return new FeedSpec(
            name, reader.Text("to") ?? throw reader.Missing("to"),
            (_gas is null ? Signal(reader, "flow", Flow, _volume / _time) : Signal(reader, "flow", MolarFlow, 1.0)) ?? throw reader.Missing("flow"),
            [.. _species.Select((s, i) => contents is null ? null : Signal(contents, s, null,
                _gas is null ? 1.0 / Own(i, 1.0) : 1.0)).Select(s => s ?? Signals.Constant(0.0))],
            Signal(reader, "temperature", Kelvin, 1.0) ?? Signals.Constant(298.15));
    }

    private IEnumerable<LinkSpec> Links()
    {
        if (_reader.Fields.FirstOrDefault(f => f.Key == "links").Value is not { } value) yield break;
        if (value is not HoconArray array) throw _reader.Wrong("links", "an array such as [\"tank -> tube\", \"tube -> tank 0.3\"]");
        foreach (var item in array.Items)
        {
            var words = (item as HoconScalar)?.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
            var share = 1.0;
            if (words.Length is not (3 or 4) || words[1] != "->" || (words.Length == 4 && !double.TryParse(words[3], NumberStyles.Float,
                CultureInfo.InvariantCulture, out share)))
                throw SpecificationReader.Error(item.Origin, "plant.links",
                    "each must be 'from -> to' or 'from -> to SHARE', such as \"tube -> tank 0.3\"");
            yield return new LinkSpec(words[0], words[2], share);
        }
    }

    /// <summary>A number of a species' own unit in the network's.</summary>
    private double Own(int species, double value) =>
        _network is null ? value : value * _network.Units.FactorOf(_network.Species[species].Unit);
}
