using System.Globalization;
using Athanor.Compute.Units;
using Athanor.Hosting.Configuration.Hocon;
using Signals = Athanor.Compute.Reactors.Flowsheets.Signal;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads numbers with units, and functions of time, into the units that a plant calculates in.</summary>
internal static class PlantQuantities
{
    public static readonly Dimension
        Volume = new(0, 3, 0, 0, 0), Flow = new(0, 3, -1, 0, 0), Kelvin = new(0, 0, 0, 1, 0), Length = new(0, 1, 0, 0, 0),
        Area = new(0, 2, 0, 0, 0), Spread = new(0, 2, -1, 0, 0), Capacity = new(1, -1, -2, -1, 0), Transfer = new(1, 2, -3, -1, 0),
        TransferPerVolume = new(1, -1, -3, -1, 0), Power = new(1, 2, -3, 0, 0), PowerPerVolume = new(1, -1, -3, 0, 0),
        HeatCapacity = new(1, 2, -2, -1, 0), MolarFlow = new(0, 0, -1, 0, 1), Pressure = new(1, -1, -2, 0, 0),
        Viscosity = new(1, -1, -1, 0, 0), MolarMass = new(1, 0, 0, 0, -1), MolarHeatCapacity = new(1, 2, -2, -1, -1),
        MolarEnthalpy = new(1, 2, -2, 0, -1), Density = new(1, -3, 0, 0, 0);

    public static bool Flag(SpecificationReader reader, string key) => reader.Text(key) switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw reader.Wrong(key, "true or false"),
    };

    /// <param name="si">SI value of the unit that the flowsheet calculates in.</param>
    public static double? Quantity(SpecificationReader reader, string key, Dimension dimension, double si) =>
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
    public static Signals? Signal(SpecificationReader reader, string key, Dimension? dimension, double si)
    {
        if (reader.Fields.FirstOrDefault(f => f.Key == key).Value is not { } value) return null;
        if (value is not HoconObject hocon)
        {
            return Signals.Constant(
                dimension is null ? SpecificationReader.AsNumber(value, reader.At(key)) / si : Quantity(reader, key, dimension.Value,
                    si)!.Value);
        }
        var inner = new SpecificationReader(hocon, reader.At(key), ["unit", "first", "steps", "table", "ramp"]);
        double Own(double v) => dimension is null ? v / si : Converted(inner, "unit", v, inner.Text("unit") ?? throw inner.Missing("unit"),
            dimension.Value, si);
        try
        {
            if (inner.Has("ramp") && inner.Numbers("ramp") is var ramp)
                return ramp.Count == 4 ? Signals.Ramp(Own(ramp[0]), Own(ramp[1]), ramp[2],
                    ramp[3]) : throw inner.Wrong("ramp", "[from, to, start, end]");
            if (inner.Has("table")) return Signals.Table(Points(inner, "table", Own));
            if (inner.Has("steps")) return Signals.Steps(Own(inner.RequiredNumber("first")),
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
