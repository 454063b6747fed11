namespace Athanor.Compute.Control;

public enum ControlStatus
{
    /// <summary>The optimisation ended as its settings want: one complete real-time iteration, or the iterations' tolerance
    /// reached.</summary>
    Converged,

    /// <summary>Stopped by the deadline or the iterations' number on the way; the move is feasible.</summary>
    Feasible,

    /// <summary>No new optimum: the move is the earlier plan's next one, or the held one.</summary>
    Fallback,
}

/// <summary>What a controller knows at a sample. Vectors are in the model's order and units.</summary>
public sealed record ControlInput
{
    /// <summary>On the twin's own clock, s.</summary>
    public required double TimeS { get; init; }

    /// <summary>Estimated states, length n.</summary>
    public required double[] Mean { get; init; }

    /// <summary>Their standard deviations; empty: none known. Stochastic controllers draw from them.</summary>
    public double[] Sd { get; init; } = [];

    /// <summary>The model's parameters; empty: nominal.</summary>
    public double[] Parameters { get; init; } = [];

    /// <summary>Their standard deviations; empty: certain.</summary>
    public double[] ParameterSd { get; init; } = [];

    /// <summary>Added to the states at each interval's end, state units an interval; empty: none. For <see cref="DisturbanceKind.Given"/>.
    /// </summary>
    public double[] Disturbance { get; init; } = [];

    /// <summary>Of the tracked states in the settings' order (PID: of the loops); empty: the settings' own; NaN entries:
    /// likewise.</summary>
    public double[] SetPoints { get; init; } = [];

    /// <summary>What the actuators did over the interval that ended, all inputs of the model, length m. Inputs that the controller does not
    /// move stay there over the horizon.</summary>
    public required double[] PreviousMove { get; init; }

    /// <summary>An operator's limits for this move, all inputs of the model; empty: the settings' alone. They narrow, never
    /// widen.</summary>
    public double[] OperatorMinimum { get; init; } = [];

    public double[] OperatorMaximum { get; init; } = [];
}

/// <summary>A move and what it was made of.</summary>
public sealed record ControlMove
{
    /// <summary>All inputs of the model, length m; within hard bounds and rates whatever <see cref="Status"/> says.</summary>
    public required double[] Move { get; init; }

    public required ControlStatus Status { get; init; }

    /// <summary>States at the intervals' ends, (horizon + 1) x n with the present first; empty for PID.</summary>
    public double[] PredictedStates { get; init; } = [];

    /// <summary>Inputs over the intervals, horizon x m.</summary>
    public double[] PredictedInputs { get; init; } = [];

    /// <summary>Steady state aimed at, n states, and its inputs, m; empty where none is computed.</summary>
    public double[] TargetStates { get; init; } = [];

    public double[] TargetInputs { get; init; } = [];

    /// <summary>Disturbance in use, n, state units an interval.</summary>
    public double[] Disturbance { get; init; } = [];

    /// <summary>Value of the objective along the prediction.</summary>
    public double Cost { get; init; }

    /// <summary>Largest scaled residual of the optimality conditions at the point that was linearised; 0 for PID.</summary>
    public double KktResidual { get; init; }

    /// <summary>Newton steps and interior-point iterations.</summary>
    public int Iterations { get; init; }

    public int QpIterations { get; init; }

    /// <summary>Soft bounds that the prediction breaks and hard ones that could not be met at once, by name; empty: none.</summary>
    public string[] Violated { get; init; } = [];

    /// <summary>Why there is a fallback, or which signal was wrong; empty: nothing to say.</summary>
    public string Message { get; init; } = "";
}
