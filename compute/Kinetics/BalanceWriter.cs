using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Kinetics.Generation;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.SteadyStates;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics;

/// <summary>Writes the balance of a batch reactor or stirred tank around a network as expressions. States are in their own units, rates in
/// the network's system; the balance is multiplied out in the latter.</summary>
internal sealed class BalanceWriter
{
    private static readonly Dimension Kelvin = new(0, 0, 0, 1, 0), CubicMetre = new(0, 3, 0, 0, 0), Second = new(0, 0, 1, 0, 0);
    private static readonly Dimension Joule = new(1, 2, -2, 0, 0);
    private readonly KineticNetwork _network;
    private readonly BalanceText _text;
    private readonly ExpressionGraph _graph = new();
    private readonly List<OdeParameter> _parameters = [];

    public BalanceWriter(KineticNetwork network, BalanceText text)
    {
        _network = network;
        _text = text;
        _parameters.AddRange(network.Parameters.Select(static p => new OdeParameter(p.Name, p.Unit?.Text ?? "", p.Value, p.Lower, p.Upper)));
    }

    private bool HasHeat => _text.HeatCapacity is not null;

    private int Species => _network.Species.Length;

    public KineticModel Write(CodeForm form)
    {
        CheckText();
        var temperature = HasHeat ? _graph.State(Species) : Operating("T", _text.Temperature, Kelvin, positive: true, "temperature");
        var volume = _text.Volume is null ? null : Operating("volume", _text.Volume, CubicMetre, positive: true, "volume");
        var flow = _text.Kind == BalanceKind.Cstr ? Operating("flow", _text.Flow!, CubicMetre / Second, positive: false, "flow") : null;
        var dilution = flow is null ? null : _graph.Divide(flow, volume!);
        var factors = _network.Species.Select(species => _network.Units.FactorOf(species.Unit)).ToArray();
        var into = new Substitution(_graph, leaf => leaf.Operation switch
        {
            Operation.State => _graph.Multiply(_graph.Constant(factors[leaf.Index]), _graph.State(leaf.Index)),
            Operation.Temperature => temperature,
            _ => null,
        });
        var (production, heat) = _network.ProductionRows();
        var rows = new List<Expression>();
        for (var i = 0; i < Species; i++)
        {
            var row = _graph.Multiply(_graph.Constant(1.0 / factors[i]), into.Of(production[i]));
            rows.Add(dilution is null ? row : _graph.Add(Inflow(dilution, FeedOf(i), _graph.State(i)), row));
        }
        if (HasHeat) rows.Add(HeatRow(into.Of(heat), temperature, volume, dilution));
        double[] nominal = [.. _parameters.Select(static parameter => parameter.Value)];
        var compiled = _network.CompileModel(_graph, [.. rows], nominal, form);
        return new KineticModel(_network, compiled, compiled.Accept(new ProblemMaker(this, compiled.Program)));
    }

    private Expression Inflow(Expression dilution, Expression? feed, Expression inside) =>
        _graph.Multiply(dilution, feed is null ? _graph.Negate(inside) : _graph.Subtract(feed, inside));

    private Expression? FeedOf(int species)
    {
        var name = _network.Species[species].Name;
        if (!_text.Feed.TryGetValue(name, out var value)) return null;
        if (!double.IsFinite(value) || value < 0.0)
            throw Error(Invariant($"the feed has {name} at {value}; a concentration is finite and not negative"), "feed", name);
        // Like the state, in the unit of the species.
        return Parameter("feed_" + name, _network.Species[species].Unit.Text, value, 0.0);
    }

    private Expression HeatRow(Expression heat, Expression temperature, Expression? volume, Expression? dilution)
    {
        var capacity = Operating("rhoCp", _text.HeatCapacity!, Joule / CubicMetre / Kelvin, positive: true, "heat-capacity");
        var row = _graph.Divide(heat, capacity);
        if (_text.HeatTransfer is not null)
        {
            var transfer = Operating("UA", _text.HeatTransfer, Joule / Second / Kelvin, positive: false, "heat-transfer");
            var coolant = Operating("coolant", _text.Coolant!, Kelvin, positive: true, "coolant");
            var perHeat = _graph.Divide(transfer, _graph.Multiply(capacity, volume!));
            row = _graph.Add(row, _graph.Multiply(perHeat, _graph.Subtract(coolant, temperature)));
        }
        if (dilution is null) return row;
        var feed = Operating("feed_T", _text.FeedTemperature!, Kelvin, positive: true, "feed-temperature");
        return _graph.Add(Inflow(dilution, feed, temperature), row);
    }

    private void CheckText()
    {
        if (_text.Kind == BalanceKind.Cstr && (_text.Flow is null || _text.Volume is null))
            throw Error("a cstr needs 'flow' and 'volume'", _text.Flow is null ? "flow" : "volume");
        if (_text.Kind == BalanceKind.Batch && (_text.Flow is not null || _text.Feed.Count > 0 || _text.FeedTemperature is not null))
            throw Error("a batch reactor has no flow and no feed; write kind = cstr for one that has", "kind");
        foreach (var name in _text.Feed.Keys)
        {
            if (_network.Species.All(species => species.Name != name))
            {
                throw Error(
                    $"there is no species '{name}'; there are {string.Join(", ", _network.Species.Select(static s => s.Name))}", "feed", name);
            }
        }
        if (!double.IsFinite(_text.End) || !(_text.End > 0.0)) throw Error(Invariant($"end is {_text.End}; it must be above zero"), "end");
        if (!HasHeat)
        {
            if (_text.HeatTransfer is not null || _text.Coolant is not null || _text.FeedTemperature is not null)
                throw Error("temperatures of feed and coolant and heat transfer need 'heat-capacity' (density times heat capacity)", "heat-capacity");
            return;
        }
        if (_network.Reactions.FirstOrDefault(static reaction => !reaction.HasHeat) is { } without)
            throw Error($"the heat balance needs the enthalpy of reaction '{without.Name}'; add '; dH = -50 [kJ/mol]' or such", "heat-capacity");
        if (_text.HeatTransfer is not null && (_text.Coolant is null || _text.Volume is null))
            throw Error("'heat-transfer' needs 'coolant' and 'volume'", _text.Coolant is null ? "coolant" : "volume");
        if (_text.Kind == BalanceKind.Cstr && _text.FeedTemperature is null) throw Error("the heat balance of a cstr needs 'feed-temperature'", "feed-temperature");
    }

    private Expression Operating(string name, OperatingText text, Dimension dimension, bool positive, string key)
    {
        var unit = NetworkReader.ReadUnit(text.Unit, $"balance, {key}", ["balance", key]);
        if (!unit.Dimension.Is(dimension)) throw Error($"{key} is in '{text.Unit}', which is {unit.Dimension}; it must be in {dimension}", key);
        if (!double.IsFinite(text.Value)) throw Error(Invariant($"{key} is {text.Value}; it must be finite"), key);
        var si = unit.ToSi(text.Value);
        if (positive ? !(si > 0.0) : si < 0.0)
            throw Error(Invariant($"{key} is {text.Value} {text.Unit}; it must {(positive ? "be above zero" : "not be negative")}"), key);
        var number = _parameters.Count;
        Parameter(name, text.Unit, text.Value, unit.Offset == 0.0 ? 0.0 : double.NegativeInfinity);
        return NetworkReader.AsParameter(_graph, _network.Units, number, unit);
    }

    private Expression Parameter(string name, string unit, double value, double lower)
    {
        if (_parameters.Exists(parameter => parameter.Name == name) || _network.Species.Any(species => species.Name == name))
            throw Error($"the balance names a parameter '{name}', but the network has one of that name", name);
        _parameters.Add(new OdeParameter(name, unit, value, lower));
        return _graph.Parameter(_parameters.Count - 1);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static KineticsException Error(string problem, params string[] key) => new("balance", problem, ["balance", .. key]);

    private sealed class ProblemMaker(BalanceWriter writer, RateProgram program) : IModelVisitor<OdeProblem>
    {
        public OdeProblem Visit<TModel>(in TModel model)
            where TModel : struct, IOdeModel<TModel>, ISparseOdeModel
        {
            var network = writer._network;
            var states = network.Species.Select(static species => new OdeState(
                species.Name, species.Unit.Text, species.Initial, species.AbsoluteTolerance, 0.0)).ToList();
            if (writer.HasHeat)
            {
                var unit = Unit.Parse(writer._text.Temperature.Unit);
                if (!unit.Dimension.Is(Kelvin)) throw Error($"temperature is in '{unit.Text}'; it must be in K or degC", "temperature");
                states.Add(new OdeState("T", "K", unit.ToSi(writer._text.Temperature.Value), 1e-6, 0.0));
            }
            static string Count(int n, string thing) => n == 1 ? $"1 {thing}" : $"{n} {thing}s";

            return new OdeProblem<TModel>(model)
            {
                Name = network.Name,
                Title = $"{network.Name}: {Count(network.Reactions.Length, "reaction")} of {network.Species.Length} species",
                Source = "reactions as text",
                TimeUnit = network.Units.Time.Text,
                End = writer._text.End,
                States = [.. states],
                Parameters = [.. writer._parameters],
                Intervals = TapeIntervals.Of(program),
            };
        }
    }
}
