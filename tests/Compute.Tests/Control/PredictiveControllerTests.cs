using Athanor.Compute.Control;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Control;

public class PredictiveControllerTests
{
    private static readonly double[] Rest = [298.53, 100.0];

    [Fact]
    public void Hard_bounds_and_rates_hold_whatever_state_deadline_and_limits_come()
    {
        var random = new Philox(9);
        var controller = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var memory = controller.Start();
        double[] u = [.. Rest];
        for (var k = 0; k < 400; k++)
        {
            // States from sensible to absurd, deadlines from none to at once, an operator's limits now and then.
            double[] x = [random.NextDouble(0.0, 1.2), random.NextDouble(280.0, 480.0)];
            var input = CstrProblem.Input(6.0 * k, x, u) with { SetPoints = [0.4, 355.77] };
            var (low, high) = (250.0, 340.0);
            if (random.NextDouble() < 0.3)
            {
                (low, high) = (random.NextDouble(260.0, 290.0), random.NextDouble(300.0, 330.0));
                input = input with { OperatorMinimum = [low, double.NaN], OperatorMaximum = [high, double.NaN] };
            }
            var deadline = random.NextDouble() < 0.5 ? Deadline.AfterPieces((int)(20.0 * random.NextDouble())) : Deadline.None;
            var move = controller.Move(ref memory, input, deadline);
            Assert.True(Math.Abs(move.Move[0] - u[0]) <= 12.0 && Math.Abs(move.Move[1] - u[1]) <= 18.0);
            Assert.True(move.Move[1] is >= 60.0 and <= 150.0);
            // An operator's limit is reached at the rate, and said until it is.
            Assert.True((move.Move[0] >= low && move.Move[0] <= high) || move.Violated.Any(static v => v.StartsWith("Tc", StringComparison.Ordinal)));
            u = move.Move;
        }
    }

    [Fact]
    public void An_infeasible_state_bound_is_broken_as_little_as_possible_and_named()
    {
        var settings = LoopTrial.Settings with { Bounds = [new("T", 5.0, Maximum: 340.0)] };
        var controller = Controller.Create(CstrProblem.Model, settings);
        var memory = controller.Start();
        var move = controller.Move(ref memory, CstrProblem.Input(0.0, [0.4, 356.0], Rest), Deadline.None);
        Assert.NotEqual(ControlStatus.Fallback, move.Status);
        Assert.Contains("T", move.Violated);
        // Cooled as fast as the rate allows.
        Assert.Equal(298.53 - 12.0, move.Move[0], 1e-3);
    }

    [Fact]
    public void Equal_memory_and_input_give_equal_bits_whoever_was_served_before()
    {
        var controller = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var fresh = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        double[] memory = controller.Start(), other = controller.Start();
        double[] x = [0.45, 351.0], u = [.. Rest];
        for (var k = 0; k < 6; k++)
        {
            var again = (double[])memory.Clone();
            var input = CstrProblem.Input(6.0 * k, x, u);
            var move = controller.Move(ref memory, input, Deadline.None);
            // Another twin, far off, in between.
            controller.Move(ref other, CstrProblem.Input(6.0 * k, [0.2, 390.0], u), Deadline.None);
            var repeated = controller.Move(ref again, input, Deadline.None);
            Assert.Equal(move.Move, repeated.Move);
            Assert.Equal(memory, again);
            if (k == 0)
            {
                var alone = fresh.Start();
                Assert.Equal(move.Move, fresh.Move(ref alone, input, Deadline.None).Move);
                Assert.Equal(memory, alone);
            }
            x[1] += 0.7;
            u = move.Move;
        }
    }

    [Fact]
    public void Without_any_time_nothing_of_another_twin_shows()
    {
        var used = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var fresh = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var other = used.Start();
        used.Move(ref other, CstrProblem.Input(0.0, [0.2, 390.0], Rest), Deadline.None);
        double[] memory = used.Start(), alone = fresh.Start();
        var input = CstrProblem.Input(0.0, [0.4, 356.0], Rest);
        var move = used.Move(ref memory, input, Deadline.AfterPieces(0));
        var expected = fresh.Move(ref alone, input, Deadline.AfterPieces(0));
        Assert.Equal(ControlStatus.Fallback, move.Status);
        Assert.Equal(Rest, move.Move);
        Assert.Equal(alone, memory);
        Assert.Equal(expected.PredictedStates, move.PredictedStates);
        Assert.Equal(expected.KktResidual, move.KktResidual);
        Assert.Empty(used.Move(ref memory, input with { Mean = [double.NaN, 1.0] }, Deadline.None).PredictedStates);
    }

    [Fact]
    public void Taking_over_from_a_hand_moves_the_actuator_no_further_than_its_rate()
    {
        var controller = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var memory = controller.Start();
        double[] x = [0.4, 355.77];
        // In shadow for a while; the hand holds other values than the controller would.
        for (var k = 0; k < 5; k++) controller.Move(ref memory, CstrProblem.Input(6.0 * k, x, [305.0, 90.0]), Deadline.None);
        var move = controller.Move(ref memory, CstrProblem.Input(30.0, x, [305.0, 90.0]), Deadline.None);
        Assert.True(Math.Abs(move.Move[0] - 305.0) <= 12.0 && Math.Abs(move.Move[1] - 90.0) <= 18.0);
        Assert.Equal(ControlStatus.Converged, move.Status);
    }

    [Fact]
    public void A_state_that_is_no_number_holds_the_move_names_the_state_and_spoils_nothing()
    {
        var controller = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var memory = controller.Start();
        controller.Move(ref memory, CstrProblem.Input(0.0, [0.4, 355.0], Rest), Deadline.None);
        var before = (double[])memory.Clone();
        var move = controller.Move(ref memory, CstrProblem.Input(6.0, [0.4, double.NaN], Rest), Deadline.None);
        Assert.Equal(ControlStatus.Fallback, move.Status);
        Assert.Equal(Rest, move.Move);
        Assert.Contains("estimate of T", move.Message, StringComparison.Ordinal);
        Assert.Equal(before, memory);
        Assert.Equal(ControlStatus.Converged, controller.Move(ref memory, CstrProblem.Input(12.0, [0.4, 355.2], Rest), Deadline.None).Status);
    }

    [Fact]
    public void The_observer_takes_away_the_offset_that_a_wrong_model_leaves()
    {
        double Offset(DisturbanceKind kind)
        {
            var settings = LoopTrial.Settings with { Disturbance = kind, Bounds = [] };
            var controller = Controller.Create(CstrProblem.Model, settings);
            var memory = controller.Start();
            double[] x = [0.4, 355.77], u = [.. Rest], next = new double[2];
            for (var k = 0; k < 300; k++)
            {
                u = controller.Move(ref memory, CstrProblem.Input(6.0 * k, [.. x], u) with { SetPoints = [0.4, 355.77] }, Deadline.None).Move;
                // 5 % more frequency factor, 5 % less heat transfer than the model's.
                CstrProblem.Model.Advance(x, u, [7.2e10 * 1.05, 5e4 * 0.95], 6.0, next);
                next.CopyTo(x, 0);
            }
            return Math.Abs(x[1] - 355.77);
        }

        Assert.True(Offset(DisturbanceKind.None) > 0.1);
        Assert.True(Offset(DisturbanceKind.Observer) < 1e-6);
    }
}
