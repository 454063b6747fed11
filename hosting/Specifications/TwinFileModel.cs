using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Plants;
using Athanor.Compute.Problems;
using Athanor.Compute.Units;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>The equations of a twin: <c>model { benchmark = klatt-engell }</c>, or <c>model = here</c> for the kinetics and the balance or
/// plant of the same file.</summary>
internal sealed class TwinFileModel
{
    private static readonly string[] Keys = ["benchmark", "here", "constants", "substep", "method"], Sections = ["kinetics", "balance", "plant"];

    private readonly SpecificationReader? _reader;

    public TwinFileModel(string path, HoconObject root, SpecificationReader twin)
    {
        if (!twin.Has("model")) throw twin.Missing("model");
        var here = false;
        if (twin.Value("model") is HoconObject hocon)
        {
            _reader = new SpecificationReader(hocon, twin.At("model"), Keys);
            here = PlantQuantities.Flag(_reader, "here");
            if (here == _reader.Has("benchmark"))
                throw twin.Wrong("model", "{ benchmark = NAME } or { here = true } (this file's kinetics with its balance or plant)");
        }
        else if (twin.Text("model") == "here") here = true;
        else throw twin.Wrong("model", "{ benchmark = NAME } or here (this file's kinetics with its balance or plant)");
        Json = [];
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
        if (_reader is not null && TwinQuantities.Seconds(_reader, "substep") is { } substep) Json["substep-s"] = substep;
        if (_reader?.Text("method") is { } method)
        {
            if (!PlantMethods.Names.Contains(method)) throw _reader.Wrong("method", $"one of {string.Join(", ", PlantMethods.Names)}");
            Json[PlantMethods.Key] = method;
        }
        if (_reader?.Object("constants") is { } constants)
        {
            var reader = new SpecificationReader(constants, _reader.At("constants"), [.. Problem.Parameters.Select(static p => p.Name)]);
            foreach (var (key, _) in reader.Fields) Constants = Constants.SetItem(key, TwinQuantities.Value(reader, key, Parameter(key).Unit)!.Value);
            Json["constants"] = new JsonObject(Constants.Select(static c => KeyValuePair.Create(c.Key, (JsonNode?)c.Value)));
        }
    }

    public OdeProblem Problem { get; }

    public double TimeUnitS { get; }

    /// <summary>Values that differ from the problem's own.</summary>
    public ImmutableSortedDictionary<string, double> Constants { get; } = ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);

    /// <summary>As <see cref="Compute.Plants.PlantModels"/> reads it, but for inputs and parameters.</summary>
    public JsonObject Json { get; }

    public OdeParameter Parameter(string name) => Problem.Parameters.First(p => p.Name == name);

    public OdeState State(string name) => Problem.States.First(s => s.Name == name);

    public double NominalOf(string parameter) => Constants.TryGetValue(parameter, out var value) ? value : Parameter(parameter).Value;
}
