using System.Globalization;
using System.IO.Compression;
using CsvHelper;
using CsvHelper.Configuration;

namespace Athanor.Nodes.Data;

/// <summary>What a CSV file must be.</summary>
public sealed record CsvOptions
{
    /// <summary>A column whose values must rise strictly from row to row, e.g. the time stamp; null for none.</summary>
    public string? Rising { get; init; }

    /// <summary>Whether the first line names the columns; without, they are c1, c2, ... in their order.</summary>
    public bool Header { get; init; } = true;

    /// <summary>Fewest data rows.</summary>
    public int MinimumRows { get; init; } = 1;
}

/// <summary>A file that is not what was asked for. The message names the file, the line and the column, and says what would be right.</summary>
public sealed class CsvFormatException(string message) : Exception(message);

/// <summary>Numbers of named columns, read strictly: every cell is a finite number in the invariant form (1.5, -2e-3).</summary>
public sealed class CsvTable
{
    private readonly Dictionary<string, int> _index;
    private readonly double[][] _columns;

    private CsvTable(IReadOnlyList<string> names, double[][] columns)
    {
        Names = names;
        _columns = columns;
        _index = Enumerable.Range(0, names.Count).ToDictionary(i => names[i], StringComparer.Ordinal);
    }

    public IReadOnlyList<string> Names { get; }

    public int Rows => _columns.Length == 0 ? 0 : _columns[0].Length;

    /// <summary>The values of a column, shape (rows).</summary>
    public double[] this[string name] => _columns[_index[name]];

    /// <summary>Reads the columns named, in that order; an empty list reads all. A path that ends in <c>.gz</c> is decompressed.</summary>
    /// <exception cref="CsvFormatException">A column is missing, a cell is no finite number, time does not rise, or the file is empty.</exception>
    public static CsvTable Read(string path, IReadOnlyList<string> columns, CsvOptions? options = null)
    {
        if (!File.Exists(path)) throw new CsvFormatException($"{path}: there is no such file");
        using Stream file = File.OpenRead(path);
        using var content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(content);
        return Read(reader, path, columns, options ?? new CsvOptions());
    }

    /// <summary>As <see cref="Read(string,IReadOnlyList{string},CsvOptions?)"/>, from text; <paramref name="name"/> stands for the file in messages.</summary>
    public static CsvTable Read(TextReader text, string name, IReadOnlyList<string> columns, CsvOptions options)
    {
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            TrimOptions = TrimOptions.Trim,
            BadDataFound = null,
            MissingFieldFound = null,
            DetectDelimiter = false,
            HasHeaderRecord = options.Header,
        };
        using var csv = new CsvReader(text, configuration);
        var more = csv.Read();
        string[]? header = !more ? null : !options.Header ? Numbered(csv.Parser.Count) : csv.ReadHeader() ? csv.HeaderRecord : null;
        if (header is not { Length: > 0 })
        {
            throw new CsvFormatException(options.Header
                ? $"{name}: the file is empty; expected a header line {Heads(columns)} and at least one row"
                : $"{name}: the file is empty; expected at least one row of numbers");
        }
        if (options.Header) more = csv.Read();

        var wanted = columns.Count == 0 ? header : [.. columns];
        var positions = Array.ConvertAll(wanted, column => Position(name, header, column));
        var values = Array.ConvertAll(wanted, _ => new List<double>());
        var rising = options.Rising is null ? -1 : Array.IndexOf(wanted, options.Rising);
        if (options.Rising is not null && rising < 0)
            throw new ArgumentException($"the rising column '{options.Rising}' is not among those read", nameof(options));

        for (; more; more = csv.Read())
        {
            var line = csv.Context.Parser!.RawRow;
            if (csv.Parser.Count != header.Length)
                throw new CsvFormatException($"{name}:{line}: {csv.Parser.Count} cells where the {(options.Header ? "header" : "first line")} has {header.Length}");
            for (var i = 0; i < wanted.Length; i++)
                values[i].Add(Number(name, line, wanted[i], csv.GetField(positions[i])));
            if (rising >= 0) RequireRising(name, line, wanted[rising], values[rising]);
        }
        var rows = values.Length == 0 ? 0 : values[0].Count;
        if (rows < options.MinimumRows)
            throw new CsvFormatException($"{name}: {rows} data rows; at least {options.MinimumRows} are needed");
        return new CsvTable(wanted, Array.ConvertAll(values, v => v.ToArray()));
    }

    private static string[] Numbered(int count) =>
        [.. Enumerable.Range(1, count).Select(static i => string.Create(CultureInfo.InvariantCulture, $"c{i}"))];

    private static int Position(string name, string[] header, string column)
    {
        var position = Array.IndexOf(header, column);
        if (position < 0)
            throw new CsvFormatException($"{name}:1: the column '{column}' is missing; the header has {string.Join(", ", header)}");
        return position;
    }

    private static double Number(string name, int line, string column, string? cell)
    {
        if (string.IsNullOrEmpty(cell))
            throw new CsvFormatException($"{name}:{line}: column '{column}' is empty; expected a number such as 21.5");
        if (!double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            throw new CsvFormatException($"{name}:{line}: column '{column}' holds '{cell}'; expected a number such as 21.5 or 2.1e1");
        if (!double.IsFinite(value))
            throw new CsvFormatException($"{name}:{line}: column '{column}' holds '{cell}'; only finite numbers are taken");
        return value;
    }

    private static void RequireRising(string name, int line, string column, List<double> values)
    {
        if (values.Count < 2) return;
        var (before, now) = (values[^2], values[^1]);
        if (now == before)
            throw new CsvFormatException(string.Create(CultureInfo.InvariantCulture,
                $"{name}:{line}: duplicate '{column}' {now}; the line before has the same value, and it must rise"));
        if (now < before)
            throw new CsvFormatException(string.Create(CultureInfo.InvariantCulture,
                $"{name}:{line}: '{column}' runs back from {before} to {now}; it must rise from line to line"));
    }

    private static string Heads(IReadOnlyList<string> columns) => columns.Count == 0 ? "" : $"with {string.Join(", ", columns)}";
}
