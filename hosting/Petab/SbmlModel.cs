using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Athanor.Compute.Kinetics.Expressions;

namespace Athanor.Hosting.Petab;

/// <summary>
/// An SBML model (levels 2 and 3) as rates of its states. States are the species and the variables of rate rules; a species' state is what
/// its name means in formulas: a concentration, or an amount where hasOnlySubstanceUnits says so. Parameters are the model's constants:
/// global parameters, compartments' sizes, and reactions' local parameters as REACTION.PARAMETER. Assignment rules and function
/// definitions are put in where they are used.
///
/// Not supported, and refused with the component's name: events, delays, algebraic rules, compartments that change, stoichiometry that is
/// calculated, conversion factors, fast reactions, required packages.
/// </summary>
internal sealed class SbmlModel
{
    private static readonly string[] Refused = ["listOfEvents", "listOfConstraints"];

    private readonly string _file;
    private readonly Dictionary<string, XElement> _functions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, XElement> _assignments = new(StringComparer.Ordinal);
    private readonly Dictionary<string, XElement> _initials = new(StringComparer.Ordinal);
    private readonly Dictionary<string, XElement> _species = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _stateOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _parameterOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Expression> _inlined = new(StringComparer.Ordinal);
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private readonly List<string> _states = [];
    private readonly List<string> _parameters = [];
    private readonly List<double> _values = [];
    private readonly Dictionary<string, Expression> _overrides = new(StringComparer.Ordinal);

    private SbmlModel(string file, XElement model)
    {
        _file = file;
        foreach (var list in Refused)
        {
            if (List(model, list).FirstOrDefault() is { } component)
                throw Refuse(component.Name.LocalName, (string?)component.Attribute("id") ?? "without an id", "is not supported");
        }
        foreach (var f in List(model, "listOfFunctionDefinitions")) _functions.Add(Id(f), Math(f, Id(f)).Elements().First());
        foreach (var c in List(model, "listOfCompartments"))
        {
            if ((string?)c.Attribute("constant") == "false" && IsChanged(model, Id(c)))
                throw Refuse("compartment", Id(c), "changes, which is not supported");
            Declare(Id(c), Number(c, "size") ?? 1.0);
        }
        foreach (var s in List(model, "listOfSpecies"))
        {
            if (s.Attribute("conversionFactor") is not null) throw Refuse("species", Id(s), "has a conversionFactor, which is not supported");
            _species.Add(Id(s), s);
        }
        if (model.Attribute("conversionFactor") is not null) throw new PetabException($"{_file}: a model's conversionFactor is not supported");
        var rateRules = new Dictionary<string, XElement>(StringComparer.Ordinal);
        foreach (var rule in List(model, "listOfRules"))
        {
            var variable = (string?)rule.Attribute("variable") ?? "";
            switch (rule.Name.LocalName)
            {
                case "assignmentRule": _assignments.Add(variable, Math(rule, variable)); break;
                case "rateRule": rateRules.Add(variable, Math(rule, variable)); break;
                default: throw Refuse(rule.Name.LocalName, variable, "is not supported");
            }
        }
        foreach (var i in List(model, "listOfInitialAssignments")) _initials.Add((string)i.Attribute("symbol")!, Math(i, (string)i.Attribute("symbol")!));
        foreach (var p in List(model, "listOfParameters"))
        {
            // What a rule gives is no constant; what no number, rule or table gives is found missing when it is used.
            if (!_assignments.ContainsKey(Id(p)) && !rateRules.ContainsKey(Id(p))) Declare(Id(p), Number(p, "value") ?? double.NaN);
        }
        foreach (var id in _species.Keys.Where(id => !_assignments.ContainsKey(id))) State(id);
        foreach (var id in rateRules.Keys.Where(id => !_stateOf.ContainsKey(id)))
        {
            if (_parameterOf.ContainsKey(id)) throw Refuse("rateRule", id, "changes a compartment, which is not supported");
            State(id);
            RuleStarts[id] = Number(List(model, "listOfParameters").First(p => Id(p) == id), "value") ?? double.NaN;
        }
        var reactions = List(model, "listOfReactions").ToArray();
        foreach (var r in reactions) DeclareLocals(r);
        Rates = new Expression[_states.Count];
        Array.Fill(Rates, Graph.Zero);
        foreach (var (id, math) in rateRules) Rates[_stateOf[id]] = Read(math, $"rate rule of '{id}'", null);
        foreach (var r in reactions) AddReaction(r, rateRules);
    }

    public ExpressionGraph Graph { get; } = new();

    public IReadOnlyList<string> States => _states;

    public IReadOnlyList<string> Parameters => _parameters;

    /// <summary>By parameter; NaN where the model gives none.</summary>
    public IReadOnlyList<double> Values => _values;

    /// <summary>By state, dy/dt.</summary>
    public Expression[] Rates { get; }

    private Dictionary<string, double> RuleStarts { get; } = new(StringComparer.Ordinal);

    /// <exception cref="PetabException">It is no SBML, or holds what is not supported.</exception>
    public static SbmlModel Parse(string file, string text)
    {
        XElement root;
        try
        {
            using var reader = XmlReader.Create(
                new StringReader(text), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            root = XElement.Load(reader);
        }
        catch (XmlException error)
        {
            throw new PetabException($"{file} is no XML: {error.Message}", error);
        }
        if (root.Name.LocalName != "sbml") throw new PetabException($"{file} is no SBML: its root is <{root.Name.LocalName}>");
        if (root.Attributes().FirstOrDefault(a => a.Name.LocalName == "required" && a.Value == "true") is { } package)
            throw new PetabException($"{file} requires the SBML package {package.Name.NamespaceName}, which is not supported");
        var model = root.Elements().FirstOrDefault(e => e.Name.LocalName == "model") ?? throw new PetabException($"{file} holds no model");
        return new SbmlModel(file, model);
    }

    public int StateIndex(string id) => _stateOf.GetValueOrDefault(id, -1);

    public int ParameterIndex(string id) => _parameterOf.GetValueOrDefault(id, -1);

    /// <summary>Makes a parameter's value an expression, e.g. of another table's parameters.</summary>
    public void Resolve(string id, Expression value) => _overrides[id] = value;

    /// <summary>A name of the model, as formulas of its time course use it; null for unknown ones.</summary>
    public Expression? Name(string id)
    {
        if (_overrides.TryGetValue(id, out var given)) return given;
        if (_stateOf.TryGetValue(id, out var state)) return Graph.State(state);
        if (_assignments.TryGetValue(id, out var rule)) return Inline(id, () => Read(rule, $"assignment rule of '{id}'", null));
        if (!_parameterOf.TryGetValue(id, out var parameter)) return null;
        // A parameter with an initial assignment is that formula, as long as no table gives it a value.
        return _initials.TryGetValue(id, out var initial) && !Given.Contains(id)
            ? Inline(id, () => Read(initial, $"initial assignment of '{id}'", null)) : Graph.Parameter(parameter);
    }

    /// <summary>Parameters that tables give values; initial assignments do not count for them.</summary>
    public HashSet<string> Given { get; } = new(StringComparer.Ordinal);

    /// <summary>A state's value at the start, as an expression of parameters.</summary>
    public Expression Start(int state) => StartOf(_states[state], null);

    /// <summary>The same, where an experiment gives some states' starts.</summary>
    public Expression StartOf(string id, Func<string, Expression?>? given)
    {
        if (given?.Invoke(id) is { } start) return start;
        if (!_open.Add("start:" + id)) throw Refuse("initialAssignment", id, "depends on itself");
        try
        {
            if (_initials.TryGetValue(id, out var math))
                return Read(math, $"initial assignment of '{id}'", name => _stateOf.ContainsKey(name) ? StartOf(name, given) : null);
            if (RuleStarts.TryGetValue(id, out var value) && !_species.ContainsKey(id)) return Finite(value, "parameter", id);
            var species = _species[id];
            var onlySubstance = (string?)species.Attribute("hasOnlySubstanceUnits") == "true";
            var volume = Graph.Parameter(_parameterOf[(string)species.Attribute("compartment")!]);
            if (Number(species, "initialConcentration") is { } concentration)
                return onlySubstance ? Graph.Multiply(Graph.Constant(concentration), volume) : Graph.Constant(concentration);
            var amount = Finite(Number(species, "initialAmount") ?? double.NaN, "species", id);
            return onlySubstance ? amount : Graph.Divide(amount, volume);
        }
        finally
        {
            _open.Remove("start:" + id);
        }
    }

    private Expression Finite(double value, string kind, string id) =>
        double.IsFinite(value) ? Graph.Constant(value) : throw Refuse(kind, id, "has no value at the start");

    private void AddReaction(XElement reaction, Dictionary<string, XElement> rateRules)
    {
        var id = Id(reaction);
        if ((string?)reaction.Attribute("fast") == "true") throw Refuse("reaction", id, "is fast, which is not supported");
        var law = reaction.Elements().FirstOrDefault(e => e.Name.LocalName == "kineticLaw") ?? throw Refuse("reaction", id, "has no kinetic law");
        var rate = Read(Math(law, id), $"reaction '{id}'", name => _parameterOf.TryGetValue($"{id}.{name}", out var k) ? Graph.Parameter(k) : null);
        foreach (var (list, sign) in new[] { ("listOfReactants", -1.0), ("listOfProducts", 1.0) })
        {
            foreach (var reference in List(reaction, list))
            {
                var name = (string)reference.Attribute("species")!;
                if (!_species.TryGetValue(name, out var species)) throw Refuse("reaction", id, $"names the unknown species '{name}'");
                if (reference.Elements().Any(e => e.Name.LocalName == "stoichiometryMath") || _assignments.ContainsKey((string?)reference.Attribute("id") ?? "-"))
                    throw Refuse("reaction", id, $"calculates the stoichiometry of '{name}', which is not supported");
                var boundary = (string?)species.Attribute("boundaryCondition") == "true" || (string?)species.Attribute("constant") == "true";
                if (boundary || !_stateOf.TryGetValue(name, out var state) || rateRules.ContainsKey(name)) continue;
                var change = Graph.Multiply(Graph.Constant(sign * (Number(reference, "stoichiometry") ?? 1.0)), rate);
                if ((string?)species.Attribute("hasOnlySubstanceUnits") != "true")
                    change = Graph.Divide(change, Name((string)species.Attribute("compartment")!)!);
                Rates[state] = Graph.Add(Rates[state], change);
            }
        }
    }

    private void DeclareLocals(XElement reaction)
    {
        var law = reaction.Elements().FirstOrDefault(e => e.Name.LocalName == "kineticLaw");
        if (law is null) return;
        foreach (var p in List(law, "listOfParameters").Concat(List(law, "listOfLocalParameters")))
            Declare($"{Id(reaction)}.{Id(p)}", Number(p, "value") ?? double.NaN);
    }

    private Expression Read(XElement math, string component, Func<string, Expression?>? local) => new MathMl(
        Graph, id => local?.Invoke(id) ?? Name(id) ?? throw new PetabException($"{_file}: {component}: there is no '{id}'"), _functions,
        $"{_file}: {component}").Read(math);

    private Expression Inline(string id, Func<Expression> read)
    {
        if (_inlined.TryGetValue(id, out var found)) return found;
        if (!_open.Add(id)) throw Refuse("assignmentRule", id, "depends on itself");
        found = read();
        _open.Remove(id);
        _inlined.Add(id, found);
        return found;
    }

    private void State(string id)
    {
        _stateOf.Add(id, _states.Count);
        _states.Add(id);
    }

    private void Declare(string id, double value)
    {
        if (!_parameterOf.TryAdd(id, _parameters.Count)) throw Refuse("parameter", id, "stands twice");
        _parameters.Add(id);
        _values.Add(value);
    }

    private static bool IsChanged(XElement model, string id) =>
        List(model, "listOfRules").Any(r => (string?)r.Attribute("variable") == id);

    private XElement Math(XElement e, string id) => e.Elements().FirstOrDefault(c => c.Name.LocalName == "math")
        ?? throw Refuse(e.Name.LocalName, id, "has no formula");

    private static IEnumerable<XElement> List(XElement e, string name) =>
        e.Elements().FirstOrDefault(c => c.Name.LocalName == name)?.Elements().Where(c => c.Name.LocalName is not ("notes" or "annotation")) ?? [];

    private string Id(XElement e) => (string?)e.Attribute("id") ?? throw new PetabException($"{_file}: a {e.Name.LocalName} has no id");

    private double? Number(XElement e, string attribute)
    {
        if ((string?)e.Attribute(attribute) is not { } text) return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value : throw Refuse(e.Name.LocalName, (string?)e.Attribute("id") ?? "?", $"has the {attribute} '{text}', which is no number");
    }

    private PetabException Refuse(string kind, string id, string what) => new($"{_file}: the {kind} '{id}' {what}");
}
