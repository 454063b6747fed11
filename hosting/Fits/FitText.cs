using Athanor.Compute.Benchmarks;
using Athanor.Compute.Fitting;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Problems;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Petab;
using Athanor.Hosting.Specifications;

namespace Athanor.Hosting.Fits;

/// <summary>
/// A fit as a HOCON file says it, under the key <c>fit</c>: a model (<c>equations</c>; or <c>problem</c>, a benchmark's name; or, beside
/// <c>fit</c>, the sections <c>kinetics</c> and <c>balance</c> of a <see cref="SpecificationFile"/>), its
/// <c>parameters</c> with scales and bounds, <c>observables</c> with noise, and <c>experiments</c> with data. docs/guides/fit.md explains
/// every key.
/// </summary>
internal sealed class FitText
{
    private readonly HoconFields _fit;
    private readonly IReadOnlyDictionary<string, string> _files;
    private readonly ExpressionGraph _graph = new();
    private readonly List<string> _states = [];
    private readonly List<string> _modelParameters = [];
    private readonly List<double> _modelValues = [];
    private readonly List<FitParameter> _theta = [];
    private readonly Dictionary<string, FitParameter> _declared = new(StringComparer.Ordinal);
    private readonly HashSet<string> _local = new(StringComparer.Ordinal);
    private FitModel _model = null!;
    private OdeProblem? _problem;

    private readonly SpecificationFile? _reactions;

    private FitText(HoconFields fit, IReadOnlyDictionary<string, string> files, SpecificationFile? reactions) =>
        (_fit, _files, _reactions) = (fit, files, reactions);

    /// <summary>The data files that a text names.</summary>
    public static IReadOnlyList<string> FilesOf(string main, string text) =>
        [.. Root(main, text).Objects("experiments").Select(e => e.Required("data")).Distinct(StringComparer.Ordinal)];

    public static FitProblem Build(string main, IReadOnlyDictionary<string, string> files)
    {
        var text = files[main];
        var reactions = SpecificationFile.IsKinetics(HoconFile.Parse(main, text)) ? SpecificationFile.Parse(main, text) : null;
        return new FitText(Root(main, text), files, reactions).Build();
    }

    private static HoconFields Root(string main, string text) => HoconFile.Parse(main, text) is var root && root.At("fit") is HoconObject fit
        ? new HoconFields(fit, "fit.") : throw new FitException($"{main} has no object 'fit'; see docs/guides/fit.md");

    private FitProblem Build()
    {
        var name = _fit.Required("name");
        var unit = _fit.Text("time");
        _fit.Object("defaults");
        var noise = _fit.Choice("noise", FitNoise.Relative, ("relative", FitNoise.Relative), ("absolute", FitNoise.Absolute));
        var experiments = _fit.Objects("experiments");
        ReadParameters(experiments);
        ReadModel();
        var observables = _fit.Object("observables");
        var fitted = experiments.Select(e => Experiment(e, observables)).ToArray();
        _fit.RefuseOthers();
        return new FitProblem(name, _theta, fitted, noise) { TimeUnit = unit ?? _problem?.TimeUnit ?? "" };
    }

    private void ReadParameters(IReadOnlyList<HoconFields> experiments)
    {
        var parameters = _fit.Object("parameters") ?? throw _fit.Wrong("parameters", "is missing");
        foreach (var name in parameters.Keys)
        {
            var p = parameters.Object(name)!;
            var isFixed = p.Flag("fixed");
            var value = p.Number("value");
            var scale = p.Choice(
                "scale", ParameterScale.Linear, ("lin", ParameterScale.Linear), ("log", ParameterScale.Log), ("log10", ParameterScale.Log10));
            var logarithmic = scale != ParameterScale.Linear;
            var lower = p.Number("lower") ?? (isFixed ? value : null) ?? (logarithmic ? throw p.Wrong("lower", "is missing") : double.NegativeInfinity);
            var upper = p.Number("upper") ?? (isFixed ? value : null) ?? (logarithmic ? throw p.Wrong("upper", "is missing") : double.PositiveInfinity);
            if (isFixed && value is null) throw p.Wrong("value", "is missing; a fixed parameter needs one");
            value ??= logarithmic ? Math.Sqrt(lower * upper) : double.IsFinite(upper - lower) ? 0.5 * (lower + upper) : throw p.Wrong("value", "is missing");
            var prior = p.Object("prior");
            var parameter = new FitParameter(name, value.Value, lower, upper)
            {
                Unit = p.Text("unit") ?? "",
                Scale = isFixed ? ParameterScale.Linear : scale,
                Fixed = isFixed,
                Starts = p.Range("starts"),
                Prior = prior is null
                    ? null
                    : new FitPrior(prior.Number("mean") ?? throw prior.Wrong("mean", "is missing"), prior.Number("deviation") ?? throw prior.Wrong("deviation", "is missing")),
            };
            _declared.Add(name, parameter);
            if (p.Flag("local"))
            {
                _local.Add(name);
                foreach (var e in experiments) _theta.Add(parameter with { Name = $"{name}@{e.Required("name")}" });
            }
            else
            {
                _theta.Add(parameter);
            }
            p.RefuseOthers();
        }
    }

    private void ReadModel()
    {
        var equations = _fit.Object("equations");
        if (_reactions is not null)
        {
            if (equations is not null || _fit.Has("problem"))
                throw _fit.Wrong("equations", "or fit.problem is given beside the file's kinetics; one of them says what is fitted");
            var balance = _reactions.Model();
            _model = ExpressionModel.Of(
                balance.Compiled, [.. balance.Problem.States.Select(s => s.Name)], [.. balance.Problem.Parameters.Select(p => p.Name)]);
            Take(balance.Problem);
            return;
        }
        if (_fit.Text("problem") is { } problem)
        {
            if (equations is not null) throw _fit.Wrong("equations", "and fit.problem are both given; one is needed");
            if (!Catalogue.Has(problem))
                throw _fit.Wrong("problem", $"is '{problem}'; benchmarks are {string.Join(", ", Catalogue.All.Select(p => p.Name))}");
            _model = ProblemFitModel.Of(Catalogue.Find(problem));
            Take(Catalogue.Find(problem));
            return;
        }
        if (equations is null) throw _fit.Wrong("equations", "is missing, and fit.problem too; one of them says what is fitted");
        _states.AddRange(equations.Keys);
        foreach (var name in _declared.Keys)
        {
            if (_states.Contains(name)) throw equations.Wrong(name, "is a state and a parameter; names must differ");
        }
        _modelParameters.AddRange(_declared.Keys);
        _modelValues.AddRange(_declared.Values.Select(p => p.Value));
        var rates = _states.Select(s => Parse(equations.Required(s), equations, s, Name)).ToArray();
        _model = ExpressionModel.Of(_graph, _states, _modelParameters, rates);
    }

    private void Take(OdeProblem problem)
    {
        _problem = problem;
        _states.AddRange(_model.States);
        _modelParameters.AddRange(_model.Parameters);
        _modelValues.AddRange(problem.NominalParameters);
        // Values and bounds are in the units that the model states.
        for (var i = 0; i < _theta.Count; i++)
        {
            if (_theta[i].Unit.Length == 0 && problem.Parameters.FirstOrDefault(p => p.Name == _theta[i].Name.Split('@')[0]) is { } known)
                _theta[i] = _theta[i] with { Unit = known.Unit };
        }
    }

    /// <summary>A name in formulas: a state, a parameter of the model or of the fit, or time. An experiment's parameters are the model's,
    /// then the declared ones.</summary>
    private Expression? Name(string name)
    {
        if (name is "t" or "time") return _graph.Time;
        if (_states.IndexOf(name) is >= 0 and var state) return _graph.State(state);
        if (_modelParameters.IndexOf(name) is >= 0 and var parameter) return _graph.Parameter(parameter);
        var declared = _declared.Keys.ToList().IndexOf(name);
        return declared < 0 ? null : _graph.Parameter(_modelParameters.Count + declared);
    }

    private Expression Parse(string text, HoconFields at, string key, Func<string, Expression?> resolve)
    {
        try
        {
            return InfixFormula.Parse(
                _graph, text, key, name => resolve(name) ?? throw new PetabException(
                    $"there is no '{name}'; there are {string.Join(", ", _states.Concat(_modelParameters).Concat(_declared.Keys).Distinct())} and t"));
        }
        catch (PetabException error)
        {
            throw at.Wrong(key, $"= {text}: {error.Message}");
        }
    }

    private OdeExperiment Experiment(HoconFields e, HoconFields? observables)
    {
        var name = e.Required("name");
        var file = e.Required("data");
        var table = new FitTable(file, _files.TryGetValue(file, out var text) ? text : throw e.Wrong("data", $"names {file}, which is missing"));
        var time = table.Column(e.Text("time") ?? table.Columns[0]);
        var columns = e.Object("columns") ?? throw e.Wrong("columns", "is missing; it says which column measures what");
        var responses = columns.Keys.Select(key => Response(key, columns, observables)).ToArray();
        var places = columns.Keys.Select(key => table.Column(columns.Required(key))).ToArray();
        var first = e.IsText("start", "first-row");
        var start = first ? null : e.Object("start");
        var measurements = new List<Measurement>();
        for (var row = first ? 1 : 0; row < table.Rows; row++)
        {
            for (var c = 0; c < places.Length; c++)
            {
                if (double.IsFinite(table.At(row, places[c]))) measurements.Add(new Measurement(c, table.At(row, time), table.At(row, places[c])));
            }
        }
        var given = e.Object("parameters");
        var bindings = _modelParameters.Select((p, k) => Bind(p, _modelValues[k], name, given)).Concat(_declared.Keys.Select(p => Bind(p, 0.0, name, given)));
        var experiment = new OdeExperiment
        {
            Name = name,
            Model = _model,
            Bindings = [.. bindings],
            Initial = [.. _states.Select((s, i) => Start(s, i, start, first ? table : null, columns, places))],
            Start = first ? table.At(0, time) : e.Number("start-time") ?? _problem?.Start ?? 0.0,
            Responses = responses,
            Measurements = measurements,
        };
        start?.RefuseOthers();
        given?.RefuseOthers();
        e.RefuseOthers();
        return experiment;
    }

    private ParameterBinding Bind(string parameter, double nominal, string experiment, HoconFields? given)
    {
        if (given?.Number(parameter) is { } value) return ParameterBinding.Of(value);
        var name = _local.Contains(parameter) ? $"{parameter}@{experiment}" : parameter;
        var theta = _theta.FindIndex(p => p.Name == name);
        return theta < 0 ? ParameterBinding.Of(nominal) : ParameterBinding.To(theta);
    }

    private IFormula Start(string state, int index, HoconFields? start, FitTable? first, HoconFields columns, int[] places)
    {
        var parameters = _modelParameters.Count + _declared.Count;
        if (start?.Text(state) is { } formula)
            return new ExpressionFormula(_graph, Parse(formula, start, state, n => _states.Contains(n) ? null : Name(n)), 0, parameters);
        var column = columns.Keys.ToList().IndexOf(state);
        if (first is not null && column >= 0 && double.IsFinite(first.At(0, places[column]))) return new ConstantFormula(first.At(0, places[column]));
        return new ConstantFormula(_problem?.States[index].Initial ?? 0.0);
    }

    private FitResponse Response(string name, HoconFields columns, HoconFields? observables)
    {
        var observable = observables is not null && observables.Has(name) ? observables.Object(name) : null;
        var formula = observable?.Text("formula") ?? (_states.Contains(name) ? name : throw columns.Wrong(name, "is neither a state nor in fit.observables"));
        var parameters = _modelParameters.Count + _declared.Count;
        var mean = Parse(formula, observable ?? columns, observable is null ? name : "formula", Name);
        var sigma = Parse(observable?.Text("sigma") ?? "1", observable ?? columns, observable is null ? name : "sigma", Name);
        var law = observable?.Choice(
            "law", ErrorLaw.Normal, ("normal", ErrorLaw.Normal), ("log-normal", ErrorLaw.LogNormal), ("log10-normal", ErrorLaw.Log10Normal),
            ("laplace", ErrorLaw.Laplace), ("log-laplace", ErrorLaw.LogLaplace), ("log10-laplace", ErrorLaw.Log10Laplace)) ?? ErrorLaw.Normal;
        var unit = observable?.Text("unit") ?? "";
        observable?.RefuseOthers();
        return new FitResponse(
            name, new ExpressionFormula(_graph, mean, _states.Count, parameters), new ExpressionFormula(_graph, sigma, _states.Count, parameters), law)
        { Unit = unit };
    }
}
