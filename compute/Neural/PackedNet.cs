using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// A network with its parameters, laid out for single calls: outputs along the lanes. Same sums in the same order as
/// <see cref="DenseNet{T}.Forward"/>, so the same bits. A copy: what becomes of the parameters later is not seen. One thread at a time.
/// </summary>
public sealed unsafe class PackedNet<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly NetLayout _layout;
    private readonly AlignedBuffer<T> _memory;
    private readonly T* _scratch;

    internal PackedNet(NetLayout layout, ReadOnlySpan<T> p)
    {
        _layout = layout;
        long size = 0;
        for (var l = 0; l < layout.Layers; l++) size += NetLayout.Padded(layout.Sizes[l + 1]) * (layout.Sizes[l] + 1L);
        _memory = new AlignedBuffer<T>(size + (2L * layout.Widest));
        _scratch = _memory.Pointer + size;
        var to = _memory.Pointer;
        for (var l = 0; l < layout.Layers; l++)
        {
            int inputs = layout.Sizes[l], outputs = layout.Sizes[l + 1], padded = NetLayout.Padded(outputs);
            // The bias, then a row of weights per input.
            for (var o = 0; o < outputs; o++) to[o] = p[layout.Biases[l] + o];
            to += padded;
            for (var i = 0; i < inputs; i++, to += padded)
            {
                for (var o = 0; o < outputs; o++) to[o] = p[layout.Weights[l] + (o * inputs) + i];
            }
        }
    }

    public int Inputs => _layout.Inputs;

    public int Outputs => _layout.Outputs;

    /// <summary>y = f(x) for one row.</summary>
    /// <param name="x">[inputs].</param>
    /// <param name="y">[outputs]; written.</param>
    public void Forward(ReadOnlySpan<T> x, Span<T> y)
    {
        if (x.Length != Inputs || y.Length != Outputs)
            throw new ArgumentException($"x and y have {x.Length} and {y.Length} elements where {Inputs} and {Outputs} would be right");
        fixed (T* from = x)
        {
            T* result;
            if (Vector512.IsHardwareAccelerated)
                result = NetKernel<Vector512<T>, T, Lanes512<T>>.Single(_layout, _memory.Pointer, from, _scratch);
            else if (Vector256.IsHardwareAccelerated)
                result = NetKernel<Vector256<T>, T, Lanes256<T>>.Single(_layout, _memory.Pointer, from, _scratch);
            else if (Vector128.IsHardwareAccelerated)
                result = NetKernel<Vector128<T>, T, Lanes128<T>>.Single(_layout, _memory.Pointer, from, _scratch);
            else
                result = NetKernel<T, T, ScalarLanes<T>>.Single(_layout, _memory.Pointer, from, _scratch);
            new ReadOnlySpan<T>(result, Outputs).CopyTo(y);
        }
    }
}
