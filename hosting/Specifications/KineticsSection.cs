using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads <c>kinetics { ... }</c>, and remembers where everything was written.</summary>
internal sealed class KineticsSection
{
    private static readonly string[] Keys = ["name", "units", "species", "parameters", "definitions", "tables", "reactions"];
    private readonly Dictionary<string, HoconOrigin> _origins = new(StringComparer.Ordinal);

    public KineticsSection(HoconObject hocon, string defaultName)
    {
        Origin = hocon.Origin;
        var reader = new SpecificationReader(hocon, "kinetics", Keys);
        var units = reader.Object("units") is { } inner ? new SpecificationReader(inner, "kinetics.units", ["concentration", "time"]) : null;
        Remember(reader, units, "units", "concentration", "time");
        Text = new KineticsText
        {
            Name = reader.Text("name") ?? defaultName,
            Concentration = units?.Text("concentration") ?? "mol/m^3",
            Time = units?.Text("time") ?? "s",
            Species = Each(reader, "species", Species),
            Parameters = Each(reader, "parameters", Parameter),
            Definitions = Each(reader, "definitions", static (name, value, at) => new DefinitionText(name, Scalar(value, at, "an expression"))),
            Tables = Each(reader, "tables", Table),
            Reactions = Reactions(reader),
        };
    }

    public KineticsText Text { get; }

    public HoconOrigin Origin { get; }

    /// <summary>Where something stands that the network has named by its key.</summary>
    public HoconOrigin Find(ReadOnlySpan<string> key)
    {
        for (var length = key.Length; length > 0; length--)
        {
            if (_origins.TryGetValue(string.Join('\n', key[..length].ToArray()), out var origin)) return origin;
        }
        return Origin;
    }

    private void Remember(SpecificationReader reader, SpecificationReader? inner, string section, params string[] keys)
    {
        if (reader.Has(section)) _origins[section] = reader.Origin(section);
        foreach (var key in keys)
        {
            if (inner is not null && inner.Has(key)) _origins[section + "\n" + key] = inner.Origin(key);
        }
    }

    private ImmutableArray<T> Each<T>(SpecificationReader reader, string section, Func<string, HoconValue, string, T> read)
    {
        if (reader.Object(section) is not { } hocon) return [];
        _origins[section] = reader.Origin(section);
        var inner = new SpecificationReader(hocon, reader.At(section), null);
        var items = ImmutableArray.CreateBuilder<T>();
        foreach (var (name, value) in inner.Fields)
        {
            _origins[section + "\n" + name] = inner.Origin(name);
            items.Add(read(name, value, inner.At(name)));
        }
        return items.ToImmutable();
    }

    // An array of texts, numbered r1, r2..., or an object of names.
    private ImmutableArray<ReactionText> Reactions(SpecificationReader reader)
    {
        var array = reader.Fields.FirstOrDefault(static field => field.Key == "reactions").Value as HoconArray;
        if (array is null)
            return Each(reader, "reactions", static (name, value, at) => new ReactionText(name, Scalar(value, at, "a reaction such as \"A -> B ; k = 1\"")));
        _origins["reactions"] = reader.Origin("reactions");
        var reactions = ImmutableArray.CreateBuilder<ReactionText>();
        foreach (var item in array.Items)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"r{reactions.Count + 1}");
            _origins["reactions\n" + name] = item.Origin;
            reactions.Add(new ReactionText(name, Scalar(item, $"kinetics.reactions[{reactions.Count}]", "a reaction such as \"A -> B ; k = 1\"")));
        }
        return reactions.ToImmutable();
    }

    private static SpeciesText Species(string name, HoconValue value, string at)
    {
        if (value is not HoconObject hocon) return new SpeciesText(name, Initial: SpecificationReader.AsNumber(value, at));
        var reader = new SpecificationReader(hocon, at, ["formula", "unit", "initial", "absolute-tolerance"]);
        return new SpeciesText(
            name, reader.Text("formula"), reader.Text("unit"), reader.Number("initial") ?? 0.0, reader.Number("absolute-tolerance") ?? 1e-9);
    }

    private static ParameterText Parameter(string name, HoconValue value, string at)
    {
        if (value is not HoconObject hocon)
        {
            var (number, unit) = SpecificationReader.Split(value, at);
            return new ParameterText(name, number, unit);
        }
        var reader = new SpecificationReader(hocon, at, ["value", "unit", "lower", "upper"]);
        return new ParameterText(
            name, reader.RequiredNumber("value"), reader.Text("unit"), reader.Number("lower") ?? double.NegativeInfinity,
            reader.Number("upper") ?? double.PositiveInfinity);
    }

    private static TableText Table(string name, HoconValue value, string at)
    {
        if (value is not HoconObject hocon)
            throw SpecificationReader.Error(value.Origin, at, "it must be an object { x = [...], y = [...] }");
        var reader = new SpecificationReader(hocon, at, ["x", "y", "x-unit", "y-unit", "interpolation"]);
        var interpolation = reader.Text("interpolation") switch
        {
            null or "monotone-cubic" => TableInterpolation.MonotoneCubic,
            "linear" => TableInterpolation.Linear,
            _ => throw reader.Wrong("interpolation", "linear or monotone-cubic"),
        };
        return new TableText(name, [.. reader.Numbers("x")], [.. reader.Numbers("y")], reader.Text("x-unit"), reader.Text("y-unit"), interpolation);
    }

    private static string Scalar(HoconValue value, string at, string expected) => value is HoconScalar { Kind: not HoconScalarKind.Null } scalar
        ? scalar.Text
        : throw SpecificationReader.Error(value.Origin, at, $"it must be {expected}");
}
