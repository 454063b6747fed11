using Athanor.Compute.Fitting;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Ode;

namespace Athanor.Hosting.Petab;

/// <summary>
/// A PEtab problem (version 1: SBML model, tables of conditions, measurements, observables and parameters) as a fit. Each simulation
/// condition is an experiment; the parameter table's scales, bounds and nominal values are the fit's.
///
/// Supported: parameter scales lin, log, log10; observable transformations lin, log, log10 with normal or Laplace noise; noise formulas; observable and
/// noise parameters, by number or name; conditions that give parameters, compartments or starts; priors normal and parameterScaleNormal
/// (uniform ones are the bounds); preequilibration. Not supported, and refused with the component's name: steady-state measurements
/// (time inf), other priors, several problems in a file.
/// </summary>
public static class PetabProblem
{
    /// <summary>Reads a YAML file and what it names.</summary>
    /// <exception cref="PetabException">Something cannot be read or is not supported; the message names file and component.</exception>
    public static FitProblem Read(string path) => Build(PetabFiles.Read(path));

    /// <inheritdoc cref="Read"/>
    public static FitProblem Build(PetabFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var yaml = PetabYaml.Parse(files.Main, files.Text(files.Main));
        var parameters = new PetabTable(yaml.Parameters, files.Text(yaml.Parameters));
        var theta = PetabParameters.Read(parameters);
        var conditions = yaml.Conditions.Select(name => new PetabTable(name, files.Text(name))).ToArray();
        var observables = PetabObservables.Read(yaml.Observables.Select(name => new PetabTable(name, files.Text(name))));
        var measurements = yaml.Measurements.Select(name => new PetabTable(name, files.Text(name))).ToArray();
        var model = SbmlModel.Parse(yaml.Sbml, files.Text(yaml.Sbml));
        var builder = new ExperimentBuilder(model, theta, conditions, observables);
        var experiments = builder.Build(measurements);
        var name = Path.GetFileNameWithoutExtension(files.Main);
        try
        {
            return new FitProblem(name, theta, experiments, FitNoise.Absolute);
        }
        catch (FitException error)
        {
            throw new PetabException($"{files.Main}: {error.Message}", error);
        }
    }

    private sealed class ExperimentBuilder
    {
        private readonly SbmlModel _model;
        private readonly IReadOnlyList<FitParameter> _theta;
        private readonly Dictionary<string, int> _thetaOf = new(StringComparer.Ordinal);
        private readonly IReadOnlyList<PetabTable> _conditions;
        private readonly IReadOnlyDictionary<string, PetabObservables.Observable> _observables;
        private readonly Dictionary<(string, string, string), FitResponse> _responses = [];
        private FitModel? _fitModel;

        public ExperimentBuilder(
            SbmlModel model, IReadOnlyList<FitParameter> theta, IReadOnlyList<PetabTable> conditions,
            IReadOnlyDictionary<string, PetabObservables.Observable> observables)
        {
            (_model, _theta, _conditions, _observables) = (model, theta, conditions, observables);
            for (var j = 0; j < theta.Count; j++) _thetaOf.Add(theta[j].Name, j);
            foreach (var name in theta.Select(p => p.Name).Concat(conditions.SelectMany(c => c.Columns))) model.Given.Add(name);
        }

        /// <summary>Parameters of an experiment: the model's, then the table's, each bound to itself.</summary>
        private int Parameters => _model.Parameters.Count + _theta.Count;

        private ExpressionGraph Graph => _model.Graph;

        public IReadOnlyList<FitExperiment> Build(IReadOnlyList<PetabTable> tables)
        {
            var rows = new List<((string Before, string Condition) Key, PetabTable Table, int Row)>();
            foreach (var table in tables)
            {
                for (var r = 0; r < table.Rows; r++)
                    rows.Add(((table.Optional(r, "preequilibrationConditionId"), table.Text(r, "simulationConditionId")), table, r));
            }
            return [.. rows.GroupBy(r => r.Key).Select(group => Experiment(group.Key.Before, group.Key.Condition, [.. group.Select(g => (g.Table, g.Row))]))];
        }

        private ParameterBinding[] Bindings(PetabTable table, int line)
        {
            var bindings = new ParameterBinding[Parameters];
            for (var k = 0; k < _model.Parameters.Count; k++) bindings[k] = Bind(_model.Parameters[k], _model.Values[k], table, line);
            for (var j = 0; j < _theta.Count; j++) bindings[_model.Parameters.Count + j] = ParameterBinding.To(j);
            return bindings;
        }

        private IReadOnlyList<IFormula> Starts(PetabTable table, int line) =>
            [.. _model.States.Select(id => (IFormula)new ExpressionFormula(Graph, Start(id, table, line), 0, Parameters))];

        private OdeExperiment Experiment(string before, string condition, (PetabTable Table, int Row)[] rows)
        {
            var (table, line) = Condition(condition);
            var bindings = Bindings(table, line);
            Preequilibration? rest = null;
            if (before.Length > 0)
            {
                var (restTable, restLine) = Condition(before);
                rest = new Preequilibration(
                    Bindings(restTable, restLine), Starts(restTable, restLine),
                    [.. _model.States.Select(id => table.Optional(line, id) is "" || string.Equals(table.Optional(line, id), "nan", StringComparison.OrdinalIgnoreCase))]);
            }
            var used = new List<FitResponse>();
            var measurements = new List<Measurement>();
            foreach (var (data, row) in rows)
            {
                var response = Response(data, row);
                var place = used.IndexOf(response);
                if (place < 0)
                {
                    place = used.Count;
                    used.Add(response);
                }
                var time = data.Text(row, "time");
                if (!PetabTable.TryNumber(time, out var t) || !double.IsFinite(t))
                    throw new PetabException($"{data.File}, line {row + 2}: the time '{time}' is not supported; steady states cannot be fitted yet");
                measurements.Add(new Measurement(place, t, data.Number(row, "measurement")));
            }
            return new OdeExperiment
            {
                Name = before.Length > 0 ? $"{condition} after {before}" : condition,
                Preequilibration = rest,
                Model = _fitModel ??= ExpressionModel.Of(Graph, _model.States, _model.Parameters, _model.Rates),
                Bindings = bindings,
                Initial = Starts(table, line),
                Responses = used,
                Measurements = measurements,
                Options = new OdeOptions { RelativeTolerance = 1e-8, AbsoluteTolerance = 1e-10 },
            };
        }

        private (PetabTable Table, int Row) Condition(string id)
        {
            foreach (var table in _conditions)
            {
                for (var r = 0; r < table.Rows; r++)
                {
                    if (table.Text(r, "conditionId") == id) return (table, r);
                }
            }
            throw new PetabException($"the condition '{id}' is measured, and not in {string.Join(", ", _conditions.Select(c => c.File))}");
        }

        private ParameterBinding Bind(string id, double value, PetabTable condition, int row)
        {
            if (condition.Optional(row, id) is { Length: > 0 } given)
            {
                return PetabTable.TryNumber(given, out var number)
                    ? ParameterBinding.Of(number)
                    : ParameterBinding.To(Theta(given, $"{condition.File}, line {row + 2}, column '{id}'"));
            }
            if (_thetaOf.TryGetValue(id, out var theta)) return ParameterBinding.To(theta);
            return ParameterBinding.Of(value);
        }

        private int Theta(string id, string where) => _thetaOf.TryGetValue(id, out var theta)
            ? theta : throw new PetabException($"{where}: '{id}' is neither a number nor in the parameter table");

        private Expression Start(string state, PetabTable condition, int row) => _model.StartOf(
            state,
            id => condition.Optional(row, id) is { Length: > 0 } given && !string.Equals(given, "nan", StringComparison.OrdinalIgnoreCase)
                ? PetabTable.TryNumber(given, out var number)
                    ? Graph.Constant(number)
                    : TableParameter(Theta(given, $"{condition.File}, line {row + 2}, column '{id}'"))
                : null);

        private Expression TableParameter(int theta) => Graph.Parameter(_model.Parameters.Count + theta);

        private FitResponse Response(PetabTable data, int row)
        {
            var id = data.Text(row, "observableId");
            string forMean = data.Optional(row, "observableParameters"), forNoise = data.Optional(row, "noiseParameters");
            if (_responses.TryGetValue((id, forMean, forNoise), out var known)) return known;
            if (!_observables.TryGetValue(id, out var observable))
                throw new PetabException($"{data.File}, line {row + 2}: there is no observable '{id}'");
            var places = new Dictionary<string, Expression>(StringComparer.Ordinal);
            var where = $"{data.File}, line {row + 2}";
            Fill(places, "observable", id, forMean, where);
            Fill(places, "noise", id, forNoise, where);
            var mean = Formula(observable.Formula, $"observable '{id}'", places);
            var noise = Formula(observable.Noise, $"noise of '{id}'", places);
            var response = new FitResponse(
                id, new ExpressionFormula(Graph, mean, _model.States.Count, Parameters),
                new ExpressionFormula(Graph, noise, _model.States.Count, Parameters), observable.Law);
            _responses.Add((id, forMean, forNoise), response);
            return response;
        }

        private void Fill(Dictionary<string, Expression> places, string kind, string id, string given, string where)
        {
            var values = given.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            for (var i = 0; i < values.Length; i++)
            {
                places[$"{kind}Parameter{i + 1}_{id}"] = PetabTable.TryNumber(values[i], out var number)
                    ? Graph.Constant(number) : TableParameter(Theta(values[i], where));
            }
        }

        private Expression Formula(string text, string component, Dictionary<string, Expression> places) => InfixFormula.Parse(
            Graph, text, component,
            name => places.GetValueOrDefault(name) ?? (name == "time" ? Graph.Time : null) ?? _model.Name(name)
                ?? (_thetaOf.TryGetValue(name, out var theta) ? TableParameter(theta) : null)
                ?? throw new PetabException($"{component}: there is no '{name}'"));
    }
}
