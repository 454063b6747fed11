namespace Athanor.Compute.Linear;

/// <summary>Where a square matrix may have entries other than zero, by rows (compressed sparse rows): the columns of row i are
/// <see cref="Columns"/>[RowStarts[i] .. RowStarts[i + 1]], rising. Values of such a matrix are kept in the same order.</summary>
public sealed class SparsePattern
{
    /// <exception cref="ArgumentException">The arrays do not describe rows with rising columns.</exception>
    public SparsePattern(int size, int[] rowStarts, int[] columns)
    {
        if (rowStarts.Length != size + 1 || rowStarts[0] != 0 || rowStarts[size] != columns.Length)
        {
            throw new ArgumentException(
                $"the pattern of a matrix of {size} rows needs {size + 1} row starts from 0 to the {columns.Length} entries");
        }
        for (var i = 0; i < size; i++)
        {
            if (rowStarts[i + 1] < rowStarts[i]) throw new ArgumentException($"row {i} of the pattern starts after its end");
            for (var k = rowStarts[i]; k < rowStarts[i + 1]; k++)
            {
                if (columns[k] < 0 || columns[k] >= size || (k > rowStarts[i] && columns[k] <= columns[k - 1]))
                    throw new ArgumentException($"the columns of row {i} must rise within 0 to {size - 1}; there is {columns[k]}");
            }
        }
        Size = size;
        RowStarts = rowStarts;
        Columns = columns;
    }

    /// <summary>Rows, and columns.</summary>
    public int Size { get; }

    /// <summary>Length <see cref="Size"/> + 1.</summary>
    public int[] RowStarts { get; }

    /// <summary>Length <see cref="Count"/>.</summary>
    public int[] Columns { get; }

    /// <summary>Entries of the pattern.</summary>
    public int Count => Columns.Length;

    /// <summary>The pattern with entries at these places, in any order; one named twice is one entry.</summary>
    public static SparsePattern From(int size, IEnumerable<(int Row, int Column)> entries)
    {
        var rows = new SortedSet<int>[size];
        for (var i = 0; i < size; i++) rows[i] = [];
        foreach (var (row, column) in entries)
        {
            if ((uint)row >= (uint)size || (uint)column >= (uint)size)
                throw new ArgumentException($"there is no entry ({row}, {column}) in a matrix of {size} rows");
            rows[row].Add(column);
        }
        var starts = new int[size + 1];
        for (var i = 0; i < size; i++) starts[i + 1] = starts[i] + rows[i].Count;
        return new SparsePattern(size, starts, [.. rows.SelectMany(row => row)]);
    }

    /// <summary>Every entry from <paramref name="lower"/> below to <paramref name="upper"/> above the diagonal.</summary>
    public static SparsePattern Banded(int size, int lower, int upper)
    {
        var starts = new int[size + 1];
        var columns = new List<int>();
        for (var i = 0; i < size; i++)
        {
            for (var j = Math.Max(0, i - lower); j <= Math.Min(size - 1, i + upper); j++) columns.Add(j);
            starts[i + 1] = columns.Count;
        }
        return new SparsePattern(size, starts, [.. columns]);
    }

    /// <summary>Position of an entry in the order of the values, or -1 where the matrix is always zero.</summary>
    public int IndexOf(int row, int column)
    {
        var k = Array.BinarySearch(Columns, RowStarts[row], RowStarts[row + 1] - RowStarts[row], column);
        return k < 0 ? -1 : k;
    }

    /// <summary>How far entries lie below and above the diagonal.</summary>
    public (int Lower, int Upper) Bandwidth()
    {
        int lower = 0, upper = 0;
        for (var i = 0; i < Size; i++)
        {
            if (RowStarts[i] == RowStarts[i + 1]) continue;
            lower = Math.Max(lower, i - Columns[RowStarts[i]]);
            upper = Math.Max(upper, Columns[RowStarts[i + 1] - 1] - i);
        }
        return (lower, upper);
    }

    /// <summary>This pattern with the whole diagonal in it.</summary>
    public SparsePattern WithDiagonal() => From(Size, Entries().Concat(Enumerable.Range(0, Size).Select(i => (i, i))));

    /// <summary>The entries by rows.</summary>
    public IEnumerable<(int Row, int Column)> Entries()
    {
        for (var i = 0; i < Size; i++)
        {
            for (var k = RowStarts[i]; k < RowStarts[i + 1]; k++) yield return (i, Columns[k]);
        }
    }
}
