using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>Reads a network: names in the order tables, species, parameters, definitions; then reactions, each with its own checks.</summary>
internal sealed class NetworkReader
{
    private readonly KineticsText _text;
    private readonly ExpressionGraph _graph = new();
    private readonly UnitSystem _units;
    private readonly Binder _binder;
    private readonly Dictionary<string, int> _species = new(StringComparer.Ordinal);

    public NetworkReader(KineticsText text)
    {
        _text = text;
        Unit concentration = ReadUnit(text.Concentration, "units", ["units", "concentration"]);
        Unit time = ReadUnit(text.Time, "units", ["units", "time"]);
        try
        {
            _units = new UnitSystem(concentration, time);
        }
        catch (UnitException error)
        {
            throw new KineticsException("units", error.Message, ["units"]);
        }
        _binder = new Binder(_graph, _units);
    }

    public KineticNetwork Read()
    {
        if (_text.Species.IsEmpty) throw new KineticsException($"network '{_text.Name}'", "it has no species", ["species"]);
        if (_text.Reactions.IsEmpty) throw new KineticsException($"network '{_text.Name}'", "it has no reactions", ["reactions"]);
        var tables = _text.Tables.Select(Table).ToArray();
        ImmutableArray<NetworkSpecies> species = [.. _text.Species.Select(Species)];
        ImmutableArray<NetworkParameter> parameters = [.. _text.Parameters.Select(Parameter)];
        foreach (var definition in _text.Definitions) Define(definition);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reactions = ImmutableArray.CreateBuilder<NetworkReaction>();
        foreach (var reaction in _text.Reactions)
        {
            if (!names.Add(reaction.Name))
                throw new KineticsException($"reaction '{reaction.Name}'", "there is another of this name", ["reactions", reaction.Name]);
            reactions.Add(new ReactionReader(_binder, _graph, _units, _species, species, reaction).Read());
        }
        return new KineticNetwork(_text.Name, _units, _graph, tables, species, parameters, reactions.ToImmutable());
    }

    private RateTable Table(TableText table, int number)
    {
        string[] key = ["tables", table.Name];
        var part = $"table '{table.Name}'";
        if (RateTable.Problem(table.Arguments.AsSpan(), table.Values.AsSpan()) is { } problem) throw new KineticsException(part, problem, key);
        var argument = TableUnit(table.ArgumentUnit, part, key);
        var value = TableUnit(table.ValueUnit, part, key);
        if (_binder.DefineTable(table.Name, number, argument, value) is { } wrong) throw new KineticsException(part, wrong, key);
        return new RateTable(table.Name, table.Arguments.AsSpan(), table.Values.AsSpan(), table.Interpolation);
    }

    private Quantity TableUnit(string? text, string part, string[] key)
    {
        if (text is null) return _binder.Quantities.Bare(1.0);
        var unit = ReadUnit(text, part, key);
        if (unit.Offset != 0.0) throw new KineticsException(part, $"the unit '{text}' has an offset; give the table in K", key);
        return new Quantity(_graph.Constant(_units.FactorOf(unit)), unit.Dimension);
    }

    private NetworkSpecies Species(SpeciesText species, int number)
    {
        string[] key = ["species", species.Name];
        var part = $"species '{species.Name}'";
        var unit = species.Unit is null ? _units.Concentration : ReadUnit(species.Unit, part, key);
        if (!unit.Dimension.Is(Dimension.Concentration) && !unit.Dimension.Is(Dimension.MassConcentration))
        {
            throw new KineticsException(
                part, $"its unit '{unit.Text}' is in {unit.Dimension}; a concentration is in one such as mol/L or g/L", key);
        }
        if (!double.IsFinite(species.Initial))
            throw new KineticsException(part, Invariant($"it starts at {species.Initial}; that must be a finite number"), key);
        if (species.Initial < 0.0)
            throw new KineticsException(part, Invariant($"it starts at {species.Initial} {unit.Text}; a concentration is not negative"), key);
        if (!(species.AbsoluteTolerance > 0.0) || !double.IsFinite(species.AbsoluteTolerance))
            throw new KineticsException(part, Invariant($"its absolute tolerance is {species.AbsoluteTolerance}; it must be above zero"), key);
        var node = _graph.State(number);
        if (_binder.Define(species.Name, new Quantity(node, unit.Dimension)) is { } problem) throw new KineticsException(part, problem, key);
        _species.Add(species.Name, number);
        try
        {
            var atoms = species.Formula is null ? null : Formula.Parse(species.Formula);
            return new NetworkSpecies(species.Name, unit, atoms, species.Initial, species.AbsoluteTolerance);
        }
        catch (FormatException error)
        {
            throw new KineticsException(part, error.Message, key);
        }
    }

    private NetworkParameter Parameter(ParameterText parameter, int number)
    {
        string[] key = ["parameters", parameter.Name];
        var part = $"parameter '{parameter.Name}'";
        if (!double.IsFinite(parameter.Value)) throw new KineticsException(part, Invariant($"it is {parameter.Value}; it must be finite"), key);
        if (!(parameter.Lower <= parameter.Value && parameter.Value <= parameter.Upper))
        {
            throw new KineticsException(
                part, Invariant($"it is {parameter.Value}, which is not between its bounds {parameter.Lower} and {parameter.Upper}"), key);
        }
        var unit = parameter.Unit is null ? null : ReadUnit(parameter.Unit, part, key);
        var value = AsParameter(_graph, _units, number, unit);
        if (_binder.Define(parameter.Name, new Quantity(value, unit?.Dimension)) is { } problem)
            throw new KineticsException(part, problem, key);
        return new NetworkParameter(parameter.Name, unit, parameter.Value, parameter.Lower, parameter.Upper);
    }

    private void Define(DefinitionText definition)
    {
        string[] key = ["definitions", definition.Name];
        var part = $"definition '{definition.Name}'";
        try
        {
            var value = _binder.Bind(Parser.Expression(definition.Expression));
            if (_binder.Define(definition.Name, value) is { } problem) throw new KineticsException(part, problem, key);
        }
        catch (SyntaxException error)
        {
            throw new KineticsException(part, error.Message, key, definition.Expression, error.Column);
        }
    }

    /// <summary>A parameter, given in its own unit, in a system's.</summary>
    internal static Expression AsParameter(ExpressionGraph graph, UnitSystem units, int number, Unit? unit)
    {
        var value = graph.Parameter(number);
        if (unit is null) return value;
        if (unit.Offset != 0.0)
            return graph.Add(graph.Multiply(graph.Constant(unit.Factor), value), graph.Constant(unit.Offset));
        return graph.Multiply(graph.Constant(units.FactorOf(unit)), value);
    }

    internal static Unit ReadUnit(string text, string part, string[] key) =>
        Unit.TryParse(text, out var unit, out var problem) ? unit : throw new KineticsException(part, problem, key);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
