using Athanor.Compute.Numerics;

namespace Athanor.Compute.Uncertainty;

/// <summary>Rows for training, calibration and test.</summary>
public sealed record RowSplit(int[] Training, int[] Calibration, int[] Test)
{
    /// <summary>A seeded permutation of the rows, cut in three. Calibration and test rows are then exchangeable.</summary>
    public static RowSplit ByPermutation(int rows, double training, double calibration, ulong seed)
    {
        var order = new Philox(seed).Permutation(rows);
        var (first, second) = Cuts(rows, training, calibration);
        return new RowSplit(order[..first], order[first..second], order[second..]);
    }

    /// <summary>A seeded permutation of whole groups, cut in three: no group has rows in two parts. Rows of one group resemble each other,
    /// so calibration and test rows are not exchangeable one by one.</summary>
    /// <param name="group">Group of each row, from 0 without gaps.</param>
    public static RowSplit ByGroup(ReadOnlySpan<int> group, double training, double calibration, ulong seed)
    {
        var groups = 0;
        foreach (var g in group) groups = Math.Max(groups, g + 1);
        var place = new int[groups];
        var order = new Philox(seed).Permutation(groups);
        for (var i = 0; i < groups; i++) place[order[i]] = i;
        var (first, second) = Cuts(groups, training, calibration);
        List<int> a = [], b = [], c = [];
        for (var row = 0; row < group.Length; row++) (place[group[row]] < first ? a : place[group[row]] < second ? b : c).Add(row);
        return new RowSplit([.. a], [.. b], [.. c]);
    }

    /// <summary>Numbers the distinct settings of some columns by first appearance; equal means equal bits.</summary>
    /// <param name="x">[rows, width], row-major.</param>
    public static int[] Groups(ReadOnlySpan<float> x, int width, ReadOnlySpan<int> columns)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        var group = new int[x.Length / width];
        var key = new char[2 * columns.Length];
        for (var row = 0; row < group.Length; row++)
        {
            for (var i = 0; i < columns.Length; i++)
            {
                var bits = BitConverter.SingleToUInt32Bits(x[row * width + columns[i]]);
                key[2 * i] = (char)bits;
                key[2 * i + 1] = (char)(bits >> 16);
            }
            var text = new string(key);
            if (!known.TryGetValue(text, out group[row])) known.Add(text, group[row] = known.Count);
        }
        return group;
    }

    private static (int First, int Second) Cuts(int count, double training, double calibration)
    {
        if (!(training > 0.0) || !(calibration > 0.0) || !(training + calibration < 1.0))
        {
            throw new ArgumentException(
                $"fractions {training} and {calibration} leave nothing to one part; positive ones with a sum below 1 would be right");
        }
        var first = (int)(count * training);
        var second = first + (int)(count * calibration);
        if (first < 1 || second == first || second == count)
            throw new ArgumentException($"{count} rows or groups are too few to be cut in three");
        return (first, second);
    }
}
