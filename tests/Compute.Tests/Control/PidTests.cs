using Athanor.Compute.Control;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Control;

public class PidTests
{
    private static ControllerSettings Settings { get; } = new()
    {
        Kind = ControllerKind.Pid,
        IntervalS = 6.0,
        Inputs = [new("Tc", 270.0, 330.0, 10.0, RatePerS: 2.0)],
        Loops = [new("T", "Tc", Gain: 3.0, IntegralS: 120.0, DerivativeS: 3.0)],
    };

    [Fact]
    public void The_first_output_is_where_the_actuator_stands()
    {
        var controller = Controller.Create(CstrProblem.Model, Settings);
        var memory = controller.Start();
        var move = controller.Move(ref memory, Input(0.0, 352.0, 311.0, 355.77), Deadline.None);
        Assert.Equal(311.0, move.Move[0], 1e-9);
        Assert.Equal(100.0, move.Move[1]);
    }

    [Fact]
    public void The_unstable_tank_is_brought_to_its_set_point_and_held()
    {
        var controller = Controller.Create(CstrProblem.Model, Settings);
        var memory = controller.Start();
        double[] x = [0.4, 355.77], u = [298.53, 100.0], next = new double[2];
        for (var k = 0; k < 400; k++)
        {
            u = controller.Move(ref memory, Input(6.0 * k, x[1], u[0], 354.5) with { Mean = [.. x] }, Deadline.None).Move;
            CstrProblem.Model.Advance(x, u, CstrProblem.Model.NominalParameters, 6.0, next);
            next.CopyTo(x, 0);
        }
        Assert.Equal(354.5, x[1], 1e-3);
    }

    [Fact]
    public void After_a_long_saturation_the_integral_does_not_hold_the_output_at_its_bound()
    {
        // 200 samples beyond reach: the measured temperature does not answer.
        var controller = Controller.Create(CstrProblem.Model, Settings);
        var memory = controller.Start();
        var u = 300.0;
        for (var k = 0; k < 200; k++) u = controller.Move(ref memory, Input(6.0 * k, 340.0, u, 355.77), Deadline.None).Move[0];
        Assert.Equal(330.0, u);
        // Above the set-point now: a wound-up integral would take as long to come back.
        var left = 0;
        for (var k = 200; k < 230 && u > 329.0; k++, left++) u = controller.Move(ref memory, Input(6.0 * k, 358.0, u, 355.77), Deadline.None).Move[0];
        Assert.True(left <= 2, $"the output stayed at its bound for {left} samples");
    }

    [Fact]
    public void A_signal_that_is_no_number_holds_the_last_move_and_is_named()
    {
        var controller = Controller.Create(CstrProblem.Model, Settings);
        var memory = controller.Start();
        var before = memory;
        var move = controller.Move(ref memory, Input(0.0, double.NaN, 311.0, 355.77), Deadline.None);
        Assert.Equal(311.0, move.Move[0]);
        Assert.Equal(ControlStatus.Fallback, move.Status);
        Assert.Contains("estimate of T", move.Message, StringComparison.Ordinal);
        Assert.Equal(before, memory);
    }

    private static ControlInput Input(double timeS, double temperature, double coolant, double setPoint) => new()
    {
        TimeS = timeS,
        Mean = [0.4, temperature],
        PreviousMove = [coolant, 100.0],
        SetPoints = [setPoint],
    };
}
