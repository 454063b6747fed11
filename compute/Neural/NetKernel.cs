using System.Numerics;
using System.Runtime.CompilerServices;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// A network on one block of rows, for one vector width. Matrices of a block are feature-major: feature f of row r at [f * rows + r], rows
/// being 16 or 32, so that lanes are rows and nothing passes between them.
/// Order of every sum, whatever the width: over features and outputs, one fused multiply-add after another from index 0 (the bias first);
/// over rows, for weights of layers with more than 8 inputs, one fused multiply-add after another in the order of rows; for biases and the
/// other weights, sixteen virtual lanes (lane l takes rows l, l + 16, …), then a binary tree (l with l + 8, then + 4, + 2, + 1).
/// </summary>
internal static unsafe partial class NetKernel<TVector, T, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TLanes : struct, ILanes<TVector, T>
{
    /// <summary>y = f(x).</summary>
    /// <param name="stored">Inputs (to be there already), then each hidden layer: [stored features, rows].</param>
    /// <param name="slopes">The hidden layers' slopes [hidden features, rows], written where the activation needs them; null if no backward
    /// pass follows.</param>
    /// <param name="y">[outputs, rows].</param>
    public static void Forward(NetLayout net, T* p, T* stored, T* slopes, T* y, int rows)
    {
        for (var l = 0; l < net.Layers; l++)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            var last = l + 1 == net.Layers;
            var to = last ? y : stored + ((nint)net.Features[l + 1] * rows);
            Product(p + net.Weights[l], inputs, 1, p + net.Biases[l], inputs, stored + ((nint)net.Features[l] * rows), to, outputs, rows);
            if (last) return;
            var slope = slopes == null ? null : slopes + ((nint)(net.Features[l + 1] - net.Inputs) * rows);
            Activate(net.Activation, to, slope, (nint)outputs * rows);
        }
    }

    /// <summary>y = f(x) and dy = f'(x) dx. Both of two scratch halves are [2, widest, rows].</summary>
    public static void Jvp(NetLayout net, T* p, T* scratch, T* x, T* dx, T* y, T* dy, int rows)
    {
        var size = (nint)net.Widest * rows;
        T* from = x, dFrom = dx;
        for (var l = 0; l < net.Layers; l++)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            var last = l + 1 == net.Layers;
            var half = scratch + (l % 2 * 3 * size);
            T* to = last ? y : half, dTo = last ? dy : half + size;
            Product(p + net.Weights[l], inputs, 1, p + net.Biases[l], inputs, from, to, outputs, rows);
            Product(p + net.Weights[l], inputs, 1, null, inputs, dFrom, dTo, outputs, rows);
            if (last) return;
            var slopes = half + (2 * size);
            Activate(net.Activation, to, slopes, (nint)outputs * rows);
            TimesSlope(net.Activation, dTo, net.KeepsSlopes ? slopes : to, (nint)outputs * rows);
            from = to;
            dFrom = dTo;
        }
    }

    /// <summary>The vector-Jacobian product.</summary>
    /// <param name="stored">As left by <see cref="Forward"/>.</param>
    /// <param name="slopes">As left by <see cref="Forward"/>.</param>
    /// <param name="gy">[outputs, rows].</param>
    /// <param name="gx">[inputs, rows], written; null if it is not wanted.</param>
    /// <param name="sums">Sums over rows, added to (<see cref="NetLayout.WeightSums"/>): of the first sixteen rows.</param>
    /// <param name="moreSums">Of the other sixteen; the same address if all are summed in one.</param>
    /// <param name="count">Rows that are not padding.</param>
    /// <param name="scratch">[3, widest, rows].</param>
    public static void Backward(
        NetLayout net, T* p, T* stored, T* slopes, T* gy, T* gx, T* sums, T* moreSums, int rows, int count, T* scratch)
    {
        var size = (nint)net.Widest * rows;
        var delta = gy;
        for (var l = net.Layers - 1; l >= 0; l--)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            var a = stored + ((nint)net.Features[l] * rows);
            WeightSums(net, l, delta, a, sums, moreSums, rows, count, scratch + (2 * size));
            if (l == 0 && gx == null) return;
            var before = l == 0 ? gx : scratch + (l % 2 * size);
            Product(p + net.Weights[l], 1, inputs, null, outputs, delta, before, inputs, rows);
            if (l == 0) return;
            var slope = net.KeepsSlopes ? slopes + ((nint)(net.Features[l] - net.Inputs) * rows) : a;
            TimesSlope(net.Activation, before, slope, (nint)inputs * rows);
            delta = before;
        }
    }

    private static void WeightSums(NetLayout net, int l, T* delta, T* a, T* sums, T* moreSums, int rows, int count, T* transposed)
    {
        int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
        var few = net.HasFewInputs(l);
        for (var r = 0; r < rows; r += NetLayout.Share)
        {
            var to = r == 0 ? sums : moreSums;
            LaneSums(delta + r, outputs, a + r, few ? inputs : 0, rows, to + net.WeightSums[l], to + net.BiasSums[l]);
        }
        if (few) return;
        nint padded = NetLayout.Padded(inputs);
        Transpose(a, inputs, rows, transposed, padded);
        if (sums == moreSums || rows == NetLayout.Share)
        {
            OuterSum(delta, rows, count, outputs, transposed, padded, sums + net.WeightSums[l]);
            return;
        }
        OuterSum(delta, rows, Math.Min(count, NetLayout.Share), outputs, transposed, padded, sums + net.WeightSums[l]);
        var more = transposed + (NetLayout.Share * padded);
        OuterSum(delta + NetLayout.Share, rows, Math.Max(count - NetLayout.Share, 0), outputs, more, padded, moreSums + net.WeightSums[l]);
    }

    /// <summary>[features, rows] to [rows, padded]; what is beyond the features is finite and unused.</summary>
    private static void Transpose(T* a, int features, int rows, T* to, nint padded)
    {
        var f = 0;
        for (; f + TLanes.Count <= features; f += TLanes.Count)
        {
            for (var r = 0; r < rows; r += TLanes.Count) TLanes.Transpose(a + ((nint)f * rows) + r, rows, to + (r * padded) + f, padded);
        }
        for (; f < features; f++)
        {
            for (var r = 0; r < rows; r++) to[(r * padded) + f] = a[((nint)f * rows) + r];
        }
    }

    private static void Activate(Activation activation, T* a, T* slope, nint count)
    {
        switch (activation)
        {
            case Activation.Tanh:
                LaneMath<TVector, T, TLanes>.Tanh(a, count);
                break;
            case Activation.Relu:
                for (nint i = 0; i < count; i += TLanes.Count) TLanes.Store(LaneMath<TVector, T, TLanes>.Relu(TLanes.Load(a + i)), a + i);
                break;
            case Activation.Softplus:
                for (nint i = 0; i < count; i += TLanes.Count)
                {
                    var x = TLanes.Load(a + i);
                    TLanes.Store(LaneMath<TVector, T, TLanes>.Softplus(x), a + i);
                    if (slope != null) TLanes.Store(LaneMath<TVector, T, TLanes>.Sigmoid(x), slope + i);
                }
                break;
            default:
                for (nint i = 0; i < count; i += TLanes.Count)
                {
                    var x = TLanes.Load(a + i);
                    TLanes.Store(LaneMath<TVector, T, TLanes>.Silu(x), a + i);
                    if (slope != null) TLanes.Store(LaneMath<TVector, T, TLanes>.SiluSlope(x), slope + i);
                }
                break;
        }
    }

    /// <summary>delta *= slope: 1 - a² for tanh, where a = tanh(...); 1 or 0 for ReLU; else as it was kept.</summary>
    private static void TimesSlope(Activation activation, T* delta, T* a, nint count)
    {
        var one = TLanes.Create(T.One);
        var zero = TLanes.Create(T.Zero);
        switch (activation)
        {
            case Activation.Tanh:
                for (nint i = 0; i < count; i += TLanes.Count)
                {
                    var t = TLanes.Load(a + i);
                    TLanes.Store(TLanes.Multiply(TLanes.Load(delta + i), TLanes.FmaNegated(t, t, one)), delta + i);
                }
                break;
            case Activation.Relu:
                for (nint i = 0; i < count; i += TLanes.Count)
                    TLanes.Store(TLanes.IfLess(zero, TLanes.Load(a + i), TLanes.Load(delta + i), zero), delta + i);
                break;
            default:
                for (nint i = 0; i < count; i += TLanes.Count)
                    TLanes.Store(TLanes.Multiply(TLanes.Load(delta + i), TLanes.Load(a + i)), delta + i);
                break;
        }
    }
}
