using System.Collections.Immutable;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>A network as a person writes it; <see cref="KineticNetwork.Of"/> checks it.</summary>
public sealed record KineticsText
{
    /// <summary>Kebab-case.</summary>
    public required string Name { get; init; }

    /// <summary>The unit of concentrations: of amounts (mol/L) or masses (g/L). Bare numbers in rates are in this system.</summary>
    public string Concentration { get; init; } = "mol/m^3";

    public string Time { get; init; } = "s";

    public ImmutableArray<SpeciesText> Species { get; init; } = [];

    public ImmutableArray<ParameterText> Parameters { get; init; } = [];

    public ImmutableArray<DefinitionText> Definitions { get; init; } = [];

    public ImmutableArray<TableText> Tables { get; init; } = [];

    public ImmutableArray<ReactionText> Reactions { get; init; } = [];
}

/// <param name="Formula">Such as <c>C6H12O6</c> or <c>SO4^2-</c>; reactions all of whose species have one must balance.</param>
/// <param name="Unit">Null for the network's.</param>
/// <param name="Initial">Concentration at the start in this unit.</param>
/// <param name="AbsoluteTolerance">In this unit.</param>
public sealed record SpeciesText(
    string Name, string? Formula = null, string? Unit = null, double Initial = 0.0, double AbsoluteTolerance = 1e-9);

/// <param name="Unit">Null for a bare number in the network's system, whose dimension is not checked.</param>
public sealed record ParameterText(
    string Name, double Value, string? Unit = null, double Lower = double.NegativeInfinity, double Upper = double.PositiveInfinity);

/// <summary>A name for an expression, for the definitions after it and all reactions.</summary>
public sealed record DefinitionText(string Name, string Expression);

/// <param name="Units">Of the argument and the value; null for bare numbers in the network's system.</param>
public sealed record TableText(
    string Name, ImmutableArray<double> Arguments, ImmutableArray<double> Values, string? ArgumentUnit = null, string? ValueUnit = null,
    TableInterpolation Interpolation = TableInterpolation.MonotoneCubic);

/// <param name="Text">Such as <c>A + 2 B -> C ; k = 7.2e10 exp(-8750/T)</c>.</param>
public sealed record ReactionText(string Name, string Text);
