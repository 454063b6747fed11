using System.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>Shape of an integration: the network as right-hand side, its states first among its inputs, controls after them.</summary>
internal sealed class FieldLayout(NetLayout net, int controls, FixedStepMethod method, StageMemory memory)
{
    public NetLayout Net { get; } = net;

    public int States => Net.Outputs;

    public int Controls { get; } = controls;

    public FixedStepMethod Method { get; } = method;

    public StageMemory Memory { get; } = memory;

    public Tableau Tableau { get; } = Tableau.Of(method);

    /// <summary>Elements a row that one stage's record takes: the network's inputs and hidden layers, and slopes where they are
    /// kept.</summary>
    public int StageFeatures => Net.StoredFeatures + (Net.KeepsSlopes ? Net.HiddenFeatures : 0);

    /// <summary>Stages that are recorded.</summary>
    public long StageRecords(int steps) => (Memory == StageMemory.Stored ? (long)steps : 1) * Tableau.Stages;

    /// <summary>Elements a row that a block of so many steps takes (<see cref="FieldBlock{T}"/>).</summary>
    public long RowElements(int steps) =>
        ((steps + 1L) * States) + (2L * steps * Controls) + (StageRecords(steps) * StageFeatures);

    /// <summary>Elements of scratch that the work on one block takes.</summary>
    public long ScratchElements(int steps) =>
        NetLayout.Block * (
            ((steps + 1L) * States) + (2L * Tableau.Stages * States) + (2 * States) + Net.Inputs + 2
            + Math.Max(3L * Net.Widest, JvpFeatures));

    /// <summary>Elements a row of scratch that the forward mode takes.</summary>
    private long JvpFeatures => (2L * Net.Inputs) + ((long)Tableau.Stages * States) + (6L * Net.Widest);
}

/// <summary>Where one block of 16 or 32 trajectories lies: what stays from the forward to the backward pass, and scratch.</summary>
internal readonly unsafe struct FieldBlock<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <param name="kept">[<see cref="FieldLayout.RowElements"/>, rows].</param>
    /// <param name="scratch">[<see cref="FieldLayout.ScratchElements"/>].</param>
    public FieldBlock(FieldLayout field, T* kept, T* scratch, int rows, int count, int steps, T* stepLengths)
    {
        (Rows, Count, Steps) = (rows, count, steps);
        StepLengths = stepLengths;
        nint states = field.States * (nint)rows;
        States = kept;
        Controls = States + ((steps + 1) * states);
        ControlGradient = Controls + ((nint)steps * field.Controls * rows);
        Stages = ControlGradient + ((nint)steps * field.Controls * rows);
        StateGradient = scratch;
        K = StateGradient + ((steps + 1) * states);
        StageGradient = K + (field.Tableau.Stages * states);
        Adjoint = StageGradient + (field.Tableau.Stages * states);
        NextAdjoint = Adjoint + states;
        InputGradient = NextAdjoint + states;
        Loss = InputGradient + ((nint)field.Net.Inputs * rows);
        NetScratch = Loss + (2 * rows);
    }

    /// <summary>16 or 32.</summary>
    public int Rows { get; }

    /// <summary>Rows that are not padding.</summary>
    public int Count { get; }

    public int Steps { get; }

    /// <summary>[steps].</summary>
    public T* StepLengths { get; }

    /// <summary>[steps + 1, states, rows].</summary>
    public T* States { get; }

    /// <summary>[steps, controls, rows].</summary>
    public T* Controls { get; }

    /// <summary>[steps, controls, rows].</summary>
    public T* ControlGradient { get; }

    /// <summary>Per stage [stored features, rows], then slopes [hidden features, rows].</summary>
    public T* Stages { get; }

    /// <summary>dL/dstates, [steps + 1, states, rows].</summary>
    public T* StateGradient { get; }

    /// <summary>[stages, states, rows].</summary>
    public T* K { get; }

    public T* StageGradient { get; }

    /// <summary>[states, rows]; after the backward pass dL/dy0.</summary>
    public T* Adjoint { get; }

    public T* NextAdjoint { get; }

    /// <summary>[inputs, rows].</summary>
    public T* InputGradient { get; }

    /// <summary>[rows].</summary>
    public T* Loss { get; }

    public T* NetScratch { get; }

    public T* Stage(FieldLayout field, int step, int stage)
    {
        var index = ((field.Memory == StageMemory.Stored ? (nint)step : 0) * field.Tableau.Stages) + stage;
        return Stages + (index * field.StageFeatures * Rows);
    }
}
