using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Plants;
using Athanor.Compute.Problems;
using Athanor.Compute.Units;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>The equations of a twin: <c>model { benchmark = klatt-engell }</c>, <c>model = here</c> for the kinetics and the balance or
/// plant of the same file, or <c>model { registered = "ID@VERSION", time-unit = h }</c> for a learned model.</summary>
internal sealed class TwinFileModel
{
    /// <summary>The key that names a registered model.</summary>
    public const string Registered = "registered";

    private const string Right = "{ benchmark = NAME }, { here = true } (this file's kinetics with its balance or plant) or { registered = \"ID@VERSION\" }";

    private static readonly string[] Keys = ["benchmark", "here", "constants", "substep", "method"], Sections = ["kinetics", "balance", "plant"];
    private static readonly string[] LearnedKeys = [Registered, "time-unit", "units", "substep"];

    private readonly SpecificationReader? _reader;

    /// <param name="registered">Gives the file of a version by its name, ID@VERSION; null where no cluster is at hand.</param>
    public TwinFileModel(string path, HoconObject root, SpecificationReader twin, Func<string, ReadOnlyMemory<byte>>? registered)
    {
        if (!twin.Has("model")) throw twin.Missing("model");
        var here = false;
        Json = [];
        if (twin.Value("model") is HoconObject learned && learned.TryGet(Registered, out _))
        {
            _reader = new SpecificationReader(learned, twin.At("model"), LearnedKeys);
            (TimeUnitS, States, Parameters) = Learned(_reader, registered);
            Substep();
            return;
        }
        if (twin.Value("model") is HoconObject hocon)
        {
            _reader = new SpecificationReader(hocon, twin.At("model"), Keys);
            here = PlantQuantities.Flag(_reader, "here");
            if (here == _reader.Has("benchmark"))
                throw twin.Wrong("model", Right);
        }
        else if (twin.Text("model") == "here") here = true;
        else throw twin.Wrong("model", Right);
        if (here)
        {
            Problem = PlantFile.IsPlant(root) ? PlantFile.Load(path).Problem : SpecificationFile.Load(path).Model().Problem;
            var sections = new JsonObject();
            foreach (var section in Sections)
            {
                if (root.TryGet(section, out var value)) sections[section] = HoconJson.Node(value);
            }
            Json[TwinModels.Kind] = sections;
        }
        else
        {
            var name = _reader!.Text("benchmark")!;
            if (!Catalogue.Has(name)) throw _reader.Wrong("benchmark", $"one of {string.Join(", ", Catalogue.All.Select(static p => p.Name))}");
            Problem = Catalogue.Find(name);
            Json["benchmark"] = name;
        }
        TimeUnitS = Unit.TryParse(Problem.TimeUnit, out var unit, out _) && unit.Dimension.Is(new Dimension(0, 0, 1, 0, 0)) ? unit.Factor
            : throw twin.Wrong("model", $"one that goes along time; {Problem.Name} goes along {Problem.Variable} in {Problem.TimeUnit}");
        (States, Parameters) = (Problem.States, Problem.Parameters);
        Substep();
        if (_reader?.Text("method") is { } method)
        {
            if (!PlantMethods.Names.Contains(method)) throw _reader.Wrong("method", $"one of {string.Join(", ", PlantMethods.Names)}");
            Json[PlantMethods.Key] = method;
        }
        if (_reader?.Object("constants") is { } constants)
        {
            var reader = new SpecificationReader(constants, _reader.At("constants"), [.. Parameters.Select(static p => p.Name)]);
            foreach (var (key, _) in reader.Fields) Constants = Constants.SetItem(key, TwinQuantities.Value(reader, key, Parameter(key).Unit)!.Value);
            Json["constants"] = new JsonObject(Constants.Select(static c => KeyValuePair.Create(c.Key, (JsonNode?)c.Value)));
        }
    }

    /// <summary>Null for a learned model, which has no equations.</summary>
    public OdeProblem? Problem { get; }

    public ImmutableArray<OdeState> States { get; }

    /// <summary>What inputs and estimated parameters are chosen from.</summary>
    public ImmutableArray<OdeParameter> Parameters { get; }

    /// <summary>Inputs that a learned model has in any case, in its order.</summary>
    public ImmutableArray<string> Controls { get; private set; } = [];

    /// <summary>Where the model comes from, if that is not the file: models/ID@VERSION.</summary>
    public string? Source { get; private set; }

    public double TimeUnitS { get; }

    /// <summary>Values that differ from the problem's own.</summary>
    public ImmutableSortedDictionary<string, double> Constants { get; } = ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);

    /// <summary>As <see cref="Compute.Plants.PlantModels"/> reads it, but for inputs and parameters.</summary>
    public JsonObject Json { get; }

    public OdeParameter Parameter(string name) => Parameters.First(p => p.Name == name);

    public OdeState State(string name) => States.First(s => s.Name == name);

    public double NominalOf(string parameter) => Constants.TryGetValue(parameter, out var value) ? value : Parameter(parameter).Value;

    /// <summary>A learned model's inputs begin with its own controls, in their order.</summary>
    /// <exception cref="HoconException">A control is no input of the twin.</exception>
    public ImmutableArray<TwinInput> Ordered(SpecificationReader twin, ImmutableArray<TwinInput> inputs)
    {
        foreach (var control in Controls)
        {
            if (inputs.All(i => i.Name != control))
                throw SpecificationReader.Error(twin.Origin("inputs"), twin.At("inputs"), $"{Source} has the input '{control}', which is missing here");
        }
        return [.. Controls.Select(c => inputs.First(i => i.Name == c)), .. inputs.Where(i => !Controls.Contains(i.Name))];
    }

    private void Substep()
    {
        if (_reader is not null && TwinQuantities.Seconds(_reader, "substep") is { } substep) Json["substep-s"] = substep;
    }

    private (double TimeUnitS, ImmutableArray<OdeState> States, ImmutableArray<OdeParameter> Parameters) Learned(
        SpecificationReader reader, Func<string, ReadOnlyMemory<byte>>? registered)
    {
        var name = reader.Text(Registered)!;
        if (registered is null)
            throw SpecificationReader.Error(reader.Origin(Registered), reader.At(Registered), $"'{name}' is a registered model, and no cluster is at hand to read it from");
        if (!reader.Has("time-unit")) throw reader.Missing("time-unit");
        var time = Unit.TryParse(reader.Text("time-unit")!, out var unit, out _) && unit.Dimension.Is(new Dimension(0, 0, 1, 0, 0)) ? unit.Factor
            : throw reader.Wrong("time-unit", "the unit of time of the data that the model was trained on, such as h");
        var file = registered(name);
        NeuralNames names;
        try
        {
            names = NeuralPlants.Names(file);
        }
        catch (PlantException error)
        {
            throw SpecificationReader.Error(reader.Origin(Registered), reader.At(Registered), $"{name}: {error.Message}");
        }
        (Source, Controls) = ($"models/{name}", [.. names.Controls.Select(static c => c.Key)]);
        KeyValuePair<string, double>[] numbers = [.. names.Controls, .. names.Constants, .. names.Numbers];
        var units = new JsonObject();
        if (reader.Object("units") is { } section)
        {
            var inner = new SpecificationReader(
                section, reader.At("units"), [.. names.States.Select(static s => s.Name), .. numbers.Select(static n => n.Key)]);
            foreach (var (key, _) in inner.Fields)
            {
                units[key] = Unit.TryParse(inner.Text(key)!, out _, out var problem) ? inner.Text(key)
                    : throw SpecificationReader.Error(inner.Origin(key), inner.At(key), problem);
            }
        }
        Json["neural"] = new JsonObject { ["file"] = Convert.ToBase64String(file.Span) };
        Json["time-unit-s"] = time;
        if (units.Count > 0) Json["units"] = units;
        return (
            time,
            [.. names.States.Select(s => new OdeState(s.Name, UnitOf(s.Name), s.Mean, 1e-9, s.Positive ? 0.0 : double.NegativeInfinity))],
            [.. numbers.Select(n => new OdeParameter(n.Key, UnitOf(n.Key), n.Value))]);

        string UnitOf(string quantity) => units[quantity]?.GetValue<string>() ?? "";
    }
}
