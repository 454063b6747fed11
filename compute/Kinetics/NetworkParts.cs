using System.Collections.Immutable;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics;

/// <summary>A species of a checked network.</summary>
/// <param name="Atoms">By element, and the charge; null without a formula.</param>
/// <param name="Initial">Concentration at the start in <paramref name="Unit"/>.</param>
/// <param name="AbsoluteTolerance">In <paramref name="Unit"/>.</param>
public sealed record NetworkSpecies(
    string Name, Unit Unit, ImmutableSortedDictionary<string, double>? Atoms, double Initial, double AbsoluteTolerance);

/// <summary>A parameter of a checked network; its value is in <paramref name="Unit"/>.</summary>
/// <param name="Unit">Null for a bare number in the network's system.</param>
public sealed record NetworkParameter(string Name, Unit? Unit, double Value, double Lower, double Upper);

/// <summary>A reaction of a checked network.</summary>
public sealed class NetworkReaction
{
    internal NetworkReaction(string name, string text, ImmutableArray<(int Species, Expression Coefficient)> terms, Expression rate, Expression? heat)
    {
        Name = name;
        Text = text;
        Terms = terms;
        Rate = rate;
        Heat = heat;
    }

    public string Name { get; }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Whether its enthalpy is given.</summary>
    public bool HasHeat => Heat is not null;

    /// <summary>Net coefficients, products positive, in the network's system.</summary>
    internal ImmutableArray<(int Species, Expression Coefficient)> Terms { get; }

    /// <summary>In the network's system; states are concentrations in it too.</summary>
    internal Expression Rate { get; }

    /// <summary>Enthalpy of reaction, J/mol.</summary>
    internal Expression? Heat { get; }
}
