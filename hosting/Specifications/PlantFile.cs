using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;
using Athanor.Compute.Units;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// Reads <c>plant { units, feeds, links }</c> of a HOCON file, beside the kinetics that go on in it: units in series, parallel or recycle,
/// with feeds and controls as functions of time. docs/guides/simulate.md has every key. Whatever is wrong is one
/// <see cref="HoconException"/> that begins with file and line and names the key.
/// </summary>
public sealed class PlantFile
{
    private static readonly string[] Keys = ["title", "end", "heat-capacity", "gas", "units", "feeds", "links"];

    private static readonly Dimension
        Volume = new(0, 3, 0, 0, 0), Flow = new(0, 3, -1, 0, 0), Kelvin = new(0, 0, 0, 1, 0), Length = new(0, 1, 0, 0, 0),
        Area = new(0, 2, 0, 0, 0), Spread = new(0, 2, -1, 0, 0), Capacity = new(1, -1, -2, -1, 0), Transfer = new(1, 2, -3, -1, 0),
        TransferPerVolume = new(1, -1, -3, -1, 0), Power = new(1, 2, -3, 0, 0), HeatCapacity = new(1, 2, -2, -1, 0);

    private readonly SpecificationReader _reader;
    private readonly KineticNetwork? _network;
    private readonly double _volume, _time;
    private readonly string[] _species;

    private PlantFile(string path, HoconObject root)
    {
        if (root.At("plant") is not HoconObject plant)
            throw SpecificationReader.Error(root.Origin, "plant", "the file has no section plant { units { ... } feeds { ... } }");
        _reader = new SpecificationReader(plant, "plant", Keys);
        _network = SpecificationFile.IsKinetics(root) ? SpecificationFile.Load(path).Network() : null;
        _species = _network is null ? ["tracer"] : [.. _network.Species.Select(s => s.Name)];
        var concentration = (_network?.Units ?? UnitSystem.Si).Concentration;
        // The volume in which a concentration of 1 holds one mole, so that energies per mole and per volume fit.
        _volume = concentration.Dimension.Is(Dimension.Concentration) ? 1.0 / concentration.Factor : 1.0;
        _time = (_network?.Units ?? UnitSystem.Si).Time.Factor;
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
            HeatCapacity = Quantity(_reader, "heat-capacity", Capacity, 1.0 / _volume) ?? 0.0,
            Gas = Gas(),
            Units = [.. units],
            Feeds = [.. feeds],
            Links = [.. Links()],
            End = _reader.Number("end") ?? 10.0,
            TimeUnit = (_network?.Units ?? UnitSystem.Si).Time.Text,
            VolumeUnit = _volume == 1.0 ? "m^3" : Math.Abs(_volume - 1e-3) < 1e-15 ? "L" : string.Create(CultureInfo.InvariantCulture,
                $"({_volume:G6} m^3)"),
        };
    }

    private ImmutableArray<NasaSpecies>? Gas()
    {
        if (!_reader.Has("gas")) return null;
        if (_volume != 1.0 || _time != 1.0) throw _reader.Wrong("gas", "left out, or the kinetics in mol/m^3 and s");
        if (_reader.Text("gas") != "true") throw _reader.Wrong("gas", "true: the species are then gases by their names, such as CO2");
        return [.. _species.Select(NasaTable.Find)];
    }

    private UnitSpec Unit(string name, HoconObject hocon)
    {
        string[] shared = ["kind", "temperature", "heat-balance", "initial", "heat-transfer", "coolant", "jacket", "heat"];
        var kind = new SpecificationReader(hocon, $"plant.units.{name}", null).Text("kind");
        string[] own = kind switch
        {
            "tank" => ["volume", "outflow", "constant-pressure"],
            "tube" => ["length", "area", "cells", "dispersion", "first-order"],
            _ => throw SpecificationReader.Error(hocon.Origin, $"plant.units.{name}.kind", "it must be tank or tube"),
        };
        var reader = new SpecificationReader(hocon, $"plant.units.{name}", [.. shared, .. own]);
        UnitSpec unit = kind == "tank"
            ? new TankSpec(name, Quantity(reader, "volume", Volume, _volume) ?? throw reader.Missing("volume"))
            {
                Outflow = Signal(reader, "outflow", Flow, _volume / _time),
                ConstantPressure = Flag(reader, "constant-pressure"),
            }
            : new TubeSpec(
                name, Quantity(reader, "length", Length, 1.0) ?? throw reader.Missing("length"),
                Quantity(reader, "area", Area, _volume) ?? throw reader.Missing("area"))
            {
                Cells = Cells(reader),
                Dispersion = Quantity(reader, "dispersion", Spread, 1.0 / _time) ?? 0.0,
                FirstOrder = Flag(reader, "first-order"),
            };
        return unit with
        {
            Isothermal = !Flag(reader, "heat-balance"),
            Temperature = Signal(reader, "temperature", Kelvin, 1.0) ?? Compute.Reactors.Flowsheets.Signal.Constant(298.15),
            Initial = Initial(reader),
            Heat = Signal(reader, "heat", Power, 1.0 / _time),
            Cooling = Cooling(reader, kind == "tube"),
        };
    }

    private static bool Flag(SpecificationReader reader, string key) => reader.Text(key) switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw reader.Wrong(key, "true or false"),
    };

    private static int Cells(SpecificationReader reader)
    {
        var cells = reader.Number("cells") ?? 50;
        return cells is >= 3 and <= 100_000 && cells == Math.Floor(cells) ? (int)cells : throw reader.Wrong("cells", "a whole number from 3 to 100,000");
    }

    private CoolingSpec? Cooling(SpecificationReader reader, bool tube)
    {
        var transfer = tube
            ? Quantity(reader, "heat-transfer", TransferPerVolume, 1.0 / (_time * _volume))
            : Quantity(reader, "heat-transfer", Transfer, 1.0 / _time);
        if (transfer is null) return null;
        var coolant = Signal(reader, "coolant", Kelvin, 1.0) ?? throw reader.Missing("coolant");
        if (reader.Object("jacket") is not { } hocon) return new CoolingSpec(transfer.Value, coolant);
        var jacket = new SpecificationReader(hocon, reader.At("jacket"), ["capacity", "flow", "temperature"]);
        return new CoolingSpec(transfer.Value, coolant, new JacketSpec(
            Quantity(jacket, "capacity", HeatCapacity, 1.0) ?? throw jacket.Missing("capacity"),
            Signal(jacket, "flow", Transfer, 1.0 / _time) ?? throw jacket.Missing("flow"),
            Quantity(jacket, "temperature", Kelvin, 1.0) ?? coolant.First));
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
            name, reader.Text("to") ?? throw reader.Missing("to"), Signal(reader, "flow", Flow,
                _volume / _time) ?? throw reader.Missing("flow"),
            [.. _species.Select((s, i) => contents is null ? null : Signal(contents, s, null,
                1.0 / Own(i, 1.0))).Select(s => s ?? Compute.Reactors.Flowsheets.Signal.Constant(0.0))],
            Signal(reader, "temperature", Kelvin, 1.0) ?? Compute.Reactors.Flowsheets.Signal.Constant(298.15));
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

    /// <param name="si">SI value of the unit that the flowsheet calculates in.</param>
    private static double? Quantity(SpecificationReader reader, string key, Dimension dimension, double si) =>
        reader.Quantity(key) is { } quantity ? Converted(reader, key, quantity.Value, quantity.Unit, dimension, si) : null;

    private static double Converted(SpecificationReader reader, string key, double value, string unit, Dimension dimension, double si)
    {
        if (!Athanor.Compute.Units.Unit.TryParse(unit, out var parsed,
            out var problem)) throw SpecificationReader.Error(reader.Origin(key), reader.At(key), problem);
        if (!parsed.Dimension.Is(dimension)) throw reader.Wrong(key, $"in a unit of {dimension}; '{unit}' is {parsed.Dimension}");
        return Rounded(parsed.ToSi(value) / si);
    }

    /// <summary>Without what the factors' rounding has left: 100, not 99.99999999999999.</summary>
    private static double Rounded(double value)
    {
        var near = double.Parse(value.ToString("G14", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return Math.Abs(near - value) <= 4e-16 * Math.Abs(value) ? near : value;
    }

    /// <summary>A quantity, or a function of time: <c>{ unit = "L/min", first = 100, steps = [[2, 120]] }</c>, <c>{ unit, table = [[t, v], ...]
    /// }</c>, <c>{ unit, ramp = [from, to, start, end] }</c>; times in the network's unit.</summary>
    /// <param name="dimension">Null for a bare number.</param>
    private static Signal? Signal(SpecificationReader reader, string key, Dimension? dimension, double si)
    {
        if (reader.Fields.FirstOrDefault(f => f.Key == key).Value is not { } value) return null;
        if (value is not HoconObject hocon)
        {
            return Compute.Reactors.Flowsheets.Signal.Constant(
                dimension is null ? SpecificationReader.AsNumber(value, reader.At(key)) / si : Quantity(reader, key, dimension.Value,
                    si)!.Value);
        }
        var inner = new SpecificationReader(hocon, reader.At(key), ["unit", "first", "steps", "table", "ramp"]);
        double Own(double v) => dimension is null ? v / si : Converted(inner, "unit", v, inner.Text("unit") ?? throw inner.Missing("unit"),
            dimension.Value, si);
        try
        {
            if (inner.Has("ramp") && inner.Numbers("ramp") is var ramp)
                return ramp.Count == 4 ? Compute.Reactors.Flowsheets.Signal.Ramp(Own(ramp[0]), Own(ramp[1]), ramp[2],
                    ramp[3]) : throw inner.Wrong("ramp", "[from, to, start, end]");
            if (inner.Has("table")) return Compute.Reactors.Flowsheets.Signal.Table(Points(inner, "table", Own));
            if (inner.Has("steps")) return Compute.Reactors.Flowsheets.Signal.Steps(Own(inner.RequiredNumber("first")),
                Points(inner, "steps", Own));
        }
        catch (ArgumentException error)
        {
            throw SpecificationReader.Error(reader.Origin(key), reader.At(key), error.Message);
        }
        throw reader.Wrong(key, "a quantity, or an object with steps, table or ramp");
    }

    private static (double Time, double Value)[] Points(SpecificationReader reader, string key, Func<double, double> own)
    {
        if (reader.Fields.First(f => f.Key == key).Value is not HoconArray array) throw reader.Wrong(key, "an array of [time, value]");
        return [.. array.Items.Select(item => item is HoconArray { Items: [var t, var v] }
            ? (SpecificationReader.AsNumber(t, reader.At(key)), own(SpecificationReader.AsNumber(v, reader.At(key))))
            : throw reader.Wrong(key, "an array of [time, value]"))];
    }
}
