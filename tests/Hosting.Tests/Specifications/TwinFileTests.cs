using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Plants;
using Athanor.Compute.Plants.Simulation;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Specifications;
using Athanor.Protocol.Twins.Units;

namespace Hosting.Tests.Specifications;

public sealed class TwinFileTests
{
    private const string Good = """
        twin {
          unit = R-1
          sample = "6 s"
          lag-window = "2 min"
          model { benchmark = exothermic-cstr, constants { UA = "48 kJ/(min K)" } }
          initial { T = "46.85 degC" }
          inputs {
            Tc { low = "280 K", high = "320 K", rate = "60 K per min", start = "300 K", fallback = "285 K" }
            Tf { low = "300 K", high = "400 K", measured = true }
          }
          sensors {
            T { noise = "0.2 K", bias { sd = "0.5 K", walk = "0.06 K per min" } }
            Ca { noise = "0.005 mol/L", period = "1 min", delay = "30 s" }
          }
          estimator {
            kind = ekf
            process-noise { T = "0.6 K per min" }
            initial-sd { Ca = 0.05 }
            estimate { k0 { sd = "20 %", walk = "1 % per min", low = "50 %" } }
          }
          alarms {
            T.high { signal = T, above = "99.85 degC", dead-band = "2 K", on-delay = "12 s", priority = high, group = hot }
          }
          controller {
            horizon = 10, interval = "12 s"
            track { T { setpoint = "355 K", scale = "5 K" } }
            bounds { T { high = "370 K", scale = "1 K" } }
          }
          plant {
            duration = "10 min"
            parameters { k0 = "120 %" }
            faults = [ { at = "1 min", sensor = T, bias = "2 K" }, { at = "2 min", until = "3 min", parameter = Cf, drift = "-60 % per h" } ]
            setpoints = [ { at = "5 min", T = "80 degC" } ]
          }
        }
        """;

    [Fact]
    public void Numbers_are_converted_into_the_units_of_the_model()
    {
        var file = TwinFile.Parse("good.hocon", Good);
        Assert.Equal("R-1", file.Unit);
        Assert.Equal([0.5, 320.0], file.Initial);
        var (input, feed) = (file.Inputs[0], file.Inputs[1]);
        Assert.Equal(("Tc", "K", 280.0, 320.0, 1.0, 300.0, 285.0, true), (input.Name, input.Unit, input.Low, input.High, input.RatePerS, input.Start, input.Fallback, input.Moved));
        Assert.False(feed.Moved);
        var (hot, laboratory) = (file.Estimator.Sensors[0], file.Estimator.Sensors[1]);
        Assert.Equal((0.2, 0.5), (hot.Noise, hot.Bias!.Sd));
        Assert.Equal(0.06 / Math.Sqrt(60.0), hot.Bias.Walk, 12);
        Assert.Equal((60.0, 30.0, true), (laboratory.PeriodS, laboratory.DelayS, laboratory.Laboratory));
        Assert.Equal(0.6 / Math.Sqrt(60.0), file.Estimator.ProcessNoise["T"], 12);
        var k0 = file.Estimator.Estimate["k0"];
        Assert.Equal((1.44e10, 3.6e10), (k0.Sd, k0.Low));
        var alarm = Assert.Single(file.Spec.Alarms);
        Assert.Equal(("T.high", AlarmCondition.High, 373.0, 2.0, AlarmPriority.High), (alarm.Tag, alarm.Condition, Math.Round(alarm.Limit, 9), alarm.DeadBand, alarm.Priority));
        Assert.Equal((ControllerMode.Advisory, TimeSpan.FromSeconds(12), 355.0), (file.Spec.Mode, file.Spec.Interval, file.Spec.Setpoints["T"]));
        var plant = file.Simulation!;
        Assert.Equal((600.0, 8.64e10, 48_000.0, 350.0), (plant.DurationS, plant.Scenario.Parameters["k0"], plant.Scenario.Parameters["UA"], plant.Scenario.Parameters["Tf"]));
        Assert.Equal(new PlantFault(PlantFaultKind.SensorBias, "T", 60.0, double.PositiveInfinity, 2.0), plant.Scenario.Faults[0]);
        Assert.Equal(-0.6 / 3600.0, plant.Scenario.Faults[1].Size, 12);
        Assert.Equal((300.0, 353.15), (plant.Setpoints[0].AtS, Math.Round(plant.Setpoints[0].Values["T"], 9)));
    }

    [Fact]
    public void What_the_twin_is_told_can_be_read_by_those_who_calculate()
    {
        var file = TwinFile.Parse("good.hocon", Good);
        var model = PlantModels.Create(file.Spec.Model.Model);
        Assert.Equal(file.Model.Key, model.Key);
        Assert.Equal(["Tc", "Tf"], model.Inputs.Select(static i => i.Name));
        _ = Estimator.Create(model, EstimatorJson.Parse(file.Spec.Model.Estimator));
        _ = Controller.Create(model, ControllerJson.Read(file.Spec.Model.Controller!));
        // Other words for the same are the same model.
        var other = TwinFile.Parse("good.hocon", Good.Replace("UA = \"48 kJ/(min K)\"", "UA = 48000", StringComparison.Ordinal));
        Assert.Equal(file.Spec.Model.Model, other.Spec.Model.Model);
    }

    [Fact]
    public void A_model_may_be_the_files_own_kinetics_and_is_kept_whole_in_the_spec()
    {
        const string Text = """
            kinetics {
              units { concentration = mol/L, time = min }
              species { A { initial = 0.5 } }
              reactions { burn = "A -> nothing ; k = 7.2e10 exp(-8750/T) ; dH = -50 [kJ/mol]" }
            }
            balance {
              kind = cstr, temperature = "350 K", volume = "100 L", flow = "100 L/min", feed { A = 1.0 }, feed-temperature = "350 K"
              heat-capacity = "239 J/(L K)", heat-transfer = "5e4 J/(min K)", coolant = "305 K"
            }
            twin {
              sample = "6 s"
              model = here
              inputs { coolant { low = "280 K", high = "320 K" } }
              sensors { T { noise = "0.2 K" } }
              estimator { }
            }
            """;
        var path = Path.Combine(Directory.CreateTempSubdirectory("athanor-twin-").FullName, "own.hocon");
        File.WriteAllText(path, Text);
        try
        {
            var file = TwinFile.Load(path);
            var model = PlantModels.Create(file.Spec.Model.Model);
            Assert.Equal(["A", "T"], model.States.Select(static s => s.Name));
            var (next, same) = (new double[2], new double[2]);
            model.Advance([0.5, 350.0], [300.0], [], 60.0, next);
            PlantModels.Create("""{"benchmark": "exothermic-cstr", "inputs": ["Tc"]}""").Advance([0.5, 350.0], [300.0], [], 60.0, same);
            Assert.Equal(same[0], next[0], 5);
            Assert.Equal(same[1], next[1], 3);
            File.WriteAllText(path, Text.Replace("model = here", "model { here = true, method = implicit, substep = \"1 s\" }", StringComparison.Ordinal));
            model = PlantModels.Create(TwinFile.Load(path).Spec.Model.Model);
            Assert.Contains("&method=implicit", model.Key, StringComparison.Ordinal);
            model.Advance([0.5, 350.0], [300.0], [], 60.0, next);
            Assert.NotEqual(same, next);
            Assert.Equal(same[0], next[0], 4);
            Assert.Equal(same[1], next[1], 2);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    [Theory]
    [InlineData("exothermic-cstr")]
    [InlineData("klatt-engell")]
    [InlineData("penicillin-fed-batch")]
    [InlineData("heater")]
    public void The_examples_are_twins_that_can_be_created(string name)
    {
        var file = TwinFile.Load(RepositoryFiles.Path("examples", $"{name}.hocon"));
        Assert.NotEmpty(file.Spec.Sensors);
        if (file.Simulation is { } plant) _ = new SimulatedPlant(plant.Scenario);
    }

    [Theory]
    [InlineData("sample = \"6 s\"", "sampel = \"6 s\"", "bad.hocon:3: twin.sampel: unknown key 'sampel'; did you mean 'sample'?")]
    [InlineData("sample = \"6 s\"", "sample = 6", "bad.hocon:3: twin.sample: it must be a time with its unit, such as \"20 s\"")]
    [InlineData("unit = R-1", "unit = \"R 1\"", "bad.hocon:2: twin.unit: it must be a name of letters")]
    [InlineData("benchmark = exothermic-cstr,", "benchmark = exothermic,", "bad.hocon:5: twin.model.benchmark: it must be one of exothermic-cstr")]
    [InlineData("benchmark = exothermic-cstr,", "benchmark = exothermic-cstr, method = euler,", "bad.hocon:5: twin.model.method: it must be one of rk4, implicit")]
    [InlineData("UA = \"48 kJ/(min K)\"", "UA = \"48 kJ/min\"", "bad.hocon:5: twin.model.constants.UA: it must be in J/(min K) or what can be converted to it; 'kJ/min' cannot")]
    [InlineData("T = \"46.85 degC\"", "T = \"46.85 mol/L\"", "bad.hocon:6: twin.initial.T: it must be in K or what can be converted to it; 'mol/L' cannot")]
    [InlineData("rate = \"60 K per min\"", "rate = \"60 K\"", "bad.hocon:8: twin.inputs.Tc.rate: it must be a change with its time, such as \"1 K per min\"")]
    [InlineData("Tc { low = \"280 K\"", "Tk { low = \"280 K\"", "bad.hocon:8: twin.inputs.Tk: the model has no parameter 'Tk'; it has Tc, Tf")]
    [InlineData("fallback = \"285 K\"", "fallback = \"385 K\"", "bad.hocon:8: twin.inputs.Tc.fallback: it must be from 280 to 320 K; 385 is outside")]
    [InlineData("T { noise = \"0.2 K\", ", "T { noise = \"0 K\", ", "bad.hocon:12: twin.sensors.T.noise: it must be above 0")]
    [InlineData("Ca { noise", "Cx { noise", "bad.hocon:13: twin.sensors.Cx.of: it must be given, since no state is called 'Cx'; states are Ca, T")]
    [InlineData("kind = ekf", "kind = kalman", "bad.hocon:16: twin.estimator.kind: it must be one of ekf, iekf, ukf, mhe, enkf")]
    [InlineData("estimate { k0", "estimate { Tc", "bad.hocon:19: twin.estimator.estimate.Tc: unknown key 'Tc'")]
    [InlineData("signal = T,", "signal = p,", "bad.hocon:22: twin.alarms.T.high.signal: it must be one of T, Ca")]
    [InlineData("above = \"99.85 degC\",", "", "bad.hocon:22: twin.alarms.T.high.below: it must be one of above, below, bad, and only one")]
    [InlineData("horizon = 10", "horizon = 0", "bad.hocon:25: twin.controller.horizon: it must be a whole number from 1 to 400")]
    [InlineData("sensor = T, bias", "sensor = p, bias", "bad.hocon:32: twin.plant.faults[0].sensor: it must be one of T, Ca")]
    [InlineData("benchmark = exothermic-cstr, constants { UA = \"48 kJ/(min K)\" }", "registered = \"net@1\"", "bad.hocon:5: twin.model.registered: 'net@1' is a registered model, and no cluster is at hand")]
    [InlineData("benchmark = exothermic-cstr, constants", "registered = \"net@1\", constants", "bad.hocon:5: twin.model.constants: unknown key 'constants'")]
    [InlineData("duration = \"10 min\"", "", "bad.hocon:29: twin.plant.duration: it is missing")]
    public void What_is_wrong_is_told_with_file_line_key_and_what_would_be_right(string from, string to, string says)
    {
        Assert.Contains(from, Good, StringComparison.Ordinal);
        var error = Assert.Throws<HoconException>(() => TwinFile.Parse("bad.hocon", Good.Replace(from, to, StringComparison.Ordinal)));
        Assert.StartsWith(says, error.Message, StringComparison.Ordinal);
    }
}
