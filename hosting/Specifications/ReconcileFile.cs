using System.Collections.Immutable;
using Athanor.Compute.Reconciliation;
using Athanor.Compute.Units;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// Reads <c>reconcile { flow-unit, properties, streams, units, variables, level }</c> of a HOCON file. docs/guides/reconcile.md has every
/// key. Whatever is wrong is one <see cref="HoconException"/> that begins with file and line and names the key.
/// </summary>
public sealed class ReconcileFile
{
    private readonly Unit _flowUnit;
    private readonly SortedDictionary<string, Unit> _units = new(StringComparer.Ordinal);

    private ReconcileFile(HoconObject root)
    {
        if (root.At("reconcile") is not HoconObject section)
            throw SpecificationReader.Error(root.Origin, "reconcile",
                "the file has no section reconcile { streams { ... } units { ... } }");
        var reader = new SpecificationReader(section, "reconcile",
            ["title", "level", "flow-unit", "properties", "streams", "units", "variables"]);
        Title = reader.Text("title") ?? "";
        Level = reader.Number("level") ?? 0.95;
        if (!(Level > 0.5 && Level < 1.0)) throw reader.Wrong("level", "above 0.5 and below 1, such as 0.95");
        _flowUnit = UnitOf(reader, "flow-unit") ?? throw reader.Missing("flow-unit");
        var properties = Each(reader, "properties", ["unit", "reference"]).Select(p => Property(p.Name, p.Reader)).ToImmutableArray();
        var streams = Each(reader, "streams", null).Select(s => Stream(s.Name, s.Reader, properties)).ToImmutableArray();
        var variables = Each(reader, "variables", ["unit", "value", "sd", "guess"]).Select(v => Variable(v.Name, v.Reader))
            .ToImmutableArray();
        var units = Each(reader, "units", ["kind", "in", "out", "not-conserved", "terms", "leak"]).Select(u => UnitAt(u.Name, u.Reader))
            .ToImmutableArray();
        if (streams.IsEmpty) throw reader.Missing("streams");
        if (units.IsEmpty) throw reader.Missing("units");
        Network = new StreamNetwork(_flowUnit.Text, properties, streams, units, variables);
        try
        {
            _ = Network.Problem();
        }
        catch (ReconciliationException error)
        {
            throw SpecificationReader.Error(section.Origin, "reconcile", error.Message);
        }
    }

    public string Title { get; }

    /// <summary>Of the tests.</summary>
    public double Level { get; }

    public StreamNetwork Network { get; }

    /// <exception cref="HoconException">The file is wrong.</exception>
    public static ReconcileFile Load(string path) => new(HoconFile.Load(path));

    /// <param name="name">What error messages call the text.</param>
    public static ReconcileFile Parse(string name, string text) => new(HoconFile.Parse(name, text));

    private static IEnumerable<(string Name, SpecificationReader Reader)> Each(SpecificationReader reader, string key, string[]? known)
    {
        if (reader.Object(key) is not { } all) return [];
        return all.Fields.Select(field => field.Value is HoconObject one
            ? (field.Key, new SpecificationReader(one, $"{reader.At(key)}.{field.Key}", known))
            : throw SpecificationReader.Error(all.KeyOrigin(field.Key), $"{reader.At(key)}.{field.Key}", "it must be an object { ... }"));
    }

    private static Unit? UnitOf(SpecificationReader reader, string key)
    {
        if (reader.Text(key) is not { } text) return null;
        return Unit.TryParse(text, out var unit, out var problem) ? unit : throw reader.Wrong(key, $"a unit, such as kg/h: {problem}");
    }

    private NetworkProperty Property(string name, SpecificationReader reader)
    {
        if (name == StreamNetwork.Flow)
            throw SpecificationReader.Error(reader.Origin("unit"), reader.At("unit"), "flow is no property: it is there always");
        _units[name] = UnitOf(reader, "unit") ?? throw reader.Missing("unit");
        return new NetworkProperty(name, _units[name].Text, reader.Number("reference") ?? 0.0);
    }

    private NetworkStream Stream(string name, SpecificationReader any, ImmutableArray<NetworkProperty> properties)
    {
        string[] known = [StreamNetwork.Flow, "capacity", .. properties.Select(p => p.Name)];
        foreach (var (key, _) in any.Fields)
        {
            if (!known.Contains(key))
                throw SpecificationReader.Error(any.Origin(key), any.At(key), $"a stream has {string.Join(", ", known)}");
        }
        var capacities = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        if (any.Object("capacity") is { } capacity)
        {
            var own = new SpecificationReader(capacity, any.At("capacity"), [.. properties.Select(p => p.Name)]);
            foreach (var (key, _) in own.Fields) capacities[key] = own.RequiredNumber(key);
        }
        return new NetworkStream(
            name, Value(any, StreamNetwork.Flow, _flowUnit), capacities.ToImmutable(),
            properties.Where(p => any.Has(p.Name))
                .ToImmutableSortedDictionary(p => p.Name, p => Value(any, p.Name, _units[p.Name]), StringComparer.Ordinal));
    }

    private static NetworkVariable Variable(string name, SpecificationReader reader)
    {
        var unit = UnitOf(reader, "unit") ?? throw reader.Missing("unit");
        return new NetworkVariable(name, unit.Text, Read(reader, unit));
    }

    private static NetworkUnit UnitAt(string name, SpecificationReader reader)
    {
        var kind = reader.Text("kind") ?? "node";
        if (kind is not ("node" or "splitter")) throw reader.Wrong("kind", "node or splitter");
        var terms = ImmutableSortedDictionary.CreateBuilder<string, ImmutableSortedDictionary<string, double>>(StringComparer.Ordinal);
        if (reader.Object("terms") is { } all)
        {
            foreach (var (balance, of) in new SpecificationReader(all, reader.At("terms"), null).Fields)
            {
                if (of is not HoconObject one)
                    throw SpecificationReader.Error(all.KeyOrigin(balance), $"{reader.At("terms")}.{balance}",
                    "it must be { variable = coefficient }");
                var own = new SpecificationReader(one, $"{reader.At("terms")}.{balance}", null);
                terms[balance] = own.Fields.ToImmutableSortedDictionary(f => f.Key, f => own.RequiredNumber(f.Key), StringComparer.Ordinal);
            }
        }
        return new NetworkUnit(
            name, kind == "splitter", Names(reader, "in"), Names(reader, "out"), reader.Has("not-conserved")
                ? Names(reader, "not-conserved") : [],
            terms.ToImmutable(), Leak(reader));
    }

    private static bool Leak(SpecificationReader reader) => reader.Text("leak") switch
    {
        null or "no" or "false" => false,
        "yes" or "true" => true,
        _ => throw reader.Wrong("leak", "yes or no"),
    };

    private static ImmutableArray<string> Names(SpecificationReader reader, string key)
    {
        var value = reader.Fields.FirstOrDefault(f => f.Key == key).Value ?? throw reader.Missing(key);
        if (value is not HoconArray array) throw reader.Wrong(key, "an array of names [a, b]");
        return [.. array.Items.Select(i => i is HoconScalar s ? s.Text : throw reader.Wrong(key, "an array of names [a, b]"))];
    }

    /// <summary>{ value, sd, guess }, or nothing where nothing is measured.</summary>
    private static NetworkValue Value(SpecificationReader reader, string key, Unit unit) => reader.Object(key) is { } one
        ? Read(new SpecificationReader(one, reader.At(key), ["value", "sd", "guess"]), unit) : NetworkValue.Unmeasured;

    private static NetworkValue Read(SpecificationReader reader, Unit unit)
    {
        var guess = reader.Has("guess") ? Number(reader, "guess", unit) : (double?)null;
        if (!reader.Has("value")) return reader.Has("sd") ? throw reader.Missing("value") : new NetworkValue(null, 0.0, guess);
        var value = Number(reader, "value", unit);
        if (!reader.Has("sd")) throw reader.Missing("sd");
        var deviation = SpecificationReader.Split(reader.Fields.First(f => f.Key == "sd").Value, reader.At("sd")) is (var share, "%")
            ? Math.Abs(value) * share / 100.0
            : Number(reader, "sd", unit with { Offset = 0.0 });
        if (!(deviation > 0.0)) throw reader.Wrong("sd", "above 0: a standard deviation in the value's unit, or such as \"1 %\" of it");
        return new NetworkValue(value, deviation, guess);
    }

    /// <summary>A number in the unit, or a quantity that converts to it.</summary>
    private static double Number(SpecificationReader reader, string key, Unit unit)
    {
        var (value, text) = SpecificationReader.Split(reader.Fields.First(f => f.Key == key).Value, reader.At(key));
        if (text is null || text == unit.Text) return value;
        if (!Unit.TryParse(text, out var own, out var problem)) throw reader.Wrong(key, $"in {unit.Text}: {problem}");
        if (!own.Dimension.Is(unit.Dimension)) throw reader.Wrong(key, $"in {unit.Text}; {text} is another kind of quantity");
        return (own with { Offset = unit.Offset == 0.0 ? 0.0 : own.Offset }).To(unit, value);
    }
}
