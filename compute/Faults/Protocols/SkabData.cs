using System.Globalization;
using System.IO.Compression;

namespace Athanor.Compute.Faults.Protocols;

/// <summary>One run of the water-circulation testbed, about a row a second.</summary>
/// <param name="Values">Rows of the eight signals.</param>
/// <param name="Anomaly">Whether the row is labelled as one.</param>
internal sealed record SkabRun(string Name, double[][] Values, bool[] Anomaly);

/// <summary>The labelled runs of SKAB v0.9 that lie in a folder.</summary>
internal static class SkabData
{
    public static string[] Signals { get; } =
        ["Accelerometer1", "Accelerometer2", "Current", "Pressure", "Temperature", "Thermocouple", "Voltage", "Flow"];

    public static SkabRun[] Read(string folder) => [.. new[] { "valve1", "valve2", "other" }.SelectMany(group =>
        Directory.GetFiles(Path.Combine(folder, group), "*.csv.gz").Order(StringComparer.Ordinal).Select(file => One(group, file)))];

    private static SkabRun One(string group, string file)
    {
        using var text = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        var rows = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..].Select(line => line.Split(';')).ToArray();
        var wrong = Array.FindIndex(rows, r => r.Length != 11);
        if (wrong >= 0) throw new InvalidDataException($"{file}, line {wrong + 2}: {rows[wrong].Length} columns; 11 would be right");
        return new SkabRun($"{group}/{Path.GetFileName(file).Split('.')[0]}",
            [.. rows.Select(r => r[1..9].Select(c => double.Parse(c, CultureInfo.InvariantCulture)).ToArray())],
            [.. rows.Select(r => double.Parse(r[9], CultureInfo.InvariantCulture) > 0.5)]);
    }
}
