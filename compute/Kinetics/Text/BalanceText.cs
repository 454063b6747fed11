using System.Collections.Immutable;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>What a network reacts in.</summary>
public enum BalanceKind
{
    /// <summary>Closed, of constant volume: dc/dt = Σ ν r.</summary>
    Batch,

    /// <summary>Stirred tank with feed: dc/dt = q/V (c_feed - c) + Σ ν r.</summary>
    Cstr,
}

/// <summary>A number with its unit.</summary>
public sealed record OperatingText(double Value, string Unit);

/// <summary>A whole balance around a network. Every number given becomes a parameter of the model, under the name in the text below.</summary>
/// <remarks>With a heat balance: dT/dt = q/V (T_feed - T) + Σ -ΔH r / rhoCp + UA (T_coolant - T) / (rhoCp V).</remarks>
public sealed record BalanceText
{
    public BalanceKind Kind { get; init; }

    /// <summary>Temperature (parameter <c>T</c>); with a heat balance, that of the start.</summary>
    public required OperatingText Temperature { get; init; }

    /// <summary>Density times heat capacity (<c>rhoCp</c>), such as J/(L K). Given, the temperature is a state; null is isothermal.</summary>
    public OperatingText? HeatCapacity { get; init; }

    /// <summary>Heat transfer coefficient times area (<c>UA</c>), such as W/K; null is adiabatic.</summary>
    public OperatingText? HeatTransfer { get; init; }

    /// <summary>Temperature of the coolant (<c>coolant</c>).</summary>
    public OperatingText? Coolant { get; init; }

    /// <summary>Volume (<c>volume</c>).</summary>
    public OperatingText? Volume { get; init; }

    /// <summary>Flow in and out (<c>flow</c>).</summary>
    public OperatingText? Flow { get; init; }

    /// <summary>Concentrations in the feed (<c>feed_X</c>), in the unit of each species; one not named is not in the feed.</summary>
    public ImmutableSortedDictionary<string, double> Feed { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Temperature of the feed (<c>feed_T</c>).</summary>
    public OperatingText? FeedTemperature { get; init; }

    /// <summary>End of the time asked for, in the network's unit.</summary>
    public double End { get; init; } = 10.0;
}
