using System.Numerics;
using System.Runtime.InteropServices;

namespace Athanor.Compute.Training;

/// <summary>The sum of a complete subtree of logical ranks.</summary>
/// <param name="First">Its first rank, a multiple of 2^<paramref name="Level"/>.</param>
/// <param name="Level">It covers ranks First … First + 2^Level - 1, as far as there are such.</param>
/// <param name="Gradient">[parameters]</param>
public sealed record SubtreeSum<T>(int First, int Level, T[] Gradient, double Loss)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>Shares and sums of logical ranks; how the sums are ordered: <see cref="TreeSum"/>.</summary>
public static class RankTree
{
    /// <summary>Samples of a rank's share of a batch: first and end among the batch's.</summary>
    public static (int First, int End) Share(int batch, int ranks, int rank) =>
        ((int)((long)batch * rank / ranks), (int)((long)batch * (rank + 1) / ranks));

    internal static void Add<T>(Span<T> to, ReadOnlySpan<T> more)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var a = MemoryMarshal.Cast<T, Vector<T>>(to);
        var b = MemoryMarshal.Cast<T, Vector<T>>(more);
        for (var i = 0; i < a.Length; i++) a[i] += b[i];
        for (var i = a.Length * Vector<T>.Count; i < to.Length; i++) to[i] += more[i];
    }
}
