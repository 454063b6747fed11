using System.Globalization;
using Athanor.Compute.Fitting;

namespace Athanor.Hosting.Fits;

/// <summary>A CSV file of measurements: a header, then numbers; an empty cell was not measured.</summary>
public sealed class FitTable
{
    private readonly string _file;
    private readonly List<double[]> _rows = [];

    public FitTable(string file, string text)
    {
        _file = file;
        var lines = text.Split('\n').Select(l => l.TrimEnd('\r')).ToArray();
        Columns = [.. lines[0].TrimStart('\uFEFF').Split(',').Select(c => c.Trim().Trim('"'))];
        for (var i = 1; i < lines.Length; i++)
        {
            if (lines[i].Trim().Length == 0) continue;
            var cells = lines[i].Split(',');
            if (cells.Length != Columns.Count)
                throw new FitException($"{file}:{i + 1}: {cells.Length} cells where the header has {Columns.Count} columns");
            _rows.Add([.. cells.Select((cell, c) => Number(cell.Trim(), i + 1, c))]);
        }
        if (_rows.Count == 0) throw new FitException($"{file} holds no rows of numbers");
    }

    public IReadOnlyList<string> Columns { get; }

    public int Rows => _rows.Count;

    /// <summary>NaN where a cell is empty.</summary>
    public double At(int row, int column) => _rows[row][column];

    /// <exception cref="FitException">There is no such column.</exception>
    public int Column(string name)
    {
        for (var c = 0; c < Columns.Count; c++)
        {
            if (Columns[c] == name) return c;
        }
        throw new FitException($"{_file} has no column '{name}'; it has {string.Join(", ", Columns)}");
    }

    private double Number(string cell, int line, int column)
    {
        if (cell.Length == 0) return double.NaN;
        return double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value : throw new FitException($"{_file}:{line}: column '{Columns[column]}' holds '{cell}', which is no finite number");
    }
}
