using Athanor.Compute.Benchmarks;
using Athanor.Compute.Control;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Control;

/// <summary>The unstable stirred tank of the published problem: N = 20 intervals of 0.1 min, four Runge-Kutta steps each, coolant
/// temperature 280 to 320 K and flow 80 to 120 L/min, from (0.5, 350) to (0.4, 355.77).</summary>
internal static class CstrProblem
{
    public const double IntervalS = 6.0, Optimum = 2.501365;

    public static PlantModel Model { get; } = PlantModel.Of(
        ExothermicCstr.Problem, ["Tc", "q"], ["k0", "UA"], substepS: 1.5, new Dictionary<string, double> { ["Tc"] = 298.53 });

    public static double[] Start => [0.5, 350.0];

    public static ControllerSettings Published { get; } = new()
    {
        Kind = ControllerKind.Nmpc,
        IntervalS = IntervalS,
        Horizon = 20,
        Inputs = [new("Tc", 280.0, 320.0, 10.0, Reference: 298.53), new("q", 80.0, 120.0, 10.0, Reference: 100.0)],
        Tracked = [new("Ca", 0.1, 1.0, 10.0, 0.4), new("T", 5.0, 1.0, 10.0, 355.77)],
        Disturbance = DisturbanceKind.None,
        SteadyTarget = false,
        SqpIterations = 60,
    };

    public static ControlInput Input(double timeS, double[] mean, double[] previous) => new() { TimeS = timeS, Mean = mean, PreviousMove = previous };
}
