using System.Globalization;
using System.IO.Compression;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;
using CsvHelper;
using CsvHelper.Configuration;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>
/// Measurements of a unit in a CSV file: a column of times (the first, or the one called <c>time</c>) and one for each signal, whose heads
/// are <c>T [degC]</c> or <c>T</c> alone. A unit in a head is converted into the twin's, or refused; a cell may be empty where a signal has
/// another rate. Times are seconds (or min, h, d, ms by the head's unit) from the start, or dates as in <c>2026-03-01T12:00:00Z</c>.
/// </summary>
internal sealed class FeedFile : IDisposable
{
    private readonly string _path;
    private readonly CsvReader _csv;
    private readonly StreamReader _text;
    private readonly List<(int Position, string Signal, Func<double, double> Convert)> _columns = [];
    private readonly int _time;
    private readonly DateTimeOffset _start;
    private readonly double? _timeFactor;

    private FeedFile(string path, StreamReader text, UnitSpec spec, DateTimeOffset start, IReadOnlyCollection<string> ignored)
    {
        (_path, _text, _start) = (path, text, start);
        _csv = new CsvReader(text, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            TrimOptions = TrimOptions.Trim,
            BadDataFound = null,
            MissingFieldFound = null,
        });
        if (!_csv.Read() || !_csv.ReadHeader() || _csv.HeaderRecord is not { Length: > 0 } heads)
            throw new UserException($"{path}: the file is empty; a head such as time [s],{string.Join(',', spec.Sensors.Select(static s => $"{s.Signal} [{s.Unit}]"))} is needed");
        var names = heads.Select(static h => Split(h)).ToArray();
        _time = Math.Max(0, Array.FindIndex(names, static n => n.Name.Equals("time", StringComparison.OrdinalIgnoreCase)));
        _timeFactor = names[_time].Unit switch
        {
            null or "s" => null,
            "ms" => 1e-3,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            var other => throw new UserException($"{path}:1: times are in {other}; s, ms, min, h or d would be right"),
        };
        var known = spec.Sensors.Select(static s => (s.Signal, s.Unit)).Concat(spec.Inputs.Select(static i => (i.Signal, i.Unit))).ToDictionary(static s => s.Signal, static s => s.Unit);
        for (var i = 0; i < names.Length; i++)
        {
            if (i == _time || ignored.Contains(names[i].Name)) continue;
            var (name, unit) = names[i];
            if (!known.TryGetValue(name, out var own))
            {
                throw new UserException(
                    $"{path}:1: {spec.Unit} has no signal '{name}'; its signals are {string.Join(", ", known.Keys)}. --ignore {name} leaves the column out");
            }
            if (unit is not null && UnitText.Convert(0.0, unit, own).Problem is { } problem)
                throw new UserException($"{path}:1: column '{heads[i]}': {problem}; {name} is in {own}");
            if (unit is null && own.Length > 0) Bare.Add($"{name} in {own}");
            _columns.Add((i, name, unit is null || unit == own ? static x => x : x => UnitText.Convert(x, unit, own).Value));
        }
        if (_columns.Count == 0) throw new UserException($"{path}:1: there is no column of a signal; {spec.Unit} has {string.Join(", ", known.Keys)}");
    }

    /// <summary>Columns whose head has no unit, with the one that is taken.</summary>
    public List<string> Bare { get; } = [];

    /// <summary>Bytes of the file, and how many of them were read.</summary>
    public (long Read, long Total) Progress => (_text.BaseStream is GZipStream zipped ? zipped.BaseStream.Position : _text.BaseStream.Position, new FileInfo(_path).Length);

    /// <param name="start">What a time of 0 means where times are numbers.</param>
    /// <param name="ignored">Columns that are left out.</param>
    /// <exception cref="UserException">The file is wrong; the message names line and column.</exception>
    public static FeedFile Open(string path, UnitSpec spec, DateTimeOffset start, IReadOnlyCollection<string> ignored)
    {
        if (!File.Exists(path)) throw new UserException($"{path}: there is no such file");
        Stream file = File.OpenRead(path);
        if (path.EndsWith(".gz", StringComparison.Ordinal)) file = new GZipStream(file, CompressionMode.Decompress);
        return new FeedFile(path, new StreamReader(file), spec, start, ignored);
    }

    /// <summary>The samples, row by row.</summary>
    public IEnumerable<Sample[]> Rows()
    {
        while (_csv.Read())
        {
            var line = _csv.Context.Parser!.RawRow;
            if (_csv.Parser!.Count != _csv.HeaderRecord!.Length)
                throw new UserException($"{_path}:{line}: {_csv.Parser.Count} cells where the header has {_csv.HeaderRecord.Length}");
            var time = Time(line, _csv.GetField(_time));
            var samples = new List<Sample>(_columns.Count);
            foreach (var (position, signal, convert) in _columns)
            {
                var cell = _csv.GetField(position);
                if (string.IsNullOrEmpty(cell)) continue;
                if (!double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
                    throw new UserException($"{_path}:{line}: column '{signal}' holds '{cell}'; a finite number such as 21.5 would be right, or nothing");
                samples.Add(new Sample(signal, time, 0, convert(value)));
            }
            if (samples.Count > 0) yield return [.. samples];
        }
    }

    public void Dispose()
    {
        _csv.Dispose();
        _text.Dispose();
    }

    private static (string Name, string? Unit) Split(string head)
    {
        var text = head.Trim();
        var open = text.IndexOf('[', StringComparison.Ordinal);
        return open > 0 && text.EndsWith(']') ? (text[..open].Trim(), text[(open + 1)..^1].Trim()) : (text, null);
    }

    private DateTimeOffset Time(int line, string? cell)
    {
        if (double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
        {
            var seconds = number * (_timeFactor ?? 1.0);
            // Far beyond any record, and what a date can hold.
            if (Math.Abs(seconds) < 3e9) return _start.AddTicks((long)Math.Round(seconds * TimeSpan.TicksPerSecond));
        }
        else if (_timeFactor is null && DateTimeOffset.TryParse(cell, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date))
        {
            return date.ToUniversalTime();
        }
        throw new UserException($"{_path}:{line}: the time is '{cell}'; a number of seconds or a date such as 2026-03-01T12:00:00Z would be right");
    }
}
