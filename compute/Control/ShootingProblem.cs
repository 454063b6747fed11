using Athanor.Compute.Control.Qp;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// What a nonlinear predictive controller solves at a sample, in numbers: fixed by the settings (weights, scales, structure) and set anew
/// for each move (origin, bounds, disturbance, parameters). Scaled variables are z = (x - origin) / scale and v = (u - origin) / scale;
/// where moves are priced or limited, the previous v is a state too.
/// </summary>
internal sealed class ShootingProblem
{
    public ShootingProblem(PlantModel model, ControllerSettings settings, MoveLimits limits)
    {
        Settings = settings;
        Stages = settings.Horizon;
        States = model.States.Count;
        AllInputs = model.Inputs.Count;
        Moved = limits.Index;
        Inputs = Moved.Length;
        Rates = limits.Rates;
        HasMoves = settings.Inputs.Any(static i => i.RatePerS is not null || i.MoveWeight > 0.0);
        StateWeight = new double[States];
        TerminalWeight = new double[States];
        StateScale = new double[States];
        for (var i = 0; i < States; i++) StateScale[i] = Scale(model.States[i]);
        foreach (var bound in settings.Bounds) StateScale[model.StateIndex(bound.State)] = bound.Scale;
        foreach (var tracked in settings.Tracked)
        {
            var i = model.StateIndex(tracked.State);
            (StateScale[i], StateWeight[i], TerminalWeight[i]) = (tracked.Scale, tracked.Weight, tracked.TerminalWeight);
        }
        InputScale = [.. settings.Inputs.Select(static i => i.Scale)];
        InputWeight = [.. settings.Inputs.Select(static i => i.Weight)];
        MoveWeight = [.. settings.Inputs.Select(static i => i.MoveWeight)];
        Bounded = [.. settings.Bounds.Select(b => model.StateIndex(b.State))];
        Linear = new double[Bounded.Length];
        Quadratic = new double[Bounded.Length];
        for (var j = 0; j < Bounded.Length; j++)
        {
            // s = scaled violation times this.
            var ratio = StateScale[Bounded[j]] / settings.Bounds[j].Scale;
            Linear[j] = settings.Bounds[j].LinearPenalty * ratio;
            Quadratic[j] = 2.0 * settings.Bounds[j].QuadraticPenalty * ratio * ratio;
        }
        StateOrigin = model.NominalStates;
        InputOrigin = [.. Moved.Select(i => model.Inputs[i].Nominal)];
        Disturbance = new double[States];
        Parameters = model.NominalParameters;
        Held = model.NominalInputs;
        Start = model.NominalStates;
        IntervalS = new double[Stages];
        Array.Fill(IntervalS, settings.IntervalS);
        Low = [.. settings.Inputs.Select(static i => i.Minimum)];
        High = [.. settings.Inputs.Select(static i => i.Maximum)];
        BoundLow = new double[Stages * Bounded.Length];
        BoundHigh = new double[Stages * Bounded.Length];
        for (var k = 0; k < Stages; k++)
        {
            for (var j = 0; j < Bounded.Length; j++)
            {
                BoundLow[(k * Bounded.Length) + j] = settings.Bounds[j].Minimum ?? double.NegativeInfinity;
                BoundHigh[(k * Bounded.Length) + j] = settings.Bounds[j].Maximum ?? double.PositiveInfinity;
            }
        }
    }

    public ControllerSettings Settings { get; }

    public int Stages { get; }

    public int States { get; }

    /// <summary>Inputs moved.</summary>
    public int Inputs { get; }

    public int AllInputs { get; }

    public int[] Moved { get; }

    /// <summary>Whether the previous move is a state.</summary>
    public bool HasMoves { get; }

    public int QpStates => HasMoves ? States + Inputs : States;

    public int[] Bounded { get; }

    public double[] StateScale { get; }

    public double[] InputScale { get; }

    public double[] StateWeight { get; }

    public double[] TerminalWeight { get; }

    public double[] InputWeight { get; }

    public double[] MoveWeight { get; }

    public double[] Rates { get; }

    /// <summary>Of a violation in scaled states: l and q of l ε + ½ q ε².</summary>
    public double[] Linear { get; }

    public double[] Quadratic { get; }

    // Set for each move.
    public double[] StateOrigin { get; }

    public double[] InputOrigin { get; }

    /// <summary>x at the horizon's start.</summary>
    public double[] Start { get; set; }

    /// <summary>All inputs of the model as they are now: the previous move, and what those that are not moved stay at.</summary>
    public double[] Held { get; set; }

    public double[] Parameters { get; set; }

    public double[] Disturbance { get; }

    public double[] IntervalS { get; }

    public double[] Low { get; }

    public double[] High { get; }

    /// <summary>By stage k (state k + 1) and bound.</summary>
    public double[] BoundLow { get; }

    public double[] BoundHigh { get; }

    /// <summary>The lower bound of a stage. From an actuator outside its bounds it comes in no faster than nine tenths of the rate allow,
    /// so that bounds and rates leave a way.</summary>
    public double LowAt(int stage, int input) => Math.Min(Low[input], Held[Moved[input]] + (0.9 * (stage + 1) * Rates[input]));

    /// <inheritdoc cref="LowAt"/>
    public double HighAt(int stage, int input) => Math.Max(High[input], Held[Moved[input]] - (0.9 * (stage + 1) * Rates[input]));

    public StageQp NewQp()
    {
        List<HardQuantity> hard = [.. Enumerable.Range(0, Inputs).Select(static i => new HardQuantity(i))];
        if (HasMoves)
            hard.AddRange(Enumerable.Range(0, Inputs).Where(i => double.IsFinite(Rates[i])).Select(i => new HardQuantity(i, States + i)));
        var qp = new StageQp(Stages, QpStates, Inputs, [.. hard], Bounded);
        for (var k = 0; k < Stages && HasMoves; k++)
        {
            for (var i = 0; i < Inputs; i++) qp.Dynamics(k, States + i)[i] = 1.0;
        }
        return qp;
    }

    /// <summary>The constant part of the cost's curvature.</summary>
    public void WriteCost(StageQp qp)
    {
        for (var k = 0; k <= Stages; k++)
        {
            qp.Gradient(k).Clear();
            for (var r = 0; r < qp.Width; r++) qp.Cost(k, r).Clear();
            if (k < Stages)
            {
                for (var i = 0; i < Inputs; i++)
                {
                    // Never quite flat: an input that nothing depends on stays where it is wanted.
                    qp.Cost(k, i)[i] = (2.0 * (InputWeight[i] + MoveWeight[i])) + 1e-9;
                    if (!(MoveWeight[i] > 0.0)) continue;
                    var previous = Inputs + States + i;
                    qp.Cost(k, i)[previous] = qp.Cost(k, previous)[i] = -2.0 * MoveWeight[i];
                    qp.Cost(k, previous)[previous] = 2.0 * MoveWeight[i];
                }
            }
            for (var i = 0; i < States && k > 0; i++)
                qp.Cost(k, Inputs + i)[Inputs + i] = 2.0 * (k == Stages ? TerminalWeight[i] : StateWeight[i]);
        }
    }

    public void WriteBounds(StageQp qp)
    {
        for (var k = 0; k < Stages; k++)
        {
            var entry = k * qp.HardCount;
            for (var i = 0; i < Inputs; i++)
                qp.Hard.Set(entry++, (LowAt(k, i) - InputOrigin[i]) / InputScale[i], (HighAt(k, i) - InputOrigin[i]) / InputScale[i]);
            for (var i = 0; i < Inputs && HasMoves; i++)
            {
                if (double.IsFinite(Rates[i])) qp.Hard.Set(entry++, -Rates[i] / InputScale[i], Rates[i] / InputScale[i]);
            }
            for (var j = 0; j < Bounded.Length; j++)
            {
                int at = (k * Bounded.Length) + j, state = Bounded[j];
                qp.Soft.Set(
                    at, (BoundLow[at] - StateOrigin[state]) / StateScale[state], (BoundHigh[at] - StateOrigin[state]) / StateScale[state],
                    Linear[j], Quadratic[j]);
            }
        }
    }

    /// <summary>The tracking cost with penalties of a trajectory (x, (stages + 1, n); u, (stages, inputs)).</summary>
    public double TrackingCost(ReadOnlySpan<double> x, ReadOnlySpan<double> u)
    {
        var sum = 0.0;
        for (var k = 0; k < Stages; k++)
        {
            for (var i = 0; i < Inputs; i++)
            {
                var v = (u[(k * Inputs) + i] - InputOrigin[i]) / InputScale[i];
                sum += InputWeight[i] * v * v;
                var before = k == 0 ? Held[Moved[i]] : u[((k - 1) * Inputs) + i];
                var step = (u[(k * Inputs) + i] - before) / InputScale[i];
                sum += MoveWeight[i] * step * step;
            }
            var next = x.Slice((k + 1) * States, States);
            for (var i = 0; i < States; i++)
            {
                var z = (next[i] - StateOrigin[i]) / StateScale[i];
                sum += (k == Stages - 1 ? TerminalWeight[i] : StateWeight[i]) * z * z;
            }
            for (var j = 0; j < Bounded.Length; j++)
            {
                var state = next[Bounded[j]];
                var over = Math.Max(0.0, Math.Max(BoundLow[(k * Bounded.Length) + j] - state, state - BoundHigh[(k * Bounded.Length) + j]));
                over /= StateScale[Bounded[j]];
                sum += (Linear[j] * over) + (0.5 * Quadratic[j] * over * over);
            }
        }
        return sum;
    }

    /// <summary>Where nothing says what counts as 1: a tenth of the range, or of the nominal value.</summary>
    private static double Scale(PlantQuantity state)
    {
        var range = state.Maximum - state.Minimum;
        if (double.IsFinite(range) && range > 0.0) return 0.1 * range;
        return state.Nominal != 0.0 ? 0.1 * Math.Abs(state.Nominal) : 1.0;
    }
}
