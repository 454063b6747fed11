using System.Globalization;
using Athanor.Compute.Twins;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Demo;

/// <summary>What the report says of the live unit.</summary>
internal static class TwinReport
{
    private const int StretchRuns = 3;

    public static void Write(
        Section section, HeaterRecord record, int half, TrainedHeater trained, LiveTwin live, LiveTwin plain, TwinScores scores, bool small)
    {
        section
            .Say($"A heater on an Arduino shield was moved in steps for four hours and read once a second; {record.Rows} of its rows stream into two twins of it, "
                + "batch by batch. Each twin filters them by an extended Kalman filter over an energy balance: temperatures of heater and sensor, the bias of the "
                + $"ambient temperature, and the heat loss. After row {half} a training run fits balance and learned residual to these rows alone, as segments of work with "
                + "checkpoints; one twin adopts the hybrid by a command, the other the plain balance.")
            .Add(new Figure("ARX(4,4)", K(scores.Arx.RmseK), small ? "" : "about 1.67 K", small ? null : Math.Abs(scores.Arx.RmseK - 1.67) < 0.02))
            .Add(new Figure("ARX(4,4), offset re-estimated over the past window", K(scores.ArxOffset.RmseK)))
            .Add(new Figure(
                "Balance with the filter", K(scores.Balance.RmseK), small ? "" : "at most 0.65 K", small ? null : scores.Balance.RmseK <= 0.65))
            .Add(new Figure("Hybrid with the filter", K(scores.Hybrid.RmseK)))
            .Add(new Figure(
                "Hybrid against the balance", $"{Percent(scores.Gain)} less" + (scores.Gain < 0.1 ? ": not reached, see why" : ""),
                small ? "" : "10 % less, or the reason", small || scores.Gain < 0.1 ? null : true))
            .Add(new Figure(
                "Live estimates equal the filter offline", scores.LiveIsOffline ? "bit for bit" : "no", "bit for bit", scores.LiveIsOffline))
            .Add(Scores(scores))
            .Say(Verdict(trained, scores))
            .Add(Stretch(record, live, trained, scores))
            .Add(Residuals(record, scores))
            .Add(HeatLoss(plain))
            .Add(Unobservable(trained, plain))
            .Add(new Table(
                "What the twin tclab went through", ["model", "kind", "from", "after row"],
                [.. live.View.Adoptions.Select(a => (IReadOnlyList<string>)[I(a.Version), a.Kind, a.Source, I(a.AfterRow)])]))
            .Say(Alarms(live));
    }

    private static Table Scores(TwinScores scores) => new(
        $"Free runs of {scores.Plan.Length} rows over rows {scores.Plan.First + 1} to {scores.Plan.End}, root mean square error pooled over all rows of all runs",
        ["model", $"{scores.Plan.Runs} runs, one after the other / K", "starts every 60 rows / K"],
        [
            ["ARX(4,4)", K(scores.Arx.RmseK), ""],
            ["ARX(4,4), offset re-estimated over the rows before", K(scores.ArxOffset.RmseK), ""],
            ["textbook balance with the filter, nothing fitted", K(scores.Textbook.RmseK), ""],
            ["fitted balance with the filter", K(scores.Balance.RmseK), K(scores.BalanceDense.RmseK)],
            ["hybrid with the filter", K(scores.Hybrid.RmseK), K(scores.HybridDense.RmseK)],
            ["fitted balance, told the ambient temperature on the way (no prediction)", K(scores.KnowingAmbient.RmseK), ""],
        ]);

    private static string Verdict(TrainedHeater trained, TwinScores scores)
    {
        var share = 1.0 - (scores.KnowingAmbient.RmseK * scores.KnowingAmbient.RmseK / (scores.Balance.RmseK * scores.Balance.RmseK));
        var cv = $"In three-fold cross-validation inside the rows fitted, the residual lowers the error from {K(trained.State.BalanceRmseK)} to "
            + $"{K(trained.State.BestRmseK)}, at step {trained.State.BestStep} of {trained.State.Step}: that is what these rows can teach of heater, sensor and power. ";
        var ambient = $"The room is {Percent(share)} of the balance's squared error: told the ambient temperature that the filter finds along the way, it errs by "
            + $"{K(scores.KnowingAmbient.RmseK)}, and no function of heater, sensor and power foresees a draught. "
            + "Parameters and weights come from the fitted rows alone, and the number of steps from cross-validation inside them; but noise levels and the size of the "
            + "residual were chosen with the scored rows in view, so these are development figures, and a blind one needs another record.";
        return scores.Gain >= 0.1
            ? $"The hybrid errs {Percent(scores.Gain)} less than the filtered balance. {cv}{ambient}"
            : $"The hybrid errs {Percent(scores.Gain)} less than the filtered balance ({Percent(scores.DenseGain)} with starts every 60 rows): it does not reach 10 %. "
                + "The balance leaves it little: its gain, loss and lag are themselves fitted to free runs from filtered states. " + cv + ambient;
    }

    private static Plot Stretch(HeaterRecord record, LiveTwin live, TrainedHeater trained, TwinScores scores)
    {
        var (x, mean, low, high) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var plan = scores.Plan;
        var runs = Math.Min(StretchRuns, plan.Runs);
        for (var run = 0; run < runs; run++)
        {
            var first = plan.StartOf(run);
            var range = first..(first + plan.Length);
            var (predicted, deviation) = HeaterFilter.FreeRunWithBand(
                trained.Hybrid, live.At(first, record), record.TimeS.AsSpan()[range], record.Power.AsSpan()[range]);
            for (var k = 4; k < plan.Length; k += 5)
            {
                x.Add(record.TimeS[first + k]);
                mean.Add(predicted[k]);
                low.Add(predicted[k] - (2 * deviation[k]));
                high.Add(predicted[k] + (2 * deviation[k]));
            }
        }
        var shown = Enumerable.Range(plan.First, runs * plan.Length).Where(k => k % 5 == 4).ToArray();
        return new Plot(
            "Free runs of the hybrid", "time / s", "sensor / °C",
            [
                new Series.Band("two standard deviations", [.. x], [.. low], [.. high]),
                new Series.Line("measured", [.. shown.Select(k => record.TimeS[k])], [.. shown.Select(k => record.MeasuredC[k])]),
                new Series.Line("predicted", [.. x], [.. mean], Dashed: true),
            ],
            $"Every {plan.Length} rows a run starts anew from the twin's estimate and sees no reading until the next. The band is the filter's: it holds the ambient "
            + "temperature to be a random walk and so widens.");
    }

    private static Plot Residuals(HeaterRecord record, TwinScores scores) => new(
        "Errors of the free runs", "time / s", "predicted - measured / K",
        [
            new Series.Line("zero", [record.TimeS[scores.Plan.First], record.TimeS[scores.Plan.End - 1]], [0, 0], Dashed: true),
            Errors("balance", record, scores.Balance),
            Errors("hybrid", record, scores.Hybrid),
        ],
        "Both err together, in waves of some minutes while the power stands still: the room, not the heater.");

    private static Series Errors(string name, HeaterRecord record, FreeRunScore score)
    {
        var points = score.Runs.SelectMany(run => Enumerable.Range(0, run.Predicted.Length).Where(k => k % 10 == 9)
            .Select(k => (Time: record.TimeS[run.FirstRow + k], Error: run.Predicted[k] - record.MeasuredC[run.FirstRow + k]))).ToArray();
        return new Series.Line(name, [.. points.Select(p => p.Time)], [.. points.Select(p => p.Error)]);
    }

    private static Plot HeatLoss(LiveTwin plain)
    {
        var estimates = plain.History;
        double[] times = [.. estimates.Select(e => e.TimeS)];
        double[] loss = [.. estimates.Select(e => 1000 * e.State[3])];
        double[] deviation = [.. estimates.Select(e => 1000 * Math.Sqrt(e.Covariance[15]))];
        return new Plot(
            "Heat loss as the twin sees it", "time / s", "U A / C / (1/1000 s)",
            [
                new Series.Band("two standard deviations", times, [.. loss.Zip(deviation, (u, s) => u - (2 * s))], [.. loss.Zip(deviation, (u, s) => u + (2 * s))]),
                new Series.Line("estimate", times, loss),
            ],
            "The estimate of the twin with the plain balance; the step in the middle is the adoption of the fitted model.");
    }

    /// <summary>The record never stays near ambient for long, so the fitted model plays it: power off after the record's end until the heater is
    /// cold and long after, then on again; the filter sees exact readings.</summary>
    private static Plot Unobservable(TrainedHeater trained, LiveTwin plain)
    {
        const int off = 4500, on = 900, every = 30;
        var model = trained.Balance;
        var last = plain.View.Estimate;
        var truth = (double[])last.State.Clone();
        var estimate = new HeaterEstimate(1, 0, 0, last.State, last.Covariance, 1);
        var (minutes, deviation, distance) = (new List<double>(), new List<double>(), new List<double>());
        for (var k = 1; k <= off + on; k++)
        {
            model.Step(truth, estimate.Power, 1.0);
            estimate = HeaterFilter.Run(
                model, estimate, [k], [k < off ? 0.0 : 50.0], [truth[1]], 30, 60, new double[1], new double[1]);
            if (k % every != 0) continue;
            minutes.Add(k / 60.0);
            deviation.Add(100 * estimate.StandardDeviation(3) / estimate.State[3]);
            distance.Add((truth[0] - model.Parameters.Ambient - truth[2]) / 10);
        }
        return new Plot(
            "Heat loss near ambient", "time after the record's end, played on / min", "",
            [
                new Series.Line("standard deviation of the heat loss / % of it", [.. minutes], [.. deviation]),
                new Series.Line("heater above ambient / 10 K", [.. minutes], [.. distance], Dashed: true),
            ],
            "The power is off for 75 minutes, then at 50 %. A cold heater loses no heat, whatever its heat loss: nothing is learned and the variance grows, "
            + "until heating tells again.");
    }

    private static string Alarms(LiveTwin live) => live.View.Alarms.Length == 0
        ? "No alarm was raised: the innovations stayed inside the filter's limits."
        : $"Alarms raised by innovations outside the filter's limits: {string.Join(", ", live.View.Alarms.Select(a => $"rows {a.Raised} to {(a.Cleared == 0 ? "the end" : I(a.Cleared))}"))}.";

    private static string K(double value) => value.ToString("F4", CultureInfo.InvariantCulture) + " K";

    private static string Percent(double fraction) => (100 * fraction).ToString("F1", CultureInfo.InvariantCulture) + " %";

    private static string I(long value) => value.ToString(CultureInfo.InvariantCulture);
}
