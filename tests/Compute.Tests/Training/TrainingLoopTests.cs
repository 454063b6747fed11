using System.Collections.Immutable;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;
using Xunit.Abstractions;

namespace Compute.Tests.Training;

public sealed class TrainingLoopTests(ITestOutputHelper output)
{
    private static readonly LoopSettings Settings = Loops.Settings;

    [Fact]
    public void Training_finds_the_parabola_that_its_samples_lie_on()
    {
        var loop = New(Settings).Run();
        Assert.Equal((600, LoopEnd.Steps), (loop.Step, loop.End));
        for (var i = 0; i < 3; i++) Assert.Equal(LeastSquares<double>.Truth[i], loop.Weights[i], 1e-3);
        var (points, rollbacks) = loop.Drain();
        Assert.Equal(Enumerable.Range(1, 30).Select(k => 20L * k), points.Select(p => p.Step));
        Assert.Empty(rollbacks);
        Assert.True(points[^1].Loss < 1e-3 * points[0].Loss);
        Assert.True(points[^1].Validation["loss"] < 1e-4);
    }

    [Fact]
    public void Wherever_it_is_cut_and_resumed_the_state_after_each_check_point_has_the_same_bits()
    {
        var settings = Settings with { EmaDecay = 0.9, ClipNorm = 0.5, MicroBatch = 2, Curriculum = [Stage(60, 40), Stage(200, 64)] };
        var unbroken = new List<byte[]>();
        for (var loop = New(settings); loop.Advance();) unbroken.Add(loop.Checkpoint());
        var whole = New(settings).Run().Checkpoint();
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var random = new Philox(seed);
            var loop = New(settings);
            while (loop.Advance())
            {
                Assert.True(unbroken[(int)(loop.Step / 20) - 1].AsSpan().SequenceEqual(loop.Checkpoint()),
                    $"seed {seed}, step {loop.Step}");
                if (random.NextBelow(4) != 0) continue;
                var kept = loop.Checkpoint();
                loop = New(settings);
                loop.Restore(kept);
            }
            Assert.True(whole.AsSpan().SequenceEqual(loop.Checkpoint()), $"seed {seed}");
        }
        output.WriteLine("seeds 1 to 40, cut at a quarter of the check-points");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Threads_change_no_bit(int threads)
    {
        Assert.Equal(New(Settings).Run().Checkpoint(), New(Settings, threads).Run().Checkpoint());
        var single = New<float>(Settings).Run().Checkpoint();
        Assert.Equal(single, New<float>(Settings, threads).Run().Checkpoint());
    }

    [Fact]
    public void Micro_batches_and_ranks_change_the_sums_order_and_nothing_else()
    {
        var one = New(Settings with { Ranks = 1 }).Run();
        foreach (var (ranks, micro) in new[] { (16, 1), (3, 2), (1, 5) })
        {
            var other = New(Settings with { Ranks = ranks, MicroBatch = micro }).Run();
            for (var i = 0; i < 3; i++) Assert.Equal(one.Weights[i], other.Weights[i], 1e-9);
        }
    }

    [Fact]
    public void Each_pass_sees_every_sample_once_in_an_order_of_its_own()
    {
        var draw = new BatchDraw(3);
        var seen = new int[40];
        Span<int> batch = stackalloc int[8];
        var orders = new List<int[]>();
        for (var step = 0; step < 10; step++)
        {
            draw.Fill(0, step, 40, batch);
            foreach (var i in batch) seen[i]++;
            orders.Add(batch.ToArray());
            if (step % 5 == 4) Assert.All(seen, count => Assert.Equal(step / 5 + 1, count));
        }
        Assert.NotEqual(orders[0], orders[5]);
        // The cursor alone says what comes: nothing before it need be drawn.
        new BatchDraw(3).Fill(0, 7, 40, batch);
        Assert.Equal(orders[7], batch.ToArray());
        new BatchDraw(3).Fill(1, 7, 40, batch);
        Assert.NotEqual(orders[7], batch.ToArray());
    }

    [Fact]
    public void It_stops_when_the_validation_loss_no_longer_improves_and_keeps_the_best_weights()
    {
        // Noisy samples: the true parabola is passed on the way to the samples' own.
        var task = new LeastSquares<double>(12, noise: 1.0);
        var settings = Settings with { Batch = 12, Ranks = 1, Stop = new StopSettings(20_000, Patience: 10, LeastImprovement: 1e-3) };
        var loop = new TrainingLoop<double>(task, settings, "x").Run();
        Assert.Equal(LoopEnd.Patience, loop.End);
        Assert.Equal(loop.BestStep + 200, loop.Step);
        Assert.Equal(loop.BestLoss, task.Validate(loop.Weights, new object())["loss"]);
        Assert.Equal(loop.BestLoss, loop.BestFigures["loss"]);
        Assert.False(loop.Parameters.SequenceEqual(loop.Weights));
        var target = New(Settings with { Stop = new StopSettings(20_000, Target: 0.01) }).Run();
        Assert.Equal(LoopEnd.Target, target.End);
        Assert.InRange(target.BestLoss, 0.0, 0.01);
    }

    [Fact]
    public void A_curriculum_changes_the_tasks_settings_at_its_steps()
    {
        var loop = New(Settings with { Curriculum = [Stage(40, 16), Stage(80, 9000)] });
        Assert.True(loop.Advance());
        Assert.True(loop.Advance());
        Assert.True(loop.Advance());
        var small = Settings with { Curriculum = [Stage(40, 4)] };
        var error = Assert.Throws<TrainingException>(() => New(small).Run());
        Assert.Contains("4 training samples, fewer than a batch of 16; a batch of at most 4", error.Message);
        Assert.Contains("stage of the curriculum begins at step 50", (Settings with { Curriculum = [Stage(50, 4)] }).Check());
    }

    [Fact]
    public void A_data_set_shorter_than_a_batch_is_refused()
    {
        var error = Assert.Throws<TrainingException>(() => new TrainingLoop<double>(new LeastSquares<double>(9), Settings, "x"));
        Assert.Equal("there are 9 training samples, fewer than a batch of 16; a batch of at most 9 (or more data) would be right",
            error.Message);
    }

    public static TheoryData<string, Func<LoopSettings, LoopSettings>> Bad => new()
    {
        { "learning rate is NaN", s => s with { Optimiser = s.Optimiser with { LearningRate = double.NaN } } },
        { "momentum is 1", s => s with { Optimiser = s.Optimiser with { Momentum = 1.0 } } },
        { "weight decay is -1", s => s with { Optimiser = s.Optimiser with { WeightDecay = -1.0 } } },
        { "17 logical ranks cannot share a batch of 16", s => s with { Ranks = 17 } },
        { "the batch is -1", s => s with { Batch = -1 } },
        { "check-points is 0", s => s with { CheckEvery = 0 } },
        { "number of steps is 0", s => s with { Stop = new StopSettings(0) } },
        { "final learning rate is 1", s => s with { Schedule = new ScheduleSettings(FinalRate: 1.0) } },
        { "between falls of the rate is 0", s => s with { Schedule = new ScheduleSettings(ScheduleKind.Step) } },
        { "explosion is 0.5", s => s with { Guard = new GuardSettings(Explosion: 0.5) } },
        { "oscillation is 2", s => s with { Guard = new GuardSettings(Oscillation: 2) } },
        { "reduction of the rate is 1", s => s with { Guard = new GuardSettings(Reduce: 1.0) } },
        { "average's decay is 1", s => s with { EmaDecay = 1.0 } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Wrong_settings_are_refused_with_what_would_be_right(string says, Func<LoopSettings, LoopSettings> change)
    {
        Assert.Null(Settings.Check());
        Assert.Contains(says, Assert.Throws<TrainingException>(() => New(change(Settings))).Message);
    }

    private static CurriculumStage Stage(long step, int samples) =>
        new(step, ImmutableSortedDictionary<string, double>.Empty.Add("samples", samples));

    private static TrainingLoop<double> New(LoopSettings settings, int threads = 1) => New<double>(settings, threads);

    private static TrainingLoop<T> New<T>(LoopSettings settings, int threads = 1)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> => new(new LeastSquares<T>(50), settings, "spec", threads);
}
