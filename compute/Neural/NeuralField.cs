using System.Numerics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// dy/dt = f(y, u; p) with a network f as the whole right-hand side, integrated in fixed steps, and the exact gradient of what the
/// integration computes (discretise, then optimise). Controls u are constant over a step and enter as further inputs after the states.
/// The same bits for any thread count, vector width and place in a batch: trajectories are taken in shares of sixteen; gradients of
/// parameters are summed within a share (see <see cref="FieldKernel{TVector, T, TLanes}"/>), then over shares one after the other from the
/// first, 64 at a time, then over those.
/// </summary>
public sealed unsafe class NeuralField<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly FieldLayout _field;

    /// <param name="net">Its outputs are the states' derivatives; its inputs the states, then the controls.</param>
    /// <param name="method">With Tsit5 a step costs half as much again and its error falls with the fifth power.</param>
    /// <exception cref="ArgumentException">The network has fewer inputs than outputs.</exception>
    public NeuralField(DenseNet<T> net, FixedStepMethod method = FixedStepMethod.Rk4, StageMemory memory = StageMemory.Stored)
    {
        if (net.Inputs < net.Outputs)
        {
            throw new ArgumentException(
                $"a network {string.Join('-', net.Sizes)} is no right-hand side: its inputs are its {net.Outputs} outputs and the controls",
                nameof(net));
        }
        Net = net;
        _field = new FieldLayout(net.Layout, net.Inputs - net.Outputs, method, memory);
    }

    public DenseNet<T> Net { get; }

    public int States => _field.States;

    public int Controls => _field.Controls;

    public FixedStepMethod Method => _field.Method;

    public StageMemory Memory => _field.Memory;

    /// <summary>For <see cref="Solve"/>, <see cref="Vjp"/> and <see cref="Fit"/>; grows with the rows.</summary>
    /// <param name="team">Threads; none for the caller's alone.</param>
    public FieldTape<T> NewTape(int maxRows, int maxSteps, ComputeTeam? team = null) =>
        new(_field, maxRows, maxSteps, team, keepsAll: true);

    /// <summary>For <see cref="Fit"/> and <see cref="Jvp"/>, and for <see cref="Solve"/> without a backward pass: holds the records of one
    /// block a thread.</summary>
    public FieldTape<T> NewFitTape(int maxRows, int maxSteps, ComputeTeam? team = null) =>
        new(_field, maxRows, maxSteps, team, keepsAll: false);

    /// <summary>Trajectories from initial states; the tape is then ready for <see cref="Vjp"/>.</summary>
    /// <param name="p">[parameters].</param>
    /// <param name="y0">[rows, states].</param>
    /// <param name="controls">[rows, steps, controls]; empty if there are none.</param>
    /// <param name="stepLengths">[steps].</param>
    /// <param name="trajectories">[rows, steps + 1, states], written; the first are <paramref name="y0"/>.</param>
    public void Solve(
        ReadOnlySpan<T> p, ReadOnlySpan<T> y0, ReadOnlySpan<T> controls, ReadOnlySpan<T> stepLengths, int rows, Span<T> trajectories,
        FieldTape<T> tape)
    {
        Begin(p, y0, controls, stepLengths, rows, tape);
        var perRow = (stepLengths.Length + 1) * States;
        Check(trajectories.Length, (long)rows * perRow, "trajectories");
        fixed (T* parameters = p, initial = y0, u = controls, to = trajectories)
        {
            var at = new Addresses { P = parameters, Initial = initial, Controls = u, Trajectories = to };
            ForBlocks(tape, 0, rows, (in FieldBlock<T> block, int from) =>
            {
                Load(block, at, from);
                FieldKernels<T>.Solve(_field, block, at.P);
                BlockRows<T>.Store(block.States, block.Rows, block.Count, perRow, at.Trajectories + ((nint)from * perRow), perRow);
            });
        }
    }

    /// <summary>The Jacobian-vector product: trajectories, and how they change with initial states and controls along a direction.
    /// </summary>
    /// <param name="dy0">[rows, states].</param>
    /// <param name="dControls">[rows, steps, controls].</param>
    /// <param name="trajectories">[rows, steps + 1, states]; written.</param>
    /// <param name="dTrajectories">[rows, steps + 1, states]; written.</param>
    /// <param name="tape">What it recorded for <see cref="Vjp"/> is lost.</param>
    public void Jvp(
        ReadOnlySpan<T> p, ReadOnlySpan<T> y0, ReadOnlySpan<T> dy0, ReadOnlySpan<T> controls, ReadOnlySpan<T> dControls,
        ReadOnlySpan<T> stepLengths, int rows, Span<T> trajectories, Span<T> dTrajectories, FieldTape<T> tape)
    {
        Begin(p, y0, controls, stepLengths, rows, tape);
        var (perRow, controlsPerRow) = ((stepLengths.Length + 1) * States, stepLengths.Length * Controls);
        Check(dy0.Length, (long)rows * States, "dy0");
        Check(dControls.Length, (long)rows * controlsPerRow, "dControls");
        Check(trajectories.Length, (long)rows * perRow, "trajectories");
        Check(dTrajectories.Length, (long)rows * perRow, "dTrajectories");
        fixed (T* parameters = p, initial = y0, u = controls, to = trajectories, dInitial = dy0, du = dControls, dTo = dTrajectories)
        {
            var at = new Addresses { P = parameters, Initial = initial, Controls = u, Trajectories = to };
            var along = new Addresses { Initial = dInitial, Controls = du, Trajectories = dTo };
            ForBlocks(tape, 0, rows, (in FieldBlock<T> block, int from) =>
            {
                Load(block, at, from);
                // The gradients' places are free here: the direction takes them.
                T* d = block.StateGradient, dControls = block.ControlGradient;
                BlockRows<T>.Load(along.Initial + ((nint)from * States), States, block.Count, States, d, block.Rows);
                if (controlsPerRow > 0)
                {
                    var direction = along.Controls + ((nint)from * controlsPerRow);
                    BlockRows<T>.Load(direction, controlsPerRow, block.Count, controlsPerRow, dControls, block.Rows);
                }
                FieldKernels<T>.Jvp(_field, block, at.P, d, dControls, block.NetScratch);
                BlockRows<T>.Store(block.States, block.Rows, block.Count, perRow, at.Trajectories + ((nint)from * perRow), perRow);
                BlockRows<T>.Store(d, block.Rows, block.Count, perRow, along.Trajectories + ((nint)from * perRow), perRow);
            });
        }
    }

    /// <summary>The vector-Jacobian product at the trajectories last solved with this tape (of <see cref="NewTape"/>).</summary>
    /// <param name="p">The parameters of that solve.</param>
    /// <param name="gTrajectories">dL/dtrajectories, [rows, steps + 1, states].</param>
    /// <param name="gy0">dL/dy0, [rows, states]; written; empty if it is not wanted.</param>
    /// <param name="gControls">dL/dcontrols, [rows, steps, controls]; written; empty if it is not wanted.</param>
    /// <param name="gp">dL/dp, [parameters]; added to.</param>
    public void Vjp(
        ReadOnlySpan<T> p, FieldTape<T> tape, ReadOnlySpan<T> gTrajectories, Span<T> gy0, Span<T> gControls, Span<T> gp)
    {
        CheckTape(tape);
        if (!tape.KeepsAll) throw new ArgumentException("a tape of NewFitTape keeps no records for Vjp; NewTape's does", nameof(tape));
        var (rows, steps, perRow) = (tape.Rows, tape.Steps, (tape.Steps + 1) * States);
        Check(p.Length, Net.ParameterCount, "p");
        Check(gTrajectories.Length, (long)rows * perRow, "gTrajectories");
        Check(gp.Length, Net.ParameterCount, "gp");
        if (!gy0.IsEmpty) Check(gy0.Length, (long)rows * States, "gy0");
        if (!gControls.IsEmpty) Check(gControls.Length, (long)rows * steps * Controls, "gControls");
        fixed (T* parameters = p, g = gTrajectories, initial = gy0, u = gControls, gradient = gp)
        {
            var at = new Addresses { P = parameters, Trajectories = g, Initial = initial, Controls = u };
            ForWaves(tape, gradient, (in FieldBlock<T> block, int from) =>
            {
                BlockRows<T>.Load(at.Trajectories + ((nint)from * perRow), perRow, block.Count, perRow, block.StateGradient, block.Rows);
                Backward(tape, block, at, from);
            });
        }
    }

    /// <summary>The sum over rows, steps and states of weight (y - target)², and its gradient: forward and backward in one pass over each
    /// block, so that its records stay in the caches.</summary>
    /// <param name="targets">[rows, steps + 1, states].</param>
    /// <param name="weights">[steps + 1, states]; empty for 1.</param>
    /// <param name="gp">[parameters]; added to; empty if only the loss is wanted.</param>
    /// <param name="gy0">[rows, states]; written; empty if it is not wanted.</param>
    /// <param name="gControls">[rows, steps, controls]; written; empty if it is not wanted.</param>
    public double Fit(
        ReadOnlySpan<T> p, ReadOnlySpan<T> y0, ReadOnlySpan<T> controls, ReadOnlySpan<T> stepLengths, int rows, ReadOnlySpan<T> targets,
        ReadOnlySpan<T> weights, Span<T> gp, Span<T> gy0, Span<T> gControls, FieldTape<T> tape)
    {
        Begin(p, y0, controls, stepLengths, rows, tape);
        var perRow = (stepLengths.Length + 1) * States;
        Check(targets.Length, (long)rows * perRow, "targets");
        if (!weights.IsEmpty) Check(weights.Length, perRow, "weights");
        if (!gp.IsEmpty) Check(gp.Length, Net.ParameterCount, "gp");
        if (!gy0.IsEmpty) Check(gy0.Length, (long)rows * States, "gy0");
        if (!gControls.IsEmpty) Check(gControls.Length, (long)rows * stepLengths.Length * Controls, "gControls");
        fixed (T* parameters = p, initial = y0, u = controls, target = targets, weight = weights, gradient = gp, g0 = gy0, gu = gControls)
        {
            var forward = new Addresses { P = parameters, Initial = initial, Controls = u, Trajectories = target, Weights = weight };
            var backward = new Addresses { P = parameters, Initial = g0, Controls = gu };
            var wantsGradient = gradient != null || g0 != null || gu != null;
            FieldWork work = (in FieldBlock<T> block, int from) =>
            {
                Load(block, forward, from);
                FieldKernels<T>.Solve(_field, block, forward.P);
                var target = forward.Trajectories + ((nint)from * perRow);
                BlockRows<T>.Load(target, perRow, block.Count, perRow, block.StateGradient, block.Rows);
                FieldKernels<T>.Squares(_field, block, forward.Weights);
                for (var r = 0; r < block.Count; r++) tape.Loss[from + r] = double.CreateTruncating(block.Loss[r]);
                if (wantsGradient) Backward(tape, block, backward, from);
            };
            if (wantsGradient) ForWaves(tape, gradient, work);
            else ForBlocks(tape, 0, rows, work);
        }
        var sum = 0.0;
        for (var r = 0; r < rows; r++) sum += tape.Loss[r];
        return sum;
    }

    private delegate void FieldWork(in FieldBlock<T> block, int from);

    /// <summary>Pinned by the caller for as long as the pieces of work run.</summary>
    private readonly struct Addresses
    {
        public T* P { get; init; }

        public T* Initial { get; init; }

        public T* Controls { get; init; }

        public T* Trajectories { get; init; }

        public T* Weights { get; init; }
    }

    private void Begin(
        ReadOnlySpan<T> p, ReadOnlySpan<T> y0, ReadOnlySpan<T> controls, ReadOnlySpan<T> stepLengths, int rows, FieldTape<T> tape)
    {
        CheckTape(tape);
        if (rows < 0 || rows > tape.MaxRows)
            throw new ArgumentException($"{rows} rows, where the tape holds up to {tape.MaxRows}", nameof(rows));
        if (stepLengths.IsEmpty || stepLengths.Length > tape.MaxSteps)
            throw new ArgumentException($"{stepLengths.Length} steps, where the tape holds 1 to {tape.MaxSteps}", nameof(stepLengths));
        Check(p.Length, Net.ParameterCount, "p");
        Check(y0.Length, (long)rows * States, "y0");
        Check(controls.Length, (long)rows * stepLengths.Length * Controls, "controls");
        (tape.Rows, tape.Steps) = (rows, stepLengths.Length);
        stepLengths.CopyTo(new Span<T>(tape.StepLengths.Pointer, stepLengths.Length));
    }

    private void Load(in FieldBlock<T> block, in Addresses at, int from)
    {
        BlockRows<T>.Load(at.Initial + ((nint)from * States), States, block.Count, States, block.States, block.Rows);
        var perRow = block.Steps * Controls;
        if (perRow > 0) BlockRows<T>.Load(at.Controls + ((nint)from * perRow), perRow, block.Count, perRow, block.Controls, block.Rows);
    }

    private void Backward(FieldTape<T> tape, in FieldBlock<T> block, in Addresses at, int from)
    {
        var share = from / NetLayout.Share;
        tape.ClearSums(share);
        if (block.Rows > NetLayout.Share) tape.ClearSums(share + 1);
        FieldKernels<T>.Backward(_field, block, at.P, tape.Sums(share), block.Rows > NetLayout.Share ? tape.Sums(share + 1) : null);
        if (at.Initial != null)
            BlockRows<T>.Store(block.Adjoint, block.Rows, block.Count, States, at.Initial + ((nint)from * States), States);
        var perRow = block.Steps * Controls;
        if (at.Controls == null || perRow == 0) return;
        BlockRows<T>.Store(block.ControlGradient, block.Rows, block.Count, perRow, at.Controls + ((nint)from * perRow), perRow);
    }

    /// <summary>Blocks of all rows in waves, after each of which the shares' sums are added in their order.</summary>
    private void ForWaves(FieldTape<T> tape, T* gradient, FieldWork work)
    {
        const int waveRows = FieldTape<T>.Wave * NetLayout.Share;
        var net = _field.Net;
        var total = tape.Rows > waveRows ? new AlignedBuffer<T>(net.SumLength) : null;
        for (var start = 0; start < tape.Rows; start += waveRows)
        {
            var end = Math.Min(start + waveRows, tape.Rows);
            ForBlocks(tape, start, end, work);
            if (gradient == null) continue;
            var sums = tape.Sums(0);
            for (var share = 1; share * NetLayout.Share < end - start; share++) NetKernels<T>.AddTo(sums, tape.Sums(share), net.SumLength);
            if (total is null) NetKernels<T>.AddSums(net, sums, gradient);
            else NetKernels<T>.AddTo(total.Pointer, sums, net.SumLength);
        }
        if (total is not null && gradient != null) NetKernels<T>.AddSums(net, total.Pointer, gradient);
        GC.KeepAlive(total);
    }

    private static void ForBlocks(FieldTape<T> tape, int start, int end, FieldWork work)
    {
        var size = tape.BlockSize;
        var blocks = (end - start + size - 1) / size;
        if (tape.Team is null || blocks == 1)
        {
            for (var i = 0; i < blocks; i++) Piece(i, 0);
        }
        else
        {
            tape.Team.Run(blocks, Piece);
        }

        void Piece(int index, int worker)
        {
            var from = start + (index * size);
            work(tape.Block(from, end - from > NetLayout.Share ? size : NetLayout.Share, worker), from);
        }
    }

    private void CheckTape(FieldTape<T> tape)
    {
        if (ReferenceEquals(tape.Field, _field)) return;
        throw new ArgumentException("the tape is of another field", nameof(tape));
    }

    private static void Check(int length, long expected, string name)
    {
        if (length != expected) throw new ArgumentException($"{name} has {length} elements where {expected} would be right", name);
    }
}
