using System.Numerics;
using System.Runtime.InteropServices;

namespace Athanor.Compute.Training;

/// <summary>The sum of a complete subtree of logical ranks.</summary>
/// <param name="First">Its first rank, a multiple of 2^<paramref name="Level"/>.</param>
/// <param name="Level">It covers ranks First … First + 2^Level - 1, as far as there are such.</param>
/// <param name="Gradient">[parameters]</param>
public sealed record SubtreeSum<T>(int First, int Level, T[] Gradient, double Loss)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>
/// The fixed binary tree over L logical ranks. The node at (first, level) is the sum of its left half (first, level - 1) and, where there
/// is one, of its right half (first + 2^(level - 1), level - 1), in this order; a node whose right half lies past the last rank is its
/// left half. So whoever holds whole subtrees may add them up alone, and the root has the same bits however the ranks were spread.
/// </summary>
public static class RankTree
{
    /// <summary>Adds what can be added: sums whose both halves are there become one. The arrays of left halves are written.</summary>
    /// <param name="sums">Disjoint, in any order.</param>
    /// <returns>The largest complete subtrees, by first rank; the root alone if all ranks are in.</returns>
    public static IReadOnlyList<SubtreeSum<T>> Combine<T>(IEnumerable<SubtreeSum<T>> sums, int ranks)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var nodes = new SortedDictionary<int, SubtreeSum<T>>(sums.ToDictionary(static sum => sum.First));
        for (var level = 0; 1 << level < ranks; level++)
        {
            foreach (var first in nodes.Keys.Where(first => first % (2 << level) == 0).ToArray())
            {
                // The left half may be gone into a larger one already, or not be whole.
                if (!nodes.TryGetValue(first, out var left) || left.Level != level) continue;
                var second = first + (1 << level);
                if (second >= ranks)
                {
                    nodes[first] = left with { Level = level + 1 };
                }
                else if (nodes.TryGetValue(second, out var right) && right.Level == level)
                {
                    Add(left.Gradient, right.Gradient);
                    nodes.Remove(second);
                    nodes[first] = new SubtreeSum<T>(first, level + 1, left.Gradient, left.Loss + right.Loss);
                }
            }
        }
        return [.. nodes.Values];
    }

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
