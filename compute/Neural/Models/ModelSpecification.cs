using System.Collections.Immutable;

namespace Athanor.Compute.Neural.Models;

/// <summary>Where a state's value at the start of a window or of a prediction comes from.</summary>
public enum StateStart
{
    /// <summary>The measured value.</summary>
    Measured,

    /// <summary>A given number.</summary>
    Given,

    /// <summary>In training a parameter of each window; in a prediction fitted to the first measured rows.</summary>
    Learned,
}

/// <summary>One state of a model. Its net sees (x - Offset) / Scale.</summary>
/// <param name="Positive">Never below 0: a concentration, a level.</param>
/// <param name="Observed">There is a column of this name in the data.</param>
/// <param name="StartValue">For <see cref="StateStart.Given"/>.</param>
/// <param name="Offset">Mean over the training records.</param>
/// <param name="Scale">Standard deviation over the training records.</param>
public sealed record StateSpecification(
    string Name, bool Positive, bool Observed, StateStart Start, double StartValue, double Offset, double Scale);

/// <summary>One control; it holds its value from a row of the data to the next. The net sees (u - Offset) / Scale.</summary>
public sealed record ControlSpecification(string Name, double Offset, double Scale);

/// <summary>A number, or the control that carries it.</summary>
/// <param name="Control">Name of a control; null for <paramref name="Value"/>.</param>
public readonly record struct Quantity(double Value, string? Control = null);

/// <summary>A reaction of known stoichiometry and unknown rate.</summary>
/// <param name="Consumes">Species (names of states) and their coefficients, positive.</param>
/// <param name="Produces">Likewise.</param>
public sealed record ReactionSpecification(
    ImmutableSortedDictionary<string, double> Consumes, ImmutableSortedDictionary<string, double> Produces);

/// <summary>
/// What is known of a stirred tank: stoichiometry, flows, volumes, heat capacities. Rates, heats of reaction and the heat transfer are
/// learned.
/// </summary>
/// <param name="Dilution">Flow over volume, 1/time; 0 is a batch.</param>
/// <param name="Feed">Concentration of a species in the feed; 0 where absent.</param>
/// <param name="Temperature">The state that is the tank's temperature; null for an isothermal tank.</param>
/// <param name="Coolant">Temperature of the jacket, or, if <paramref name="Jacket"/> is set, unused.</param>
/// <param name="Jacket">The state that is the jacket's temperature, if it has a balance of its own.</param>
/// <param name="JacketHeat">Heat put into the jacket over its heat capacity, temperature/time.</param>
/// <param name="CapacityRatio">The tank's heat capacity over the jacket's.</param>
public sealed record ReactorSpecification(
    Quantity Dilution, ImmutableSortedDictionary<string, Quantity> Feed, ImmutableArray<ReactionSpecification> Reactions,
    string? Temperature, Quantity FeedTemperature, Quantity? Coolant, string? Jacket, Quantity JacketHeat, double CapacityRatio)
{
    /// <summary>By reaction, the rise in temperature per concentration converted, where a model that does not learn heats is held to the
    /// energy balance; empty if it is not.</summary>
    public ImmutableArray<double> Rises { get; init; } = [];

    /// <summary>Of the wall, UA / (V ρ cp), 1/time; with <see cref="Rises"/>.</summary>
    public double Exchange { get; init; }
}

/// <summary>
/// A model, complete but for its weights: with the weights it is all that a reader needs. Kinds:
/// <list type="bullet">
/// <item><c>neural-ode</c>: the net is the whole right-hand side, of states and controls;</item>
/// <item><c>augmented</c>: with states that nobody measures, 0 at the start;</item>
/// <item><c>stoichiometric</c>: dc = Sᵀ r, the net gives the rates r;</item>
/// <item><c>hybrid</c>: known balances with learned rates (<c>known</c> = <c>reactor</c>) or a learned residual
/// (<c>cascaded-tanks</c>, <c>lags</c>).</item>
/// </list>
/// </summary>
/// <param name="TimeScale">A time in which the states change noticeably; the net's outputs of size 1 move a state by its scale in
/// it.</param>
/// <param name="Lags">Of <c>lags</c>: the time constant of each state to begin with.</param>
public sealed record ModelSpecification(
    string Kind, ImmutableArray<StateSpecification> States, ImmutableArray<ControlSpecification> Controls, ImmutableArray<int> Hidden,
    Activation Activation, double TimeScale, string? Known, ReactorSpecification? Reactor, ImmutableArray<double> Lags)
{
    public int StateIndex(string name)
    {
        for (var i = 0; i < States.Length; i++)
        {
            if (States[i].Name == name) return i;
        }
        throw new Training.TrainingException($"the model has no state '{name}'; it has {string.Join(", ", States.Select(s => s.Name))}");
    }

    public int ControlIndex(string name)
    {
        for (var i = 0; i < Controls.Length; i++)
        {
            if (Controls[i].Name == name) return i;
        }
        throw new Training.TrainingException(
            $"the model has no control '{name}'; it has "
            + (Controls.Length == 0 ? "none" : string.Join(", ", Controls.Select(c => c.Name))));
    }
}
