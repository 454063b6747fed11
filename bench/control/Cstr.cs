using Athanor.Compute.Benchmarks;
using Athanor.Compute.Control;
using Athanor.Compute.Plants;

namespace Athanor.Bench.Control;

/// <summary>The published problem: the unstable stirred tank, N = 20, two inputs (bench/ode's baselines folder, peer07_mpc_*).</summary>
internal static class Cstr
{
    public const double IntervalS = 6.0;

    public static PlantModel Model { get; } = PlantModel.Of(ExothermicCstr.Problem, ["Tc", "q"], ["k0", "UA"], substepS: 1.5);

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
}
