using System.Globalization;
using System.IO.Compression;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Neural.Models;

/// <summary>A quick part of the protocols; the whole tables are made by bench/protocol and stand in docs/validation/neural.md.</summary>
public sealed class ProtocolTests(ITestOutputHelper output)
{
    [Fact]
    public void The_batch_reactor_s_hidden_rate_law_is_learned_from_24_records()
    {
        var records = ReactorCase.Batch.Records(42);
        ProcessRecord[] training = records[..ReactorCase.Training], validation = records[ReactorCase.Training..];
        var result = new ReactorProtocol(ReactorCase.Batch, 240).Hybrid(training, validation, 42);
        Assert.True(result.Whole < 1e-3 && result.LastHalf < 1e-3, $"{result.Whole} {result.LastHalf}");
        Assert.Equal(0, result.Violations.Negative);
        Assert.True(result.Violations.MassDrift < 1e-12, $"{result.Violations.MassDrift}");
    }

    [Fact]
    public void Of_the_cascaded_tanks_a_free_run_over_the_last_256_rows_misses_at_most_0_45_V()
    {
        var record = Read(File.OpenRead(RepositoryFiles.Path("data", "sysid", "cascaded_tanks_estimation.csv")));
        var (protocol, tanks) = (new MeasuredProtocol(record), MeasuredCase.Tanks);
        var (model, p) = protocol.Fit(tanks.Candidates[3], [(0, tanks.Training)], 1);
        var result = protocol.Score(model, p, tanks.Training, tanks.Test);
        output.WriteLine($"{result.Rmse:0.000} V");
        Assert.True(result.Rmse <= tanks.Held, $"{result.Rmse}");
        Assert.Equal(0, result.Run.Violations.Negative);
    }

    [Fact]
    public void Of_the_heat_exchanger_a_free_run_over_the_last_1500_rows_misses_at_most_0_50_C()
    {
        if (SharedData.Find("sysid", "daisy_heat_exchanger_first3000.csv.gz") is not { } file)
        {
            output.WriteLine(SharedData.Skipped);
            return;
        }
        var protocol = new MeasuredProtocol(Read(new GZipStream(File.OpenRead(file), CompressionMode.Decompress)));
        var exchanger = MeasuredCase.Exchanger;
        var (model, p) = protocol.Fit(exchanger.Candidates[1], [(0, exchanger.Training)], 1);
        var result = protocol.Score(model, p, exchanger.Training, exchanger.Test);
        output.WriteLine($"{result.Rmse:0.000} C");
        Assert.True(result.Rmse <= exchanger.Held, $"{result.Rmse}");
    }

    [Fact]
    public void A_period_and_an_amplitude_are_read_off_a_wave()
    {
        var values = Enumerable.Range(0, 3001)
            .SelectMany(k => new[] { 0.0, 350.0 + (20.0 * Math.Sin(2.0 * Math.PI * k * 0.02 / 1.7)) }).ToArray();
        var (period, amplitude) = ReactorProtocol.LimitCycle(values, 2, 0.02);
        Assert.Equal(1.7, period, 1e-4);
        Assert.Equal(20.0, amplitude, 1e-2);
    }

    private static ProcessRecord Read(Stream stream)
    {
        using var text = new StreamReader(stream);
        var rows = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        return new ProcessRecord([.. rows.Select(r => r[0])], [.. rows.Select(r => r[1])], [.. rows.Select(r => r[2])]);
    }
}
