using System.Numerics;
using Athanor.Compute.Training;

namespace Compute.Tests.Training;

/// <summary>The fixed tree once more, with whole arrays: what every way of adding is held to.</summary>
internal static class RankTrees
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
                    for (var i = 0; i < left.Gradient.Length; i++) left.Gradient[i] += right.Gradient[i];
                    nodes.Remove(second);
                    nodes[first] = new SubtreeSum<T>(first, level + 1, left.Gradient, left.Loss + right.Loss);
                }
            }
        }
        return [.. nodes.Values];
    }
}
