using Athanor.Compute.Estimation;

namespace Athanor.Compute.Tests.Estimation;

public sealed class EstimatorSettingsTests
{
    private const string Full =
        """
        {"kind":"ukf","period-s":6,"process-noise":{"Ca":0.001,"T":0.1},"initial-sd":{"Ca":0.1,"T":1},"bounds":{"Ca":{"low":0,"high":1}},"estimate":{"UA":{"sd":1000,"walk":10,"low":1000}},"sensors":{"T":{"noise":0.5,"low":200,"high":600},"lab":{"of":{"Ca":1},"offset":0.1,"noise":0.02,"bias":{"sd":0.1,"walk":0.001},"period-s":60,"delay-s":60,"laboratory":true,"frozen-after":0}},"lag-window-s":120,"gate":4,"nis-window":50,"seed":9}
        """;

    [Fact]
    public void Settings_are_written_in_one_form_and_read_back()
    {
        var settings = EstimatorJson.Parse(Full);
        Assert.Equal(Full.Trim(), EstimatorJson.Write(settings));
        Assert.Equal(Full.Trim(), EstimatorJson.Write(EstimatorJson.Parse(EstimatorJson.Write(settings))));
        var estimator = Estimator.Create(EstimatorTests.Cstr("\"UA\""), settings);
        Assert.Equal(["Ca", "T", "UA", "bias of lab"], estimator.JointNames);
        var memory = estimator.Start(0.0, [0.5, 350.0], [305.0]);
        var output = estimator.Step(ref memory, new EstimatorInput(6.0, [305.0], [new Sample(0, 6.0, 350.0)]));
        Assert.True(output.ParameterSd[0] > 0 && output.BiasSd[1] > 0 && output.BiasSd[0] == 0.0);
    }

    [Theory]
    [InlineData("""{"sensors":{"T":{"noise":0}}}""", "sensors.T.noise is 0")]
    [InlineData("""{"sensors":{"p":{"noise":1}}}""", "measures p, which is no state")]
    [InlineData("""{"sensors":{"T":{"noise":1,"of":{"Cb":1}}}}""", "measures Cb")]
    [InlineData("""{"sensors":{"T":{"noise":1,"delay-s":60}}}""", "every sample would be too late")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"initial-sd":{"Ca":0}}""", "initial-sd.Ca is 0: the covariance would be singular in Ca")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"process-noise":{"Ca":-1}}""", "process-noise.Ca is -1")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"estimate":{"k0":{"sd":1}}}""", "no parameter 'k0'")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"estimate":{"UA":{"sd":0}}}""", "estimate.UA.sd is 0")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"bounds":{"T":{"low":400,"high":300}}}""", "the bounds of T")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"kind":"kf"}""", "ekf, iekf, ukf, mhe, enkf")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"windw":3}""", "no key 'windw'")]
    [InlineData("""{"sensors":{"T":{"nois":1}}}""", "estimator.sensors.T has no key 'nois'")]
    [InlineData("""{"kind":"ekf"}""", "estimator.sensors is missing")]
    [InlineData("""{"sensors":{}}""", "sensors: none is named")]
    [InlineData("""{"sensors":{"T":{"noise":1}},"lag-window-s":"15 min"}""", "estimator.lag-window-s")]
    [InlineData("{", "not JSON")]
    public void Wrong_settings_are_refused_with_key_or_signal(string json, string expected) => Assert.Contains(
        expected,
        Assert.Throws<EstimationException>(() => Estimator.Create(EstimatorTests.Cstr("\"UA\""), EstimatorJson.Parse(json))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_state_that_no_sensor_shows_is_refused_by_its_name()
    {
        // x2 neither acts on the others nor is measured.
        double[] a = [-0.1, 0.05, 0.0, 0.02, -0.2, 0.0, 0.01, 0.0, -0.1], b = [1.0, 0.0, 0.0];
        var settings = EstimatorJson.Parse("""{"sensors":{"y":{"of":{"x0":1},"noise":0.1}},"period-s":1}""");
        var error = Assert.Throws<EstimationException>(() => Estimator.Create(LinearPlant.Model(a, b, 3), settings));
        Assert.Contains("no sensor shows x2:", error.Message, StringComparison.Ordinal);
        Estimator.Create(LinearPlant.Model(a, b, 3), settings with { AllowUnobservable = true });
        a[2] = 0.03;
        Estimator.Create(LinearPlant.Model(a, b, 3), settings);
    }

    [Fact]
    public void A_bias_that_cannot_be_told_from_the_state_is_refused()
    {
        var settings = EstimatorJson.Parse("""{"sensors":{"y":{"of":{"x0":1},"noise":0.1,"bias":{"sd":1}}},"period-s":1}""");
        var error = Assert.Throws<EstimationException>(() => Estimator.Create(LinearPlant.Model([0.0], [1.0], 1), settings));
        Assert.Contains("bias of y or x0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_a_step_is_refused_and_the_memory_stays()
    {
        var estimator = Estimator.Create(EstimatorTests.Cstr(), EstimatorTests.Reactor(EstimatorKind.Ekf));
        var memory = estimator.Start(0.0, [0.5, 350.0]);
        var before = memory;
        Assert.Contains("Tc", Refused(new EstimatorInput(1.0, [], [])), StringComparison.Ordinal);
        Assert.Contains("input Tc is NaN", Refused(new EstimatorInput(1.0, [double.NaN], [])), StringComparison.Ordinal);
        Assert.Contains("no sensor 7", Refused(new EstimatorInput(1.0, [305.0], [new Sample(7, 1.0, 1.0)])), StringComparison.Ordinal);
        Assert.Contains("T has the time NaN", Refused(new EstimatorInput(1.0, [305.0], [new Sample(0, double.NaN, 1.0)])), StringComparison.Ordinal);
        var other = Estimator.Create(EstimatorTests.Cstr("\"UA\""), EstimatorTests.Reactor(EstimatorKind.Ekf) with { LagWindowS = 9.0 });
        Assert.Contains("no memory of this estimator", Assert.Throws<EstimationException>(
            () => other.Step(ref memory, new EstimatorInput(1.0, [305.0], []))).Message, StringComparison.Ordinal);
        Assert.Same(before, memory);

        string Refused(EstimatorInput input) => Assert.Throws<EstimationException>(() => estimator.Step(ref memory, input)).Message;
    }
}
