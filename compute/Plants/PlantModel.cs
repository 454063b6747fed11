using Athanor.Compute.Problems;

namespace Athanor.Compute.Plants;

/// <summary>A state, an input or a parameter of a plant.</summary>
/// <param name="Unit">Of all its values; empty for none.</param>
/// <param name="Nominal">Where a state starts, an input rests, a parameter stands, unless told otherwise.</param>
/// <param name="Minimum">Least value that makes sense; negative infinity for none.</param>
/// <param name="Maximum">Largest value that makes sense; infinity for none.</param>
public sealed record PlantQuantity(
    string Name, string Unit, double Nominal, double Minimum = double.NegativeInfinity, double Maximum = double.PositiveInfinity);

/// <summary>A plant whose kind is known at run time only: what entities and commands hold.</summary>
public abstract class PlantModel
{
    /// <summary>Equal keys: the same model, which may share lanes.</summary>
    public required string Key { get; init; }

    public required IReadOnlyList<PlantQuantity> States { get; init; }

    public required IReadOnlyList<PlantQuantity> Inputs { get; init; }

    public required IReadOnlyList<PlantQuantity> Parameters { get; init; }

    /// <summary>Seconds in a unit of the model's own time. Every time at this interface is in seconds.</summary>
    public required double TimeUnitS { get; init; }

    public double[] NominalStates => [.. States.Select(static q => q.Nominal)];

    public double[] NominalInputs => [.. Inputs.Select(static q => q.Nominal)];

    public double[] NominalParameters => [.. Parameters.Select(static q => q.Nominal)];

    /// <summary>Calls the visitor with the map's own type.</summary>
    public abstract TResult Accept<TVisitor, TResult>(TVisitor visitor)
        where TVisitor : IPlantVisitor<TResult>;

    /// <inheritdoc cref="IPlantMap.Advance"/>
    public abstract void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next);

    /// <inheritdoc cref="IPlantMap.Linearise"/>
    public abstract void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e);

    /// <summary>The position of a state.</summary>
    /// <exception cref="PlantException">There is none of this name; the message lists them.</exception>
    public int StateIndex(string name) => Index("state", States, name);

    /// <inheritdoc cref="StateIndex"/>
    public int InputIndex(string name) => Index("input", Inputs, name);

    /// <inheritdoc cref="StateIndex"/>
    public int ParameterIndex(string name) => Index("parameter", Parameters, name);

    /// <summary>A plant over any problem that does not depend on time: a benchmark, a kinetics file, a flowsheet.</summary>
    /// <param name="inputs">Names of the problem's parameters that are set from outside.</param>
    /// <param name="parameters">Names of the problem's parameters that may be estimated or adapted.</param>
    /// <param name="substepS">Longest substep, s; zero or less: 0.3 over the largest eigenvalue at the nominal point, with the implicit
    /// method a thousandth of the problem's span.</param>
    /// <param name="constants">Other values of parameters than the problem's own.</param>
    /// <param name="key">Part of the key; for problems whose name does not tell them apart.</param>
    /// <exception cref="PlantException">A name is unknown or given twice, or the problem depends on time.</exception>
    public static PlantModel Of(
        OdeProblem problem, IReadOnlyList<string> inputs, IReadOnlyList<string> parameters, double substepS = 0.0,
        IReadOnlyDictionary<string, double>? constants = null, string? key = null, PlantMethod method = PlantMethod.Rk4) =>
        new OdePlantMaker(problem, inputs, parameters, substepS, constants, key, method).Make();

    /// <summary>A plant with this map; the quantities must be as many as the map's.</summary>
    public static PlantModel Of<TMap>(
        in TMap map, string key, IReadOnlyList<PlantQuantity> states, IReadOnlyList<PlantQuantity> inputs,
        IReadOnlyList<PlantQuantity> parameters, double timeUnitS = 1.0)
        where TMap : struct, IPlantMap
    {
        if (states.Count != map.States || inputs.Count != map.Inputs || parameters.Count != map.Parameters)
        {
            throw new PlantException(
                $"{key}: {states.Count} states, {inputs.Count} inputs and {parameters.Count} parameters are named where the map has " +
                $"{map.States}, {map.Inputs} and {map.Parameters}");
        }
        return new PlantModel<TMap>(map) { Key = key, States = states, Inputs = inputs, Parameters = parameters, TimeUnitS = timeUnitS };
    }

    private int Index(string kind, IReadOnlyList<PlantQuantity> quantities, string name)
    {
        for (var i = 0; i < quantities.Count; i++)
        {
            if (string.Equals(quantities[i].Name, name, StringComparison.OrdinalIgnoreCase)) return i;
        }
        var has = quantities.Count == 0 ? "none" : string.Join(", ", quantities.Select(static q => q.Name));
        throw new PlantException($"the model has no {kind} '{name}'; its {kind}s are: {has}");
    }
}

/// <summary>A plant with its map.</summary>
public sealed class PlantModel<TMap>(TMap map) : PlantModel
    where TMap : struct, IPlantMap
{
    private readonly TMap _map = map;

    public TMap Map => _map;

    public override TResult Accept<TVisitor, TResult>(TVisitor visitor) => visitor.Visit(_map, this);

    public override void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next) =>
        _map.Advance(x, u, p, dtS, next);

    public override void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a,
        Span<double> b,
        Span<double> e) => _map.Linearise(x, u, p, dtS, next, a, b, e);
}

/// <summary>A plant cannot be made as asked. The message says what would be right.</summary>
public sealed class PlantException(string message) : ArgumentException(message);
