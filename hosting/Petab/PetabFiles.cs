using System.Globalization;

namespace Athanor.Hosting.Petab;

/// <summary>A table of a PEtab problem: tab-separated, the first line holds the columns' names.</summary>
internal sealed class PetabTable
{
    private readonly Dictionary<string, int> _columns;
    private readonly string[][] _rows;

    public PetabTable(string file, string text)
    {
        File = file;
        var lines = text.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.Trim().Length > 0).ToArray();
        if (lines.Length == 0) throw new PetabException($"{file} is empty; a header line is needed");
        Columns = [.. lines[0].Split('\t').Select(c => c.Trim())];
        _columns = [];
        for (var i = 0; i < Columns.Count; i++)
        {
            if (!_columns.TryAdd(Columns[i], i)) throw new PetabException($"{file}: two columns are called '{Columns[i]}'");
        }
        _rows = [.. lines.Skip(1).Select(line => line.Split('\t').Select(c => c.Trim()).ToArray())];
        for (var r = 0; r < _rows.Length; r++)
        {
            if (_rows[r].Length > Columns.Count)
                throw new PetabException($"{file}, line {r + 2}: {_rows[r].Length} cells where the header has {Columns.Count} columns");
        }
    }

    public string File { get; }

    public IReadOnlyList<string> Columns { get; }

    public int Rows => _rows.Length;

    public bool Has(string column) => _columns.ContainsKey(column);

    /// <summary>A cell, or empty where the table has no such column.</summary>
    public string Optional(int row, string column) =>
        _columns.TryGetValue(column, out var i) && i < _rows[row].Length ? _rows[row][i] : "";

    /// <exception cref="PetabException">The column or the cell is missing.</exception>
    public string Text(int row, string column)
    {
        if (!Has(column)) throw new PetabException($"{File} has no column '{column}'; it has {string.Join(", ", Columns)}");
        var cell = Optional(row, column);
        return cell.Length > 0 ? cell : throw new PetabException($"{File}, line {row + 2}: '{column}' is empty");
    }

    public double Number(int row, string column) => TryNumber(Text(row, column), out var value)
        ? value
        : throw new PetabException($"{File}, line {row + 2}: '{column}' is '{Text(row, column)}', which is no number");

    public static bool TryNumber(string cell, out double value) =>
        double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}

/// <summary>The files of a PEtab problem by name, as read from a folder or from blobs.</summary>
/// <param name="Main">Name of the YAML file.</param>
/// <param name="Texts">By file name, relative to the YAML file.</param>
public sealed record PetabFiles(string Main, IReadOnlyDictionary<string, string> Texts)
{
    /// <summary>Reads a YAML file and what it names, beside it.</summary>
    public static PetabFiles Read(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var main = Path.GetFileName(path);
        var texts = new Dictionary<string, string>(StringComparer.Ordinal) { [main] = Load(path, path) };
        foreach (var name in NamedBy(main, texts[main])) texts[name] = Load(Path.Combine(folder, name), path);
        return new PetabFiles(main, texts);
    }

    /// <summary>The files that a YAML file's text names and a fit needs.</summary>
    public static IEnumerable<string> NamedBy(string main, string text) => PetabYaml.Parse(main, text).Files;

    internal string Text(string name) =>
        Texts.TryGetValue(name, out var text) ? text : throw new PetabException($"{Main} names {name}, which is missing");

    private static string Load(string file, string main)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException error)
        {
            throw new PetabException(
                file == main ? $"{file} cannot be read: {error.Message}" : $"{main} names {Path.GetFileName(file)}, which cannot be read: {error.Message}",
                error);
        }
    }
}

/// <summary>The YAML file of a problem: the subset of YAML that PEtab 1 uses (maps, lists, plain or quoted words).</summary>
/// <param name="Sbml">Name of the model's file.</param>
internal sealed record PetabYaml(string Parameters, string Sbml, IReadOnlyList<string> Conditions, IReadOnlyList<string> Measurements, IReadOnlyList<string> Observables)
{
    /// <summary>Every file that the fit needs; visualisations are not.</summary>
    public IEnumerable<string> Files => [Parameters, Sbml, .. Conditions, .. Measurements, .. Observables];

    public static PetabYaml Parse(string file, string text)
    {
        var single = new Dictionary<string, string>(StringComparer.Ordinal);
        var lists = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var key = "";
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            var content = line.TrimEnd('\r');
            var comment = content.IndexOf(" #", StringComparison.Ordinal);
            if (comment >= 0) content = content[..comment];
            content = content.Trim();
            if (content.Length == 0 || content.StartsWith('#') || content is "---" or "...") continue;
            var item = content.StartsWith("- ", StringComparison.Ordinal);
            if (item) content = content[2..].Trim();
            var colon = content.IndexOf(':');
            if (colon >= 0 && (colon == content.Length - 1 || content[colon + 1] == ' '))
            {
                key = content[..colon].Trim();
                var value = Unquote(content[(colon + 1)..].Trim());
                if (value.StartsWith('[') && value.EndsWith(']'))
                {
                    foreach (var part in value[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
                        Add(lists, key, Unquote(part));
                }
                else if (value.Length > 0 && !single.TryAdd(key, value))
                {
                    throw new PetabException($"{file}, line {number}: '{key}' stands twice; one problem a file is supported");
                }
                continue;
            }
            if (!item || key.Length == 0) throw new PetabException($"{file}, line {number}: '{content}' is not understood; 'key: value' or '- name' is expected");
            Add(lists, key, Unquote(content));
        }
        if (single.TryGetValue("format_version", out var version) && version is not ("1" or "1.0" or "1.0.0"))
            throw new PetabException($"{file}: format_version {version} is not supported; 1 is");
        string One(string name) => lists.TryGetValue(name, out var files) && files.Count == 1
            ? files[0]
            : throw new PetabException($"{file}: '{name}' must name one file; {(files is null ? 0 : files.Count)} are named");
        List<string> Some(string name) => lists.TryGetValue(name, out var files)
            ? files : throw new PetabException($"{file} has no '{name}'");
        if (!single.TryGetValue("parameter_file", out var parameters)) parameters = One("parameter_file");
        return new PetabYaml(parameters, One("sbml_files"), Some("condition_files"), Some("measurement_files"), Some("observable_files"));
    }

    private static void Add(Dictionary<string, List<string>> lists, string key, string value)
    {
        if (!lists.TryGetValue(key, out var list)) lists.Add(key, list = []);
        list.Add(value);
    }

    private static string Unquote(string text) =>
        text.Length >= 2 && text[0] == text[^1] && text[0] is '\'' or '"' ? text[1..^1] : text;
}
