using System.Collections.Immutable;
using Athanor.Compute.Units;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads numbers of a twin's file into the units that its model calculates in. A bare number is in the model's unit; one with a unit
/// is converted, and refused if it is of another dimension. Where a nominal value is there, <c>"10 %"</c> is a tenth of it.</summary>
internal static class TwinQuantities
{
    private static readonly Dimension Time = new(0, 0, 1, 0, 0);

    /// <summary>A value, such as <c>"350 K"</c> of a temperature in °C.</summary>
    public static double? Value(SpecificationReader reader, string key, string unit) => Read(reader, key, unit, null, width: false);

    /// <summary>A value, or a share of the nominal one: <c>"110 %"</c>.</summary>
    public static double? Relative(SpecificationReader reader, string key, string unit, double nominal) =>
        Read(reader, key, unit, nominal, width: false);

    /// <summary>A width, such as a standard deviation or a dead-band: <c>"0.5 K"</c> is 0.5 °C.</summary>
    public static double? Width(SpecificationReader reader, string key, string unit) => Read(reader, key, unit, null, width: true);

    public static double? RelativeWidth(SpecificationReader reader, string key, string unit, double nominal) =>
        Read(reader, key, unit, nominal, width: true);

    /// <summary>A change in a second, from <c>"10 K per min"</c>.</summary>
    public static double? Rate(SpecificationReader reader, string key, string unit) => Per(reader, key, unit, null, 1.0);

    public static double? RelativeRate(SpecificationReader reader, string key, string unit, double nominal) => Per(reader, key, unit, nominal, 1.0);

    /// <summary>What a random walk gathers in a second, from <c>"0.5 K per min"</c>: it grows with the square root of time.</summary>
    public static double? Walk(SpecificationReader reader, string key, string unit) => Per(reader, key, unit, null, 0.5);

    public static double? RelativeWalk(SpecificationReader reader, string key, string unit, double nominal) => Per(reader, key, unit, nominal, 0.5);

    /// <summary>A time in s, from <c>"20 s"</c>.</summary>
    public static double? Seconds(SpecificationReader reader, string key)
    {
        if (!reader.Has(key)) return null;
        var (value, text) = SpecificationReader.Split(reader.Value(key), reader.At(key));
        return text is not null && Unit.TryParse(text, out var unit, out _) && unit.Dimension.Is(Time) ? value * unit.Factor
            : throw reader.Wrong(key, "a time with its unit, such as \"20 s\"");
    }

    /// <summary>Numbers by name, of an object whose keys are among these.</summary>
    public static ImmutableSortedDictionary<string, double> ByName(
        SpecificationReader reader, string key, IEnumerable<string> names, Func<SpecificationReader, string, double> read)
    {
        if (reader.Object(key) is not { } section) return ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);
        var inner = new SpecificationReader(section, reader.At(key), [.. names]);
        return inner.Fields.ToImmutableSortedDictionary(static f => f.Key, f => read(inner, f.Key), StringComparer.Ordinal);
    }

    private static double? Per(SpecificationReader reader, string key, string unit, double? nominal, double power)
    {
        if (!reader.Has(key)) return null;
        var right = $"a change with its time, such as \"1 {(nominal is null ? unit : "%")} per min\"";
        var (value, text) = SpecificationReader.Split(reader.Value(key), reader.At(key));
        // "3 per min" has no unit of its own: it is in the model's.
        if (text is null || $" {text}".Split(" per ") is not [var own, var per]) throw reader.Wrong(key, right);
        if (!Unit.TryParse(per.Trim(), out var time, out _) || !time.Dimension.Is(Time)) throw reader.Wrong(key, right);
        var width = own.Trim().Length == 0 ? value : Converted(reader, key, value, own.Trim(), unit, nominal, width: true);
        return width / Math.Pow(time.Factor, power);
    }

    private static double? Read(SpecificationReader reader, string key, string unit, double? nominal, bool width)
    {
        if (!reader.Has(key)) return null;
        var (value, text) = SpecificationReader.Split(reader.Value(key), reader.At(key));
        return text is null ? value : Converted(reader, key, value, text, unit, nominal, width);
    }

    private static double Converted(SpecificationReader reader, string key, double value, string text, string unit, double? nominal, bool width)
    {
        if (text == unit) return value;
        if (text == "%" && nominal is { } whole) return value / 100.0 * (width ? Math.Abs(whole) : whole);
        if (!Unit.TryParse(text, out var given, out var problem)) throw SpecificationReader.Error(reader.Origin(key), reader.At(key), problem);
        if (!Unit.TryParse(unit, out var to, out _) || !given.Dimension.Is(to.Dimension))
            throw reader.Wrong(key, $"in {(unit == "" ? "no unit" : unit)} or what can be converted to it; '{text}' cannot");
        return width ? (given with { Offset = 0.0 }).To(to with { Offset = 0.0 }, value) : given.To(to, value);
    }
}
