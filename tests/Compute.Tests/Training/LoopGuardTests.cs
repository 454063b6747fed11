using Athanor.Compute.Training;

namespace Compute.Tests.Training;

public sealed class LoopGuardTests
{
    private static readonly LoopSettings Settings = Loops.Settings with
    {
        Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 4.0),
        Schedule = new ScheduleSettings(ScheduleKind.Constant),
        Batch = 50,
        Ranks = 1,
        CheckEvery = 10,
    };

    [Fact]
    public void A_loss_that_explodes_is_rolled_back_to_the_last_good_check_point_at_a_lower_rate_until_it_trains()
    {
        var task = new LeastSquares<double>(50);
        var loop = new TrainingLoop<double>(task, Settings with { Guard = new GuardSettings(Reduce: 0.25) }, "x").Run();
        var (points, rollbacks) = loop.Drain();
        Assert.Equal(LoopEnd.Steps, loop.End);
        Assert.NotEmpty(rollbacks);
        Assert.Contains(rollbacks, r => r.Cause == "explosion" && r.ToStep < r.Step && r.RateFactor <= 0.25);
        Assert.Equal(points.Select(p => p.Step).Order(), points.Select(p => p.Step));
        Assert.True(loop.BestLoss < 1e-6);
        Assert.Equal(4.0 * rollbacks[^1].RateFactor, points[^1].Rate);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_rolled_back_at_once_and_in_the_end_the_training_has_diverged_with_its_cause()
    {
        // No rate is low enough: the task breaks where its own optimum lies.
        var task = new LeastSquares<double>(50, breaksAbove: 1.5);
        var settings = Settings with
        {
            Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 0.1),
            Guard = new GuardSettings(MaxRollbacks: 3)
        };
        var loop = new TrainingLoop<double>(task, settings, "x").Run();
        var rollbacks = loop.Drain().Rollbacks;
        Assert.Equal((LoopEnd.Diverged, 4), (loop.End, rollbacks.Length));
        Assert.All(rollbacks, r => Assert.Equal("loss not finite", r.Cause));
        Assert.StartsWith("loss not finite at step ", loop.Cause);
        Assert.EndsWith("after 3 rollbacks", loop.Cause);
        // The state is the last good one, and a resumed training has as many rollbacks again.
        Assert.Equal(rollbacks[^1].ToStep, loop.Step);
        var resumed = new TrainingLoop<double>(task, settings, "x", resumes: 1);
        resumed.Restore(loop.Checkpoint());
        Assert.Equal(LoopEnd.None, resumed.End);
        resumed.Run();
        Assert.Equal((LoopEnd.Diverged, 4), (resumed.End, resumed.Drain().Rollbacks.Length));
    }

    [Fact]
    public void What_was_rolled_back_and_resumed_is_the_same_wherever_it_was_cut()
    {
        var task = new LeastSquares<double>(50);
        var settings = Settings with { Guard = new GuardSettings(Reduce: 0.5, Plateau: 3, MaxRollbacks: 8), EmaDecay = 0.5 };
        var whole = new TrainingLoop<double>(task, settings, "x").Run();
        Assert.NotEmpty(whole.Drain().Rollbacks);
        var cut = new TrainingLoop<double>(task, settings, "x");
        while (cut.Advance())
        {
            var kept = cut.Checkpoint();
            cut = new TrainingLoop<double>(task, settings, "x", resumes: 2);
            cut.Restore(kept);
        }
        Assert.Equal(whole.Checkpoint(), cut.Checkpoint());
    }

    [Fact]
    public void A_plateau_lowers_the_rate_and_never_ends_the_training()
    {
        // At a constant rate noise of small batches keeps the loss up.
        var settings = Settings with
        {
            Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 0.3),
            Batch = 5,
            Guard = new GuardSettings(Plateau: 4, MaxRollbacks: 3),
        };
        var loop = new TrainingLoop<double>(new LeastSquares<double>(50, noise: 0.5), settings, "x").Run();
        var rollbacks = loop.Drain().Rollbacks;
        Assert.Equal((LoopEnd.Steps, 3), (loop.End, rollbacks.Length));
        Assert.All(rollbacks, r => Assert.Equal("plateau", r.Cause));
        Assert.Equal(0.125, rollbacks[^1].RateFactor);
    }

    [Fact]
    public void The_watch_tells_explosion_oscillation_and_plateau_apart()
    {
        var guard = new GuardSettings(Explosion: 10.0, Plateau: 3, Oscillation: 4, Swing: 0.5);
        Assert.Equal("not finite", LossWatch.Empty.Problem(double.NaN, guard));
        Assert.Equal("not finite", LossWatch.Empty.Problem(double.PositiveInfinity, guard));
        Assert.Null(LossWatch.Empty.Problem(1e300, guard));
        var watch = LossWatch.Empty.With(1.0).With(3.0).With(1.0);
        Assert.Equal("oscillation", watch.Problem(3.0, guard));
        Assert.Null(watch.Problem(1.4, guard));
        Assert.Null(watch.Problem(0.2, guard));
        Assert.Equal("explosion", watch.Problem(10.5, guard));
        Assert.Null(watch.Problem(10.5, guard with { Explosion = 0.0, Oscillation = 0 }));
        Assert.False(watch.IsFlat(guard));
        Assert.True(watch.With(1.0).IsFlat(guard));
        Assert.False(watch.With(1.0).With(0.9).IsFlat(guard));
    }
}
