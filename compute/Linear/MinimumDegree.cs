namespace Athanor.Compute.Linear;

/// <summary>
/// Orders rows and columns so that little fills in: minimum degree on the graph of A + A^T (Tinney and Walker, Proc. IEEE 55, 1967; George
/// and Liu, SIAM Review 31, 1989), the eliminated row being the one with fewest neighbours left, the first of equals. The elimination graph
/// is kept explicitly, which is quick up to some ten thousand rows of the kind that reactors and networks give.
/// </summary>
internal static class MinimumDegree
{
    /// <summary>Row and column to eliminate first, second, ...</summary>
    public static int[] Order(SparsePattern pattern)
    {
        var n = pattern.Size;
        var graph = Graph(pattern);
        var waiting = new SortedSet<(int Degree, int Node)>();
        for (var i = 0; i < n; i++) waiting.Add((graph[i].Count, i));
        var order = new int[n];
        for (var step = 0; step < n; step++)
        {
            var (_, node) = waiting.Min;
            waiting.Remove(waiting.Min);
            order[step] = node;
            var neighbours = graph[node].ToArray();
            foreach (var i in neighbours)
            {
                waiting.Remove((graph[i].Count, i));
                graph[i].Remove(node);
                foreach (var j in neighbours)
                {
                    if (j != i) graph[i].Add(j);
                }
                waiting.Add((graph[i].Count, i));
            }
            graph[node].Clear();
        }
        return order;
    }

    /// <summary>Entries of the factors of a matrix eliminated in this order with its pivots on the diagonal.</summary>
    public static long Fill(SparsePattern pattern, int[] order)
    {
        var graph = Graph(pattern);
        long fill = 0;
        foreach (var node in order)
        {
            var neighbours = graph[node].ToArray();
            fill += 1 + (2L * neighbours.Length);
            foreach (var i in neighbours)
            {
                graph[i].Remove(node);
                foreach (var j in neighbours)
                {
                    if (j != i) graph[i].Add(j);
                }
            }
        }
        return fill;
    }

    private static HashSet<int>[] Graph(SparsePattern pattern)
    {
        var graph = new HashSet<int>[pattern.Size];
        for (var i = 0; i < graph.Length; i++) graph[i] = [];
        foreach (var (row, column) in pattern.Entries())
        {
            if (row == column) continue;
            graph[row].Add(column);
            graph[column].Add(row);
        }
        return graph;
    }
}
