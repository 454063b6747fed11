using System.Collections.Immutable;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Plants.Simulation;

/// <summary>What a simulated plant is: the true equations, how they differ from what a twin believes, its instruments, and what goes wrong
/// when. The same scenario gives the same samples to the bit.</summary>
public sealed record PlantScenario
{
    public required OdeProblem Problem { get; init; }

    /// <summary>Seconds per unit of the problem's own time.</summary>
    public required double TimeUnitS { get; init; }

    /// <summary>Shape (states); the plant's true start.</summary>
    public required double[] Initial { get; init; }

    /// <summary>True values of parameters where they are not the problem's own, by name.</summary>
    public ImmutableSortedDictionary<string, double> Parameters { get; init; } =
        ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);

    /// <summary>Standard deviation that each state gathers in a second of random walk (grows with the square root of time), shape (states);
    /// empty for none.</summary>
    public double[] ProcessNoise { get; init; } = [];

    /// <summary>What the controller moves, in its order.</summary>
    public required ImmutableArray<PlantActuator> Actuators { get; init; }

    public required ImmutableArray<PlantSensor> Sensors { get; init; }

    public ImmutableArray<PlantFault> Faults { get; init; } = [];

    /// <summary>All chance: process and sensor noise, missing and late samples, wild values.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>An actuator: a parameter of the problem that moves between two stops.</summary>
/// <param name="Name">The parameter's name.</param>
/// <param name="Low">Its lower stop; a command below it does no more than the stop.</param>
/// <param name="High">Its upper stop.</param>
/// <param name="Initial">Where it stands at the start.</param>
public sealed record PlantActuator(string Name, double Low, double High, double Initial);

/// <summary>An instrument: a linear combination of states, measured now and then.</summary>
/// <param name="Signal">What its samples are called.</param>
/// <param name="Weights">Shape (states).</param>
/// <param name="NoiseSd">Of its white noise, in its own unit.</param>
/// <param name="PeriodS">Time between samples.</param>
/// <param name="DelayS">From the sample's source time to its arrival, as of a laboratory.</param>
/// <param name="Missing">Share of samples that never come.</param>
/// <param name="Late">Share of samples that come later than the others and out of order.</param>
/// <param name="LateByS">How much later at most; uniform above zero.</param>
public sealed record PlantSensor(
    string Signal, double[] Weights, double NoiseSd, double PeriodS, double DelayS = 0.0, double Missing = 0.0, double Late = 0.0,
    double LateByS = 0.0);

public enum PlantFaultKind
{
    /// <summary>The sensor reads <see cref="PlantFault.Size"/> too much.</summary>
    SensorBias,

    /// <summary>The sensor's error grows by <see cref="PlantFault.Size"/> a second.</summary>
    SensorDrift,

    /// <summary>The sensor repeats its last value.</summary>
    SensorFrozen,

    /// <summary>One sample in four is off by a normal error of standard deviation <see cref="PlantFault.Size"/>.</summary>
    SensorWild,

    /// <summary>No samples come.</summary>
    SensorDead,

    /// <summary>The actuator stays where it is.</summary>
    ActuatorStuck,

    /// <summary>The actuator stands <see cref="PlantFault.Size"/> beside its command.</summary>
    ActuatorBias,

    /// <summary>A parameter has another value: <see cref="PlantFault.Size"/> is added to it.</summary>
    ParameterStep,

    /// <summary>A parameter changes by <see cref="PlantFault.Size"/> a second, and stays where it was when the fault ends.</summary>
    ParameterDrift,
}

/// <summary>Something that goes wrong, or a feed that changes.</summary>
/// <param name="Target">A sensor's signal, an actuator or a parameter, as the kind asks.</param>
/// <param name="FromS">First moment at which it acts.</param>
/// <param name="UntilS">First moment at which it no longer does; infinity if it stays.</param>
/// <param name="Size">In the target's unit (a second, for drifts); unused where the kind needs none.</param>
public sealed record PlantFault(PlantFaultKind Kind, string Target, double FromS, double UntilS, double Size = 0.0)
{
    public bool ActsAt(double timeS) => timeS >= FromS && timeS < UntilS;

    public bool IsOfSensor => Kind <= PlantFaultKind.SensorDead;

    public bool IsOfActuator => Kind is PlantFaultKind.ActuatorStuck or PlantFaultKind.ActuatorBias;
}

/// <summary>A sample that has come.</summary>
/// <param name="SourceS">When it was taken.</param>
/// <param name="ArrivalS">When it came; never before.</param>
/// <param name="Number">Of its signal, from 1, missing ones counted.</param>
public readonly record struct PlantSample(string Signal, double SourceS, double ArrivalS, long Number, double Value);
