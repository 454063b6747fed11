using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>Gives names their meaning and makes expressions of syntax, in the units of a system.</summary>
internal sealed class Binder
{
    public const double GasConstant = 8.31446261815324; // J/(mol K), exact in the SI of 2019

    private readonly ExpressionGraph _graph;
    private readonly UnitSystem _units;
    private readonly Dictionary<string, Quantity> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Number, Quantity Argument, Quantity Value)> _tables = new(StringComparer.Ordinal);
    private readonly Functions _functions;

    /// <param name="physical">Whether T and R are temperature and gas constant.</param>
    public Binder(ExpressionGraph graph, UnitSystem units, bool physical = true)
    {
        _graph = graph;
        _units = units;
        Quantities = new Quantities(graph, units);
        var kelvin = new Dimension(0, 0, 0, 1, 0);
        Quantity temperature = new(graph.Temperature, kelvin);
        Quantity gas = new(graph.Constant(GasConstant), Dimension.EnergyPerAmount / kelvin);
        if (physical)
        {
            _names.Add("T", temperature);
            _names.Add("R", gas);
        }
        _functions = new Functions(Quantities, temperature, gas);
    }

    public Quantities Quantities { get; }

    /// <summary>Adds a name; what is wrong with it, or null.</summary>
    public string? Define(string name, Quantity value)
    {
        if (Problem(name) is { } problem) return problem;
        _names.Add(name, value);
        return null;
    }

    public string? DefineTable(string name, int number, Quantity argument, Quantity value)
    {
        if (Problem(name) is { } problem) return problem;
        _tables.Add(name, (number, argument, value));
        return null;
    }

    public Quantity Bind(Syntax syntax)
    {
        switch (syntax)
        {
            case NumberSyntax { Unit: null } number:
                return Quantities.Bare(number.Value);
            case NumberSyntax number:
                return WithUnit(number);
            case NameSyntax name:
                return Named(name);
            case NegateSyntax negate:
                return Quantities.Negate(Bind(negate.Operand));
            case BinarySyntax binary:
                Quantity left = Bind(binary.Left), right = Bind(binary.Right);
                return binary.Operator switch
                {
                    '+' => Quantities.Add(left, right, binary.Column),
                    '-' => Quantities.Subtract(left, right, binary.Column),
                    '*' => Quantities.Multiply(left, right),
                    '/' => Quantities.Divide(left, right, binary.Column),
                    _ => Quantities.Power(left, right, binary.Column),
                };
            case CallSyntax call:
                return Call(call);
            default:
                throw new InvalidOperationException($"no syntax {syntax}");
        }
    }

    private Quantity Call(CallSyntax call)
    {
        Functions.Check(call);
        if (call.Function == "table") return Table(call);
        var arguments = call.Arguments.Select(Bind).ToArray();
        var named = call.Named.ToDictionary(static argument => argument.Name, argument => Bind(argument.Value), StringComparer.Ordinal);
        return _functions.Call(call, arguments, name => named.TryGetValue(name, out var value) ? value : null);
    }

    private Quantity Table(CallSyntax call)
    {
        if (call.Arguments[0] is not NameSyntax name || !_tables.TryGetValue(name.Name, out var table))
        {
            var known = _tables.Count == 0 ? "there are none" : "there are " + string.Join(", ", _tables.Keys);
            throw new SyntaxException(call.Arguments[0].Column, $"the first argument is the name of a table; {known}");
        }
        return Quantities.Table(table.Number, Bind(call.Arguments[1]), table.Argument, table.Value, call.Arguments[1].Column);
    }

    private Quantity WithUnit(NumberSyntax number)
    {
        if (!Unit.TryParse(number.Unit!, out var unit, out var problem)) throw new SyntaxException(number.Column, problem);
        if (unit.Offset != 0.0) return new Quantity(_graph.Constant(unit.ToSi(number.Value)), unit.Dimension);
        return new Quantity(_graph.Constant(number.Value * _units.FactorOf(unit)), unit.Dimension);
    }

    private Quantity Named(NameSyntax name)
    {
        if (_names.TryGetValue(name.Name, out var value)) return value;
        if (_tables.ContainsKey(name.Name))
            throw new SyntaxException(name.Column, $"{name.Name} is a table; its value at x is table({name.Name}, x)");
        throw new SyntaxException(
            name.Column, $"there is no species, parameter or definition '{name.Name}'; there are {string.Join(", ", _names.Keys)}");
    }

    private string? Problem(string name)
    {
        if (_names.ContainsKey(name) && name is "T" or "R") return $"'{name}' is the {(name == "T" ? "temperature" : "gas constant")}; choose another name";
        if (!Lexer.IsName(name)) return $"'{name}' is no name: names are letters, digits, _ and ', and begin with a letter";
        if (name == "nothing" || Functions.Exists(name)) return $"'{name}' has a meaning of its own; choose another name";
        return _names.ContainsKey(name) || _tables.ContainsKey(name) ? $"there is another '{name}'; a name means one thing" : null;
    }
}
