using Athanor.Compute.Benchmarks;
using Athanor.Compute.Plants.Simulation;
using Athanor.Compute.Problems;

namespace Compute.Tests.Plants;

public sealed class SimulatedPlantTests
{
    private static PlantScenario Scenario => new()
    {
        Problem = ExothermicCstr.Problem,
        TimeUnitS = 60.0,
        Initial = [0.9, 320.0],
        Actuators = [new("Tc", 280.0, 320.0, 300.0), new("q", 80.0, 120.0, 100.0)],
        Sensors = [new("T", [0.0, 1.0], 0.5, 6.0), new("Ca", [1.0, 0.0], 0.01, 60.0, DelayS: 30.0)],
        Seed = 7,
    };

    [Fact]
    public void Without_noise_the_truth_is_the_solution_of_the_equations()
    {
        var plant = new SimulatedPlant(Scenario with { Parameters = Scenario.Parameters.SetItem("UA", 4.5e4) });
        plant.AdvanceTo(300.0);
        var parameters = Scenario.Problem.NominalParameters;
        (parameters[0], parameters[7]) = (300.0, 4.5e4);
        var end = Scenario.Problem.Solve(new OdeRequest { Parameters = parameters, Initial = [0.9, 320.0], Times = [5.0] }).End;
        Assert.Equal(end[0], plant.State[0], 5);
        Assert.Equal(end[1], plant.State[1], 3);
    }

    [Fact]
    public void Samples_are_the_same_bits_whatever_the_strides_and_another_seed_gives_others()
    {
        var scenario = Scenario with { ProcessNoise = [1e-4, 0.01] };
        var (coarse, fine, other) = (Run(scenario, 60.0), Run(scenario, 1.7), Run(scenario with { Seed = 8 }, 60.0));
        Assert.Equal(61 + 6, coarse.Count(static s => s.Signal == "T") + coarse.Count(static s => s.Signal == "Ca"));
        // Strides that fall between two samples cut the integration, so that the last bits of the truth may differ.
        Assert.Equal(coarse.Order(ByNumber).Select(static s => (s.Signal, s.Number, Math.Round(s.Value, 6))),
            fine.Order(ByNumber).Select(static s => (s.Signal, s.Number, Math.Round(s.Value, 6))));
        Assert.Equal(coarse, Run(scenario, 60.0));
        Assert.All(coarse.Zip(other), static pair => Assert.NotEqual(pair.First.Value, pair.Second.Value));
    }

    [Fact]
    public void A_sample_arrives_after_its_delay_and_never_before_its_source_time()
    {
        var plant = new SimulatedPlant(Scenario);
        plant.AdvanceTo(80.0);
        Assert.DoesNotContain(plant.Arrived(), static s => s.Signal == "Ca" && s.SourceS > 0.0);
        plant.AdvanceTo(90.0);
        var late = Assert.Single(plant.Arrived(), static s => s.Signal == "Ca");
        Assert.Equal((60.0, 90.0, 2L), (late.SourceS, late.ArrivalS, late.Number));
    }

    [Fact]
    public void Each_fault_of_a_sensor_does_what_it_says_and_leaves_the_others_bits_alone()
    {
        var healthy = Run(Scenario, 6.0).Where(static s => s.Signal == "T").ToArray();
        PlantSample[] With(PlantFaultKind kind, double size) =>
            [.. Run(Scenario with { Faults = [new(kind, "T", 120.0, 240.0, size)] }, 6.0).Where(static s => s.Signal == "T")];
        var bias = With(PlantFaultKind.SensorBias, 3.0);
        foreach (var (was, now) in healthy.Zip(bias)) Assert.Equal(was.SourceS is >= 120.0 and < 240.0 ? 3.0 : 0.0, now.Value - was.Value, 9);
        var drift = With(PlantFaultKind.SensorDrift, 0.1);
        foreach (var (was, now) in healthy.Zip(drift).Where(static p => p.First.SourceS is >= 120.0 and < 240.0))
            Assert.Equal(0.1 * (was.SourceS - 120.0), now.Value - was.Value, 9);
        Assert.Single(With(PlantFaultKind.SensorFrozen, 0.0).Where(static s => s.SourceS is >= 114.0 and < 240.0).Select(static s => s.Value).Distinct());
        Assert.DoesNotContain(With(PlantFaultKind.SensorDead, 0.0), static s => s.SourceS is >= 120.0 and < 240.0);
        var wild = With(PlantFaultKind.SensorWild, 50.0).Zip(healthy).Count(static p => Math.Abs(p.First.Value - p.Second.Value) > 1e-9);
        Assert.InRange(wild, 1, 19);
    }

    [Fact]
    public void An_actuator_obeys_within_its_stops_unless_it_is_stuck_or_biased()
    {
        var plant = new SimulatedPlant(Scenario with
        {
            Faults = [new(PlantFaultKind.ActuatorStuck, "Tc", 60.0, 120.0), new(PlantFaultKind.ActuatorBias, "q", 60.0, 120.0, -5.0)],
        });
        plant.Command([500.0, 110.0]);
        plant.AdvanceTo(30.0);
        Assert.Equal([320.0, 110.0], plant.Applied.ToArray());
        plant.AdvanceTo(60.0);
        plant.Command([290.0, double.NaN]);
        plant.AdvanceTo(90.0);
        Assert.Equal([320.0, 105.0], plant.Applied.ToArray());
        plant.AdvanceTo(130.0);
        Assert.Equal([290.0, 110.0], plant.Applied.ToArray());
    }

    [Fact]
    public void Parameters_step_and_drift_and_a_drift_stays_where_it_got_to()
    {
        var plant = new SimulatedPlant(Scenario with
        {
            Faults = [new(PlantFaultKind.ParameterStep, "Tf", 60.0, 120.0, -5.0), new(PlantFaultKind.ParameterDrift, "UA", 0.0, 100.0, -50.0)],
        });
        plant.AdvanceTo(90.0);
        Assert.Equal(345.0, plant.Parameter("Tf"));
        plant.AdvanceTo(200.0);
        Assert.Equal(350.0, plant.Parameter("Tf"));
        Assert.Equal(45_000.0, plant.Parameter("UA"), 6);
    }

    [Fact]
    public void The_share_of_missing_and_late_samples_is_what_was_asked_for()
    {
        var sensor = Scenario.Sensors[0] with { Missing = 0.2, Late = 0.3, LateByS = 30.0 };
        var plant = new SimulatedPlant(Scenario with { Sensors = [sensor] });
        plant.AdvanceTo(6.0 * 999);
        var all = plant.Arrived();
        Assert.InRange(all.Count, 760, 840);
        Assert.InRange(all.Count(static s => s.ArrivalS > s.SourceS) / (double)all.Count, 0.25, 0.35);
        Assert.Contains(all.Zip(all.Skip(1)), static pair => pair.Second.SourceS < pair.First.SourceS);
    }

    [Theory]
    [InlineData(PlantFaultKind.SensorBias, "p", "there is no sensor p; there are T, Ca")]
    [InlineData(PlantFaultKind.ActuatorStuck, "T", "there is no actuator T; there are Tc, q")]
    [InlineData(PlantFaultKind.ParameterStep, "T", "exothermic-cstr has no parameter T; it has Tc, Tf")]
    public void A_fault_of_what_is_not_there_is_refused(PlantFaultKind kind, string target, string says)
    {
        var error = Assert.Throws<ArgumentException>(() => new SimulatedPlant(Scenario with { Faults = [new(kind, target, 0.0, 1.0)] }));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    private static readonly Comparer<PlantSample> ByNumber =
        Comparer<PlantSample>.Create(static (a, b) => (a.Signal, a.Number).CompareTo((b.Signal, b.Number)));

    private static List<PlantSample> Run(PlantScenario scenario, double strideS)
    {
        var plant = new SimulatedPlant(scenario);
        var samples = new List<PlantSample>(plant.Arrived());
        for (var k = 1; (k - 1) * strideS < 360.0; k++)
        {
            plant.AdvanceTo(Math.Min(360.0, k * strideS));
            samples.AddRange(plant.Arrived());
        }
        return samples;
    }
}
