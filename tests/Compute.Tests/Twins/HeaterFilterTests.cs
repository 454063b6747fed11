using Athanor.Compute.Numerics;
using Athanor.Compute.Twins;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Compute.Tests.Twins;

public class HeaterFilterTests
{
    [Theory]
    [InlineData(1.0)]
    [InlineData(7.0)]
    public void The_filters_Jacobian_is_the_steps_derivative(double dt)
    {
        var model = Tclab.Hybrid();
        double[] x0 = [52.0, 48.0, 1.5, 0.007, 45.0];
        var jacobian = new double[25];
        model.Predict((double[])x0.Clone(), [40.0], dt, jacobian, new double[5]);
        double[] widths = [1e-4, 1e-4, 1e-4, 1e-7, 1e-4];
        for (var j = 0; j < 5; j++)
        {
            var (up, down) = ((double[])x0.Clone(), (double[])x0.Clone());
            up[j] += widths[j];
            down[j] -= widths[j];
            model.Step(up, 40.0, dt);
            model.Step(down, 40.0, dt);
            for (var i = 0; i < 5; i++)
            {
                var difference = (up[i] - down[i]) / (2 * widths[j]);
                Assert.Equal(difference, jacobian[(i * 5) + j], 1e-6 * Math.Max(1, Math.Abs(difference)));
            }
        }
    }

    [Fact]
    public void The_filters_prediction_and_the_free_run_take_the_same_step_bit_for_bit()
    {
        var model = Tclab.Hybrid();
        double[] a = [52.0, 48.0, 1.5, 0.007, 45.0], b = [52.0, 48.0, 1.5, 0.007, 45.0];
        for (var k = 0; k < 50; k++)
        {
            model.Predict(a, [40.0], 0.5 + (0.1 * k), new double[25], new double[5]);
            model.Step(b, 40.0, 0.5 + (0.1 * k));
            Assert.Equal(a, b);
        }
    }

    [Fact]
    public void However_rows_are_cut_into_batches_the_estimate_has_the_same_bits()
    {
        var model = Tclab.Hybrid();
        var record = Tclab.Record.Take(1500);
        var whole = Filter(model, record, [1500]);
        var cuts = Gen.Choose(1, 400).ListOf(5).ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(cuts, list =>
        {
            var lengths = new List<int>();
            foreach (var length in list) lengths.Add(Math.Min(length, 1500 - lengths.Sum()));
            lengths.Add(1500 - lengths.Sum());
            var cut = Filter(model, record, [.. lengths]);
            return cut.State.AsSpan().SequenceEqual(whole.State) && cut.Covariance.AsSpan().SequenceEqual(whole.Covariance)
                && cut.Nis.Equals(whole.Nis);
        }));
    }

    [Fact]
    public void Near_ambient_the_variance_of_the_heat_loss_grows_and_heating_brings_it_down()
    {
        var model = HeaterModel.Balance(Tclab.Textbook);
        var rows = 1200;
        var (times, power, measured) = (new double[rows], new double[rows], new double[rows]);
        var random = new Philox(9);
        double[] truth = [Tclab.Textbook.Ambient, Tclab.Textbook.Ambient, 0, Tclab.Textbook.HeatLoss];
        var estimates = new List<HeaterEstimate>();
        var estimate = HeaterEstimate.None;
        for (var k = 0; k < rows; k++)
        {
            (times[k], power[k]) = (k, k < 600 ? 0 : 50);
            if (k > 0) model.Step(truth, power[k - 1], 1.0);
            measured[k] = truth[1] + (0.03 * random.NextNormal());
            estimate = HeaterFilter.Run(
                model, estimate, times.AsSpan(k, 1), power.AsSpan(k, 1), measured.AsSpan(k, 1), 30, 60, new double[1], new double[1]);
            estimates.Add(estimate);
        }
        // Cold for ten minutes: in every minute it knows less of the heat loss.
        for (var k = 60; k < 600; k += 60)
            Assert.True(estimates[k].StandardDeviation(3) > estimates[k - 60].StandardDeviation(3), $"second {k}");
        Assert.True(estimates[1199].StandardDeviation(3) < 0.75 * estimates[599].StandardDeviation(3));
    }

    [Fact]
    public void A_heat_loss_that_the_model_does_not_know_is_found()
    {
        var parameters = Tclab.Textbook with { HeatLossPrior = 0.5, AmbientNoise = 0.001 };
        var model = HeaterModel.Balance(parameters);
        var truth = new[] { 24.4, 24.4, 0.0, 1.3 * parameters.HeatLoss };
        var random = new Philox(10);
        var estimate = HeaterEstimate.None;
        for (var k = 0; k < 3000; k++)
        {
            var power = k / 500 % 2 == 0 ? 60.0 : 20.0;
            estimate = HeaterFilter.Run(
                model, estimate, [k], [power], [truth[1] + (0.03 * random.NextNormal())], 30, 60, new double[1], new double[1]);
            model.Step(truth, power, 1.0);
        }
        Assert.Equal(1.3 * parameters.HeatLoss, estimate.State[3], 3 * estimate.StandardDeviation(3));
        Assert.True(estimate.StandardDeviation(3) < 0.1 * parameters.HeatLoss);
    }

    [Fact]
    public void A_gap_starts_the_filter_anew_at_its_row()
    {
        var model = HeaterModel.Balance(Tclab.Textbook);
        var first = Filter(model, Tclab.Record.Take(300), [300]);
        var after = HeaterFilter.Run(model, first, [first.TimeS + 31], [0], [30.0], 30, 60, new double[1], new double[1]);
        var fresh = HeaterFilter.Run(model, HeaterEstimate.None, [first.TimeS + 31], [0], [30.0], 30, 60, new double[1], new double[1]);
        Assert.Equal(fresh.State, after.State);
        Assert.Equal(fresh.Covariance, after.Covariance);
        Assert.Equal(301, after.Row);
    }

    private static HeaterEstimate Filter(HeaterModel model, HeaterRecord record, int[] lengths)
    {
        var estimate = HeaterEstimate.None;
        var at = 0;
        foreach (var length in lengths)
        {
            var range = at..(at + length);
            estimate = HeaterFilter.Run(
                model, estimate, record.TimeS.AsSpan()[range], record.Power.AsSpan()[range], record.MeasuredC.AsSpan()[range], 30, 60,
                new double[length], new double[length]);
            at += length;
        }
        return estimate;
    }
}
