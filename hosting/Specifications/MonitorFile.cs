using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Athanor.Compute.Faults;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>
/// Reads <c>monitor { columns, watch, kind, train, calibrate, ... }</c> of a HOCON file and trains what it says: a monitor of normal
/// operation with limits, and a classifier of known faults. docs/guides/monitor.md has every key. Whatever is wrong is one
/// <see cref="HoconException"/> that begins with file and line and names the key.
/// </summary>
public sealed partial class MonitorFile
{
    private static readonly string[] Keys =
        ["title", "columns", "watch", "kind", "lags", "components", "ridge", "forgetting", "false-alarm-rate", "train", "calibrate",
            "known", "settling"];

    private readonly SpecificationReader _reader;
    private readonly string _folder;

    private MonitorFile(string path, HoconObject root)
    {
        if (root.At("monitor") is not HoconObject section)
            throw SpecificationReader.Error(root.Origin, "monitor", "the file has no section monitor { columns, train, calibrate, ... }");
        _reader = new SpecificationReader(section, "monitor", Keys);
        _folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Title = _reader.Text("title") ?? Path.GetFileNameWithoutExtension(path);
        Columns = Names("columns");
        Watched = _reader.Has("watch") ? Names("watch") : Columns;
        if (Watched.FirstOrDefault(w => !Columns.Contains(w)) is { } unknown)
            throw _reader.Wrong("watch", $"names of columns; there is no column '{unknown}'");
        Rate = _reader.Number("false-alarm-rate") ?? 0.01;
        if (!(Rate > 0.0 && Rate < 0.1)) throw _reader.Wrong("false-alarm-rate", "above 0 and below 0.1, such as 0.01");
        Settings = Train();
    }

    public string Title { get; }

    /// <summary>Of the data files.</summary>
    public string[] Columns { get; }

    public string[] Watched { get; }

    /// <summary>Wanted false alarms, a part of samples.</summary>
    public double Rate { get; }

    /// <summary>A detector of the watched values.</summary>
    public DetectorSettings Settings { get; }

    /// <exception cref="HoconException">The file, or data that it names, are wrong.</exception>
    public static MonitorFile Load(string path) => new(path, HoconFile.Load(path));

    /// <summary>Rows of the watched values from a data file: CSV with a header of names, or columns between spaces without one, and either
    /// packed by gzip. A file that has a row for each column is turned round.</summary>
    /// <exception cref="InvalidDataException">A line is wrong; the message has file and line.</exception>
    public double[][] Read(string path)
    {
        using var raw = File.OpenRead(path);
        using var text = new StreamReader(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress)
            : raw);
        var lines = text.ReadToEnd().Split('\n').Select((line, i) => (Text: line.Trim(), Number: i + 1)).Where(l => l.Text != "").ToArray();
        if (lines.Length == 0) throw new InvalidDataException($"{path}: it is empty");
        var columns = Columns;
        if (lines[0].Text.Contains(','))
        {
            columns = [.. lines[0].Text.Split(',').Select(c => c.Trim())];
            lines = lines[1..];
        }
        var rows = lines.Select(l => Row(path, l.Text, l.Number)).ToArray();
        if (rows.Length == Columns.Length && rows[0].Length != Columns.Length)
            rows = [.. Enumerable.Range(0, rows[0].Length).Select(t => rows.Select(r => r[t]).ToArray())];
        var wrong = Array.FindIndex(rows, r => r.Length != columns.Length);
        if (wrong >= 0)
            throw new InvalidDataException($"{path}, line {lines[wrong].Number}: {rows[wrong].Length} values; {columns.Length} would be right");
        var places = Watched.Select(w => Array.IndexOf(columns, w)).ToArray();
        var absent = Array.IndexOf(places, -1);
        if (absent >= 0) throw new InvalidDataException($"{path}: there is no column {Watched[absent]}");
        return [.. rows.Select(r => places.Select(p => r[p]).ToArray())];
    }

    private DetectorSettings Train()
    {
        var train = Runs("train");
        var lags = Whole("lags", 0, 0, 50);
        var components = Whole("components", 1, 1, 500);
        var kind = _reader.Text("kind") ?? throw _reader.Missing("kind");
        try
        {
            var model = kind switch
            {
                "pca" => MonitorTraining.Pca(Watched, train, components),
                "dynamic-pca" => MonitorTraining.Pca(Watched, train, components, lags),
                "cva" => MonitorTraining.Cva(Watched, train, lags + 1, lags + 1, components, _reader.Number("ridge") ?? 0.01),
                _ => throw _reader.Wrong("kind", "pca, dynamic-pca or cva"),
            };
            if (_reader.Has("forgetting")) model = model with { Forgetting = [.. _reader.Numbers("forgetting")] };
            if (model.Problem() is { } wrong) throw _reader.Wrong("forgetting", wrong);
            model = MonitorTraining.Calibrate(model, Runs("calibrate"), Rate);
            return new DetectorSettings([], Watched)
            {
                FalseAlarmRate = Rate,
                Monitors = [new NamedMonitor(kind, model)],
                Known =
                Known(model)
            };
        }
        catch (ArgumentException error)
        {
            throw SpecificationReader.Error(_reader.Origin("train"), "monitor", error.Message);
        }
    }

    private KnownFaults? Known(MonitorModel scale)
    {
        if (_reader.Object("known") is not { } known) return null;
        var settling = Whole("settling", 40, 0, 100_000);
        var moments = new MovingMoments(scale.Mean, scale.Deviation, 0.05);
        var names = known.Fields.Select(f => f.Key).ToArray();
        var files = new SpecificationReader(known, "monitor.known", null);
        var faults = names.Select(name => (name, Data(files.Text(name)!, files, name))).ToArray();
        return new KnownFaults(Watched, moments, moments.Learn(faults, settling, 0.1));
    }

    private double[][][] Runs(string key)
    {
        var value = _reader.Fields.FirstOrDefault(f => f.Key == key).Value ?? throw _reader.Missing(key);
        if (value is not HoconArray { Items.Count: > 0 } array)
            throw _reader.Wrong(key, "an array of files of normal operation [\"a.csv\", ...]");
        return [.. array.Items.Select(i =>
            Data((i as HoconScalar)?.Text ?? throw _reader.Wrong(key, "an array of file names"), _reader, key))];
    }

    private double[][] Data(string file, SpecificationReader reader, string key)
    {
        // Beside the specification, or from where the command was called.
        var path = new[] { Path.Combine(_folder, file), file }.FirstOrDefault(File.Exists)
            ?? throw reader.Wrong(key, $"files that are there; {file} is neither beside the specification nor here");
        try
        {
            return Read(path);
        }
        catch (InvalidDataException error)
        {
            throw SpecificationReader.Error(reader.Origin(key), reader.At(key), error.Message);
        }
    }

    private int Whole(string key, int otherwise, int least, int most)
    {
        var value = _reader.Number(key) ?? otherwise;
        return value == Math.Floor(value) && value >= least && value <= most ? (int)value
            : throw _reader.Wrong(key, string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"));
    }

    /// <summary>Names, where <c>X(1..41)</c> stands for X(1) to X(41).</summary>
    private string[] Names(string key)
    {
        var value = _reader.Fields.FirstOrDefault(f => f.Key == key).Value ?? throw _reader.Missing(key);
        if (value is not HoconArray array) throw _reader.Wrong(key, "an array of names, such as [T, P, \"X(1..4)\"]");
        return [.. array.Items.SelectMany(i => Expand((i as HoconScalar)?.Text ?? throw _reader.Wrong(key, "an array of names")))];
    }

    private static IEnumerable<string> Expand(string name)
    {
        if (Range().Match(name) is not { Success: true } match) return [name];
        var (from, to) = (int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture),
            int.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture));
        return Enumerable.Range(from, Math.Max(0, to - from + 1))
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"{match.Groups[1].Value}{i}{match.Groups[4].Value}"));
    }

    private static double[] Row(string path, string text, int number) =>
        [.. text.Split([',', ' ', '\t', ';'], StringSplitOptions.RemoveEmptyEntries).Select(cell =>
            double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value
                : throw new InvalidDataException($"{path}, line {number}: '{cell}' is no number"))];

    [GeneratedRegex(@"^(.*?)([0-9]{1,4})\.\.([0-9]{1,4})(.*)$")]
    private static partial Regex Range();
}
