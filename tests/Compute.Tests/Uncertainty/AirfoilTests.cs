using System.Globalization;
using Athanor.Compute.Kernels;
using Athanor.Compute.Uncertainty;

namespace Athanor.Compute.Tests.Uncertainty;

/// <summary>The ensemble on the measured airfoil noise that ships in data/tabular.</summary>
public sealed class AirfoilTests
{
    private static readonly SampleTable Table = Read();

    private static readonly EnsembleOptions Options = new([5, 48, 48, 1], 5, 60, 32, 0.01, 0.0, 0.1, [new LogShift(0, 2886.38)]);

    [Fact]
    public void The_table_has_106_settings_of_angle_chord_and_velocity()
    {
        Assert.Equal(1503, Table.Rows);
        Assert.Equal(106, RowSplit.Groups(Table.X, 5, [1, 2, 3]).Max() + 1);
        Assert.Equal(106, RowSplit.Groups(Table.X, 5, [1, 2, 3, 4]).Max() + 1);
    }

    [Fact]
    public void The_frequencies_are_third_octave_bands_with_their_mean_subtracted()
    {
        double[] bands =
        [
            200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000,
            12500, 16000, 20000,
        ];
        var values = Enumerable.Range(0, Table.Rows).Select(r => Table.X[5 * r]).Distinct().Order().ToArray();
        Assert.Equal(21, values.Length);
        // Five significant digits are given, so the largest are rounded to whole hertz.
        for (var i = 0; i < 21; i++) Assert.Equal(bands[i], values[i] + 2886.38, i < 19 ? 0.051 : 0.51);
    }

    [Fact]
    public void A_short_fit_predicts_and_its_calibrated_intervals_cover_what_their_law_allows()
    {
        var fit = EnsembleFit.Run(Table, RowSplit.ByPermutation(Table.Rows, 0.6, 0.2, 1), Options, 1);
        // A tenth of the demo's passes; the output's deviation is 6.9 dB.
        Assert.InRange(fit.Rmse, 1.0, 2.2);
        Assert.True(fit.Rmse < fit.MemberRmse, "the mean over members is better than a member");
        var law = SplitConformal.CoverageLaw(300, 0.1, 302);
        Assert.True(law.TwoSidedPValue(fit.CoveredByConstant) > 1e-4, $"{fit.CoveredByConstant} of 302");
        Assert.True(law.TwoSidedPValue(fit.CoveredByNormalised) > 1e-4, $"{fit.CoveredByNormalised} of 302");
        Assert.Equal(2 * fit.ConstantQuantile, fit.ConstantWidth);
    }

    [Fact]
    public void A_model_goes_through_its_bytes_and_predicts_the_same_bits()
    {
        var split = RowSplit.ByPermutation(Table.Rows, 0.6, 0.2, 2);
        var fit = EnsembleFit.Run(Table, split, Options with { Passes = 2, Members = 2 }, 2);
        var bytes = fit.Model.ToBytes();
        var again = EnsembleModel.FromBytes(bytes);
        Assert.Equal(bytes, again.ToBytes());
        var prediction = again.Predict(Table.X, split.Test);
        Assert.Equal(fit.Test.Mean, prediction.Mean);
        Assert.Equal(fit.Test.Spread, prediction.Spread);
        Assert.Throws<InvalidDataException>(() => EnsembleModel.FromBytes(bytes[..^1]));
        Assert.Throws<InvalidDataException>(() => EnsembleModel.FromBytes([.. bytes, 0]));
    }

    [Fact]
    public void Test_rows_do_not_touch_the_model_or_the_quantiles()
    {
        var split = RowSplit.ByPermutation(Table.Rows, 0.6, 0.2, 3);
        var options = Options with { Passes = 2, Members = 2 };
        var honest = EnsembleFit.Run(Table, split, options, 3);
        var spoilt = Table with { X = [.. Table.X], Y = [.. Table.Y] };
        foreach (var row in split.Test)
        {
            spoilt.Y[row] = 1000;
            spoilt.X[5 * row + 1] = 77;
        }
        var blind = EnsembleFit.Run(spoilt, split, options, 3);
        Assert.Equal(honest.Model.ToBytes(), blind.Model.ToBytes());
        Assert.Equal((honest.ConstantQuantile, honest.NormalisedQuantile), (blind.ConstantQuantile, blind.NormalisedQuantile));
        Assert.Equal(0, blind.CoveredByConstant);
    }

    private static SampleTable Read()
    {
        var lines = File.ReadAllLines(RepositoryFiles.Path("data", "tabular", "airfoil_self_noise_centred.csv"));
        var values = lines.Skip(1).Select(l => Array.ConvertAll(l.Split(','), v => float.Parse(v, CultureInfo.InvariantCulture))).ToArray();
        return new SampleTable(values.Length, 5, 1, [.. values.SelectMany(v => v[..5])], [.. values.Select(v => v[5])]);
    }
}
