using Athanor.Compute.Control;

namespace Athanor.Compute.Tests.Control;

public class ShootingTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [Fact]
    public void The_published_problem_is_solved_to_six_digits_of_its_optimum()
    {
        var controller = Controller.Create(CstrProblem.Model, CstrProblem.Published);
        var memory = controller.Start();
        var move = controller.Move(ref memory, CstrProblem.Input(0.0, CstrProblem.Start, [298.53, 100.0]), Deadline.None);
        output.WriteLine(FormattableString.Invariant($"{move.Cost:R} {move.Status} {move.Iterations} {move.QpIterations} {move.KktResidual} {move.Move[0]} {move.Move[1]}"));
        Assert.Equal(ControlStatus.Converged, move.Status);
        Assert.Equal(CstrProblem.Optimum, move.Cost, 6e-7);
        // The plan is a trajectory of the model.
        for (var k = 0; k < 20; k++)
        {
            var next = new double[2];
            CstrProblem.Model.Advance(
                move.PredictedStates.AsSpan(2 * k, 2), move.PredictedInputs.AsSpan(2 * k, 2), CstrProblem.Model.NominalParameters,
                CstrProblem.IntervalS, next);
            Assert.Equal(next[0], move.PredictedStates[(2 * k) + 2], 1e-8);
            Assert.Equal(next[1], move.PredictedStates[(2 * k) + 3], 1e-6);
        }
    }
}
