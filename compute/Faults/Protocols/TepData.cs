using System.Globalization;
using System.IO.Compression;

namespace Athanor.Compute.Faults.Protocols;

/// <summary>The Tennessee Eastman files of Braatz and co-workers, as they lie in data/tep.</summary>
internal sealed class TepData(string folder)
{
    public const int Variables = 52, FaultRow = 160;

    /// <summary>XMEAS(1..41), XMV(1..11).</summary>
    public static string[] Names { get; } =
        [.. Enumerable.Range(1, 41).Select(i => $"XMEAS({i})"), .. Enumerable.Range(1, 11).Select(i => $"XMV({i})")];

    /// <summary>Faults with a test file.</summary>
    public static int[] TestFaults { get; } = [1, 2, 4, 5, 6, 8, 10, 13, 14, 18, 20];

    /// <summary>Normal operation, 500 rows. This one file is stored transposed: 52 rows of 500 columns.</summary>
    public double[][] Normal()
    {
        var rows = Read("d00.dat.gz");
        return [.. Enumerable.Range(0, rows[0].Length).Select(t => rows.Select(row => row[t]).ToArray())];
    }

    /// <summary>Normal operation, 960 rows.</summary>
    public double[][] NormalTest() => Check(Read("d00_te.dat.gz"), 960);

    /// <summary>480 rows, the fault is there from the first.</summary>
    public double[][] Training(int fault) => Check(Read($"d{fault:00}.dat.gz"), 480);

    /// <summary>960 rows, the fault starts after row 160.</summary>
    public double[][] Test(int fault) => Check(Read($"d{fault:00}_te.dat.gz"), 960);

    private static double[][] Check(double[][] rows, int count) => rows.Length == count && rows.All(r => r.Length == Variables) ? rows
        : throw new InvalidDataException($"a file of {count} rows of {Variables} values was expected; this one has {rows.Length} of {rows[0].Length}");

    private double[][] Read(string file)
    {
        var path = Path.Combine(folder, file);
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no {Path.GetFullPath(path)}; --data names the folder of the TEP files");
        using var text = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        return [.. text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !string.IsNullOrWhiteSpace(line))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray())];
    }
}
