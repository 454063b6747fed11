using Athanor.Compute.Training;

namespace Compute.Tests.Training;

public sealed class OptimiserTests
{
    /// <summary>Three steps on (p0² + 4 p1²) / 2 from (1, -2), by PyTorch's formulas in Python: rate 0.1, weight decay 0.1, momentum
    /// 0.9.</summary>
    [Theory]
    [InlineData(OptimiserKind.Sgd, 0.439649, 1.124282)]
    [InlineData(OptimiserKind.Adam, 0.7015862742210723, -1.7006233916543037)]
    [InlineData(OptimiserKind.AdamW, 0.6751012231892007, -1.6443686831798794)]
    public void Three_steps_are_those_of_the_formulas(OptimiserKind kind, double first, double second)
    {
        var settings = new OptimiserSettings(kind, 0.1, Momentum: 0.9, WeightDecay: 0.1);
        double[] p = [1.0, -2.0], m = new double[2], v = new double[Optimiser.Moments(settings) > 1 ? 2 : 0];
        for (var step = 1; step <= 3; step++) Optimiser.Step(settings, 0.1, step, p, [p[0], 4.0 * p[1]], m, v);
        Assert.Equal(first, p[0], 1e-14);
        Assert.Equal(second, p[1], 1e-14);
    }

    [Fact]
    public void Vectors_and_their_rest_give_the_same_bits()
    {
        var settings = new OptimiserSettings(OptimiserKind.Adam, 0.01, WeightDecay: 0.02);
        for (var length = 1; length < 40; length += 7)
        {
            float[] p = Numbers(length, 1), m = new float[length], v = new float[length];
            float[] alone = Numbers(length, 1), am = new float[length], av = new float[length];
            for (var step = 1; step <= 5; step++)
            {
                var g = Numbers(length, step + 10);
                Optimiser.Step<float>(settings, 0.01, step, p, g, m, v);
                for (var i = 0; i < length; i++)
                    Optimiser.Step(settings, 0.01, step, alone.AsSpan(i, 1), g.AsSpan(i, 1), am.AsSpan(i, 1), av.AsSpan(i, 1));
            }
            Assert.Equal(alone, p);
        }

        static float[] Numbers(int length, int seed) =>
            [.. Enumerable.Range(0, length).Select(i => (float)(((i + seed) * 7919 % 1000 - 500) / 300.0))];
    }

    [Fact]
    public void The_rate_warms_up_and_falls_as_its_schedule_says()
    {
        var cosine = Loops.Settings with { Schedule = new ScheduleSettings(ScheduleKind.Cosine, WarmUp: 100, FinalRate: 0.01) };
        Assert.Equal(0.0005, LearningRates.At(cosine, 0), 1e-15);
        Assert.Equal(0.05, LearningRates.At(cosine, 99), 1e-15);
        Assert.Equal(0.05, LearningRates.At(cosine, 100), 1e-15);
        Assert.Equal(0.03, LearningRates.At(cosine, 350), 1e-15);
        Assert.Equal(0.01, LearningRates.At(cosine, 600), 1e-15);
        var steps = Loops.Settings with { Schedule = new ScheduleSettings(ScheduleKind.Step, Every: 100, Factor: 0.5) };
        Assert.Equal([0.05, 0.05, 0.025, 0.0125], new[] { 0L, 99, 100, 299 }.Select(step => LearningRates.At(steps, step)));
        var constant = Loops.Settings with { Schedule = new ScheduleSettings(ScheduleKind.Constant) };
        Assert.Equal(0.05, LearningRates.At(constant, 599));
    }

    [Fact]
    public void A_gradient_longer_than_allowed_is_cut_to_the_norm()
    {
        var settings = Loops.Settings with
        {
            Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 1.0),
            Schedule = new ScheduleSettings(ScheduleKind.Constant),
            ClipNorm = 1e-3,
            CheckEvery = 1,
        };
        var loop = new TrainingLoop<double>(new LeastSquares<double>(50), settings, "x");
        var before = loop.Parameters.ToArray();
        loop.Advance();
        var moved = Math.Sqrt(before.Zip(loop.Parameters.ToArray(), (a, b) => (a - b) * (a - b)).Sum());
        Assert.Equal(1e-3, moved, 1e-15);
        Assert.True(loop.Drain().Points[0].GradientNorm > 0.1);
    }
}
