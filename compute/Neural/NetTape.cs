using System.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>What the backward pass needs of the last <see cref="DenseNet{T}.Forward"/>, and scratch; used by one thread at a time and
/// reused from call to call.</summary>
public sealed unsafe class NetTape<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly AlignedBuffer<T> _memory;

    internal NetTape(NetLayout layout, int maxRows)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        (Layout, MaxRows) = (layout, maxRows);
        var padded = (long)NetLayout.PaddedRows(maxRows);
        var stored = padded * layout.StoredFeatures;
        var slopes = layout.KeepsSlopes ? padded * layout.HiddenFeatures : 0;
        long sums = NetLayout.Padded(layout.SumLength), wide = (long)layout.Widest * NetLayout.Block;
        _memory = new AlignedBuffer<T>(stored + slopes + sums + (10 * wide));
        Stored = _memory.Pointer;
        Slopes = layout.KeepsSlopes ? Stored + stored : null;
        Sums = Stored + stored + slopes;
        Input = Sums + sums;
        InputDirection = Input + wide;
        Output = InputDirection + wide;
        OutputDirection = Output + wide;
        Scratch = OutputDirection + wide;
    }

    public int MaxRows { get; }

    /// <summary>Rows of the last forward pass.</summary>
    public int Rows { get; internal set; }

    internal NetLayout Layout { get; }

    /// <summary>Per block its inputs and hidden layers, [stored features, rows of the block].</summary>
    internal T* Stored { get; }

    internal T* Slopes { get; }

    internal T* Sums { get; }

    internal T* Input { get; }

    internal T* InputDirection { get; }

    internal T* Output { get; }

    internal T* OutputDirection { get; }

    /// <summary>[6, widest, block].</summary>
    internal T* Scratch { get; }

    internal void ClearSums() => new Span<T>(Sums, Layout.SumLength).Clear();
}
