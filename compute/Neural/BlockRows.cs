using System.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>Rows as callers have them, [rows, features], to and from blocks, [features, padded rows].</summary>
internal static unsafe class BlockRows<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The padded rows of the block that begins at a row: 32, or 16 for the last.</summary>
    public static int Width(int rows, int from) => rows - from > NetLayout.Share ? NetLayout.Block : NetLayout.Share;

    /// <summary>Padding is 0.</summary>
    /// <param name="stride">From one row to the next in <paramref name="from"/>.</param>
    public static void Load(T* from, nint stride, int count, int features, T* to, int rows) =>
        NetKernels<T>.LoadRows(from, stride, count, features, to, rows);

    /// <param name="stride">From one row to the next in <paramref name="to"/>.</param>
    public static void Store(T* from, int rows, int count, int features, T* to, nint stride) =>
        NetKernels<T>.StoreRows(from, rows, count, features, to, stride);
}
