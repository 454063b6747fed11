using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Athanor.Nodes.Plots;
using Athanor.Nodes.Reports;
using Spectre.Console;
using Table = Spectre.Console.Table;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>The options <c>--csv FILE</c>, <c>--json [FILE]</c> and <c>--plot FILE.svg</c> that the simulation commands share, and how their
/// tables are printed.</summary>
internal sealed class Outputs
{
    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = false,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly Option<string?> _csv = new("--csv") { Description = "Write all numbers to a CSV file.", HelpName = "FILE" };

    private readonly Option<string?> _json = new("--json")
    {
        Description = "Write all numbers as JSON to a file, or instead of the table to standard output.",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _plot = new("--plot") { Description = "Draw into an SVG file.", HelpName = "FILE.svg" };

    public void AddTo(Command command)
    {
        command.Options.Add(_csv);
        command.Options.Add(_json);
        command.Options.Add(_plot);
    }

    /// <summary>Whether standard output is for JSON alone.</summary>
    public bool Quiet(ParseResult parsed) => parsed.GetResult(_json) is { Implicit: false } && parsed.GetValue(_json) is null;

    /// <summary>Makes sure that every file asked for can be written, before anything is calculated for it.</summary>
    /// <exception cref="UserException">One cannot; the message names option, file and reason.</exception>
    public void Check(ParseResult parsed)
    {
        if (parsed.GetValue(_plot) is { } plot) PlotFile.CheckName(plot);
        foreach (var option in new[] { _csv, _json, _plot })
        {
            if (parsed.GetValue(option) is not { } path) continue;
            try
            {
                if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
                var existed = File.Exists(path);
                using (File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite)) { }
                if (!existed) File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                throw new UserException($"{option.Name} {path}: it cannot be written: {e.Message}");
            }
        }
    }

    /// <summary>Writes what was asked for; each part is only made if it is.</summary>
    public void Write(
        ParseResult parsed, IReadOnlyList<string> columns, Func<IEnumerable<double[]>> rows, Func<object> json, Func<IReadOnlyList<Plot>> plots) =>
        Write(parsed, columns, () => rows().Select(row => row.Select(Exact)), json, plots);

    /// <summary>The same where a row holds names, too.</summary>
    public void Write(
        ParseResult parsed, IReadOnlyList<string> columns, Func<IEnumerable<IEnumerable<string>>> rows, Func<object> json,
        Func<IReadOnlyList<Plot>> plots)
    {
        if (parsed.GetValue(_csv) is { } csv) WriteCsv(csv, columns, rows());
        if (parsed.GetResult(_json) is { Implicit: false })
        {
            var text = JsonSerializer.Serialize(json(), JsonOptions);
            if (parsed.GetValue(_json) is { } file) Write(file, text + "\n");
            else Console.Out.WriteLine(text);
        }
        if (parsed.GetValue(_plot) is { } plot) PlotFile.Write(plot, plots());
    }

    /// <summary>Prints a table of numbers, at most <paramref name="most"/> rows, evenly chosen, first and last among them.</summary>
    public static void Print(IReadOnlyList<string> columns, IReadOnlyList<double[]> rows, int most = 13)
    {
        var table = new Table { Border = TableBorder.Rounded };
        foreach (var column in columns) table.AddColumn(new TableColumn(Markup.Escape(column)).RightAligned());
        var shown = Math.Min(most, rows.Count);
        for (var i = 0; i < shown; i++)
        {
            var row = rows[shown == 1 ? 0 : (int)((long)i * (rows.Count - 1) / (shown - 1))];
            table.AddRow([.. row.Select(value => new Text(Number(value)))]);
        }
        AnsiConsole.Write(table);
    }

    /// <summary>The shortest text that reads back as the same number.</summary>
    public static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    public static string Number(double value) => value.ToString("G7", CultureInfo.InvariantCulture);

    private static string Cell(string text) =>
        text.AsSpan().IndexOfAny(",\"\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static void WriteCsv(string path, IReadOnlyList<string> columns, IEnumerable<IEnumerable<string>> rows)
    {
        var text = new StringBuilder();
        text.AppendJoin(',', columns.Select(Cell)).Append('\n');
        foreach (var row in rows) text.AppendJoin(',', row.Select(Cell)).Append('\n');
        Write(path, text.ToString());
    }

    private static void Write(string path, string text)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        File.WriteAllText(path, text);
    }
}
