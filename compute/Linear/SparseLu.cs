namespace Athanor.Compute.Linear;

/// <summary>
/// Sparse LU factors by columns: the left-looking method of Gilbert and Peierls (SIAM J. Sci. Stat. Comput. 9, 1988) with threshold
/// pivoting that prefers the diagonal, in the columns' order of <see cref="MinimumDegree"/>. The first matrix fixes pivots and pattern; the
/// ones after it are factored within them (Davis, Direct Methods for Sparse Linear Systems, 2006, ch. 6), and pivots are chosen anew when
/// one has become small beside its column.
/// </summary>
internal sealed class SparseLu : ISparseFactors
{
    /// <summary>The diagonal is taken as the pivot if it is at least this part of its column's largest entry.</summary>
    private const double PreferDiagonal = 0.1;

    /// <summary>A kept pivot below this part of its column's largest entry asks for new pivots.</summary>
    private const double SmallestKept = 1e-3;

    private readonly int _n;
    private readonly int[] _order;

    // The matrix by columns: where each value of the Jacobian goes, and the diagonal's place.
    private readonly int[] _columnStarts;
    private readonly int[] _rows;
    private readonly int[] _from;
    private readonly int[] _diagonal;
    private readonly double[] _values;

    private readonly int[] _lowerStarts;
    private readonly int[] _upperStarts;
    private readonly int[] _position;
    private readonly double[] _x;
    private int[] _lowerRows;
    private double[] _lower;
    private int[] _upperRows;
    private double[] _upper;
    private readonly int[] _stack;
    private readonly int[] _heads;
    private readonly int[] _reach;
    private readonly int[] _mark;
    private bool _analysed;

    public SparseLu(SparsePattern pattern)
        : this(pattern, MinimumDegree.Order(pattern))
    {
    }

    /// <param name="order">The column eliminated first, second, ...</param>
    public SparseLu(SparsePattern pattern, int[] order)
    {
        var full = pattern.WithDiagonal();
        var n = _n = pattern.Size;
        _order = order;
        var byColumn = full.Entries().OrderBy(e => e.Column).ThenBy(e => e.Row).ToArray();
        _columnStarts = new int[n + 1];
        foreach (var (_, column) in byColumn) _columnStarts[column + 1]++;
        for (var j = 0; j < n; j++) _columnStarts[j + 1] += _columnStarts[j];
        _rows = [.. byColumn.Select(e => e.Row)];
        _from = [.. byColumn.Select(e => pattern.IndexOf(e.Row, e.Column))];
        _diagonal = [.. Enumerable.Range(0, n).Select(j => Array.FindIndex(byColumn, _columnStarts[j], e => e == (j, j)))];
        _values = new double[_rows.Length];
        _lowerStarts = new int[n + 1];
        _upperStarts = new int[n + 1];
        _position = new int[n];
        _x = new double[n];
        _lowerRows = new int[4 * _rows.Length];
        _lower = new double[_lowerRows.Length];
        _upperRows = new int[4 * _rows.Length];
        _upper = new double[_upperRows.Length];
        _stack = new int[n];
        _heads = new int[n];
        _reach = new int[n];
        _mark = new int[n];
    }

    public string Description => _analysed ? $"sparse, {_lowerStarts[_n] + _upperStarts[_n]} entries" : "sparse";

    /// <summary>How often pivots were chosen.</summary>
    public int Analyses { get; private set; }

    public bool Factor(ReadOnlySpan<double> jacobian, double c, ReadOnlySpan<double> mass)
    {
        for (var k = 0; k < _values.Length; k++) _values[k] = _from[k] < 0 ? 0.0 : -jacobian[_from[k]];
        for (var j = 0; j < _n; j++) _values[_diagonal[j]] += mass.Length == 0 ? c : c * mass[j];
        if (_analysed && FactorAgain()) return true;
        Analyses++;
        return _analysed = FactorAnew();
    }

    public void Solve(Span<double> b)
    {
        var x = _x;
        for (var i = 0; i < _n; i++) x[_position[i]] = b[i];
        for (var k = 0; k < _n; k++)
        {
            var xk = x[k];
            if (xk == 0.0) continue;
            for (var p = _lowerStarts[k] + 1; p < _lowerStarts[k + 1]; p++)
                x[_lowerRows[p]] = Math.FusedMultiplyAdd(-_lower[p], xk, x[_lowerRows[p]]);
        }
        for (var k = _n - 1; k >= 0; k--)
        {
            var end = _upperStarts[k + 1] - 1;
            var xk = x[k] / _upper[end];
            x[k] = xk;
            if (xk == 0.0) continue;
            for (var p = _upperStarts[k]; p < end; p++)
                x[_upperRows[p]] = Math.FusedMultiplyAdd(-_upper[p], xk, x[_upperRows[p]]);
        }
        for (var k = 0; k < _n; k++) b[_order[k]] = x[k];
        Array.Clear(x);
    }

    /// <summary>The numbers alone, in the pattern and with the pivots found before. False if a pivot has become too small.</summary>
    private bool FactorAgain()
    {
        var x = _x;
        for (var k = 0; k < _n; k++)
        {
            var column = _order[k];
            for (var p = _columnStarts[column]; p < _columnStarts[column + 1]; p++) x[_position[_rows[p]]] = _values[p];
            var end = _upperStarts[k + 1] - 1;
            for (var p = _upperStarts[k]; p < end; p++)
            {
                var j = _upperRows[p];
                var u = x[j];
                x[j] = 0.0;
                _upper[p] = u;
                if (u == 0.0) continue;
                for (var q = _lowerStarts[j] + 1; q < _lowerStarts[j + 1]; q++)
                    x[_lowerRows[q]] = Math.FusedMultiplyAdd(-_lower[q], u, x[_lowerRows[q]]);
            }
            var pivot = x[k];
            x[k] = 0.0;
            _upper[end] = pivot;
            var largest = Math.Abs(pivot);
            for (var q = _lowerStarts[k] + 1; q < _lowerStarts[k + 1]; q++)
            {
                var entry = x[_lowerRows[q]];
                x[_lowerRows[q]] = 0.0;
                largest = Math.Max(largest, Math.Abs(entry));
                _lower[q] = entry / pivot;
            }
            if (Math.Abs(pivot) > SmallestKept * largest && double.IsFinite(largest)) continue;
            Array.Clear(x);
            return false;
        }
        return true;
    }

    private bool FactorAnew()
    {
        var x = _x;
        Array.Fill(_position, -1);
        Array.Fill(_mark, -1);
        int lower = 0, upper = 0;
        for (var k = 0; k < _n; k++)
        {
            _lowerStarts[k] = lower;
            _upperStarts[k] = upper;
            Room(lower, upper);
            var column = _order[k];
            var top = Reach(column, k);
            for (var p = _columnStarts[column]; p < _columnStarts[column + 1]; p++) x[_rows[p]] = _values[p];
            // Rows that have a position are final in topological order; pivots are sought among the others afterwards.
            for (var p = top; p < _n; p++)
            {
                var i = _reach[p];
                var j = _position[i];
                if (j < 0) continue;
                _upperRows[upper] = j;
                _upper[upper++] = x[i];
                for (var q = _lowerStarts[j] + 1; q < _lowerStarts[j + 1]; q++)
                    x[_lowerRows[q]] = Math.FusedMultiplyAdd(-_lower[q], x[i], x[_lowerRows[q]]);
                x[i] = 0.0;
            }
            var pivotRow = -1;
            var largest = 0.0;
            for (var p = top; p < _n; p++)
            {
                var i = _reach[p];
                if (_position[i] >= 0) continue;
                var size = Math.Abs(x[i]);
                if (!(size > largest)) continue;
                largest = size;
                pivotRow = i;
            }
            if (pivotRow < 0 || !double.IsFinite(largest))
            {
                Array.Clear(x);
                return false;
            }
            if (_position[column] < 0 && Math.Abs(x[column]) >= PreferDiagonal * largest) pivotRow = column;
            var pivot = x[pivotRow];
            _upperRows[upper] = k;
            _upper[upper++] = pivot;
            _position[pivotRow] = k;
            _lowerRows[lower] = pivotRow;
            _lower[lower++] = 1.0;
            x[pivotRow] = 0.0;
            for (var p = top; p < _n; p++)
            {
                var i = _reach[p];
                if (_position[i] >= 0) continue;
                _lowerRows[lower] = i;
                _lower[lower++] = x[i] / pivot;
                x[i] = 0.0;
            }
        }
        _lowerStarts[_n] = lower;
        _upperStarts[_n] = upper;
        for (var p = 0; p < lower; p++) _lowerRows[p] = _position[_lowerRows[p]];
        return true;
    }

    /// <summary>The rows that column number k can fill, in topological order at the end of <see cref="_reach"/>: depth-first through the
    /// columns of L.</summary>
    private int Reach(int column, int k)
    {
        var top = _n;
        for (var p = _columnStarts[column]; p < _columnStarts[column + 1]; p++)
        {
            if (_mark[_rows[p]] == k) continue;
            var depth = 0;
            _stack[0] = _rows[p];
            _heads[0] = -1;
            while (depth >= 0)
            {
                var node = _stack[depth];
                var j = _position[node];
                if (_heads[depth] < 0)
                {
                    _mark[node] = k;
                    _heads[depth] = j < 0 ? 0 : _lowerStarts[j] + 1;
                }
                var end = j < 0 ? 0 : _lowerStarts[j + 1];
                var descended = false;
                for (var q = _heads[depth]; q < end; q++)
                {
                    if (_mark[_lowerRows[q]] == k) continue;
                    _heads[depth] = q + 1;
                    _stack[++depth] = _lowerRows[q];
                    _heads[depth] = -1;
                    descended = true;
                    break;
                }
                if (descended) continue;
                depth--;
                _reach[--top] = node;
            }
        }
        return top;
    }

    private void Room(int lower, int upper)
    {
        if (lower + _n > _lower.Length)
        {
            Array.Resize(ref _lower, (2 * _lower.Length) + _n);
            Array.Resize(ref _lowerRows, _lower.Length);
        }
        if (upper + _n <= _upper.Length) return;
        Array.Resize(ref _upper, (2 * _upper.Length) + _n);
        Array.Resize(ref _upperRows, _upper.Length);
    }
}
