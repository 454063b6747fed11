using System.Globalization;
using System.IO.Compression;
using Athanor.Compute.Twins;

namespace Athanor.Compute.Tests.Twins;

/// <summary>The measured record that ships with the repository.</summary>
internal static class Tclab
{
    private static readonly Lazy<HeaterRecord> All = new(Read);

    public static HeaterRecord Record => All.Value;

    public static HeaterParameters Textbook => HeaterParameters.Textbook with { Ambient = Record.MeasuredC[0] };

    /// <summary>A hybrid with a residual that is not zero.</summary>
    public static HeaterModel Hybrid()
    {
        var weights = ResidualNet.Initial(3, 5);
        for (var i = 15; i < weights.Length; i++) weights[i] = 0.3 - (0.05 * i % 0.4);
        return HeaterModel.Hybrid(Textbook with { Memory = 100, Radiation = 2e-12 }, weights);
    }

    private static HeaterRecord Read()
    {
        using var file = File.OpenRead(RepositoryFiles.Path("data", "sysid", "tclab_heater.csv.gz"));
        using var text = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        var rows = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        return new HeaterRecord([.. rows.Select(r => r[0])], [.. rows.Select(r => r[1])], [.. rows.Select(r => r[3])]);
    }
}
