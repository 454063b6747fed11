using Athanor.Compute.Faults;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;
using Xunit.Abstractions;

namespace Compute.Tests.Faults;

public sealed class DetectorTests(ITestOutputHelper output)
{
    private static readonly double[] Deviations = [0.1, 2.0, 0.5];

    private static readonly DetectorSettings Settings = new(["T", "P", "c"], [])
    {
        Signatures =
        [
            new("UA", FaultKind.Parameter, "W/K", new(StringComparer.Ordinal) { ["T"] = 0.02, ["P"] = 0.3 }),
            new("valve", FaultKind.Actuator, "%", new(StringComparer.Ordinal) { ["P"] = 1.0, ["c"] = -0.3 }),
        ],
    };

    [Fact]
    public void All_charts_together_alarm_at_the_wanted_rate_on_white_innovations()
    {
        foreach (var rate in new[] { 0.01, 0.002 })
        {
            var measured = AlarmRate(Detector.Create(Settings with { FalseAlarmRate = rate }), 99, 200_000, 0.0);
            output.WriteLine($"wanted {rate:P1}, seed 99: {measured:P2}");
            // Charts remember, so that alarms come in runs: the error is more than that of as many independent samples.
            Assert.InRange(measured, 0.75 * rate, 1.25 * rate);
        }
    }

    [Fact]
    public void Limits_set_on_recorded_innovations_hold_where_those_are_not_white()
    {
        var white = Detector.Create(Settings);
        var calibrated = Detector.Create(Detector.Calibrate(Settings, [.. Coloured(1, 50_000)]));
        var (before, after) = (AlarmRate(white, 2, 50_000, 0.6), AlarmRate(calibrated, 2, 50_000, 0.6));
        output.WriteLine($"limits for white innovations: {before:P1}; set on the record: {after:P2}");
        Assert.InRange(before, 0.1, 1.0);
        Assert.InRange(after, 0.006, 0.014);
    }

    [Theory]
    [InlineData("T", 0.2)]
    [InlineData("P", -4.0)]
    [InlineData("c", 1.0)]
    public void A_bias_of_a_sensor_is_isolated_and_measured(string sensor, double bias)
    {
        var shift = new double[3];
        shift[Array.IndexOf(Settings.Sensors, sensor)] = bias;
        var result = AfterShift(shift, 60);
        Assert.Equal((sensor, FaultKind.Sensor), (result.Causes[0].Name, result.Causes[0].Kind));
        Assert.Equal(bias, result.Causes[0].Magnitude, 0.35 * Math.Abs(bias));
        Assert.Equal(60.0, result.Since, 6.0);
    }

    [Theory]
    [InlineData("UA", FaultKind.Parameter, 10.0)]
    [InlineData("valve", FaultKind.Actuator, -3.0)]
    public void A_fault_that_shows_in_several_sensors_is_told_from_faults_of_these(string fault, FaultKind kind, double magnitude)
    {
        var response = Settings.Signatures.Single(s => s.Name == fault).Response;
        var result = AfterShift([.. Settings.Sensors.Select(s => magnitude * response.GetValueOrDefault(s))], 60);
        Assert.Equal((fault, kind), (result.Causes[0].Name, result.Causes[0].Kind));
        Assert.Equal(magnitude, result.Causes[0].Magnitude, 0.3 * Math.Abs(magnitude));
        Assert.Equal(1.0, result.Causes.Sum(c => c.Share), 1e-12);
    }

    [Fact]
    public void A_sensor_without_samples_keeps_its_charts_and_the_others_go_on()
    {
        var detector = Detector.Create(Settings);
        var memory = detector.Start();
        detector.Step(ref memory, [0.3, 4.0, 0.0], Deviations, []);
        var first = memory;
        var result = detector.Step(ref memory, [double.NaN, 4.0, 0.0], Deviations, []);
        Assert.Equal(first[2..7], memory[2..7]);
        Assert.NotEqual(first[7..12], memory[7..12]);
        Assert.All(result.Scores, score => Assert.True(double.IsFinite(score)));
    }

    [Fact]
    public void Settings_come_back_from_json_as_the_same_detector_with_the_same_bits()
    {
        var data = MonitorTests.Plant(2_000, 1);
        string[] values = ["a", "b", "c", "d", "e", "f"];
        var monitor = MonitorTraining.Calibrate(MonitorTraining.Pca(values, [data], 2), [MonitorTests.Plant(2_000, 2)], 0.004);
        var settings = Settings with { Values = values, Monitors = [new NamedMonitor("plant", monitor)] };
        var json = settings.ToJson();
        Assert.Equal(json, DetectorSettings.FromJson(json).ToJson());
        var (one, other) = (Detector.Create(settings), Detector.Create(DetectorSettings.FromJson(json)));
        Assert.Equal("T.ewma, P.ewma, c.ewma, T.cusum, P.cusum, c.cusum, nis, plant.T2, plant.SPE", string.Join(", ", one.Scores));
        var (a, b) = (one.Start(), other.Start());
        var random = new Philox(1);
        foreach (var row in data[..200])
        {
            double[] innovations = [0.1 * random.NextNormal(), 2.0 * random.NextNormal(), 0.5 * random.NextNormal()];
            Assert.Equal(one.Step(ref a, innovations, Deviations, row).Scores, other.Step(ref b, innovations, Deviations, row).Scores);
        }
        Assert.Equal(a, b);
    }

    [Fact]
    public void An_alarm_of_a_monitor_says_which_value_and_which_known_fault()
    {
        string[] values = ["a", "b", "c", "d", "e", "f"];
        var train = MonitorTests.Plant(4_000, 1);
        var monitor = MonitorTraining.Calibrate(MonitorTraining.Pca(values, [train], 2), [MonitorTests.Plant(4_000, 2)], 0.01);
        var moments = new MovingMoments(monitor.Mean, monitor.Deviation, 0.05);
        var sums = new ClassSums(2, moments.Length);
        for (var fault = 0; fault < 2; fault++)
        {
            var kept = new double[moments.Length];
            moments.Start(kept);
            foreach (var row in MonitorTests.Plant(1_000, 10))
            {
                row[3 * fault] += 4.0;
                moments.Step(kept, row);
                var features = new double[moments.Length];
                moments.Features(kept, features);
                sums.Add(fault, features);
            }
        }
        var known = new KnownFaults(values, moments, sums.Fit(["a reads high", "d reads high"], 0.1));
        var detector = Detector.Create(new DetectorSettings([], values)
        {
            FalseAlarmRate = 0.011,
            Monitors = [new("plant", monitor)],
            Known = known
        });
        var memory = detector.Start();
        DetectorOutput? last = null;
        foreach (var row in MonitorTests.Plant(80, 20))
        {
            row[3] += 4.0;
            last = detector.Step(ref memory, [], [], row);
        }
        Assert.True(last!.Alarm);
        Assert.Equal(("d", "d reads high"), (last.Causes[0].Name, last.Class));
        Assert.InRange(last.Probability, 0.99, 1.0);
    }

    [Fact]
    public void Wrong_settings_are_refused_with_the_key_and_what_would_be_right()
    {
        Refused("false-alarm-rate is 0", Settings with { FalseAlarmRate = 0.0 });
        Refused("'Q', which is no sensor; there are T, P, c", Settings with
        {
            Signatures = [new("x", FaultKind.Parameter, "", new(StringComparer.Ordinal) { ["Q"] = 1.0 })],
        });
        Refused("shows in no sensor", Settings with { Signatures = [new("x", FaultKind.Parameter, "", [])] });
        Refused("there is no score 'T.evma'", Settings with { Limits = new(StringComparer.Ordinal) { ["T.evma"] = 1.0 } });
        Refused("P.ewma is missing", Settings with { Limits = new(StringComparer.Ordinal) { ["T.ewma"] = 1.0 } });
        var monitor = MonitorTraining.Pca(["a", "b", "c", "d", "e", "f"], [MonitorTests.Plant(200, 1)], 2);
        Refused("never calibrated", Settings with { Values = ["a", "b", "c", "d", "e", "f"], Monitors = [new("plant", monitor)] });
        Refused("which is not among the values",
            Settings with { Values = ["a"], Monitors = [new("plant", monitor with { FalseAlarmRate = 0.001 })] });
        Assert.Contains("fals-alarm-rate", Assert.Throws<DetectorException>(
            () => DetectorSettings.FromJson("""{"sensors": ["T"], "values": [], "fals-alarm-rate": 0.01}""")).Message);

        static void Refused(string expected, DetectorSettings settings) =>
            Assert.Contains(expected, Assert.Throws<DetectorException>(() => Detector.Create(settings)).Message);
    }

    [Fact]
    public void Signatures_of_a_plant_are_what_an_error_of_a_parameter_adds_to_the_next_outputs()
    {
        var plant = PlantModels.Create("""{"benchmark":"exothermic-cstr","inputs":["Tc"],"parameters":["UA"],"substep-s":1.5}""");
        var n = plant.States.Count;
        var sensors = Enumerable.Range(0, n)
            .Select(i => (plant.States[i].Name, Enumerable.Range(0, n).Select(j => i == j ? 1.0 : 0.0).ToArray())).ToArray();
        var (x, u, p) = (plant.NominalStates, plant.NominalInputs, plant.NominalParameters);
        var signatures = PlantSignatures.Of(plant, x, u, p, 1.0, sensors);
        Assert.Equal([("Tc", FaultKind.Actuator), ("UA", FaultKind.Parameter)], signatures.Select(s => (s.Name, s.Kind)));
        double[] low = new double[n], high = new double[n];
        var step = 1e-5 * p[0];
        plant.Advance(x, u, [p[0] - step], 1.0, low);
        plant.Advance(x, u, [p[0] + step], 1.0, high);
        for (var i = 0; i < n; i++)
        {
            var expected = (high[i] - low[i]) / (2 * step);
            Assert.Equal(expected, signatures[1].Response[plant.States[i].Name], 1e-5 * (Math.Abs(expected) + 1e-9));
        }
    }

    private static DetectorOutput AfterShift(double[] shift, int samples)
    {
        var detector = Detector.Create(Settings);
        var memory = detector.Start();
        var random = new Philox(31);
        DetectorOutput? last = null;
        for (var t = 0; t < 200 + samples; t++)
        {
            var row = Deviations.Select((sd, i) => (sd * random.NextNormal()) + (t < 200 ? 0.0 : shift[i])).ToArray();
            last = detector.Step(ref memory, row, Deviations, []);
        }
        Assert.True(last!.Alarm);
        return last;
    }

    private static double AlarmRate(Detector detector, ulong seed, int samples, double colour)
    {
        var memory = detector.Start();
        var alarms = 0;
        foreach (var row in Coloured(seed, samples, colour))
        {
            if (detector.Step(ref memory, [.. row.Select((r, i) => r * Deviations[i])], Deviations, []).Alarm) alarms++;
        }
        return (double)alarms / samples;
    }

    private static IEnumerable<double[]> Coloured(ulong seed, int samples, double colour = 0.6)
    {
        var random = new Philox(seed);
        var row = new double[3];
        for (var t = 0; t < samples; t++)
        {
            row = [.. row.Select(r => (colour * r) + (Math.Sqrt(1.0 - (colour * colour)) * random.NextNormal()))];
            yield return row;
        }
    }
}
