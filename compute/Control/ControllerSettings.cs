using System.Collections.Immutable;

namespace Athanor.Compute.Control;

public enum ControllerKind
{
    /// <summary>Tracks set-points by nonlinear model predictive control.</summary>
    Nmpc,

    /// <summary>Maximises or minimises <see cref="ControllerSettings.Objective"/> over the horizon.</summary>
    Economic,

    /// <summary>As nmpc, with the soft bounds tightened so that each holds with its own probability over the parameters'
    /// uncertainty.</summary>
    Stochastic,

    /// <summary>Independent PID loops, one a manipulated input.</summary>
    Pid,
}

public enum DisturbanceKind
{
    /// <summary>The model is taken as it is: an error in it leaves an offset.</summary>
    None,

    /// <summary>The controller integrates what the model did not predict of each state from one interval to the next: no offset.</summary>
    Observer,

    /// <summary>The caller gives <see cref="ControlInput.Disturbance"/> (an estimator's states); absent counts as 0.</summary>
    Given,
}

/// <summary>A state that has a set-point.</summary>
/// <param name="State">Name as in the model.</param>
/// <param name="SetPoint">In the state's unit, where the input names none; absent: the model's nominal value.</param>
/// <param name="Scale">Deviation that counts as 1, in the state's unit; &gt; 0.</param>
/// <param name="Weight">Of the squared scaled deviation, at each interval's end but the last.</param>
/// <param name="TerminalWeight">At the horizon's end.</param>
public sealed record TrackedState(string State, double Scale, double Weight = 1.0, double TerminalWeight = 10.0, double? SetPoint = null);

/// <summary>An input that the controller moves.</summary>
/// <param name="Input">Name as in the model.</param>
/// <param name="Minimum">Hard, in the input's unit.</param>
/// <param name="Maximum">Hard.</param>
/// <param name="RatePerS">Largest change, unit per second, hard; absent: any.</param>
/// <param name="Reference">What <paramref name="Weight"/> pulls to where no steady state is computed; absent: the model's nominal
/// value.</param>
/// <param name="Scale">Change that counts as 1, in the input's unit; &gt; 0.</param>
/// <param name="Weight">Of the squared scaled distance from the reference (or from the steady state's input).</param>
/// <param name="MoveWeight">Of the squared scaled change from one interval to the next.</param>
public sealed record ManipulatedInput(
    string Input, double Minimum, double Maximum, double Scale, double? RatePerS = null, double Weight = 0.1, double MoveWeight = 0.0,
    double? Reference = null);

/// <summary>A bound on a state that may be broken at a price: penalty s·l + s²·q with s the violation over <paramref name="Scale"/>.
/// With <paramref name="LinearPenalty"/> above the bound's multiplier the bound holds exactly wherever that is possible.</summary>
/// <param name="Probability">Stochastic controllers: the wanted probability that the bound holds at one instant, in (0.5, 1).</param>
public sealed record StateBound(
    string State, double Scale, double? Minimum = null, double? Maximum = null, double LinearPenalty = 100.0, double QuadraticPenalty = 100.0,
    double? Probability = null);

/// <summary>One term of an economic objective: Coefficient times a product of one or two states or inputs of the model.</summary>
/// <param name="Factors">One or two names of states or inputs.</param>
/// <param name="Coefficient">Positive is gained, negative is paid; per unit of the product and per second for running terms.</param>
/// <param name="Terminal">Only the horizon's (or the batch's) end counts.</param>
public sealed record EconomicTerm(ImmutableArray<string> Factors, double Coefficient, bool Terminal = false);

/// <summary>Scenarios that the bounds of a stochastic controller are tightened by.</summary>
/// <param name="Count">Drawn for each tightening; at least 20.</param>
/// <param name="Seed">Of the draws: the same in every call, so that moves do not jump with the draw.</param>
public sealed record ScenarioSettings(int Count = 200, long Seed = 1);

/// <summary>One PID loop: u = reference + Gain (SetPointWeight r - y + integral / IntegralS + DerivativeS d(-y)/dt), signs as given by
/// Gain.</summary>
/// <param name="State">The measured state.</param>
/// <param name="Input">The input moved.</param>
/// <param name="Gain">Input unit per state unit; negative where the input lowers the state.</param>
/// <param name="IntegralS">Integral time, s; absent: none.</param>
/// <param name="DerivativeS">Derivative time, s.</param>
/// <param name="FilterS">Time constant of the derivative's first-order filter, s; 0 takes a tenth of the derivative time.</param>
/// <param name="TrackingS">Time constant of the back-calculation that keeps the integral from winding up, s; 0 takes √(Ti Td), or
/// Ti.</param>
/// <param name="SetPointWeight">Of the set-point in the proportional part, 0 to 1.</param>
public sealed record PidLoop(
    string State, string Input, double Gain, double? IntegralS = null, double DerivativeS = 0.0, double FilterS = 0.0,
    double TrackingS = 0.0, double SetPointWeight = 1.0);

/// <summary>Everything a controller is made of but the model. Equal settings give equal canonical text (<see
/// cref="ControllerJson"/>).</summary>
public sealed record ControllerSettings
{
    public required ControllerKind Kind { get; init; }

    /// <summary>From one move to the next, s.</summary>
    public required double IntervalS { get; init; }

    /// <summary>Intervals looked ahead, 1 to 400.</summary>
    public int Horizon { get; init; } = 20;

    public required ImmutableArray<ManipulatedInput> Inputs { get; init; }

    public ImmutableArray<TrackedState> Tracked { get; init; } = [];

    public ImmutableArray<StateBound> Bounds { get; init; } = [];

    public DisturbanceKind Disturbance { get; init; } = DisturbanceKind.Observer;

    /// <summary>Share of an unpredicted change that the observer takes as lasting, in (0, 1].</summary>
    public double ObserverGain { get; init; } = 0.2;

    /// <summary>Whether states and inputs are drawn to the steady state that meets the set-points under the present model and
    /// disturbance (needed for no offset), not to set-points and references as they stand.</summary>
    public bool SteadyTarget { get; init; } = true;

    /// <summary>Newton steps a move may take; 1 is the real-time iteration.</summary>
    public int SqpIterations { get; init; } = 1;

    /// <summary>Largest scaled change of a step that counts as converged.</summary>
    public double Tolerance { get; init; } = 1e-8;

    /// <summary>Time a move may take, ms: for who runs the controller; absent: none.</summary>
    public double? DeadlineMs { get; init; }

    public ImmutableArray<EconomicTerm> Objective { get; init; } = [];

    /// <summary>End of a batch, s on the twin's own clock: the horizon shrinks to it, and terminal terms count there.</summary>
    public double? EndS { get; init; }

    public ScenarioSettings? Scenarios { get; init; }

    public ImmutableArray<PidLoop> Loops { get; init; } = [];
}
