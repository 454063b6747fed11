using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kernels;
using Athanor.Compute.Uncertainty;
using Athanor.Nodes.Reports;
using Athanor.Protocol.Ensembles;

namespace Athanor.Nodes.Demo;

/// <summary>What the report says of the airfoil ensemble.</summary>
internal static class EnsembleSection
{
    private const double LargestRmse = 1.7;

    public static void Write(
        Section section, EnsembleSpec spec, ImmutableSortedDictionary<int, SplitFit> fits,
        ImmutableSortedDictionary<int, SampleTable> predictions, bool small)
    {
        var byRow = fits.Where(f => f.Value.Rule == SplitRule.Permutation).ToArray();
        var byGroup = fits.Where(f => f.Value.Rule == SplitRule.Group).ToArray();
        var rmse = byRow.Average(f => f.Value.Rmse);
        var smallest = byRow.Min(f => Math.Min(PValue(spec, f.Value, f.Value.CoveredByConstant), PValue(spec, f.Value, f.Value.CoveredByNormalised)));
        var bound = 0.05 / (2 * byRow.Length);
        section
            .Say("1503 sound levels of a wing section, measured in a wind tunnel (Brooks, Pope and Marcolini 1989; UCI, CC BY 4.0), over frequency, angle of attack, "
                + $"chord, velocity and boundary-layer thickness. {spec.Members} perceptrons {string.Join('-', spec.Sizes)} that differ by their seeds are trained on 60 % of "
                + "the rows with the deterministic kernels; inputs are standardised by the training rows alone, the frequency on a logarithmic scale (its bands are "
                + "third octaves). 20 % calibrate the intervals by split conformal prediction, 20 % score them; "
                + $"{byRow.Length} seeded permutations of the rows are done so. Widths, passes and learning rate were chosen on calibration rows under other seeds, never on test rows.")
            .Add(new Figure(
                "RMSE of the ensemble", $"{F(rmse)} dB (mean over {byRow.Length} splits; a member alone {F(byRow.Average(f => f.Value.MemberRmse))} dB)",
                small ? "" : "at most 1.7 dB", small ? null : rmse <= LargestRmse))
            .Add(new Figure("Coverage of 90 % intervals, constant width", Pooled(byRow, f => f.CoveredByConstant), Nominal(spec, byRow[0].Value)))
            .Add(new Figure("Coverage of 90 % intervals, scaled by spread", Pooled(byRow, f => f.CoveredByNormalised), Nominal(spec, byRow[0].Value)))
            .Add(new Figure(
                "Smallest p-value of a split's count covered", $"{smallest.ToString("G3", CultureInfo.InvariantCulture)} of {2 * byRow.Length}",
                $"at least {bound.ToString("G3", CultureInfo.InvariantCulture)}", smallest >= bound))
            .Add(new Figure(
                "Mean width", $"constant {F(byRow.Average(f => f.Value.ConstantWidth))} dB, scaled by spread {F(byRow.Average(f => f.Value.NormalisedWidth))} dB"))
            .Say("Over the draw of a split, the number of test rows that its intervals cover follows a Beta-binomial law exactly, whatever the model, because "
                + "calibration and test rows are exchangeable (Vovk 2012). Each split is held to it by a two-sided p-value; the splits share rows, so the smallest is compared "
                + "with Bonferroni's bound, which holds under any dependence, and the pooled coverage is a description and no test.");
        if (byGroup.Length > 0) section.Say(GroupLine(spec, byRow, byGroup));
        section.Add(SplitTable(spec, fits));
        section.Add(CalibrationPlot(byRow, byGroup, predictions));
        section.Add(PredictedPlot(spec, byRow[0], predictions[byRow[0].Key]));
        section.Add(SpreadPlot(byRow[0], predictions[byRow[0].Key]));
        section.Add(ResidualPlot(byRow, predictions));
    }

    private static string GroupLine(
        EnsembleSpec spec, IReadOnlyList<KeyValuePair<int, SplitFit>> byRow, IReadOnlyList<KeyValuePair<int, SplitFit>> byGroup)
    {
        var outside = byGroup.Count(f => !Inside(spec, f.Value, f.Value.CoveredByConstant));
        return $"Split by whole setting (106 groups of one angle, chord and velocity; {byGroup.Count} {(byGroup.Count == 1 ? "split" : "splits")}), the same ensemble has an RMSE of {F(byGroup.Average(f => f.Value.Rmse))} dB "
            + $"instead of {F(byRow.Average(f => f.Value.Rmse))} dB, and its 90 % intervals cover {Pooled(byGroup, f => f.CoveredByConstant)} (constant width, mean {F(byGroup.Average(f => f.Value.ConstantWidth))} dB) and "
            + $"{Pooled(byGroup, f => f.CoveredByNormalised)} (scaled by spread, mean {F(byGroup.Average(f => f.Value.NormalisedWidth))} dB), {outside} of {byGroup.Count} outside the Beta-binomial law's 95 % interval. "
            + "Exchangeability then fails: rows of one setting resemble each other, so the rows of calibration and test settings are not exchangeable one by one; no coverage is "
            + "promised, and the law above does not apply. This is the question that a new blade asks; the first split only asks for frequencies left out.";
    }

    private static Table SplitTable(EnsembleSpec spec, ImmutableSortedDictionary<int, SplitFit> fits) => new(
        "Test rows covered by 90 % intervals against their Beta-binomial law; * scaled by spread",
        ["split", "RMSE / dB", "95 % of the law", "covered", "p", "width / dB", "covered*", "p*", "width* / dB"],
        [.. fits.Select(f => SplitRow(spec, f.Key, f.Value))]);

    private static IReadOnlyList<string> SplitRow(EnsembleSpec spec, int split, SplitFit fit)
    {
        var law = Law(spec, fit);
        var (low, high) = law.CentralInterval(0.95);
        var rows = fit.Rule == SplitRule.Permutation;
        return
        [
            rows ? $"rows, {split + 1}" : $"settings, {split - spec.PermutationSplits + 1}", F(fit.Rmse),
            rows ? $"{low} to {high} of {fit.Test}" : $"none, of {fit.Test}",
            fit.CoveredByConstant.ToString(CultureInfo.InvariantCulture), P(fit.CoveredByConstant), F(fit.ConstantWidth),
            fit.CoveredByNormalised.ToString(CultureInfo.InvariantCulture), P(fit.CoveredByNormalised), F(fit.NormalisedWidth),
        ];

        string P(int covered) => rows ? law.TwoSidedPValue(covered).ToString("F3", CultureInfo.InvariantCulture) : "";
    }

    private static Plot CalibrationPlot(
        IReadOnlyList<KeyValuePair<int, SplitFit>> byRow, IReadOnlyList<KeyValuePair<int, SplitFit>> byGroup,
        ImmutableSortedDictionary<int, SampleTable> predictions)
    {
        double[] nominal = [.. Enumerable.Range(1, 19).Select(i => 0.05 * i)];
        var series = new List<Series>
        {
            new Series.Line("promised", [0, 1], [0, 1], Dashed: true),
            new Series.Line("rows, constant width", nominal, Empirical(byRow, false)),
            new Series.Line("rows, scaled by spread", nominal, Empirical(byRow, true)),
        };
        if (byGroup.Count > 0) series.Add(new Series.Line("whole settings, scaled by spread", nominal, Empirical(byGroup, true)));
        return new Plot(
            "Calibration", "nominal coverage", "coverage of test rows, all splits", series,
            "Split by rows, the intervals cover what they promise at every level; split by whole settings, nothing is promised.");

        double[] Empirical(IReadOnlyList<KeyValuePair<int, SplitFit>> splits, bool normalised)
        {
            var covered = new long[nominal.Length];
            var total = 0L;
            foreach (var (split, _) in splits)
            {
                var (calibration, test) = Scores(predictions[split], normalised);
                total += test.Length;
                for (var i = 0; i < nominal.Length; i++)
                {
                    var quantile = SplitConformal.Quantile(calibration, 1.0 - nominal[i]);
                    covered[i] += test.Count(score => score <= quantile);
                }
            }
            return [.. covered.Select(c => (double)c / total)];
        }
    }

    private static Plot PredictedPlot(EnsembleSpec spec, KeyValuePair<int, SplitFit> fit, SampleTable predictions)
    {
        var test = TestRows(predictions).OrderBy(r => Mean(predictions, r)).ToArray();
        double[] x = [.. test.Select(r => Mean(predictions, r))];
        var q = fit.Value.ConstantQuantile;
        return new Plot(
            "Measured against predicted, first split", "predicted sound level, centred / dB", "measured sound level, centred / dB",
            [
                new Series.Band($"{100 * (1 - spec.Miscoverage):0} % interval, constant width", x, [.. x.Select(v => v - q)], [.. x.Select(v => v + q)]),
                new Series.Line("equal", [x[0], x[^1]], [x[0], x[^1]], Dashed: true),
                new Series.Points("test rows", x, [.. test.Select(r => Measured(predictions, r))]),
            ],
            $"{fit.Value.CoveredByConstant} of {fit.Value.Test} test rows lie inside.");
    }

    private static Plot SpreadPlot(KeyValuePair<int, SplitFit> fit, SampleTable predictions)
    {
        var test = TestRows(predictions).OrderBy(r => Spread(predictions, r)).ToArray();
        double[] spread = [.. test.Select(r => Spread(predictions, r))];
        var (constant, scaled) = (fit.Value.ConstantQuantile, fit.Value.NormalisedQuantile);
        double[] ends = [spread[0], spread[^1]];
        return new Plot(
            "Where the members disagree, first split", "spread of the five members / dB", "measured - predicted / dB",
            [
                new Series.Band("90 % interval, scaled by spread", spread, [.. spread.Select(s => -scaled * s)], [.. spread.Select(s => scaled * s)]),
                new Series.Line(
                    "90 % interval, constant width", [ends[0], ends[1], ends[1], ends[0]], [constant, constant, -constant, -constant], Dashed: true),
                new Series.Points("test rows", spread, [.. test.Select(r => Measured(predictions, r) - Mean(predictions, r))]),
            ],
            "The scaled intervals are narrow where the members agree and wide where they do not.");
    }

    private static Plot ResidualPlot(IReadOnlyList<KeyValuePair<int, SplitFit>> byRow, ImmutableSortedDictionary<int, SampleTable> predictions)
    {
        const double Width = 0.25, Reach = 6.0;
        var counts = new double[(int)(2 * Reach / Width)];
        double rows = 0, squares = 0, fourths = 0;
        foreach (var (split, _) in byRow)
        {
            foreach (var r in TestRows(predictions[split]))
            {
                var residual = Measured(predictions[split], r) - Mean(predictions[split], r);
                rows++;
                squares += residual * residual;
                fourths += residual * residual * residual * residual;
                var bin = (int)Math.Floor((residual + Reach) / Width);
                if (bin >= 0 && bin < counts.Length) counts[bin]++;
            }
        }
        return new Plot(
            "Residuals of all splits", "measured - predicted / dB", "test rows",
            [new Series.Bars("residuals", [.. counts.Select((_, i) => -Reach + Width * (i + 0.5))], counts, Width)],
            $"Fourth moment over squared second: {F(fourths * rows / (squares * squares))}, where a normal law has 3; the intervals rest on no such law.");
    }

    /// <summary>Scores of calibration and test rows, as the fit made them.</summary>
    private static (double[] Calibration, double[] Test) Scores(SampleTable predictions, bool normalised)
    {
        var scores = Enumerable.Range(0, predictions.Rows).ToLookup(r => IsTest(predictions, r), r =>
        {
            var residual = Math.Abs(Measured(predictions, r) - Mean(predictions, r));
            return normalised ? residual / Spread(predictions, r) : residual;
        });
        return ([.. scores[false]], [.. scores[true]]);
    }

    private static IEnumerable<int> TestRows(SampleTable predictions) => Enumerable.Range(0, predictions.Rows).Where(r => IsTest(predictions, r));

    private static bool IsTest(SampleTable predictions, int row) => predictions.X[2 * row] > 0.5f;

    private static double Measured(SampleTable predictions, int row) => predictions.Y[3 * row];

    private static double Mean(SampleTable predictions, int row) => predictions.Y[3 * row + 1];

    private static double Spread(SampleTable predictions, int row) => predictions.Y[3 * row + 2];

    private static BetaBinomial Law(EnsembleSpec spec, SplitFit fit) => SplitConformal.CoverageLaw(fit.Calibration, spec.Miscoverage, fit.Test);

    private static double PValue(EnsembleSpec spec, SplitFit fit, int covered) => Law(spec, fit).TwoSidedPValue(covered);

    private static bool Inside(EnsembleSpec spec, SplitFit fit, int covered)
    {
        var (low, high) = Law(spec, fit).CentralInterval(0.95);
        return covered >= low && covered <= high;
    }

    private static string Nominal(EnsembleSpec spec, SplitFit fit) =>
        $"{(100 * Law(spec, fit).Mean / fit.Test).ToString("F1", CultureInfo.InvariantCulture)} % in the mean";

    private static string Pooled(IReadOnlyList<KeyValuePair<int, SplitFit>> splits, Func<SplitFit, int> covered)
    {
        var (inside, all) = (splits.Sum(f => covered(f.Value)), splits.Sum(f => f.Value.Test));
        return $"{(100.0 * inside / all).ToString("F1", CultureInfo.InvariantCulture)} % ({inside} of {all})";
    }

    private static string F(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
