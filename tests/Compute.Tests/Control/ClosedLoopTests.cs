using Athanor.Compute.Control;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Control;

/// <summary>Ten thousand samples with a wrong model; `bench/control loop` runs the same beside Ipopt.</summary>
public class ClosedLoopTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [Fact]
    public void A_wrong_model_breaks_no_hard_bound_leaves_no_offset_and_costs_what_the_converged_optimum_costs()
    {
        var real = LoopTrial.Run(Controlled(LoopTrial.Settings, static _ => Deadline.None));
        var converged = LoopTrial.Run(Controlled(LoopTrial.Settings with { SqpIterations = 40 }, static _ => Deadline.None), plants: 10);
        output.WriteLine($"real-time iteration: {real}");
        output.WriteLine($"converged:           {converged}");
        Held(real);
        Assert.True(real.Cost <= 1.02 * converged.Cost, $"{real.Cost} against {converged.Cost}");
    }

    [Fact]
    public void Time_outs_at_random_samples_keep_all_of_this()
    {
        var random = new Philox(77);
        var free = LoopTrial.Run(Controlled(LoopTrial.Settings, static _ => Deadline.None));
        // One sample in five has no time at all, or for one to three interior-point iterations.
        var cut = LoopTrial.Run(Controlled(LoopTrial.Settings, _ =>
        {
            var draw = random.NextDouble();
            return draw < 0.2 ? Deadline.AfterPieces((int)(draw * 20.0)) : Deadline.None;
        }));
        output.WriteLine($"with time-outs: {cut}");
        Held(cut);
        Assert.True(cut.Cost <= 1.02 * free.Cost, $"{cut.Cost} against {free.Cost}");
    }

    private static void Held(LoopTrial trial)
    {
        Assert.Equal(10_000, trial.Steps);
        Assert.Equal(0, trial.BoundViolations);
        Assert.Equal(0, trial.RateViolations);
        Assert.True(trial.BlocksCounted >= 25, $"only {trial.BlocksCounted} blocks count");
        Assert.True(trial.WorstOffset < 1e-3, $"{trial.WorstOffset}");
    }

    internal static LoopTrial.Mover Controlled(ControllerSettings settings, Func<int, IDeadline> deadline)
    {
        var controller = Controller.Create(CstrProblem.Model, settings);
        var memory = controller.Start();
        return (input, step) =>
        {
            if (step % LoopTrial.StepsEach == 0) memory = controller.Start();
            return controller.Move(ref memory, input, deadline(step)).Move;
        };
    }
}
