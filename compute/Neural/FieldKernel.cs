using System.Numerics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// Fixed steps of a Runge-Kutta method over one block of trajectories, and the exact gradient of what was computed (discretise, then
/// optimise). Sums over stages are chains of fused multiply-adds in the order of the stages, forward from y, backward from the step's end;
/// the sums over rows of all stages run on in one (<see cref="NetKernel{TVector, T, TLanes}"/>), from the last step's last stage.
/// </summary>
internal static unsafe class FieldKernel<TVector, T, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TLanes : struct, ILanes<TVector, T>
{
    /// <summary>All steps from the block's first state.</summary>
    public static void Solve(FieldLayout field, in FieldBlock<T> block, T* p)
    {
        var size = (nint)field.States * block.Rows;
        for (var step = 0; step < block.Steps; step++)
        {
            var y = block.States + (step * size);
            Stages(field, block, p, step, y);
            Combine(y, block.K, field.Tableau.B, block.StepLengths[step], y + size, size);
        }
    }

    /// <summary>All steps of the states and of a direction: d trajectories = J d(initial state, controls).</summary>
    /// <param name="d">[steps + 1, states, rows]: the first is given, the others are written.</param>
    /// <param name="dControls">[steps, controls, rows].</param>
    /// <param name="scratch">[2 inputs + stages * states, rows], then six times [widest, rows].</param>
    public static void Jvp(FieldLayout field, in FieldBlock<T> block, T* p, T* d, T* dControls, T* scratch)
    {
        var (net, tableau, rows) = (field.Net, field.Tableau, block.Rows);
        var size = (nint)field.States * rows;
        var controls = (nint)field.Controls * rows;
        T* x = scratch, dx = x + size + controls, dk = dx + size + controls, netScratch = dk + (tableau.Stages * size);
        for (var step = 0; step < block.Steps; step++)
        {
            T* y = block.States + (step * size), dy = d + (step * size);
            var h = block.StepLengths[step];
            Copy(block.Controls + (step * controls), x + size, controls);
            Copy(dControls + (step * controls), dx + size, controls);
            for (var i = 0; i < tableau.Stages; i++)
            {
                Combine(y, block.K, tableau.A[i], h, x, size);
                Combine(dy, dk, tableau.A[i], h, dx, size);
                NetKernel<TVector, T, TLanes>.Jvp(net, p, netScratch, x, dx, block.K + (i * size), dk + (i * size), rows);
            }
            Combine(y, block.K, tableau.B, h, y + size, size);
            Combine(dy, dk, tableau.B, h, dy + size, size);
        }
    }

    /// <summary>The gradient with respect to initial state, controls and parameters, of which the state's gradient is given.</summary>
    /// <param name="sums">Of the first sixteen rows.</param>
    /// <param name="moreSums">Of the other sixteen.</param>
    public static void Backward(FieldLayout field, in FieldBlock<T> block, T* p, T* sums, T* moreSums)
    {
        var (net, tableau, rows) = (field.Net, field.Tableau, block.Rows);
        var size = (nint)field.States * rows;
        var controls = (nint)field.Controls * rows;
        var g = block.Adjoint;
        Copy(block.StateGradient + (block.Steps * size), g, size);
        for (var step = block.Steps - 1; step >= 0; step--)
        {
            if (field.Memory == StageMemory.Checkpointed) Stages(field, block, p, step, block.States + (step * size));
            var h = block.StepLengths[step];
            for (var i = 0; i < tableau.Stages; i++)
            {
                var weight = TLanes.Create(h * T.CreateTruncating(tableau.B[i]));
                var to = block.StageGradient + (i * size);
                for (nint e = 0; e < size; e += TLanes.Count) TLanes.Store(TLanes.Multiply(weight, TLanes.Load(g + e)), to + e);
            }
            var controlGradient = block.ControlGradient + (step * controls);
            new Span<T>(controlGradient, (int)controls).Clear();
            NetKernel<TVector, T, TLanes>.AddTo(g, block.StateGradient + (step * size), size);
            for (var j = tableau.Stages - 1; j >= 0; j--)
            {
                var stage = block.Stage(field, step, j);
                NetKernel<TVector, T, TLanes>.Backward(
                    net, p, stage, stage + ((nint)net.StoredFeatures * rows), block.StageGradient + (j * size), block.InputGradient, sums,
                    moreSums, rows, block.Count, block.NetScratch);
                for (var i = 0; i < j; i++)
                {
                    if (tableau.A[j][i] == 0) continue;
                    var weight = TLanes.Create(h * T.CreateTruncating(tableau.A[j][i]));
                    var to = block.StageGradient + (i * size);
                    for (nint e = 0; e < size; e += TLanes.Count)
                        TLanes.Store(TLanes.Fma(weight, TLanes.Load(block.InputGradient + e), TLanes.Load(to + e)), to + e);
                }
                NetKernel<TVector, T, TLanes>.AddTo(g, block.InputGradient, size);
                NetKernel<TVector, T, TLanes>.AddTo(controlGradient, block.InputGradient + size, controls);
            }
        }
    }

    /// <summary>The weighted sum of squares per row, and its gradient in place of the target.</summary>
    /// <param name="weights">[steps + 1, states], or null for 1.</param>
    public static void Squares(FieldLayout field, in FieldBlock<T> block, T* weights)
    {
        var (rows, two) = (block.Rows, TLanes.Create(T.CreateTruncating(2)));
        for (var r = 0; r < rows; r += TLanes.Count)
        {
            var loss = TLanes.Create(T.Zero);
            T* y = block.States + r, g = block.StateGradient + r;
            for (var f = 0; f < (block.Steps + 1) * field.States; f++, y += rows, g += rows)
            {
                var difference = TLanes.Subtract(TLanes.Load(y), TLanes.Load(g));
                var weighted = weights == null ? difference : TLanes.Multiply(TLanes.Create(weights[f]), difference);
                loss = TLanes.Fma(weighted, difference, loss);
                TLanes.Store(TLanes.Multiply(two, weighted), g);
            }
            TLanes.Store(loss, block.Loss + r);
        }
        // Padding has no target.
        if (block.Count == rows) return;
        for (var f = 0; f < (block.Steps + 1) * field.States; f++)
            new Span<T>(block.StateGradient + ((nint)f * rows) + block.Count, rows - block.Count).Clear();
    }

    /// <summary>The k of all stages, recorded.</summary>
    private static void Stages(FieldLayout field, in FieldBlock<T> block, T* p, int step, T* y)
    {
        var (net, tableau, rows) = (field.Net, field.Tableau, block.Rows);
        var size = (nint)field.States * rows;
        var controls = (nint)field.Controls * rows;
        for (var i = 0; i < tableau.Stages; i++)
        {
            var stage = block.Stage(field, step, i);
            Combine(y, block.K, tableau.A[i], block.StepLengths[step], stage, size);
            Copy(block.Controls + (step * controls), stage + size, controls);
            var slopes = net.KeepsSlopes ? stage + ((nint)net.StoredFeatures * rows) : null;
            NetKernel<TVector, T, TLanes>.Forward(net, p, stage, slopes, block.K + (i * size), rows);
        }
    }

    /// <summary>to = y + h sum of weights[j] k[j].</summary>
    private static void Combine(T* y, T* k, double[] weights, T h, T* to, nint size)
    {
        for (nint e = 0; e < size; e += TLanes.Count)
        {
            var v = TLanes.Load(y + e);
            for (var j = 0; j < weights.Length; j++)
            {
                if (weights[j] != 0) v = TLanes.Fma(TLanes.Create(h * T.CreateTruncating(weights[j])), TLanes.Load(k + (j * size) + e), v);
            }
            TLanes.Store(v, to + e);
        }
    }

    private static void Copy(T* from, T* to, nint count)
    {
        for (nint e = 0; e < count; e += TLanes.Count) TLanes.Store(TLanes.Load(from + e), to + e);
    }
}
