using Athanor.Compute.Estimation;
using Athanor.Compute.Twins;

namespace Athanor.Compute.Tests.Twins;

public class HybridTrainingTests
{
    private static readonly HybridSettings Settings = new(3, 0.01, 0.1, 5, 100);

    [Fact]
    public void The_gradient_is_the_loss_functions_derivative()
    {
        var plan = new FreeRunPlan(200, 1200, 100, 200);
        var fit = new RollOutFit(Tclab.Textbook with { Radiation = 2e-12 }, Tclab.Record.Take(1200), plan, Settings);
        var state = fit.Initial(3);
        var theta = (double[])state.Theta.Clone();
        for (var i = 0; i < theta.Length; i++) theta[i] += 0.05 * ((i % 7) - 3);
        var gradient = new double[theta.Length];
        fit.Loss(theta, state.Frozen, gradient);
        var ignored = new double[theta.Length];
        for (var i = 0; i < theta.Length; i++)
        {
            var (up, down) = ((double[])theta.Clone(), (double[])theta.Clone());
            up[i] += 1e-5;
            down[i] -= 1e-5;
            var difference = (fit.Loss(up, state.Frozen, ignored) - fit.Loss(down, state.Frozen, ignored)) / 2e-5;
            Assert.Equal(difference, gradient[i], 1e-6 * Math.Max(1, Math.Abs(difference)));
        }
    }

    [Fact]
    public void A_training_cut_at_a_checkpoint_goes_on_with_the_same_bits()
    {
        var record = Tclab.Record.Take(1200);
        var trainer = new HybridTrainer(record, Settings);
        var begun = trainer.Initial(Tclab.Textbook, 1);
        var whole = trainer.Run(begun, 15, (_, _) => { }, CancellationToken.None);
        var cut = new HybridTrainer(record, Settings).Run(begun, 7, (_, _) => { }, CancellationToken.None);
        cut = HybridBytes.State(HybridBytes.OfState(cut));
        cut = new HybridTrainer(record, Settings).Run(cut, 8, (_, _) => { }, CancellationToken.None);
        Assert.Equal(HybridBytes.OfState(whole), HybridBytes.OfState(cut));
        Assert.Equal(15, whole.Step);
        Assert.True(whole.BestRmseK <= whole.BalanceRmseK);
    }

    [Fact]
    public void Training_lowers_the_error_on_the_rows_that_it_sees()
    {
        var plan = new FreeRunPlan(200, 1200, 100, 200);
        var record = Tclab.Record.Take(1200);
        var balance = BalanceFit.Fit(Tclab.Textbook, record, plan);
        var fit = new RollOutFit(balance, record, plan, Settings with { WeightDecay = 0 });
        var state = fit.Initial(1);
        var before = FreeRunScore.Of(fit.Model(state.Theta), record, plan).RmseK;
        for (var step = 0; step < 40; step++) (state, _) = fit.Step(state, step);
        var after = FreeRunScore.Of(fit.Model(state.Theta), record, plan).RmseK;
        Assert.True(after < 0.95 * before, $"{before} to {after}");
    }

    [Fact]
    public void Nothing_after_the_plans_end_is_looked_at()
    {
        var plan = new FreeRunPlan(360, 1200, 120, 240);
        var clean = Tclab.Record.Take(2400);
        var spoiled = new HeaterRecord(clean.TimeS, (double[])clean.Power.Clone(), (double[])clean.MeasuredC.Clone());
        spoiled.Power.AsSpan(1200).Fill(double.NaN);
        spoiled.MeasuredC.AsSpan(1200).Fill(double.NaN);
        Assert.Equal(BalanceFit.Fit(Tclab.Textbook, clean, plan), BalanceFit.Fit(Tclab.Textbook, spoiled, plan));
    }

    [Fact]
    public void A_balance_is_found_again_from_its_own_record()
    {
        var truth = Tclab.Textbook with { Gain = 0.0043, HeatLoss = 0.0072, SensorLag = 27 };
        var record = Tclab.Record.Take(3000);
        var model = HeaterModel.Balance(truth);
        double[] x = [truth.Ambient, truth.Ambient, 0, truth.HeatLoss];
        var measured = new double[record.Rows];
        for (var k = 0; k < measured.Length; k++)
        {
            if (k > 0) model.Step(x, record.Power[k - 1], record.TimeS[k] - record.TimeS[k - 1]);
            measured[k] = x[1];
        }
        var fitted = BalanceFit.Fit(Tclab.Textbook, record with { MeasuredC = measured }, new FreeRunPlan(300, 3000, 60, 300));
        Assert.Equal(truth.Gain, fitted.Gain, 1e-4 * truth.Gain);
        Assert.Equal(truth.HeatLoss, fitted.HeatLoss, 1e-4 * truth.HeatLoss);
        Assert.Equal(truth.SensorLag, fitted.SensorLag, 1e-4 * truth.SensorLag);
    }

    [Fact]
    public void On_the_measured_heater_the_yardsticks_and_the_filtered_balance_have_their_figures()
    {
        var record = Tclab.Record;
        var plan = new FreeRunPlan(7200, 14400, 600, 600);
        var arx = ArxModel.Fit(record.Power.AsSpan()[..7200], record.MeasuredC.AsSpan()[..7200], 4, 4);
        Assert.Equal(1.669, FreeRunScore.Pool(record, plan, f => arx.FreeRun(record.Power, record.MeasuredC, f, 600)).RmseK, 1e-3);
        Assert.Equal(
            1.255,
            FreeRunScore.Pool(record, plan, f => arx.FreeRun(
                record.Power, record.MeasuredC, f, 600, arx.Offset(record.Power, record.MeasuredC, f, 600))).RmseK,
            1e-3);
        var balance = HeaterModel.Balance(BalanceFit.Fit(Tclab.Textbook, record, new FreeRunPlan(360, 7200, 120, 600)));
        var score = FreeRunScore.Of(balance, record, plan);
        Assert.Equal(12, score.Runs.Count);
        Assert.InRange(score.RmseK, 0.42, 0.45);
        // Two fifths of the squared error and more are the room's.
        var knowing = FreeRunScore.KnowingAmbient(balance, record, plan).RmseK;
        Assert.InRange(knowing * knowing, 0, 0.6 * score.RmseK * score.RmseK);
    }

    [Fact]
    public void Training_data_and_states_that_are_cut_short_or_not_finite_are_refused()
    {
        var data = HybridBytes.OfData(Tclab.Textbook, Tclab.Record.Take(100));
        Assert.Equal(100, HybridBytes.Data(data).Record.Rows);
        Assert.Throws<InvalidDataException>(() => HybridBytes.Data(data.AsSpan(0, data.Length - 3)));
        Assert.Throws<InvalidDataException>(() => HybridBytes.Data([.. data, 0]));
        Assert.Throws<InvalidDataException>(() => HybridBytes.State(data));
        BitConverter.TryWriteBytes(data.AsSpan(data.Length - 8), double.NaN);
        Assert.Throws<InvalidDataException>(() => HybridBytes.Data(data));
    }
}
