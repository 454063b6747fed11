namespace Athanor.Compute.Training;

/// <summary>
/// Additions in the fixed binary tree over L logical ranks. The node at (first, level) is the sum of its left half (first, level - 1) and, where
/// there is one, of its right half (first + 2^(level - 1), level - 1), in this order; a node whose right half lies past the last rank is its
/// left half. So whoever holds whole subtrees may add them up alone, and the root has the same bits however the ranks were spread.
///
/// This is the list of additions that make the largest subtrees, in the end the root, out of complete ones; it can be done with whole arrays or
/// piece by piece of them.
/// </summary>
internal sealed class TreeSum
{
    /// <param name="subtrees">By first rank.</param>
    public TreeSum(IReadOnlyList<(int First, int Level)> subtrees, int ranks)
    {
        var additions = new List<(int To, int From)>();
        var nodes = new SortedDictionary<int, (int Level, int Index)>();
        for (var i = 0; i < subtrees.Count; i++) nodes.Add(subtrees[i].First, (subtrees[i].Level, i));
        for (var level = 0; 1 << level < ranks; level++)
        {
            foreach (var first in nodes.Keys.Where(first => first % (2 << level) == 0).ToArray())
            {
                if (!nodes.TryGetValue(first, out var left) || left.Level != level) continue;
                var second = first + (1 << level);
                if (second < ranks)
                {
                    if (!nodes.TryGetValue(second, out var right) || right.Level != level) continue;
                    additions.Add((left.Index, right.Index));
                    nodes.Remove(second);
                }
                nodes[first] = (level + 1, left.Index);
            }
        }
        Additions = [.. additions];
        Largest = [.. nodes.Select(static node => (node.Value.Index, node.Key, node.Value.Level))];
    }

    /// <summary>Indices of subtrees: the second is added to the first.</summary>
    public (int To, int From)[] Additions { get; }

    /// <summary>What is left: the largest complete subtrees, each in the place (index) of its leftmost.</summary>
    public (int Index, int First, int Level)[] Largest { get; }

    /// <summary>Whether the root is left alone.</summary>
    public bool IsWhole(int ranks) => Largest is [(_, 0, var level)] && 1 << level >= ranks;

    public void Add(Span<double> losses)
    {
        foreach (var (to, from) in Additions) losses[to] += losses[from];
    }
}
